"""The one registry: names to objects, objects to JSON and back.

A class or function is registered where it is defined; the kind is the public folder it stands in
(`keraunos.losses._classes` -> `losses`), which is also the module that Keras writes into files.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import numpy as np

from keraunos import config, errors
from keraunos._core import lambdas, sharing

T = TypeVar("T")

# Where each kind is defined: importing the room fills its row of the registry.
KINDS = (
    *("layers", "models", "losses", "metrics", "optimizers", "initializers", "regularizers"),
    *("constraints", "activations", "quantizers", "dtype_policies"),
)
# Layers that stand in another room, and register when that is loaded.
_ELSEWHERE = ("FeatureSpace", "Feature", "Cross", "TFDIdentity")
_names: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
_custom: dict[str, Any] = {}  # what register_keras_serializable knows, for the whole process
_registered_names: dict[Any, str] = {}
_local = threading.local()


def register(*aliases: str, kind: str | None = None) -> Callable[[T], T]:
    """Decorate a class or function of the library: it is found by its own name and these."""

    def enter(obj: T) -> T:
        rows = _names[kind or _kind_of(obj)]
        for name in (obj.__name__, *aliases):  # pyright: ignore[reportAttributeAccessIssue]
            rows[name] = obj
        return obj

    return enter


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Decorate a class or function of a program, so that saved models find it again.

    Args:
        package: the first part of the registered name.
        name: the second part; the object's own name by default.

    Example:
        >>> @register_keras_serializable("doc")
        ... def twice(x):
        ...     return 2 * x
        >>> get_registered_name(twice)
        'doc>twice'
    """

    def enter(obj: T) -> T:
        full = f"{package}>{name or obj.__name__}"  # pyright: ignore[reportAttributeAccessIssue]
        _custom[full] = obj
        _registered_names[obj] = full
        return obj

    return enter


def get_registered_name(obj: Any) -> str:
    """Return the name under which an object was registered, or its own name."""
    return _registered_names.get(obj) or obj.__name__


def get_registered_object(
    name: str,
    custom_objects: dict[str, Any] | None = None,
    module_objects: dict[str, Any] | None = None,
) -> Any:
    """Return the object of a registered name, or None."""
    for table in (*_scopes(), _custom, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """Return the process-wide table of custom objects, to read or to fill."""
    return _custom


@contextlib.contextmanager
def custom_object_scope(custom_objects: dict[str, Any] | None) -> Iterator[None]:
    """Make names known inside a `with` block.

    Example:
        >>> with custom_object_scope({"twice": lambda x: 2 * x}):
        ...     get("activations", "twice")(3)
        6
    """
    _scopes().append(dict(custom_objects or {}))
    try:
        yield
    finally:
        _scopes().pop()


def names(kind: str) -> list[str]:
    """Return the names of a kind, as they may be given as strings."""
    _load(kind)
    return sorted(_names[kind])


def get(kind: str, identifier: Any, what: str | None = None) -> Any:
    """Return the object that a string, a saved config, a class or the object itself means.

    Args:
        kind: one of `KINDS`.
        identifier: see above; None gives None. A class is called without arguments.
        what: how to name it in an error, `"loss"` for example.

    Raises:
        ValueError: a string that names nothing; the message has the nearest names.
        TypeError: something that cannot be one.
    """
    if identifier is None:
        return None
    given = identifier
    if isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if isinstance(identifier, str):
        identifier = find(kind, identifier, what or kind.rstrip("s"))
    if inspect.isclass(identifier):
        return identifier()
    if callable(identifier) or hasattr(identifier, "get_config"):
        return identifier
    raise TypeError(
        errors.report(
            f"not a {what or kind.rstrip('s')}",
            expected="a name, an object, a function or a saved config",
            got=repr(given),
        )
    )


def serialize(obj: Any) -> Any:
    """Return what JSON can hold, in the layout of Keras 3's files."""
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, (list, tuple)):
        return [serialize(v) for v in obj]
    if isinstance(obj, dict):
        return {str(k): serialize(v) for k, v in obj.items()}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, (np.ndarray, jax.Array)) or hasattr(obj, "__jax_array__"):
        value = np.asarray(obj)
        return {
            "class_name": "__numpy__" if isinstance(obj, np.ndarray) else "__tensor__",
            "config": {"value": value.tolist(), "dtype": value.dtype.name},
        }
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)) or inspect.isclass(obj):
        return _serialize_callable(obj)
    if hasattr(obj, "get_config"):
        return _serialize_object(obj)
    if callable(obj) and hasattr(obj, "__name__"):
        return _serialize_callable(obj)
    if isinstance(obj, (slice, type(Ellipsis))):
        return _serialize_index(obj)
    raise TypeError(
        errors.report(
            "cannot be saved in a config",
            got=f"{type(obj).__name__}: {obj!r}",
            fix="give the class get_config() and from_config()",
        )
    )


