"""Small functions that older Keras kept in `keras.utils`, `keras.engine` and their modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from keraunos import errors
from keraunos._core import registry
from keraunos._core.graph import Function
from keraunos._core.symbolic import Node as Node
from keraunos._core.symbolic import SymbolicTensor as KerasTensor
from keraunos.backend import is_keras_tensor as is_keras_tensor
from keraunos.distribution import DataParallel, list_devices
from keraunos.models import Functional
from keraunos.utils import get_source_inputs as get_source_inputs

Container = Network = Functional
Graph = Function
serialize_keras_object = registry.serialize
deserialize_keras_object = registry.deserialize
layer_from_config = optimizer_from_config = registry.deserialize
KerasHistory = KerasTensor


def _gone(what: str, fix: str, error: type[Exception] = NotImplementedError) -> Callable[..., Any]:
    """Return a function that says what to use instead."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise error(errors.report(f"{what} is not in keraunos", fix=fix))

    refuse.__name__ = refuse.__qualname__ = what
    refuse.__doc__ = f"Refuse: {fix}."
    refuse.__dict__["refuses"] = fix  # for `--check`
    return refuse


plot_model = plot = _gone("plot_model", "use model.summary(); pictures of models are to come")
model_to_dot = _gone("model_to_dot", "use model.summary(); pictures of models are to come")
model_from_yaml = _gone("model_from_yaml", "use to_json and model_from_json", RuntimeError)
warmstart_embedding_matrix = _gone(
    "warmstart_embedding_matrix", "set the rows of embedding.set_weights"
)
GeneratorEnqueuer = _gone("GeneratorEnqueuer", "give the generator to fit")
OrderedEnqueuer = _gone("OrderedEnqueuer", "give the PyDataset to fit")
SequenceEnqueuer = _gone("SequenceEnqueuer", "give the PyDataset to fit")
TFOptimizer = _gone("TFOptimizer", "use an optimizer of keras.optimizers")
LinearModel = _gone("LinearModel", "use Sequential([Dense(1)])")
WideDeepModel = _gone("WideDeepModel", "add the outputs of two models")
model_to_estimator = _gone("model_to_estimator", "train the model with fit")


func_dump = _gone("func_dump", "write the function in a module, and register it")
func_load = _gone("func_load", "write the function in a module, and register it")
_GONE = {
    **dict.fromkeys(
        "check_array_length_consistency check_array_lengths check_num_samples collect_metrics"
        " check_loss_and_target_compatibility standardize_class_weights standardize_input_data"
        " standardize_sample_or_class_weights standardize_sample_weights standardize_single_array"
        " weighted_masked_objective weighted_objective".split(),
        "leave it to fit, which checks and weighs its data",
    ),
    **dict.fromkeys(("fit_loop", "fit_generator"), "call model.fit"),
    **dict.fromkeys(("test_loop", "evaluate_generator"), "call model.evaluate"),
    **dict.fromkeys(("predict_loop", "predict_generator"), "call model.predict"),
    **dict.fromkeys(("h5dict", "H5Dict"), "use h5py.File"),
    **dict.fromkeys(("pickle_model", "unpickle_model"), "use model.save and load_model"),
    **dict.fromkeys(("save_array", "load_array"), "use numpy.save and numpy.load"),
    **dict.fromkeys(("f1score", "fscore"), "use keras.metrics.F1Score"),
    "convert_dense_weights_data_format": "permute the kernel's rows: layer.set_weights",
    "print_layer_summary": "use model.summary()",
    "EigenvalueRegularizer": "write the regularizer as a function of the kernel",
    "DatasetCreator": "give the Dataset to fit",
    "DynamicEmbedding": "use Embedding",
    "DynamicLookup": "use StringLookup",
    "ExportArchive": "save the model as .keras",
    "LayoutMap": "fit runs on all devices of one machine",
    "MeanRelativeError": "use MeanAbsolutePercentageError",
    "MeanTensor": "keep a variable in a Metric of your own",
    "PyMetric": "write a Metric with keras.ops",
    "RadialConstraint": "write the constraint as a function of the kernel",
    "radial_constraint": "write the constraint as a function of the kernel",
    "SequenceFeatures": "use keras.utils.FeatureSpace",
    "SharpnessAwareMinimization": "write train_step",
    "SidecarEvaluator": "evaluate in a callback",
    "SidecarEvaluatorModelExport": "evaluate in a callback",
    "StepsPerExecutionTuner": "leave it out: the loop chooses by itself",
    "TimedThread": "use threading.Timer",
    "UpdateEmbeddingCallback": "use Embedding",
    "fbeta_score": "use keras.metrics.FBetaScore",
    "fmeasure": "use keras.metrics.F1Score",
    "matthews_correlation": "compute it from predictions",
    "precision": "use keras.metrics.Precision",
    "recall": "use keras.metrics.Recall",
}
globals().update({name: _gone(name, fix) for name, fix in _GONE.items()})


class Reduction:
    """How a loss is reduced: the names of tf.keras."""

    AUTO = "sum_over_batch_size"
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


def to_ordinal(y: Any, num_classes: int | None = None, dtype: Any = "float32") -> np.ndarray:
    """Return for each class whether it is passed: class 2 of 4 is (1, 1, 0).

    Example:
        >>> to_ordinal([0, 2], num_classes=4).tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    y = np.asarray(y, int)
    y = y[..., 0] if y.ndim > 1 and y.shape[-1] == 1 else y
    count = int(y.max()) + 1 if num_classes is None else num_classes
    return (y[..., None] > np.arange(count - 1)).astype(dtype)


def model_from_config(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return a model from `{"class_name": ..., "config": ...}`."""
    return registry.deserialize(config, custom_objects)


