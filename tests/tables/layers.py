"""Examples of every layer: constructor arguments, shapes of the inputs, training or not."""

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One use of a layer."""

    layer: str
    options: dict[str, Any]
    shapes: list[tuple[int, ...]]  # more than one: the layer takes a list
    training: bool = False
    dtype: str = "float32"

    def inputs(self, seed: int = 0, dtype: str | None = None) -> Any:
        """Return random inputs: floats, or integers from 0 to 4."""
        rng = np.random.default_rng(seed)
        whole = self.dtype.startswith("int")
        draw = [rng.integers(0, 5, s) if whole else rng.normal(size=s) for s in self.shapes]
        arrays = [a.astype(dtype or self.dtype) for a in draw]
        return arrays if len(arrays) > 1 else arrays[0]

    @property
    def id(self) -> str:
        given = ",".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.layer}({given})" + ("-training" if self.training else "")


FLAT, STEPS, IMAGE, VOLUME = (3, 4), (2, 6, 4), (2, 7, 6, 4), (1, 4, 5, 4, 2)
FIRST = {"data_format": "channels_first"}

_ONE_INPUT = [
    # dense and embedding
    ("Dense", {"units": 3}, FLAT),
    ("Dense", {"units": 3, "activation": "tanh", "use_bias": False}, STEPS),
    (
        "Dense",
        {
            "units": 2,
            "kernel_regularizer": "l2",
            "activity_regularizer": "l2",
            "bias_constraint": "non_neg",
        },
        FLAT,
    ),
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"}, FLAT),
    (
        "EinsumDense",
        {
            "equation": "abc,cd->abd",
            "output_shape": (None, 3),
            "bias_axes": "d",
            "activation": "relu",
        },
        STEPS,
    ),
    (
        "EinsumDense",
        {"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "de"},
        STEPS,
    ),
    ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5, "bias_axes": "y"}, STEPS),
    ("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 5, "bias_axes": "c"}, STEPS),
    # activations
    ("Activation", {"activation": "gelu"}, FLAT),
    ("ReLU", {}, FLAT),
    ("ReLU", {"max_value": 0.5, "negative_slope": 0.1, "threshold": 0.2}, FLAT),
    ("LeakyReLU", {"negative_slope": 0.2}, FLAT),
    ("ELU", {"alpha": 0.7}, FLAT),
    ("PReLU", {}, FLAT),
    ("PReLU", {"shared_axes": [1, 2], "alpha_initializer": "ones"}, IMAGE),
    ("Softmax", {}, FLAT),
    ("Softmax", {"axis": (1, 2)}, STEPS),
    # what does nothing outside of training
    ("Dropout", {"rate": 0.5}, FLAT),
    ("Dropout", {"rate": 0.0, "noise_shape": (None, 1), "seed": 3}, FLAT),
    ("SpatialDropout1D", {"rate": 0.5}, STEPS),
    ("SpatialDropout2D", {"rate": 0.5, **FIRST}, IMAGE),
    ("SpatialDropout3D", {"rate": 0.5}, VOLUME),
    ("AlphaDropout", {"rate": 0.5}, FLAT),
    ("GaussianNoise", {"stddev": 0.5}, FLAT),
    ("GaussianDropout", {"rate": 0.5}, FLAT),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, FLAT),
    # moving elements
    ("Flatten", {}, IMAGE),
    ("Flatten", FIRST, IMAGE),
    ("Flatten", {}, (3,)),
    ("Reshape", {"target_shape": (2, 12)}, STEPS),
    ("Reshape", {"target_shape": (3, -1, 2)}, STEPS),
    ("Permute", {"dims": (2, 1)}, STEPS),
    ("RepeatVector", {"n": 3}, FLAT),
    ("Cropping1D", {"cropping": (1, 2)}, STEPS),
    ("Cropping1D", {"cropping": 1}, STEPS),
    ("Cropping2D", {"cropping": ((1, 0), (2, 1))}, IMAGE),
    ("Cropping2D", {"cropping": (1, 0), **FIRST}, (2, 4, 6, 5)),
    ("Cropping3D", {"cropping": ((1, 0), (2, 1), (0, 1))}, VOLUME),
    ("ZeroPadding1D", {"padding": 2}, STEPS),
    ("ZeroPadding1D", {"padding": (1, 2), **FIRST}, STEPS),
    ("ZeroPadding2D", {"padding": ((1, 0), (2, 1))}, IMAGE),
    ("ZeroPadding2D", {"padding": 1, **FIRST}, IMAGE),
    ("ZeroPadding3D", {"padding": (1, 2, 0)}, VOLUME),
    ("UpSampling1D", {"size": 3}, STEPS),
    ("UpSampling2D", {"size": (2, 3)}, IMAGE),
    ("UpSampling2D", {"interpolation": "bilinear"}, IMAGE),
    ("UpSampling2D", {"interpolation": "bicubic", **FIRST}, IMAGE),
    ("UpSampling3D", {"size": (1, 2, 3)}, VOLUME),
    # convolutions
    ("Conv1D", {"filters": 3, "kernel_size": 3}, STEPS),
    (
        "Conv1D",
        {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2, "groups": 2},
        STEPS,
    ),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same", **FIRST}, STEPS),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "relu"}, IMAGE),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same", "groups": 2},
        IMAGE,
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": (1, 2), "use_bias": False}, IMAGE),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same", **FIRST}, IMAGE),
    ("Conv3D", {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1)}, VOLUME),
    (
        "SeparableConv1D",
        {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "padding": "same"},
        STEPS,
    ),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    (
        "SeparableConv2D",
        {"filters": 3, "kernel_size": 2, "depth_multiplier": 2, "use_bias": False, **FIRST},
        IMAGE,
    ),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "dilation_rate": 2}, STEPS),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"},
        IMAGE,
    ),
    ("DepthwiseConv2D", {"kernel_size": (2, 3), "depth_multiplier": 2, **FIRST}, IMAGE),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, STEPS),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 2, "strides": 3, "output_padding": (1, 2), **FIRST},
        IMAGE,
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": (3, 2), "dilation_rate": 2, "padding": "same"},
        IMAGE,
    ),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same"}, VOLUME),
    # pooling
    ("MaxPooling1D", {}, STEPS),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, STEPS),
    ("MaxPooling2D", {}, IMAGE),
    ("MaxPooling2D", {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}, IMAGE),
    ("MaxPooling2D", FIRST, IMAGE),
    ("MaxPooling3D", {"pool_size": 2, "padding": "same"}, VOLUME),
    ("AveragePooling1D", {"pool_size": 2}, STEPS),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("AveragePooling2D", {"pool_size": (2, 3), **FIRST}, IMAGE),
    ("AveragePooling3D", {"pool_size": 2}, VOLUME),
    *[
        (f"Global{kind}Pooling{rank}D", {}, shape)
        for kind in ("Max", "Average")
        for rank, shape in ((1, STEPS), (2, IMAGE), (3, VOLUME))
    ],
    ("GlobalMaxPooling2D", {"keepdims": True, **FIRST}, IMAGE),
    ("GlobalAveragePooling1D", {"keepdims": True, **FIRST}, STEPS),
    # normalization
    ("BatchNormalization", {}, FLAT),
    ("BatchNormalization", {"axis": 1, "scale": False}, IMAGE),
    ("BatchNormalization", {"center": False, "epsilon": 1e-5, "renorm": True}, FLAT),
    ("LayerNormalization", {}, FLAT),
    ("LayerNormalization", {"axis": (1, 2), "scale": False}, STEPS),
    ("LayerNormalization", {"axis": 1, "epsilon": 1e-6}, STEPS),
    ("GroupNormalization", {"groups": 2}, IMAGE),
    ("GroupNormalization", {"groups": -1, "axis": 1, "center": False}, STEPS),
    ("UnitNormalization", {"axis": (1, 2)}, STEPS),
    ("RMSNormalization", {}, STEPS),
    # the rest
    ("Rescaling", {"scale": 0.5, "offset": [1.0, 2.0, 3.0, 4.0]}, FLAT),
    ("Masking", {"mask_value": 1.0}, STEPS),
    ("Identity", {}, FLAT),
]
_TRAINED = [
    ("BatchNormalization", {"momentum": 0.9}, FLAT),
    ("BatchNormalization", {"axis": 1, "epsilon": 1e-2}, IMAGE),
    ("BatchNormalization", {"trainable": False}, FLAT),
    (
        "BatchNormalization",
        {"renorm": True, "renorm_clipping": {"rmin": 0.5, "rmax": 2.0, "dmax": 1.0}},
        FLAT,
    ),
    (
        "BatchNormalization",
        {"renorm": True, "renorm_clipping": {}, "scale": False, "renorm_momentum": 0.8},
        FLAT,
    ),
]
_WHOLE = [
    ("Embedding", {"input_dim": 5, "output_dim": 3}, (2, 4)),
    ("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True}, (2, 4, 2)),
    ("Rescaling", {"scale": 1 / 255}, IMAGE),
]
_SEVERAL = [
    *[
        (name, {}, [STEPS, STEPS, STEPS])
        for name in ("Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    ],
    ("Add", {}, [STEPS, (2, 4)]),
    ("Subtract", {}, [FLAT, (3, 1)]),
    ("Concatenate", {"axis": 1}, [STEPS, (2, 3, 4)]),
    ("Dot", {"axes": 1}, [FLAT, FLAT]),
    ("Dot", {"axes": (2, 1), "normalize": True}, [STEPS, (2, 4, 3)]),
    ("Dot", {"axes": -1}, [STEPS, (2, 5, 4)]),
    ("Dot", {"axes": (1, 2)}, [FLAT, (3, 2, 4)]),
]

CASES = [
    *[Case(name, options, [shape]) for name, options, shape in _ONE_INPUT],
    *[Case(name, options, [shape], training=True) for name, options, shape in _TRAINED],
    *[Case(name, options, [shape], dtype="int32") for name, options, shape in _WHOLE],
    *[Case(name, options, shapes) for name, options, shapes in _SEVERAL],
]
# The functions that merge: name -> further arguments.
FUNCTIONS = {
    **{n: {} for n in "add subtract multiply average maximum minimum concatenate".split()},
    "dot": {"axes": -1},
}
# One of each layer, for what does not depend on the arguments.
FIRST_OF_EACH = list({case.layer: case for case in reversed(CASES)}.values())

# layer, options, shapes, for each input the shape of its mask or None
MASKED = [
    ("Dense", {"units": 3}, [STEPS], [(2, 6)]),
    ("Activation", {"activation": "relu"}, [STEPS], [(2, 6)]),
    ("Dropout", {"rate": 0.5}, [STEPS], [(2, 6)]),
    ("Softmax", {}, [(2, 6)], [(2, 6)]),
    ("Masking", {}, [STEPS], [None]),
    ("GlobalAveragePooling1D", {}, [STEPS], [(2, 6)]),
    ("BatchNormalization", {}, [STEPS], [(2, 6)]),
    ("LayerNormalization", {}, [STEPS], [(2, 6)]),
    ("Add", {}, [STEPS, STEPS], [(2, 6), (2, 6)]),
    ("Add", {}, [STEPS, STEPS], [(2, 6), None]),
    ("Multiply", {}, [STEPS, STEPS], [(2, 6), (2, 6)]),
    ("Multiply", {}, [STEPS, STEPS], [(2, 6), None]),
    ("Maximum", {}, [STEPS, STEPS], [(2, 6), (2, 6)]),
    ("Minimum", {}, [STEPS, STEPS], [None, (2, 6)]),
    ("Concatenate", {"axis": 1}, [STEPS, STEPS], [(2, 6), (2, 6)]),
    ("Concatenate", {}, [STEPS, STEPS], [(2, 6), (2, 6)]),
    ("Concatenate", {}, [STEPS, STEPS], [(2, 6), None]),
    ("Dot", {"axes": 1}, [STEPS, STEPS], [(2, 6), (2, 6)]),
    *(
        (name, options, [STEPS], [(2, 6)])
        for name, options in (
            ("ReLU", {}),
            ("LeakyReLU", {}),
            ("ELU", {}),
            ("PReLU", {}),
            ("SpatialDropout1D", {"rate": 0.5}),
            ("AlphaDropout", {"rate": 0.5}),
            ("GaussianDropout", {"rate": 0.5}),
            ("GaussianNoise", {"stddev": 0.5}),
            ("ActivityRegularization", {"l2": 0.1}),
            ("GroupNormalization", {"groups": 2}),
            ("UnitNormalization", {}),
            ("Rescaling", {"scale": 2.0}),
            ("Identity", {}),
        )
    ),
    ("SpatialDropout2D", {"rate": 0.5}, [IMAGE], [(2, 7)]),
    ("SpatialDropout3D", {"rate": 0.5}, [VOLUME], [(1, 4)]),
    ("Average", {}, [STEPS, STEPS], [(2, 6), (2, 6)]),
    ("Subtract", {}, [STEPS, STEPS], [(2, 6), None]),
]

# layer, wrong options, a word of the message
REFUSED = [
    ("Dense", {"units": 0}, "units"),
    ("Dense", {"units": 2.5}, "units"),
    ("Conv2D", {"filters": 4, "kernel_size": 0}, "kernel_size"),
    ("Conv2D", {"filters": 4, "kernel_size": (3, 3, 3)}, "kernel_size"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "groups": 2}, "groups"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "causal"}, "padding"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "data_format": "channels"}, "data_format"),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "output_padding": 1}, "output_padding"),
    ("MaxPooling2D", {"pool_size": (2, -1)}, "pool_size"),
    ("MaxPooling2D", {"padding": "full"}, "padding"),
    ("Dropout", {"rate": 1.5}, "rate"),
    ("Dropout", {"rate": "half"}, "rate"),
    ("GaussianNoise", {"stddev": -1}, "stddev"),
    ("Embedding", {"input_dim": 0, "output_dim": 3}, "input_dim"),
    ("BatchNormalization", {"momentum": 2}, "momentum"),
    ("GroupNormalization", {"groups": 0}, "groups"),
    ("Reshape", {"target_shape": (-1, -1)}, "target_shape"),
    ("Permute", {"dims": (1, 3)}, "dims"),
    ("RepeatVector", {"n": 0}, "'n'"),
    ("Cropping2D", {"cropping": (1, 2, 3)}, "cropping"),
    ("ZeroPadding2D", {"padding": -1}, "padding"),
    ("UpSampling2D", {"interpolation": "best"}, "interpolation"),
    ("ReLU", {"max_value": -1}, "max_value"),
    ("Dot", {"axes": 0}, "axes"),
    ("TimeDistributed", {"layer": 3}, "layer"),
]

# layer, options, shapes of inputs that do not fit it, a word of the message
MISUSED = [
    ("Dense", {"units": 2}, [(3,)], "axes"),
    ("Conv2D", {"filters": 2, "kernel_size": 3}, [(2, 28, 28)], "4 axes"),
    ("Conv2D", {"filters": 2, "kernel_size": 5}, [(2, 4, 4, 3)], "window"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "groups": 2}, [(2, 4, 4, 3)], "groups"),
    ("MaxPooling2D", {}, [(2, 1, 1, 3)], "window"),
    ("Reshape", {"target_shape": (5,)}, [(2, 4)], "elements"),
    ("Cropping1D", {"cropping": 3}, [(2, 6, 1)], "cropping"),
    ("GroupNormalization", {"groups": 3}, [(2, 4)], "groups"),
    ("BatchNormalization", {"axis": 3}, [(2, 4)], "axis"),
    ("Add", {}, [(2, 3), (2, 4)], "fit"),
    ("Subtract", {}, [(2, 3), (2, 3), (2, 3)], "2 inputs"),
    ("Concatenate", {}, [(2, 3), (3, 3)], "fit"),
    ("Dot", {"axes": 1}, [(2, 3), (2, 4)], "product"),
]
