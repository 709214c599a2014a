"""What Keras keeps in `keras.preprocessing`."""

from keraunos import errors as _errors
from keraunos.preprocessing import image, sequence, text

__all__ = ["image", "sequence", "text"]

__getattr__ = _errors.missing(__name__, globals())
