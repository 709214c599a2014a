"""`keraunos.preprocessing.sequence`: windows of a time series, pairs of neighbouring words."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data.pydataset import PyDataset
from keraunos.utils.arrays import pad_sequences

__all__ = [
    "TimeseriesGenerator",
    "make_sampling_table",
    "pad_sequences",
    "skipgrams",
    "timeseries_generator_from_json",
]

_GAMMA = 0.577  # Euler's constant, to the three digits that Keras computes with
_NAMES = ("length", "sampling_rate", "stride", "start_index", "end_index", "shuffle", "reverse")


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series, each with the value that follows it.

    Args:
        data: (steps, ...), consecutive.
        targets: (steps, ...), one a step.
        length: steps that a window spans.
        sampling_rate: take each so many-th step of a window.
        stride: steps between two windows.
        start_index, end_index: steps outside of them are not used.
        shuffle: draw the windows at random, instead of in order.
        reverse: put the last step of a window first.
        batch_size: windows in a batch.
        kwargs: for `PyDataset`.

    Raises:
        ValueError: another number of targets than of steps, or no room for a window.

    Example:
        >>> windows = TimeseriesGenerator(np.arange(6), np.arange(6), length=2, batch_size=2)
        >>> windows[0]
        (array([[0, 1], [1, 2]]), array([2, 3]))
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = "TimeseriesGenerator"
        if len(data) != len(targets):
            got = f"{len(data)} steps, {len(targets)} targets"
            raise ValueError(errors.report(where, expected="a target for each step", got=got))
        self.data, self.targets = data, targets
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            expected = f"more steps than length={length} from {start_index} to {self.end_index}"
            raise ValueError(errors.report(where, expected=expected, got=f"{len(data)} steps"))

    def __len__(self) -> int:
        step = self.batch_size * self.stride
        return (self.end_index - self.start_index + step) // step

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            step = self.batch_size * self.stride
            first = self.start_index + step * index
            rows = np.arange(first, min(first + step, self.end_index + 1), self.stride)
        if isinstance(self.data, np.ndarray):
            samples = self.data[rows[:, None] + np.arange(-self.length, 0, self.sampling_rate)]
        else:
            rate = self.sampling_rate
            samples = np.array([self.data[row - self.length : row : rate] for row in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), targets

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; data and targets as JSON.

        Raises:
            TypeError: they are no lists of numbers.
        """
        config = {name: _as_json(getattr(self, name), name) for name in ("data", "targets")}
        return config | {name: getattr(self, name) for name in (*_NAMES, "batch_size")}

    def to_json(self, **kwargs: Any) -> str:
        """Return the generator as JSON, data and all.

        Args:
            kwargs: for `json.dumps`.
        """
        saved = {"class_name": "TimeseriesGenerator", "config": self.get_config()}
        return json.dumps(saved, **kwargs)


def timeseries_generator_from_json(json_string: str) -> TimeseriesGenerator:
    """Return a `TimeseriesGenerator` from the JSON that it, or Keras's, wrote.

    Example:
        >>> windows = TimeseriesGenerator([1, 2, 3], [4, 5, 6], length=1)
        >>> timeseries_generator_from_json(windows.to_json()).start_index
        1
    """
    config = dict(json.loads(json_string)["config"])
    data, targets = json.loads(config.pop("data")), json.loads(config.pop("targets"))
    config["start_index"] -= config["length"]  # what is written is where the first window ends
    return TimeseriesGenerator(data, targets, **config)


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """Return, for each rank, the probability of keeping a word: frequent ones are kept less.

    Args:
        size: the number of ranks.
        sampling_factor: t of the paper.

    Frequencies follow Zipf's law. Mikolov et al.: Distributed representations of words and
    phrases and their compositionality, 2013, equation 5.

    Example:
        >>> make_sampling_table(3)
        array([0.00315225, 0.00315225, 0.00547597])
    """
    rank = np.arange(size)
    rank[:1] = 1
    inverse = rank * (np.log(rank) + _GAMMA) + 0.5 - 1.0 / (12.0 * rank)
    share = sampling_factor * inverse
    return np.minimum(1.0, share / np.sqrt(share))


def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Return pairs of words: neighbours with the label 1, others at random with the label 0.

    Args:
        sequence: word numbers; 0 is no word, and is left out.
        vocabulary_size: the largest number, plus one.
        window_size: how far a neighbour may be, on each side.
        negative_samples: random pairs for each pair of neighbours.
        shuffle: whether the pairs are in random order.
        categorical: whether labels are [0, 1] and [1, 0].
        sampling_table: by number, the probability of keeping a word; see `make_sampling_table`.
        seed: of the order. The words are drawn by Python's `random`.

    Example:
        >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
        ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    words = list(sequence)
    couples = []
    for i, word in enumerate(words):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        near = range(max(0, i - window_size), min(len(words), i + window_size + 1))
        couples += [[word, words[j]] for j in near if j != i and words[j]]
    labels: list[Any] = [[0, 1] if categorical else 1 for _ in couples]
    if negative_samples > 0:
        count = int(len(couples) * negative_samples)
        first = [word for word, _ in couples]
        random.shuffle(first)
        couples += [
            [first[i % len(first)], random.randint(1, vocabulary_size - 1)] for i in range(count)
        ]
        labels += [[1, 0] if categorical else 0 for _ in range(count)]
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for part in (couples, labels):
            random.seed(seed)
            random.shuffle(part)
    return couples, labels


def _as_json(values: Any, name: str) -> str:
    try:
        return json.dumps(values.tolist() if isinstance(values, np.ndarray) else values)
    except TypeError as error:
        where = f"TimeseriesGenerator: {name} cannot be written as JSON"
        got = type(values).__name__
        raise TypeError(errors.report(where, expected="lists of numbers", got=got)) from error


__getattr__ = errors.missing(__name__, globals())
