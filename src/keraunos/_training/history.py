"""The record that `fit` returns: see `callbacks.history`, where the public name lives."""

from keraunos.callbacks.history import History

__all__ = ["History"]
