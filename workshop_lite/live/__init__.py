"""Demos that run where they are read: in the page of the built book, in JupyterLab, on Colab.

One function a demo. What it returns shows itself as the last line of a cell. The code that runs is
JavaScript, ``book/live`` in the repository; here are its title and what its picture shows.
"""

from workshop_lite.live.demo import Demo

__all__ = ["Demo", "guidance"]


def guidance() -> Demo:
    """Guidance of ``fashion-cfg``: class, scale, interval, steps, sampler, seed."""
    return Demo("guidance", "guidance", "Pictures of one class of clothing.")
