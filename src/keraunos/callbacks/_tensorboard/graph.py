"""The graph of a model for TensorBoard's Graphs page: JAX's operations, grouped by layers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

import jax
from jax.extend.core import Jaxpr, Literal

from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor
from keraunos.callbacks._tensorboard import watching, wire

# Programs inside a program that only group: what is inside takes their place.
_GROUPS = {
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
    "checkpoint",
    "remat",
    "remat2",
}


def of_model(model: Any) -> bytes | None:
    """Return the GraphDef of a model's prediction; None if the shape of its input is unknown."""
    x = _example(model)
    if x is None:
        return None
    scopes: dict[int, str] = {}  # of a variable, by the layer that was called last

    def around(layer: Layer, call: watching.Around, *args: Any, **kwargs: Any) -> Any:
        with jax.named_scope(_clean(layer.name)):
            path.append(_clean(layer.name))
            for variable in layer._own_variables():
                scopes[id(variable)] = "/".join(path)
            try:
                return call(*args, **kwargs)
            finally:
                path.pop()

    path: list[str] = []
    with watching.watched(model._flatten_layers(include_self=False), around):
        traced = jax.make_jaxpr(lambda values, x: watching.run(model, values, x))(
            watching.current_values(model), x
        )
    names = [
        # A layer whose weights another one reads is not called itself.
        f"{scopes[id(v)]}/{_clean(v.name)}"
        if id(v) in scopes
        else _clean(v.path.removeprefix(f"{model.name}/"))
        for v in model.variables
    ]
    return _drawn(traced, names, [f"input_{i}" for i in range(len(jax.tree.leaves(x)))])


def _example(model: Any) -> Any:
    """Return abstract inputs of a model, with one sample."""
    try:
        given = model.input
    except (AttributeError, ValueError):
        shapes = list((model._book.shapes or {}).values())
        if len(shapes) != 1 or not isinstance(shapes[0], tuple):
            return None
        given = SymbolicTensor(shapes[0], model.compute_dtype)
    leaves = jax.tree.leaves(given)
    if not leaves or any(not isinstance(t, SymbolicTensor) or t.dtype == "string" for t in leaves):
        return None
    return jax.tree.map(
        lambda t: jax.ShapeDtypeStruct(tuple(n or 1 for n in t.shape), t.dtype), given
    )


def _drawn(traced: Any, variables: Sequence[str], inputs: Sequence[str]) -> bytes:
    drawing = Drawing()
    known: dict[Any, str] = {}
    jaxpr = traced.jaxpr
    for kind, names, variables_ in (
        ("Variable", variables, jaxpr.invars),
        ("Input", inputs, jaxpr.invars[len(variables) :]),
        ("Constant", itertools.repeat("constant"), jaxpr.constvars),
    ):
        for name, variable in zip(names, variables_, strict=False):
            known[variable] = drawing.add(kind, name, (), [variable.aval])
    drawing.program(jaxpr, known, "")
    for variable in _variables(jaxpr.outvars):
        drawing.add("Output", "output", [known[variable]], [variable.aval])
    return wire.graph(drawing.nodes)


class Drawing:
    """Nodes so far, each under a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self._taken: set[str] = set()

    def add(self, kind: str, wanted: str, inputs: Iterable[str], outputs: Sequence[Any]) -> str:
        """Add a node and return its name."""
        numbered = (f"{wanted}_{i}" for i in itertools.count(1))
        name = next(n for n in itertools.chain([wanted], numbered) if n not in self._taken)
        self._taken.add(name)
        shapes = [getattr(aval, "shape", ()) for aval in outputs]
        attributes = {
            "_output_shapes": wire.attribute_shapes(shapes),
            "dtype": wire.attribute_text(", ".join(str(getattr(a, "dtype", "")) for a in outputs)),
        }
        self.nodes.append(wire.node(name, kind, list(inputs), attributes))
        return name

    def program(self, jaxpr: Jaxpr, known: dict[Any, str], scope: str) -> None:
        """Add the operations of a program; `known` has the nodes of its variables."""
        for equation in _needed(jaxpr):
            inner = _inner(equation)
            here = _joined(scope, _clean(str(equation.source_info.name_stack)))
            given = [None if isinstance(v, Literal) else known.get(v) for v in equation.invars]
            if inner is None:
                kind = "".join(part.title() for part in equation.primitive.name.split("_"))
                name = self.add(
                    kind,
                    _joined(here, kind),
                    [one for one in given if one is not None],
                    [v.aval for v in equation.outvars],
                )
                known |= {v: f"{name}:{i}" if i else name for i, v in enumerate(equation.outvars)}
                continue
            # The last arguments are the program's own; constants may come before them.
            mine = zip(inner.invars, given[len(given) - len(inner.invars) :], strict=False)
            inside = {v: name for v, name in mine if name is not None}
            self.program(inner, inside, here)
            known |= {
                outer: inside[v]
                for outer, v in zip(equation.outvars, inner.outvars, strict=False)
                if not isinstance(v, Literal) and v in inside
            }


def _needed(jaxpr: Jaxpr) -> list[Any]:
    """Return the operations from which a result follows, in order."""
    live, kept = set(_variables(jaxpr.outvars)), []
    for equation in reversed(jaxpr.eqns):
        if not live.isdisjoint(equation.outvars):
            live.update(_variables(equation.invars))
            kept.append(equation)
    return kept[::-1]


def _variables(atoms: Sequence[Any]) -> list[Any]:
    return [atom for atom in atoms if not isinstance(atom, Literal)]


def _inner(equation: Any) -> Jaxpr | None:
    if equation.primitive.name not in _GROUPS:
        return None
    for value in equation.params.values():
        program = getattr(value, "jaxpr", value)
        if isinstance(program, Jaxpr):
            return program
    return None


def _joined(scope: str, name: str) -> str:
    if not scope or name == scope or name.startswith(scope + "/"):
        return name or scope
    return f"{scope}/{name}" if name else scope


def _clean(name: str) -> str:
    return re.sub(r"[^\w.\-/]", "_", name)
