"""Calls of `ops`: name, arguments, keywords; for the real Keras and the symbolic tests."""

import numpy as np

BATCH = 4  # a first axis of this size becomes an unknown one in the symbolic tests

_draw = np.random.default_rng(0)


def _floats(*shape, low=-2.0, high=2.0):
    return _draw.uniform(low, high, shape).astype("float32")


F = _floats(BATCH, 3)
G = _floats(BATCH, 3)
V = _floats(3)
POSITIVE = _floats(BATCH, 3, low=0.1, high=3)
UNIT = _floats(BATCH, 3, low=-0.9, high=0.9)
ABOVE_ONE = POSITIVE + 1
INTS = _draw.integers(0, 5, (BATCH, 3)).astype("int32")
INTS2 = _draw.integers(1, 5, (BATCH, 3)).astype("int32")
BYTES = _draw.integers(-100, 100, (BATCH, 3)).astype("int8")
BOOLS = _draw.random((BATCH, 3)) > 0.5
CUBE = _floats(BATCH, 3, 2)
COMPLEX = (F + 1j * G).astype("complex64")
HOLES = np.where(np.abs(F) > 0.3, F, np.nan).astype("float32")
SPECIAL = np.array([[0.0, -0.0, 1.5, -2.5], [np.inf, -np.inf, np.nan, 2.5]], "float32")
SQUARE = _floats(3, 3)
SPD = (SQUARE @ SQUARE.T + 3 * np.eye(3)).astype("float32")
IMAGES = _floats(BATCH, 8, 9, 3)
IMAGES_FIRST = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2))
STEPS = _floats(BATCH, 10, 3)
HALF = F.astype("float16")


def _rows(names, *args, **kwargs):
    return [(name, args, kwargs) for name in names.split()]


_UNARY = (
    _rows(
        "absolute abs angle arctan arcsinh cbrt ceil conj conjugate copy cos cosh deg2rad"
        " exp exp2 expm1",
        F,
    )
    + _rows(
        "fabs floor i0 imag isfinite isinf isnan isneginf isposinf isreal negative rad2deg real", F
    )
    + _rows("round sign signbit sin sinc sinh square tan tanh trunc reciprocal logical_not", F)
    + _rows("arccos arcsin arctanh", UNIT)
    + _rows("arccosh log log10 log1p log2 sqrt rsqrt", ABOVE_ONE)
    + _rows("abs ceil cos exp floor sign sqrt square tanh trunc negative reciprocal log", INTS)
    + _rows("bitwise_invert bitwise_not", INTS)
    + _rows(
        "ceil floor sign sqrt nan_to_num isfinite isinf isnan isneginf isposinf signbit round",
        SPECIAL,
    )
    + _rows("abs angle conj imag isreal real exp", COMPLEX)
    + _rows("exp floor mean std", HALF)
    + _rows(
        "relu relu6 sigmoid sparse_sigmoid softplus softsign sparse_plus silu swish"
        " log_sigmoid selu",
        F,
    )
    + _rows("hard_sigmoid hard_silu hard_swish hard_tanh tanh_shrink elu celu leaky_relu gelu", F)
    + _rows("soft_shrink hard_shrink softmax log_softmax squareplus normalize", F)
    + _rows("rms_normalization layer_normalization erf erfc logsumexp", F)
    + _rows("erfinv", UNIT)
)

