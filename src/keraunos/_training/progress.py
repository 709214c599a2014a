"""The bar of `fit`, `evaluate`, `predict`: `utils.progress`, where downloads find it too."""

from keraunos.utils.progress import Progbar, bar, number

__all__ = ["Progbar", "bar", "number"]
