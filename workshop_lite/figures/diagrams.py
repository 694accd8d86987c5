"""Drawings of how the parts fit together: SVG whose text is text, in the colours of the page."""

from pathlib import Path

FOLDER = Path(__file__).parent / "svg"


class Diagram:
    """A drawing that a notebook shows inline, so that it follows a page's light or dark."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"<diagram {self.name}>"

    def _repr_html_(self) -> str:
        style, svg = (
            (FOLDER / name).read_text(encoding="utf8")
            for name in ("diagram.css", f"{self.name}.svg")
        )
        return f"<style>\n{style}</style>\n{svg}"


def five_parts() -> Diagram:
    """Schedule, prediction, denoiser, guidance, sampler: what each takes and gives."""
    return Diagram("five_parts")


def guidance() -> Diagram:
    """The pair of passes of classifier-free guidance, and their combination."""
    return Diagram("guidance")


def unet() -> Diagram:
    """The U-Net: levels, skips, and where pixels look at each other and at words."""
    return Diagram("unet")


def control() -> Diagram:
    """A frozen base, a branch that sees a hint, and the zero links between them."""
    return Diagram("control")


def latent() -> Diagram:
    """The two stages of latent diffusion: an autoencoder, and a denoiser between its halves."""
    return Diagram("latent")
