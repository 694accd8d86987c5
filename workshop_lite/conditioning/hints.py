"""Pictures that say where things go, made from pictures: edges, and where the colours are.

SciPy and scikit-image are imported where they are used: loading a model should not wait for them.
"""

import numpy as np
from jaxtyping import ArrayLike, Float

from workshop_lite import checks

Images = Float[ArrayLike, "n h w 3"]
NEAR = np.ones((3, 3), bool)  # within one pixel


def edges(images: Images) -> Float[np.ndarray, "n h w 1"]:
    """1 on the edges of images in [-1, 1] and 0 elsewhere; Canny (1986)."""
    from skimage.color import rgb2gray
    from skimage.feature import canny

    grey = rgb2gray(_shown(images))
    return np.stack([canny(one, sigma=1.0) for one in grey])[..., None].astype(np.float32)


def layout(images: Images, cell: int = 8) -> Float[np.ndarray, "n h w 3"]:
    """The mean colour of every ``cell`` x ``cell`` pixels, in [0, 1], at the images' size."""
    checks.whole("cell", cell)
    x = _shown(images)
    n, h, w, c = x.shape
    if h % cell or w % cell:
        raise ValueError(f"cell must divide height and width, got {cell} for {h} x {w}")
    means = x.reshape(n, h // cell, cell, w // cell, cell, c).mean(axis=(2, 4))
    return means.repeat(cell, axis=1).repeat(cell, axis=2).astype(np.float32)


def edge_f1(images: Images, hint: Float[ArrayLike, "n h w 1"]) -> Float[np.ndarray, " n"]:
    """How well the edges of each image are those of its hint, within one pixel: from 0 to 1.

    F1, the harmonic mean of the share of the image's edges that are near one of the hint and
    the share of the hint's that are near one of the image.
    """
    from scipy.ndimage import binary_dilation

    drawn, wanted = edges(images)[..., 0] > 0, np.asarray(checks.images("hint", hint))[..., 0] > 0.5
    if drawn.shape != wanted.shape:
        raise ValueError(f"hint must have shape {(*drawn.shape, 1)}, got {checks.kind(hint)}")
    near = [binary_dilation(side, NEAR[None]) for side in (wanted, drawn)]
    shares = [
        (side & close).sum((1, 2)) / np.maximum(side.sum((1, 2)), 1)
        for side, close in zip((drawn, wanted), near, strict=True)
    ]
    return 2 * shares[0] * shares[1] / np.maximum(shares[0] + shares[1], 1e-9)


def _shown(images: Images) -> Float[np.ndarray, "n h w 3"]:
    """Images in [-1, 1] as a screen shows them, in [0, 1]."""
    x = np.asarray(checks.images("images", images))
    if x.shape[3] != 3:
        raise ValueError(f"images must have 3 channels, got {checks.kind(images)}")
    return np.clip(x, -1, 1) / 2 + 0.5
