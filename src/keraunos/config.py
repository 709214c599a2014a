"""Process-wide settings: float type, epsilon, image layout, dtype policy, the Keras home."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from keraunos import errors

_FLOATS = ("bfloat16", "float16", "float32", "float64")
_LAYOUTS = ("channels_last", "channels_first")


def keras_home() -> pathlib.Path:
    """Return the folder of data sets, weights and settings: `$KERAS_HOME`, else `~/.keras`.

    Example:
        >>> keras_home().name != ""
        True
    """
    return pathlib.Path(os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras")


class DTypePolicy:
    """Which dtype a layer computes in and which its variables are kept in.

    Args:
        name: a float dtype, or `"mixed_bfloat16"` / `"mixed_float16"`: computes in
            the half type and keeps variables in float32.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None) -> None:
        name = name or floatx()
        self._name = name
        half = name.removeprefix("mixed_")
        if name.startswith("mixed_") and half in ("float16", "bfloat16"):
            self._compute, self._variable = half, "float32"
        else:
            # Imported here: the settings must be readable without loading JAX's dtypes.
            from keraunos._core.dtypes import standardize_dtype

            self._compute = self._variable = self._name = standardize_dtype(name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def compute_dtype(self) -> str:
        return self._compute

    @property
    def variable_dtype(self) -> str:
        return self._variable

    @property
    def quantization_mode(self) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


_settings: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "policy": None,
    "traceback_filtering": True,
}


def floatx() -> str:
    """Return the default float dtype, `"float32"` unless set.

    Example:
        >>> floatx()
        'float32'
    """
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float dtype; `"float64"` turns on JAX's 64-bit mode.

    Raises:
        ValueError: the name is not a float dtype.

    Example:
        >>> set_floatx("float32")
    """
    _settings["floatx"] = _one_of("set_floatx", value, _FLOATS)
    if value == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)


def epsilon() -> float:
    """Return the small number that keeps divisions and logarithms finite (1e-7).

    Example:
        >>> epsilon()
        1e-07
    """
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Set the number that `epsilon()` returns.

    Example:
        >>> set_epsilon(1e-7)
    """
    _settings["epsilon"] = float(value)


def image_data_format() -> str:
    """Return the layout of images: `"channels_last"` (batch, height, width, channels) or first.

    Example:
        >>> image_data_format()
        'channels_last'
    """
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Set the layout that layers take when none is given.

    Raises:
        ValueError: the name is neither `"channels_last"` nor `"channels_first"`.

    Example:
        >>> set_image_data_format("channels_last")
    """
    _settings["image_data_format"] = _one_of("set_image_data_format", data_format, _LAYOUTS)


def standardize_data_format(data_format: str | None) -> str:
    """Return a checked layout; `None` means the global one."""
    if data_format is None:
        return image_data_format()
    return _one_of("data_format", str(data_format).lower(), _LAYOUTS)


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are made without a `dtype`.

    Example:
        >>> dtype_policy().name
        'float32'
    """
    return _settings["policy"] or DTypePolicy(floatx())


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of layers that are made from now on.

    Example:
        >>> set_dtype_policy("mixed_bfloat16")
        >>> set_dtype_policy("float32")
    """
    _settings["policy"] = get_policy(policy)


def get_policy(identifier: Any = None) -> DTypePolicy:
    """Return a `DTypePolicy` from a policy, a name, a dtype, a saved config, or None."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return DTypePolicy(identifier["config"]["name"])
    return DTypePolicy(identifier)


def is_traceback_filtering_enabled() -> bool:
    """Return whether JAX hides its own frames in tracebacks."""
    return _settings["traceback_filtering"]


def enable_traceback_filtering() -> None:
    """Hide JAX's own frames in tracebacks (the default)."""
    _set_filtering(True)


def disable_traceback_filtering() -> None:
    """Show JAX's own frames in tracebacks."""
    _set_filtering(False)


def backend() -> str:
    """Return the engine's name, always `"jax"`."""
    return "jax"


def _set_filtering(on: bool) -> None:
    import jax

    _settings["traceback_filtering"] = on
    jax.config.update("jax_traceback_filtering", "quiet_remove_frames" if on else "off")


def _one_of(where: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(errors.report(where, expected=f"one of {choices}", got=repr(value)))
    return value


def _read_settings_file() -> None:
    """Take floatx, epsilon and image_data_format from `keras.json`, as Keras does."""
    try:
        saved = json.loads((keras_home() / "keras.json").read_text())
    except (OSError, ValueError):
        return
    for key, choices in (("floatx", _FLOATS), ("image_data_format", _LAYOUTS)):
        if saved.get(key) in choices:
            _settings[key] = saved[key]
    if isinstance(saved.get("epsilon"), float):
        _settings["epsilon"] = saved["epsilon"]
    if _settings["floatx"] == "float64":
        set_floatx("float64")


_read_settings_file()
