"""Families of operations for the property tests: how a random call of each is drawn.

A draw returns (arrays, call): `call(function, arrays)` runs the operation on arrays or on symbolic
tensors. Names that stand in no family are in FIXED: their shapes hang together so closely that
their rows in tests/tables/ops.py are the examples.
"""

import numpy as np
from hypothesis import strategies as st

SIZES = st.integers(1, 4)
SHAPES = st.lists(SIZES, min_size=0, max_size=4).map(tuple)
# At least one axis.
SOLID = st.lists(SIZES, min_size=1, max_size=4).map(tuple)
FLOATS = st.sampled_from(["float32", "float16", "bfloat16"])
NUMBERS = st.sampled_from(["float32", "float16", "bfloat16", "int32", "uint8", "int8", "bool"])
REAL = st.sampled_from(["float32", "bfloat16", "int32", "uint8"])
WHOLE = st.sampled_from(["int32", "uint8", "int8"])
SPATIAL = st.lists(st.integers(3, 6), min_size=1, max_size=3)


def array(shape, dtype):
    """Return numbers from 0.1 (or 1) to about 1 (or 3): every function is defined on them."""
    import ml_dtypes

    kind = getattr(ml_dtypes, dtype, dtype)
    count = int(np.prod(shape))
    values = np.linspace(0.1, 0.9, count) if "float" in dtype else np.arange(count) % 3 + 1
    return values.reshape(shape).astype(kind)


def _axis(draw, rank):
    return draw(st.integers(-rank, rank - 1))


def _axes(draw, rank):
    """Return None, an axis, or a tuple of several."""
    some = st.lists(st.integers(0, rank - 1), unique=True, min_size=1).map(tuple)
    return draw(st.one_of(st.none(), st.integers(-rank, rank - 1), some))


def _one(dtypes=NUMBERS, shapes=SHAPES):
    def draw_call(draw):
        return [array(draw(shapes), draw(dtypes))], lambda f, xs: f(*xs)

    return draw_call


def _broadcast(draw):
    """Return two shapes that broadcast."""
    whole = draw(SHAPES)
    shapes = []
    for _ in range(2):
        part = whole[draw(st.integers(0, len(whole))) :]
        shapes.append(tuple(n if draw(st.booleans()) else 1 for n in part))
    return shapes


def _two(dtypes=NUMBERS):
    def draw_call(draw):
        return [array(s, draw(dtypes)) for s in _broadcast(draw)], lambda f, xs: f(*xs)

    return draw_call


def _reduction(dtypes=NUMBERS, **options):
    def draw_call(draw):
        x = array(draw(SOLID), draw(dtypes))
        axis, keepdims = _axes(draw, x.ndim), draw(st.booleans())
        return [x], lambda f, xs: f(*xs, axis=axis, keepdims=keepdims, **options)

    return draw_call


def _one_axis(dtypes=NUMBERS, none=False, **options):
    """Return a draw of functions that take one axis."""

    def draw_call(draw):
        x = array(draw(SOLID), draw(dtypes))
        axis = None if none and draw(st.booleans()) else _axis(draw, x.ndim)
        return [x], lambda f, xs: f(*xs, axis=axis, **options)

    return draw_call


def _arg(draw):
    x = array(draw(SOLID), draw(REAL))
    axis = draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    keepdims = draw(st.booleans())
    return [x], lambda f, xs: f(*xs, axis=axis, keepdims=keepdims)


def _joined(listed=True):
    def draw_call(draw):
        shape = draw(SOLID)
        axis = _axis(draw, len(shape))
        sizes = draw(st.lists(SIZES, min_size=1, max_size=3))
        shapes = [
            tuple(n if i == axis % len(shape) else s for i, s in enumerate(shape)) for n in sizes
        ]
        return [array(s, draw(REAL)) for s in shapes], lambda f, xs: f(xs, axis=axis)

    return draw_call


def _stacked(draw):
    shape = draw(SHAPES)
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    count = draw(st.integers(1, 3))
    return [array(shape, draw(REAL)) for _ in range(count)], lambda f, xs: f(xs, axis=axis)


def _expanded(draw):
    x = array(draw(SHAPES), draw(NUMBERS))
    axis = draw(st.integers(-x.ndim - 1, x.ndim))
    return [x], lambda f, xs: f(*xs, axis)


def _squeezed(draw):
    shape = [*draw(SHAPES), 1]
    place = draw(st.integers(0, len(shape) - 1))
    shape.insert(place, 1)
    return [array(shape, draw(NUMBERS))], lambda f, xs: f(*xs, axis=place)