def deserialize(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool | None = None
) -> Any:
    """Return the object that `serialize` wrote.

    Args:
        config: the JSON value.
        custom_objects: names of classes and functions of the program.
        safe_mode: refuse to run code that lies in the file (a Lambda's). Default: the mode of
            the enclosing `deserialize`, at the outside True.

    Raises:
        ValueError: an unknown class, or code in safe mode.
    """
    with contextlib.ExitStack() as stack:
        if custom_objects:
            stack.enter_context(custom_object_scope(custom_objects))
        if safe_mode is not None:
            stack.enter_context(lambdas.safety(safe_mode))
        return _deserialize(config)


def _deserialize(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_deserialize(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value or "config" not in value:
        return {k: _deserialize(v) for k, v in value.items()}
    kind, inner = value["class_name"], value["config"]
    if kind in _PLAIN:
        return _PLAIN[kind](inner)
    if kind == "function":
        return _find_function(value)
    shared = sharing.found(value)
    if shared is not None:
        return shared
    cls = _find_class(value)
    if not hasattr(cls, "from_config"):
        return cls
    obj = cls.from_config(dict(inner))
    sharing.made(obj, value)
    if value.get("build_config") and hasattr(obj, "build_from_config"):
        obj.build_from_config(value["build_config"])
    if value.get("compile_config") and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(value["compile_config"])
    return obj


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "__tuple__": lambda c: tuple(_deserialize(v) for v in c["value"]),
    "__numpy__": lambda c: np.array(c["value"], dtype=c["dtype"]),
    "__tensor__": lambda c: jax.numpy.asarray(np.array(c["value"], dtype=c["dtype"])),
    "__lambda__": lambda c: lambdas.load(c),
    "__slice__": lambda c: slice(*(c[k] for k in ("start", "stop", "step"))),
    "__ellipsis__": lambda c: Ellipsis,
    "__keras_tensor__": lambda c: c,
    "DTypePolicy": lambda c: config.DTypePolicy(c["name"]),
}


def _serialize_index(obj: Any) -> dict[str, Any]:
    if isinstance(obj, slice):
        return {
            "class_name": "__slice__",
            "config": {"start": obj.start, "stop": obj.stop, "step": obj.step},
        }
    return {"class_name": "__ellipsis__", "config": {}}


def _serialize_callable(obj: Any) -> Any:
    name = obj.__name__
    if obj in _registered_names:
        name = _registered_names[obj]
    elif obj.__module__.startswith("keraunos.") and _is_builtin(obj):
        return name
    if name == "<lambda>":
        # Keras reads one of these spellings in a Lambda layer and the other everywhere else.
        code = lambdas.dump(obj)
        return {"class_name": "__lambda__", "config": code | {"value": list(code.values())}}
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}


def _is_builtin(obj: Any) -> bool:
    return any(rows.get(obj.__name__) is obj for rows in _names.values())


