"""`tf.function`: a Python function compiled once for each signature, with its variables.

Tracing it finds the variables that it reads and assigns; they become inputs and outputs of the
compiled program. Where its Python control flow looks at values, which a trace does not have, it
runs eagerly from then on, and says so once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from keraunos import errors
from keraunos._core import context, random, state
from keraunos._core.tape import outside
from keraunos._core.variable import Variable, readers
from keraunos.compat.tensorflow._tensor import HostTensor, is_strings, tensor

# What JAX raises where Python asks for a value that a trace does not have.
_VALUES_NEEDED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
    NotImplementedError,  # .numpy() of a traced tensor
)
_TRIES = 20
_settings = {"eagerly": False}


class NeedsEager(Exception):
    """Raised by what cannot be traced, as a loop over a Dataset: the function runs eagerly."""


class _MoreVariables(Exception):
    """A trace has read or assigned variables that were not its inputs."""


class _Program:
    """One signature of a function: its variables and the compiled program."""

    def __init__(
        self, function: Callable[..., Any], tree: Any, places: list[int], fixed: list[Any]
    ):
        self._function, self._tree, self._places, self._fixed = function, tree, places, fixed
        self._boxes: list[Variable] = []
        self._start()

    def _start(self) -> None:
        self._compiled = jax.jit(self._pure)

    def __call__(self, arrays: list[Any]) -> Any:
        for _ in range(_TRIES):
            # Read in the open: a tape around this call learns of them.
            values = [box.value for box in self._boxes]
            try:
                results, updates = self._compiled(
                    values, random.step_seed(), next(random._eager_calls), arrays
                )
                break
            except _MoreVariables:
                self._start()
        else:
            raise RuntimeError("tf.function: each trace makes new variables; make them outside")
        for box, value in zip(self._changed, updates, strict=True):
            box._value, box._lent = value, False
        leaves = list(self._constants)
        for place, value in zip(self._found, results, strict=True):
            leaves[place] = value
        return jax.tree.unflatten(self._result, leaves)

    def _pure(
        self, values: list[Any], seed: Any, count: Any, arrays: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        # As `random.next_key` does, but inside of the program.
        key = jax.random.fold_in(jax.random.wrap_key_data(seed, impl="threefry2x32"), count)
        leaves = list(self._fixed)
        for place, value in zip(self._places, arrays, strict=True):
            leaves[place] = value
        args, kwargs = jax.tree.unflatten(self._tree, leaves)
        with (
            _reads() as read,
            state.bind(self._boxes, values, key),
            state.sandbox() as scope,
            context.fresh(),
        ):
            flat, tree = jax.tree.flatten(self._function(*args, **kwargs))
            flat = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in flat]
            changed = scope.written()
            updates = scope.updates(changed)
        known = {id(box) for box in self._boxes}
        more = {id(box): box for box in (*read, *changed) if id(box) not in known}
        if more:
            self._boxes += more.values()
            raise _MoreVariables
        self._result = tree
        self._found = [i for i, leaf in enumerate(flat) if _is_array(leaf)]
        self._constants = [None if _is_array(leaf) else leaf for leaf in flat]
        self._changed = changed
        return [flat[i] for i in self._found], updates


class Function:
    """A compiled function; see `function`."""

    def __init__(self, python_function: Callable[..., Any], signature: Any = None) -> None:
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self.input_signature = signature
        self._programs: dict[Any, tuple[_Program, Any]] = {}
        self._eager = False

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self if owner is None else functools.partial(self, owner)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._eager or _settings["eagerly"] or _inside():
            return self.python_function(*args, **kwargs)
        if self.input_signature is not None:
            args = self._cast(args)
        leaves, tree = jax.tree.flatten((args, kwargs))
        # A string of Python's own is a setting; a tensor of strings cannot be traced.
        if any(isinstance(leaf, np.ndarray) and is_strings(leaf) for leaf in leaves):
            return self.python_function(*args, **kwargs)
        places = [i for i, leaf in enumerate(leaves) if _is_array(leaf)]
        key = (tree, *map(_mark, leaves))
        if key not in self._programs:
            fixed = [None if _is_array(leaf) else leaf for leaf in leaves]
            program = _Program(self.python_function, tree, places, fixed)
            # The leaves are kept: what is known by its id must not make room for another.
            self._programs[key] = program, fixed
        try:
            return self._programs[key][0]([_plain(leaves[i]) for i in places])
        except Exception as error:
            if not _needs_values(error):
                raise
            self._go_eager(error)
        return self.python_function(*args, **kwargs)

    def _cast(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Make tensors of the numbers that the input signature describes."""
        specs = list(self.input_signature)
        skip = len(args) - len(specs)  # self, of a method
        return (
            *args[:skip],
            *(
                tensor(a, s.dtype) if hasattr(s, "dtype") else a
                for a, s in zip(args[max(skip, 0) :], specs)
            ),
        )

    def _go_eager(self, error: Exception) -> None:
        self._eager = True
        if not isinstance(error, NeedsEager):
            first = str(error).split("\n")[0][:200]
            text = f"tf.function {self.__name__}: runs without compilation, because its Python code"  # pyright: ignore[reportAttributeAccessIssue]
            errors.warn(f"{text} looks at a tensor's value ({first})")

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> Function:
        return self

    def experimental_get_tracing_count(self) -> int:
        return len(self._programs)