def _reshaped(draw):
    shape = draw(SOLID)
    new = list(draw(st.permutations(shape)))
    if draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
    return [array(shape, draw(NUMBERS))], lambda f, xs: f(*xs, tuple(new))


def _transposed(draw):
    x = array(draw(SOLID), draw(NUMBERS))
    order = draw(st.one_of(st.none(), st.permutations(range(x.ndim))))
    return [x], lambda f, xs: f(*xs, order)


def _two_axes(draw):
    x = array(draw(SOLID), draw(NUMBERS))
    first, second = _axis(draw, x.ndim), _axis(draw, x.ndim)
    return [x], lambda f, xs: f(*xs, first, second)


def _padded(draw):
    x = array(draw(SOLID), draw(REAL))
    widths = [[draw(st.integers(0, 2)), draw(st.integers(0, 2))] for _ in x.shape]
    return [x], lambda f, xs: f(*xs, widths)


def _repeated(draw):
    x = array(draw(SOLID), draw(NUMBERS))
    axis = draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    count = draw(st.integers(1, 3))
    return [x], lambda f, xs: f(*xs, count, axis=axis)


def _tiled(draw):
    x = array(draw(SHAPES), draw(NUMBERS))
    counts = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=x.ndim + 1)))
    return [x], lambda f, xs: f(*xs, counts)


def _rolled(draw):
    x = array(draw(SOLID), draw(NUMBERS))
    axis = draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    shift = draw(st.integers(-3, 3))
    return [x], lambda f, xs: f(*xs, shift, axis=axis)


def _divided(draw):
    shape, parts = draw(SOLID), draw(st.integers(1, 3))
    axis = _axis(draw, len(shape))
    shape = tuple(n * parts if i == axis % len(shape) else n for i, n in enumerate(shape))
    return [array(shape, draw(REAL))], lambda f, xs: f(*xs, parts, axis=axis)


def _taken(draw):
    x = array(draw(SOLID), draw(REAL))
    axis = draw(st.one_of(st.none(), st.integers(-x.ndim, x.ndim - 1)))
    indices = array(draw(SHAPES), "int32") * 0
    return [x, indices], lambda f, xs: f(*xs, axis=axis)


def _along(draw):
    x = array(draw(SOLID), draw(REAL))
    axis = _axis(draw, x.ndim)
    count = draw(SIZES)
    shape = tuple(count if i == axis % x.ndim else n for i, n in enumerate(x.shape))
    return [x, np.zeros(shape, "int32")], lambda f, xs: f(*xs, axis=axis)


def _product(draw):
    """Return operands of matmul: batches broadcast, one of them may be a vector."""
    (a, b), (i, j, k) = _broadcast(draw), [draw(SIZES) for _ in range(3)]
    first, second = (*a[:2], i, j), (*b[:2], j, k)
    if draw(st.booleans()):
        first = (j,)
    elif draw(st.booleans()):
        second = (j,)
    arrays = [array(first, draw(REAL)), array(second, draw(REAL))]
    try:
        np.matmul(*(np.zeros(s) for s in (first, second)))
    except ValueError:
        arrays = [array((i, j), "float32"), array((j, k), "float32")]
    return arrays, lambda f, xs: f(*xs)


def _dotted(draw):
    inner = draw(SIZES)
    first = (*draw(SHAPES)[:2], inner)
    second = (inner,) if draw(st.booleans()) else (*draw(SHAPES)[:1], inner, draw(SIZES))
    return [array(first, "float32"), array(second, "float32")], lambda f, xs: f(*xs)


def _inner(draw):
    inner = draw(SIZES)
    shapes = [(*draw(SHAPES)[:2], inner) for _ in range(2)]
    return [array(s, "float32") for s in shapes], lambda f, xs: f(*xs)


def _chained(draw):
    shared = draw(st.lists(SIZES, min_size=1, max_size=2))
    shapes = ((*draw(SHAPES)[:2], *shared), (*shared, *draw(SHAPES)[:2]))
    count = len(shared)
    return [array(s, "float32") for s in shapes], lambda f, xs: f(*xs, axes=count)


def _matrices(draw):
    size, batch = draw(SIZES), draw(SHAPES)[:2]
    x = np.broadcast_to(np.eye(size, dtype="float32") * 2, (*batch, size, size)).copy()
    return [x], lambda f, xs: f(*xs)


