"""TensorFlow 1's names, in `tf.compat.v1` and, as old programs have them, at the top of `tf`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keraunos import errors, ops
from keraunos._core import naming
from keraunos._core.symbolic import SymbolicTensor
from keraunos.compat.tensorflow import _array, _gradients, _linalg, _math, _nn, _random
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._tensor import tensor
from keraunos.compat.tensorflow._variable import Variable

__version__ = "2.15.0"
_WHY = "placeholders, sessions and graphs are TensorFlow 1's: here everything has its value at once"


def _idle(*_: Any, **__: Any) -> None:
    """Do nothing: there is no graph to prepare."""


def _explained(name: str, fix: str) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise RuntimeError(errors.report(f"tf.compat.v1.{name}", note=_WHY, fix=fix))

    return call


class Session:
    """A session that has nothing to do: `run` of tensors gives their values."""

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        self.graph, self.config = graph or Graph(), config

    def run(self, fetches: Any, feed_dict: Any = None, *_: Any, **__: Any) -> Any:
        """Return the values of tensors; None stays None.

        Raises:
            RuntimeError: a tensor that has no value yet, or values for placeholders.
        """
        if feed_dict:
            fix = "K.function([inputs], [outputs]) or model(x) computes outputs of inputs"
            raise RuntimeError(errors.report("Session.run with a feed_dict", note=_WHY, fix=fix))
        if isinstance(fetches, (list, tuple)):
            return [self.run(f) for f in fetches]
        if isinstance(fetches, SymbolicTensor):
            fix = "K.function([inputs], [outputs]) or keras.Model(inputs, outputs)"
            raise RuntimeError(errors.report("Session.run of a model's tensor", note=_WHY, fix=fix))
        return None if fetches is None else np.array(tensor(fetches))[()]

    def as_default(self) -> Session:
        return self

    close = _idle

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None: ...


class Graph:
    """A graph that holds nothing."""

    @contextlib.contextmanager
    def as_default(self) -> Iterator[Graph]:
        yield self

    finalize = _idle

    def get_tensor_by_name(self, name: str) -> Any:
        fix = "model.get_layer(name).output"
        raise KeyError(errors.report(f"no tensor {name!r}: there is no graph", fix=fix))

    get_operation_by_name = get_tensor_by_name


_graph = Graph()


class Config:
    """`tf.ConfigProto` and its parts: any setting can be made, none is read."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        part = self.__dict__[name] = Config()
        return part


@contextlib.contextmanager
def variable_scope(name: Any = None, *_: Any, **__: Any) -> Iterator[None]:
    """Put a name before those of the variables made in the block."""
    with naming.name_scope(str(name).replace("/", "_")) if name else contextlib.nullcontext():
        yield


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: Any = True,
    *_: Any,
    **__: Any,
) -> Variable:
    """Return a new variable; reuse by name does not exist."""
    from keraunos import initializers

    if shape is None:
        return Variable(initializer, trainable=trainable, dtype=dtype, name=name)
    make = initializer or initializers.GlorotUniform()
    make = make() if isinstance(make, type) else make
    kind = as_dtype(dtype or "float32").name
    value = make(tuple(shape), dtype=kind) if callable(make) else np.full(tuple(shape), make, kind)
    return Variable(value, trainable=trainable, dtype=dtype, name=name)


# -- reductions with TensorFlow 1's arguments


def _reduction(name: str) -> Callable[..., Any]:
    new = _math.TABLES["tensorflow.math"][name]

    def call(x: Any, axis: Any, keepdims: Any, indices: Any, keep_dims: Any) -> Any:
        return new(x, indices if axis is None else axis, bool(keepdims or keep_dims))

    return row(
        call,
        "input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None, keep_dims=None",
    )


def _cast(kind: str) -> Callable[..., Any]:
    return row(lambda x: _array.TOP["cast"](x, kind), "x")


def _argument(name: str) -> Callable[..., Any]:
    new = _math.TABLES["tensorflow.math"][name]
    return row(
        lambda x, axis, dimension, kind: new(x, dimension if axis is None else axis, kind),
        "input, axis=None, name=None, dimension=None, output_type='int64'",
    )


def _softmax(logits: Any, axis: Any, dim: Any) -> Any:
    return ops.softmax(tensor(logits), axis=-1 if axis is None and dim is None else dim or axis)


def _dropout(x: Any, keep_prob: Any, noise_shape: Any, seed: Any, rate: Any) -> Any:
    rate = 1 - keep_prob if rate is None else rate
    return _nn.NN["dropout"](x, rate, noise_shape, seed)


def _moved(names: str, table: dict[str, Any]) -> dict[str, Any]:
    """Return names of TensorFlow 1 for what has moved: `old:new`."""
    pairs = [pair.partition(":") for pair in names.split()]
    return {old: table[new or old] for old, _, new in pairs}


_OPTIMIZERS = {
    "AdamOptimizer": "Adam",
    "GradientDescentOptimizer": "SGD",
    "RMSPropOptimizer": "RMSprop",
    "AdagradOptimizer": "Adagrad",
    "MomentumOptimizer": "SGD",
    "FtrlOptimizer": "Ftrl",
    "AdadeltaOptimizer": "Adadelta",
}


def _optimizer(name: str) -> Callable[..., Any]:
    def make(learning_rate: Any = 0.001, *args: Any, **kwargs: Any) -> Any:
        """Return Keras's optimizer of the same rule."""
        from keraunos import optimizers

        if name == "SGD" and args:
            kwargs["momentum"], args = args[0], args[1:]
        renamed = {"beta1": "beta_1", "beta2": "beta_2", "use_nesterov": "nesterov", "decay": "rho"}
        kwargs = {renamed.get(k, k): v for k, v in kwargs.items() if k != "use_locking"}
        return getattr(optimizers, name)(learning_rate, *args, **kwargs)

    return make