_BINARY = (
    _rows(
        "add arctan2 divide divide_no_nan equal floor_divide fmax fmin fmod greater greater_equal",
        F,
        G,
    )
    + _rows(
        "heaviside hypot isclose less less_equal logaddexp logaddexp2 logical_and logical_or", F, G
    )
    + _rows(
        "logical_xor maximum minimum mod multiply nextafter not_equal subtract true_divide", F, G
    )
    + _rows("power", POSITIVE, F)
    + _rows("add divide floor_divide maximum multiply subtract power mod logaddexp", INTS, INTS2)
    + _rows(
        "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor", INTS, INTS2
    )
    + _rows("gcd lcm left_shift right_shift", INTS, INTS2)
    + _rows("add multiply subtract divide maximum where", BOOLS, INTS)[:-1]
    + _rows("add divide subtract multiply maximum power", INTS2, 2)
    + _rows("add divide subtract multiply maximum power", INTS2, 2.5)
    + _rows("add divide maximum", F, V)
    + _rows("add multiply", HALF, F)
    + _rows("add multiply", BYTES, INTS)
    + _rows("divide_no_nan", F, np.where(G > 0, G, 0).astype("float32"))
    + _rows("ldexp", F, INTS)
    + [("clip", (F, -1.0, 1.0), {}), ("clip", (INTS, 1, 3), {}), ("clip", (BOOLS, 0, 1), {})]
    + [
        ("where", (BOOLS, F, G), {}),
        ("where", (BOOLS, F, 0.0), {}),
        ("where", (BOOLS, INTS, 1.5), {}),
    ]
    + [
        ("threshold", (F, 0.5, 1.0), {}),
        ("elu", (F,), {"alpha": 0.5}),
        ("celu", (F,), {"alpha": 0.5}),
    ]
    + [("leaky_relu", (F,), {"negative_slope": 0.3}), ("gelu", (F,), {"approximate": False})]
    + [
        ("glu", (STEPS,), {"axis": 1}),
        ("softmax", (CUBE,), {"axis": (1, 2)}),
        ("squareplus", (F,), {"b": 2}),
    ]
    + [
        ("round", (F,), {"decimals": 1}),
        ("round", (INTS * 7,), {"decimals": -1}),
        ("polar", (POSITIVE, F), {}),
    ]
    + [("nan_to_num", (SPECIAL,), {"nan": 1.0, "posinf": 2.0, "neginf": -2.0})]
)

_REDUCED = [
    (name, (array,), kwargs)
    for name in "all any amax amin argmax argmin max mean median min prod ptp std sum var".split()
    for array, kwargs in ((F, {"axis": 0}), (F, {"axis": -1, "keepdims": True}), (INTS, {}))
] + [
    *_rows("all any count_nonzero sum mean prod", BOOLS),
    *_rows("sum prod cumsum mean", BYTES),
    *_rows("sum mean max std var median logsumexp", CUBE, axis=(1, 2)),
    *_rows("sum mean max", CUBE, axis=[0, 2], keepdims=True),
    *_rows(
        "nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar nanargmax nanargmin",
        HOLES,
        axis=1,
    ),
    *_rows("nancumprod nancumsum cumprod cumsum", HOLES, axis=1),
    *_rows("cumprod cumsum", INTS),
    *_rows("nanpercentile percentile", F, 30.0, axis=1),
    *_rows("nanquantile quantile", F, 0.3, axis=0, keepdims=True),
    *_rows("quantile", F, [0.2, 0.6], axis=1, method="nearest"),
    ("average", (F,), {"axis": 1, "weights": POSITIVE}),
    ("average", (INTS,), {}),
    ("max", (F,), {"axis": 1, "initial": 1.0}),
    ("trapezoid", (F,), {"dx": 0.5}),
    ("moments", (CUBE, [0, 1]), {}),
    ("moments", (CUBE, (1,)), {"keepdims": True}),
    ("norm", (F,), {"axis": 1}),
    ("norm", (F,), {"ord": 1, "axis": 1, "keepdims": True}),
    ("norm", (SQUARE,), {"ord": "fro"}),
]

_LINEAR = [
    ("matmul", (F, SQUARE), {}),
    ("matmul", (CUBE, _floats(2, 5)), {}),
    ("matmul", (BYTES, BYTES[:3]), {}),
    ("dot", (F, V), {}),
    ("dot", (CUBE, _floats(2, 5)), {}),
    ("einsum", ("bij,jk->bik", CUBE, _floats(2, 5)), {}),
    ("einsum", ("...i->...", F), {}),
    ("tensordot", (CUBE, SQUARE), {"axes": [[1], [0]]}),
    ("tensordot", (F, SQUARE), {"axes": 1}),
    *_rows("inner", F, V),
    *_rows("kron outer", V, V),
    *_rows("vdot correlate", V, V),
    *_rows("cross", F, G),
    ("correlate", (V, V), {"mode": "full"}),
    ("corrcoef", (SQUARE,), {}),
    ("trace", (SQUARE,), {}),
    *_rows("det inv logdet slogdet pinv lu_factor matrix_rank eigh cholesky", SPD),
    ("cholesky", (SPD,), {"upper": True}),
    ("cholesky_inverse", (np.linalg.cholesky(SPD),), {}),
    ("qr", (SPD,), {}),
    ("solve", (SPD, V), {}),
    ("solve_triangular", (np.tril(SPD), SQUARE), {"lower": True}),
    ("lstsq", (F, _floats(BATCH)), {}),
    ("svd", (SPD,), {"compute_uv": False}),
    ("cdist", (F, _floats(5, 3)), {}),
]

