"""fit, evaluate and predict take anything that holds or yields data; and nothing ever hangs."""

import faulthandler
import itertools
import json
import os
import pathlib
import subprocess
import sys
import textwrap
import threading

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

import keraunos as keras
from keraunos._training import intake
from keraunos._training.feed import Arranged
from keraunos._training.streaming import Stream, told
from keraunos.data import Dataset, PyDataset

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
BATCH = 16


@pytest.fixture(autouse=True)
def _watchdog():
    """A hang is a failure with all tracebacks, not an endless test."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def losses(model, *args, **options):
    history = model.fit(*args, epochs=2, verbose=0, **options).history
    return [history["loss"], history.get("val_loss")]


@pytest.fixture(scope="module")
def expected():
    keras.utils.set_random_seed(1)
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return losses(made, X, Y, batch_size=BATCH, shuffle=False)


# -- every kind of data ----------------------------------------------------------------------------


def parts():
    return [(X[i : i + BATCH], Y[i : i + BATCH]) for i in range(0, 50, BATCH)]


class Numbered(PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return parts()[i]


class OldStyle:
    """A Sequence of old: two methods, and no constructor of ours is called."""

    __len__, __getitem__ = Numbered.__len__, Numbered.__getitem__


class Reused:
    """A stream that fills the same arrays again and again."""

    def __iter__(self):
        x, y = np.empty((BATCH, 4), "float32"), np.empty((BATCH, 1), "float32")
        for a, b in parts():
            x[: len(a)], y[: len(b)] = a, b
            yield x[: len(a)], y[: len(b)]


def on_disk(folder):
    np.save(folder / "x.npy", X.astype("float64"))
    return np.load(folder / "x.npy", mmap_mode="r")


def in_hdf5(folder):
    file = h5py.File(folder / "data.h5", "w")
    file["x"], file["y"] = X, Y
    return file["x"], file["y"]


SLICES = Dataset.from_tensor_slices((X, Y))
ARRAYS = {
    "JAX arrays": lambda folder: (jnp.asarray(X), jnp.asarray(Y)),
    "lists": lambda folder: (X.tolist(), Y.tolist()),
    "a memory map": lambda folder: (on_disk(folder), Y),
    "h5py": in_hdf5,
    "a sparse matrix": lambda folder: (sparse.coo_array(X), Y),
    "bytes of another machine": lambda folder: (X.astype(">f4"), Y.astype(">f8")),
}
STREAMS = {
    "Dataset of rows": lambda: SLICES.batch(BATCH),
    "Dataset that streams": lambda: SLICES.map(lambda x, y: (x, y)).batch(BATCH),
    "Dataset prefetched": lambda: SLICES.batch(BATCH).map(lambda x, y: (x, y), 2).prefetch(2),
    "PyDataset": Numbered,
    "PyDataset by threads": lambda: Numbered(workers=3, max_queue_size=2),
    "Sequence": OldStyle,
    "generator": lambda: itertools.chain.from_iterable(parts() for _ in range(2)),
    "iterable": lambda: Reused(),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_kind_train_alike(name, model, expected, tmp_path):
    x, y = ARRAYS[name](tmp_path)
    found = losses(model, x, y, batch_size=BATCH, shuffle=False)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    expected = model.predict(X, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(x), expected, rtol=1e-5)
    if not isinstance(x, sparse.coo_array):
        np.testing.assert_allclose(model.predict(x[:3], verbose=0), expected[:3], rtol=1e-5)


@pytest.mark.parametrize("name", STREAMS)
def test_streams_of_every_kind_train_alike(name, model, expected):
    found = losses(model, STREAMS[name](), shuffle=False, steps_per_epoch=4)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)


def test_evaluate_and_predict_take_streams(model):
    there = model.evaluate(X, Y, batch_size=BATCH, verbose=0)
    for name in ("Dataset of rows", "Dataset that streams", "PyDataset by threads"):
        assert model.evaluate(STREAMS[name](), verbose=0) == pytest.approx(there, rel=1e-5)
        found = model.predict(STREAMS[name](), verbose=0)
        np.testing.assert_allclose(found, model.predict(X, verbose=0), rtol=1e-5)


def test_frames_and_columns_are_arrays(model, expected):
    class Frame:  # as pandas and polars have it
        shape = X.shape

        def to_numpy(self):
            return X

    data = {"batch_size": BATCH, "shuffle": False, "validation_split": 0.2}
    np.testing.assert_allclose(losses(model, Frame(), Y, **data)[0][0], 1.75839, rtol=1e-4)
    inputs = {name: keras.Input((1,), name=name) for name in "abcd"}
    outputs = keras.layers.Dense(1)(keras.layers.Concatenate()(list(inputs.values())))
    table = keras.Model(inputs, outputs)
    table.compile("sgd", "mse")
    columns = {name: X[:, i : i + 1] for i, name in enumerate("abcd")}
    assert losses(table, columns, Y, batch_size=BATCH)[0][1] < 10


def test_validation_split_of_files_equals_that_of_arrays(model, tmp_path):
    x, y = in_hdf5(tmp_path)
    data = {"batch_size": BATCH, "shuffle": False, "validation_split": 0.2}
    weights = model.get_weights()
    there = losses(model, X, Y, **data)
    model.set_weights(weights)
    model.compile("sgd", "mse")
    np.testing.assert_allclose(losses(model, x, y, **data), there, rtol=1e-5)


def test_class_weights_count_in_streams_as_in_arrays(model):
    labels = (Y > 0).astype("float32")
    weights = model.get_weights()
    rows = Dataset.from_tensor_slices((X, labels))
    found = []
    for data in (
        {"x": X, "y": labels, "batch_size": BATCH, "shuffle": False},
        {"x": rows.batch(BATCH)},
        {"x": rows.map(lambda x, y: (x, y)).batch(BATCH)},
    ):
        model.set_weights(weights)
        model.compile("sgd", "mse")
        found.append(losses(model, **data, class_weight={0: 1.0, 1: 3.0})[0])
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-5)


def test_what_belongs_into_batches_is_refused_beside_them(model):
    for beside, match in (
        ({"y": Y}, "inside the batches"),
        ({"sample_weight": Y}, "weights inside"),
        ({"validation_split": 0.2}, "validation_data"),
    ):
        with pytest.raises(ValueError, match=match):
            model.fit(SLICES.batch(4), **beside)
    with pytest.raises(TypeError, match="yields batches"):
        model.fit(object())


def test_other_libraries_batches_are_known_by_their_names():
    class Tensor:
        def detach(self):
            return self

        cpu = detach

        def numpy(self):
            return X[:2]

    def loader():
        return iter([[Tensor(), {"a": Tensor()}]])

    torch = type("DataLoader", (), {"__iter__": lambda self: loader(), "__len__": lambda self: 1})
    torch.__module__ = "torch.utils.data.dataloader"
    batch = Stream(torch()).first()
    np.testing.assert_array_equal(batch.x, X[:2])
    np.testing.assert_array_equal(batch.y["a"], X[:2])

    tf = type(
        "BatchDataset",
        (),
        {"cardinality": lambda self: -1, "as_numpy_iterator": lambda self: iter(parts())},
    )
    tf.__module__ = "tensorflow.python.data.ops"
    stream = Stream(tf())
    assert stream.steps is None
    assert len(list(stream.take(6))) == 6


def test_a_hugging_face_table_is_cut_into_batches():
    class Table:
        column_names, shape = ("pixels", "label"), (50, 2)

        def with_format(self, kind):
            return self

        def __len__(self):
            return 50

        def __getitem__(self, rows):
            return {"pixels": X[rows], "label": Y[rows]}

    Table.__module__ = "datasets.arrow_dataset"
    stream = Stream(intake._tables(Table(), BATCH, shuffle=True))
    found = list(stream.take(None))
    assert [len(batch.x) for batch in found] == [16, 16, 16, 2]
    rows = np.concatenate([batch.x for batch in found])
    np.testing.assert_array_equal(np.sort(rows, 0), np.sort(X, 0))
    assert not np.array_equal(rows, X)


# -- Datasets on the device ------------------------------------------------------------------------

RESIDENT = {
    "plain": lambda d: d.batch(16),
    "shuffled": lambda d: d.shuffle(50, seed=3).batch(16),
    "small buffer": lambda d: d.shuffle(7, seed=3).batch(16),
    "cached, prefetched": lambda d: d.cache().shuffle(50, seed=3).batch(16).prefetch(-1),
    "dropped": lambda d: d.shuffle(50, seed=3).batch(16, drop_remainder=True),
    "part": lambda d: d.skip(3).shard(2, 1).batch(8),
    "batches shuffled": lambda d: d.batch(10).shuffle(5, seed=3),
    "repeated": lambda d: d.shuffle(50, seed=3).repeat(2).batch(16),
    "small": lambda d: d.take(5).batch(16),
}


@pytest.mark.parametrize("name", RESIDENT)
def test_rows_on_the_device_make_the_batches_that_the_dataset_makes(name, model):
    dataset = RESIDENT[name](SLICES)
    feed = intake._batches(model, RESIDENT[name](SLICES), 32)
    assert isinstance(feed, Arranged)
    for _ in range(2):
        there = [x for x, _ in dataset]
        order = feed.order(True, [])
        assert feed.steps == len(there)
        np.testing.assert_array_equal(X[order], np.concatenate(there))
        sizes = [feed.batch_size] * feed.full + [feed.odd] * bool(feed.odd)
        assert sizes == [len(x) for x in there]


def test_an_endless_dataset_on_the_device_goes_on_from_epoch_to_epoch(model):
    def made(d):
        return d.shuffle(50, seed=3).repeat().batch(16)

    feed = intake._arranged(model, made(SLICES), 5, None)
    found = np.concatenate([feed.order(True, []) for _ in range(3)])
    there = np.concatenate([x for x, _ in made(SLICES).take(15)])
    np.testing.assert_array_equal(X[found], there)


@pytest.mark.parametrize(
    "make",
    [
        lambda d: d.map(lambda x, y: (x, y)).batch(16),
        lambda d: d.batch(16).shuffle(4),  # the small batch is anywhere
        lambda d: d.batch(16).repeat(2),
        lambda d: d.repeat().batch(16),  # without steps_per_epoch
    ],
)
def test_other_datasets_stream(make, model):
    assert isinstance(intake._batches(model, make(SLICES), 32), Stream)


# -- nothing hangs ---------------------------------------------------------------------------------


class Batches(PyDataset):
    """Batches that tell which they are; endless without a size."""

    def __init__(self, size, **options):
        super().__init__(**options)
        self.size, self.hooks = size, []

    @property
    def num_batches(self):
        return self.size

    def __getitem__(self, i):
        return np.full((2, 1), i, "float32"), np.zeros((2, 1), "float32")

    def on_epoch_begin(self):
        self.hooks.append("begin")

    def on_epoch_end(self):
        self.hooks.append("end")


def numbers(batches):
    return [int(batch.x[0, 0]) for batch in batches]


@pytest.mark.skipif(not pathlib.Path("/proc/self").is_dir(), reason="looks at /proc")
def test_nothing_hangs_with_any_workers_on_an_error_or_ctrl_c():
    done = subprocess.run(
        [sys.executable, pathlib.Path(__file__).with_name("hang_matrix.py")],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # it presses Ctrl-C for its whole group
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cases = itertools.product((0, 1, 4), (False, True), (5, None), (None, 3, 7))
    assert done.stdout.splitlines() == [" ".join(map(str, case)) for case in cases]


def test_the_hooks_of_a_pydataset_are_called_once_an_epoch():
    data = Batches(5)
    stream = Stream(data, 3)
    assert numbers(stream.take(3)) + numbers(stream.take(3)) == [0, 1, 2, 3, 4, 0]
    assert data.hooks == ["begin", "end"] * 2


def test_a_generator_that_runs_out_is_told_and_not_waited_for():
    stream = Stream(iter(parts()), 6)
    with pytest.warns(UserWarning, match="ran out"):
        assert len(list(stream.take(6))) == 4


def test_a_pass_without_batches_is_an_error_and_an_empty_second_pass_a_warning():
    with pytest.raises(ValueError, match="empty"):
        Stream(Dataset.range(0).batch(2)).first()
    once = iter(parts())

    class Once:
        def __iter__(self):
            return once

    with pytest.warns(UserWarning, match="ran out"):
        assert len(list(Stream(Once(), 9).take(9))) == 4


MEASURED = {
    "arrays": lambda: (X, Y),
    "rows": lambda: SLICES.batch(BATCH),
    "a Dataset": lambda: SLICES.map(lambda x, y: (x, y)).batch(BATCH),
    "a Dataset of unknown length": lambda: SLICES.filter(lambda x, y: True).batch(BATCH),
    "a PyDataset": Numbered,
    "threads": lambda: Numbered(workers=2),
}


@pytest.mark.parametrize("name", MEASURED)
def test_part_of_the_samples_is_the_same_part_in_each_validation(name, model):
    model.optimizer.learning_rate = 0.0
    options = {"validation_steps": 2, "epochs": 3, "batch_size": BATCH, "verbose": 0}
    found = model.fit(X, Y, validation_data=MEASURED[name](), **options).history["val_loss"]
    expected = model.evaluate(X[: 2 * BATCH], Y[: 2 * BATCH], verbose=0)
    np.testing.assert_allclose(found, 3 * [expected], rtol=1e-5)


@pytest.mark.parametrize("name", MEASURED)
def test_nothing_is_measured_twice_however_many_steps_are_asked_for(name, model):
    data, options = MEASURED[name](), {"batch_size": BATCH, "steps": 9, "verbose": 0}
    data, labels = data if isinstance(data, tuple) else (data, None)
    with pytest.warns(UserWarning, match="ran out"):
        found = model.evaluate(data, labels, **options)
    np.testing.assert_allclose(found, model.evaluate(X, Y, verbose=0), rtol=1e-5)
    if labels is None:
        with pytest.warns(UserWarning, match="ran out"):
            assert len(model.predict(data, **options)) == len(X)


class Endless(Numbered):
    num_batches = None


@pytest.mark.parametrize("make", [lambda: SLICES.batch(BATCH).repeat(), Endless])
def test_what_has_no_end_is_not_measured_to_its_end(make, model):
    for measure in (model.evaluate, model.predict):
        with pytest.raises(ValueError, match="without an end"):
            measure(make(), verbose=0)
    with pytest.raises(ValueError, match="validation_steps"):
        model.fit(X, Y, validation_data=make(), verbose=0)


def test_nothing_is_read_beyond_the_steps_of_the_epochs():
    read = []

    def endless():
        for i in itertools.count():
            read.append(i)
            yield parts()[0]

    stream = Stream(endless(), 3)
    for _ in range(2):
        list(stream.take(3))
    assert len(read) == 6


def test_the_order_of_numbered_batches_is_mixed_by_fit_and_repeats(model):
    keras.utils.set_random_seed(3)
    first = Stream(Batches(20), shuffle=True)
    orders = [numbers(first.take(None)) for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(20))
    assert orders[0] != orders[1]
    keras.utils.set_random_seed(3)
    assert numbers(Stream(Batches(20, workers=3), shuffle=True).take(None)) == orders[0]


# -- position --------------------------------------------------------------------------------------

POSITIONED = {
    "Dataset": lambda: (
        Dataset.range(60).shuffle(60, seed=1).map(lambda x: (x[None], x[None])).batch(4)
    ),
    "endless": lambda: Dataset.range(7).shuffle(7, seed=1).repeat().map(lambda x: x[None]).batch(4),
    "PyDataset": lambda: Batches(9),
    "threads": lambda: Batches(9, workers=2),
}


@pytest.mark.parametrize("taken", [(5,), (6, 6), (6, 4), (6, 6, 6)])
@pytest.mark.parametrize("name", POSITIONED)
def test_a_stream_goes_on_with_the_next_batch(name, taken):
    one = Stream(POSITIONED[name](), 6, shuffle=True)
    one.first()
    for count in taken:
        list(one.take(count))
    position = json.loads(json.dumps(one.position()))
    rest = [batch.x.tolist() for batch in one.take(8)]
    other = Stream(POSITIONED[name](), 6, shuffle=True)
    other.first()
    other.restore(position)
    assert [batch.x.tolist() for batch in other.take(8)] == rest


def test_rows_on_the_device_go_on_with_the_same_order(model):
    def made():
        dataset = Dataset.from_tensor_slices((X, Y)).shuffle(50, seed=1).batch(16)
        return intake._batches(model, dataset, 32)

    one = made()
    orders = [one.order(True, []) for _ in range(2)]
    position = json.loads(json.dumps(one.position()))
    other = made()
    other.restore(position)
    np.testing.assert_array_equal(other.order(True, []), orders[1])
    np.testing.assert_array_equal(other.order(True, []), one.order(True, []))


def test_a_generator_has_no_position():
    stream = Stream(iter(parts()))
    list(stream.take(2))
    assert stream.position() is None


# -- waiting ---------------------------------------------------------------------------------------


def test_fit_says_how_long_the_device_waited(model, capsys):
    model.fit(SLICES.batch(16).map(lambda x, y: (x, y)), verbose=3)
    model.fit(SLICES.batch(16), verbose=3)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("waited")]
    assert len(said) == 2
    assert "% of" in said[0]
    assert "0.0 %" in said[1]


def test_waiting_is_counted_only_while_the_device_has_nothing_to_do():
    def idle(done):
        slow, began = threading.Event(), threading.Event()

        def source():
            yield parts()[0]
            began.set()
            slow.wait(30)
            yield parts()[1]

        class Result:
            def is_ready(self):
                if began.is_set():
                    slow.set()
                return done

        stream = Stream(source())
        batches = stream.take(2)
        next(batches)
        stream.dispatched([Result()])
        next(batches)
        assert told(stream)
        return stream.idle

    assert idle(done=False) == 0
    assert idle(done=True) > 0


def test_batches_are_on_the_device_before_they_are_due():
    stream = Stream(Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x, y)).batch(16))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(list(stream.take(None))))


# -- more than memory ------------------------------------------------------------------------------


@pytest.mark.skipif("KERAUNOS_LARGE" not in os.environ, reason="KERAUNOS_LARGE=1 reads 4 GiB")
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_memory_map_of_4_gib_trains_in_less_than_1_gib(tmp_path, shuffle):
    faulthandler.dump_traceback_later(1800, exit=True)  # a minute where nobody else is
    program = f"""
    import resource, sys
    import numpy as np
    import keraunos as keras

    rows, width = 1 << 20, 1024
    with open({str(tmp_path / "x")!r}, "wb") as file:
        file.truncate(rows * width * 4)  # a file of zeros that takes no room
    x = np.memmap({str(tmp_path / "x")!r}, np.float32, "r", shape=(rows, width))
    y = np.zeros((rows, 1), np.float32)
    model = keras.Sequential([keras.Input((width,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=1024, verbose=0, shuffle={shuffle})
    sys.exit(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >= 1 << 20)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert done.returncode == 0
