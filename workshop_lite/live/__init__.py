"""Demos that run where they are read: in the page of the built book, in JupyterLab, on Colab.

One function a demo. What it returns shows itself as the last line of a cell. The code that runs is
JavaScript, ``book/live`` in the repository; here are its title and what its picture shows.
"""

from workshop_lite.live.demo import Demo

__all__ = ["Demo", "ask", "draw", "guidance", "guided_mixtures", "latents", "mixtures"]
__all__ += ["schedules", "words"]


def ask() -> Demo:
    """Two pictures of the class and at the scale that the reader asks ``fashion-cfg`` for."""
    return Demo(
        "ask",
        "Ask for a sneaker",
        "Two sneakers of a few grey pixels, each drawn from noise of its own.",
    )


def guidance() -> Demo:
    """Guidance of ``fashion-cfg``: class, scale, interval, steps, sampler, noise, what to leave."""
    return Demo(
        "guidance",
        "Guidance, live",
        "Two dresses, and twenty small pictures of each on its way, from a dark blur to the dress.",
    )


def mixtures() -> Demo:
    """A Gaussian mixture to move by hand, its exact denoiser, and the paths of a sampler."""
    return Demo(
        "mixtures",
        "A denoiser that is exact",
        "A plane with six shaded heaps in a ring; arrows, and points on curved paths, lead there.",
    )


def guided_mixtures() -> Demo:
    """Two classes in the plane: what guidance samples, beside what it is said to sample."""
    return Demo(
        "guided_mixtures",
        "What guidance samples, exactly",
        "A plane with three spots of one class, and three of another beside them; arrows push the"
        " points away from the other class, beyond the spots of their own.",
    )


def schedules() -> Demo:
    """A schedule to bend by its log-SNR, and what follows from it."""
    return Demo(
        "schedules",
        "Bend a schedule",
        "A curve of log-SNR that falls over time, with five handles, near the dashed cosine.",
    )


def words() -> Demo:
    """Emoji for a prompt of the reader's, away from another, and which cells look at each word."""
    return Demo(
        "words",
        "Ask in words",
        "A picture of a cat face, and below it the words of its prompt, each with its share of"
        " all looking.",
        "painters",
    )


def draw() -> Demo:
    """Edges that the reader draws, and what the control branch makes the network paint there."""
    return Demo(
        "draw",
        "Draw its edges",
        "A picture of a house, and beside it the edges that are found in it, black on white.",
        "painters",
    )


def latents() -> Demo:
    """Latents on their way, decoded with any omega, mixed, edited, or robbed of their noise."""
    return Demo(
        "latents",
        "Latents, live",
        "Three pictures of a cat face: those of two seeds, and one between them.",
        "painters",
    )