_SHAPED = [
    ("append", (F, G), {"axis": 0}),
    ("append", (F, G), {}),
    ("array_split", (STEPS, 3), {"axis": 1}),
    ("broadcast_to", (V, (2, 3)), {}),
    ("concatenate", ([F, G],), {"axis": 1}),
    ("concatenate", ([F, INTS],), {}),
    ("concatenate", ([[1, 2], [3]],), {}),
    *_rows("diag diagflat", V, k=1),
    ("diagonal", (CUBE,), {"axis1": 1, "axis2": 2}),
    ("diff", (STEPS,), {"n": 2, "axis": 1}),
    ("dsplit", (STEPS, 3), {}),
    ("hsplit", (STEPS, 2), {}),
    ("vsplit", (STEPS[:2], 2), {}),
    *_rows("dstack hstack vstack", [F, G]),
    ("expand_dims", (F, 1), {}),
    ("expand_dims", (F, (0, -1)), {}),
    *_rows("flip fliplr flipud ravel", F),
    ("flip", (CUBE,), {"axis": 1}),
    ("get_item", (CUBE, 1), {}),
    ("get_item", (CUBE, (slice(None), 0, slice(None, None, -1))), {}),
    ("get_item", (CUBE, (Ellipsis, None, 1)), {}),
    ("meshgrid", (V, V), {"indexing": "ij"}),
    ("moveaxis", (CUBE, 1, 2), {}),
    ("pad", (F, [[0, 0], [1, 2]]), {}),
    ("pad", (F, ((0, 0), (1, 2))), {"constant_values": 3.0}),
    ("pad", (F, ((0, 0), (1, 1))), {"mode": "reflect"}),
    ("rearrange", (STEPS, "b (t s) c -> b t (c s)"), {"s": 2}),
    ("repeat", (F, 2), {"axis": 1}),
    ("repeat", (F, 2), {}),
    ("reshape", (CUBE, (-1, 6)), {}),
    ("reshape", (CUBE, (-1, 2)), {}),
    ("roll", (F, 1), {"axis": 1}),
    ("rot90", (CUBE,), {"axes": (1, 2)}),
    ("select", ([BOOLS, F > 0], [F, G]), {"default": 7.0}),
    ("slice", (STEPS, [1, 2, 0], (2, 3, -1)), {}),
    ("slice_update", (STEPS, [1, 2, 0], _floats(2, 3, 3)), {}),
    ("split", (STEPS, 2), {"axis": 1}),
    ("split", (STEPS, [3, 5]), {"axis": 1}),
    ("squeeze", (F[:, None],), {"axis": 1}),
    ("stack", ([F, G],), {"axis": 1}),
    ("swapaxes", (CUBE, 1, 2), {}),
    ("tile", (F, (2, 1)), {}),
    *_rows("transpose tril triu", F),
    ("transpose", (CUBE, (0, 2, 1)), {}),
    ("unstack", (STEPS,), {"axis": 1}),
    ("vander", (V,), {"N": 4}),
    ("view", (F,), {"dtype": "int32"}),
    ("view_as_complex", (CUBE,), {}),
    ("view_as_real", (COMPLEX,), {}),
    ("cast", (F, "int32"), {}),
    ("saturate_cast", (F * 1000, "int8"), {}),
    ("stop_gradient", (F,), {}),
    ("convert_to_tensor", ([1.0, 2.0],), {}),
    ("convert_to_tensor", (INTS, "float16"), {}),
]

