"""What programs borrowed from inside older Keras: measures, batches, shapes, HDF5 groups, tests."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from keraunos import errors, ops
from keraunos.datasets._cache import load_pickle
from keraunos.layers import Layer
from keraunos.models import Sequential
from keraunos.preprocessing.affine import warp
from keraunos.saving import hdf5

# -- keras.utils.np_utils ------------------------------------------------------------------------


def probas_to_classes(y_pred: Any) -> np.ndarray:
    """Return the classes of predictions: the largest of several, else what is above 0.5.

    Example:
        >>> probas_to_classes([[0.2, 0.8], [0.9, 0.1]]).tolist()
        [1, 0]
        >>> probas_to_classes([[0.7]]).tolist()
        [[1]]
    """
    y_pred = np.asarray(y_pred)
    several = y_pred.ndim > 1 and y_pred.shape[1] > 1
    return categorical_probas_to_classes(y_pred) if several else (y_pred > 0.5).astype(int)


def categorical_probas_to_classes(p: Any) -> np.ndarray:
    """Return the most probable class of each row."""
    return np.argmax(p, axis=1)


def accuracy(p: Any, y: Any) -> float:
    """Return the share of equal entries."""
    return float(np.mean(np.equal(p, y)))


def multiclass_logloss(p: Any, y: Any) -> float:
    """Return the mean cross-entropy of probabilities p (n, classes) and one-hot targets y."""
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.sum(y * np.log(p / p.sum(1, keepdims=True)), axis=1)))


def binary_logloss(p: Any, y: Any) -> float:
    """Return the mean cross-entropy of probabilities and targets of 0 and 1."""
    p, y = np.clip(p, 1e-15, 1 - 1e-15), np.asarray(y)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


# -- batches, shapes, names ----------------------------------------------------------------------


def make_batches(size: int, batch_size: int) -> list[tuple[int, int]]:
    """Return where each batch begins and ends.

    Example:
        >>> make_batches(5, 2)
        [(0, 2), (2, 4), (4, 5)]
    """
    return [(i, min(i + batch_size, size)) for i in range(0, size, batch_size)]


def batch_shuffle(index_array: Any, batch_size: int) -> np.ndarray:
    """Return indices whose full batches change places and stay whole; the rest stays last."""
    index = np.asarray(index_array)
    full = len(index) // batch_size * batch_size
    batches = index[:full].reshape(-1, batch_size)
    return np.concatenate([np.random.permutation(batches).ravel(), index[full:]])


def iter_sequence_infinite(seq: Any) -> Iterator[Any]:
    """Yield the batches of a Sequence, over and over."""
    while True:
        yield from (seq[i] for i in range(len(seq)))


def is_all_none(structure: Any) -> bool:
    """Return whether all elements are None."""
    rows = structure if isinstance(structure, (list, tuple)) else [structure]
    return all(one is None for one in rows)


def make_tuple(*args: Any) -> tuple[Any, ...]:
    return args


def transpose_shape(shape: Any, target_format: str, spatial_axes: Any) -> Any:
    """Return a shape with channels last, as `target_format` has it.

    Example:
        >>> transpose_shape((8, 32, 32, 3), "channels_first", (1, 2))
        (8, 3, 32, 32)
    """
    if target_format == "channels_last":
        return shape
    if target_format != "channels_first":
        raise ValueError(errors.report("data_format", got=repr(target_format)))
    space = tuple(shape[axis] for axis in spatial_axes)
    return type(shape)((*shape[: spatial_axes[0]], shape[-1], *space))


def normalize_padding(value: str) -> str:
    """Return a padding's name in small letters.

    Raises:
        ValueError: there is no such padding.
    """
    if (name := value.lower()) not in ("valid", "same", "causal"):
        raise ValueError(errors.report("padding", got=repr(value), fix="'valid' or 'same'"))
    return name


def deconv_length(
    dim_size: int | None,
    stride_size: int,
    kernel_size: int,
    padding: str,
    output_padding: int | None = None,
    dilation: int = 1,
) -> int | None:
    """Return the size of a transposed convolution's output along an axis.

    Example:
        >>> deconv_length(4, 2, 3, "valid"), deconv_length(4, 2, 3, "same")
        (9, 8)
    """
    if dim_size is None:
        return None
    width = kernel_size + (kernel_size - 1) * (dilation - 1)
    if output_padding is not None:
        pad = {"same": width // 2, "valid": 0, "full": width - 1}[padding]
        return (dim_size - 1) * stride_size + width - 2 * pad + output_padding
    more = {"same": 0, "valid": max(width - stride_size, 0), "full": 2 - stride_size - width}
    return dim_size * stride_size + more[padding]


def get_from_module(
    identifier: Any,
    module_params: dict[str, Any],
    module_name: str,
    instantiate: bool = False,
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Return what a name stands for in a module's names.

    Raises:
        ValueError: the module has no such name.
    """
    if not isinstance(identifier, str):
        return identifier
    found = module_params.get(identifier)
    if found is None:
        fix = errors.suggest(identifier, list(module_params))
        raise ValueError(errors.report(f"{module_name} has no {identifier!r}", fix=fix))
    return found(**kwargs or {}) if instantiate or kwargs else found


