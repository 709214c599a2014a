"""Code that lies in a file: how a lambda is written, and why reading it must be asked for."""

from __future__ import annotations

import base64
import builtins
import contextlib
import importlib
import marshal
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

from keraunos import config, errors

_local = threading.local()
_written: set[str] = set()  # code that this process wrote
# Whether it is run again unasked: old programs read their own files without `safe_mode`.
own_code_runs = False


def dump(function: Any) -> dict[str, Any]:
    """Return a function's byte code, defaults and closure, as Keras 3 writes them."""
    code = base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii")
    _written.add(code)
    closure = function.__closure__
    return {
        "code": code,
        "defaults": list(function.__defaults__ or ()) or None,
        "closure": [c.cell_contents for c in closure] if closure else None,
    }


def load(saved: Any) -> types.FunctionType:
    """Return the function again.

    Raises:
        ValueError: in safe mode, which holds unless `safe_mode=False` was said.
    """
    # A Lambda layer's config has names; a bare lambda's has a list.
    packed = (
        saved["value"]
        if "value" in saved
        else [saved.get(k) for k in ("code", "defaults", "closure")]
    )
    if not (own_code_runs and packed[0] in _written):
        refuse("a lambda")
    code = marshal.loads(base64.b64decode(packed[0]))
    defaults = tuple(packed[1] or ()) or None
    closure = tuple(types.CellType(c) for c in packed[2] or ()) or None
    return types.FunctionType(code, _globals(), code.co_name, defaults, closure)


def refuse(what: str) -> None:
    """Raise unless the caller of the loader said `safe_mode=False`."""
    if is_safe():
        raise ValueError(
            errors.report(
                f"the file holds Python code ({what}), which is not run unasked",
                fix="load with safe_mode=False, if you trust where the file came from",
            )
        )


def is_safe() -> bool:
    """Return whether code in files is refused at this moment."""
    return getattr(_local, "safe", True) and not config.is_unsafe_deserialization_enabled()


@contextlib.contextmanager
def safety(on: bool) -> Iterator[None]:
    """Refuse (or allow) code in files inside a `with` block."""
    before = getattr(_local, "safe", True)
    _local.safe = on
    try:
        yield
    finally:
        _local.safe = before


def _globals() -> dict[str, Any]:
    """Return the names that code from a file most often leans on, and those of the program.

    The file has the code alone: not the imports and functions of the module that it was written in.
    """
    import jax.numpy as jnp
    import numpy as np

    keras = importlib.import_module("keraunos")
    known = {"np": np, "jnp": jnp, "keras": keras, "ops": keras.ops, "layers": keras.layers}
    return known | vars(sys.modules["__main__"]) | {"__builtins__": builtins}
