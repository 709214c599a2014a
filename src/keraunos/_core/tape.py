"""GradientTape: records what is computed inside a block, and differentiates it afterwards.

The only file that touches JAX's inner `Trace`. While the block runs, every primitive passes
through a trace of ours, which lets the trace around it compute the values (so nothing about them
is special: they are plain arrays, or the tracers of an enclosing `jit`) and keeps what followed
from a watched value. A gradient replays the records between the sources and the target as a
function and asks `jax.vjp`; so it is exact wherever JAX's own gradient is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax._src import core  # pyright: ignore[reportPrivateImportUsage]

from keraunos import errors
from keraunos._core import variable as boxes
from keraunos._core.variable import Variable

_UNCONNECTED = ("none", "zero")


class Record(NamedTuple):
    """One computation: `function(*inputs)` gave `outputs`."""

    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


class GradientTape:
    """Records operations for automatic differentiation, as TensorFlow's tape does.

    Args:
        persistent: whether several gradients may be asked for.
        watch_accessed_variables: whether trainable variables that are read are watched.

    Raises:
        RuntimeError: a second gradient of a tape that is not persistent.
        TypeError: something that cannot be watched: a NumPy array, integers.

    Example:
        >>> x = jnp.asarray(3.0)
        >>> with GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> float(tape.gradient(y, x))
        6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent, self._watches_all = persistent, watch_accessed_variables
        self._spent = False
        self._running: list[Any] = []  # how to leave the blocks that were entered
        self._forget()

    def _forget(self) -> None:
        self._records: list[Record] = []
        self._active: dict[int, Any] = {}  # holding a value keeps its id from being used again
        self._reads: dict[int, tuple[Variable, dict[int, Any]]] = {}
        self._chosen: set[int] = set()  # variables that are watched by name

    # -- recording ------------------------------------------------------------------------------

    def __enter__(self) -> GradientTape:
        trace = _Recorder(self, core.trace_ctx.trace)
        entered = core.set_current_trace(trace)
        entered.__enter__()
        boxes.readers().append(self._note)
        self._running.append(entered)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._running.pop().__exit__(*exception)
        _remove(boxes.readers(), self._note)

    def watch(self, tensor: Any) -> None:
        """Record what is computed from arrays or variables, or structures of them."""
        for leaf in jax.tree.leaves(tensor):
            if isinstance(leaf, Variable):
                self._chosen.add(id(leaf))
                self._note(leaf, _held(leaf))
                continue
            leaf = _array(leaf)
            if not isinstance(leaf, jax.Array):
                raise TypeError(
                    errors.report(
                        "GradientTape.watch",
                        expected="a jax.Array or a keras.Variable",
                        got=type(leaf).__name__,
                        fix="x = keras.ops.convert_to_tensor(x), and compute with that x",
                    )
                )
            if not jnp.issubdtype(leaf.dtype, jnp.inexact):
                text = f"GradientTape.watch: values of {leaf.dtype} have no gradient"
                errors.warn(text)
            self._active[id(leaf)] = leaf

    def watched_variables(self) -> tuple[Variable, ...]:
        """Return the variables that were watched, in the order in which they were read."""
        return tuple(box for box, _ in self._reads.values())

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Let what is computed inside this block be constants."""
        if not self._running:
            raise RuntimeError(
                errors.report("GradientTape.stop_recording", fix="call it inside the tape's block")
            )
        with self._paused():
            yield

    def reset(self) -> None:
        """Forget everything that was recorded and watched."""
        self._forget()

    @contextmanager
    def _paused(self) -> Iterator[None]:
        around = core.trace_ctx.trace
        mine = isinstance(around, _Recorder) and around.tape is self
        with core.set_current_trace(around.parent if mine else around):
            yield

    def _note(self, box: Variable, value: Any) -> None:
        """Learn that a variable was read, and what it held."""
        if (self._watches_all and box.trainable) or id(box) in self._chosen:
            self._reads.setdefault(id(box), (box, {}))[1][id(value)] = value
            self._active[id(value)] = value

    def _note_closure(self, held: Iterable[Any]) -> None:
        if self._watches_all:
            self._active.update((id(value), value) for value in held if _moves(value))

    def _keep(self, function: Callable[..., Any], inputs: Any, outputs: Any) -> None:
        self._records.append(Record(function, tuple(inputs), tuple(outputs)))
        self._active.update((id(value), value) for value in outputs)

    def _depends(self, values: Iterable[Any]) -> bool:
        return any(id(value) in self._active for value in values)

    # -- differentiating ------------------------------------------------------------------------

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: Any = "none",
    ) -> Any:
        """Return the gradient of the sum of the target's elements.

        Args:
            target: an array, or a structure of them, whose gradients are added.
            sources: arrays or variables, or a structure of them.
            output_gradients: a weight for each element of the target; ones by default.
            unconnected_gradients: `"none"` or `"zero"`: for sources that the target does not follow
                from.
        """
        targets = [_held(leaf) for leaf in jax.tree.leaves(target)]
        found, tree = self._found(sources)
        with self._reading(unconnected_gradients) as unconnected:
            function, values, connected = self._function(targets, found)
            if connected:
                outputs, pull = jax.vjp(function, values)
                seeds = _seeds(outputs, output_gradients)
                gradients = pull(seeds)[0]
            else:
                gradients = []
            return jax.tree.unflatten(tree, _placed(found, connected, gradients, unconnected))

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: Any = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """Return the derivative of each element of the target: (*target.shape, *source.shape)."""
        value = _held(target)
        found, tree = self._found(sources)
        with self._reading(unconnected_gradients) as unconnected:
            function, values, connected = self._function([value], found)
            rows: list[Any] = []
            if connected:
                outputs, pull = jax.vjp(function, values)
                size = outputs[0].size
                basis = jnp.eye(size, dtype=outputs[0].dtype).reshape(size, *outputs[0].shape)
                rows = jax.vmap(lambda one: pull([one])[0])(basis)
                rows = [row.reshape(*value.shape, *row.shape[1:]) for row in rows]
            zeros = _placed(found, connected, rows, unconnected, value.shape)
            return jax.tree.unflatten(tree, zeros)

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: Any = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """Return the jacobian of each sample alone: (batch, *target.shape[1:], *source.shape[1:]).

        Raises:
            ValueError: target and source have no first axis of one length.
        """
        value, given = _held(target), _held(source)
        if not (value.ndim and given.ndim and value.shape[0] == given.shape[0]):
            got = f"shapes {tuple(value.shape)} and {tuple(given.shape)}"
            raise ValueError(
                errors.report("batch_jacobian", expected="one length of the first axes", got=got)
            )
        found, _ = self._found(source)
        with self._reading(unconnected_gradients) as unconnected:
            function, values, connected = self._function([value], found)
            if not connected:
                shape = (*value.shape, *given.shape[1:])
                return jnp.zeros(shape, given.dtype) if unconnected == "zero" else None
            outputs, pull = jax.vjp(function, values)
            inner = value.shape[1:]
            basis = jnp.eye(max(value[0].size, 1), dtype=outputs[0].dtype)
            basis = basis.reshape(-1, 1, *inner)
            rows = jax.vmap(lambda one: pull([jnp.broadcast_to(one, value.shape)])[0][0])(basis)
            return jnp.moveaxis(rows, 0, 1).reshape(*value.shape, *given.shape[1:])

    @contextmanager
    def _reading(self, unconnected: Any) -> Iterator[str]:
        """Ask a gradient: once, or of a persistent tape; what it computes is not on this tape."""
        wish = getattr(unconnected, "value", unconnected)
        if wish not in _UNCONNECTED:
            raise ValueError(
                errors.report(
                    "unconnected_gradients", expected=f"one of {_UNCONNECTED}", got=repr(wish)
                )
            )
        if self._spent:
            raise RuntimeError(
                errors.report(
                    "this GradientTape has given its gradient already",
                    fix="GradientTape(persistent=True) for several gradients",
                )
            )
        if self._persistent:
            yield wish
            return
        with self._paused():
            yield wish
        self._spent = True
        self._forget()

    def _found(self, sources: Any) -> tuple[list[list[Any]], Any]:
        """Return the watched values of each source: a variable may have held several."""
        leaves, tree = jax.tree.flatten(sources)
        found = []
        for leaf in leaves:
            if isinstance(leaf, Variable):
                held = self._reads.get(id(leaf), (leaf, {}))[1]
                found.append(list(held.values()) or [_held(leaf)])
            else:
                found.append([_array(leaf)])
        return found, tree

    def _function(
        self, targets: list[Any], found: list[list[Any]]
    ) -> tuple[Callable[[list[Any]], list[Any]], list[Any], dict[int, int]]:
        """Return targets as a function of the connected source values, these, and their places."""
        wanted = {id(v): v for held in found for v in held if _moves(v)}
        records, used = self._between(targets, wanted)
        targets = [t for t in targets if id(t) in used]
        values = {key: v for key, v in wanted.items() if key in used and key in self._active}
        places = {key: i for i, key in enumerate(values)}
        made = {id(o) for r in records for o in r.outputs if not any(o is v for v in r.inputs)}
        # A source that is itself computed from others is moved by an offset, so that these others
        # keep their way through it.
        offset = {key for key in values if key in made}

        def replay(given: list[Any]) -> list[Any]:
            known = {key: given[i] for key, i in places.items() if key not in offset}
            for record in records:
                inputs = [known.get(id(v), v) for v in record.inputs]
                for old, new in zip(record.outputs, record.function(*inputs), strict=True):
                    key = id(old)
                    known[key] = new + given[places[key]] if key in offset else new
            return [known.get(id(t), t) for t in targets]

        first = [jnp.zeros_like(v) if key in offset else v for key, v in values.items()]
        return replay, first, places if targets else {}

    def _between(
        self, targets: list[Any], sources: dict[int, Any]
    ) -> tuple[list[Record], set[int]]:
        """Return the records on the way from sources to targets, and the values they touch."""
        reached, onward = set(sources), []
        for record in self._records:
            if any(id(v) in reached for v in record.inputs):
                onward.append(record)
                reached.update(map(id, record.outputs))
        needed = {id(t) for t in targets if id(t) in reached and _moves(t)}
        chosen = []
        for record in reversed(onward):
            if any(id(o) in needed for o in record.outputs):
                chosen.append(record)
                needed.update(id(v) for v in record.inputs if id(v) in reached)
        return chosen[::-1], needed


class _Recorder(core.Trace):
    """A trace that lets its parent compute, and keeps what depends on watched values."""

    __slots__ = ("parent", "tape")

    def __init__(self, tape: GradientTape, parent: Any) -> None:
        super().__init__()
        self.tape, self.parent = tape, parent

    def stage_value(self, val: Any) -> Any:
        return self.parent.stage_value(val)

    def process_primitive(self, primitive: Any, args: Any, params: Any, /) -> Any:
        bind = functools.partial(primitive.bind, **params)
        closed = params["jaxpr"] if primitive.name in ("jit", "pjit") else None
        held: tuple[Any, ...] = tuple(getattr(closed, "consts", None) or ())
        if held:
            # What a compiled function closes over becomes its inputs, watched as variables are:
            # those were read when it was traced, which may have been long ago.
            self.tape._note_closure(held)
            with core.set_current_trace(self.parent):
                outputs = bind(*args)
            if self.tape._depends((*held, *args)):
                replay = functools.partial(_evaluate, closed, len(held))
                self.tape._keep(replay, (*held, *args), outputs)
            return outputs
        if primitive.multiple_results:
            return self._run(bind, args)
        return self._run(lambda *inputs: (bind(*inputs),), args)[0]

    def _run(self, function: Callable[..., Any], inputs: Sequence[Any]) -> Any:
        with core.set_current_trace(self.parent):
            outputs = function(*inputs)
        if self.tape._depends(inputs):
            self.tape._keep(function, inputs, outputs)
        return outputs

    def _staged(self, primitive: Any, args: Any, params: Any) -> Any:
        """Run a primitive that carries functions, which may be called once: as a jaxpr."""
        with core.set_current_trace(self.parent):
            moving = [i for i, v in enumerate(args) if isinstance(v, jax.Array)]

            def call(*arrays: Any) -> Any:
                whole = list(args)
                for i, array in zip(moving, arrays, strict=True):
                    whole[i] = array
                return primitive.bind(*whole, **params)

            closed = jax.make_jaxpr(call)(*(args[i] for i in moving))
        inputs = (*closed.consts, *(args[i] for i in moving))
        return self._run(functools.partial(_evaluate, closed, len(closed.consts)), inputs)

    def process_custom_jvp_call(
        self, primitive: Any, fun: Any, jvp: Any, args: Any, /, **params: Any
    ) -> Any:
        return self._staged(primitive, args, {"subfuns": (fun, jvp), **params})

    def process_custom_vjp_call(
        self, primitive: Any, fun: Any, fwd: Any, bwd: Any, args: Any, /, **params: Any
    ) -> Any:
        return self._staged(primitive, args, {"subfuns": (fun, fwd, bwd), **params})

    def process_call(self, primitive: Any, fun: Any, args: Any, params: Any, /) -> Any:
        return self._staged(primitive, args, {"subfuns": (fun,), **params})

    def process_shard_map(self, primitive: Any, fun: Any, args: Any, /, **params: Any) -> Any:
        return self._staged(primitive, args, {"subfuns": (fun,), **params})


def level() -> Any:
    """Return the trace of JAX that values belong to here; tapes make none of their own."""
    trace = core.trace_ctx.trace
    while isinstance(trace, _Recorder):
        trace = trace.parent
    return trace


def outside() -> bool:
    """Return whether values are computed as they come: no trace of JAX is running, save tapes."""
    return isinstance(level(), core.EvalTrace)


def _evaluate(closed: Any, consts: int, *inputs: Any) -> Any:
    return core.eval_jaxpr(closed.jaxpr, inputs[:consts], *inputs[consts:])


def _array(leaf: Any) -> Any:
    """Return the array inside of what stands for one (a tensor of another library's look)."""
    convert = None if isinstance(leaf, jax.Array) else getattr(leaf, "__jax_array__", None)
    return leaf if convert is None else convert()


def _held(leaf: Any) -> Any:
    """Return what a variable holds, uncast; of anything else, its array."""
    return boxes.held(leaf) if isinstance(leaf, Variable) else _array(leaf)


def _moves(value: Any) -> bool:
    """Return whether a value has a gradient: it is made of floats."""
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.inexact)


