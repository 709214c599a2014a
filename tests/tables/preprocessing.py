"""Uses of the preprocessing layers, and what the real Keras returns for those that need TensorFlow.

The expected values stand in text_expected.json, made once by running this file where TensorFlow is
installed beside the real Keras (with `file:...` entries, small `.keras` files that it wrote):

    KERAS_BACKEND=jax python -m tests.tables.preprocessing
"""

import base64
import json
import tempfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

EXPECTED = Path(__file__).with_name("text_expected.json")


class Case(NamedTuple):
    """One use of a layer: constructed, perhaps adapted, called."""

    layer: str
    options: dict[str, Any]
    inputs: Any
    data: Any = None  # to adapt to, if any
    batches: bool = False  # whether `data` is a list of batches

    @property
    def id(self) -> str:
        """A name of the case that stays as it is when others are added."""
        text = json.dumps([self.layer, self.options, _plain(self.inputs), _plain(self.data)])
        return f"{self.layer}-{sum(i * c for i, c in enumerate(text.encode(), 1)):x}"


REVIEWS = [
    "The movie was GREAT, the cast was great!",
    "  a movie\tabout a cat\n(and a dog's life)",
    "Éternel cinéma d'auteur\u00a0x -- no_score: 7/10",
    "",
    "great great great cat",
]
LONG = ["x" * n + "é" for n in (1, 5, 11, 23, 47, 63, 64, 65, 200)]
WORDS = np.array([["a", "c", "d"], ["d", "z", "b"], ["d", "", "c"]])
NUMBERS = np.array([[12, 1138, 42], [42, 1000, 36], [-7, 12, 0]])
VOCABULARY = ["a", "b", "c", "d"]

