"""`keras.backend` on the graph: placeholders, functions, gradients, variables, learning phase."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, constraints, errors, initializers, ops
from keraunos._core import context, naming, random, state
from keraunos._core.graph import Function as Graph
from keraunos._core.op import Operation
from keraunos._core.symbolic import Node, SymbolicTensor
from keraunos._core.variable import Variable

# -- learning phase ------------------------------------------------------------------------------


class LearningPhase(int):
    """0 or 1, and among the inputs of a `K.function` the place where it is passed."""


_phase: LearningPhase | None = None


def learning_phase() -> LearningPhase:
    """Return whether the program is training, as a number that `K.function` takes as an input."""
    running = context.current()
    if _phase is None and running is not None and running.training is not None:
        return LearningPhase(bool(running.training))
    return LearningPhase(0) if _phase is None else _phase


def set_learning_phase(value: Any) -> None:
    """Say whether functions and `in_train_phase` are to be of training; `fit` knows by itself."""
    global _phase
    _phase = LearningPhase(bool(value))


@contextlib.contextmanager
def learning_phase_scope(value: Any) -> Iterator[None]:
    """Set the learning phase within a block."""
    global _phase
    before = _phase
    set_learning_phase(value)
    try:
        yield
    finally:
        _phase = before


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return x (or what it returns) in training, else `alt`."""
    training = learning_phase() if training is None else training
    if isinstance(training, (bool, int, np.bool_)):
        chosen = x if training else alt
        return chosen() if callable(chosen) else chosen
    return switch(training, x, alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return `alt` (or what it returns) in training, else x."""
    return in_train_phase(alt, x, training)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Return one of two values, or of what two functions return, element by element.

    A condition with fewer axes is that of whole rows.
    """
    then_value = then_expression() if callable(then_expression) else then_expression
    else_value = else_expression() if callable(else_expression) else else_expression
    condition = ops.cast(condition, "bool")
    missing = len(getattr(then_value, "shape", ())) - len(condition.shape)
    if condition.shape and missing > 0:
        condition = ops.reshape(condition, (*_known(condition.shape), *[1] * missing))
    return ops.where(condition, then_value, else_value)


def _known(shape: Any) -> tuple[int, ...]:
    return tuple(-1 if n is None else n for n in shape)


# -- variables -----------------------------------------------------------------------------------


def variable(
    value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None
) -> Variable:
    """Return a variable that begins with a value."""
    made = Variable(np.asarray(value), dtype=dtype or config.floatx(), name=name)
    made.constraint = constraints.get(constraint)
    return made


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """Return a variable of zeros."""
    return Variable(np.zeros(tuple(shape)), dtype=dtype or config.floatx(), name=name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """Return a variable of ones."""
    return Variable(np.ones(tuple(shape)), dtype=dtype or config.floatx(), name=name)


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: Any = None, seed: Any = None
) -> Variable:
    """Return a variable of uniform numbers."""
    draw = initializers.RandomUniform(low, high, seed=seed)
    return Variable(draw, tuple(shape), dtype=dtype or config.floatx(), name=name)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: Any = None, seed: Any = None
) -> Variable:
    """Return a variable of normal numbers."""
    draw = initializers.RandomNormal(mean, scale, seed=seed)
    return Variable(draw, tuple(shape), dtype=dtype or config.floatx(), name=name)


def get_value(x: Any) -> np.ndarray:
    """Return the value of a variable or tensor as an array."""
    return x.numpy() if isinstance(x, Variable) else np.asarray(x)


def eval(x: Any) -> np.ndarray:
    """Return the value of a variable, of a tensor, or of a graph without placeholders."""
    return function([], [x])([])[0] if isinstance(x, SymbolicTensor) else get_value(x)


def batch_get_value(tensors: Any) -> list[np.ndarray]:
    """Return the values of several variables."""
    return [get_value(one) for one in tensors]


def set_value(x: Any, value: Any) -> None:
    """Replace the value of a variable."""
    if not isinstance(x, Variable):
        raise TypeError(
            errors.report("set_value", expected="a variable", got=repr(x), fix="assign it instead")
        )
    x.assign(np.asarray(value, x.dtype).reshape(x.shape))