_IDLE = (
    "disable_eager_execution enable_eager_execution disable_v2_behavior enable_v2_behavior"
    " enable_resource_variables disable_resource_variables enable_v2_tensorshape"
    " disable_v2_tensorshape disable_control_flow_v2 enable_control_flow_v2"
    " global_variables_initializer local_variables_initializer tables_initializer"
    " initialize_all_variables variables_initializer reset_default_graph no_op"
    " disable_tensor_equality enable_tensor_equality"
).split()
_LATER = {
    "placeholder": "keras.Input(shape) for a model, or pass arrays to functions",
    "placeholder_with_default": "a default argument of a function",
    "assign": "variable.assign(value)",
    "assign_add": "variable.assign_add(value)",
    "gradients": "tf.GradientTape",
    "import_graph_def": "keras.models.load_model",
}
_MATH, _TOP = _math.TABLES["tensorflow.math"], _array.TOP
V1: dict[str, Any] = {
    **dict.fromkeys(_IDLE, _idle),
    **{name: _explained(name, fix) for name, fix in _LATER.items()},
    **{f"reduce_{n}": _reduction(f"reduce_{n}") for n in "sum mean max min prod any all".split()},
    **_moved(
        "log log1p ceil erf digamma lgamma rsqrt is_nan is_inf is_finite floordiv mod:floormod"
        " div:divide realdiv:divide div_no_nan:divide_no_nan squared_difference conj imag real"
        " angle segment_sum segment_mean segment_max unsorted_segment_sum l2_normalize"
        " cumprod count_nonzero confusion_matrix reciprocal logical_xor",
        _MATH,
    ),
    **_moved(
        "random_normal:normal random_uniform:uniform truncated_normal"
        " random_shuffle:shuffle multinomial:categorical random_gamma:gamma"
        " random_poisson:poisson set_random_seed:set_seed",
        _random.RANDOM,
    ),
    **_moved(
        "matrix_inverse:inv matrix_determinant:det cholesky qr svd matrix_solve:solve"
        " diag:tensor_diag diag_part:tensor_diag_part matrix_diag:diag trace cross"
        " matrix_band_part:band_part self_adjoint_eig:eigh matrix_transpose",
        _linalg.LINALG,
    ),
    **_moved("fft ifft rfft:rfft", _linalg.SIGNAL),
    **{f"to_{n}": _cast(k) for n, k in (("float", "float32"), ("double", "float64"))},
    **{f"to_{k}": _cast(k) for k in ("int32", "int64", "bfloat16")},
    "argmax": _argument("argmax"),
    "argmin": _argument("argmin"),
    "arg_max": _argument("argmax"),
    "arg_min": _argument("argmin"),
    "batch_gather": row(lambda p, i: _TOP["gather"](p, i, -1, -1), "params, indices"),
    "Session": Session,
    "InteractiveSession": Session,
    "Graph": Graph,
    "get_default_graph": lambda: _graph,
    "get_default_session": Session,
    "ConfigProto": Config,
    "GPUOptions": Config,
    "OptimizerOptions": Config,
    "RunOptions": Config,
    "RunMetadata": Config,
    "variable_scope": variable_scope,
    "get_variable": get_variable,
    "name_scope": variable_scope,
    "control_dependencies": lambda inputs: contextlib.nullcontext(),
    "where_v2": _TOP["where"],
    "while_loop": _gradients.while_loop,
    "add_to_collection": _idle,
    "global_variables": lambda *_: [],
    "trainable_variables": lambda *_: [],
    "Dimension": int,
    "executing_eagerly_outside_functions": lambda: True,
}
V1_NN = {
    "softmax": row(_softmax, "logits, axis=None, name=None, dim=None"),
    "dropout": row(
        _dropout, "x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None"
    ),
    "softmax_cross_entropy_with_logits_v2": _nn.NN["softmax_cross_entropy_with_logits"],
    "xw_plus_b": row(
        lambda x, w, b: ops.add(ops.matmul(tensor(x), tensor(w)), tensor(b)), "x, weights, biases"
    ),
}
V1_TRAIN = {name: _optimizer(own) for name, own in _OPTIMIZERS.items()}
_TOP_ONLY: dict[str, Any] = {
    "__version__": __version__,
    "VERSION": __version__,
    "name_scope": variable_scope,
    "control_dependencies": V1["control_dependencies"],
    "no_op": _idle,
    "group": _idle,
    "Graph": Graph,
    "init_scope": contextlib.nullcontext,
    "no_gradient": _idle,
}
TABLES: dict[str, dict[str, Any]] = {
    "tensorflow": _TOP_ONLY,
    "tensorflow.compat.v1": V1 | {"__version__": __version__},
    "tensorflow.compat.v1.nn": V1_NN,
    "tensorflow.compat.v1.train": V1_TRAIN,
    "tensorflow.version": {"VERSION": __version__, "GIT_VERSION": "keraunos"},
    "tensorflow.compat": {
        "as_str": lambda v: v.decode() if isinstance(v, bytes) else str(v),
        "as_bytes": lambda v: v if isinstance(v, bytes) else str(v).encode(),
        "as_text": lambda v: v.decode() if isinstance(v, bytes) else str(v),
    },
    "tensorflow.sysconfig": {"get_build_info": dict},
    "tensorflow.experimental": {},
    "tensorflow.experimental.numpy": {"experimental_enable_numpy_behavior": _idle},
}
