"""Functions and classes of the main program for worker processes, which do not run that program.

A worker that imported the main program, as multiprocessing's do, would run all of it again: the
imports of JAX, the model, `fit`. So what is defined there is sent by value: code, defaults,
closure and the global names that the code mentions. Only a parent's pipe is ever read this way.
"""

from __future__ import annotations

import importlib
import io
import marshal
import pickle
import sys
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

_MAINS = ("__main__", "__mp_main__")
# What a class has of itself, and its copy gets anew.
_OWN = ("__dict__", "__weakref__", "__module__", "__qualname__", "_abc_impl", "__slots__")
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
    """Return the names that code may look up, with those of the functions inside of it."""
    inner = (_names(one) for one in code.co_consts if isinstance(one, CodeType))
    return set(code.co_names).union(*inner)


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
    state = {key: value for key, value in vars(cls).items() if key not in _OWN}
    bases = cls.__bases__
    return (
        _make_class,
        (type(cls), cls.__name__, cls.__qualname__, bases, cls.__module__),
        state,
        None,
        None,
        _fill_class,
    )


def _make_class(meta: Any, name: str, qualname: str, bases: Any, module: str) -> type:
    return meta(name, bases, {"__module__": module, "__qualname__": qualname})


def _fill_class(cls: type, state: dict[str, Any]) -> None:
    for key, value in state.items():
        setattr(cls, key, value)


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
