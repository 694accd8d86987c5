"""What a condition becomes inside a network: one vector, and where it has parts, tokens."""

from typing import NamedTuple

from jaxtyping import Array, Bool, Float


class Context(NamedTuple):
    """All that a network is told besides xt: a vector for FiLM, tokens for cross-attention.

    ``mask`` is False for the tokens that only fill a row up.
    """

    vector: Float[Array, "b d"]
    tokens: Float[Array, "b n e"] | None = None
    mask: Bool[Array, "b n"] | None = None
