"""Models that begin with strings: the first layers run on the host, the rest is compiled."""

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

TEXTS = ["good film", "bad film", "good good", "bad bad film"] * 4
LABELS = np.array([1, 0, 1, 0] * 4)
VOCABULARY = ["good", "bad", "film"]


def vectorizer(**options):
    return layers.TextVectorization(
        vocabulary=VOCABULARY, output_sequence_length=3, name="words", **options
    )


def functional():
    x = keras.Input((1,), dtype="string", name="text")
    y = layers.GlobalAveragePooling1D()(layers.Embedding(5, 4)(vectorizer()(x)))
    return keras.Model(x, layers.Dense(1, activation="sigmoid")(y))


def sequential():
    tail = [layers.Embedding(5, 4), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    return keras.Sequential([keras.Input((1,), dtype="string"), vectorizer(), *tail])


def without_input():
    return keras.Sequential(
        [vectorizer(), layers.Embedding(5, 4), layers.Flatten(), layers.Dense(1)]
    )


def nested():
    return keras.Sequential([keras.Input((1,), dtype="string"), functional(), layers.Dense(1)])


def two_models():
    x = keras.Input((1,), dtype="string")
    ids = keras.Input((3,), dtype="int32")
    tail = keras.Model(ids, layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 2)(ids))))
    return keras.Model(x, tail(keras.Model(x, vectorizer()(x))(x)))


@pytest.mark.parametrize("make", [functional, sequential, without_input, nested, two_models])
def test_every_way_to_begin_with_strings(make):
    model = make()
    model.compile("adam", "mse")
    history = model.fit(TEXTS, LABELS, epochs=2, batch_size=8, verbose=0)
    assert len(history.history["loss"]) == 2
    expected = model.predict(TEXTS, verbose=0)
    assert expected.shape == (16, 1)
    for x in (np.array(TEXTS), np.array(TEXTS)[:, None], [t.encode() for t in TEXTS]):
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6)
    np.testing.assert_allclose(model(TEXTS), expected, rtol=1e-5, atol=1e-6)


def batches():
    for i in range(0, 16, 8):
        yield np.array(TEXTS[i : i + 8]), LABELS[i : i + 8]


def test_streams_validation_and_single_batches():
    model = functional()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    assert "val_loss" in model.fit(TEXTS, LABELS, validation_split=0.25, verbose=0).history
    model.fit(batches(), validation_data=(np.array(TEXTS), LABELS), verbose=0)
    whole = model.evaluate(np.array(TEXTS), LABELS, batch_size=8, verbose=0)
    np.testing.assert_allclose(model.evaluate(batches(), verbose=0), whole, rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(np.array(TEXTS), LABELS), whole, rtol=1e-5)
    assert model.train_on_batch(np.array(TEXTS), LABELS)
    assert model.predict_on_batch(TEXTS[:3]).shape == (3, 1)


def mixed():
    inputs = {
        "id": keras.Input((1,), dtype="int64", name="id"),
        "word": keras.Input((1,), dtype="string", name="word"),
        "size": keras.Input((2,), name="size"),
    }
    ids = layers.IntegerLookup(vocabulary=[7, 2**40])(inputs["id"])
    words = layers.StringLookup(vocabulary=["a", "b"])(inputs["word"])
    bins = layers.Discretization([0.0, 1.0])(inputs["size"])
    crossed = layers.HashedCrossing(5, output_mode="one_hot")([ids, words])
    kinds = layers.CategoryEncoding(3, output_mode="multi_hot")(bins)
    return keras.Model(inputs, layers.Concatenate()([crossed, kinds, inputs["size"]]))


def test_columns_of_a_table():
    model = mixed()
    table = {
        "id": np.array([7, 2**40, 1]),
        "word": np.array(["b", "a", "x"]),
        "size": np.array([[0.5, 2.0], [-1.0, -2.0], [0.5, 0.5]]),
    }
    found = model.predict(table, verbose=0)
    crossed = layers.HashedCrossing(5, output_mode="one_hot")([np.array([1, 2, 0]), [2, 1, 0]])
    np.testing.assert_array_equal(found[:, :5], crossed)
    np.testing.assert_array_equal(found[:, 5:8], [[0, 1, 1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(found[:, 8:], table["size"])


class Reader(keras.Model):
    """A model that looks strings up in its own `call`."""

    def __init__(self):
        super().__init__()
        self.words, self.embedding = vectorizer(), layers.Embedding(5, 4)

    def call(self, x):
        return self.embedding(self.words(x))


def test_a_subclass_reads_strings_by_hand_alone():
    model = Reader()
    assert model(["good film"]).shape == (1, 3, 4)
    assert model(np.array([["good film"]])).shape == (1, 3, 4)
    with pytest.raises(ValueError, match="begin with TextVectorization"):
        model.predict(["good film"], verbose=0)


def test_layers_come_and_go():
    model = sequential()
    assert model.predict(TEXTS, verbose=0).shape == (16, 1)
    model.pop()
    model.add(layers.Dense(3))
    assert model.predict(TEXTS, verbose=0).shape == (16, 3)
    symbolic = without_input()(keras.Input((1,), dtype="string"))
    assert symbolic.shape == (None, 1)


def test_a_model_of_host_layers_alone():
    x = keras.Input((1,), dtype="string")
    model = keras.Model(x, vectorizer()(x))
    assert model.predict(["good bad x"], verbose=0).tolist() == [[2, 3, 1]]
    assert model(["good bad x"]).tolist() == [[2, 3, 1]]


def test_files_keep_the_vocabulary(tmp_path):
    model = sequential()
    model.layers[0].set_vocabulary(["film", "good", "bad"])
    model.compile("adam", "mse")
    model.fit(TEXTS, LABELS, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0), rtol=1e-6
    )
    loaded.fit(TEXTS, LABELS, verbose=0)


@pytest.mark.parametrize("make", [functional, sequential])
def test_a_clone_has_a_host_part_of_its_own(make):
    assert keras.models.clone_model(make()).predict(TEXTS, verbose=0).shape == (16, 1)


def test_strings_where_nobody_reads_them():
    model = keras.Sequential([layers.Dense(1)])
    with pytest.raises(ValueError, match="begin with TextVectorization"):
        model.predict(["a"], verbose=0)
    with pytest.raises(TypeError, match="strings are no input"):
        layers.Dense(1)(keras.Input((1,), dtype="string"))
    with pytest.raises(ValueError, match="strings"):
        functional().predict(np.ones((2, 1)), verbose=0)