_SORTED = [
    ("allclose", (F, F + 1e-9), {}),
    ("argsort", (F,), {}),
    ("argsort", (F,), {"axis": 0}),
    ("sort", (F,), {}),
    ("argpartition", (V, 1), {}),
    ("bincount", (np.array([0, 2, 2, 5], "int32"),), {}),
    ("bincount", (INTS,), {"minlength": 7}),
    ("bincount", (np.array([0, 2, 2], "int32"),), {"weights": V}),
    ("digitize", (F, np.array([-1.0, 0.0, 1.0], "float32")), {}),
    ("histogram", (F.ravel(),), {"bins": 4, "range": (-2.0, 2.0)}),
    ("isin", (INTS, [1, 2]), {}),
    ("nonzero", (INTS,), {}),
    ("searchsorted", (np.array([0.0, 1.0, 2.0], "float32"), F), {"side": "right"}),
    ("take", (F, [0, 2]), {"axis": 1}),
    ("take", (F, INTS % 3), {}),
    ("take_along_axis", (F, INTS % 3), {"axis": 1}),
    ("unique", (INTS,), {}),
    ("unique", (INTS,), {"return_inverse": True, "return_counts": True}),
    ("unravel_index", (INTS, (3, 4)), {}),
    ("top_k", (F, 2), {}),
    ("in_top_k", (INTS[:, 0] % 3, F, 2), {}),
    ("scatter", (np.array([[0], [2], [0]]), V, (5,)), {}),
    ("scatter_update", (STEPS, [[0, 1], [2, 2]], _floats(2, 3)), {}),
    ("scatter_update", (V, [[0], [0]], [1.0, 2.0]), {"reduction": "add"}),
    *[
        (f"segment_{n}", (F, np.array([0, 2, 0, 1], "int32")), {"num_segments": 3})
        for n in "sum max min prod".split()
    ],
    ("extract_sequences", (F, 2, 1), {}),
]

_NEW = [
    ("arange", (5,), {}),
    ("arange", (1, 4, 0.5), {}),
    ("arange", (5,), {"dtype": "float32"}),
    ("array", ([1, 2],), {}),
    *_rows("bartlett blackman hamming hanning", 5),
    ("kaiser", (5, 3.0), {}),
    *_rows("ones zeros empty", (2, 3)),
    *_rows("ones zeros", (2,), dtype="int32"),
    *_rows("ones_like zeros_like empty_like", INTS),
    ("eye", (3,), {"k": 1}),
    ("eye", (2, 3), {"dtype": "int32"}),
    ("full", ((2,), 3), {}),
    ("full", ((2,), 3.5), {"dtype": "float16"}),
    ("full_like", (F, 2), {}),
    ("geomspace", (1.0, 8.0), {"num": 4}),
    ("identity", (2,), {}),
    ("linspace", (0.0, 1.0), {"num": 5, "endpoint": False}),
    ("linspace", (0, 4), {"num": 5, "dtype": "int32"}),
    ("logspace", (0.0, 2.0), {"num": 3}),
    ("tri", (3,), {"k": -1}),
    ("ndim", (F,), {}),
    ("size", (F,), {}),
    ("shape", (F,), {}),
]

_KERNEL = _floats(3, 3, 3, 5)
_TARGETS = np.eye(3, dtype="float32")[INTS[:, 0] % 3]
_PROBABILITIES = (POSITIVE / POSITIVE.sum(1, keepdims=True)).astype("float32")
_HEADS = _floats(BATCH, 6, 2, 4)

