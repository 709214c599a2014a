"""Dataset gives what tf.data gives, from arrays, streams and after being interrupted."""

import json
import math
import subprocess
import sys
import threading

import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables import datasets as table

from keraunos.data import INFINITE_CARDINALITY, Dataset, DatasetSpec, TensorSpec

RECORDED = json.loads(table.EXPECTED.read_text())
SCOPE = table.names(Dataset, TensorSpec, len)


def values(dataset):
    return [np.asarray(one).tolist() for one in dataset]


@pytest.mark.parametrize("name", table.PIPELINES)
def test_elements_and_cardinality_equal_those_of_tf_data(name):
    found = table.outcome(eval(table.PIPELINES[name], dict(SCOPE)))
    assert json.loads(json.dumps(found)) == RECORDED[name]


# -- order -----------------------------------------------------------------------------------------


def streaming(dataset):
    """The same elements, behind a step that no index arithmetic sees through."""
    return dataset.map(lambda *parts: parts if len(parts) > 1 else parts[0])


@pytest.mark.parametrize("buffer", [1, 3, 10, 50])
@pytest.mark.parametrize("make", [lambda d: d, streaming])
def test_shuffle_keeps_every_element_and_never_looks_past_its_buffer(make, buffer):
    found = values(make(Dataset.range(20)).shuffle(buffer, seed=1))
    assert sorted(found) == list(range(20))
    assert all(value < place + buffer for place, value in enumerate(found))


@pytest.mark.parametrize("make", [lambda d: d, streaming])
def test_each_pass_has_an_order_of_its_own_unless_told_otherwise(make):
    again = make(Dataset.range(20)).shuffle(20, seed=3)
    assert len({tuple(values(again)) for _ in range(3)}) == 3
    same = make(Dataset.range(20)).shuffle(20, seed=3, reshuffle_each_iteration=False)
    assert len({tuple(values(same)) for _ in range(3)}) == 1
    twice = values(again.repeat(2))
    assert sorted(twice[:20]) == sorted(twice[20:]) == list(range(20))
    assert twice[:20] != twice[20:]
    assert values(same.repeat(2)) == 2 * values(same)


def test_arithmetic_and_streaming_shuffle_with_a_full_buffer_are_equally_even():
    counts = np.zeros((4, 4))
    for dataset in (Dataset.range(4).shuffle(9, seed=0), streaming(Dataset.range(4)).shuffle(9)):
        for _ in range(400):
            counts[range(4), values(dataset)] += 1
    assert abs(counts / 800 - 0.25).max() < 0.08


def test_set_random_seed_repeats_orders_without_a_seed():
    def orders():
        np.random.seed(5)
        dataset = Dataset.range(30).shuffle(30)
        return values(dataset) + values(dataset)

    assert orders() == orders()


def test_repeated_shuffles_are_arithmetic_and_equal_streaming_ones():
    def made(change):
        return change(Dataset.range(7).shuffle(7, seed=2)).repeat().batch(3).take(9)

    for one, other in zip(made(lambda d: d), made(streaming), strict=True):
        assert one.tolist() == other.tolist()


def test_sampling_follows_the_weights():
    zeros, ones = (Dataset.from_tensors(n).repeat() for n in (0, 1))
    found = Dataset.sample_from_datasets([zeros, ones], weights=[0.2, 0.8], seed=1).take(2000)
    assert abs(np.mean(values(found)) - 0.8) < 0.04
    every = values(Dataset.sample_from_datasets([Dataset.range(5), Dataset.range(10, 15)], seed=0))
    assert sorted(every) == [*range(5), *range(10, 15)]


def test_rejection_resampling_comes_near_the_target():
    data = Dataset.from_tensor_slices(np.arange(4000) % 10 == 0)
    found = data.rejection_resample(lambda one: int(one), [0.5, 0.5], seed=0)
    assert abs(np.mean([kind for kind, _ in found]) - 0.5) < 0.05


# -- position --------------------------------------------------------------------------------------

