"""Examples of activations, initializers, regularizers, constraints and random numbers."""

from tests.tables.ops import F

# name, further arguments after x
ACTIVATIONS = [
    *(
        (name, ())
        for name in "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh"
        " leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink"
        " softmax softplus softsign sparse_plus sparse_sigmoid squareplus tanh"
        " tanh_shrink".split()
    ),
    ("threshold", (0.5, 1.0)),
]

# What draws nothing: class, arguments, shape.
FIXED = [
    ("Zeros", {}, (3, 2)),
    ("Ones", {}, (3, 2)),
    ("Constant", {"value": 2.5}, (3, 2)),
    ("Identity", {"gain": 2.0}, (3, 4)),
    ("STFT", {"side": "real"}, (8, 1, 5)),
    (
        "STFT",
        {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True},
        (8, 1, 5),
    ),
    ("STFT", {"side": "imag", "window": None}, (8, 1, 5)),
]
DRAWN = [
    ("RandomNormal", {"mean": 0.5}),
    ("TruncatedNormal", {"stddev": 0.5}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    *((f"{who}{how}", {}) for who in ("Glorot", "He", "Lecun") for how in ("Normal", "Uniform")),
    ("GlorotUniform", {"input_axes": [0, 1], "output_axes": [2]}),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "uniform"}),
    ("Orthogonal", {"gain": 1.5}),
]
REGULARIZERS = [
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.3, "l2": 0.2}),
    ("L1L2", {}),
    ("OrthogonalRegularizer", {"factor": 0.3}),
    ("OrthogonalRegularizer", {"mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {"max_value": 1.0}),
    ("MaxNorm", {"axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.0, "rate": 0.7}),
]
RANDOM = [
    ("normal", ((3, 2),), {"mean": 1.0, "stddev": 2.0}),
    ("truncated_normal", ((3, 2),), {}),
    ("uniform", ((3, 2),), {"minval": -1.0, "maxval": 2.0}),
    ("randint", ((3, 2), 1, 9), {}),
    ("gamma", ((3,), 2.0), {}),
    ("beta", ((3,), 2.0, 3.0), {}),
    ("binomial", ((3,), 5.0, 0.4), {}),
    ("categorical", (F, 6), {}),
    ("dropout", (F, 0.4), {"noise_shape": (None, 1)}),
    ("shuffle", (F,), {}),
    ("shuffle", (F,), {"axis": 1}),
]