def get_fans(shape: Any, dim_ordering: str = "tf") -> tuple[float, float]:
    """Return how many inputs and outputs a kernel of a shape has."""
    shape = tuple(shape)
    if len(shape) == 2:
        return shape
    space = int(np.prod(shape[2:] if dim_ordering == "th" else shape[:-2]))
    outputs, inputs = shape[:2] if dim_ordering == "th" else shape[:-3:-1]
    return inputs * space, outputs * space


def clip_norm(g: Any, c: float, n: Any) -> Any:
    """Return a gradient whose norm n is brought down to c."""
    return ops.where(n >= c, g * c / n, g) if c > 0 else g


def time_distributed_dense(
    x: Any,
    w: Any,
    b: Any = None,
    dropout: float | None = None,
    input_dim: int | None = None,
    output_dim: int | None = None,
    timesteps: int | None = None,
    training: Any = None,
) -> Any:
    """Return `x @ w + b` of each time step of x (batch, time, features)."""
    from keraunos.compat.keras_backend.arrays import dropout as dropped
    from keraunos.compat.keras_backend.graph import in_train_phase

    if dropout:
        share = dropout
        x = in_train_phase(lambda: dropped(x, share), x, training=training)
    found = ops.matmul(x, w)
    return found if b is None else found + b


# -- files ---------------------------------------------------------------------------------------


def ask_to_proceed_with_overwrite(filepath: Any) -> bool:
    """Return whether the person at the keyboard lets a file be replaced."""
    return input(f"{filepath} is there: overwrite it? [y/n] ").strip().lower() == "y"


def validate_file(
    fpath: Any, file_hash: str, algorithm: str = "auto", chunk_size: int = 65535
) -> bool:
    """Return whether a file has this MD5 or SHA-256 sum."""
    import hashlib

    name = algorithm if algorithm != "auto" else "sha256" if len(file_hash) == 64 else "md5"
    with Path(fpath).open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest() == file_hash.lower()


def list_pictures(directory: Any, ext: str = "jpg|jpeg|bmp|png|ppm") -> list[str]:
    """Return the paths of the pictures in and below a folder."""
    fits = re.compile(rf".*\.({ext})", re.IGNORECASE).fullmatch
    return sorted(str(path) for path in Path(directory).rglob("*") if fits(path.name))


def transform_matrix_offset_center(matrix: Any, x: int, y: int) -> np.ndarray:
    """Return a 3 by 3 transform that turns about the middle of x rows and y columns."""
    to = np.array([[1, 0, x / 2 + 0.5], [0, 1, y / 2 + 0.5], [0, 0, 1]])
    back = np.array([[1, 0, -x / 2 - 0.5], [0, 1, -y / 2 - 0.5], [0, 0, 1]])
    return to @ np.asarray(matrix) @ back


def apply_transform(
    x: Any,
    transform_matrix: Any,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0,
) -> np.ndarray:
    """Return a picture whose pixel p is pixel `transform_matrix @ p` of x."""
    moved = np.moveaxis(np.asarray(x, "float32"), channel_axis, -1)
    found = warp(moved, np.asarray(transform_matrix), fill_mode, cval)
    return np.moveaxis(found, -1, channel_axis)


def load_batch(fpath: Any, label_key: str = "labels") -> tuple[np.ndarray, list[int]]:
    """Return images (n, 3, 32, 32) and labels of one of CIFAR's files."""
    with Path(fpath).open("rb") as file:
        data = load_pickle(file)
    data = {k.decode() if isinstance(k, bytes) else k: v for k, v in data.items()}
    return np.asarray(data["data"]).reshape(-1, 3, 32, 32), data[label_key]


