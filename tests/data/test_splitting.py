"""split_dataset: two Datasets that share no sample, rows kept together."""

import numpy as np
import pytest

from keraunos import data, utils


def listed(dataset):
    return [tuple(map(float, np.ravel(one))) if np.ndim(one) else float(one) for one in dataset]


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ({"left_size": 0.8}, (8, 2)),
        ({"left_size": 3}, (3, 7)),
        ({"right_size": 0.3}, (7, 3)),
        ({"left_size": 0.2, "right_size": 0.5}, (2, 5)),
        ({"left_size": 2, "right_size": 3}, (2, 3)),
    ],
    ids=str,
)
def test_sizes(sizes, expected):
    x = np.arange(10.0)
    left, right = utils.split_dataset((x, -x), **sizes)
    assert (len(left), len(right)) == expected
    assert [float(a) for a, _ in left] == x[: len(left)].tolist()
    assert [float(b) for _, b in right] == (-x[-len(right) :]).tolist()


def test_rows_are_shuffled_together_and_by_the_seed():
    x = np.arange(10)
    left, right = utils.split_dataset({"a": x, "b": -x}, left_size=4, shuffle=True, seed=1)
    assert all(one["a"] == -one["b"] for one in left)
    found = [int(one["a"]) for one in left]
    assert sorted(found + [int(one["a"]) for one in right]) == x.tolist()
    again, _ = utils.split_dataset({"a": x, "b": -x}, left_size=4, shuffle=True, seed=1)
    assert [int(one["a"]) for one in again] == found != [0, 1, 2, 3]


def test_a_dataset_of_batches_gives_batches():
    dataset = data.Dataset.from_tensor_slices(np.arange(10)).batch(4)
    left, right = utils.split_dataset(dataset, left_size=0.7)
    assert [one.tolist() for one in left] == [[0, 1, 2, 3], [4, 5, 6]]
    assert [one.tolist() for one in right] == [[7, 8, 9]]
    single = utils.split_dataset(data.Dataset.range(10), right_size=2)
    assert [int(n) for n in single[1]] == [8, 9]


@pytest.mark.parametrize(
    "arrays, sizes",
    [
        (np.ones(4), {}),
        (np.ones(4), {"left_size": 1.5}),
        (np.ones(4), {"left_size": 5}),
        (np.ones(4), {"left_size": 4}),
        (np.ones(4), {"left_size": 3, "right_size": 3}),
        (np.ones(4), {"left_size": "half"}),
        ((np.ones(4), np.ones(3)), {"left_size": 2}),
    ],
    ids=str,
)
def test_what_is_refused(arrays, sizes):
    with pytest.raises(ValueError, match="split_dataset"):
        utils.split_dataset(arrays, **sizes)


def test_something_else_than_arrays():
    with pytest.raises(TypeError, match="arrays"):
        utils.split_dataset(iter([1, 2]), left_size=1)