def _windows(draw):
    """Return (input shape, kernel, strides, padding, layout) of a window that fits."""
    spatial = draw(SPATIAL)
    kernel = [draw(st.integers(1, 3)) for _ in spatial]
    strides = draw(st.integers(1, 2))
    padding = draw(st.sampled_from(["valid", "same"]))
    layout = draw(st.sampled_from(["channels_last", "channels_first"]))
    return spatial, kernel, strides, padding, layout


def _images(draw, spatial, channels, layout):
    inner = (channels, *spatial) if layout == "channels_first" else (*spatial, channels)
    return array((draw(st.integers(1, 3)), *inner), "float32")


def _pooled(draw):
    spatial, kernel, strides, padding, layout = _windows(draw)
    x = _images(draw, spatial, draw(SIZES), layout)
    return [x], lambda f, xs: f(*xs, tuple(kernel), strides, padding, layout)


def _convolved(draw):
    spatial, kernel, strides, padding, layout = _windows(draw)
    channels = draw(st.integers(1, 3))
    x = _images(draw, spatial, channels, layout)
    weight = array((*kernel, channels, draw(SIZES)), "float32")
    options = {"strides": strides, "padding": padding, "data_format": layout}
    if strides == 1 and padding == "same":
        options["dilation_rate"] = draw(st.integers(1, 2))
    return [x, weight], lambda f, xs: f(*xs, **options)


def _unconvolved(draw):
    spatial, kernel, strides, padding, layout = _windows(draw)
    channels = draw(st.integers(1, 3))
    x = _images(draw, spatial, channels, layout)
    weight = array((*kernel, draw(SIZES), channels), "float32")
    return [x, weight], lambda f, xs: f(*xs, strides, padding, data_format=layout)


def _adapted(draw):
    spatial, _, _, _, layout = _windows(draw)
    x = _images(draw, spatial, draw(SIZES), layout)
    sizes = tuple(draw(st.integers(1, n)) for n in spatial)
    return [x], lambda f, xs: f(*xs, sizes, data_format=layout)


def _classes(draw):
    labels = array(draw(SHAPES), "int32")
    count = draw(st.integers(4, 6))
    axis = draw(st.integers(-1, labels.ndim))
    return [labels], lambda f, xs: f(*xs, count, axis=axis)


def _segments(draw):
    x = array(draw(SOLID), draw(REAL))
    ids = np.zeros(x.shape[0], "int32")
    count = draw(st.integers(1, 4))
    return [x, ids], lambda f, xs: f(*xs, num_segments=count)


def _chosen(draw):
    shape = draw(SHAPES)
    arrays = [array(shape, "bool"), *(array(s, draw(REAL)) for s in (shape, ()))]
    return arrays, lambda f, xs: f(*xs)


def _best(draw):
    x = array(draw(SOLID), draw(REAL))
    k = draw(st.integers(1, x.shape[-1]))
    return [x], lambda f, xs: f(*xs, k)


def _cast(draw):
    x, dtype = array(draw(SHAPES), draw(NUMBERS)), draw(NUMBERS)
    return [x], lambda f, xs: f(*xs, dtype)


def _spread(draw):
    shape = draw(SHAPES)
    small = tuple(n if draw(st.booleans()) else 1 for n in shape)
    return [array(small, draw(NUMBERS))], lambda f, xs: f(*xs, shape)


def _several(draw):
    x = array(draw(SOLID), draw(REAL))
    k, axis = draw(st.integers(1, 3)), _axis(draw, x.ndim)
    return [x], lambda f, xs: f(*xs, n=min(k, x.shape[axis] - 1), axis=axis)


def _squares(draw):
    x = array((*draw(SOLID), draw(SIZES)), draw(REAL))
    k = draw(st.integers(-1, 1))
    return [x], lambda f, xs: f(*xs, k)


def _blurred(draw):
    shape = draw(st.sampled_from([(2, 5, 4, 3), (5, 4, 3)]))
    sizes = (draw(st.integers(2, 7)), draw(st.integers(2, 7)))
    method = draw(st.sampled_from(["bilinear", "nearest", "bicubic"]))
    return [array(shape, "float32")], lambda f, xs: f(*xs, sizes, interpolation=method)


