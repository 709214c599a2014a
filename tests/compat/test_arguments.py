"""Old arguments: each row of the tables is what today's Keras would have been told."""

import numpy as np
import pytest

from keraunos import (
    callbacks,
    compat,
    constraints,
    layers,
    models,
    optimizers,
    preprocessing,
    regularizers,
)
from keraunos.compat import arguments, eras

ROWS = [
    (
        layers.Dense,
        "output_dim=3, init='uniform', bias=False",
        "units=3, kernel_initializer='uniform', use_bias=False",
    ),
    (
        layers.Dense,
        "3, W_regularizer='l2', b_constraint='non_neg'",
        "3, kernel_regularizer='l2', bias_constraint='non_neg'",
    ),
    (layers.Conv2D, "8, 3, 3, border_mode='same'", "8, kernel_size=(3, 3), padding='same'"),
    (
        layers.Conv2D,
        "nb_filter=8, nb_row=3, nb_col=5, subsample=(2, 2)",
        "filters=8, kernel_size=(3, 5), strides=(2, 2)",
    ),
    (layers.Conv2D, "8, (3, 3), dim_ordering='th'", "8, (3, 3), data_format='channels_first'"),
    (layers.Conv2D, "8, 3, 2", "8, 3, 2"),
    (
        layers.Conv1D,
        "nb_filter=8, filter_length=3, subsample_length=2, input_dim=4, input_length=9",
        "filters=8, kernel_size=3, strides=2, input_shape=(9, 4)",
    ),
    (layers.Conv3D, "8, kernel_dim1=1, kernel_dim2=2, kernel_dim3=3", "8, kernel_size=(1, 2, 3)"),
    (layers.Conv2DTranspose, "8, (3, 3), output_shape=(None, 9, 9, 8)", "8, (3, 3)"),
    (
        layers.SeparableConv2D,
        "8, 3, init='uniform', border_mode='same'",
        "8, 3, depthwise_initializer='uniform', pointwise_initializer='uniform', padding='same'",
    ),
    (layers.MaxPooling1D, "pool_length=2, stride=1", "pool_size=2, strides=1"),
    (layers.UpSampling1D, "length=3", "size=3"),
    (
        layers.LSTM,
        "output_dim=4, inner_init='ones', inner_activation='relu', input_dim=3",
        "units=4, recurrent_initializer='ones', recurrent_activation='relu', input_shape=(None, 3)",
    ),
    (
        layers.LSTM,
        "4, forget_bias_init='one', dropout_W=0.1, dropout_U=0.2, consume_less='mem'",
        "4, unit_forget_bias=True, dropout=0.1, recurrent_dropout=0.2",
    ),
    (layers.GRU, "4, implementation=2, input_length=5, input_dim=3", "4, input_shape=(5, 3)"),
    (layers.Embedding, "9, 4, input_length=6, dropout=0.1", "9, 4, input_shape=(6,)"),
    (layers.BatchNormalization, "mode=0, beta_init='ones', fused=True", "beta_initializer='ones'"),
    (layers.Dropout, "p=0.5", "rate=0.5"),
    (layers.GaussianNoise, "sigma=0.5", "stddev=0.5"),
    (layers.LeakyReLU, "alpha=0.1", "negative_slope=0.1"),
    (layers.ELU, "alpha=0.1", "alpha=0.1"),
    (layers.PReLU, "init='ones'", "alpha_initializer='ones'"),
    (optimizers.SGD, "lr=0.1, nesterov=True", "learning_rate=0.1, nesterov=True"),
    (optimizers.Adam, "lr=0.1, epsilon=None", "learning_rate=0.1"),
    (optimizers.Nadam, "schedule_decay=0.004", ""),
    (regularizers.L2, "l=0.1", "l2=0.1"),
    (regularizers.L1, "l=0.1", "l1=0.1"),
    (constraints.MaxNorm, "m=3", "max_value=3"),
    (callbacks.ReduceLROnPlateau, "epsilon=0.1", "min_delta=0.1"),
    (constraints.MinMaxNorm, "low=0.1, high=2", "min_value=0.1, max_value=2"),
    (optimizers.Adam, "jit_compile=True", ""),
    (layers.Softmax, "robust_masking=False", ""),
    (layers.Embedding, "5, 2, sparse=True", "5, 2"),
    (preprocessing.text.Tokenizer, "nb_words=9, document_count=0", "num_words=9"),
    (callbacks.EarlyStopping, "epsilon=0.1", "min_delta=0.1"),
]


def call(text):
    return eval(f"(lambda *args, **kwargs: (args, kwargs))({text})")