_NETWORK = [
    *[
        ("conv", (IMAGES, _KERNEL), {"padding": p, "strides": s})
        for p in ("same", "valid")
        for s in (1, 2)
    ],
    ("conv", (IMAGES, _KERNEL), {"padding": "same", "dilation_rate": 2}),
    ("conv", (IMAGES, _floats(2, 2, 1, 6)), {}),
    ("conv", (IMAGES_FIRST, _KERNEL), {"data_format": "channels_first"}),
    ("conv", (STEPS, _floats(3, 3, 5)), {"strides": 2}),
    *[
        ("conv_transpose", (IMAGES, _floats(3, 2, 5, 3)), {"padding": p, "strides": s})
        for p in ("same", "valid")
        for s in (1, 3)
    ],
    (
        "conv_transpose",
        (STEPS, _floats(3, 5, 3)),
        {"strides": 2, "output_padding": 1, "padding": "same"},
    ),
    (
        "conv_transpose",
        (IMAGES_FIRST, _floats(3, 2, 5, 3)),
        {"data_format": "channels_first", "dilation_rate": 2},
    ),
    ("depthwise_conv", (IMAGES, _floats(3, 3, 3, 2)), {"padding": "same"}),
    (
        "depthwise_conv",
        (IMAGES_FIRST, _floats(3, 3, 3, 1)),
        {"data_format": "channels_first", "strides": 2},
    ),
    ("separable_conv", (IMAGES, _floats(3, 3, 3, 2), _floats(1, 1, 6, 4)), {"padding": "same"}),
    *[
        (n, (IMAGES, 2), {"padding": p, "strides": 2})
        for n in ("max_pool", "average_pool")
        for p in ("same", "valid")
    ],
    *[(n, (STEPS, 3), {"strides": 2, "padding": "same"}) for n in ("max_pool", "average_pool")],
    ("max_pool", (IMAGES_FIRST, (3, 2)), {"strides": 1, "data_format": "channels_first"}),
    *[(f"adaptive_{n}_pool", (IMAGES, (3, 4)), {}) for n in ("average", "max")],
    *[
        (f"adaptive_{n}_pool", (STEPS.transpose(0, 2, 1), 4), {"data_format": "channels_first"})
        for n in ("average", "max")
    ],
    ("depth_to_space", (_floats(BATCH, 2, 3, 8), 2), {}),
    ("space_to_depth", (_floats(BATCH, 4, 6, 2), 2), {}),
    ("depth_to_space", (_floats(BATCH, 8, 2, 3), 2), {"data_format": "channels_first"}),
    ("space_to_depth", (_floats(BATCH, 2, 4, 6), 2), {"data_format": "channels_first"}),
    ("unfold", (IMAGES_FIRST, 2), {"stride": 2, "padding": 1}),
    ("fold", (_floats(BATCH, 12, 20), (8, 10), 2), {"stride": 2}),
    ("batch_normalization", (CUBE, V, V**2, 1), {"offset": V, "scale": V}),
    ("batch_normalization", (F, V, V**2), {"axis": -1}),
    ("layer_normalization", (CUBE,), {"gamma": V, "beta": V, "axis": 1}),
    ("layer_normalization", (CUBE,), {"gamma": _floats(3, 2), "axis": (1, 2), "epsilon": 0.01}),
    ("rms_normalization", (F,), {"scale": V}),
    ("normalize", (F,), {"order": 1, "axis": 0}),
    ("normalize", (F * 0,), {}),
    ("one_hot", (INTS, 5), {}),
    ("one_hot", (INTS, 5), {"axis": 1, "dtype": "int32"}),
    ("multi_hot", (INTS, 5), {}),
    ("categorical_crossentropy", (_TARGETS, _PROBABILITIES), {}),
    ("categorical_crossentropy", (_TARGETS, F), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (INTS[:, 0] % 3, _PROBABILITIES), {}),
    ("sparse_categorical_crossentropy", (INTS[:, :1] % 3, F), {"from_logits": True}),
    ("binary_crossentropy", ((F > 0).astype("float32"), _PROBABILITIES), {}),
    ("binary_crossentropy", ((F > 0).astype("float32"), G), {"from_logits": True}),
    ("dot_product_attention", (_HEADS, _HEADS + 1, _HEADS * 2), {}),
    ("dot_product_attention", (_HEADS, _HEADS + 1, _HEADS * 2), {"is_causal": True, "scale": 0.3}),
    (
        "dot_product_attention",
        (_HEADS, _HEADS + 1, _HEADS),
        {"mask": _draw.random((BATCH, 1, 6, 6)) > 0.3},
    ),
    ("psnr", (IMAGES, IMAGES + 0.1), {"max_val": 2.0}),
]

_SIGNAL = _floats(2, 64)
_FOURIER = [
    *_rows("fft fft2 ifft2", (F, G)),
    ("rfft", (F,), {}),
    ("rfft", (F,), {"fft_length": 4}),
    ("irfft", ((F, G),), {}),
    ("stft", (_SIGNAL, 12, 4, 16), {}),
    ("stft", (_SIGNAL, 16, 8, 16), {"window": "hamming", "center": False}),
    ("stft", (_SIGNAL, 16, 8, 16), {"window": None}),
    ("istft", ((_floats(2, 9, 9), _floats(2, 9, 9)), 12, 4, 16), {}),
    ("istft", ((_floats(2, 9, 9), _floats(2, 9, 9)), 16, 8, 16), {"length": 40}),
]