RESUMED = {
    "rows": lambda: Dataset.range(23).shuffle(23, seed=1).batch(4),
    "small buffer": lambda: Dataset.range(23).shuffle(5, seed=1).batch(4),
    "no seed": lambda: Dataset.range(23).shuffle(23).batch(4),
    "repeated": lambda: Dataset.range(5).shuffle(5, seed=1).repeat(6).batch(4),
    "endless": lambda: Dataset.range(5).shuffle(5, seed=1).repeat().batch(4).take(11),
    "map": lambda: Dataset.range(23).shuffle(23, seed=1).map(lambda x: x * 2).batch(4),
    "map by threads": lambda: streaming(Dataset.range(23)).map(np.square, num_parallel_calls=3),
    "filter": lambda: Dataset.range(40).shuffle(9, seed=1).filter(lambda x: x % 2 == 0).batch(3),
    "streamed shuffle": lambda: streaming(Dataset.range(23)).shuffle(6, seed=1).batch(4),
    "streamed repeat": lambda: streaming(Dataset.range(5).shuffle(5, seed=1)).repeat(4).batch(3),
    "unknown repeat": lambda: Dataset.range(9).filter(lambda x: x > 3).shuffle(9, 1).repeat(3),
    "zip": lambda: Dataset.zip(Dataset.range(9).shuffle(9, seed=1), Dataset.range(9)).batch(2),
    "concatenate": lambda: Dataset.range(9).shuffle(9, 1).concatenate(Dataset.range(9).shuffle(9)),
    "window": lambda: Dataset.range(20).window(4, shift=2).flat_map(lambda w: w.batch(4)),
    "interleave": lambda: Dataset.range(1, 6).interleave(Dataset.range, cycle_length=3),
    "prefetch": lambda: streaming(Dataset.range(23).shuffle(23, seed=1)).prefetch(4),
    "cache": lambda: streaming(Dataset.range(9)).cache().shuffle(9, seed=1).repeat(2),
    "sample": lambda: Dataset.sample_from_datasets(
        [Dataset.range(9), Dataset.range(9, 18)], seed=1
    ),
    "enumerate": lambda: streaming(Dataset.range(20)).enumerate().shard(2, 1),
}


@pytest.mark.parametrize("name", RESUMED)
def test_an_iterator_goes_on_where_another_one_was(name):
    dataset = RESUMED[name]()
    list(dataset.take(1000))  # a pass before: the next one has other orders
    whole = dataset.iterator()
    start = [next(whole) for _ in range(4)]
    state = json.loads(json.dumps(whole.state()))
    rest = list(whole)
    found = list(RESUMED[name]().iterator(state))  # another process makes it anew
    assert len(start) == 4
    assert rest
    assert json.dumps(table.plain(tuple(found))) == json.dumps(table.plain(tuple(rest)))


def test_the_pass_after_a_resumed_one_is_the_next_one():
    dataset = Dataset.range(9).shuffle(9, seed=1)
    first = dataset.iterator()
    state = first.state()
    list(first)
    second = values(dataset)
    again = Dataset.range(9).shuffle(9, seed=1)
    list(again.iterator(state))
    assert values(again) == second


# -- functions of elements -------------------------------------------------------------------------


def test_jax_arrays_and_ops_are_welcome_in_map():
    found = next(iter(Dataset.range(4).batch(4).map(lambda x: jnp.sqrt(x * x))))
    assert type(found) is np.ndarray
    assert found.tolist() == [0, 1, 2, 3]


def test_parallel_map_keeps_the_order_and_uses_several_threads():
    meeting = threading.Barrier(2, timeout=30)

    def together(x):
        meeting.wait()  # breaks if there is but one thread
        return x

    found = Dataset.range(8).map(together, num_parallel_calls=2)
    assert values(found) == list(range(8))


def test_parallel_map_in_any_order_has_the_same_elements():
    found = values(Dataset.range(500).map(lambda x: x, num_parallel_calls=3, deterministic=False))
    assert sorted(found) == list(range(500))


def fails_at_three(x):
    if x == 3:
        raise KeyError("three")
    return x


