"""`keraunos.preprocessing.sequence`: Keras's older name for `keraunos.utils.pad_sequences`."""

from keraunos.utils import pad_sequences

__all__ = ["pad_sequences"]
