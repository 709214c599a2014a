"""What Keras keeps in `keras.preprocessing`."""

from keraunos import errors as _errors
from keraunos.preprocessing import image, sequence

__all__ = ["image", "sequence"]

__getattr__ = _errors.missing(__name__, globals())