_STRING = [
    ({"vocabulary": VOCABULARY}, WORDS),
    ({"vocabulary": VOCABULARY, "mask_token": ""}, WORDS),
    ({"vocabulary": ["", "[UNK]", *VOCABULARY], "mask_token": ""}, WORDS),
    ({"vocabulary": VOCABULARY, "num_oov_indices": 5}, np.array([LONG])),
    ({"vocabulary": VOCABULARY, "num_oov_indices": 7, "salt": [133, 137]}, np.array([LONG])),
    ({"vocabulary": VOCABULARY, "num_oov_indices": 3, "mask_token": ""}, WORDS),
    ({"vocabulary": VOCABULARY, "output_mode": "one_hot"}, WORDS),
    ({"vocabulary": VOCABULARY, "output_mode": "one_hot"}, WORDS[:, :1]),
    ({"vocabulary": VOCABULARY, "output_mode": "multi_hot"}, WORDS),
    ({"vocabulary": VOCABULARY, "output_mode": "count", "mask_token": ""}, WORDS),
    ({"vocabulary": VOCABULARY, "output_mode": "multi_hot"}, WORDS[0]),
    (
        {"vocabulary": VOCABULARY, "output_mode": "tf_idf", "idf_weights": [0.5, 1.0, 2.0, 0.25]},
        WORDS,
    ),
    (
        {
            "vocabulary": VOCABULARY,
            "output_mode": "count",
            "max_tokens": 9,
            "pad_to_max_tokens": True,
        },
        WORDS,
    ),
]
_STRING_ADAPTED = [
    ({}, WORDS),
    ({"max_tokens": 3}, WORDS),
    ({"mask_token": "", "output_mode": "count"}, WORDS),
    ({"output_mode": "tf_idf"}, WORDS),
    ({"output_mode": "tf_idf", "max_tokens": 8, "pad_to_max_tokens": True}, WORDS),
    ({"output_mode": "tf_idf", "num_oov_indices": 2, "mask_token": ""}, WORDS),
]
_INTEGER = [
    ({"vocabulary": [12, 36, 1138, 42]}, NUMBERS),
    ({"vocabulary": [12, 36, 1138, 42], "mask_token": 0}, NUMBERS),
    ({"vocabulary": [12, 36, 1138, 42], "num_oov_indices": 3}, NUMBERS),
    ({"vocabulary": [12, 36], "num_oov_indices": 3, "oov_method": "farmhash"}, NUMBERS),
    ({"vocabulary": [12], "num_oov_indices": 5, "oov_method": "farmhash", "salt": 9}, NUMBERS),
    ({"vocabulary": [12, 36, 1138, 42], "output_mode": "multi_hot"}, NUMBERS),
    ({"vocabulary": [12, 36, 1138, 42], "invert": True}, np.array([[1, 3, 4], [4, 0, 2]])),
    ({"vocabulary": [12, 36], "invert": True, "mask_token": 0}, np.array([[0, 1, 2, 3, 9]])),
]
_HASHING = [
    ({"num_bins": 11}, WORDS),
    ({"num_bins": 1009}, np.array([LONG])),
    ({"num_bins": 1009, "salt": 42}, np.array([LONG])),
    ({"num_bins": 11, "salt": [133, 137]}, WORDS),
    ({"num_bins": 11, "mask_value": ""}, WORDS),
    ({"num_bins": 101}, NUMBERS),
    ({"num_bins": 101}, np.array([-(2**62), 2**62, 0])),
    ({"num_bins": 101, "salt": 3, "mask_value": 12}, NUMBERS),
    ({"num_bins": 101}, np.array([1.5, 2.0, -3.7])),
    ({"num_bins": 5, "output_mode": "one_hot"}, WORDS[:, :1]),
    ({"num_bins": 5, "output_mode": "multi_hot"}, WORDS),
    ({"num_bins": 5, "output_mode": "count"}, NUMBERS),
]
_A, _B = np.array(["A", "B", "A", "longer than sixteen bytes"]), np.array([101, -102, 3, 2**40])
_CROSSING = [
    ({"num_bins": 1000}, [_A, _B]),
    ({"num_bins": 1000}, [_B[:, None], _A[:, None]]),
    ({"num_bins": 1000}, [_A, _B, _B[::-1]]),
    ({"num_bins": 5, "output_mode": "one_hot"}, [_A, _B]),
    ({"num_bins": 5, "output_mode": "one_hot"}, [_A[:, None], _B[:, None]]),
]
_TEXT = [
    {},
    {"max_tokens": 6},
    {"output_sequence_length": 4},
    {"output_sequence_length": 12, "standardize": "lower"},
    {"standardize": "strip_punctuation"},
    {"standardize": None, "split": "character"},
    {"split": "character", "ngrams": 2, "output_sequence_length": 9},
    {"ngrams": 2},
    {"ngrams": (1, 3), "output_sequence_length": 8},
    {"ngrams": (2,), "output_mode": "count"},
    {"output_mode": "multi_hot"},
    {"output_mode": "count", "max_tokens": 5},
    {"output_mode": "tf_idf"},
    {"output_mode": "tf_idf", "ngrams": 2, "max_tokens": 40, "pad_to_max_tokens": True},
    {"output_mode": "multi_hot", "max_tokens": 50, "pad_to_max_tokens": True},
]

_RAMP = np.linspace(-1, 2, 24, dtype="float32").reshape(6, 4)
_CURVE = np.sin(np.arange(900.0) ** 1.5 / 40).astype("float32").reshape(3, 300)