def batch_set_value(tuples: Any) -> None:
    """Replace the values of several variables."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Variable, new_x: Any) -> Any:
    """Replace the value of a variable; of symbolic tensors, the pair for `K.function(updates=)`."""
    if isinstance(new_x, SymbolicTensor):
        return x, new_x
    x.assign(new_x)
    return x


def update_add(x: Variable, increment: Any) -> Any:
    """Add to a variable."""
    return update(x, x + increment)


def update_sub(x: Variable, decrement: Any) -> Any:
    """Subtract from a variable."""
    return update(x, x - decrement)


def moving_average_update(x: Variable, value: Any, momentum: float) -> Any:
    """Move a variable towards a value: `x * momentum + value * (1 - momentum)`."""
    now: Any = x
    return update(x, now * momentum + value * (1 - momentum))


# -- placeholders and functions ------------------------------------------------------------------


def placeholder(
    shape: Any = None,
    ndim: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    name: str | None = None,
    ragged: bool = False,
) -> SymbolicTensor:
    """Return a symbolic tensor that a function is given."""
    sizes = tuple(shape) if shape is not None else (None,) * (ndim or 0)
    return SymbolicTensor(
        sizes, dtype or config.floatx(), name=name or naming.unique("placeholder")
    )


def is_placeholder(x: Any) -> bool:
    """Return whether a tensor is given, and not computed."""
    return isinstance(x, SymbolicTensor) and (x.node is None or not x.node.inputs)


class Function:
    """What `K.function` returns: a compiled program from a list of arrays to a list of arrays.

    Args:
        inputs: symbolic tensors, anywhere in the graph, and `K.learning_phase()`.
        outputs: symbolic tensors and variables; a list, one alone, or a dictionary.
        updates: pairs (variable, new value), or what `optimizer.get_updates` returned.
        name: for errors.
    """

    def __init__(self, inputs: Any, outputs: Any, updates: Any = None, name: Any = None) -> None:
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        self.inputs, self.outputs = given, outputs
        self._places = [i for i, one in enumerate(given) if not isinstance(one, LearningPhase)]
        self._updates = list(updates or ())
        pairs: list[Any] = [u for u in self._updates if isinstance(u, tuple)]
        self._steps = [u for u in self._updates if isinstance(u, Step)]
        leaves, self._tree = jax.tree.flatten(outputs)
        symbolic = [given[i] for i in self._places]
        wanted = [one for one in leaves if isinstance(one, SymbolicTensor)]
        news = [new for _, new in pairs if isinstance(new, SymbolicTensor)]
        self._leaves, self._pairs, self._wanted = leaves, pairs, wanted
        self._graph = Graph(symbolic, [*wanted, *news], name or "K.function")
        boxes = [*_variables(self._graph), *[box for box, _ in pairs]]
        boxes += [one for one in leaves if isinstance(one, Variable)]
        for step in self._steps:
            boxes += step.variables
        self._boxes = list({id(box): box for box in boxes}.values())
        self._compiled = jax.jit(self._run, static_argnums=(3,))

    def __call__(self, inputs: Any = ()) -> Any:
        values: list[Any] = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if len(values) != len(self.inputs):
            raise ValueError(
                errors.report(
                    "K.function", expected=f"{len(self.inputs)} inputs", got=f"{len(values)}"
                )
            )
        phase = [v for i, v in enumerate(values) if i not in self._places]
        training = bool(phase[0]) if phase else bool(_phase or 0)
        arrays = [
            jnp.asarray(_array(values[i]), jax.dtypes.canonicalize_dtype(self.inputs[i].dtype))
            for i in self._places
        ]
        before = [box.value for box in self._boxes]
        found, after = self._compiled(before, arrays, random.next_key(), training)
        for box, old, new in zip(self._boxes, before, after):
            if new is not old:
                box.assign(new)
        plain = [np.array(one) for one in found]
        return jax.tree.unflatten(self._tree, plain)

    def _run(self, values: list[Any], arrays: list[Any], key: Any, training: bool) -> Any:
        with state.bind(self._boxes, values, key) as scope, context.fresh(training=training):
            found = self._graph.run(arrays)
            count = len(self._wanted)
            results, news = iter(found[:count]), iter(found[count:])
            outputs = [
                next(results) if isinstance(o, SymbolicTensor) else _value(o) for o in self._leaves
            ]
            for box, new in self._pairs:
                box.assign(next(news) if isinstance(new, SymbolicTensor) else _value(new))
            for step in self._steps:
                step.take([self.inputs[i] for i in self._places], arrays)
            return outputs, scope.updates(self._boxes)


def function(
    inputs: Any, outputs: Any, updates: Any = None, name: str | None = None, **kwargs: Any
) -> Function:
    """Return a function from arrays to arrays, along the graph; see `Function`.

    Example:
        >>> x = placeholder((None, 2))
        >>> double = function([x], [x * 2])
        >>> double([np.ones((1, 2))])[0].tolist()
        [[2.0, 2.0]]
    """
    return Function(inputs, outputs, updates, name)


def _array(value: Any) -> Any:
    return value.value if isinstance(value, Variable) else value


def _value(value: Any) -> Any:
    return jnp.asarray(_array(value))


def _variables(graph: Graph) -> list[Variable]:
    """Return the variables that a graph reads."""
    found: list[Variable] = []
    for node in graph.nodes:
        found += getattr(node.operation, "variables", [])
        found += [
            leaf for leaf in jax.tree.leaves((node.args, node.kwargs)) if isinstance(leaf, Variable)
        ]
    return found


# -- gradients -----------------------------------------------------------------------------------


class _Gradient(Operation):
    """One call of `gradients` in the graph: from values of the sources to the gradients."""

    def __init__(
        self,
        loss: SymbolicTensor,
        sources: list[SymbolicTensor],
        origins: list[SymbolicTensor],
        boxes: list[Variable],
    ) -> None:
        # One graph for each source: cut there, the loss depends on it and on the origins alone.
        self._graphs = [Graph(_cut(source, origins), loss, "K.gradients") for source in sources]
        self._whole = Graph(origins, loss, "K.gradients")
        self._boxes, self._count, self._origins = boxes, len(sources), origins
        self._sources = sources
        self.variables = [*_variables(self._whole), *boxes]
        super().__init__(self._gradients, naming.unique("gradients"))

    def _gradients(self, values: list[Any]) -> list[Any]:
        given = values[self._count :]
        found = []
        for graph, source, value in zip(self._graphs, self._sources, values):
            rest = [v for v, origin in zip(given, self._origins) if origin is not source]
            total = lambda x, graph=graph, rest=rest: jnp.sum(graph.run([x, *rest]))  # noqa: E731
            found.append(jax.grad(total)(value))
        if self._boxes:

            def of_weights(weights: list[Any]) -> Any:
                with state.bind(self._boxes, weights):
                    return jnp.sum(self._whole.run(given))

            found += jax.grad(of_weights)([box.value for box in self._boxes])
        return found


def _cut(source: SymbolicTensor, origins: list[SymbolicTensor]) -> list[SymbolicTensor]:
    return [source, *(origin for origin in origins if origin is not source)]


class NeedsTheGraph(BaseException):
    """Raised where a layer's own call asks for gradients: it is called on the graph then.

    (No `Exception`, because it is not an error to explain on the way.)
    """


def without_graph(where: str) -> TypeError:
    """Return the error where there are values, and gradients of the graph are asked for."""
    fix = "build the tensor from keras.Input, or use a GradientTape"
    return TypeError(errors.report(where, expected="a tensor of the graph", fix=fix))


def gradients(loss: SymbolicTensor, variables: Any) -> list[Any]:
    """Return the gradients of the sum of a tensor with respect to tensors or variables.

    Args:
        loss: a symbolic tensor of any shape.
        variables: symbolic tensors of its graph (inputs, outputs of layers), and variables.

    Returns:
        Symbolic tensors of the shapes of the variables; None for one that the loss does not
        follow from.

    Example:
        >>> x = placeholder((3,))
        >>> function([x], gradients(ops.sum(x * x), [x]))([np.ones(3)])[0].tolist()
        [2.0, 2.0, 2.0]
    """
    wanted = list(variables) if isinstance(variables, (list, tuple)) else [variables]
    if not isinstance(loss, SymbolicTensor):
        running = context.current()
        if running is not None and running.abstract:
            raise NeedsTheGraph
        raise without_graph("K.gradients")
    origins, reached = _ancestors(loss)
    sources = [v for v in wanted if isinstance(v, SymbolicTensor) and id(v) in reached]
    sources = list({id(v): v for v in sources}.values())
    boxes = [v for v in wanted if isinstance(v, Variable)]
    specs = [*sources, *boxes]
    if not specs:
        return [None] * len(wanted)
    outputs = [SymbolicTensor(v.shape, v.dtype) for v in specs]
    operation = _Gradient(loss, sources, origins, boxes)
    Node(operation, ([*sources, *origins],), {}, outputs)
    known = {id(v): output for v, output in zip(specs, outputs)}
    return [known.get(id(v)) for v in wanted]


def _ancestors(loss: SymbolicTensor) -> tuple[list[SymbolicTensor], set[int]]:
    """Return the tensors that a graph begins with, and the ids of all that it goes through."""
    origins, reached, stack = [], set(), [loss]
    while stack:
        tensor = stack.pop()
        if id(tensor) in reached:
            continue
        reached.add(id(tensor))
        before = tensor.node.inputs if tensor.node is not None else []
        if not before:
            origins.append(tensor)
        stack.extend(before)
    return origins, reached


class Step:
    """What `optimizer.get_updates` returns: a step for a symbolic loss, taken by `K.function`."""

    def __init__(self, optimizer: Any, loss: SymbolicTensor, params: list[Variable]) -> None:
        self._optimizer, self._loss, self._params = optimizer, loss, list(params)
        if not optimizer.built:
            optimizer.build(self._params)
        self._origins, _ = _ancestors(loss)
        self.variables = [*_variables(Graph(self._origins, loss)), *self._params]
        self.variables += optimizer.variables

    def take(self, inputs: list[SymbolicTensor], arrays: list[Any]) -> None:
        """Take the step for the values of the inputs."""
        graph = Graph(inputs, self._loss, "optimizer.get_updates")

        def total(weights: list[Any]) -> Any:
            with state.bind(self._params, weights):
                return jnp.sum(graph.run(arrays))

        grads = jax.grad(total)([box.value for box in self._params])
        self._optimizer.apply(grads, self._params)


# -- what is only there so that programs run -----------------------------------------------------


class Session:
    """Stands for TensorFlow's session: values are there without one."""

    def run(self, fetches: Any, feed_dict: Any = None, **kwargs: Any) -> Any:
        """Return the values of tensors and variables."""
        single = not isinstance(fetches, (list, tuple))
        wanted = [f for f in ([fetches] if single else fetches) if f is not None]
        feed = {k: v for k, v in (feed_dict or {}).items() if isinstance(k, SymbolicTensor)}
        if any(isinstance(f, SymbolicTensor) for f in wanted):
            found = function(list(feed), wanted)(list(feed.values()))
        else:
            found = [get_value(f) for f in wanted if hasattr(f, "shape")]
        return (found[0] if found else None) if single else found

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def as_default(self) -> Session:
        """Return itself."""
        return self

    def close(self) -> None:
        """Do nothing."""

    @property
    def graph(self) -> Any:
        """Itself: there is one graph."""
        return self


_session = Session()


def get_session(*_: Any) -> Session:
    """Return an object that stands for TensorFlow's session."""
    return _session


def set_session(session: Any) -> None:
    """Do nothing: there are no sessions."""


def manual_variable_initialization(value: Any) -> None:
    """Do nothing: variables have their values when they are made."""


def print_tensor(x: Any, message: str = "", summarize: int = 3) -> Any:
    """Print the value whenever it is computed, and return it."""
    return _printed(x, message)


def _print(x: Any, message: str) -> Any:
    jax.debug.print(message.replace("{", "{{").replace("}", "}}") + " {}", x)
    return x


def _make_printed() -> Callable[..., Any]:
    from keraunos.compat.keras_backend.arrays import op

    return op(_print)


_printed = _make_printed()
