"""An object that stands in a config twice (a shared layer) is one object again when read."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

_local = threading.local()


@contextlib.contextmanager
def scope() -> Iterator[None]:
    """Recognise shared objects inside a `with` block that writes or reads one file."""
    before = getattr(_local, "tables", None)
    _local.tables = ({}, {})
    try:
        yield
    finally:
        _local.tables = before


def written(obj: Any, saved: dict[str, Any]) -> None:
    """Note the config of an object; the second time, number both."""
    tables = getattr(_local, "tables", None)
    if tables is None:
        return
    # The object is kept, so that its id is not given to another one meanwhile.
    _, first = tables[0].setdefault(id(obj), (obj, saved))
    if first is not saved:
        saved["shared_object_id"] = first["shared_object_id"] = id(obj)


def found(saved: dict[str, Any]) -> Any:
    """Return the object that was made from a config of this number before, or None."""
    tables = getattr(_local, "tables", None)
    return tables[1].get(saved.get("shared_object_id")) if tables else None


def made(obj: Any, saved: dict[str, Any]) -> None:
    """Note the object that was made from a config."""
    tables = getattr(_local, "tables", None)
    if tables and saved.get("shared_object_id") is not None:
        tables[1][saved["shared_object_id"]] = obj
