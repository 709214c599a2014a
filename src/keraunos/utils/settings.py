"""`Config`: named values with attributes, which can be frozen."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from keraunos import errors


class Config:
    """A dictionary whose keys are attributes too, and which can be closed to changes.

    Args:
        kwargs: name -> value.

    Raises:
        ValueError: a change while it is frozen.
        AttributeError: a name it does not have; the message has the nearest one.

    Example:
        >>> config = Config(units=64)
        >>> config.rate = 0.5
        >>> config["rate"], config.units
        (0.5, 64)
        >>> config.to_json()
        '{"units": 64, "rate": 0.5}'
    """

    _values: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_values", dict(kwargs))
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """Return the values as a dictionary, a shallow copy."""
        return dict(self._values)

    def to_json(self) -> str:
        """Return the values as JSON."""
        return json.dumps(self._values)

    def keys(self) -> KeysView[str]:
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        return self._values.items()

    def get(self, keyname: str, value: Any = None) -> Any:
        """Return the value of a name, or `value` where there is none."""
        return self._values.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Remove a name and return its value; a second argument is returned for a missing one."""
        return self._open().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over the values of a dictionary and of the keywords."""
        self._open().update(*args, **kwargs)

    def _open(self) -> dict[str, Any]:
        if self._frozen:
            raise ValueError(errors.report("this Config is frozen", fix="call unfreeze() first"))
        return self._values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._values:
            fix = errors.suggest(name, self._values) if "_values" in vars(self) else None
            raise AttributeError(errors.report(f"Config has no {name!r}", fix=fix))
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._open()[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, item: Any) -> None:
        self._open()[key] = item

    def __delitem__(self, key: str) -> None:
        del self._open()[key]

    def __contains__(self, item: object) -> bool:
        return item in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"
