"""`keras.src.saving.saving_lib`: packages pickle models with it, into files in memory."""

from __future__ import annotations

from typing import Any

from keraunos import saving
from keraunos.saving import archive


def save_model(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> None:
    """Write a whole model to a path, or to an open file.

    Example:
        >>> import io, keraunos as keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> file = io.BytesIO()
        >>> save_model(model, file)
        >>> load_model(io.BytesIO(file.getvalue())).output_shape
        (None, 2)
    """
    if hasattr(filepath, "write"):
        filepath.write(archive.to_bytes(model))
    else:
        saving.save_model(model, filepath, *args, **kwargs)


def load_model(
    filepath: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a whole model from a path, or from an open file."""
    if hasattr(filepath, "read"):
        return archive.from_bytes(filepath.read(), custom_objects, compile, safe_mode)
    return saving.load_model(filepath, custom_objects, compile, safe_mode)
