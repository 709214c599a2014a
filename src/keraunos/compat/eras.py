"""Which Keras a program was written for, and what was different by default then."""

from __future__ import annotations

import ast
from typing import Any

from keraunos import errors

# Each era, and what `keras.__version__` says in it.
VERSIONS = {"keras1": "1.2.2", "keras2": "2.3.1", "tf.keras": "2.15.0", "keras3": "3.15.0"}
ERAS = tuple(VERSIONS)

_HARD = {"recurrent_activation": "hard_sigmoid"}
_RATES = {
    "Adagrad": {"learning_rate": 0.01, "initial_accumulator_value": 0.0},
    "Adadelta": {"learning_rate": 1.0},
    "Adamax": {"learning_rate": 0.002},
    "Nadam": {"learning_rate": 0.002},
}
# As Keras 2.3 had it; up to 2.2 the gates of LSTM and GRU were hard.
_OF_KERAS_2 = {
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
    **{f"ConvLSTM{rank}D": _HARD for rank in (1, 2, 3)},
    **_RATES,
}
_SMALLER = {"epsilon": 1e-8}
# era -> class -> argument -> what it was where the program does not say.
DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "keras1": {
        **_OF_KERAS_2,
        "LSTM": _HARD,
        "LSTMCell": _HARD,
        "GRU": {**_HARD, "reset_after": False},
        "GRUCell": {**_HARD, "reset_after": False},
        "Adam": _SMALLER,
        "RMSprop": _SMALLER,
        **{name: {**row, **_SMALLER} for name, row in _RATES.items()},
        "Embedding": {"embeddings_initializer": "uniform"},
    },
    "keras2": _OF_KERAS_2,
    "tf.keras": {f"ConvLSTM{rank}D": _HARD for rank in (1, 2, 3)},
    "keras3": {},
}
# Eras whose hard sigmoid is 0.2 x + 0.5; it is x / 6 + 0.5 since Keras 3.
STEEP_HARD_SIGMOID = ("keras1", "keras2", "tf.keras")
# Eras in which Conv2D(32, 3, 3) has a kernel of 3 by 3; since tf.keras it has strides of 3.
KERNEL_IN_TWO_NUMBERS = ("keras1", "keras2")
# Eras in which what is frozen is settled by `compile`.
FROZEN_AT_COMPILE = ("keras1", "keras2", "tf.keras")
# Eras whose frozen BatchNormalization normalized by the batch in training all the same.
FROZEN_NORMALIZATION_SEES_THE_BATCH = ("keras1", "keras2")
# Eras in which Model([x], [y]) has one input and one output, and predict returns one array.
LIST_OF_ONE_IS_ONE = ("keras1", "keras2", "tf.keras")
# Eras whose predict took as many samples of each input as the first one has.
FIRST_INPUT_COUNTS = ("keras1", "keras2")
# Eras in which callbacks were told the number and the size of each batch.
BATCH_LOGS_HAVE_SIZES = ("keras1", "keras2")
# Eras in which an Embedding tells a Sequential the shape of its input.
EMBEDDING_KNOWS_ITS_INPUT = ("keras1", "keras2", "tf.keras")

# Eras whose programs read their own lambdas from files unasked.
OWN_LAMBDAS_RUN = ("keras1", "keras2", "tf.keras")

# Eras whose programs know the backends theano and tensorflow: the second is what they see here.
BACKEND_IS_TENSORFLOW = ("keras1", "keras2", "tf.keras")

# Words of a program (names, attributes, arguments, parts of imports) that only one era has.
# An era whose words are found wins over those below it.
_WORDS = {
    "keras1": """
        nb_epoch samples_per_epoch nb_val_samples nb_filter nb_row nb_col filter_length border_mode
        subsample subsample_length dim_ordering set_image_dim_ordering image_dim_ordering inner_init
        inner_activation W_regularizer U_regularizer b_regularizer W_constraint b_constraint
        dropout_W dropout_U consume_less pool_length forget_bias_init concat_axis
        get_output_shape_for initializations MaxoutDense Highway TimeDistributedDense SReLU
        AtrousConvolution2D AtrousConvolution1D Deconvolution2D max_q_size nb_worker objectives
    """,
    "keras3": "ops TFSMLayer JaxLayer FlaxLayer TorchModuleWrapper SeedGenerator KERAS_BACKEND",
    "tf.keras": "",
    "keras2": """
        fit_generator evaluate_generator predict_generator predict_classes predict_proba lr
        np_utils gradients get_session tensorflow_backend CuDNNLSTM CuDNNGRU multi_gpu_model
        use_multiprocessing engine placeholder get_output_at get_input_at input_length output_shape
        'acc' 'val_acc' *.h5 *.hdf5 logs:size logs:batch set_session
    """,
}


def known(era: str | None) -> str | None:
    """Return a checked era; None stays None.

    Raises:
        ValueError: there is no such era.
    """
    if era is not None and era not in ERAS:
        raise ValueError(errors.report(f"era {era!r}", fix=errors.suggest(era, ERAS)))
    return era


def of_program(source: str | bytes) -> str:
    """Return the era that a program's own words tell.

    Example:
        >>> of_program("from keras.layers import Dense; Dense(3, init='uniform', W_regularizer=r)")
        'keras1'
        >>> of_program("from tensorflow import keras")
        'tf.keras'
        >>> of_program("from keras import backend as K; K.gradients(a, b)")
        'keras2'
        >>> of_program("import keras")
        'keras3'
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return "keras3"
    words, roots = _words(tree)
    if "tensorflow" in roots and ("tensorflow.keras" in words or "keras" not in roots):
        return "tf.keras"
    for era, text in _WORDS.items():
        if words & set(text.split()):
            # Keras 2 took the words of Keras 1 too, but not with its own imports of TensorFlow.
            return era
    return "tf.keras" if "tensorflow" in roots else "keras3"


def _of_text(text: str) -> list[str]:
    """Return the words that a string of a program stands for."""
    ending = text.rpartition(".")[2] if "." in text[:-2] else ""
    return [text if text == "KERAS_BACKEND" else f"'{text}'", f"*.{ending}"]


def _words(tree: ast.AST) -> tuple[set[str], set[str]]:
    words, roots = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                words.update((alias.name, *alias.name.split(".")))
                roots.add(alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")
            words.update(module, (".".join(module[:2]),), (a.name for a in node.names))
            words.update(f"{module[0]}.{a.name}" for a in node.names)
            roots.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            words.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.update(_of_text(node.value))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            # What callbacks were told of a batch.
            words.add(f"{getattr(node.value, 'id', '')}:{node.slice.value}")
        elif isinstance(node, ast.FunctionDef):
            words.add(node.name)
    return words, roots
