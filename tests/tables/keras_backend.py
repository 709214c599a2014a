"""Calls of `keras.backend`, and the values that Keras 3's legacy backend gave on TensorFlow.

`python tests/tables/keras_backend.py` writes the values anew, where TensorFlow is installed.
"""

import json
from pathlib import Path

import numpy as np

EXPECTED = Path(__file__).with_name("keras_backend_expected.json")


def array(*shape, seed=0, low=-2.0, high=2.0):
    return np.random.RandomState(seed).uniform(low, high, shape).astype("float32")


def probabilities(*shape, seed=0):
    found = array(*shape, seed=seed, low=0.05, high=1.0)
    return found / found.sum(-1, keepdims=True)


X, Y = array(2, 3), array(2, 3, seed=1)
IMAGE, VOLUME, STEPS = array(2, 6, 5, 3), array(1, 4, 4, 4, 2), array(2, 7, 3)
BOOLS = np.array([[True, False, True], [True, True, True]])
TARGET = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], "float32")

ROWS = [
    *((name, (X,), {}) for name in "abs exp sin cos sign round sigmoid tanh softplus".split()),
    *((name, (X,), {}) for name in "softsign square hard_sigmoid elu softmax relu".split()),
    *((name, (X,), {}) for name in "flatten batch_flatten ones_like zeros_like transpose".split()),
    *((name, (np.abs(X),), {}) for name in "log sqrt".split()),
    ("sqrt", (X,), {}),
    *((n, (X,), k) for n in "sum prod max min mean std var".split() for k in ({}, {"axis": 1})),
    *((n, (X,), {"axis": 0, "keepdims": True}) for n in "sum prod max min mean std var".split()),
    *((n, (X,), {}) for n in "argmax argmin cumsum cumprod".split()),
    *((n, (X,), {"axis": 0}) for n in "argmax argmin".split()),
    *((n, (BOOLS,), k) for n in ("any", "all", "mean") for k in ({}, {"axis": 1})),
    *((n, (X, Y), {}) for n in "maximum minimum equal not_equal greater greater_equal".split()),
    *((n, (X, Y), {}) for n in "less less_equal".split()),
    ("pow", (X, 2), {}),
    ("clip", (X, -0.5, 0.5), {}),
    ("clip", (X, 0.5, -0.5), {}),
    ("relu", (X,), {"alpha": 0.1}),
    ("relu", (X,), {"max_value": 0.5}),
    ("relu", (X,), {"alpha": 0.1, "max_value": 0.5, "threshold": 0.25}),
    ("elu", (X,), {"alpha": 0.3}),
    ("softmax", (X,), {"axis": 0}),
    ("l2_normalize", (X,), {}),
    ("l2_normalize", (X,), {"axis": 1}),
    ("cast", (X, "int32"), {}),
    ("constant", (3.0,), {"shape": (2, 2)}),
    ("arange", (2, 8, 2), {}),
    ("concatenate", ([X, Y],), {}),
    ("stack", ([X, Y],), {"axis": 1}),
    ("expand_dims", (X,), {}),
    ("squeeze", (X[:, None], 1), {}),
    ("permute_dimensions", (STEPS, (2, 0, 1)), {}),
    ("reshape", (X, (3, -1)), {}),
    ("repeat", (X, 3), {}),
    ("repeat_elements", (X, 2, 1), {}),
    ("tile", (X, (2, 1)), {}),
    ("reverse", (X, 1), {}),
    ("gather", (X, np.array([1, 0, 1])), {}),
    ("one_hot", (np.array([1, 0]), 3), {}),
    ("eye", (3,), {}),
    ("dot", (X, Y.T), {}),
    ("dot", (STEPS, array(3, 4)), {}),
    ("dot", (STEPS, array(5, 3, 4)), {}),
    ("batch_dot", (X, Y), {"axes": 1}),
    ("batch_dot", (STEPS, array(2, 3, 5, seed=2)), {}),
    ("batch_dot", (STEPS, array(2, 7, 4, seed=2)), {"axes": 1}),
    ("batch_dot", (STEPS, array(2, 4, 3, seed=2)), {"axes": (2, 2)}),
    ("batch_dot", (array(2, 4, 5, 3), array(2, 3, 6, seed=2)), {"axes": (3, 1)}),
    ("batch_dot", (X, array(2, 3, 4, seed=2)), {}),
    ("in_top_k", (probabilities(2, 3), np.array([1, 0]), 2), {}),
    ("bias_add", (IMAGE, array(3)), {}),
    ("bias_add", (IMAGE, array(6)), {"data_format": "channels_first"}),
    ("bias_add", (IMAGE, array(6, 5, 3)), {}),
    ("conv1d", (STEPS, array(3, 3, 4)), {}),
    ("conv1d", (STEPS, array(3, 3, 4)), {"padding": "causal", "dilation_rate": 2}),
    ("conv2d", (IMAGE, array(3, 3, 3, 4)), {}),
    ("conv2d", (IMAGE, array(3, 3, 3, 4)), {"padding": "same", "strides": (2, 2)}),
    ("conv3d", (VOLUME, array(2, 2, 2, 2, 3)), {}),
    ("conv2d_transpose", (IMAGE, array(3, 3, 4, 3), (2, 8, 7, 4)), {}),
    (
        "conv2d_transpose",
        (IMAGE, array(3, 3, 4, 3), (2, 12, 10, 4)),
        {"strides": (2, 2), "padding": "same"},
    ),
    ("depthwise_conv2d", (IMAGE, array(3, 3, 3, 2)), {"padding": "same"}),
    ("separable_conv2d", (IMAGE, array(3, 3, 3, 2), array(1, 1, 6, 4)), {}),
    ("pool2d", (IMAGE, (2, 2)), {"strides": (2, 2)}),
    ("pool2d", (IMAGE, (2, 2)), {"padding": "same", "pool_mode": "avg"}),
    ("pool3d", (VOLUME, (2, 2, 2)), {"strides": (2, 2, 2)}),
    ("temporal_padding", (STEPS, (1, 2)), {}),
    ("spatial_2d_padding", (IMAGE, ((1, 0), (2, 1))), {}),
    ("spatial_3d_padding", (VOLUME,), {}),
    ("resize_images", (IMAGE, 2, 3, "channels_last"), {}),
    ("resize_volumes", (VOLUME, 2, 1, 2, "channels_last"), {}),
    ("local_conv1d", (STEPS, array(3, 9, 4), (3,), (2,)), {}),
    ("local_conv2d", (IMAGE, array(20, 12, 4), (2, 2), (1, 1), (5, 4)), {}),
    ("batch_normalization", (X, Y[0], np.abs(Y[1]), X[0], X[1]), {}),
    ("normalize_batch_in_training", (X, Y[0], Y[1], [0]), {}),
    ("binary_crossentropy", (TARGET, probabilities(2, 3)), {}),
    ("binary_crossentropy", (TARGET, X), {"from_logits": True}),
    ("binary_focal_crossentropy", (TARGET, probabilities(2, 3)), {}),
    ("categorical_crossentropy", (TARGET, probabilities(2, 3)), {}),
    ("categorical_crossentropy", (TARGET, X), {"from_logits": True}),
    ("categorical_focal_crossentropy", (TARGET, probabilities(2, 3)), {}),
    ("sparse_categorical_crossentropy", (np.array([1, 0]), probabilities(2, 3)), {}),
    ("sparse_categorical_crossentropy", (np.array([1, 0]), X), {"from_logits": True}),
    (
        "sparse_categorical_crossentropy",
        (np.array([1, 0]), probabilities(2, 3)),
        {"ignore_class": 0},
    ),
    (
        "ctc_batch_cost",
        (
            np.array([[1, 2], [0, 1]]),
            probabilities(2, 6, 4),
            np.array([[6], [5]]),
            np.array([[2], [2]]),
        ),
        {},
    ),
    ("switch", (BOOLS, X, Y), {}),
    ("switch", (BOOLS[0, :2], X, Y), {}),
    ("foldl", (np.add, X), {}),
    ("foldr", (np.subtract, X), {}),
    ("map_fn", (np.square, X), {}),
]


