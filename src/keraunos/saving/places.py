"""Where each weight stands in a file: Keras 3 names groups by attributes and classes.

layers/dense/vars/0            the first Dense of a Sequential or Functional model
layers/dense_1/vars/0          the second one, whatever its name
encoder/cell/vars/0            attribute `encoder` of a subclassed model, its attribute `cell`
blocks/dense/vars/0            the first Dense in the list `blocks`
optimizer/vars/0               iterations, learning rate, then the slots

Keras 2 wrote the same groups, but looked at the attributes of an object in another order, and an
object stands where it was met first: see `WAYS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from keraunos._core import naming
from keraunos._core.layer import Layer
from keraunos._core.variable import Variable

# Attributes of models that Keras writes, beside what a subclass sets.
_OF_MODELS = ("layers", "optimizer")
# The same layers once more, as Sequential and Functional keep them.
_INNER = ("_stack", "_operations")
# How the writer of a file went through a model: Keras 3; Keras 2.15 and tf_keras, from the last
# attribute to the first; Keras 2.12 to 2.14, which counted layers with weights twice.
TODAY, BACKWARDS, TWICE = WAYS = ("today", "backwards", "twice")
_TWICE = "_layer_checkpoint_dependencies"
# Attributes of the library's base classes hold no weights of their own.
_BASES = ("keraunos._core.", "keraunos.models.", "keraunos._training.")


class Place(NamedTuple):
    """A group of a weights file and the object whose variables stand in it."""

    path: str
    owner: Any

    @property
    def variables(self) -> list[Variable]:
        """The variables of the owner alone, in the order of the file."""
        return (
            self.owner._filed_variables()
            if isinstance(self.owner, Layer)
            else list(self.owner.variables)
        )

    @property
    def is_optimizer(self) -> bool:
        return not isinstance(self.owner, Layer)


def places(root: Layer, way: str = TODAY) -> list[Place]:
    """Return every place of a model's file, each object once.

    Args:
        root: the model.
        way: one of `WAYS`.
    """
    return list(_walk(root, "", set(), way))


def _walk(owner: Any, path: str, seen: set[int], way: str) -> Iterator[Place]:
    if id(owner) in seen:
        return
    seen.add(id(owner))
    yield Place(path, owner)
    if isinstance(owner, Layer):
        for name, value in _attributes(owner, way):
            yield from _enter(value, f"{path}/{name}".lstrip("/"), seen, set(), way)


def _enter(value: Any, path: str, seen: set[int], met: set[int], way: str) -> Iterator[Place]:
    if _has_state(value):
        yield from _walk(value, path, seen, way)
    elif isinstance(value, (list, tuple, dict)) and id(value) not in met:
        met.add(id(value))
        counts: Counter[str] = Counter()
        for one in list(value.values()) if isinstance(value, dict) else value:
            if way == BACKWARDS and id(one) in seen:
                continue
            if _has_state(one):
                name = naming.snake_case(type(one).__name__)
            elif isinstance(one, (list, tuple, dict)):
                name = "container"
            else:
                continue
            number = counts[name]
            counts[name] += 1
            yield from _enter(
                one, f"{path}/{name}_{number}" if number else f"{path}/{name}", seen, met, way
            )


def _attributes(owner: Layer, way: str) -> list[tuple[str, Any]]:
    """Return the attributes that may hold state, in the order of the writer of the file."""
    bases = _BASES if way == TODAY else "keraunos."
    names = {name for name in vars(owner) if name not in owner._book.hidden and name not in _ours()}
    for cls in type(owner).__mro__:
        # Properties of our own layers are those of Keras 3.
        if not cls.__module__.startswith(bases) and cls is not object:
            names |= {name for name, value in vars(cls).items() if isinstance(value, property)}
    first = []
    if hasattr(owner, "layers"):
        names |= {name for name in _OF_MODELS if hasattr(owner, name)}
        if _definer(type(owner), "layers") in ("Sequential", "Functional"):
            # Their layers come before what a subclass of them keeps beside.
            first, names = ["layers"], names - {"layers", *_INNER}
    if way != TODAY:
        return _of_keras_2(owner, names.union(first), way)
    ordered = first + sorted(names, key=lambda name: (name.startswith("_"), name))
    return [(name, _attribute(owner, name)) for name in ordered]


def _of_keras_2(owner: Layer, names: set[str], way: str) -> list[tuple[str, Any]]:
    found = {name: _attribute(owner, name) for name in names}
    if way == TWICE and "layers" in found:
        layers = found["layers"]
        found[_TWICE] = [one for layer in layers for one in [layer] * (1 + bool(layer.weights))]
    return sorted(found.items(), reverse=way == BACKWARDS, key=lambda row: row[0])


def _definer(cls: type, name: str) -> str:
    """Return the name of the class in which an attribute of a class is defined, if one does."""
    return next((base.__name__ for base in cls.__mro__ if name in vars(base)), "")


def _attribute(owner: Layer, name: str) -> Any:
    try:
        return getattr(owner, name)
    except Exception:  # a property that cannot be read now holds no state either
        return None


def _has_state(value: Any) -> bool:
    if isinstance(value, Layer):
        return True
    # An optimizer: told by what it does, because its room may not be loaded.
    return (
        hasattr(value, "apply_gradients")
        and hasattr(value, "variables")
        and not isinstance(value, type)
    )


def _ours() -> set[str]:
    return _REFERENCE or _REFERENCE.update(vars(Layer(name="reference"))) or _REFERENCE


_REFERENCE: set[str] = set()
