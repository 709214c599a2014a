"""`model(x)` outside of any step, compiled: one program a shape instead of one for each operation.

Only models all of whose parts are keraunos's own are compiled: what the code of a program prints,
counts or reads from elsewhere would be lost in a trace. A call is traced again when attributes of
layers have changed, and runs operation by operation for good once its tracing has failed.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.extend.core import jaxpr_as_fun

from keraunos._core import calling, context, dtypes, random, state, tape
from keraunos._core import variable as boxes_room
from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.variable import Variable

PLAIN: Any = object()  # the answer where a call is not for a compiled program
_MOST = 64  # programs of one model; the oldest goes
_SIMPLE = (type(None), bool, int, float, complex, str, bytes, np.dtype, np.generic)
_DIRECT = {np.dtype(t) for t in ("float32", "int32", "uint8", "bool", "float16", "int8", "uint32")}
_OURS = ("keraunos", "jax", "numpy", "builtins", "functools", "ml_dtypes")


class Calls:
    """The compiled calls of one model."""

    def __init__(self) -> None:
        self._programs: dict[Any, Program] = {}
        self._version: Any = None
        self._marks: Any = None
        self._kept: Any = None  # what the marks name by id stays alive
        self._plain = False
        self._never = False  # tracing has failed where the plain call did not
        self._doubtful = False

    def run(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the outputs, or PLAIN."""
        self._doubtful = False
        if (
            self._never
            or len(args) != 1
            or state.current() is not None
            or context.current() is not None
        ):
            return PLAIN
        x, training = args[0], None
        if kwargs:
            training = kwargs.get("training")
            if len(kwargs) > 1 or "training" not in kwargs or not _is_flag(training):
                return PLAIN
        if isinstance(x, (np.ndarray, jax.Array)):
            leaves, tree = [x], None
        else:
            leaves, tree = jax.tree.flatten(x)
        leaves = _usable(leaves)
        if leaves is None or not tape.outside():
            return PLAIN
        if not model.built:
            _build(model, tree, leaves)
        if not self._holds(model):
            return PLAIN
        key = (training, tree, *[(a.shape, a.dtype) for a in leaves])
        program = self._programs.get(key)
        if program is None:
            program = self._made(model, key, tree, leaves, training)
            if program is None:
                return PLAIN
        if program._count > 1 and boxes_room.readers():
            return PLAIN  # a tape asks how one output follows from another (Grad-CAM)
        return program(model, leaves)

    def _holds(self, model: Any) -> bool:
        """Return whether programs may be used; forget those of a model that has changed."""
        now = (state.version(), state.touched())
        if now != self._version:
            marks, kept = fingerprint(model)
            if marks != self._marks:
                self._programs.clear()
                self._marks, self._kept = marks, kept
                self._plain = not model._is_ready() or not is_ours(model)
            self._version = now
        return not self._plain

    def _made(
        self, model: Any, key: Any, tree: Any, leaves: list[Any], training: bool | None
    ) -> Program | None:
        with model._lock:
            try:
                program = Program(model, tree, leaves, training)
            except Exception:  # the plain call says what is wrong, or does what cannot be traced
                program = None
            marks, _ = fingerprint(model)
            if marks != self._marks:  # attributes were changed by tracing: put them back
                for layer, before in self._kept:
                    _restore(layer, before)
                program = None
            if program is None:
                self._doubtful = True
                return None
            if len(self._programs) >= _MOST:
                self._programs.pop(next(iter(self._programs)))
            self._programs[key] = program
            self._version = (state.version(), state.touched())
            return program

    def ran_plainly(self) -> None:
        """Learn that a call went well operation by operation: what failed was the tracing."""
        if self._doubtful:
            self._never = True


class Program:
    """One compiled call, for one shape."""

    def __init__(self, model: Any, tree: Any, leaves: list[Any], training: bool | None) -> None:
        boxes = list(model.variables)
        self._losses_by: list[Layer] = []
        specs = [jax.ShapeDtypeStruct(a.shape, _dtype(a)) for a in leaves]
        while True:
            self._boxes = boxes
            self._draws = False
            seen: dict[int, Variable] = {}
            note = functools.partial(_see, seen)
            boxes_room.readers().append(note)
            try:
                closed, shape = jax.make_jaxpr(
                    self._pure(model, tree, training), return_shape=True
                )([box._value for box in boxes], np.zeros(2, np.uint32), np.uint32(0), specs)
            finally:
                boxes_room.readers().remove(note)
            known = {id(box) for box in boxes}
            strangers = [box for box in seen.values() if id(box) not in known]
            if not strangers:
                break
            boxes = boxes + strangers
        (_, self._changed, _, masks), self._tree = shape, jax.tree.structure(shape[0])
        self._single = self._tree == jax.tree.structure(0)
        self._count = self._tree.num_leaves
        self._owners = self._losses_by
        self._masks = [i for i, m in enumerate(masks) if m is not None]
        self._lends = bool({*map(id, closed.jaxpr.outvars)} & {*map(id, closed.jaxpr.invars)})
        self._run = jax.jit(_named(jaxpr_as_fun(closed), model.name))

    def _pure(self, model: Any, tree: Any, training: bool | None) -> Callable[..., Any]:
        boxes = self._boxes
        kwargs = {} if training is None else {"training": training}

        def run(values: Any, seed: Any, count: Any, leaves: Any) -> Any:
            key = jax.random.wrap_key_data(seed, impl="threefry2x32")
            key = jax.random.fold_in(key, count)
            x = leaves[0] if tree is None else jax.tree.unflatten(tree, leaves)
            with state.bind(boxes, values, key) as scope, context.fresh():
                outputs = Layer.__call__(model, x, **kwargs)
                now = [scope.read(box) for box in boxes]
                changed = {i: v for i, v in enumerate(now) if v is not values[i]}
                masks = [context.get_mask(leaf) for leaf in jax.tree.leaves(outputs)]
                self._draws |= scope._calls > 0
                self._losses_by = list(scope.owners)
                return outputs, changed, list(scope.losses), masks

        return run

    def __call__(self, model: Any, leaves: list[Any]) -> Any:
        seed, count = _NO_SEED
        if self._draws:
            seed, count = random.step_seed(), np.uint32(next(random._eager_calls))
        notes = boxes_room.readers()
        if notes:
            for box in self._boxes:
                for note in notes:
                    note(box, box._value)
        found = self._run(*[box._value for box in self._boxes], seed, count, *leaves)
        if self._lends:
            for box in self._boxes:
                box._lent = True
        if len(found) == 1 and self._single:
            return found[0]
        return self._finish(model, found)

    def _finish(self, model: Any, found: Any) -> Any:
        """Put changed values, added losses and masks where they belong."""
        parts = iter(found)
        leaves = [next(parts) for _ in range(self._count)]
        for i in self._changed:
            self._boxes[i]._value = next(parts)
            self._boxes[i]._lent = False
        if self._owners:
            for layer in model._flatten_layers():
                layer._book.losses.clear()
            for owner in self._owners:
                owner._book.losses.append(next(parts))
        for i in self._masks:
            context.set_mask(leaves[i], next(parts))
        return jax.tree.unflatten(self._tree, leaves)