@pytest.mark.parametrize("options", [{}, {"num_parallel_calls": 2}])
@pytest.mark.parametrize("after", [lambda d: d, lambda d: d.prefetch(2), lambda d: d.batch(2)])
def test_an_error_comes_out_with_its_own_traceback(options, after):
    found = after(Dataset.range(6).map(fails_at_three, **options))
    with pytest.raises(KeyError, match="three") as caught:
        list(found)
    assert "fails_at_three" in [entry.name for entry in caught.traceback]


@pytest.mark.parametrize("options", [{}, {"num_parallel_calls": 2}])
def test_ignore_errors_leaves_elements_out(options):
    found = Dataset.range(6).map(fails_at_three, **options).ignore_errors()
    assert values(found) == [0, 1, 2, 4, 5]


def test_elements_can_be_changed_in_place_without_touching_the_source():
    array = np.zeros((4, 2))
    for one in Dataset.from_tensor_slices(array).batch(2):
        one += 1
    for one in Dataset.from_tensor_slices(array):
        one += 1
    cached = Dataset.from_tensors(array).map(lambda x: x + 0).cache()
    windows = Dataset.from_tensor_slices(array).window(3, shift=1).flat_map(lambda w: w)
    for dataset in (cached, Dataset.from_tensors(array), windows):
        for one in dataset.repeat(2):
            assert (one == 0).all()
            one += 1
    assert (array == 0).all()


# -- what elements look like ---------------------------------------------------------------------

SPECS = {
    "D.range(9)": TensorSpec((), "int64"),
    "D.range(9).batch(3)": TensorSpec((None,), "int64"),
    "D.range(9).batch(3, drop_remainder=True)": TensorSpec((3,), "int64"),
    "D.range(9).batch(3).unbatch()": TensorSpec((), "int64"),
    "D.range(9).batch(2).shuffle(4).map(lambda x: x / 2)": TensorSpec((None,), "float64"),
    "D.from_tensor_slices({'a': A, 'b': ['x', 'y', 'z']})": {
        "a": TensorSpec((2,), "float32"),
        "b": TensorSpec((), "string"),
    },
    "D.from_tensors(A).repeat(3).enumerate()": (
        TensorSpec((), "int64"),
        TensorSpec((3, 2), "float32"),
    ),
    "D.range(4).batch(2).concatenate(D.range(9).batch(3, drop_remainder=True))": TensorSpec(
        (None,), "int64"
    ),
    "G([[1], [2, 3]])": TensorSpec((None,), "int64"),
    "D.from_tensors((A, 1)).repeat(3).padded_batch(2)": (
        TensorSpec((None, 3, 2), "float32"),
        TensorSpec((None,), "int32"),
    ),
    "D.range(0).batch(3).padded_batch(2, drop_remainder=True)": TensorSpec((2, None), "int64"),
    "D.range(9).batch(3).padded_batch(2, [5])": TensorSpec((None, 5), "int64"),
    "D.zip({'a': D.range(9)}).batch(2).window(4)": {"a": DatasetSpec(TensorSpec((None,), "int64"))},
    "(lambda d: d.concatenate(d))(D.range(9).window(4).enumerate().batch(2))": (
        TensorSpec((None,), "int64"),
        DatasetSpec(TensorSpec((), "int64")),
    ),
    "G([[1], [2, 3]]).bucket_by_sequence_length(L, [2], [2, 2])": TensorSpec((None, None), "int64"),
    "D.range(9).flat_map(lambda n: D.range(n + 1).batch(2))": TensorSpec((None,), "int64"),
    "D.range(9).batch(2).flat_map(lambda x: D.from_tensors(x))": TensorSpec((None,), "int64"),
    "D.range(9).interleave(lambda n: D.range(n + 1).batch(2))": TensorSpec((None,), "int64"),
}


@pytest.mark.parametrize("text", SPECS)
def test_element_spec(text):
    assert eval(text, dict(SCOPE)).element_spec == SPECS[text]


def test_elements_of_unknown_number_have_no_end_when_they_are_repeated():
    some = Dataset.range(9).filter(lambda x: x > 3)
    assert some.repeat().cardinality() == INFINITE_CARDINALITY
    assert some.repeat().take(3).cardinality() == 3
    assert some.repeat(0).cardinality() == 0
    assert some.repeat(2).cardinality() == some.cardinality()


