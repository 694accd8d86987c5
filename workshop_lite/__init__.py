"""Diffusion models in JAX and Flax NNX, small enough to read in an afternoon."""

__version__ = "0.1.0"