_NO_SEED = (np.zeros(2, np.uint32), np.uint32(0))


def _see(seen: dict[int, Variable], box: Variable, _: Any) -> None:
    seen.setdefault(id(box), box)


def _build(model: Any, tree: Any, leaves: list[Any]) -> None:
    """Build a model on shapes, so that its first call is compiled as all others are."""
    specs = [SymbolicTensor((None, *a.shape[1:]), _dtype(a)) for a in leaves if a.ndim]
    if len(specs) == len(leaves):
        try:
            x = specs[0] if tree is None else jax.tree.unflatten(tree, specs)
            calling.infer(model, (x,), {})
        except Exception:
            return  # the plain call says what is wrong, or builds what cannot be traced


def _usable(leaves: list[Any]) -> list[Any] | None:
    """Return arrays as a program takes them; None where there is anything else among them."""
    for i, leaf in enumerate(leaves):
        if isinstance(leaf, jax.Array):
            if isinstance(leaf, Tracer) or getattr(leaf, "_keras_mask", None) is not None:
                return None
        elif isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biufcV":
            if leaf.dtype not in _DIRECT:
                leaves = [*leaves[:i], dtypes.as_array(leaf), *leaves[i + 1 :]]
        else:
            return None
    return leaves or None


def _dtype(array: Any) -> Any:
    return jax.dtypes.canonicalize_dtype(array.dtype) if array.dtype.kind in "iuf" else array.dtype


def _is_flag(value: Any) -> bool:
    return value is None or value is True or value is False


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return function(*args)

    call.__name__ = call.__qualname__ = name
    return call


# -- what a trace depends on ----------------------------------------------------------------------


def fingerprint(model: Any) -> tuple[Any, Any]:
    """Return marks of all attributes of all layers, equal as long as they are; and their values."""
    kept = [(layer, _attributes(layer)) for layer in model._flatten_layers()]
    return [(id(layer), _mark(rows)) for layer, rows in kept], kept


def _attributes(layer: Any) -> dict[str, Any]:
    skipped = layer._quiet | layer._book.hidden
    return {k: _copy(v) for k, v in vars(layer).items() if k not in skipped}


def _copy(value: Any) -> Any:
    return type(value)(value) if type(value) in (list, dict) else value


def _mark(value: Any, depth: int = 4) -> Any:
    if isinstance(value, _SIMPLE):
        return type(value), value
    if depth and type(value) in (list, tuple):
        return type(value), [_mark(v, depth - 1) for v in value]
    if depth and type(value) is dict:
        return [(k, _mark(v, depth - 1)) for k, v in value.items()]
    return id(value)


def _restore(layer: Any, before: dict[str, Any]) -> None:
    """Give a layer the attributes back that it had before it was traced."""
    skipped = layer._quiet | layer._book.hidden
    for name in [k for k in vars(layer) if k not in skipped and k not in before]:
        del vars(layer)[name]
    for name, value in before.items():
        now = vars(layer).get(name)
        if isinstance(value, list) and isinstance(now, list):
            now[:] = value
        elif isinstance(value, dict) and isinstance(now, dict):
            now.clear()
            now.update(value)
        else:
            vars(layer)[name] = value


def is_ours(model: Any) -> bool:
    """Return whether everything that a call runs is keraunos's own code."""
    for layer in model._flatten_layers():
        parts = [layer, *getattr(layer, "_operations", ()), *_attributes(layer).values()]
        if not all(map(_is_known, parts)):
            return False
    return True


def _is_known(part: Any) -> bool:
    """Return whether a value is of our own classes and functions, or of those that we stand on."""
    if isinstance(part, (list, tuple)):
        return all(map(_is_known, part))
    where = part if isinstance(part, (types.FunctionType, types.MethodType, type)) else type(part)
    return (where.__module__ or "").partition(".")[0] in _OURS
