"""Whatever is passed to any argument of any layer: it works, or an error of ours says why not.

Every constructor is given a few wrong values for each argument that it names, all else being
right. What is refused must name the layer and be readable; what is taken must then compute a
shape, or say at build what does not fit. An error of JAX, NumPy or Python itself is a failure.
"""

import inspect
import json
import warnings
from pathlib import Path

import pytest
from tests.tables import (
    attention,
    augmentation_color,
    augmentation_geometry,
    conv_lstm,
    layers,
)

import keraunos
from keraunos import layers as rooms

WRONG = (-1, 0, 0.5, "wrong", (), (1,) * 7, None, True, {"a": 1}, float("nan"), [0.5, "x"])
# Any value is one that they may have.
FREE = {"Lambda": {"output_shape", "mask", "arguments"}}
IMAGES, STEPS = [(2, 6, 8, 3)], [(2, 5, 4)]
# layer -> arguments, shapes of the inputs (None: it is made only), their dtype
EXAMPLES = {
    **{name: ({"units": 3}, STEPS, "float32") for name in ("LSTM", "GRU", "SimpleRNN")},
    **{f"{name}Cell": ({"units": 3}, None, "") for name in ("LSTM", "GRU", "SimpleRNN")},
    "Embedding": ({"input_dim": 5, "output_dim": 3}, [(2, 3)], "int32"),
    "ReversibleEmbedding": ({"input_dim": 5, "output_dim": 3}, [(2, 3)], "int32"),
    "Hashing": ({"num_bins": 4}, [(2, 3)], "string"),
    "HashedCrossing": ({"num_bins": 4}, [(2, 1), (2, 1)], "string"),
    "IntegerLookup": ({"vocabulary": [1, 2, 3]}, [(2, 3)], "int64"),
    "StringLookup": ({"vocabulary": ["a", "b"]}, [(2, 3)], "string"),
    "TextVectorization": ({"vocabulary": ["a", "b"]}, [(2, 1)], "string"),
    "Normalization": ({"mean": 0.0, "variance": 1.0}, [(2, 3)], "float32"),
    "Discretization": ({"bin_boundaries": [0.0, 1.0]}, [(2, 3)], "float32"),
    "CategoryEncoding": ({"num_tokens": 4}, [(2, 3)], "int32"),
    "MelSpectrogram": (
        {"sequence_stride": 8, "fft_length": 16, "sampling_rate": 800, "num_mel_bins": 4},
        [(2, 64)],
        "float32",
    ),
    "STFTSpectrogram": (
        {"frame_length": 16, "frame_step": 8, "fft_length": 16},
        [(2, 64, 1)],
        "float32",
    ),
    "Input": ({"shape": (3,)}, None, ""),
    "InputLayer": ({"shape": (3,)}, None, ""),
    "Lambda": ({"function": abs}, STEPS, "float32"),
    "TimeDistributed": ({"layer": rooms.Dense(2)}, STEPS, "float32"),
    "Bidirectional": ({"layer": rooms.LSTM(2)}, STEPS, "float32"),
    "RNN": ({"cell": rooms.LSTMCell(2)}, STEPS, "float32"),
    "StackedRNNCells": ({"cells": [rooms.LSTMCell(2)]}, None, ""),
    "SpectralNormalization": ({"layer": rooms.Dense(2)}, [(2, 3)], "float32"),
    "Wrapper": ({"layer": rooms.Dense(2)}, None, ""),
    "RandomColorJitter": ({"value_range": (0, 255)}, IMAGES, "float32"),
    "RandAugment": ({"num_ops": 1}, None, ""),
    "AugMix": ({"num_chains": 1}, None, ""),
    "Pipeline": ({"layers": [rooms.Rescaling(2.0)]}, IMAGES, "float32"),
}
for _case in (*layers.CASES, *attention.CASES):
    EXAMPLES.setdefault(_case.layer, (_case.options, _case.shapes, getattr(_case, "dtype", "")))
for _case in (*conv_lstm.CASES, *augmentation_geometry.CASES):
    EXAMPLES.setdefault(_case.layer, (_case.options, [_case.shape], "float32"))
for _row in augmentation_color.ROWS:
    EXAMPLES.setdefault(_row.layer, (_row.options, IMAGES, "float32"))
NOT_TRIED = {
    "Layer": "a base class, of which users write the constructor",
    "InputSpec": "no layer",
    "JaxLayer": "its arguments are functions of the user's",
    "FlaxLayer": "its arguments are modules of the user's",
    "TFSMLayer": "refuses",
    "TorchModuleWrapper": "refuses",
}


def arguments(name):
    """Return the names of a constructor's own arguments."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    rows = inspect.signature(getattr(rooms, name)).parameters
    return [n for n, p in rows.items() if p.kind in kinds and n not in FREE.get(name, ())]


def tried(name, argument, value):
    """Return the error of this use, None where there is none."""
    options, shapes, dtype = EXAMPLES[name]
    try:
        layer = getattr(rooms, name)(**{**options, argument: value})
        if shapes is not None:
            inputs = [keraunos.Input(batch_shape=s, dtype=dtype or None) for s in shapes]
            listed = len(inputs) > 1 and "inputs" in inspect.signature(layer.call).parameters
            layer(inputs) if listed else layer(*inputs)
    except Exception as error:
        return error
    return None


def ugly(name, error):
    """Return what is wrong with an error, nothing where it reads well."""
    text = str(error)
    first = text.split("\n")[0]
    names = {name, getattr(rooms, name).__name__, f"{name}Cell", "ConvLSTMCell", "Input"}
    rules = {
        "no ValueError": isinstance(error, (ValueError, TypeError, NotImplementedError)),
        "names no layer": any(one in first for one in names),
        "too long": len(text.splitlines()) <= 6,
        "not ours": "Error:" not in first and "jax" not in text.lower(),
    }
    return [what for what, good in rules.items() if not good]


def test_every_layer_is_tried():
    known = json.loads((Path(__file__).parents[1] / "tables" / "public_api.json").read_text())
    classes = [n for n in known["layers"].split() if isinstance(getattr(rooms, n), type)]
    others = {id(getattr(rooms, n)) for n in (*EXAMPLES, *NOT_TRIED)}
    assert [n for n in classes if id(getattr(rooms, n)) not in others] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_wrong_values(name):
    options, _, _ = EXAMPLES[name]
    some = next(iter(options), None)
    assert some is None or tried(name, some, options[some]) is None  # the example is right
    found = {}
    for argument in arguments(name):
        for value in WRONG:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                error = tried(name, argument, value)
            complaint = ugly(name, error) if error is not None else []
            if complaint:
                found[argument, repr(value)] = (complaint, repr(error)[:200])
    assert found == {}
