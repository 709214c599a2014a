"""Wrong uses of layers: at construction, and on inputs that do not fit; what the error must say."""

from typing import Any

CONV = {"filters": 4, "kernel_size": 3}
NO_COUNT = (0, -1, 2.5, "a", None)  # where a number from 1 is asked for


def _each(layer: str, argument: str, values: Any, word: str = "", **others: Any) -> list[Any]:
    """Return rows (layer, options, words of the message) for several values of an argument."""
    # RepeatVector's n stands in quotes, so that the word is not found everywhere.
    name = f"'{argument}'" if len(argument) == 1 else argument
    return [(layer, {**others, argument: value}, (name, word)) for value in values]


_RANKS = (1, 2, 3)
_SPATIAL = {
    "padding": ("full", 3, None),
    "data_format": ("channels", 3, "NHWC"),
}

_DENSE = [
    *_each("Dense", "units", NO_COUNT, "at least 1"),
    *_each("EinsumDense", "equation", ("ab,bc", "abc->ab", 3), output_shape=3),
    *_each("EinsumDense", "bias_axes", ("z",), equation="ab,bc->ac", output_shape=3),
    *_each("Embedding", "input_dim", NO_COUNT, "at least 1", output_dim=3),
    *_each("Embedding", "output_dim", NO_COUNT, "at least 1", input_dim=3),
]
_CONVOLUTIONS = [
    row
    for rank in _RANKS
    for name in (f"Conv{rank}D", f"Conv{rank}DTranspose")
    for row in [
        *_each(name, "filters", NO_COUNT, "at least 1", kernel_size=3),
        *_each(name, "kernel_size", (0, -1, 1.5, "a", None, (3,) * (rank + 1)), filters=4),
        *_each(name, "strides", (0, -1, 1.5, "a", (1,) * (rank + 1)), **CONV),
        *_each(name, "dilation_rate", (0, -1, "a", (1,) * (rank + 1)), **CONV),
        *[r for key, values in _SPATIAL.items() for r in _each(name, key, values, **CONV)],
    ]
] + [
    *_each("Conv2D", "groups", (0, -1, 1.5, 3), **CONV),
    *_each("Conv2D", "padding", ("causal",), **CONV),
    *_each("Conv1DTranspose", "output_padding", (1, 2, -1, "a"), **CONV),
    *_each("Conv2DTranspose", "output_padding", (2, (0, 2), (0, 0, 0)), strides=2, **CONV),
    *[
        row
        for name in ("SeparableConv1D", "SeparableConv2D")
        for row in [
            *_each(name, "filters", NO_COUNT, kernel_size=3),
            *_each(name, "kernel_size", (0, "a", (1, 1, 1)), filters=4),
            *_each(name, "depth_multiplier", NO_COUNT, **CONV),
            *_each(name, "strides", (0, -2), **CONV),
        ]
    ],
    *[
        row
        for name in ("DepthwiseConv1D", "DepthwiseConv2D")
        for row in [
            *_each(name, "kernel_size", (0, "a", (1, 1, 1))),
            *_each(name, "depth_multiplier", NO_COUNT, kernel_size=3),
            *_each(name, "padding", ("full",), kernel_size=3),
        ]
    ],
]
_POOLING = [
    row
    for rank in _RANKS
    for name in (f"MaxPooling{rank}D", f"AveragePooling{rank}D")
    for row in [
        *_each(name, "pool_size", (0, -1, 1.5, "a", None, (2,) * (rank + 1))),
        *_each(name, "strides", (0, -1, "a", (2,) * (rank + 1))),
        *[r for key, values in _SPATIAL.items() for r in _each(name, key, values)],
    ]
] + [
    row
    for rank in _RANKS
    for name in (f"GlobalMaxPooling{rank}D", f"GlobalAveragePooling{rank}D")
    for row in [
        *_each(name, "data_format", _SPATIAL["data_format"]),
        *_each(name, "keepdims", ("yes", 3)),
    ]
]
_RESHAPING = [
    *_each("Reshape", "target_shape", ((-1, -1), (2, -3), "a", 2.5, (1.5,))),
    *_each("Permute", "dims", ((1, 3), (0, 1), (1, 1), "a", 2.5, ())),
    *_each("RepeatVector", "n", NO_COUNT),
    *_each("Flatten", "data_format", _SPATIAL["data_format"]),
    *[
        row
        for rank in _RANKS
        for row in [
            *_each(f"Cropping{rank}D", "cropping", (-1, "a", 1.5, (1,) * (rank + 2))),
            *_each(f"ZeroPadding{rank}D", "padding", (-1, "a", 1.5, (1,) * (rank + 2))),
            *_each(f"UpSampling{rank}D", "size", (0, -1, 1.5, "a", (2,) * (rank + 1))),
        ]
    ],
    *_each("UpSampling2D", "interpolation", ("best", 3)),
    *_each("Cropping2D", "cropping", (((1, 2, 3), (1, 2)),)),
]
_NORMALIZATION = [
    *_each("BatchNormalization", "axis", ("a", 1.5, (1, 2), None)),
    *_each("BatchNormalization", "momentum", (-0.1, 1.5, "a", None)),
    *_each("BatchNormalization", "epsilon", (-1e-3, "a", None)),
    *_each("BatchNormalization", "renorm_clipping", ({"rmax": -1}, {"best": 1}), renorm=True),
    *_each("LayerNormalization", "axis", ("a", 1.5)),
    *_each("LayerNormalization", "epsilon", (-1.0, "a")),
    *_each("RMSNormalization", "epsilon", (-1.0, "a")),
    *_each("RMSNormalization", "axis", ("a", 1.5)),
    *_each("GroupNormalization", "groups", (0, -2, 1.5, "a")),
    *_each("GroupNormalization", "axis", ("a", 1.5)),
    *_each("GroupNormalization", "epsilon", (-1.0,)),
    *_each("UnitNormalization", "axis", ("a", 1.5)),
]
_NOISE = [
    *[
        row
        for name in (
            *("Dropout", "AlphaDropout", "GaussianDropout"),
            *(f"SpatialDropout{rank}D" for rank in _RANKS),
        )
        for row in _each(name, "rate", (-0.1, 1.5, "a", None), "to 1")
    ],
    *_each("Dropout", "noise_shape", ("a", (0, 1)), rate=0.5),
    *_each("Dropout", "seed", ("a", 1.5), rate=0.5),
    *_each("GaussianNoise", "stddev", (-1, "a", None)),
    *_each("SpatialDropout2D", "data_format", ("channels",), rate=0.5),
    *_each("ActivityRegularization", "l1", (-1.0, "a")),
    *_each("ActivityRegularization", "l2", (-1.0, "a")),
]
_ACTIVATIONS = [
    *_each("Activation", "activation", ("rellu", 3)),
    *_each("Dense", "activation", ("rellu",), units=3),
    *_each("ReLU", "max_value", (-1, "a")),
    *_each("ReLU", "negative_slope", (-1, "a", None)),
    *_each("ReLU", "threshold", (-1, "a", None)),
    *_each("LeakyReLU", "negative_slope", (None, "a")),
    *_each("ELU", "alpha", ("a", None)),
    *_each("Softmax", "axis", ("a", 1.5)),
    *_each("PReLU", "shared_axes", ("a", 0, [1.5])),
]
_RECURRENT = [
    row
    for name in ("SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell")
    for row in [
        *_each(name, "units", NO_COUNT, "at least 1"),
        *_each(name, "dropout", (-0.1, 1.5, "a"), units=3),
        *_each(name, "recurrent_dropout", (-0.1, 1.5, "a"), units=3),
        *_each(name, "activation", ("tann",), units=3),
    ]
] + [
    *_each("RNN", "cell", (3, [], [3])),
    *_each("Bidirectional", "layer", (3,)),
    *_each("TimeDistributed", "layer", (3, "a")),
]
_MERGING = [
    *_each("Concatenate", "axis", ("a", 1.5)),
    *_each("Dot", "axes", (0, "a", 1.5, (1, 2, 3), (0, 1))),
]
_OTHERS = [
    *_each("Rescaling", "scale", ("a", None)),
    *_each("Lambda", "function", (3,)),
    *_each("Masking", "mask_value", ("a",)),
]