_PHOTOS = np.abs(IMAGES) / 2
_CORNERS = np.array([[[0, 0], [0, 7], [8, 0], [8, 7]]], "float32")
_AFFINE = np.array([1, 1, 1, 1, 1, 1, 0, 0], "float32")
_IMAGE = [
    *_rows("image.rgb_to_grayscale image.rgb_to_hsv image.hsv_to_rgb image.sobel_edges", _PHOTOS),
    *_rows(
        "image.rgb_to_hsv image.rgb_to_grayscale",
        _PHOTOS[0].transpose(2, 0, 1),
        data_format="channels_first",
    ),
    *[
        ("image.resize", (IMAGES, (5, 12)), {"interpolation": i})
        for i in ("bilinear", "nearest", "bicubic")
    ],
    ("image.resize", (IMAGES, (5, 4)), {"antialias": True}),
    ("image.resize", (IMAGES, (4, 9)), {"crop_to_aspect_ratio": True}),
    ("image.resize", (IMAGES[0], (4, 9)), {"pad_to_aspect_ratio": True, "fill_value": 1.0}),
    ("image.resize", (IMAGES_FIRST, (5, 4)), {"data_format": "channels_first"}),
    (
        "image.scale_and_translate",
        (IMAGES[0], (6, 6, 3), V[:2] ** 2 + 0.5, V[:2], (0, 1), "linear"),
        {},
    ),
    ("image.pad_images", (IMAGES, 1, 2), {"target_height": 12, "target_width": 14}),
    ("image.pad_images", (IMAGES_FIRST, 1, 2, 3, 4), {"data_format": "channels_first"}),
    ("image.crop_images", (IMAGES, 1, 2), {"target_height": 5, "target_width": 6}),
    ("image.crop_images", (IMAGES[0], 1, 2, 3, 4), {}),
    ("image.extract_patches", (IMAGES, 3), {}),
    (
        "image.extract_patches",
        (IMAGES, (2, 3)),
        {"strides": (1, 1), "padding": "same", "dilation_rate": 2},
    ),
    ("image.extract_patches_3d", (_floats(BATCH, 4, 4, 6, 2), 2), {}),
    *[
        ("image.map_coordinates", (SQUARE, _floats(2, 5) + 1, 1), {"fill_mode": m})
        for m in ("constant", "reflect")
    ],
    ("image.affine_transform", (IMAGES[:2], _floats(2, 8) * _AFFINE), {}),
    (
        "image.affine_transform",
        (IMAGES[0], _floats(8) * _AFFINE),
        {"interpolation": "nearest", "fill_mode": "reflect"},
    ),
    ("image.perspective_transform", (IMAGES[0], _CORNERS, _CORNERS + _floats(1, 4, 2)), {}),
    (
        "image.gaussian_blur",
        (IMAGES,),
        {"kernel_size": (3, 5), "sigma": (1.0, 2.0), "data_format": "channels_last"},
    ),
    ("image.ssim", (_floats(2, 12, 13, 3), _floats(2, 12, 13, 3)), {"max_val": 4.0}),
]

_LENGTHS = np.array([6, 10, 8, 7], "int32")
_CTC = [
    ("ctc_loss", (INTS2, _floats(BATCH, 10, 5), np.array([3, 2, 1, 3], "int32"), _LENGTHS), {}),
    ("ctc_decode", (_floats(BATCH, 10, 5), _LENGTHS), {}),
    ("ctc_decode", (_floats(BATCH, 10, 3), _LENGTHS), {"merge_repeated": False, "mask_index": 2}),
]

ROWS = [
    *_UNARY,
    *_BINARY,
    *_REDUCED,
    *_LINEAR,
    *_SHAPED,
    *_SORTED,
    *_NEW,
    *_NETWORK,
    *_FOURIER,
    *_IMAGE,
    *_CTC,
]


def find(ops, name):
    """Return the function of a row, `"image.resize"` for one in a module of its own."""
    for part in name.split("."):
        ops = getattr(ops, part)
    return ops


def title(row):
    """Return how a row is named in pytest's output."""
    name, args, kwargs = row
    shown = [f"{a.dtype.name}{list(a.shape)}" if isinstance(a, np.ndarray) else "" for a in args]
    return "-".join(
        [
            name,
            *filter(None, shown),
            *(f"{k}={v}" for k, v in kwargs.items() if not hasattr(v, "shape")),
        ]
    )
