"""Calls of `ops` with the options that tests/tables/ops.py leaves at their defaults."""

import numpy as np
from tests.tables.ops import (
    BATCH,
    CUBE,
    HOLES,
    IMAGES,
    IMAGES_FIRST,
    INTS,
    POSITIVE,
    SPD,
    SQUARE,
    F,
    G,
    V,
    _floats,
)

FIRST = {"data_format": "channels_first"}
IDS = np.array([0, 0, 1, 2], "int32")
WINDOW = np.hanning(8).astype("float32")
STFT = (_floats(2, 5, 5), _floats(2, 5, 5))
VOLUMES = _floats(1, 6, 5, 6, 2)
CORNERS = np.array([[[0, 0], [0, 8], [7, 0], [7, 8]]], "float32")

_NUMPY = [
    ("logsumexp", (F,), {"axis": 1, "keepdims": True}),
    ("isclose", (F, F * 1.01), {"rtol": 0.0, "atol": 0.01}),
    ("isclose", (HOLES, HOLES), {"equal_nan": True}),
    ("allclose", (F, F * 1.001), {"rtol": 0.01, "atol": 0.0}),
    ("allclose", (HOLES, HOLES), {"equal_nan": True}),
    ("min", (F,), {"axis": 0, "initial": -0.5}),
    ("max", (F,), {"axis": 0, "initial": 0.5}),
    ("count_nonzero", (INTS,), {"axis": 1}),
    *(
        (name, (HOLES,), {"axis": 1, "keepdims": True})
        for name in "nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar".split()
    ),
    *((name, (HOLES,), {"axis": 0, "keepdims": True}) for name in ("nanargmax", "nanargmin")),
    *(
        (name, (x, 30.0), {"axis": 1, "method": method, "keepdims": True})
        for name, x in (("percentile", F), ("nanpercentile", HOLES))
        for method in ("lower", "nearest")
    ),
    ("nanquantile", (HOLES, 0.3), {"method": "higher"}),
    ("trapezoid", (F,), {"x": np.sort(V)}),
    ("trapezoid", (F,), {"dx": 0.5, "axis": 0}),
    ("cross", (F.T[:, :3], G.T[:, :3]), {"axis": 0}),
    ("cross", (F, G.T), {"axisa": 1, "axisb": 0, "axisc": 0}),
    ("trace", (CUBE,), {"offset": 1, "axis1": 2, "axis2": 0}),
    ("diagonal", (CUBE,), {"offset": 1, "axis1": 0, "axis2": 1}),
    ("rot90", (F,), {"k": 3}),
    ("tril", (F,), {"k": -1}),
    ("triu", (F,), {"k": 1}),
    ("tri", (3,), {"M": 5, "k": 1}),
    ("unstack", (F,), {"num": 3, "axis": 1}),
    ("vander", (V,), {"increasing": True}),
    ("sort", (F,), {"axis": 0}),
    ("argpartition", (F, 1), {"axis": 0}),
    ("isin", (INTS, np.array([1, 3], "int32")), {"invert": True}),
    ("isin", (INTS, np.array([1, 3], "int32")), {"assume_unique": True}),
    ("top_k", (F, 2), {"sorted": True}),
    ("geomspace", (1.0, 8.0), {"num": 4, "endpoint": False}),
    ("linspace", (V, V + 2), {"num": 4, "axis": 1}),
    ("linspace", (0.0, 1.0), {"num": 5, "retstep": True}),
    ("logspace", (0.0, 2.0), {"num": 4, "base": 2, "endpoint": False}),
    ("logspace", (V, V + 1), {"num": 3, "axis": -1}),
    *(
        (f"segment_{name}", (F, IDS), {"num_segments": 4, "sorted": True})
        for name in ("sum", "max", "min", "prod")
    ),
    *(
        (name, (INTS,), {"dtype": "float32"})
        for name in (
            *("array", "cumprod", "cumsum", "empty_like", "nancumprod", "nancumsum"),
            *("ones_like", "prod", "zeros_like"),
        )
    ),
    ("full_like", (F, 2), {"dtype": "int32"}),
    ("median", (CUBE,), {"axis": [0, 2]}),
    ("bincount", (INTS[0].astype("uint8"),), {}),
    ("hard_shrink", (INTS,), {"threshold": 1.5}),
    ("saturate_cast", (F, "complex64"), {}),
    ("average_pool", (np.repeat(INTS[..., None], 2, -1), 2), {"strides": 1, "padding": "same"}),
    ("conv", (np.repeat(INTS[..., None], 2, -1), _floats(2, 2, 3)), {}),
    ("conv", (np.repeat(INTS[..., None], 2, -1).astype("float16"), _floats(2, 2, 3)), {}),
    ("empty", ((2, 3),), {"dtype": "int32"}),
    ("identity", (3,), {"dtype": "int32"}),
    ("tri", (3,), {"dtype": "int32"}),
    ("geomspace", (V**2 + 1, V**2 + 3), {"num": 3, "axis": 1, "dtype": "float16"}),
    ("logspace", (0.0, 2.0), {"num": 3, "dtype": "float16"}),
    ("multi_hot", (INTS, 5), {"dtype": "int32"}),
    ("unique", (INTS,), {"return_index": True, "size": 7, "fill_value": -1}),
    ("unique", (INTS,), {"axis": 0, "return_counts": True, "sorted": True}),
]
_LINEAR = [
    ("pinv", (SQUARE,), {"rcond": 0.3}),
    ("matrix_rank", (SQUARE,), {"tol": 0.5}),
    ("cholesky_inverse", (np.linalg.cholesky(SPD).T.astype("float32"),), {"upper": True}),
    ("qr", (F,), {"mode": "complete"}),
    ("lstsq", (F, G), {"rcond": 0.3}),
    ("svd", (F,), {"full_matrices": False}),
]
_NETWORK = [
    ("soft_shrink", (F,), {"threshold": 1.0}),
    ("hard_shrink", (F,), {"threshold": 1.0}),
    ("log_softmax", (F,), {"axis": 0}),
    ("normalize", (F,), {"axis": 1, "epsilon": 1.0}),
    ("rms_normalization", (F,), {"axis": 0, "epsilon": 0.1}),
    (
        "batch_normalization",
        (F, V, POSITIVE[0], -1),
        {"epsilon": 0.1},
    ),
    ("depthwise_conv", (IMAGES, _floats(2, 2, 3, 2)), {"dilation_rate": 2}),
    (
        "separable_conv",
        (IMAGES, _floats(2, 2, 3, 2), _floats(1, 1, 6, 4)),
        {"strides": 2, "padding": "same"},
    ),
    (
        "separable_conv",
        (IMAGES_FIRST, _floats(2, 2, 3, 1), _floats(1, 1, 3, 4)),
        {"dilation_rate": 2, **FIRST},
    ),
    ("average_pool", (IMAGES_FIRST, 2), {"strides": 1, "padding": "same", **FIRST}),
    ("unfold", (IMAGES_FIRST, 2), {"dilation": 2, "padding": 1, "stride": 2}),
    ("multi_hot", (INTS, 5), {"axis": 0}),
    ("fold", (_floats(1, 4, 4), (5, 5), (2, 2)), {"dilation": 2, "padding": 1, "stride": 3}),
    (
        "categorical_crossentropy",
        (np.eye(4, 3, dtype="float32"), POSITIVE),
        {"axis": 0},
    ),
    ("sparse_categorical_crossentropy", (INTS[0] % 4, POSITIVE.T), {"axis": -1}),
    (
        "dot_product_attention",
        (_floats(2, 4, 2, 3), _floats(2, 5, 2, 3), _floats(2, 5, 2, 3)),
        {"bias": _floats(2, 2, 4, 5)},
    ),
    ("one_hot", (INTS, 5), {"axis": 0}),
]
_FOURIER = [
    ("irfft", ((_floats(2, 5), _floats(2, 5)),), {"fft_length": 6}),
    ("istft", (STFT, 8, 4, 8), {"window": WINDOW}),
    # (With window=None the real Keras does not divide by the overlap: docs/coverage.md.)
    ("istft", (STFT, 8, 4, 8), {"center": False}),
]
_IMAGE = [
    ("image.hsv_to_rgb", (np.abs(IMAGES_FIRST) / 2,), FIRST),
    ("image.sobel_edges", (IMAGES_FIRST,), FIRST),
    ("image.resize", (IMAGES, (10, 6)), {"pad_to_aspect_ratio": True, "fill_value": 2.0}),
    ("image.resize", (IMAGES, (10, 6)), {"pad_to_aspect_ratio": True, "fill_mode": "constant"}),
    (
        "image.scale_and_translate",
        (IMAGES[0], (5, 4, 3), np.array([0.5, 0.4], "float32"), np.array([0.2, 0.1], "float32")),
        {"spatial_dims": (0, 1), "method": "linear", "antialias": False},
    ),
    (
        "image.crop_images",
        (IMAGES_FIRST,),
        {"top_cropping": 2, "target_width": 4, **FIRST, "left_cropping": 1, "target_height": 5},
    ),
    ("image.extract_patches", (IMAGES_FIRST, 3), {"strides": 2, **FIRST}),
    ("image.extract_patches_3d", (VOLUMES, 2), {"strides": 2, "padding": "same"}),
    (
        "image.extract_patches_3d",
        (np.moveaxis(VOLUMES, -1, 1), 2),
        {"dilation_rate": 2, "strides": 1, **FIRST},
    ),
    (
        "image.map_coordinates",
        (IMAGES[0, ..., 0], _floats(2, 5, low=-3, high=9)),
        {"order": 1, "fill_value": 3.0, "fill_mode": "constant"},
    ),
    (
        "image.affine_transform",
        (IMAGES_FIRST[0], np.array([1, 0.1, 2, 0, 1, -3, 0, 0], "float32")),
        {"fill_value": 3.0, **FIRST},
    ),
    (
        "image.perspective_transform",
        (IMAGES_FIRST[0], CORNERS, CORNERS + 1),
        {"interpolation": "nearest", "fill_value": 2.0, **FIRST},
    ),
    ("image.gaussian_blur", (IMAGES_FIRST,), {"kernel_size": (3, 3), **FIRST}),
    (
        "image.ssim",
        (_floats(2, 9, 9, 3), _floats(2, 9, 9, 3)),
        {"max_val": 4.0, "filter_size": 5, "filter_sigma": 1.0, "k1": 0.1, "k2": 0.2},
    ),
    ("image.ssim", (_floats(1, 3, 12, 13), _floats(1, 3, 12, 13)), {"max_val": 4.0, **FIRST}),
]
_CTC = [
    *(
        ("ctc_decode", (_floats(BATCH, 6, 4) * 3, np.array([6, 5, 1, 4], "int32")), options)
        for options in (
            {"strategy": "beam_search", "beam_width": 4, "top_paths": 2, "mask_index": 2},
            {"strategy": "beam_search", "beam_width": 30, "mask_index": None},
        )
    ),
    (
        "ctc_decode",
        (_floats(BATCH, 6, 4), np.array([6, 5, 6, 4], "int32")),
        {"strategy": "beam_search", "beam_width": 8, "top_paths": 2},
    ),
    (
        "ctc_loss",
        (
            INTS % 3,
            _floats(BATCH, 10, 5),
            np.array([3, 2, 1, 3], "int32"),
            np.array([6, 10, 8, 7], "int32"),
        ),
        {"mask_index": 4},
    ),
]
ROWS = [*_NUMPY, *_LINEAR, *_NETWORK, *_FOURIER, *_IMAGE, *_CTC]
# Options that say nothing of the result, or that the real Keras on JAX refuses too.
UNTRIED = {
    "sparse": "results are dense",
    "ragged": "results are dense",
    "synchronized": "of one device there is nothing to synchronize",
    "flash_attention": "needs a GPU: tests/kernels/test_attention.py",
    "name": "of the node in a graph",
    "attn_logits_soft_cap": "tests/kernels/test_attention.py: Keras's works on a TPU alone",
}
