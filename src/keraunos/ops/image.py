"""Images: (batch, height, width, channels) or (height, width, channels), or channels first."""

from __future__ import annotations

from keraunos._core.op import public_names

__all__ = public_names(globals())  # pyright: ignore[reportUnsupportedDunderAll]