def step(x, states):
    return x * 2 + states[0], [x + states[0]]


MASK = np.array([[1, 1, 0, 1, 0, 1, 1], [0, 1, 1, 1, 1, 0, 0]], bool)
START = array(2, 3, seed=5)
RNN_ROWS = [
    {},
    {"go_backwards": True},
    {"mask": MASK},
    {"mask": MASK, "go_backwards": True},
    {"mask": MASK, "zero_output_for_mask": True},
    {"unroll": True, "mask": MASK},
]


def listed(value):
    """Return nested lists of floats, for JSON."""
    if isinstance(value, (list, tuple)):
        return [listed(one) for one in value]
    return np.asarray(value).astype("float64").round(6).tolist()


def main():
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow as tf
    from keras.src.legacy import backend

    found = []
    for name, args, kwargs in ROWS:
        function = getattr(backend, name, None)
        if function is None:
            found.append(None)
            continue
        args = [tf.constant(a) if isinstance(a, np.ndarray) else a for a in args]
        args = [
            {np.add: tf.add, np.subtract: tf.subtract, np.square: tf.square}.get(a, a)
            if callable(a)
            else a
            for a in args
        ]
        try:
            found.append(listed(function(*args, **kwargs)))
        except Exception as error:
            print(name, kwargs, type(error), str(error)[:200])
            found.append(None)
    rows = [
        listed(
            backend.rnn(
                step,
                tf.constant(STEPS),
                [tf.constant(START)],
                **{k: tf.constant(v) if k == "mask" else v for k, v in row.items()},
            )
        )
        for row in RNN_ROWS
    ]
    EXPECTED.write_text(json.dumps({"rows": found, "rnn": rows}))


if __name__ == "__main__":
    main()
