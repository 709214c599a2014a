"""Symbolic tensors: shape and dtype of a value to come, and the node that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from keraunos import errors
from keraunos._core import dtypes, naming

# One unknown size is tried as two numbers; what changes in the result is unknown too. They are
# rich in divisors, so that pooling and reshaping go through, and no real layer has such a size.
MARKERS = ((10_080, 20_160), (96, 160), (6, 10))


class History(NamedTuple):
    """Where a symbolic tensor comes from."""

    operation: Any
    node_index: int
    tensor_index: int


class SymbolicTensor:
    """A tensor of known rank and dtype, without a value; `None` in its shape is an unknown size.

    Args:
        shape: sizes, None where unknown; the batch comes first.
        dtype: of the values.
        sparse, ragged: kept for programs that ask; always dense here.
        record_history: kept for programs that pass it.
        name: of the tensor.

    Example:
        >>> SymbolicTensor((None, 3), name="x")
        <KerasTensor shape=(None, 3), dtype=float32, name=x>
    """

    # NumPy must leave `array * tensor` to us.
    __array_priority__ = 1000
    __array_ufunc__ = None

    def __init__(
        self,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> None:
        self.shape: tuple[int | None, ...] = tuple(shape)
        self.dtype = dtypes.standardize_dtype(dtype)
        self.sparse, self.ragged, self.record_history = sparse, ragged, record_history
        self.name = name or naming.unique("keras_tensor")
        self.node: Node | None = None
        self.index = 0
        # Shape and dtype of the mask that will travel with the value, if one will.
        self.mask: SymbolicTensor | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int | None:
        total = 1
        for n in self.shape:
            if n is None:
                return None
            total *= n
        return total

    @property
    def _keras_history(self) -> History:
        if self.node is None:
            return History(None, 0, 0)
        nodes = self.node.operation._inbound_nodes
        return History(self.node.operation, nodes.index(self.node), self.index)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __bool__(self) -> bool:
        raise TypeError(
            _no_value(
                self, "`if`, `and`, `not` cannot look at it", "keras.ops.where or keras.ops.cond"
            )
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            _no_value(self, "NumPy cannot take it", "the function of the same name in keras.ops")
        )

    __float__ = __int__ = __array__

    def __iter__(self) -> Any:
        if not self.shape or self.shape[0] is None:
            raise TypeError(
                _no_value(
                    self,
                    "its first size is unknown, so it cannot be iterated over",
                    "keras.ops.unstack",
                )
            )
        whole: Any = self  # `ops` brings the indexing
        return iter([whole[i] for i in range(self.shape[0])])

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise TypeError(_no_value(self, "its length is unknown", "keras.ops.shape(x)[0]"))
        return self.shape[0]


class Node:
    """One call of an operation: who was called, with what, and what comes out.

    Args:
        operation: a layer, a model or an operation of `keraunos.ops`; callable again.
        args, kwargs: of the call, symbolic tensors anywhere in them.
        outputs: a structure of new symbolic tensors.
    """

    def __init__(
        self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any
    ) -> None:
        self.operation = operation
        # A list of tensors that was passed may grow afterwards.
        self.args, self.kwargs = copied(args), copied(kwargs)
        self.inputs = tensors((args, kwargs))
        self.structure = outputs
        self.outputs = tensors(outputs)
        for index, tensor in enumerate(self.outputs):
            tensor.node, tensor.index = self, index
        operation._inbound_nodes.append(self)

    @property
    def input_tensors(self) -> list[SymbolicTensor]:
        return self.inputs

    @property
    def output_tensors(self) -> list[SymbolicTensor]:
        return self.outputs


def copied(structure: Any) -> Any:
    """Return the same leaves in new lists, tuples and dicts."""
    if type(structure) in (list, tuple):
        return type(structure)(map(copied, structure))
    if type(structure) is dict:
        return {key: copied(value) for key, value in structure.items()}
    return structure


def tensors(structure: Any) -> list[SymbolicTensor]:
    """Return the symbolic tensors anywhere in a structure of lists, tuples and dicts."""
    return [leaf for leaf in jax.tree.leaves(structure) if isinstance(leaf, SymbolicTensor)]


def any_symbolic(structure: Any) -> bool:
    """Return whether a symbolic tensor stands anywhere in a structure; cheap for flat arguments."""
    if isinstance(structure, SymbolicTensor):
        return True
    if isinstance(structure, (list, tuple)):
        return any(map(any_symbolic, structure))
    if isinstance(structure, dict):
        return any(map(any_symbolic, structure.values()))
    return False


def infer(function: Callable[..., Any], args: Any, kwargs: Any, unify: bool = False) -> Any:
    """Return symbolic outputs of a function of arrays, by abstract evaluation.

    An unknown size is tried as two numbers, and sizes that differ in the result are unknown. With
    `unify` an unknown size takes the size that another operand has on the same axis, counted from
    the right, where the plain evaluation fails (elementwise functions of (None, 3) and (2, None));
    one axis is left as it is if that is enough (arrays are put together along it).
    """
    leaves, tree = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, SymbolicTensor)]
    shapes = [leaves[i].shape for i in places]

    def evaluate(sizes: list[tuple[int | None, ...]], unknown: int) -> list[jax.ShapeDtypeStruct]:
        specs = [
            _spec(shape, leaves[i].dtype, unknown) for i, shape in zip(places, sizes, strict=True)
        ]

        def call(*arrays: Any) -> Any:
            full = list(leaves)
            for i, array in zip(places, arrays, strict=True):
                full[i] = array
            inner_args, inner_kwargs = jax.tree.unflatten(tree, full)
            return function(*inner_args, **inner_kwargs)

        return jax.eval_shape(call, *specs)

    if not any(None in shape for shape in shapes):
        return jax.tree.map(_symbol, evaluate(shapes, 0))
    failures = []
    for first, second in MARKERS:
        try:
            one = evaluate(shapes, first)
            two = evaluate(shapes, second)
            return jax.tree.map(_compare, one, two)
        except Exception as error:
            if unify:
                return _infer_unified(function, leaves, places, tree)
            failures.append(error)
            if len(failures) > 1 and "shapes" not in str(error):
                break
    raise failures[0]  # its sizes are those that `unknown_of` knows


def unknown_of(shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """Return a shape seen during inference as the user knows it: a marker is an unknown size."""
    marks = MARKERS[0]
    return tuple(None if n in marks else n for n in shape)


def _spec(shape: tuple[int | None, ...], dtype: str, unknown: int) -> jax.ShapeDtypeStruct:
    if dtype == "string":
        fix = "call TextVectorization, StringLookup or Hashing on them first"
        raise TypeError(errors.report("strings are no input for this", fix=fix))
    sizes = tuple(unknown if n is None else n for n in shape)
    return jax.ShapeDtypeStruct(sizes, jax.dtypes.canonicalize_dtype(dtypes.numpy_dtype(dtype)))


def _symbol(spec: Any) -> SymbolicTensor:
    return SymbolicTensor(spec.shape, spec.dtype)


def _compare(one: Any, two: Any) -> SymbolicTensor:
    shape = tuple(a if a == b else None for a, b in zip(one.shape, two.shape, strict=True))
    return SymbolicTensor(shape, one.dtype)


def resized(tensor: Any, shape: Any) -> Any:
    """Return a symbolic tensor with other sizes; an array as it is."""
    return SymbolicTensor(shape, tensor.dtype) if isinstance(tensor, SymbolicTensor) else tensor


def _infer_unified(
    function: Callable[..., Any], leaves: list[Any], places: list[int], tree: Any
) -> Any:
    first: Exception | None = None
    for ones in (False, True):
        for spare in (*range(1, max(leaves[i].ndim for i in places) + 1), None):
            try:
                return infer(function, *_unified(leaves, places, tree, spare, ones))
            except Exception as error:
                first = first or error
    assert first is not None
    raise first


def _unified(
    leaves: list[Any], places: list[int], tree: Any, spare: int | None, ones: bool
) -> tuple[Any, Any]:
    """Return the arguments with the known sizes of others, but for the axis `spare` from behind.

    A size of 1 counts if `ones`: arrays that are put together do not broadcast.
    """
    shaped = [tuple(leaf.shape) for leaf in leaves if hasattr(leaf, "shape")]
    rank = max(len(shape) for shape in shaped)
    known = [
        max((n for n in axis if n is not None), default=None)
        for axis in zip(*((1,) * (rank - len(shape)) + shape for shape in shaped), strict=True)
    ]
    if spare is not None:
        known[-spare] = None
    padded = [(1,) * (rank - leaves[i].ndim) + leaves[i].shape for i in places]
    full = list(leaves)
    for i, shape in zip(places, padded, strict=True):
        merged = [
            k if n is None and (ones or k != 1) else n for n, k in zip(shape, known, strict=True)
        ]
        full[i] = SymbolicTensor(merged[rank - leaves[i].ndim :], leaves[i].dtype)
    return jax.tree.unflatten(tree, full)


def _no_value(tensor: SymbolicTensor, why: str, instead: str) -> str:
    return errors.report(
        f"symbolic tensor {tensor.name!r} of shape {tensor.shape} has no value yet: {why}",
        fix=f"use {instead}",
    )


def set_operators(table: dict[str, Callable[..., Any]]) -> None:
    """Give symbolic tensors their operators: `__add__` and so on, from `keraunos.ops`."""
    for name, function in table.items():
        setattr(SymbolicTensor, name, function)