def _as_model(layers: list[Any]) -> Any:
    """Return what the file's reader and writer ask of a model."""
    weights = [w for layer in layers for w in layer.weights]
    return SimpleNamespace(layers=layers, name="of these layers", weights=weights)


def load_weights_from_hdf5_group(f: Any, layers: list[Any], reshape: bool = False) -> None:
    """Read the weights of layers, in their order, from an open file or a group of it."""
    hdf5._take_layers(f, _as_model(layers), Path(f.file.filename))


def load_weights_from_hdf5_group_by_name(
    f: Any, layers: list[Any], skip_mismatch: bool = False, reshape: bool = False
) -> None:
    """Read the weights of the layers whose names are in an open file or a group of it."""
    path = Path(f.file.filename)
    hdf5._take_layers(f, _as_model(layers), path, by_name=True, skip_mismatch=skip_mismatch)


def save_weights_to_hdf5_group(f: Any, layers: list[Any]) -> None:
    """Write the weights of layers into an open file or a group of it."""
    hdf5._put_layers(f, _as_model(layers))


def load_attributes_from_hdf5_group(group: Any, name: str) -> list[str]:
    """Return a list of names that is kept with a group, in parts where it is long."""
    return hdf5._names(group, name)


def save_attributes_to_hdf5_group(group: Any, name: str, data: Any) -> None:
    """Keep a list of names with a group, in parts where it is long."""
    texts = [one.decode() if isinstance(one, bytes) else str(one) for one in data]
    hdf5._put_names(group, name, texts)


def preprocess_weights_for_loading(layer: Any, weights: Any, *_: Any, **__: Any) -> Any:
    """Return the weights: what is read from a file is of the file's layout already."""
    return weights


# -- keras.utils.test_utils ----------------------------------------------------------------------


def get_test_data(
    num_train: int = 1000,
    num_test: int = 500,
    input_shape: tuple[int, ...] = (10,),
    output_shape: tuple[int, ...] = (2,),
    classification: bool = True,
    num_classes: int = 2,
    **old: Any,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (x, y) to train and (x, y) to test on, easy to learn.

    Example:
        >>> (x, y), _ = get_test_data(20, 5, input_shape=(3,))
        >>> x.shape, y.shape
        ((20, 3), (20,))
    """
    num_train, num_test = old.pop("nb_train", num_train), old.pop("nb_test", num_test)
    classes = old.pop("nb_class", num_classes)
    count = num_train + num_test
    if classification:
        y = np.random.randint(0, classes, size=(count,))
        middle = y
    else:
        middle = np.random.random(count)
        y = np.broadcast_to(middle.reshape(-1, *[1] * len(output_shape)), (count, *output_shape))
    x = middle.reshape(-1, *[1] * len(input_shape)) + np.random.normal(
        0, 0.7, (count, *input_shape)
    )
    x, y = x.astype("float32"), np.array(y)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


def keras_test(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return the test itself: there is no session to clear."""

    @functools.wraps(func)
    def run(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return run


def layer_test(
    layer_cls: type[Layer],
    kwargs: dict[str, Any] | None = None,
    input_shape: Any = None,
    input_dtype: Any = None,
    input_data: Any = None,
    expected_output: Any = None,
    **ignored: Any,
) -> np.ndarray:
    """Return a layer's output, after it was built from its config, saved by value, and trained.

    Raises:
        AssertionError: the output is not the expected one, or the copy's is another.
    """
    if input_data is None:
        shape = [np.random.randint(1, 4) if n is None else n for n in input_shape]
        input_data = 10 * np.random.random(shape)
    input_data = np.asarray(input_data, input_dtype or "float32")
    shape = tuple(input_shape or input_data.shape)
    layer = layer_cls(**kwargs or {})
    model = Sequential([layer])
    model.build((None, *shape[1:]))
    found = np.asarray(model.predict(input_data, verbose=0))
    if expected_output is not None:
        np.testing.assert_allclose(found, expected_output, rtol=1e-3)
    copy = Sequential([layer_cls.from_config(layer.get_config())])
    copy.build((None, *shape[1:]))
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(input_data, verbose=0), found, rtol=1e-3)
    model.compile("rmsprop", "mse")
    model.train_on_batch(input_data, found)
    return found