CASES = [
    # Without TensorFlow the real Keras adapts neither of these to batches.
    Case("Normalization", {}, _RAMP, [_RAMP[:1], _RAMP[1:4], _RAMP[4:]], batches=True),
    Case("Discretization", {"num_bins": 4}, _RAMP, _RAMP),
    Case("Discretization", {"num_bins": 3, "epsilon": 0.1}, _RAMP, np.square(_CURVE)),
    Case("Discretization", {"num_bins": 5}, _RAMP, [*_CURVE], batches=True),
    Case("Discretization", {"num_bins": 3, "output_mode": "one_hot"}, _RAMP[:, :1], _CURVE),
    *(Case("StringLookup", o, x) for o, x in _STRING),
    *(Case("StringLookup", o, x, WORDS) for o, x in _STRING_ADAPTED),
    Case("StringLookup", {}, ["a", "b", "q"], ["b", "a", "b", "c"]),
    Case("StringLookup", {}, WORDS, [["a", "b"], ["b"]], batches=True),
    Case("StringLookup", {"output_mode": "tf_idf"}, WORDS, [["a", "b"], ["b"]], batches=True),
    *(Case("IntegerLookup", o, x) for o, x in _INTEGER),
    Case("IntegerLookup", {}, NUMBERS, NUMBERS),
    Case("IntegerLookup", {"output_mode": "tf_idf"}, NUMBERS, NUMBERS),
    Case("IntegerLookup", {"mask_token": 0, "max_tokens": 4}, NUMBERS, NUMBERS),
    *(Case("Hashing", o, x) for o, x in _HASHING),
    *(Case("HashedCrossing", o, x) for o, x in _CROSSING),
    *(Case("TextVectorization", o, REVIEWS, REVIEWS) for o in _TEXT),
    Case("TextVectorization", {}, [[text] for text in REVIEWS], [[text] for text in REVIEWS]),
    Case("TextVectorization", {}, REVIEWS, [REVIEWS[:2], REVIEWS[2:]], batches=True),
    Case("TextVectorization", {"vocabulary": ["the", "cat"]}, "the cat sat"),
    Case("TextVectorization", {"vocabulary": ["the", "cat"], "split": None}, [["the", "cat"]]),
    Case(
        "TextVectorization",
        {"vocabulary": ["the", "cat"], "split": None, "output_sequence_length": 3},
        [["the", "cat"]],
    ),
    Case("TextVectorization", {"vocabulary": ["a"], "split": None}, ["a", "b"]),
    Case(
        "TextVectorization",
        {"vocabulary": ["the", "cat"], "split": None, "output_mode": "count"},
        [["the", "cat"], ["cat", "cat"]],
    ),
]


_IDS = np.array([[0, 1, 1], [3, 2, 0]])
_SOUND = np.random.default_rng(0).normal(size=(2, 600, 2)).astype("float32")
_STFT = {"frame_length": 64, "frame_step": 32, "fft_length": 64}
_MEL = {"fft_length": 128, "sequence_stride": 64, "num_mel_bins": 10, "sampling_rate": 4000}

# These need no TensorFlow: the real Keras is asked anew each time.
FREE = [
    *(Case("Normalization", o, _RAMP, _RAMP) for o in ({}, {"axis": None}, {"invert": True})),
    Case("Normalization", {"axis": (0, 1)}, _RAMP, _RAMP),
    Case("Normalization", {"mean": 3.0, "variance": 2.0}, _RAMP),
    Case("Normalization", {"mean": [1, 2, 3, 4], "variance": [1, 1, 4, 4]}, _RAMP),
    Case("Normalization", {"axis": (1, 2), "mean": [1.0, 2.0], "variance": [2.0, 1.0]}, _SOUND),
    Case("Normalization", {}, np.arange(8).reshape(2, 4), np.arange(8).reshape(2, 4)),
    *(
        Case("Discretization", {"bin_boundaries": [0.0, 0.5, 1.0], "output_mode": mode}, _RAMP)
        for mode in ("int", "one_hot", "multi_hot", "count")
    ),
    *(
        Case("CategoryEncoding", {"num_tokens": 4, "output_mode": mode}, ids)
        for mode in ("one_hot", "multi_hot", "count")
        for ids in (_IDS, _IDS[:, :1], _IDS[0])
    ),
    Case("MelSpectrogram", _MEL, _SOUND[..., 0]),
    Case("MelSpectrogram", _MEL, _SOUND[0, :, 0]),
    Case("MelSpectrogram", {**_MEL, "power_to_db": False, "window": "hamming"}, _SOUND[..., 0]),
    Case("MelSpectrogram", {**_MEL, "sequence_length": 100, "mag_exp": 1.0}, _SOUND[..., 0]),
    Case("MelSpectrogram", {**_MEL, "max_freq": 1500.0, "top_db": 20.0}, _SOUND[..., 0]),
    *(
        Case("STFTSpectrogram", {**_STFT, "mode": mode}, _SOUND)
        for mode in ("log", "psd", "real", "angle", "stft")
    ),
    Case("STFTSpectrogram", {**_STFT, "padding": "same", "expand_dims": True}, _SOUND),
    Case("STFTSpectrogram", {**_STFT, "scaling": "spectrum", "window": "hamming"}, _SOUND),
    Case("STFTSpectrogram", {"frame_length": 50, "window": None, "scaling": None}, _SOUND),
    *(
        Case(
            "STFTSpectrogram",
            {**_STFT, "data_format": "channels_first", "expand_dims": expand},
            _SOUND.transpose(0, 2, 1),
        )
        for expand in (False, True)
    ),
]