def function(
    func: Any = None,
    input_signature: Any = None,
    autograph: bool = True,
    jit_compile: Any = None,
    reduce_retracing: bool = False,
    experimental_implements: Any = None,
    experimental_autograph_options: Any = None,
    experimental_relax_shapes: Any = None,
    experimental_compile: Any = None,
    experimental_follow_type_hints: Any = None,
    experimental_attributes: Any = None,
) -> Any:
    """Compile a function: once for each shape and dtype of its tensors, and each other argument.

    Variables that it uses are inputs, what it assigns is an output. `for i in tf.range(n)` is
    unrolled; where Python's `if` or `while` looks at a tensor's value, the function runs eagerly,
    and warns once.

    Example:
        >>> @function
        ... def double(x):
        ...     return 2 * x
        >>> double(np.ones(2, "float32")).tolist()
        [2.0, 2.0]
    """
    if func is None:
        return lambda found: function(found, input_signature)
    return func if isinstance(func, Function) else Function(func, input_signature)


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Run every `tf.function` as plain Python, for a debugger."""
    _settings["eagerly"] = bool(run_eagerly)


def functions_run_eagerly() -> bool:
    """Return what `run_functions_eagerly` has set."""
    return _settings["eagerly"]


def executing_eagerly() -> bool:
    """Return whether tensors have values here: False inside a compiled function."""
    return outside()


def py_function(func: Any = None, inp: Any = (), Tout: Any = None, name: Any = None) -> Any:
    """Run Python on values; a compiled function around it runs eagerly from then on."""
    if not outside():
        raise NeedsEager("tf.py_function")
    result = func(*inp)
    if not isinstance(Tout, (list, tuple)):
        return tensor(result, Tout) if Tout is not None else result
    result = result if isinstance(result, (list, tuple)) else [result]
    return [tensor(r, t) for r, t in zip(result, Tout)]


def numpy_function(func: Any = None, inp: Any = (), Tout: Any = None, *_: Any, **__: Any) -> Any:
    """Run a function of NumPy arrays on values; see `py_function`."""
    if not outside():
        raise NeedsEager("tf.numpy_function")
    return py_function(func, [np.asarray(tensor(v)) for v in inp], Tout)


@contextmanager
def _reads() -> Iterator[list[Variable]]:
    """Collect the variables that are read in the block; tapes outside are not told of tracers."""
    listeners, found = readers(), []
    before, listeners[:] = list(listeners), [lambda box, value: found.append(box)]
    try:
        yield found
    finally:
        listeners[:] = before


def _inside() -> bool:
    """Return whether a compiled function or a layer is running: then this one is part of it."""
    return state.current() is not None or context.current() is not None or not outside()


def _is_array(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return leaf.view(np.ndarray).dtype.kind not in "OSU"
    return isinstance(leaf, (jax.Array, np.generic)) and not isinstance(leaf, (np.str_, np.bytes_))


def _plain(leaf: Any) -> Any:
    return leaf.view(np.ndarray) if isinstance(leaf, HostTensor) else leaf


def _mark(leaf: Any) -> Any:
    """Return what of an argument makes another program: shape and dtype, or the value itself."""
    if _is_array(leaf):
        return tuple(leaf.shape), str(leaf.dtype)
    if isinstance(leaf, (int, float, str, bytes, type(None))):
        return type(leaf), leaf
    return id(leaf)


def _needs_values(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, (*_VALUES_NEEDED, NeedsEager)):
            return True
        error = error.__cause__
    return False


TABLES = {
    "tensorflow": {
        "function": function,
        "py_function": py_function,
        "numpy_function": numpy_function,
        "executing_eagerly": executing_eagerly,
    },
    "tensorflow.config": {
        "run_functions_eagerly": run_functions_eagerly,
        "functions_run_eagerly": functions_run_eagerly,
    },
    "tensorflow.config.experimental": {"run_functions_eagerly": run_functions_eagerly},
    "tensorflow.autograph.experimental": {
        "do_not_convert": lambda func=None: func or (lambda f: f)
    },
    "tensorflow.types.experimental": {"GenericFunction": Function},
}