def _serialize_object(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    custom = None if cls.__module__.startswith("keraunos.") else get_registered_name(cls)
    saved = {
        "module": public_module(cls),
        "class_name": cls.__dict__.get("_saved_name", cls.__name__),
        "config": obj.get_config(),
        "registered_name": custom,
    }
    build = obj.get_build_config() if hasattr(obj, "get_build_config") else None
    if build:
        saved["build_config"] = serialize(build)
    compiled = obj.get_compile_config() if hasattr(obj, "get_compile_config") else None
    if compiled:
        saved["compile_config"] = compiled
    sharing.written(obj, saved)
    return saved


def public_module(cls: type) -> str:
    """Return the module that Keras writes beside a class's name."""
    parts = cls.__module__.split(".")
    if parts[0] != "keraunos":
        return cls.__module__
    public = [p for p in parts[1:] if not p.startswith("_")]
    if public[:1] == ["compat"]:
        # Defined there, shown in the room that it was registered for.
        public = [kind for kind, rows in _names.items() if rows.get(cls.__name__) is cls] or public
    if public[:1] == ["config"]:
        return "keras"
    if public[:1] == ["models"]:
        return (
            "keras"
            if cls.__name__ in ("Sequential", "Model")
            else "keras.src.models." + cls.__name__.lower()
        )
    if public[:2] == ["optimizers", "schedules"]:
        return "keras.optimizers.schedules"
    return ".".join(["keras", *public[:1]])


def _find_class(saved: dict[str, Any]) -> Any:
    name, module = saved["class_name"], saved.get("module") or ""
    for key in (saved.get("registered_name"), name):
        found = get_registered_object(key) if key else None
        if found is not None:
            return found
    if module.split(".")[0] in ("keras", "tf_keras", "keraunos", ""):
        found = _find_own(module, name) or (_find_in_program(module, name) if not module else None)
    else:
        found = _find_in_program(module, name)
    if found is not None:
        return found
    choices = [n for rows in _names.values() for n in rows]
    raise ValueError(
        errors.report(
            f"unknown class {name!r} of module {module or 'keras'!r} in a saved config",
            note=errors.suggest(name, choices) if module.startswith("keras") else None,
            fix=f"import its module first, or pass custom_objects={{{name!r}: {name}}}",
        )
    )


def _find_own(module: str, name: str) -> Any:
    if name in _ELSEWHERE:
        importlib.import_module("keraunos.utils.feature_space")
    parts = [p for p in module.split(".")[1:] if p != "src"]
    kinds = [p for p in parts if p in _names][:1] or list(KINDS)
    for kind in kinds:
        _load(kind)
        # What only older Keras had is registered when its room is asked for it.
        found = _names[kind].get(name) or getattr(sys.modules[f"keraunos.{kind}"], name, None)
        if inspect.isclass(found) and name in _names[kind]:
            return found
    return None


def _find_in_program(module: str, name: str) -> Any:
    """Return a class of the running program: only one that is a layer, loss ... already."""
    # Keras writes no module for a class of the running program that it does not know.
    found = getattr(sys.modules.get(module or "__main__"), name, None)
    if inspect.isclass(found) and hasattr(found, "from_config") and hasattr(found, "get_config"):
        return found
    return None


def _find_function(saved: dict[str, Any]) -> Any:
    name = saved["config"]
    found = get_registered_object(saved.get("registered_name") or name) or get_registered_object(
        name
    )
    if found is None:
        for kind in KINDS:
            _load(kind)
        found = next((rows[name] for rows in _names.values() if name in rows), None)
    if found is None:
        raise ValueError(
            errors.report(
                f"unknown function {name!r} in a saved config",
                fix=f"pass custom_objects={{{name!r}: {name}}} or decorate it with"
                " @keraunos.saving.register_keras_serializable()",
            )
        )
    return found


def find(kind: str, name: str, what: str) -> Any:
    """Return the class or function of a name; raise a ValueError with the nearest names."""
    found = get_registered_object(name)
    if found is None:
        _load(kind)
        rows = _names[kind]
        # Exactly, else in another spelling: "rmsprop", "glorot_uniform", "MSE".
        found = rows[name] if name in rows else _loosely(rows, name)
    if found is None:
        fix = errors.suggest(name, _names[kind])
        raise ValueError(errors.report(f"unknown {what} {name!r}", fix=fix))
    return found


def _loosely(rows: dict[str, Any], name: str) -> Any:
    wanted = name.lower().replace("_", "")
    return next((obj for n, obj in rows.items() if n.lower().replace("_", "") == wanted), None)


def _load(kind: str) -> None:
    importlib.import_module(f"keraunos.{kind}")


def _kind_of(obj: Any) -> str:
    return obj.__module__.split(".")[1]


def _scopes() -> list[dict[str, Any]]:
    if not hasattr(_local, "scopes"):
        _local.scopes = []
    return _local.scopes
