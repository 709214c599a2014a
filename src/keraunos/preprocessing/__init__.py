"""What Keras keeps in `keras.preprocessing`."""

from keraunos.preprocessing import sequence

__all__ = ["sequence"]
