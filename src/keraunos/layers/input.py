"""Input: where data enter a graph."""

from __future__ import annotations

from typing import Any

from keraunos import errors
from keraunos._core import dtypes
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.symbolic import Node, SymbolicTensor
from keraunos.layers import _arguments as arguments


@register()
class InputLayer(Layer):
    """The layer behind `Input`; a model's graph and its file begin with these.

    Args:
        shape: without the batch, None for sizes that vary.
        batch_size: the batch, if it is fixed.
        dtype: of the data; the default float type where none is given.
        sparse, ragged: kept for the config; data are dense here.
        batch_shape: the whole shape, instead of `shape`.
        input_tensor: a symbolic tensor to use, instead of a new one.
        optional: whether None may be passed.
        name: of the layer and of its tensor.

    Raises:
        ValueError: neither or both of `shape` and `batch_shape`.

    Example:
        >>> InputLayer((3,)).batch_shape
        (None, 3)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: SymbolicTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if input_tensor is not None:
            if not isinstance(input_tensor, SymbolicTensor):
                where, expected = "Input, argument 'tensor'", "what Input() returns"
                raise ValueError(errors.report(where, expected=expected, got=repr(input_tensor)))
            shape, batch_size, batch_shape = None, None, input_tensor.shape
            dtype = input_tensor.dtype
        super().__init__(name=name, dtype=dtypes.standardize_dtype(dtype), **kwargs)
        self.batch_shape = self._whole_shape(shape, batch_size, batch_shape)
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        if input_tensor is None:
            input_tensor = SymbolicTensor(
                self.batch_shape, self.dtype, sparse=self.sparse, name=self.name
            )
        Node(self, (), {}, input_tensor)
        self.built = True

    def call(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Do nothing: the value is given by whoever runs the graph."""

    def get_config(self) -> dict[str, Any]:
        """Return Keras's config: the dtype is of the data, not a policy."""
        keys = ("batch_shape", "dtype", "sparse", "ragged", "optional", "name")
        return {key: getattr(self, key) for key in keys}

    def _whole_shape(
        self, shape: Any, batch_size: int | None, batch_shape: Any
    ) -> tuple[int | None, ...]:
        where = f"Input {self.name!r}"
        if (shape is None) == (batch_shape is None) or (
            batch_shape is not None and batch_size is not None
        ):
            got = f"shape={shape}, batch_size={batch_size}, batch_shape={batch_shape}"
            expected = "shape (with or without batch_size) or batch_shape"
            raise ValueError(errors.report(where, expected=expected, got=got))
        if batch_size is not None:
            arguments.integer(self, "batch_size", batch_size, least=0)
        given = shape if batch_shape is None else batch_shape
        if isinstance(given, int) or not all(
            n is None or (isinstance(n, int) and n >= 0) for n in given
        ):
            fix = f"write shape=({given},)" if isinstance(given, int) else None
            raise ValueError(
                errors.report(
                    where, expected="a shape: sizes, None where they vary", got=given, fix=fix
                )
            )
        return (batch_size, *given) if batch_shape is None else tuple(given)


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: SymbolicTensor | None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Return a symbolic tensor for data of this shape; the arguments are those of `InputLayer`.

    Example:
        >>> Input((28, 28, 1), name="image")
        <KerasTensor shape=(None, 28, 28, 1), dtype=float32, name=image>
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    )
    return layer.output
