"""Preprocessing layers: bad arguments, vocabularies, learning, and what they do in a trace."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from keraunos import Input, Model, layers
from keraunos.layers.preprocessing import _host, _vocabulary
from keraunos.utils import set_random_seed

BAD = [
    ("Normalization", {"mean": 1.0}, "both mean and variance"),
    ("Normalization", {"mean": [1.0, 2.0], "variance": [1.0]}, "variance"),
    ("Normalization", {"axis": None, "mean": [1.0], "variance": [1.0]}, "at most 0 axes"),
    ("Discretization", {}, "either bin_boundaries or num_bins"),
    ("Discretization", {"bin_boundaries": [1.0], "num_bins": 2}, "either"),
    ("Discretization", {"bin_boundaries": [2.0, 1.0]}, "increasing"),
    ("Discretization", {"num_bins": 0}, "at least 1"),
    ("Discretization", {"num_bins": 2, "epsilon": 0}, "epsilon"),
    ("Discretization", {"num_bins": 2, "output_mode": "hot"}, "'one_hot'"),
    ("CategoryEncoding", {}, "num_tokens"),
    ("CategoryEncoding", {"num_tokens": 0}, "at least 1"),
    ("CategoryEncoding", {"num_tokens": 2, "output_mode": "int"}, "'multi_hot'"),
    ("Hashing", {"num_bins": 0}, "at least 1"),
    ("Hashing", {"num_bins": 2, "salt": [1, 2, 3]}, "an integer or two"),
    ("Hashing", {"num_bins": 2, "dtype": "float32"}, "'int32' or 'int64'"),
    ("Hashing", {"num_bins": 2, "sparse": True}, "sparse"),
    ("HashedCrossing", {"num_bins": 2, "output_mode": "count"}, "'one_hot'"),
    ("HashedCrossing", {"num_bins": 2, "sparse": True}, "results are dense"),
    ("StringLookup", {"max_tokens": 1}, "at least 2"),
    ("StringLookup", {"num_oov_indices": -1}, "at least 0"),
    ("StringLookup", {"pad_to_max_tokens": True}, "max_tokens beside it"),
    ("StringLookup", {"invert": True, "output_mode": "count"}, "'int' beside it"),
    ("StringLookup", {"vocabulary": ["a", "b", "a"]}, "every token once"),
    ("StringLookup", {"vocabulary": []}, "at least one token"),
    ("StringLookup", {"vocabulary": ["a", "m"], "mask_token": "m"}, "mask token 'm'"),
    ("StringLookup", {"vocabulary": ["a", "[UNK]"], "invert": True}, "oov token"),
    ("StringLookup", {"vocabulary": ["a", "b"], "max_tokens": 2}, "2 tokens at most"),
    ("StringLookup", {"vocabulary": "/no/such/file"}, "a file that exists"),
    ("StringLookup", {"vocabulary": ["a"], "output_mode": "tf_idf"}, "weights beside"),
    ("StringLookup", {"vocabulary": ["a"], "idf_weights": [1.0]}, "None without 'tf_idf'"),
    (
        "StringLookup",
        {"vocabulary": ["a"], "idf_weights": [1.0, 2.0], "output_mode": "tf_idf"},
        "1 numbers",
    ),
    ("StringLookup", {"sparse": True}, "results are dense"),
    ("IntegerLookup", {"oov_method": "md5"}, "'farmhash'"),
    ("IntegerLookup", {"salt": 1}, "oov_method='farmhash'"),
    ("IntegerLookup", {"vocabulary_dtype": "int32"}, "'int64'"),
    ("TextVectorization", {"standardize": "upper"}, "'lower'"),
    ("TextVectorization", {"split": "comma"}, "'whitespace'"),
    ("TextVectorization", {"ngrams": 0}, "positive"),
    ("TextVectorization", {"ngrams": (1, "2")}, "positive"),
    ("TextVectorization", {"output_sequence_length": 0}, "at least 1"),
    ("TextVectorization", {"output_sequence_length": 4, "output_mode": "count"}, "None with"),
    ("TextVectorization", {"ragged": True}, "results are dense"),
    ("MelSpectrogram", {"fft_length": 8, "sequence_length": 9}, "at most fft_length=8"),
    ("MelSpectrogram", {"window": "kaiser"}, "'hann'"),
    ("MelSpectrogram", {"min_freq": 9000.0}, "min_freq"),
    ("STFTSpectrogram", {"mode": "phase"}, "'angle'"),
    ("STFTSpectrogram", {"frame_length": 8, "frame_step": 9}, "from 1 to 8"),
    ("STFTSpectrogram", {"frame_length": 8, "fft_length": 4}, "at least 8"),
    ("STFTSpectrogram", {"window": "no_window"}, "the name of a window"),
    ("STFTSpectrogram", {"frame_length": 8, "window": [1.0, 2.0]}, "8 numbers"),
    ("STFTSpectrogram", {"scaling": "loud"}, "'density'"),
    ("STFTSpectrogram", {"padding": "causal"}, "'same'"),
]


@pytest.mark.parametrize("name, options, match", BAD)
def test_bad_arguments_are_told_at_once(name, options, match):
    with pytest.raises(ValueError) as error:
        getattr(layers, name)(**options)
    assert name in str(error.value)
    assert match in str(error.value)
    assert len(str(error.value).splitlines()) <= 6


WORDS = {"vocabulary": ["a", "b"]}
CALLS = [
    (layers.CategoryEncoding(3), [[0, 3]], ValueError, "integers from 0 to 2"),
    (layers.CategoryEncoding(3), [[-1, 0]], ValueError, "integers from 0 to 2"),
    (layers.Discretization(num_bins=3), [1.0], ValueError, "no bins yet"),
    (layers.StringLookup(), ["a"], RuntimeError, "no vocabulary yet"),
    (layers.StringLookup(output_mode="count"), ["a"], RuntimeError, "no vocabulary yet"),
    (layers.StringLookup(**WORDS), [1, 2], ValueError, "strings"),
    (layers.StringLookup(**WORDS), [["a"], ["a", "b"]], ValueError, "rows of one length"),
    (layers.StringLookup(**WORDS, num_oov_indices=0), ["a", "x"], ValueError, "unknown: ['x']"),
    (layers.StringLookup(**WORDS), ["a", None], ValueError, "fill in what is missing"),
    (
        layers.TextVectorization(**WORDS),
        np.array(["a", np.nan], object),
        ValueError,
        "strings or numbers alone",
    ),
    (layers.IntegerLookup(vocabulary=[1]), [1.5], ValueError, "integers"),
    (layers.IntegerLookup(vocabulary=[2**40], invert=True), [1], ValueError, "32 bits"),
    (layers.TextVectorization(**WORDS), [["a", "b"]], ValueError, "(batch, 1)"),
    (layers.TextVectorization(**WORDS), [1.0], ValueError, "strings"),
    (layers.HashedCrossing(3), [["a"]], ValueError, "two or more columns"),
    (layers.HashedCrossing(3), [["a"], ["a", "b"]], ValueError, "two or more columns"),
    (layers.HashedCrossing(3), [["a"], [1.5]], ValueError, "strings or integers"),
    (layers.STFTSpectrogram(), np.zeros((1, 512, 1), "int32"), TypeError, "floats"),
]


@pytest.mark.parametrize("layer, inputs, kind, match", CALLS)
def test_bad_inputs_are_told(layer, inputs, kind, match):
    with pytest.raises(kind) as error:
        layer(inputs)
    assert match in str(error.value)
    assert type(layer).__name__ in str(error.value)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Normalization(mean=0.0, variance=1.0),
        layers.Discretization([0.0]),
        layers.StringLookup(vocabulary=["a"]),
        layers.TextVectorization(vocabulary=["a"]),
        layers.IntegerLookup(vocabulary=[1]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_was_given_is_not_learnt(layer):
    with pytest.raises(ValueError, match="cannot adapt"):
        layer.adapt(np.array([["a"]]))


# -- inside a compiled step ------------------------------------------------------------------------

TRACED = [
    layers.IntegerLookup(vocabulary=[12, 36, 2**40, 42]),
    layers.IntegerLookup(vocabulary=[12, 36], mask_token=0),
    layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=3),
    layers.IntegerLookup(vocabulary=[12, 36], output_mode="multi_hot"),
    layers.IntegerLookup(vocabulary=[12], output_mode="tf_idf", idf_weights=[0.5]),
    layers.IntegerLookup(vocabulary=[12, 36], invert=True),
    layers.CategoryEncoding(50, output_mode="count"),
    layers.IntegerLookup(vocabulary=[12, 36, 0, 42, 2], num_oov_indices=0),
    layers.IntegerLookup(vocabulary=[12], num_oov_indices=3, oov_method="farmhash", salt=[3, 4]),
    layers.Hashing(5),
    layers.Hashing(5, salt=3, mask_value=36),
    layers.Hashing(5, output_mode="multi_hot"),
    layers.Hashing(5, output_mode="count", mask_value=0),
]


def test_small_integers_may_have_large_ids():
    layer = layers.IntegerLookup(vocabulary=list(range(300, 0, -1)))
    assert jax.jit(layer)(jnp.array([1, 200], "uint8")).tolist() == [300, 101]


@pytest.mark.parametrize("layer", TRACED)
def test_integers_in_a_compiled_step(layer):
    x = np.array([[12, 0, 42], [36, 36, 2]])
    found = jax.jit(layer)(jnp.asarray(x))
    np.testing.assert_allclose(found, layer(x))


@pytest.mark.parametrize("layer", [layers.Hashing(7), layers.HashedCrossing(7)])
def test_hashes_in_a_compiled_model(layer):
    """In the midst of a model, where no cut can send them to the host before."""
    set_random_seed(0)
    crossed = isinstance(layer, layers.HashedCrossing)
    entry = Input((1,), dtype="int32")
    shifted = layers.Lambda(lambda x: x + 1)(entry)
    bins = layer([shifted, entry]) if crossed else layer(shifted)
    model = Model(entry, layers.Dense(1)(layers.Embedding(7, 3)(bins)[:, 0]))
    model.compile("sgd", "mse")
    x = np.arange(-40, 40).reshape(-1, 1)
    history = model.fit(x, x, epochs=5, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < history[0]
    found = Model(entry, bins).predict(x, verbose=0)
    np.testing.assert_array_equal(found, layer([x + 1, x]) if crossed else layer(x + 1))
    if not crossed:
        mapped = jax.vmap(layer)(jnp.asarray(x))
        np.testing.assert_array_equal(mapped, layer(x))


def test_an_unknown_integer_ends_a_compiled_step():
    layer = layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=0)
    assert jax.jit(layer)(jnp.array([36, 12])).tolist() == [1, 0]
    with pytest.raises(Exception, match="tokens of the vocabulary") as caught:
        jax.jit(layer)(jnp.array([36, 13])).block_until_ready()
    assert "unknown: [13]" in str(caught.value)


def test_what_a_compiled_step_cannot_have():
    with pytest.raises(ValueError, match="at most 2147483647 in a compiled step"):
        jax.jit(layers.Hashing(2**40))(jnp.ones((2, 2), "int32"))
    with pytest.raises(TypeError, match="runs on the host"):
        jax.jit(layers.StringLookup(vocabulary=["a"]))(jnp.ones((2, 2), "int32"))


# -- vocabularies ----------------------------------------------------------------------------------


def test_other_names_of_modes():
    assert layers.StringLookup(output_mode="binary").get_config()["output_mode"] == "multi_hot"
    assert layers.TextVectorization(output_mode="tf-idf").get_config()["output_mode"] == "tf_idf"
    assert layers.CategoryEncoding(2, output_mode="binary").output_mode == "multi_hot"


def test_vocabulary_from_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("wind\r\nearth\u2028\nfire\n".encode())
    layer = layers.StringLookup(vocabulary=path, mask_token="")
    assert layer.get_vocabulary() == ["", "[UNK]", "wind", "earth\u2028", "fire"]
    assert layer.get_vocabulary(include_special_tokens=False) == ["wind", "earth\u2028", "fire"]
    assert layer.vocabulary_size() == 5
    assert layer.get_config()["vocabulary"] is None


def test_a_config_does_not_read_files(tmp_path):
    (tmp_path / "secret.txt").write_text("a\nb")
    for cls in (layers.StringLookup, layers.TextVectorization):
        config = cls().get_config() | {"vocabulary": str(tmp_path / "secret.txt")}
        with pytest.raises(ValueError, match="which lies elsewhere"):
            cls.from_config(config)


def test_assets_keep_what_lines_can_hold(tmp_path):
    layer = layers.StringLookup()
    layer.adapt([["a\u2028b", "", "\r", " c "]])
    layer.save_assets(tmp_path)
    again = layers.StringLookup()
    again.load_assets(tmp_path)
    assert again.get_vocabulary() == layer.get_vocabulary()
    layer.adapt([["a\nb"]])
    with pytest.raises(ValueError, match="line break"):
        layer.save_assets(tmp_path)


def test_strings_come_as_text_or_bytes():
    layer = layers.StringLookup(vocabulary=[b"a", "é"])
    for x in (
        ["a", "é"],
        [b"a", "é".encode()],
        np.array(["a", "é"]),
        np.array([b"a", b"\xc3\xa9"]),
    ):
        assert layer(x).tolist() == [1, 2]
    assert layer(np.array(["a", "é"], np.dtypes.StringDType())).tolist() == [1, 2]
    assert layer(["a"], training=False).tolist() == [1]
    assert (
        layers.Hashing(9)(np.array([5, 7], object)).tolist() == layers.Hashing(9)([5, 7]).tolist()
    )
    learnt = layers.StringLookup()
    learnt.adapt(iter([["é", "é"], [b"\xc3\xa9", b"x"]]))
    assert learnt.get_vocabulary() == ["[UNK]", "é", "x"]


def test_inverse_gives_strings_back():
    vocabulary = ["", "[UNK]", "a", "b"]
    layer = layers.StringLookup(vocabulary=vocabulary, invert=True, mask_token="")
    assert layer(np.array([[0, 1, 2, 3, 9]])).tolist() == [["", "[UNK]", "a", "b", "[UNK]"]]


def test_vocabulary_may_be_set_again_but_not_under_a_model():
    layer = layers.StringLookup(output_mode="multi_hot")
    layer.set_vocabulary(["a", "b"])
    layer.set_vocabulary(["a", "b", "c"])
    assert layer(Input((2,), dtype="string")).shape == (None, 4)
    with pytest.raises(RuntimeError, match="a vocabulary of 4"):
        layer.set_vocabulary(["a", "b"])


def test_functions_standardize_and_split():
    layer = layers.TextVectorization(
        standardize=np.char.upper, split=lambda texts: [t.split(",") for t in texts]
    )
    layer.adapt(["a,b", "b, c"])
    assert layer.get_vocabulary() == ["", "[UNK]", "B", "A", " C"]
    assert layer(["c,B"]).tolist() == [[1, 2]]


def test_statistics_do_not_depend_on_the_batches():
    rows = np.random.default_rng(0).normal(3, 2, (50, 3)).astype("float32")
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(rows)
    parts.adapt((rows[i : i + 7], None) for i in range(0, 50, 7))
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    normal = np.asarray(whole(rows))
    np.testing.assert_allclose([normal.mean(0), normal.std(0)], [[0] * 3, [1] * 3], atol=1e-5)
    with pytest.raises(ValueError, match="shape"):
        whole.adapt(np.ones((2, 4)))
    with pytest.raises(ValueError, match="no batches"):
        layers.Normalization().adapt([])


def test_bins_hold_about_as_much_each():
    x = np.random.default_rng(0).exponential(size=2000)
    layer = layers.Discretization(num_bins=8)
    layer.adapt(x)
    counts = np.bincount(np.asarray(layer(x)))
    assert len(counts) == 8
    np.testing.assert_allclose(counts, 250, atol=40)


def test_weights_of_counts():
    layer = layers.CategoryEncoding(4, output_mode="count")
    found = layer(np.array([[0, 1], [3, 3]]), count_weights=np.array([[0.5, 2.0], [1.0, 0.25]]))
    assert found.tolist() == [[0.5, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.25]]
    with pytest.raises(ValueError, match="count_weights"):
        layers.CategoryEncoding(4)(np.array([[0]]), count_weights=np.ones((1, 1)))


@pytest.mark.parametrize("kind", [object, str, bytes])
def test_long_columns_are_looked_up_as_short_ones_are(kind):
    rng = np.random.default_rng(0)
    words = np.array([f"w{'x' * (i % 30)}{i}" for i in range(400)])
    column = words[rng.integers(0, 400, 3 * _host.FEW)].astype(kind).reshape(-1, 2)
    layer = layers.StringLookup(vocabulary=words[:300].tolist(), num_oov_indices=7)
    short = np.concatenate([layer(part) for part in np.split(column, 6)])
    np.testing.assert_array_equal(layer(column), short)
    hashing = layers.Hashing(50, salt=3)
    np.testing.assert_array_equal(
        hashing(column), np.concatenate([hashing(part) for part in np.split(column, 6)])
    )
    learnt = [layers.StringLookup() for _ in range(2)]
    learnt[0].adapt(column)
    learnt[1].adapt(iter(np.split(column, 6)))
    assert learnt[0].get_vocabulary() == learnt[1].get_vocabulary()


@pytest.mark.parametrize("strange", [None, 1.5, 3])
@pytest.mark.parametrize("first", ["a", b"a"])
def test_what_is_no_string_is_found_in_a_long_column(strange, first):
    column = np.array([first] * (2 * _host.FEW), object)
    column[-7] = strange
    layer = layers.StringLookup(vocabulary=["a"])
    for use in (
        layer,
        layers.Hashing(3),
        layers.StringLookup().adapt,
        layers.TextVectorization().adapt,
    ):
        with pytest.raises(ValueError, match="strings or numbers alone"):
            use(column)


@pytest.mark.parametrize("keys", [[3, 5, 9], [-4, 0, 7], [0, 2**40], [-(2**63), 5, 2**63 - 1], [8]])
def test_integer_tables_with_and_without_gaps(keys):
    table = _vocabulary.IntegerTable({key: i for i, key in enumerate(keys)}, -1)
    edges = np.array([-(2**63), 2**63 - 1, 2**40, -5, *range(-4, 12)])
    expected = [keys.index(v) if v in keys else -1 for v in edges.tolist()]
    assert table(edges).tolist() == expected
