"""Functions and classes of the main program for worker processes, which do not run that program.

A worker that imported the main program, as multiprocessing's do, would run all of it again: the
imports of JAX, the model, `fit`. So what is defined there is sent by value: code, defaults,
closure and the global names that the code mentions. Only a parent's pipe is ever read this way.
"""

from __future__ import annotations

import abc
import dataclasses
import dis
import enum
import functools
import importlib
import io
import marshal
import pickle
import sys
from types import (
    CellType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any

_MAINS = ("__main__", "__mp_main__")
# What a class has of itself, and its copy gets anew.
_OWN = set("__dict__ __weakref__ __module__ __qualname__ _abc_impl __slots__ __slotnames__".split())
# What dataclasses compare by identity.
_MARKS = {
    id(getattr(dataclasses, name)): name
    for name in "MISSING KW_ONLY _FIELD _FIELD_CLASSVAR _FIELD_INITVAR _HAS_DEFAULT_FACTORY".split()
}
_spaces: dict[str, dict[str, Any]] = {}


def dumps(value: Any) -> bytes:
    """Return a value pickled, with the functions and classes that no import finds in it."""
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(value)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, ModuleType):
            return importlib.import_module, (obj.__name__,)
        if isinstance(obj, FunctionType) and not _importable(obj):
            return _parts_of_function(obj)
        if isinstance(obj, type) and not _importable(obj):
            return _parts_of_class(obj)
        if isinstance(obj, functools._lru_cache_wrapper) and not _importable(obj):
            return _make_cached, (obj.__wrapped__, obj.cache_parameters())
        if isinstance(obj, MappingProxyType):
            return _make_proxy, (dict(obj),)
        if type(obj).__module__ == "dataclasses" and (name := _MARKS.get(id(obj))):
            return getattr, (dataclasses, name)
        if isinstance(obj, CellType):
            return _make_cell, (), _content(obj), None, None, _fill_cell
        if isinstance(obj, property):
            return property, (obj.fget, obj.fset, obj.fdel, obj.__doc__)
        if isinstance(obj, (staticmethod, classmethod)):
            return type(obj), (obj.__func__,)
        return NotImplemented


def _importable(obj: Any) -> bool:
    module = getattr(obj, "__module__", None)
    if module is None or module in _MAINS:
        return False
    found: Any = sys.modules.get(module)
    for name in obj.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is obj


def _parts_of_function(function: FunctionType) -> Any:
    names = _names(function.__code__)
    known = {name: function.__globals__[name] for name in names if name in function.__globals__}
    state = (known, function.__dict__)
    arguments = (
        marshal.dumps(function.__code__),
        function.__module__ or "__main__",
        function.__name__,
        function.__qualname__,
        function.__defaults__,
        function.__kwdefaults__,
        function.__closure__,
    )
    return _make_function, arguments, state, None, None, _fill_function


def _names(code: CodeType) -> set[str]:
    """Return the names that code looks up, with those of the functions inside of it."""
    inner = (_names(one) for one in code.co_consts if isinstance(one, CodeType))
    # Not `co_names`: those of attributes are among them, and may be names of large things too.
    steps = dis.get_instructions(code)
    own = {one.argval for one in steps if "GLOBAL" in one.opname or one.opname == "LOAD_NAME"}
    return own.union(*inner)


def _make_function(
    code: bytes, module: str, name: str, qualname: str, defaults: Any, named: Any, closure: Any
) -> FunctionType:
    space = _spaces.setdefault(module, {"__name__": module, "__builtins__": __builtins__})
    function = FunctionType(marshal.loads(code), space, name, defaults, closure)
    function.__kwdefaults__, function.__qualname__, function.__module__ = named, qualname, module
    return function


def _fill_function(function: FunctionType, state: Any) -> None:
    known, attributes = state
    function.__globals__.update(known)
    function.__dict__.update(attributes)


def _parts_of_class(cls: type) -> Any:
    own = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    members: Any = None
    if isinstance(cls, enum.EnumMeta):
        members = {name: one.value for name, one in vars(cls)["_member_map_"].items()}
        state = {k: v for k, v in vars(cls).items() if isinstance(v, (FunctionType, property))}
    else:
        own |= {key: value for key, value in vars(cls).items() if key == "__slots__"}
        state = {
            key: value
            for key, value in vars(cls).items()
            if key not in _OWN and not isinstance(value, MemberDescriptorType)
        }
    made = (type(cls), cls.__name__, cls.__bases__, own, members)
    return _make_class, made, state, None, None, _fill_class


def _make_class(meta: Any, name: str, bases: Any, own: dict[str, Any], members: Any) -> type:
    space = own
    if members is not None:
        space = meta.__prepare__(name, bases)
        for key, value in (own | members).items():
            space[key] = value
    made = meta(name, bases, space)
    if own["__module__"] in _MAINS:  # what a worker sends back, its parent knows by this name
        setattr(sys.modules["__main__"], name, made)
    return made


def _fill_class(cls: type, state: dict[str, Any]) -> None:
    for key, value in state.items():
        setattr(cls, key, value)
    abc.update_abstractmethods(cls)


def _make_proxy(content: dict[Any, Any]) -> Any:
    return MappingProxyType(content)


def _make_cached(function: Any, parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


_EMPTY = "no content"


def _make_cell() -> CellType:
    return CellType()


def _content(cell: CellType) -> Any:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return _EMPTY


def _fill_cell(cell: CellType, content: Any) -> None:
    if content != _EMPTY:
        cell.cell_contents = content[0]
