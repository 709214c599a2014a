"""Process-wide settings: float type, epsilon, image layout, dtype policy, the Keras home."""

from __future__ import annotations

import importlib
import json
import os
import pathlib
from typing import Any, Self

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
    def quantization_mode(self) -> str | None:
        """How the weights are made small: `"int8"` ...; None where they are not."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """Return floats in a dtype, if `autocast` says so; everything else as it is."""
        from keraunos._core.dtypes import is_float, standardize_dtype

        if not hasattr(x, "dtype") and hasattr(x, "__array__"):
            import jax.numpy as jnp

            x = jnp.asarray(x)
        if not hasattr(x, "dtype") or not autocast or not is_float(x.dtype):
            return x
        dtype = standardize_dtype(dtype)
        return x if standardize_dtype(x.dtype) == dtype else x.astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


_settings: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "policy": None,
    "flash_attention": None,
    "x64_before": None,  # JAX's own setting, while ours has it changed
    "interactive_logging": True,
    "unsafe_deserialization": False,
    "max_epochs": os.environ.get("KERAS_MAX_EPOCHS"),
    "max_steps_per_epoch": os.environ.get("KERAS_MAX_STEPS_PER_EPOCH"),
}


def floatx() -> str:
    """Return the default float dtype, `"float32"` unless set.

    Example:
        >>> floatx()
        'float32'
    """
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the default float dtype; `"float64"` turns on JAX's 64-bit mode, for integers too.

    Another dtype after it turns that mode off again. Layers keep the dtype they were made with.

    Raises:
        ValueError: the name is not a float dtype.

    Example:
        >>> set_floatx("float32")
    """
    _settings["floatx"] = _one_of("set_floatx", value, _FLOATS)
    wide, before = value == "float64", _settings["x64_before"]
    if wide == (before is not None):
        return
    import jax

    _settings["x64_before"] = jax.config.values["jax_enable_x64"] if wide else None
    jax.config.update("jax_enable_x64", wide or before)


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
    if isinstance(identifier, dict) or (isinstance(identifier, str) and "_from_" in identifier):
        # Loaded when asked for: the settings alone need no other kind of policy.
        return importlib.import_module("keraunos.dtype_policies").get(identifier)
    if not isinstance(identifier, str):
        from keraunos._core.dtypes import standardize_dtype

        identifier = standardize_dtype(identifier)
    return DTypePolicy(identifier)


def enable_flash_attention() -> None:
    """Let attention take the fused kernel of a GPU wherever it can (the default).

    Example:
        >>> enable_flash_attention()
    """
    _settings["flash_attention"] = None


def disable_flash_attention() -> None:
    """Keep attention from the fused kernel, in layers that do not ask for it themselves.

    Example:
        >>> disable_flash_attention()
        >>> is_flash_attention_enabled()
        False
        >>> enable_flash_attention()
    """
    _settings["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """Return False where it is disabled; None where it is taken if possible, as in Keras."""
    return _settings["flash_attention"]


def is_traceback_filtering_enabled() -> bool:
    """Return whether errors that say what to do come without the frames between."""
    return errors.filtering


def enable_traceback_filtering() -> None:
    """Let errors that say what to do come without the frames of keraunos and JAX (the default)."""
    _set_filtering(True)


def disable_traceback_filtering() -> None:
    """Show all frames in tracebacks."""
    _set_filtering(False)


def is_interactive_logging_enabled() -> bool:
    """Return whether progress is shown on the standard output (the default)."""
    return _settings["interactive_logging"]


def enable_interactive_logging() -> None:
    """Show progress on the standard output."""
    _settings["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Send progress, a plain line an epoch, to Python's `logging`, logger `"keraunos"`."""
    _settings["interactive_logging"] = False


def enable_unsafe_deserialization() -> None:
    """Run code that lies in files (a `Lambda`'s) from now on, whatever `safe_mode` says."""
    _settings["unsafe_deserialization"] = True


def is_unsafe_deserialization_enabled() -> bool:
    """Return whether `enable_unsafe_deserialization` was called."""
    return _settings["unsafe_deserialization"]


def max_epochs() -> int | None:
    """Return the most epochs that `fit` runs; None: as many as it is told.

    Example:
        >>> max_epochs()
    """
    return _limit("max_epochs", _settings["max_epochs"])


def set_max_epochs(max_epochs: int | None) -> None:
    """Cut every `fit` short, to try a program out; `$KERAS_MAX_EPOCHS` does it from outside.

    Example:
        >>> set_max_epochs(None)
    """
    _settings["max_epochs"] = _limit("set_max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """Return the most steps of an epoch of `fit`, `evaluate` or `predict`; None: no limit.

    Example:
        >>> max_steps_per_epoch()
    """
    return _limit("max_steps_per_epoch", _settings["max_steps_per_epoch"])


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Cut every epoch short; `$KERAS_MAX_STEPS_PER_EPOCH` does it from outside.

    Example:
        >>> set_max_steps_per_epoch(None)
    """
    _settings["max_steps_per_epoch"] = _limit("set_max_steps_per_epoch", max_steps_per_epoch)


def is_nnx_enabled() -> bool:
    """Return False: variables are keraunos's own, not Flax NNX's.

    Example:
        >>> is_nnx_enabled()
        False
    """
    return False


def backend() -> str:
    """Return the engine's name, always `"jax"`."""
    return "jax"


def set_backend(backend: str) -> None:
    """Accept `"jax"`, the one engine there is.

    Raises:
        ValueError: another name.

    Example:
        >>> set_backend("jax")
    """
    if backend != "jax":
        fix = "leave the line out: the program runs on JAX"
        raise ValueError(errors.report("set_backend", expected="'jax'", got=repr(backend), fix=fix))


def _set_filtering(on: bool) -> None:
    import jax

    errors.filtering = on
    jax.config.update("jax_traceback_filtering", "auto" if on else "off")


def _limit(where: str, value: Any) -> int | None:
    if value in (None, ""):
        return None
    if isinstance(value, (bool, float)) or not str(value).isdecimal() or int(value) < 1:
        raise ValueError(errors.report(where, expected="an integer from 1, or None", got=value))
    return int(value)


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

__getattr__ = errors.missing(__name__, globals())