@pytest.mark.parametrize("cls, old, new", ROWS, ids=[f"{r[0].__name__}({r[1]})" for r in ROWS])
def test_translation(cls, old, new):
    assert arguments.translate(cls, *call(old))[:2] == call(new)


@pytest.mark.parametrize("cls, old, new", ROWS, ids=[f"{r[0].__name__}({r[1]})" for r in ROWS])
def test_what_is_new_stays(cls, old, new):
    assert arguments.translate(cls, *call(new))[:2] == call(new)


ERA_ROWS = [
    ("keras2", layers.Conv2D, "8, 3, 3", {"kernel_size": (3, 3)}),
    ("tf.keras", layers.Conv2D, "8, 3, 3", {"kernel_size": (3, 3), "strides": (3, 3)}),
    ("keras1", layers.Dense, "8, 'uniform', 'relu'", {"units": 8}),
    ("keras1", layers.BatchNormalization, "1e-6, 0, 1", {"epsilon": 1e-6, "axis": 1}),
    ("keras1", optimizers.Adam, "", {"epsilon": 1e-8}),
    ("keras2", optimizers.Adam, "", {"epsilon": 1e-7}),
    ("keras2", optimizers.Adagrad, "", {"initial_accumulator_value": 0.0}),
    ("keras2", optimizers.SGD, "0.1, 0.9, 1e-3, True", {"decay": 1e-3, "nesterov": True}),
    ("tf.keras", optimizers.SGD, "0.1, 0.9, True", {"momentum": 0.9, "nesterov": True}),
    ("keras2", layers.GRU, "4", {"reset_after": False}),
    ("tf.keras", layers.GRU, "4", {"reset_after": True}),
    ("tf.keras", layers.Embedding, "5, 4", {"_batch_input_shape": (None, None)}),
    ("keras3", layers.Embedding, "5, 4", {"_batch_input_shape": None}),
]


@pytest.mark.parametrize("era, cls, given, expected", ERA_ROWS)
def test_defaults_of_an_era(era, cls, given, expected):
    compat.install(era)
    try:
        args, kwargs = call(given)
        made = cls(*args, **kwargs)
    finally:
        compat.uninstall()
    assert {name: getattr(made, name) for name in expected} == expected


def test_every_default_is_an_argument():
    from keraunos._core import signature

    for era, rows in eras.DEFAULTS.items():
        for name, row in rows.items():
            cls = getattr(layers, name, None) or getattr(optimizers, name)
            assert set(row) <= set(signature.parameters(cls)), (era, name)


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


def test_the_config_is_todays(installed):
    layer = layers.Convolution2D(4, 3, 3, border_mode="same", weights=None, input_shape=(8, 8, 1))
    config = layer.get_config()
    assert type(layer) is layers.Conv2D
    assert (config["kernel_size"], config["padding"]) == ([3, 3], "same")
    assert not {"border_mode", "weights", "nb_row"} & config.keys()
    assert type(layer).from_config(config).get_config() == config


def test_weights_given_to_a_constructor_are_taken_when_it_is_built(installed):
    kernel = np.arange(6.0).reshape(3, 2)
    layer = layers.Dense(2, weights=[kernel, np.ones(2)])
    assert layer(np.ones((1, 3))).tolist() == [[7.0, 10.0]]


def test_a_subclass_may_say_it_in_the_old_way(installed):
    class Small(layers.Dense):
        def __init__(self, **kwargs):
            super().__init__(output_dim=2, init="zeros", **kwargs)

    assert Small(name="s").units == 2
    assert Small(name="s").get_config()["name"] == "s"


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: layers.Dense(units=2, output_dim=3), "both 'output_dim' and 'units'"),
        (lambda: layers.Dense(2, unitz=3), "no argument 'unitz'"),
        (lambda: layers.BatchNormalization(mode=1), "LayerNormalization"),
        (lambda: layers.LSTM(2, time_major=True), "put the batch first"),
    ],
)
def test_what_cannot_be_translated_is_an_error(installed, make, text):
    with pytest.raises((TypeError, ValueError), match=text) as error:
        make()
    assert len(str(error.value).splitlines()) <= 6


@pytest.mark.parametrize("era", eras.ERAS)
def test_a_list_of_one_output_is_that_output_before_keras_3(era):
    compat.install(era)
    try:
        inputs = layers.Input((3,))
        model = models.Model([inputs], [layers.Dense(2)(inputs)])
        found = model.predict(np.ones((4, 3)), verbose=0)
    finally:
        compat.uninstall()
    assert isinstance(found, list if era == "keras3" else np.ndarray)