def _seeds(outputs: list[Any], given: Any) -> list[Any]:
    leaves: list[Any] = jax.tree.leaves(given)
    if not leaves:
        return [jnp.ones_like(o) for o in outputs]
    if len(leaves) != len(outputs):
        raise ValueError(
            errors.report(
                "output_gradients", expected=f"{len(outputs)}, one a target", got=len(leaves)
            )
        )
    return [
        jnp.broadcast_to(jnp.asarray(_held(g), o.dtype), o.shape)
        for g, o in zip(leaves, outputs, strict=True)
    ]


def _placed(
    found: list[list[Any]],
    places: dict[int, int],
    gradients: Sequence[Any],
    unconnected: str,
    before: tuple[int, ...] = (),
) -> list[Any]:
    """Return a gradient for each source: the sum over what it held, or none."""
    results: list[Any] = []
    for held in found:
        parts = [gradients[places[id(v)]] for v in held if id(v) in places]
        if parts:
            results.append(functools.reduce(jnp.add, parts))
        elif unconnected == "zero":
            results.append(jnp.zeros((*before, *jnp.shape(held[-1])), held[-1].dtype))
        else:
            results.append(None)
    return results


def _remove(items: list[Any], one: Any) -> None:
    for i in range(len(items) - 1, -1, -1):
        if items[i] == one:
            del items[i]
            return
