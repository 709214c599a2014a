"""Names that only older Keras had: modules and what is in them, and where that stands today."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

from keraunos import errors

# Every name under which the whole of Keras was imported.
ROOTS = (
    *("tensorflow.keras", "tensorflow.python.keras", "tensorflow.compat.v1.keras"),
    *("tensorflow.compat.v2.keras", "tensorflow.contrib.keras", "tensorflow_core.keras"),
    *("keras.api._v2.keras", "keras.api._v1.keras", "keras.api", "keras._tf_keras.keras"),
    *("keras.api._v2", "keras.api._v1", "keras._tf_keras", "tensorflow_core"),
    *("keras.src", "keras", "tf_keras.src", "tf_keras", "keras_core"),
)
# Packages that were a part of Keras: their name and its room.
PACKAGES = {"keras_preprocessing": "preprocessing", "keras_applications": "applications"}

# An old module, and the rooms whose names it shows; the first that has a name gives it.
_ROWS = """
layers.core                  layers
layers.convolutional         layers
layers.convolutional_recurrent layers
layers.recurrent             layers
layers.recurrent_v2          layers
layers.cudnn_recurrent       layers
layers.rnn                   layers
layers.embeddings            layers
layers.normalization         layers
layers.normalization.batch_normalization layers
layers.normalization_v2      layers
layers.pooling               layers
layers.local                 layers
layers.noise                 layers
layers.regularization        layers
layers.reshaping             layers
layers.activation            layers
layers.attention             layers
layers.merging               layers
layers.wrappers              layers
layers.merge                 compat.old_merge layers
layers.advanced_activations  layers
layers.dense_attention       layers
layers.serialization         layers
layers.core.dense            layers
layers.legacy                layers
layers.preprocessing         layers
layers.preprocessing.image_preprocessing layers
layers.preprocessing.text_vectorization layers
layers.preprocessing.normalization layers
layers.experimental          layers compat.old_utils
layers.experimental.preprocessing layers
engine                       layers models utils compat.old_utils
engine.topology              layers models utils compat.old_utils
engine.base_layer            layers compat.old_utils
engine.base_layer_v1         layers
engine.input_layer           layers models
engine.input_spec            layers
engine.keras_tensor          models compat.old_utils
engine.functional            models
engine.network               models compat.old_utils
engine.training              models compat.old_utils
engine.training_arrays       utils compat.old_utils
engine.training_generator    utils compat.old_utils
engine.sequential            models
engine.data_adapter          utils
engine.saving                saving models compat.old_utils
engine.training_utils        compat.old_utils utils
models.sequential            models
models.functional            models
saving.hdf5_format           saving
saving.saving_lib            compat.saving_lib saving
saving.saving_api            saving models
saving.serialization_lib     saving
saving.object_registration   saving
layers.layer                 layers
layers.core.input_layer      layers
models.model                 models
saving.save                  saving
saving.saved_model           saving
saving.legacy                saving
objectives                   losses
datasets.cifar               utils
initializations              compat.initializations initializers
legacy                       layers
legacy.layers                layers compat.old_merge
legacy.models                models
legacy.interfaces            compat.interfaces
legacy.backend               backend
backend.tensorflow_backend   backend compat.keras_backend
backend.theano_backend       backend
backend.common               backend
backend.load_backend         backend
optimizers.legacy            optimizers
optimizers.experimental      optimizers
optimizers.optimizer_v2      optimizers
optimizers.adam              optimizers
optimizers.sgd               optimizers
optimizers.schedules         optimizers.schedules
metrics.experimental         metrics compat.old_utils
losses.losses                losses
callbacks.experimental       callbacks compat.old_utils
models.experimental          models compat.old_utils
dtensor                      optimizers compat.old_utils
dtensor.experimental         optimizers compat.old_utils
dtensor.experimental.optimizers optimizers
export                       compat.old_utils
legacy.saving                saving
initializers.initializers_v2 initializers
utils.np_utils               utils
utils.data_utils             utils compat.old_utils
utils.generic_utils          utils compat.old_utils
utils.layer_utils            utils layers models compat.old_utils
utils.vis_utils              utils compat.old_utils
utils.visualize_util         utils compat.old_utils
utils.io_utils               utils compat.old_utils
utils.conv_utils             compat.old_utils utils
utils.tf_utils               compat.old_utils utils
utils.training_utils         compat.old_utils layers models
utils.multi_gpu_utils        compat.old_utils layers models
utils.test_utils             utils models
utils.image_utils            utils
utils.image_dataset          utils
utils.control_flow_util      compat.old_utils
utils.losses_utils           losses
utils.custom_object_scope    utils
utils.experimental           utils compat.old_utils
mixed_precision.experimental mixed_precision
wrappers                     compat.scikit_learn
wrappers.scikit_learn        compat.scikit_learn models
experimental                 optimizers.schedules optimizers models layers compat.old_utils
estimator                    compat.old_utils
premade                      compat.old_utils
premade_models               compat.old_utils
distribute                   compat.old_utils
"""
MODULES: dict[str, tuple[str, ...]] = {
    name: tuple(rooms) for name, *rooms in (row.split() for row in _ROWS.strip().splitlines())
}

_LAYERS = {
    "compat.locally_connected": "LocallyConnected1D LocallyConnected2D",
    "compat.old_layers": ("CuDNNGRU CuDNNLSTM Highway Maxout MaxoutDense ThresholdedReLU"),
    "compat.old_merge": (
        "Merge AtrousConvolution1D AtrousConvolution2D Deconvolution2D Deconvolution3D"
        " TimeDistributedDense SReLU ParametricSoftplus Recurrent RandomHeight RandomWidth"
        " DenseFeatures SyncBatchNormalization AtrousConv1D=AtrousConvolution1D"
        " AtrousConv2D=AtrousConvolution2D Deconv2D=Deconvolution2D Deconv3D=Deconvolution3D"
        " AbstractRNNCell ConvRecurrent2D ConvRNN2D ConvLSTM2DCell"
        " RandomFourierFeatures PreprocessingLayer"
    ),
}
_LOSSES = (
    "kullback_leibler_divergence=kl_divergence KLD=kl_divergence kld=kl_divergence"
    " cosine=cosine_similarity cosine_proximity=cosine_similarity logcosh=log_cosh"
    " MSE=mean_squared_error mse=mean_squared_error MAE=mean_absolute_error"
    " mae=mean_absolute_error MAPE=mean_absolute_percentage_error"
    " mape=mean_absolute_percentage_error MSLE=mean_squared_logarithmic_error"
    " msle=mean_squared_logarithmic_error"
)
_UTILS = (
    "multi_gpu_model convert_all_kernels_in_model convert_kernel plot_model print_summary"
    " count_params func_dump func_load has_arg to_list unpack_singleton object_list_uid"
    " slice_arrays GeneratorEnqueuer OrderedEnqueuer HDF5Matrix conv_output_length"
    " deserialize_keras_object serialize_keras_object conv_input_length normalize_tuple"
    " warmstart_embedding_matrix model_to_dot SequenceEnqueuer to_ordinal SidecarEvaluator"
    " StepsPerExecutionTuner TimedThread"
)
# What the modules of older Keras had imported from each other: every room shows it.
_HELPERS = {
    "compat.old_helpers": (
        "accuracy apply_transform ask_to_proceed_with_overwrite batch_shuffle binary_logloss"
        " categorical_probas_to_classes clip_norm deconv_length get_fans get_from_module"
        " get_test_data is_all_none iter_sequence_infinite keras_test layer_test list_pictures"
        " load_attributes_from_hdf5_group load_batch load_weights_from_hdf5_group"
        " load_weights_from_hdf5_group_by_name make_batches make_tuple multiclass_logloss"
        " normalize_padding preprocess_weights_for_loading probas_to_classes"
        " save_attributes_to_hdf5_group save_weights_to_hdf5_group time_distributed_dense"
        " transform_matrix_offset_center transpose_shape validate_file"
    ),
    "compat.old_utils": (
        "Node conv_input_length conv_output_length count_total_params deserialize_keras_object"
        " func_dump func_load has_arg layer_from_config normalize_tuple object_list_uid"
        " optimizer_from_config serialize_keras_object slice_X=slice_arrays slice_arrays to_list"
        " unpack_singleton H5Dict HDF5Matrix GeneratorEnqueuer OrderedEnqueuer SequenceEnqueuer"
        " check_array_length_consistency check_array_lengths check_loss_and_target_compatibility"
        " check_num_samples collect_metrics evaluate_generator fit_generator fit_loop h5dict"
        " load_array pickle_model predict_generator predict_loop print_layer_summary save_array"
        " standardize_class_weights standardize_input_data standardize_sample_or_class_weights"
        " standardize_sample_weights standardize_single_array standardize_weights test_loop"
        " unpickle_model weighted_masked_objective weighted_objective"
        " convert_dense_weights_data_format"
    ),
    "layers": "Layer",
    "_core.registry": "get_custom_objects",
    "utils": "Progbar get_file",
}
# room: module of keraunos: names, `old=new` where they differ
_HOMES: dict[str, dict[str, str]] = {
    "keraunos.activations": {},
    "keraunos.layers": _LAYERS,
    "keraunos.models": {
        "saving": "save_weights",
        "compat.old_utils": "model_from_yaml model_from_config get_source_inputs",
        "compat.old_merge": "Merge",
    },
    "keraunos.utils": {
        "compat.old_utils": _UTILS,
        "utils": "Sequence=PyDataset",
    },
    "keraunos.backend": {"compat.keras_backend": "*"},
    "keraunos.regularizers": {
        "regularizers": "l1l2=L1L2 WeightRegularizer=L1L2 activity_l1=L1 activity_l2=L2"
        " activity_l1l2=L1L2 ActivityRegularizer=L1L2 L1L2Regularizer=L1L2",
        "compat.old_utils": "EigenvalueRegularizer",
    },
    "keraunos.constraints": {
        "constraints": "maxnorm=MaxNorm nonneg=NonNeg unitnorm=UnitNorm max_norm=MaxNorm"
        " non_neg=NonNeg unit_norm=UnitNorm min_max_norm=MinMaxNorm",
        "compat.old_utils": "RadialConstraint radial_constraint",
    },
    "keraunos.losses": {"losses": _LOSSES, "compat.old_utils": "Reduction"},
    "keraunos.metrics": {
        "losses": _LOSSES,
        "compat.old_utils": "MeanRelativeError MeanTensor precision recall fmeasure fbeta_score"
        " f1score fscore matthews_correlation",
    },
    "keraunos.optimizers": {
        "compat.old_utils": "TFOptimizer",
        "optimizers": "sgd=SGD adam=Adam rmsprop=RMSprop adagrad=Adagrad adadelta=Adadelta"
        " adamax=Adamax nadam=Nadam ftrl=Ftrl",
    },
    "keraunos.initializers": {
        "initializers": "normal=RandomNormal uniform=RandomUniform one=Ones zero=Zeros",
    },
    "keraunos.preprocessing": {},
    "keraunos.preprocessing.image": {},
    "keraunos.callbacks": {
        "callbacks": "BaseLogger=Callback",
        "compat.old_utils": "SidecarEvaluatorModelExport",
    },
}


def find(module: str, name: str) -> Any:
    """Return what an older Keras had under this name in a module, or None.

    Example:
        >>> find("keraunos.layers", "Highway").__name__
        'Highway'
        >>> find("keraunos.layers", "Dense") is None
        True
        >>> find("keraunos.utils", "np_utils").to_categorical([1]).shape
        (1, 2)
    """
    room = _HOMES.get(module)
    for home, names in [] if room is None else [*room.items(), *_HELPERS.items()]:
        if names == "*":
            found = getattr(importlib.import_module(f"keraunos.{home}"), name, None)
            if found is not None:
                return found
        for entry in names.split():
            old, _, new = entry.partition("=")
            if old == name:
                return getattr(importlib.import_module(f"keraunos.{home}"), new or old)
    path = f"{module}.{name}".removeprefix("keraunos.")
    return old_module(path) if path in MODULES else None


def translated(name: str) -> str | None:
    """Return our path of a module of any Keras, `""` for the whole; None if it is another's.

    Example:
        >>> translated("tensorflow.keras.layers"), translated("tf_keras"), translated("kerastuner")
        ('layers', '', None)
    """
    for root in sorted(ROOTS, key=len, reverse=True):
        if name == root or name.startswith(root + "."):
            return name[len(root) + 1 :]
    for package, room in PACKAGES.items():
        if name == package or name.startswith(package + "."):
            return room + name[len(package) :]
    return None


class OldModule(ModuleType):
    """A module that is no more: it shows the names of the rooms that have its contents."""

    def __init__(self, path: str) -> None:
        # The name under which it is imported: below it, Python looks for what it does not have.
        super().__init__(f"keras.{path}", f"What older Keras had in `keras.{path}`.")
        self.__dict__["__path__"] = []
        self.__dict__["_rooms"] = MODULES[path]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            inner = f"{self.__name__}.{name}".removeprefix("keras.")
            if inner in MODULES:
                return old_module(inner)
            for room in self.__dict__["_rooms"]:
                try:
                    return getattr(importlib.import_module(f"keraunos.{room}"), name)
                except AttributeError:
                    continue
        if name == "__all__":
            return [n for n in dir(self) if not n.startswith("_")]
        choices = [n for n in dir(self) if not n.startswith("_")]
        raise AttributeError(
            errors.report(f"{self.__name__} has no {name!r}", fix=errors.suggest(name, choices))
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # `keras.layers.merge` was a function before it was a module.
        return self.__getattr__(self.__name__.rpartition(".")[2])(*args, **kwargs)

    def __dir__(self) -> list[str]:
        found: set[str] = set()
        for room in self.__dict__["_rooms"]:
            found |= set(public_names(f"keraunos.{room}"))
        return sorted(found)


def public_names(module: str) -> list[str]:
    """Return the names that a room shows, those of older Keras included."""
    room = importlib.import_module(module)
    own = getattr(room, "__all__", None) or [n for n in vars(room) if not n.startswith("_")]
    old = [
        entry.partition("=")[0]
        for names in _HOMES.get(module, {}).values()
        for entry in names.split()
        if entry != "*"
    ]
    if module == "keraunos.backend":
        old += importlib.import_module("keraunos.compat.keras_backend").__all__
    return [*own, *old]


_old_modules: dict[str, OldModule] = {}


def old_module(path: str) -> OldModule:
    """Return the module that stands for an old one, always the same."""
    if path not in _old_modules:
        _old_modules[path] = OldModule(path)
    return _old_modules[path]


def module(path: str) -> ModuleType | None:
    """Return the module for one of our paths, an old or a present one; None if there is none.

    Example:
        >>> module("layers.core").Dense.__name__, module("layers").__name__, module("nothing")
        ('Dense', 'keraunos.layers', None)
    """
    if path in MODULES:
        return old_module(path)
    if path.partition(".")[0] == "applications":
        return importlib.import_module("keraunos.compat.applications").module(path)
    return importlib.import_module(f"keraunos.{path}".rstrip(".")) if is_file(path) else None


def is_file(path: str) -> bool:
    """Return whether one of our paths is a module of our own."""
    try:
        return importlib.util.find_spec(f"keraunos.{path}".rstrip(".")) is not None
    except ModuleNotFoundError:
        return False