# layer, options, words that the message has; the layer's name is one more
REFUSED = [
    *(_DENSE + _CONVOLUTIONS + _POOLING + _RESHAPING + _NORMALIZATION + _NOISE),
    *(_ACTIVATIONS + _RECURRENT + _MERGING + _OTHERS),
]

FLAT, STEPS, IMAGE = (2, 4), (2, 5, 3), (2, 6, 6, 3)
# layer, options, shapes of inputs that do not fit it, words that the message has
MISUSED = [
    ("Dense", {"units": 2}, [(3,)], "axes"),
    ("Conv1D", {"filters": 2, "kernel_size": 3}, [IMAGE], "3 axes"),
    ("Conv1D", {"filters": 2, "kernel_size": 6}, [STEPS], "window"),
    ("Conv2D", {"filters": 2, "kernel_size": 3}, [FLAT], "4 axes"),
    ("Conv3D", {"filters": 2, "kernel_size": 3}, [IMAGE], "5 axes"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "groups": 2}, [IMAGE], "groups"),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3}, [FLAT], "4 axes"),
    ("DepthwiseConv2D", {"kernel_size": 7}, [IMAGE], "window"),
    ("SeparableConv2D", {"filters": 2, "kernel_size": 7}, [IMAGE], "window"),
    ("MaxPooling1D", {"pool_size": 6}, [STEPS], "window"),
    ("AveragePooling2D", {"pool_size": 7}, [IMAGE], "window"),
    ("MaxPooling2D", {}, [STEPS], "4 axes"),
    ("GlobalMaxPooling2D", {}, [STEPS], "4 axes"),
    ("GlobalAveragePooling1D", {}, [FLAT], "3 axes"),
    ("Reshape", {"target_shape": (5,)}, [FLAT], "elements"),
    ("Reshape", {"target_shape": (-1, 3)}, [FLAT], "elements"),
    ("Permute", {"dims": (2, 1)}, [FLAT], "axes"),
    ("RepeatVector", {"n": 2}, [STEPS], "2 axes"),
    ("Cropping1D", {"cropping": 3}, [STEPS], "cropping"),
    ("Cropping2D", {"cropping": 3}, [IMAGE], "cropping"),
    ("ZeroPadding2D", {"padding": 1}, [STEPS], "4 axes"),
    ("UpSampling2D", {}, [STEPS], "4 axes"),
    ("BatchNormalization", {"axis": 3}, [FLAT], "axis"),
    ("LayerNormalization", {"axis": 3}, [FLAT], "axis"),
    ("RMSNormalization", {"axis": 3}, [FLAT], "axis"),
    ("UnitNormalization", {"axis": 3}, [FLAT], "axis"),
    ("GroupNormalization", {"groups": 3}, [FLAT], "groups"),
    ("GroupNormalization", {"groups": 2, "axis": 3}, [FLAT], "axis"),
    ("Softmax", {"axis": 3}, [FLAT], "axis"),
    ("PReLU", {"shared_axes": [3]}, [FLAT], "shared_axes"),
    ("SpatialDropout1D", {"rate": 0.5}, [FLAT], "3 axes"),
    ("SpatialDropout2D", {"rate": 0.5}, [STEPS], "4 axes"),
    ("Dropout", {"rate": 0.5, "noise_shape": (1, 1, 1)}, [FLAT], "3 axes"),
    ("LSTM", {"units": 2}, [FLAT], "3 axes"),
    ("GRU", {"units": 2}, [IMAGE], "3 axes"),
    ("Add", {}, [(2, 3), (2, 4)], "fit"),
    ("Add", {}, [(2, 3)], "a list of inputs"),
    ("Multiply", {}, [(2, 3, 4), (2, 5, 4)], "fit"),
    ("Subtract", {}, [(2, 3)] * 3, "2 inputs"),
    ("Concatenate", {}, [(2, 3), (3, 3)], "fit"),
    ("Concatenate", {"axis": 4}, [FLAT, FLAT], "axis"),
    ("Dot", {"axes": 1}, [(2, 3), (2, 4)], "product"),
    ("Dot", {"axes": 3}, [FLAT, FLAT], "axes"),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 3)}, [FLAT], "3"),
    ("Masking", {}, [(2,)], "axes"),
]