def test_looking_at_the_spec_is_no_pass():
    dataset = Dataset.range(9).shuffle(9, seed=1).map(lambda x: x)
    other = Dataset.range(9).shuffle(9, seed=1).map(lambda x: x)
    assert dataset.element_spec == TensorSpec((), "int64")
    assert values(dataset) == values(other)


# -- caches and files ----------------------------------------------------------------------------


def test_a_cache_reads_its_parent_once(tmp_path):
    for name in ("", tmp_path / "cache"):
        calls = []
        dataset = Dataset.range(5).map(lambda x, calls=calls: calls.append(x) or x).cache(name)
        next(iter(dataset))  # a pass that is not complete keeps nothing
        assert [values(dataset) for _ in range(3)] == 3 * [[0, 1, 2, 3, 4]]
        assert len(calls) == 6


def test_a_cache_file_has_any_structure_and_is_whole_or_absent(tmp_path):
    def rows():
        yield {"a": np.arange(3.0), "b": (b"\0x\0", "é", None)}, np.float16(2)
        yield {"a": np.arange(2), "b": (b"", "", None)}, jnp.bfloat16(3)

    file = tmp_path / "cache"
    dataset = Dataset.from_generator(rows).cache(file)
    iterator = iter(dataset)
    next(iterator)
    assert not file.exists()
    del iterator
    first = list(dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    found = list(Dataset.from_generator(lambda: 1 / 0).cache(file))
    assert repr(found) == repr(first)
    assert found[1][1].dtype == jnp.bfloat16


def test_save_and_load(tmp_path):
    dataset = Dataset.from_tensor_slices((np.arange(6).reshape(3, 2), ["a", "b", "c"]))
    dataset.save(tmp_path / "saved")
    loaded = Dataset.load(tmp_path / "saved")
    assert table.outcome(loaded) == table.outcome(dataset)
    assert len(loaded) == 3


def test_list_files(tmp_path):
    for name in "cab":
        (tmp_path / f"{name}.txt").touch()
    found = Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    assert [path[-5] for path in found] == ["a", "b", "c"]
    assert len(Dataset.list_files([str(tmp_path / "a*"), str(tmp_path / "b*")])) == 2


# -- errors ----------------------------------------------------------------------------------------

WRONG = {
    "D.from_tensor_slices((np.ones(3), np.ones(4)))": (ValueError, "one length"),
    "D.from_tensor_slices(3)": (ValueError, "first axis"),
    "D.from_tensor_slices([[1], [2, 3]])": (ValueError, "padded_batch"),
    "D.from_generator([1, 2])": (TypeError, "lambda"),
    "list(D.from_generator(lambda: iter([[1]]), output_signature=S((3,), 'int32')))": (
        ValueError,
        r"shape \(3,\)",
    ),
    "list(D.from_generator(lambda: iter(['a']), output_signature=S((), 'int32')))": (
        TypeError,
        "int32",
    ),
    "list(D.from_generator(lambda: iter([1]), output_signature=(S(()), S(()))))": (
        TypeError,
        "from_generator",
    ),
    "D.zip()": (TypeError, "datasets"),
    "D.zip([1, 2], D.range(2))": (TypeError, "Dataset"),
    "D.range(5).batch(0)": (ValueError, "at least 1"),
    "D.range(5).batch(2.5)": (ValueError, "an integer"),
    "D.range(5).batch('a')": (ValueError, "an integer"),
    "D.from_tensors({'a': A}).padded_batch(2, {'b': [None]}).element_spec": (ValueError, "1 parts"),
    "D.sample_from_datasets([D.range(2)] * 2, [1.0])": (ValueError, "2 weights"),
    "D.sample_from_datasets([D.range(2)] * 2, [1.0, -1.0])": (ValueError, "2 weights"),
    "D.range(5).shuffle(0)": (ValueError, "at least 1"),
    "D.range(5).window(0)": (ValueError, "at least 1"),
    "D.range(5).prefetch(-2)": (ValueError, "AUTOTUNE"),
    "D.range(5).shard(3, 3)": (ValueError, "from 0 to 2"),
    "len(D.range(5).repeat())": (TypeError, "infinite"),
    "len(D.range(5).filter(lambda x: True))": (TypeError, "nobody knows"),
    "list(D.range(5).filter(lambda x: x))": (TypeError, "True or False"),
    "list(D.range(5).flat_map(lambda x: [x]))": (TypeError, "Dataset"),
    "list(G([[1], [2, 3]]).batch(2))": (ValueError, "padded_batch"),
    "list(G([[1], [2, 3]]).padded_batch(2, [1]))": (ValueError, "at most"),
    "list(G([[1], [2, 3]]).padded_batch(2, [1, 2]))": (ValueError, "1 sizes"),
    "list(G([[1]]).padded_batch(2, padding_values=0.5))": (TypeError, "padding value"),
    "list(D.zip(D.range(2), D.range(2)).padded_batch(2, ([], [], [])))": (ValueError, "2 parts"),
    "list(D.range(3).unbatch())": (ValueError, "first axis"),
    "list(D.from_tensor_slices(['ab', 'c']).rebatch(2))": (ValueError, "first axis"),
    "D.range(3).get_single_element()": (ValueError, "several"),
    "D.range(0).get_single_element()": (ValueError, "none"),
    "D.range(2).concatenate(D.from_tensor_slices([1.0])).element_spec": (TypeError, "alike"),
    "list(D.choose_from_datasets([D.range(3)], D.range(5)))": (ValueError, "from 0 to 0"),
    "D.range(3).group_by_window(lambda x: 0, lambda k, d: d)": (ValueError, "window_size"),
    "D.range(3).bucket_by_sequence_length(L, [3, 2], [1, 1, 1])": (ValueError, "rising"),
    "D.list_files('/nowhere/*.x')": (FileNotFoundError, "nowhere"),
    "D.load('/nowhere')": (FileNotFoundError, "Dataset.save"),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_use_is_named_in_six_lines(text):
    kind, match = WRONG[text]
    with pytest.raises(kind, match=match) as caught:
        eval(text, dict(SCOPE))
    assert str(caught.value).count("\n") < 6


# -- what it is for --------------------------------------------------------------------------------


def test_the_room_is_importable_without_jax():
    code = "import keraunos.data, sys; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_rows_of_endless_length_take_no_room():
    found = Dataset.range(10**12).skip(5).shard(7, 1).batch(2)
    assert next(iter(found)).tolist() == [6, 13]
    assert len(found) == math.ceil(math.ceil((10**12 - 6) / 7) / 2)


def test_rows_are_read_from_files_in_one_direction():
    reads = []

    class Column:
        shape, dtype = (100, 2), np.dtype("int64")
        __module__ = "h5py"

        def __getitem__(self, rows):
            reads.append(rows)
            return np.arange(200).reshape(100, 2)[rows]

    Column.__module__ = "h5py._hl.dataset"
    found = Dataset.from_tensor_slices(Column()).shuffle(100, seed=1).batch(10)
    assert sorted(np.concatenate(list(found))[:, 0].tolist()) == list(range(0, 200, 2))
    assert all((np.diff(rows) > 0).all() for rows in reads)


def test_rows_that_are_made_when_they_are_read_are_cached_and_read_ahead():
    class Pictures:  # as those of image_dataset_from_directory
        shape, dtype = (6, 2), np.dtype("float32")
        reads: list = []

        def at(self, rows):
            self.reads.extend(rows.tolist())
            return np.zeros((len(rows), 2), "float32")

    dataset = Dataset.from_tensor_slices((Pictures(), np.arange(6))).batch(2)
    assert dataset.prefetch(2) is not dataset
    cached = dataset.cache()
    assert len(list(cached)) == len(list(cached)) == 3
    assert Pictures.reads == list(range(6))
    rows = Dataset.range(6).batch(2)
    assert rows.prefetch(2) is rows
    assert rows.cache() is rows
