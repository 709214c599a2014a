"""Dataset: a pipeline of data, in the manner of tf.data, on NumPy alone."""

from __future__ import annotations

import builtins
import math
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import caching, combining, files, grouping, index, sources, steps
from keraunos.data import spec as specs
from keraunos.data.chance import Chance
from keraunos.data.parallel import AUTOTUNE, workers_of
from keraunos.data.pipeline import DatasetIterator, Options, Pipeline
from keraunos.data.structure import at_least, caller, columns, element, length, mapped, stacked

Function = Callable[..., Any]


class Dataset(Pipeline):
    """Elements that come one after another: arrays, or tuples and dictionaries of them.

    Methods return another Dataset and read nothing. As long as all is arithmetic on row numbers
    (slices, `shuffle`, `batch`, `take`, `repeat` ...) a batch is one gather from the arrays, and
    `fit` keeps them on the device; from the first `map` or `filter` on, elements stream.

    Example:
        >>> import keraunos as keras
        >>> data = keras.data.Dataset.from_tensor_slices(([1.0, 2.0, 3.0], [0, 1, 0]))
        >>> for x, y in data.map(lambda x, y: (x * 10, y)).batch(2):
        ...     print(x, y)
        [10. 20.] [0 1]
        [30.] [0]
    """

    # -- where elements come from ------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """Return the rows of arrays.

        Args:
            tensors: an array, or a tuple or dictionary of them, (elements, ...); memory maps and
                h5py datasets stay on the disk.

        Raises:
            ValueError: arrays of several lengths, or lists of rows of several lengths.
        """
        arrays = columns(tensors, "from_tensor_slices")
        count = length(arrays, "from_tensor_slices")
        return _of_rows(index.Rows(arrays, index.straight(count)))

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """Return one element: all of the arrays."""
        return _listed([mapped(element, columns(tensors, "from_tensors"))])

    @staticmethod
    def from_generator(
        generator: Function,
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
    ) -> Dataset:
        """Return what a generator function yields; it is called anew for each pass.

        Args:
            generator: without arguments, or with `args`.
            output_types, output_shapes: dtypes and shapes of what is yielded, the older form.
            output_signature: a structure of `TensorSpec`s; values are cast to it and checked.
                Without either, elements are what they are.

        Raises:
            TypeError: the generator cannot be called.
        """
        signature = sources.signature(output_signature, output_types, output_shapes)
        open_ = sources.generated(generator, tuple(args or ()), signature)
        return Dataset(open_, None, None if signature is None else lambda: signature)

    @staticmethod
    def range(*args: int, output_type: Any = "int64") -> Dataset:
        """Return the numbers of Python's `range(stop)` or `range(start, stop, step)`."""
        numbers = index.Progression(builtins.range(*map(int, args)), specs.dtype_name(output_type))
        return _of_rows(index.Rows(numbers, index.straight(numbers.shape[0])))

    @staticmethod
    def counter(start: int = 0, step: int = 1, dtype: Any = "int64") -> Dataset:
        """Return start, start + step, ... without end."""
        return Dataset(sources.counted(start, step, np.dtype(dtype)), math.inf)

    @staticmethod
    def random(seed: int | None = None, rerandomize_each_iteration: bool | None = None) -> Dataset:
        """Return random integers from 0 to 2**32 - 1, without end."""
        return Dataset(sources.random(Chance(seed, bool(rerandomize_each_iteration))), math.inf)

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool | None = None, seed: Any = None) -> Dataset:
        """Return the paths of files that match patterns, shuffled unless told otherwise.

        Raises:
            FileNotFoundError: there are none.
        """
        found = Dataset.from_tensor_slices(np.asarray(files.matching(file_pattern)))
        return found if shuffle is False else found.shuffle(len(found), seed)

    @staticmethod
    def load(path: Any) -> Dataset:
        """Return the elements that `save` wrote."""
        file = pathlib.Path(os.fspath(path)) / files.ELEMENTS
        return Dataset(steps.replayed(lambda run: caching.read(file)), files.saved_count(path))

    # -- several together --------------------------------------------------------------------------

    @staticmethod
    def zip(*args: Any, datasets: Any = None) -> Dataset:
        """Return tuples (or dictionaries) of the elements of several datasets, up to the shortest.

        Raises:
            TypeError: something that is not a Dataset.
        """
        given = datasets if datasets is not None else args[0] if len(args) == 1 else args
        given = tuple(given) if isinstance(given, list) else given
        parts = combining.checked(given, "zip")
        rows = combining.zipped_rows(given)
        if rows is not None:
            return _of_rows(rows)
        count = combining.least([one._count for one in parts])
        return Dataset(
            combining.zipped(given), count, lambda: mapped(lambda one: one.element_spec, given)
        )

    @staticmethod
    def choose_from_datasets(
        datasets: Any, choice_dataset: Dataset, stop_on_empty_dataset: bool = True
    ) -> Dataset:
        """Return in turn the next element of the dataset that `choice_dataset` names."""
        parts = combining.checked(list(datasets), "choose_from_datasets")
        open_ = combining.chosen(parts, choice_dataset._open, stop_on_empty_dataset)
        return Dataset(open_, None, lambda: specs.merged([one.element_spec for one in parts]))

    @staticmethod
    def sample_from_datasets(
        datasets: Any,
        weights: Any = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> Dataset:
        """Return elements of datasets that are drawn by lot.

        Args:
            weights: (datasets,) how likely each is, or a Dataset of such; equal by default.
        """
        parts = combining.checked(list(datasets), "sample_from_datasets")
        chance = Chance(seed, rerandomize_each_iteration is not False)
        open_ = combining.drawn(parts, weights, chance, stop_on_empty_dataset)
        return Dataset(open_, None, lambda: specs.merged([one.element_spec for one in parts]))

    def concatenate(self, dataset: Dataset) -> Dataset:
        """Return these elements, then those of another dataset."""
        open_ = combining.concatenated(self._open, self._count, dataset._open)
        count = combining.total([self._count, dataset._count])
        both = (self, dataset)
        return Dataset(open_, count, lambda: specs.merged([one.element_spec for one in both]))

    def interleave(
        self,
        map_func: Function,
        cycle_length: int | None = None,
        block_length: int | None = None,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """Return elements of the datasets that `map_func` makes, several read in turn.

        Args:
            map_func: element -> Dataset.
            cycle_length: how many are read at the same time; by default as many as processors.
            block_length: how many elements of each in turn, 1 by default.
            num_parallel_calls: given, each is read ahead by a thread of its own; the order stays.
        """
        cycle, block = workers_of("cycle_length", cycle_length), block_length or 1
        threads = num_parallel_calls is not None
        open_ = combining.interleaved(self._open, map_func, cycle, block, threads)
        return Dataset(open_, None, lambda: self._inner_spec(map_func))

    def flat_map(self, map_func: Function) -> Dataset:
        """Return the elements of the datasets that `map_func` makes, one after another."""
        open_ = combining.flattened(self._open, map_func)
        return Dataset(open_, None, lambda: self._inner_spec(map_func))

    def _inner_spec(self, map_func: Function) -> Any:
        example = self._example()
        inner = combining.dataset_of(caller(map_func)(example), "flat_map")
        return specs.loosened(inner.element_spec, self.element_spec, example)

    # -- functions of elements ---------------------------------------------------------------------

    def map(
        self,
        map_func: Function,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        use_processes: bool = False,
    ) -> Dataset:
        """Return what a function makes of each element.

        Args:
            map_func: takes an element (a tuple as several arguments) as NumPy arrays, and returns
                one; arrays of JAX are welcome.
            num_parallel_calls: threads that call it; AUTOTUNE for as many as processors.
            deterministic: whether the order stays, which it does by default.
            use_processes: processes instead of threads: for functions in pure Python.
        """
        if num_parallel_calls is None and not use_processes:
            open_ = steps.mapped(self._open, map_func)
        else:
            size = workers_of("num_parallel_calls", num_parallel_calls)
            ordered = deterministic is not False
            open_ = steps.mapped_by(self._open, map_func, size, ordered, use_processes)

        def describe() -> Any:
            example = self._example()
            found = specs.spec_of(element(caller(map_func)(example)))
            return specs.loosened(found, self.element_spec, example)

        return Dataset(open_, self._count, describe)

    def filter(self, predicate: Function) -> Dataset:
        """Return the elements of which a function says True."""
        return self._alike(steps.filtered(self._open, predicate), None)

    def take_while(self, predicate: Function) -> Dataset:
        """Return the elements before the first of which a function says False."""
        return self._alike(steps.taken_while(self._open, predicate), None)

    def scan(self, initial_state: Any, scan_func: Function) -> Dataset:
        """Return what `(state, element) -> (state, output)` puts out, from element to element."""
        return Dataset(steps.scanned(self._open, initial_state, scan_func), self._count)

    def reduce(self, initial_state: Any, reduce_func: Function) -> Any:
        """Return the last state of `(state, element) -> state`."""
        state = element(initial_state)
        for one in self:
            state = element(reduce_func(state, one))
        return state

    def apply(self, transformation_func: Function) -> Dataset:
        """Return what a function of this dataset returns."""
        return combining.dataset_of(transformation_func(self), "apply")

    def ignore_errors(self, log_warning: bool = False) -> Dataset:
        """Leave out elements that raise."""
        return self._alike(steps.forgiving(self._open, log_warning), None)

    # -- which elements, in which order ------------------------------------------------------------

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Dataset:
        """Return the elements in an order by lot.

        Args:
            buffer_size: how many wait to be drawn; as many as there are for an even order.
            seed: of the order.
            reshuffle_each_iteration: whether each pass has another one.
        """
        size = self._count if buffer_size == steps.UNKNOWN else buffer_size
        size = (1 << 62) if size in (None, math.inf) else at_least("buffer_size", size, 1)
        chance = Chance(seed, reshuffle_each_iteration is not False)
        if self._rows is not None:
            order = self._rows.index.shuffle(size, chance)
            if order is not None:
                return self._with(order)
        return self._alike(steps.shuffled(self._open, size, chance), self._count)

    def take(self, count: int) -> Dataset:
        """Return the first `count` elements; all for -1."""
        count = int(count)
        if count < 0:
            return self
        if self._rows is not None:
            return self._with(self._rows.index.take(count))
        left = None if self._count is None else min(count, self._count)
        return self._alike(steps.taken(self._open, count), left)

    def skip(self, count: int) -> Dataset:
        """Return the elements after the first `count`; none for -1."""
        count = int(count)
        if self._rows is not None:
            return self._with(self._rows.index.skip(count))
        if count < 0:
            return self.take(0)
        left = None if self._count is None else max(0, self._count - count)
        return self._alike(steps.skipped(self._open, count), left)

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Return every `num_shards`-th element, from number `index` on.

        Raises:
            ValueError: an index that is not from 0 to num_shards - 1.
        """
        if not 0 <= index < num_shards:
            expected = f"an index from 0 to {num_shards - 1}"
            raise ValueError(errors.report("shard", expected=expected, got=index))
        if self._rows is not None:
            return self._with(self._rows.index.shard(int(num_shards), int(index)))
        left = self._count
        if left is not None and left != math.inf:
            left = max(0, -(-(left - index) // num_shards))
        return self._alike(steps.sharded(self._open, int(num_shards), int(index)), left)

    def repeat(self, count: int | None = None) -> Dataset:
        """Return the elements `count` times, or without end."""
        times = math.inf if count is None or count < 0 else int(count)
        if self._rows is not None:
            return self._with(self._rows.index.repeat(times))
        # Without end also where nobody knows the length: of nothing, nobody asks for more.
        once = 1 if self._count is None and times == math.inf else self._count
        total = once and once * times if times else 0
        return self._alike(steps.repeated(self._open, times, self._count), total)

    def unique(self) -> Dataset:
        """Return each element once."""
        return self._alike(steps.distinct(self._open), None)

    def enumerate(self, start: int = 0) -> Dataset:
        """Return (number, element)."""
        number = specs.TensorSpec((), "int64")
        open_ = steps.counted(self._open, int(start))
        return Dataset(open_, self._count, lambda: (number, self.element_spec))

    def rejection_resample(
        self, class_func: Function, target_dist: Any, initial_dist: Any = None, seed: Any = None
    ) -> Dataset:
        """Return (class, element), some left out, so that classes come in given shares.

        Args:
            class_func: element -> number of its class.
            target_dist, initial_dist: (classes,) the shares wanted, and those there are.
        """
        chance = Chance(seed)
        open_ = grouping.resampled(self._open, class_func, target_dist, initial_dist, chance)
        return Dataset(open_, None)

    # -- batches -----------------------------------------------------------------------------------

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """Return elements stacked in batches.

        Args:
            batch_size: elements a batch.
            drop_remainder: whether a last batch that is smaller is left out.
        """
        size = at_least("batch_size", batch_size, 1)
        axis = size if drop_remainder else None
        spec = lambda: specs.with_axis(self.element_spec, axis)  # noqa: E731
        if self._rows is not None and self._rows.batch is None:
            even = drop_remainder or self._count == math.inf or not self._count % size  # pyright: ignore
            order = self._rows.index.batch(size, drop_remainder)
            rows = index.Rows(self._rows.columns, order, size, bool(even))
            return _of_rows(rows, spec)
        open_ = steps.batched(self._open, size, drop_remainder, stacked)
        return Dataset(open_, self._batches(size, drop_remainder), spec)

    def _batches(self, size: int, drop: bool) -> float | None:
        if self._count is None or self._count == math.inf:
            return self._count
        return self._count // size if drop else -(-self._count // size)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
    ) -> Dataset:
        """Return elements of several sizes in batches, filled up.

        Args:
            batch_size, drop_remainder: as in `batch`.
            padded_shapes: a shape, or a structure of them as the elements have; None stands for the
                largest of the batch.
            padding_values: what to fill up with, or a structure of it; 0 and "" by default.

        Raises:
            ValueError: an element that is larger than the shape.
            TypeError: a value of another kind than the array.
        """
        size = at_least("batch_size", batch_size, 1)
        join = grouping.padder(padded_shapes, padding_values)
        open_ = steps.batched(self._open, size, drop_remainder, join)
        batch = size if drop_remainder else None

        def describe() -> Any:
            return specs.with_axis(grouping.padded_spec(self.element_spec, padded_shapes), batch)

        return Dataset(open_, self._batches(size, drop_remainder), describe)

    def unbatch(self) -> Dataset:
        """Return the elements of batches."""
        return Dataset(
            steps.unbatched(self._open), None, lambda: specs.without_axis(self.element_spec)
        )

    def rebatch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Return batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def window(
        self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False
    ) -> Dataset:
        """Return datasets of `size` neighbouring elements; of tuples, tuples of datasets.

        Args:
            size: elements a window.
            shift: how far the next window begins after this one, `size` by default.
            stride: how far apart the elements are.
            drop_remainder: whether windows that are not full are left out.
        """
        size, stride = at_least("size", size, 1), at_least("stride", stride, 1)
        step = size if shift is None else at_least("shift", shift, 1)
        parts = steps.windows(self._open, size, step, stride, drop_remainder)
        open_ = lambda run, skip: builtins.map(_columns_listed, parts(run, skip))  # noqa: E731
        span = (size - 1) * stride if drop_remainder else 0
        count = self._count
        if count is not None and count != math.inf:
            count = max(0, -(-(count - span) // step))
        return Dataset(open_, count, lambda: mapped(specs.DatasetSpec, self.element_spec))

    def group_by_window(
        self,
        key_func: Function,
        reduce_func: Function,
        window_size: int | None = None,
        window_size_func: Function | None = None,
    ) -> Dataset:
        """Collect elements by key, and return those of what `reduce_func` makes of each group.

        Args:
            key_func: element -> integer.
            reduce_func: (key, Dataset of the group) -> Dataset.
            window_size, window_size_func: how large a group gets, for all or by key.

        Raises:
            ValueError: not exactly one of the last two.
        """
        if (window_size is None) == (window_size_func is None):
            expected = "window_size or window_size_func"
            raise ValueError(errors.report("group_by_window", expected=expected))
        size_of = window_size_func or (lambda key: window_size)
        open_ = grouping.grouped(self._open, key_func, reduce_func, size_of, _listed)

        def describe() -> Any:
            example = self._example()
            group = Dataset(steps.listed([example]), 1, lambda: self.element_spec)
            found = reduce_func(np.int64(caller(key_func)(example)), group)
            return combining.dataset_of(found, "group_by_window").element_spec

        return Dataset(open_, None, describe)

    def bucket_by_sequence_length(
        self,
        element_length_func: Function,
        bucket_boundaries: list[int],
        bucket_batch_sizes: list[int],
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
    ) -> Dataset:
        """Return batches of elements of similar length.

        Args:
            element_length_func: element -> length.
            bucket_boundaries: rising lengths, each the first of the next bucket.
            bucket_batch_sizes: one more.
            pad_to_bucket_boundary: fill up to the longest length of the bucket, not of the batch.
        """
        bounds = grouping.edges(bucket_boundaries, bucket_batch_sizes)
        measure = caller(element_length_func)

        def key_of(*parts: Any) -> int:
            one = parts[0] if len(parts) == 1 else parts
            return int(np.searchsorted(bounds, int(measure(one)), side="right"))

        def reduce(key: Any, group: Dataset) -> Dataset:
            size, shapes = bucket_batch_sizes[int(key)], padded_shapes
            if no_padding:
                return group.batch(size, drop_remainder)
            if pad_to_bucket_boundary:
                shapes = grouping.boundary_shapes(self.element_spec, bounds, int(key), shapes)
            return group.padded_batch(size, shapes, padding_values, drop_remainder)

        return self.group_by_window(
            key_of, reduce, window_size_func=lambda key: bucket_batch_sizes[int(key)]
        )

    # -- speed -------------------------------------------------------------------------------------

    def cache(self, filename: Any = "") -> Dataset:
        """Keep what the first complete pass finds, in memory or in a file."""
        rows = self._rows
        if rows is not None and rows.in_memory and rows.index.fixed and not os.fspath(filename):
            return self  # each pass copies the same rows
        keep = caching.in_file(self._open, filename) if filename else caching.in_memory(self._open)
        return self._alike(keep, self._count)

    def prefetch(self, buffer_size: int) -> Dataset:
        """Let a thread make elements ahead of whoever reads them.

        Args:
            buffer_size: how many; AUTOTUNE for a few. Where elements are only rows of arrays in
                memory there is nothing to do ahead, and no thread is made.
        """
        if buffer_size < AUTOTUNE:
            expected = "a size from 0 on, or AUTOTUNE"
            raise ValueError(errors.report("prefetch", expected=expected, got=buffer_size))
        if buffer_size == 0 or (self._rows is not None and self._rows.in_memory):
            return self
        size = 4 if buffer_size == AUTOTUNE else int(buffer_size)
        if self._rows is not None and self._rows.batch is not None:
            return self._alike(self._rows.ahead(size), self._count)
        return self._alike(steps.read_ahead(self._open, size), self._count)

    def options(self) -> Options:
        """Return settings of tf.data; there is nothing to set."""
        return Options()

    def with_options(self, options: Any) -> Dataset:
        """Return the same dataset: what tf.data would be told, this one does by itself."""
        return self

    # -- out ---------------------------------------------------------------------------------------

    def as_numpy_iterator(self) -> DatasetIterator:
        """Return an iterator over elements as NumPy arrays, which they are."""
        return self.iterator()

    def get_single_element(self) -> Any:
        """Return the only element.

        Raises:
            ValueError: there is none, or there are several.
        """
        found = list(self.take(2))
        if len(found) != 1:
            got = "several" if found else "none"
            raise ValueError(errors.report("get_single_element", expected="one element", got=got))
        return found[0]

    def save(self, path: Any) -> None:
        """Write the elements to a folder, for `load`."""
        files.save(iter(self), pathlib.Path(os.fspath(path)))

    # -- small parts -------------------------------------------------------------------------------

    def _with(self, order: index.Index) -> Dataset:
        assert self._rows is not None
        rows, spec = self._rows, lambda: self.element_spec
        again = index.Rows(rows.columns, order, rows.batch, rows.even, last=rows.batch is None)
        return _of_rows(again, spec)

    def _alike(self, open_: steps.Open, count: float | None) -> Dataset:
        return Dataset(open_, count, lambda: self.element_spec, self._example)


def _of_rows(rows: index.Rows, spec: Callable[[], Any] | None = None) -> Dataset:
    def open_(run: Any, skip: int) -> Iterator[Any]:
        return rows.elements(run, skip)

    def describe() -> Any:
        full = specs.spec_of(
            mapped(lambda one: specs.TensorSpec(one.shape, one.dtype), rows.columns)
        )
        return specs.without_axis(full)

    return Dataset(open_, rows.index.count, spec or describe, rows=rows)


def _listed(elements: list[Any]) -> Dataset:
    return Dataset(steps.listed(elements), len(elements))


def _columns_listed(elements: list[Any]) -> Any:
    """Return a dataset of elements; of tuples and dictionaries, a structure of datasets."""
    return mapped(lambda *parts: _listed(list(parts)), *elements)
