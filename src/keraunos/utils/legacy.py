"""`keras.utils.legacy`: configs as {"class_name", "config"}, looked up in given tables."""

from __future__ import annotations

import inspect
from typing import Any

from keraunos import errors
from keraunos._core import registry


def serialize_keras_object(instance: Any) -> Any:
    """Return `{"class_name": ..., "config": ...}` of an object, the name of a function or class.

    Raises:
        ValueError: it has neither `get_config` nor a name.

    Example:
        >>> import keraunos as keras
        >>> serialize_keras_object(keras.initializers.Zeros())
        {'class_name': 'Zeros', 'config': {}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config") and not inspect.isclass(instance):
        name = registry.get_registered_name(type(instance))
        return {"class_name": name, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return registry.get_registered_name(instance)
    raise ValueError(
        errors.report("cannot be saved in a config", got=repr(instance), fix="give it get_config()")
    )


def deserialize_keras_object(
    identifier: Any,
    module_objects: dict[str, Any] | None = None,
    custom_objects: dict[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """Return the object that a name or `{"class_name": ..., "config": ...}` means.

    Args:
        identifier: see above; a function is returned as it is.
        module_objects, custom_objects: name -> class or function, where it is looked for.
        printable_module_name: what it is, for the error.

    Raises:
        ValueError: a name that is nowhere; the message has the nearest ones.

    Example:
        >>> import keraunos as keras
        >>> zeros = {"class_name": "Zeros", "config": {}}
        >>> deserialize_keras_object(zeros, vars(keras.initializers))((2,)).tolist()
        [0.0, 0.0]
    """
    if identifier is None or inspect.isfunction(identifier):
        return identifier
    whole = isinstance(identifier, dict) and {"class_name", "config"} <= identifier.keys()
    name = identifier["class_name"] if whole else identifier
    if not isinstance(name, str):
        expected = "a name, or a dictionary with class_name and config"
        raise ValueError(
            errors.report(printable_module_name, expected=expected, got=repr(identifier))
        )
    found = registry.get_registered_object(name, custom_objects, module_objects)
    if found is None:
        names = [n for n in {**(custom_objects or {}), **(module_objects or {})} if n[0] != "_"]
        fix = errors.suggest(name, names) if names else "pass custom_objects={name: class}"
        raise ValueError(errors.report(f"unknown {printable_module_name} {name!r}", fix=fix))
    if not whole:
        return found() if inspect.isclass(found) else found
    with registry.custom_object_scope(custom_objects):
        made = getattr(found, "from_config", None)
        settings = dict(identifier["config"])
        return made(settings) if made is not None else found(**settings)