def multi_gpu_model(model: Any, gpus: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return the model, which trains on so many devices, or on those with these numbers."""
    names = list_devices()
    names = [names[i] for i in gpus] if isinstance(gpus, (list, tuple)) else names[:gpus]
    if len(names) > 1:
        model._plan = DataParallel(devices=names)
    return model


def convert_all_kernels_in_model(model: Any) -> None:
    """Do nothing: there is one layout of kernels."""


def convert_kernel(kernel: Any) -> np.ndarray:
    """Return a kernel of Theano's convolution, turned by 180 degrees in space."""
    kernel = np.asarray(kernel)
    return kernel[(*[slice(None, None, -1)] * (kernel.ndim - 2), slice(None), slice(None))].copy()


def print_summary(
    model: Any, line_length: Any = None, positions: Any = None, print_fn: Any = None
) -> None:
    """Print the table of layers."""
    model.summary(line_length=line_length, print_fn=print_fn)


def count_params(weights: Any) -> int:
    """Return the number of elements of variables."""
    return int(sum(np.prod(w.shape) for w in {id(w): w for w in weights}.values()))


def count_total_params(layers: Any, layer_set: Any = None) -> tuple[int, int]:
    """Return how many numbers of layers are trained, and how many are not."""
    trained = [w for layer in layers for w in layer.trainable_weights]
    fixed = [w for layer in layers for w in layer.non_trainable_weights]
    return count_params(trained), count_params(fixed)


def has_arg(fn: Any, name: str, accept_all: bool = False) -> bool:
    """Return whether a function has an argument of a name."""
    found = inspect.signature(fn).parameters
    return name in found or (accept_all and any(p.kind is p.VAR_KEYWORD for p in found.values()))


def to_list(x: Any, allow_tuple: bool = False) -> list[Any]:
    """Return a list, of one if it was none."""
    if isinstance(x, list):
        return x
    return list(x) if allow_tuple and isinstance(x, tuple) else [x]


def unpack_singleton(x: Any) -> Any:
    """Return the only element of a list, or the list."""
    return x[0] if len(x) == 1 else x


def slice_arrays(arrays: Any, start: Any = None, stop: int | None = None) -> Any:
    """Return a part of each array: from start to stop, or the rows of a list."""
    rows = start if hasattr(start, "__len__") else slice(start, stop)
    if isinstance(arrays, (list, tuple)):
        return [None if a is None else a[rows] for a in arrays]
    return [None] if arrays is None else arrays[rows]


def object_list_uid(objects: Any) -> str:
    """Return a string that stands for a list of objects."""
    return ", ".join(str(abs(id(one))) for one in to_list(objects, allow_tuple=True))


def standardize_weights(
    y: Any, sample_weight: Any = None, class_weight: Any = None, *_: Any
) -> Any:
    """Return the weight of each sample."""
    if sample_weight is not None:
        return np.asarray(sample_weight)
    y = np.asarray(y)
    if class_weight is None:
        return np.ones(len(y))
    classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(-1)
    return np.array([class_weight[int(c)] for c in classes])


# -- sizes of convolutions -----------------------------------------------------------------------


def normalize_tuple(
    value: Any, n: int, name: str = "value", allow_zero: bool = False
) -> tuple[int, ...]:
    """Return n integers from one or n of them."""
    found = (value,) * n if isinstance(value, int) else tuple(value)
    if len(found) != n:
        raise ValueError(errors.report(name, expected=f"{n} integers", got=repr(value)))
    return found


def conv_output_length(
    input_length: int | None, filter_size: int, padding: str, stride: int, dilation: int = 1
) -> int | None:
    """Return the size of a convolution's output along an axis.

    Example:
        >>> conv_output_length(10, 3, "valid", 2)
        4
    """
    if input_length is None:
        return None
    width = (filter_size - 1) * dilation + 1
    lost = {"same": 0, "causal": 0, "valid": width - 1, "full": 1 - width}[padding]
    return (input_length - lost + stride - 1) // stride


def conv_input_length(
    output_length: int | None, filter_size: int, padding: str, stride: int
) -> int | None:
    """Return the size that an input may have for an output of this size."""
    if output_length is None:
        return None
    pad = {"same": filter_size // 2, "valid": 0, "full": filter_size - 1}[padding]
    return (output_length - 1) * stride - 2 * pad + filter_size


class HDF5Matrix:
    """A part of a data set in an HDF5 file, read as it is asked for.

    Args:
        datapath: the file.
        dataset: the name in it.
        start, end: the rows.
        normalizer: applied to what is read.
    """

    def __init__(
        self,
        datapath: str,
        dataset: str,
        start: int = 0,
        end: int | None = None,
        normalizer: Callable[[Any], Any] | None = None,
    ) -> None:
        import h5py

        self._data: Any = h5py.File(datapath, "r")[dataset]
        self.start = start
        self.end = len(self._data) if end is None else end
        self.normalizer = normalizer

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self._data.shape[1:])

    @property
    def dtype(self) -> Any:
        return self._data.dtype

    @property
    def ndim(self) -> int:
        return self._data.ndim

    def __getitem__(self, key: Any) -> Any:
        rows = np.arange(len(self))[key] + self.start
        if np.ndim(rows):
            # HDF5 wants increasing rows, each once.
            unique, places = np.unique(rows, return_inverse=True)
            found = self._data[unique][places]
        else:
            found = self._data[int(rows)]
        return found if self.normalizer is None else self.normalizer(found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)
