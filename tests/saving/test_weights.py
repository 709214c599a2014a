"""`.weights.h5`: all or told; a failed loading changes nothing."""

import re

import h5py
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, saving
from keraunos.saving import places

X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")


def model(*units, names=True):
    keras.utils.set_random_seed(len(units))
    stack = [layers.Dense(n, name=f"d{i}" if names else None) for i, n in enumerate(units)]
    return keras.Sequential([keras.Input((6,)), *stack])


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.weights.h5"


def test_everything_is_loaded_and_said(path):
    one, other = model(4, 2), model(4, 2, names=False)
    one.save_weights(path)
    report = other.load_weights(path)
    assert same(one, other)
    assert len(report.loaded) == 4
    assert report.complete
    assert repr(report) == "<LoadReport: 4 loaded, 0 missing, 0 unexpected, 0 mismatched>"


CASES = {
    "missing": ((4,), (4, 2), "missing in the file (2): d1/kernel, d1/bias"),
    "unexpected": ((4, 2), (4,), "unexpected in the file (1): layers/dense_1 (layer 'd1')"),
    "mismatched": ((4, 3), (4, 2), "d1/kernel (4, 2), in the file (4, 3)"),
}


@pytest.mark.parametrize("kind", CASES)
def test_what_does_not_fit_is_an_error_and_changes_nothing(kind, path):
    saved, wanted, expected = CASES[kind]
    model(*saved).save_weights(path)
    target = model(*wanted)
    before = target.get_weights()
    with pytest.raises(ValueError) as error:
        target.load_weights(path)
    assert expected in re.sub(r"sequential(_\d+)?/", "", str(error.value))
    assert str(error.value).count("\n") <= 5
    assert all(np.array_equal(a, b) for a, b in zip(before, target.get_weights(), strict=True))


@pytest.mark.parametrize("kind", CASES)
def test_skip_mismatch_loads_the_rest_and_warns_with_counts(kind, path):
    saved, wanted, _ = CASES[kind]
    source, target = model(*saved), model(*wanted)
    source.save_weights(path)
    with pytest.warns(UserWarning, match=r"2 weights loaded, \d left as they are"):
        report = target.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(target.get_weights()[0], source.get_weights()[0])
    assert getattr(report, kind)


def test_skip_mismatch_that_matches_nothing_is_still_an_error(path):
    model(4).save_weights(path)
    with pytest.raises(ValueError, match="nothing was loaded"):
        model(5).load_weights(path, skip_mismatch=True)


def test_a_loader_that_fails_half_way_changes_nothing(path):
    class Fails(layers.Layer):
        def call(self, x):
            return x

        def load_own_variables(self, store):
            raise RuntimeError("no")

    def build():
        return keras.Sequential([keras.Input((6,)), layers.Dense(3), Fails(), layers.Dense(1)])

    source, target = build(), build()
    source.save_weights(path)
    before = target.get_weights()
    with pytest.raises(RuntimeError, match="no"):
        target.load_weights(path)
    assert all(np.array_equal(a, b) for a, b in zip(before, target.get_weights(), strict=True))


def compiled(optimizer, fitted):
    made = model(3, 1)
    made.compile(optimizer, "mse")
    if fitted:
        made.fit(X, X[:, :1], verbose=0)
    return made


@pytest.mark.parametrize(
    "optimizer, fitted, said, warns",
    [
        ("adam", True, "restored", False),
        ("adam", False, "left as it is: it had no state yet", False),
        ("sgd", True, "left as it is: it does not fit", True),
    ],
)
def test_what_becomes_of_the_optimizer_is_said(optimizer, fitted, said, warns, path, recwarn):
    source = compiled("adam", fitted=True)
    source.optimizer.learning_rate = 0.5
    source.save_weights(path)
    target = compiled(optimizer, fitted)
    rate = float(target.optimizer.learning_rate)
    report = target.load_weights(path)
    assert same(source, target)
    assert report.optimizer.startswith(said)
    assert float(target.optimizer.learning_rate) == (0.5 if said == "restored" else rate)
    assert any("does not fit" in str(w.message) for w in recwarn) == warns


def test_weights_of_a_whole_model_file(tmp_path):
    source, target = model(3), model(3)
    source.save(tmp_path / "m.keras")
    assert target.load_weights(tmp_path / "m.keras").complete
    assert same(source, target)


def test_a_model_without_weights_says_what_to_do(path):
    bare = keras.Sequential([layers.Dense(2)])
    for call in (bare.save_weights, bare.load_weights):
        with pytest.raises(ValueError, match=r"keras\.Input first"):
            call(path)
    with pytest.raises(TypeError, match="expected: a model"):
        saving.save_weights("model", path)


@pytest.mark.parametrize("name", ["w.h5", "w.hdf5", "w", "w.keras"])
def test_the_ending_says_the_format(name, tmp_path):
    with pytest.raises(ValueError, match=r"w\.weights\.h5"):
        model(2).save_weights(tmp_path / name)


def test_a_claim_of_a_huge_shape_is_not_believed(path):
    source = model(4)
    source.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        shape, chunks = (2**20, 2**20), (1, 2**10)
        file["layers/dense/vars"].create_dataset(
            "0", shape, "f4", chunks=chunks, compression="gzip"
        )
    with pytest.raises(ValueError, match="of another shape"):
        source.load_weights(path)


def test_names_of_groups_are_those_of_keras():
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.stack = [layers.Dense(1), [layers.Dense(1)], layers.Dense(1)]
            self.named = {"b": layers.Dropout(0.1), "a": layers.Dense(1)}
            self._last = layers.Dense(1)
            self.first = self.stack[0]

        def call(self, x):
            return x

    assert [place.path for place in places.places(Block())] == [
        "",
        "first",
        "named/dropout",
        "named/dense",
        "stack/container/dense",
        "stack/dense_1",
        "_last",
    ]
