"""Examples of attention, adaptive pooling, spectral normalization and reversible embedding."""

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One use of a layer: of its call, the shapes of the inputs and the rest of the arguments."""

    layer: str
    options: dict[str, Any]
    shapes: list[tuple[int, ...]]
    call: dict[str, Any] = {}
    listed: bool = False  # the inputs are one list

    def inputs(self) -> list[np.ndarray]:
        rng = np.random.default_rng(2)
        return [rng.normal(size=shape).astype("float32") for shape in self.shapes]

    @property
    def id(self) -> str:
        given = [f"{k}={'...' if hasattr(v, 'shape') else v}" for k, v in self.call.items()]
        options = [f"{k}={v}" for k, v in self.options.items()]
        return f"{self.layer}({','.join(options)})({','.join([*map(str, self.shapes), *given])})"


def mask(*shape: int) -> np.ndarray:
    """Return random booleans, the first of each row True."""
    found = np.random.default_rng(4).random(shape) > 0.4
    found[..., 0] = True
    return found


QUERY, VALUE, KEY = (2, 3, 4), (2, 5, 6), (2, 5, 4)
HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
CAUSAL, SCORES = {"use_causal_mask": True}, {"return_attention_scores": True}
SELF, IMAGE, FRAMES = [QUERY, QUERY], (2, 3, 4, 5), (2, 3, 2, 2, 4)

_LISTED = [
    ("Attention", {}, [QUERY, KEY], {}),
    ("Attention", {"use_scale": True}, [QUERY, VALUE, KEY], CAUSAL),
    ("Attention", {"score_mode": "concat"}, [QUERY, KEY], SCORES),
    ("Attention", {"score_mode": "concat", "use_scale": True}, [QUERY, VALUE, KEY], {}),
    ("Attention", {"dropout": 0.5, "seed": 1}, [IMAGE, IMAGE], {}),
    ("AdditiveAttention", {}, [QUERY, VALUE, KEY], {}),
    ("AdditiveAttention", {"use_scale": False, "dropout": 0.1}, [QUERY, KEY], CAUSAL | SCORES),
]

_APART = [
    ("MultiHeadAttention", HEADS, SELF, CAUSAL),
    ("MultiHeadAttention", HEADS | {"value_dim": 5}, [QUERY, VALUE, KEY], SCORES),
    ("MultiHeadAttention", HEADS | {"use_bias": False, "output_shape": 7}, [QUERY, VALUE], {}),
    ("MultiHeadAttention", HEADS | {"output_shape": (2, 3)}, [QUERY, VALUE], CAUSAL),
    ("MultiHeadAttention", HEADS | {"use_gate": True, "sliding_window": 2}, SELF, CAUSAL),
    ("MultiHeadAttention", HEADS | {"dropout": 0.3}, SELF, {"attention_mask": mask(2, 3, 3)}),
    ("MultiHeadAttention", HEADS, [QUERY, KEY], {"attention_mask": mask(2, 2, 3, 5)}),
    (
        "MultiHeadAttention",
        HEADS,
        [QUERY, VALUE, KEY],
        CAUSAL | SCORES | {"value_mask": mask(2, 5), "key_mask": mask(2, 5)},
    ),
    ("MultiHeadAttention", HEADS, [IMAGE, IMAGE], {}),
    ("MultiHeadAttention", HEADS | {"attention_axes": 2}, [IMAGE, (2, 3, 6, 5)], SCORES),
    ("MultiHeadAttention", HEADS | {"attention_axes": (1, -2)}, [FRAMES, FRAMES], SCORES),
    (
        "MultiHeadAttention",
        HEADS | {"attention_axes": (2, 3), "output_shape": 3},
        [FRAMES, FRAMES],
        {"attention_mask": mask(2, 1, 1, 2, 2, 2, 2)},
    ),
    (
        "MultiHeadAttention",
        HEADS
        | {"kernel_regularizer": "l2", "activity_regularizer": "l2", "bias_constraint": "non_neg"},
        SELF,
        {},
    ),
    ("GroupQueryAttention", GROUPS, SELF, {}),
    ("GroupQueryAttention", GROUPS | {"use_gate": True}, [QUERY, KEY], CAUSAL),
    ("GroupQueryAttention", GROUPS | {"use_bias": False}, [QUERY, KEY, KEY], SCORES),
    (
        "GroupQueryAttention",
        GROUPS | {"dropout": 0.2, "sliding_window": 2, "activity_regularizer": "l2"},
        [QUERY, KEY],
        {"attention_mask": mask(2, 3, 5)},
    ),
    ("GroupQueryAttention", GROUPS | {"num_key_value_heads": 1, "seed": 3}, [QUERY, KEY], {}),
]

STEPS, PIXELS, VOXELS, FIRST = (2, 7, 3), (2, 5, 6, 3), (1, 3, 4, 5, 2), "channels_first"
_POOLS = [
    ("AdaptiveMaxPooling1D", {"output_size": 3}, STEPS),
    ("AdaptiveAveragePooling1D", {"output_size": (2,), "data_format": FIRST}, STEPS),
    ("AdaptiveMaxPooling2D", {"output_size": (1, 4), "data_format": FIRST}, PIXELS),
    ("AdaptiveAveragePooling2D", {"output_size": 2}, PIXELS),
    ("AdaptiveMaxPooling3D", {"output_size": 2, "data_format": FIRST}, VOXELS),
    ("AdaptiveAveragePooling3D", {"output_size": (2, 3, 1)}, VOXELS),
]

CASES = [
    *(Case(*row, listed=True) for row in _LISTED),
    *(Case(*row) for row in _APART),
    *(Case(name, options, [shape]) for name, options, shape in _POOLS),
]

# layer, options, shapes of the masks that travel with the inputs, arguments of the call
MASKED = [
    ("Attention", {}, [(2, 3), (2, 5)], {}),
    ("Attention", {"use_scale": True}, [None, (2, 5)], CAUSAL),
    ("AdditiveAttention", {}, [(2, 3), None], SCORES),
    ("MultiHeadAttention", HEADS, [(2, 3), (2, 5)], {}),
    ("MultiHeadAttention", HEADS, [None, (2, 5), (2, 5)], CAUSAL),
    ("MultiHeadAttention", HEADS | {"dropout": 0.5}, [(2, 3), (2, 5)], {}),
    ("MultiHeadAttention", HEADS, [(2, 3), None], {"attention_mask": mask(2, 3, 5)}),
    ("GroupQueryAttention", GROUPS, [(2, 3), (2, 5)], SCORES),
    ("GroupQueryAttention", GROUPS, [(2, 3), (2, 5)], CAUSAL),
]

# layer, wrong options, a word of the message
REFUSED = [
    ("Attention", {"score_mode": "cosine"}, "'concat'"),
    ("Attention", {"dropout": 1.5}, "0 to 1"),
    ("AdditiveAttention", {"dropout": "half"}, "0 to 1"),
    ("MultiHeadAttention", HEADS | {"num_heads": 0}, "num_heads"),
    ("MultiHeadAttention", HEADS | {"key_dim": None}, "key_dim"),
    ("MultiHeadAttention", HEADS | {"value_dim": 0}, "value_dim"),
    ("MultiHeadAttention", HEADS | {"dropout": -0.1}, "dropout"),
    ("MultiHeadAttention", HEADS | {"sliding_window": 0}, "sliding_window"),
    ("MultiHeadAttention", HEADS | {"output_shape": 2.5}, "output_shape"),
    ("MultiHeadAttention", HEADS | {"attention_axes": "all"}, "attention_axes"),
    ("MultiHeadAttention", HEADS | {"flash_attention": True, "dropout": 0.1}, "flash_attention"),
    ("GroupQueryAttention", GROUPS | {"num_key_value_heads": 3}, "divisor"),
    ("GroupQueryAttention", GROUPS | {"num_key_value_heads": 0}, "num_key_value_heads"),
    ("GroupQueryAttention", GROUPS | {"head_dim": 1.5}, "head_dim"),
    ("AdaptiveMaxPooling1D", {"output_size": 0}, "at least 1"),
    ("AdaptiveMaxPooling2D", {"output_size": (1, 2, 3)}, "2 integers"),
    ("AdaptiveAveragePooling3D", {"output_size": "all"}, "output_size"),
    ("AdaptiveAveragePooling2D", {"output_size": 2, "data_format": "last"}, "data_format"),
    ("SpectralNormalization", {"layer": 3}, "layer"),
    ("ReversibleEmbedding", {"input_dim": 0, "output_dim": 2}, "input_dim"),
    ("ReversibleEmbedding", {"input_dim": 4, "output_dim": 2, "logit_soft_cap": -1}, "positive"),
]

# layer, options, shapes of inputs that do not fit it, arguments of the call, a word of the message
MISUSED = [
    ("Attention", {}, [QUERY], {}, "[query, value]"),
    ("Attention", {}, [QUERY] * 4, {}, "4 inputs"),
    ("Attention", {}, [(2, 4), (2, 4)], {}, "(batch, targets, features)"),
    ("AdditiveAttention", {}, [QUERY, (3, 5, 4)], {}, "value (3, 5, 4)"),
    ("Attention", {}, [QUERY, VALUE], {}, "key (2, 5, 6)"),
    ("MultiHeadAttention", HEADS, [(2, 4), (2, 4)], {}, "at least 3"),
    ("MultiHeadAttention", HEADS, [QUERY, IMAGE], {}, "one rank"),
    ("MultiHeadAttention", HEADS, [QUERY, VALUE, (2, 6, 4)], {}, "value and key"),
    ("MultiHeadAttention", HEADS, [QUERY, (3, 5, 6)], {}, "axes [0]"),
    ("MultiHeadAttention", HEADS | {"attention_axes": 2}, SELF, {}, "from 1 to 1"),
    ("MultiHeadAttention", HEADS | {"attention_axes": -1}, [IMAGE, IMAGE], {}, "from 1 to 2"),
    ("MultiHeadAttention", HEADS | {"attention_axes": 2}, [IMAGE, (2, 4, 4, 5)], {}, "axes [0, 1]"),
    ("MultiHeadAttention", HEADS, SELF, {"attention_mask": mask(2, 3, 4)}, "(2, 2, 3, 3)"),
    ("MultiHeadAttention", HEADS, SELF, {"query_mask": mask(2, 4)}, "(2, 2, 3, 3)"),
    ("MultiHeadAttention", HEADS | {"flash_attention": True}, SELF, {}, "float16"),
    (
        "MultiHeadAttention",
        HEADS | {"flash_attention": True},
        SELF,
        SCORES,
        "flash_attention=False",
    ),
    ("GroupQueryAttention", GROUPS, [IMAGE, IMAGE], {}, "3 axes"),
    ("AdaptiveMaxPooling2D", {"output_size": 2}, [(2, 5, 3)], {}, "4 axes"),
]