FAMILIES = [
    (
        (
            "absolute arctan arcsinh cbrt ceil conj conjugate copy cos cosh deg2rad exp exp2 expm1"
            " fabs floor i0 imag isfinite isinf isnan isneginf isposinf isreal log log10 log1p log2"
            " logical_not nan_to_num negative rad2deg real reciprocal round rsqrt sign signbit sin"
            " sinc sinh sqrt square stop_gradient tan tanh trunc zeros_like ones_like empty_like"
            " ravel convert_to_tensor count_nonzero angle"
        ),
        _one(REAL),
    ),
    ("arccos arcsin arctanh erf erfc erfinv arccosh", _one(FLOATS)),
    (
        (
            "celu elu gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid relu"
            " relu6 selu sigmoid silu soft_shrink softplus softsign sparse_plus sparse_sigmoid"
            " squareplus tanh_shrink"
        ),
        _one(FLOATS),
    ),
    ("rms_normalization normalize", _one(FLOATS, SOLID)),
    ("bitwise_invert bitwise_not", _one(WHOLE)),
    (
        (
            "add divide divide_no_nan equal floor_divide fmax fmin greater greater_equal less"
            " less_equal logical_and logical_or logical_xor maximum minimum mod multiply not_equal"
            " true_divide"
        ),
        _two(),
    ),
    ("subtract power", _two(REAL)),
    (
        "arctan2 heaviside hypot isclose logaddexp logaddexp2 nextafter polar fmod",
        _two(st.just("float32")),
    ),
    (
        (
            "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift left_shift"
            " right_shift gcd lcm"
        ),
        _two(WHOLE),
    ),
    ("ldexp", lambda draw: ([array((2, 3), "float32"), array((3,), "int32")], lambda f, x: f(*x))),
    ("all any max min mean prod std sum var amax amin ptp", _reduction()),
    ("nanmax nanmin nanmean nanprod nanstd nansum nanvar nanmedian", _reduction(FLOATS)),
    ("median logsumexp", _reduction(FLOATS)),
    ("quantile nanquantile percentile nanpercentile", _reduction(FLOATS, q=0.4)),
    ("argmax argmin nanargmax nanargmin", _arg),
    ("cumsum cumprod nancumsum nancumprod flip sort argsort", _one_axis(REAL)),
    ("softmax log_softmax", _one_axis(FLOATS)),
    ("average trapezoid unstack", _one_axis(REAL)),
    ("concatenate", _joined()),
    ("stack", _stacked),
    ("expand_dims", _expanded),
    ("squeeze", _squeezed),
    ("reshape", _reshaped),
    ("transpose", _transposed),
    ("moveaxis swapaxes", _two_axes),
    ("pad", _padded),
    ("repeat", _repeated),
    ("tile", _tiled),
    ("roll", _rolled),
    ("split array_split", _divided),
    ("take", _taken),
    ("take_along_axis", _along),
    ("matmul", _product),
    ("dot", _dotted),
    ("inner", _inner),
    ("tensordot", _chained),
    ("outer kron", _two(st.just("float32"))),
    ("det inv cholesky slogdet logdet eigh pinv matrix_rank", _matrices),
    ("max_pool average_pool", _pooled),
    ("conv", _convolved),
    ("conv_transpose", _unconvolved),
    ("adaptive_average_pool adaptive_max_pool", _adapted),
    ("one_hot", _classes),
    ("segment_sum segment_max segment_min segment_prod", _segments),
    ("where", _chosen),
    ("top_k", _best),
    ("cast saturate_cast", _cast),
    ("broadcast_to", _spread),
    ("diff", _several),
    ("tril triu diagonal", _squares),
    ("image.resize", _blurred),
]

# Examples of these are their rows in tests/tables/ops.py alone.
FIXED = set(
    "allclose append argpartition batch_normalization binary_crossentropy bincount"
    " categorical_crossentropy cdist cholesky_inverse clip corrcoef correlate cross ctc_decode"
    " ctc_loss depth_to_space depthwise_conv diag diagflat digitize dot_product_attention dsplit"
    " dstack einsum extract_sequences fft fft2 fliplr flipud fold full_like get_item glu histogram"
    " hsplit hstack ifft2 image.affine_transform image.crop_images image.extract_patches"
    " image.extract_patches_3d image.gaussian_blur image.hsv_to_rgb image.map_coordinates"
    " image.pad_images image.perspective_transform image.rgb_to_grayscale image.rgb_to_hsv"
    " image.scale_and_translate image.sobel_edges image.ssim in_top_k irfft isin istft"
    " layer_normalization lstsq lu_factor meshgrid moments multi_hot nonzero norm psnr qr"
    " rearrange rfft rot90 scatter scatter_update searchsorted select separable_conv slice"
    " slice_update solve solve_triangular space_to_depth sparse_categorical_crossentropy stft"
    " svd threshold trace unfold unique unravel_index vander vdot view view_as_complex"
    " view_as_real vsplit vstack".split()
)
