"""What all modules of the package have in common."""

from inspect import Signature, signature

from flax import nnx


class Module(nnx.Module):
    """An ``nnx.Module`` whose signature is that of its constructor.

    The metaclass of flax takes ``*args, **kwargs``, and help, editors and documentation show what
    a class says of itself, or else what its metaclass takes.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        _, *arguments = signature(cls.__init__).parameters.values()
        cls.__signature__ = Signature(arguments)
