"""Pipelines that tf.data and our Dataset both understand; what tf.data made of them is recorded.

`python -m tests.tables.datasets` in an environment with TensorFlow writes the record anew.
"""
# ruff: noqa: E501 - a pipeline is a line

import json
import pathlib

import numpy as np

EXPECTED = pathlib.Path(__file__).with_name("datasets_expected.json")

A = np.arange(6, dtype="float32").reshape(3, 2)

# name: D is the class Dataset, S TensorSpec.
PIPELINES = {
    "slices of a list": "D.from_tensor_slices([[1, 2], [3, 4]])",
    "slices of floats": "D.from_tensor_slices([1.5, 2.5])",
    "slices of float64": "D.from_tensor_slices(np.ones(2))",
    "slices of a list of arrays": "D.from_tensor_slices([np.ones(3), np.zeros(3)])",
    "slices of a tuple": "D.from_tensor_slices((A, [0, 1, 2]))",
    "slices of a dict": "D.from_tensor_slices({'b': [1, 2], 'a': ([3, 4], A[:2])})",
    "slices with None": "D.from_tensor_slices(([1, 2], None))",
    "slices of big integers": "D.from_tensor_slices([1, 2 ** 40])",
    "slices of booleans": "D.from_tensor_slices([True, False])",
    "tensors": "D.from_tensors(([1, 2], 3.0))",
    "range": "D.range(2, 9, 3)",
    "range down": "D.range(5, 1, -2)",
    "range of floats": "D.range(3, output_type='float32')",
    "range of nothing": "D.range(3, 3)",
    "generator": "D.from_generator(lambda: iter([(1, 2.0)]), output_types=('int32', 'float32'))",
    "generator with arguments": "D.from_generator(lambda n: iter(range(n)), output_signature=S((), 'int32'), args=(3,))",
    "generator of lists": "D.from_generator(lambda: iter([[1], [2, 3]]), output_signature=S((None,), 'int64'))",
    "generator with shapes": "D.from_generator(lambda: iter([([1], 2)]), ('int32', 'int32'), ((1,), ()))",
    "zip": "D.zip((D.range(3), D.range(5)))",
    "zip of several": "D.zip(D.range(3), D.range(3), D.range(4))",
    "zip of a dict": "D.zip({'a': D.range(3), 'b': (D.range(5), D.range(7, 9))})",
    "batch": "D.range(10).batch(3)",
    "batch without the rest": "D.range(10).batch(3, drop_remainder=True)",
    "batch of tuples": "D.from_tensor_slices((A, [0, 1, 2])).batch(2)",
    "batch of batches": "D.range(10).batch(2).batch(3)",
    "batch of dicts": "D.from_tensor_slices({'a': [1, 2, 3]}).batch(2)",
    "batch after map": "D.range(5).map(lambda x: x * 2).batch(2)",
    "batch of repeated": "D.range(3).repeat(2).batch(4)",
    "repeated batches": "D.range(3).batch(2).repeat(2)",
    "repeat nothing": "D.range(3).repeat(0)",
    "repeat after filter": "D.range(5).filter(lambda x: x > 2).repeat(2)",
    "take from endless": "D.range(3).repeat().take(7)",
    "take from endless batches": "D.range(3).repeat().batch(2).take(3)",
    "take all": "D.range(4).take(-1)",
    "take none": "D.range(4).take(0)",
    "take too many": "D.range(4).take(9)",
    "take after map": "D.range(9).map(lambda x: x + 1).take(2)",
    "skip": "D.range(5).skip(2)",
    "skip all": "D.range(4).skip(-1)",
    "skip too many": "D.range(4).skip(10)",
    "skip after map": "D.range(5).map(lambda x: x + 1).skip(3)",
    "skip into repetitions": "D.range(3).map(lambda x: x).repeat(3).skip(4)",
    "shard": "D.range(10).shard(3, 1)",
    "shard after map": "D.range(10).map(lambda x: x * x).shard(4, 3)",
    "shard of batches": "D.range(10).batch(2).shard(2, 1)",
    "map": "D.from_tensor_slices((A, [0, 1, 2])).map(lambda x, y: (x + 1, y, {'z': y}))",
    "map to a list": "D.range(2).map(lambda x: [x, x])",
    "map to a float": "D.range(2).map(lambda x: 1.0)",
    "map to an int": "D.range(2).map(lambda x: 1)",
    "map of a dict": "D.from_tensor_slices({'a': [1, 2]}).map(lambda d: d['a'] * 2)",
    "map in parallel": "D.range(100).map(lambda x: x * x, num_parallel_calls=4)",
    "map in parallel, in any order": "D.range(20).map(lambda x: x * x, num_parallel_calls=4).reduce(np.int64(0), lambda s, x: s + x)",
    "filter": "D.range(10).filter(lambda x: x % 3 == 0)",
    "filter of tuples": "D.zip(D.range(4), D.range(4)).filter(lambda x, y: x > 1)",
    "enumerate": "D.from_tensor_slices([7, 8]).enumerate(5)",
    "enumerate batches": "D.range(4).batch(3).enumerate()",
    "concatenate": "D.range(2).concatenate(D.range(5, 7))",
    "concatenate other shapes": "D.range(4).batch(2).concatenate(D.range(3).batch(3))",
    "unbatch": "D.range(10).batch(3).unbatch()",
    "unbatch tuples": "D.from_tensor_slices((A, [0, 1, 2])).batch(2).unbatch()",
    "rebatch": "D.range(7).batch(2).rebatch(3)",
    "flat_map": "D.range(3).flat_map(lambda x: D.range(x))",
    "interleave": "D.range(1, 6).interleave(lambda x: D.from_tensors(x).repeat(6), cycle_length=2, block_length=4)",
    "interleave one by one": "D.range(1, 5).interleave(lambda x: D.range(x), cycle_length=3)",
    "interleave in parallel": "D.range(1, 5).interleave(lambda x: D.range(x), cycle_length=3, num_parallel_calls=2)",
    "window": "D.range(7).window(3).flat_map(lambda w: w.batch(3))",
    "sliding window": "D.range(7).window(3, shift=1).flat_map(lambda w: w.batch(3))",
    "window with strides": "D.range(7).window(3, shift=2, stride=2).flat_map(lambda w: w.batch(3))",
    "full windows": "D.range(7).window(3, shift=2, stride=2, drop_remainder=True).flat_map(lambda w: w.batch(3))",
    "windows far apart": "D.range(10).window(2, shift=4).flat_map(lambda w: w.batch(2))",
    "windows of tuples": "D.zip(D.range(4), D.range(4)).window(3).flat_map(lambda a, b: D.zip(a.batch(3), b.batch(3)))",
    "padded_batch": "D.range(1, 5).map(lambda x: D.range(x).batch(9).get_single_element()).padded_batch(3)",
    "padded_batch to a size": "G([[1], [2, 3], [4]]).padded_batch(2, padded_shapes=[4], padding_values=np.int64(-1))",
    "padded_batch of tuples": "D.zip(G([[1], [2, 3], [4]]), D.range(3)).padded_batch(2, padded_shapes=([None], []))",
    "padded_batch without the rest": "G([[1], [2, 3], [4]]).padded_batch(2, drop_remainder=True)",
    "reduce": "D.range(5).reduce(np.int64(0), lambda s, x: s + x)",
    "reduce tuples": "D.zip(D.range(5), D.range(5)).reduce(np.int64(0), lambda s, x: s + x[0] * x[1])",
    "scan": "D.range(5).scan(np.int64(0), lambda s, x: (s + x, s * x))",
    "take_while": "D.range(9).take_while(lambda x: x < 3)",
    "unique": "D.from_tensor_slices([1, 2, 1, 3, 2]).unique()",
    "choose": "D.choose_from_datasets([D.range(3), D.range(10, 13)], D.range(2).repeat(5))",
    "choose on": "D.choose_from_datasets([D.range(3), D.range(10, 15)], D.range(2).repeat(9), stop_on_empty_dataset=False)",
    "sample one": "D.sample_from_datasets([D.range(3), D.range(10, 13)], weights=[0.0, 1.0]).filter(lambda x: x > 0)",
    "buckets": "G([[0], [1, 2, 3, 4], [5, 6, 7], [7, 8, 9, 10, 11], [1, 1, 1, 1, 1, 1], [21, 22]]).bucket_by_sequence_length(lambda e: L(e), [3, 5], [2, 2, 2])",
    "buckets to the boundary": "G([[0], [1, 2, 3], [21, 22]]).bucket_by_sequence_length(lambda e: L(e), [3, 6], [2, 2, 2], pad_to_bucket_boundary=True)",
    "groups": "D.range(10).group_by_window(key_func=lambda x: x % 3, reduce_func=lambda k, d: d.batch(5), window_size=2)",
    "counter": "D.counter(start=2, step=3).take(3)",
    "cache": "D.range(3).map(lambda x: x + 1).cache().repeat(2)",
    "prefetch": "D.range(3).map(lambda x: x + 1).prefetch(2)",
    "prefetch by itself": "D.range(3).batch(2).prefetch(-1)",
    "apply": "D.range(3).apply(lambda d: d.map(lambda x: x + 1))",
    "shuffle is sorted": "D.range(8).shuffle(3, seed=1).batch(8).map(lambda x: x.shape[0] if x.shape[0] else 8)",
    "single element": "D.range(5).batch(9).get_single_element()",
    "endless": "D.range(5).repeat().skip(12).take(4)",
    "options": "D.range(2).with_options(D.range(2).options())",
}


def plain(value):
    """Return elements as JSON can hold them, with dtypes."""
    if isinstance(value, tuple):
        return ["tuple", *map(plain, value)]
    if isinstance(value, dict):
        return ["dict", *([key, plain(one)] for key, one in value.items())]
    if value is None:
        return None
    array = np.asarray(value)
    return [str(array.dtype), array.tolist()]


def outcome(made):
    """Return what a pipeline gives: elements, cardinality."""
    if not hasattr(made, "as_numpy_iterator"):
        return {"value": plain(made)}
    found = [plain(one) for one in made.as_numpy_iterator()]
    return {"elements": found, "cardinality": int(made.cardinality())}


def names(dataset, spec, length):
    """Return what the expressions see."""

    def of_lists(values):
        return dataset.from_generator(lambda: iter(values), output_signature=spec((None,), "int64"))

    return {"D": dataset, "S": spec, "A": A, "np": np, "G": of_lists, "L": length}


def record():
    """Write what tf.data makes of all this."""
    import tensorflow as tf

    scope = names(tf.data.Dataset, tf.TensorSpec, lambda e: tf.shape(e)[0])
    scope["np"] = np
    found = {name: outcome(eval(text, scope)) for name, text in PIPELINES.items()}
    EXPECTED.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    record()