TABLE = {
    "plain": np.array([0.0, 0.1, 0.2, 0.3]),
    "normal": np.array([0.0, 1.0, 2.0, 3.0]),
    "binned": np.array([1.0, 2.0, 3.0, 9.0]),
    "scaled": np.array([1.0, 2.0, 3.0, 4.0]),
    "word": np.array(["zero", "one", "two", "one"]),
    "number": np.array([0, 1, 2, 2]),
    "hashed": np.array([5, 6, 7, 8]),
    "hashed_word": np.array(["a", "b", "c", "d"]),
}


def feature_space(api: Any) -> Any:
    """Return a feature space with features of all kinds."""
    made = api.utils.FeatureSpace
    return made(
        features={
            "plain": "float",
            "normal": "float_normalized",
            "binned": made.float_discretized(num_bins=3),
            "scaled": made.float_rescaled(scale=2.0, offset=1.0),
            "word": "string_categorical",
            "number": made.integer_categorical(max_tokens=3),
            "hashed": made.integer_hashed(num_bins=4),
            "hashed_word": "string_hashed",
        },
        crosses=[("word", "number"), made.cross(("hashed", "word"), crossing_dim=6)],
        crossing_dim=5,
        hashing_dim=4,
    )


def text_model(api: Any) -> Any:
    """Return a model of layers that have learnt, of strings and numbers."""
    layers = api.layers
    text = layers.TextVectorization(output_mode="tf_idf", name="text")
    ids = layers.TextVectorization(output_sequence_length=5, name="ids")
    word, number = layers.StringLookup(name="word"), layers.Normalization(name="number")
    given = layers.StringLookup(vocabulary=VOCABULARY, output_mode="multi_hot", name="given")
    for layer in (text, ids):
        layer.adapt(REVIEWS)
    word.adapt(WORDS)
    number.adapt(_RAMP)
    texts, words = api.Input((1,), dtype="string"), api.Input((3,), dtype="string")
    numbers = api.Input((4,))
    outputs = [text(texts), ids(texts), word(words), given(words), number(numbers)]
    return api.Model([texts, words, numbers], outputs)


def run(layers: Any, case: Case) -> dict[str, Any]:
    """Return what a case gives with the layers of one Keras or the other."""
    layer = getattr(layers, case.layer)(**case.options)
    if case.data is not None:
        layer.adapt((np.array(batch) for batch in case.data) if case.batches else case.data)
    outputs = np.asarray(layer(case.inputs))
    found = {"outputs": outputs.tolist(), "config": layer.get_config() | {"name": "one"}}
    if hasattr(layer, "get_vocabulary"):
        found["vocabulary"] = [_plain(token) for token in layer.get_vocabulary()]
    return json.loads(json.dumps(found, default=_plain))


def expected() -> dict[str, Any]:
    """Return id -> what the real Keras returned."""
    return json.loads(EXPECTED.read_text(encoding="utf-8"))


def saved_file(name: str, folder: Path) -> Path:
    """Return a file that the real Keras wrote."""
    path = folder / f"{name}.keras"
    path.write_bytes(zlib.decompress(base64.b64decode(expected()[f"file:{name}"])))
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def main() -> None:
    """Ask the real Keras, and write the answers."""
    import keras

    found: dict[str, Any] = {case.id: run(keras.layers, case) for case in CASES}
    assert len(found) == len(CASES)
    space = feature_space(keras)
    space.adapt(TABLE)
    found["feature_space"] = np.asarray(space(TABLE)).tolist()
    for name, model in (("file:feature_space", space), ("file:text_model", text_model(keras))):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.keras")
            model.save(path)
            found[name] = base64.b64encode(zlib.compress(path.read_bytes())).decode()
    rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
    EXPECTED.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
