"""Makes tensorflow_values.npz: each expression below, computed by the real TensorFlow.

Run it where TensorFlow 2 is installed, `python tests/compat/tensorflow_values.py`, and commit the
file: CI has no TensorFlow. `test_tensorflow_values.py` computes the same by keraunos's facade.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".npz")
_random = np.random.RandomState(0)


def lookup(tf, words):
    """Look words up in a table of two."""
    pairs = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2])
    return tf.lookup.StaticHashTable(pairs, -1).lookup(tf.constant(words))


NAMES = {
    "lookup": lookup,
    "np": np,
    "x": _random.normal(size=(3, 4)).astype("float32"),
    "y": _random.normal(size=(3, 4)).astype("float32"),
    "p": _random.uniform(0.1, 0.9, size=(3, 4)).astype("float32"),
    "k": np.array([[3, -1, 2], [0, 5, -7]], "int32"),
    "b": np.array([[True, False, True], [False, False, True]]),
    "square": (_random.normal(size=(2, 3, 3)) + 3 * np.eye(3)).astype("float32"),
    "image": _random.uniform(size=(9, 7, 3)).astype("float32"),
    "bytes_image": _random.randint(0, 256, size=(8, 6, 3)).astype("uint8"),
    "images": _random.uniform(size=(2, 8, 6, 3)).astype("float32"),
    "kernel": _random.normal(size=(3, 3, 3, 4)).astype("float32"),
    "sound": _random.normal(size=(2, 200)).astype("float32"),
    "sequence": _random.normal(size=(2, 9, 3)).astype("float32"),
    "words": np.array(["Hello, World!", "  a b  c ", "<br />Good; bad? 12.5"], object),
}

_ONE = (
    "math.abs math.acos math.asin math.atan math.ceil math.cos math.cosh math.digamma math.erf"
    " math.erfc math.exp math.expm1 math.floor math.lgamma math.log math.log1p math.negative"
    " math.reciprocal math.rint math.rsqrt math.sigmoid math.sign math.sin math.sinh math.softplus"
    " math.softsign math.sqrt math.square math.tan math.tanh math.erfinv math.log_sigmoid"
    " math.bessel_i0 math.ndtri nn.relu nn.relu6 nn.elu nn.selu nn.silu nn.leaky_relu nn.gelu"
    " nn.crelu nn.softmax nn.log_softmax identity zeros_like ones_like math.reduce_std"
    " math.reduce_variance math.reduce_logsumexp math.reduce_euclidean_norm norm nn.l2_loss"
    " math.zero_fraction round shape size rank math.is_nan"
)
_TWO = (
    "add subtract multiply divide math.divide_no_nan pow maximum minimum greater less_equal equal"
    " not_equal math.squared_difference math.atan2 math.floormod math.floordiv math.xlogy"
    " math.xdivy math.multiply_no_nan truncatemod"
)
_REDUCE = "sum mean max min prod"

_SHAPES = """
tf.reshape(x, [2, -1])
tf.reshape(x, [tf.shape(x)[1], 3])
tf.expand_dims(x, -1)
tf.squeeze(x[:, None])
tf.squeeze(x[:, None], axis=[1])
tf.transpose(x)
tf.transpose(images, [0, 3, 1, 2])
tf.concat([x, y], 0)
tf.concat([x, y], axis=-1)
tf.stack([x, y])
tf.stack([x, y], axis=-1)
tf.unstack(x, axis=1)
tf.split(x, 2, axis=1)
tf.split(x, [1, -1], 1)
tf.tile(x, [2, 1])
tf.repeat(x, 2, axis=0)
tf.repeat([1, 2, 3], [2, 0, 1])
tf.pad(x, [[1, 0], [0, 2]])
tf.pad(x, [[1, 1], [2, 2]], mode='REFLECT')
tf.pad(x, [[1, 1], [2, 2]], 'SYMMETRIC')
tf.pad(x, [[1, 1], [2, 2]], constant_values=7)
tf.roll(x, 1, axis=0)
tf.roll(x, [1, 2], axis=[0, 1])
tf.reverse(x, [0])
tf.reverse_sequence(sequence, [4, 9], seq_axis=1, batch_axis=0)
tf.broadcast_to(x[:1], [3, 4])
tf.gather(x, [2, 0])
tf.gather(x, [[1, 0]], axis=1)
tf.gather(x, [[1, 0], [2, 2], [0, 3]], batch_dims=1)
tf.gather(sequence, [[1, 0], [2, 8]], axis=1, batch_dims=1)
tf.gather_nd(x, [[0, 1], [2, 3]])
tf.gather_nd(sequence, [[1], [2]], batch_dims=1)
tf.slice(x, [1, 0], [2, -1])
tf.strided_slice(x, [0, 1], [3, 4], [2, 1])
tf.boolean_mask(x, [True, False, True])
tf.boolean_mask(k, b)
tf.where(x > 0, x, y)
tf.where(b)
tf.unique([3, 1, 3, 2, 1])
tf.unique_with_counts([3, 1, 3, 2, 1])
tf.one_hot([0, 2, 1], 3)
tf.one_hot([[0, 2], [1, -1]], 3, on_value=5.0, off_value=-1.0)
tf.one_hot([0, 2], 3, axis=0)
tf.sequence_mask([1, 3, 2])
tf.sequence_mask([1, 3], 5, dtype=tf.float32)
tf.scatter_nd([[0], [2]], [[1., 2.], [3., 4.]], [4, 2])
tf.tensor_scatter_nd_update(x, [[0, 0], [2, 3]], [9., 8.])
tf.tensor_scatter_nd_add(x, [[0], [0]], tf.ones([2, 4]))
tf.dynamic_partition(x[:, 0], [0, 1, 0], 2)
tf.dynamic_stitch([[0, 2], [1]], [[1., 2.], [3.]])
tf.meshgrid([1, 2, 3], [4, 5])
tf.meshgrid([1, 2, 3], [4, 5], indexing='ij')
tf.searchsorted([1., 3., 5.], [0., 3., 9.])
tf.searchsorted([[1., 3., 5.]], [[3., 4.]], side='right')
tf.sort(x, axis=0)
tf.sort(k, direction='DESCENDING')
tf.argsort(x)
tf.argsort(x, direction='DESCENDING')
tf.argmax(x)
tf.argmax(x, axis=-1)
tf.argmin(x, axis=1, output_type=tf.int32)
tf.zeros([2, 3])
tf.ones([2], tf.int32)
tf.fill([2, 2], 7)
tf.range(5)
tf.range(2, 9, 3)
tf.range(0, 1, 0.25)
tf.linspace(0., 1., 5)
tf.eye(3)
tf.eye(2, num_columns=3, batch_shape=[2])
tf.cast(x, tf.int32)
tf.cast(k, tf.bool)
tf.cast(b, 'float32')
tf.bitcast(x, tf.int32)
tf.saturate_cast([-5., 300.], tf.uint8)
tf.constant(3, shape=[2, 2])
tf.constant([1, 2, 3, 4], shape=[2, 2], dtype=tf.float32)
tf.convert_to_tensor([[1, 2], [3, 4]])
tf.cumsum(x, axis=1)
tf.cumsum(x, axis=0, exclusive=True)
tf.cumsum(x, axis=1, reverse=True)
tf.math.cumprod(x, axis=1, exclusive=True, reverse=True)
tf.math.cumulative_logsumexp(x, axis=1)
tf.clip_by_value(x, -0.5, 0.5)
tf.clip_by_norm(x, 1.0)
tf.clip_by_norm(x, 1.0, axes=[1])
tf.clip_by_global_norm([x, y], 2.0)
tf.linalg.global_norm([x, y])
tf.add_n([x, y, x])
tf.math.l2_normalize(x, axis=1)
tf.math.top_k(x, 2)
tf.math.in_top_k([0, 1, 2], x, 2)
tf.math.confusion_matrix([0, 1, 2, 1], [0, 2, 2, 1])
tf.math.bincount([1, 1, 3])
tf.math.bincount([1, 1, 3], weights=[1., 2., 3.], minlength=6)
tf.math.segment_sum(x, [0, 0, 1])
tf.math.segment_mean(x, [0, 0, 1])
tf.math.unsorted_segment_max(x, [1, 0, 1], 2)
tf.math.unsorted_segment_mean(x, [1, 0, 1], 2)
tf.math.count_nonzero(k, axis=0)
tf.reduce_mean([1, 2, 4, 4])
tf.reduce_sum(tf.constant([200, 100], tf.uint8))
tf.reduce_sum(x, axis=[0, 1], keepdims=True)
tf.reduce_any(b, axis=0)
tf.reduce_all(b, axis=1)
tf.reduce_logsumexp(x, axis=1)
tf.complex(x, y)
tf.abs(tf.complex(x, y))
tf.unravel_index([5, 7], [3, 4])
tf.map_fn(lambda r: r * 2, x)
tf.vectorized_map(lambda r: tf.reduce_sum(r), x)
tf.scan(lambda a, r: a + r, x)
tf.scan(lambda a, r: a * 0.5 + r, x, initializer=tf.zeros(4))
tf.foldl(lambda a, r: a + r, x)
tf.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), (0, 0))
tf.cond(tf.constant(True), lambda: 1.0, lambda: 2.0)
tf.switch_case(tf.constant(1), [lambda: 5, lambda: 6])
tf.case([(tf.constant(False), lambda: 1)], default=lambda: 2)
tf.constant(x) @ tf.transpose(y)
tf.constant(x)[..., tf.newaxis]
-tf.constant(x) ** 2 + 1
tf.constant(k) // 2
tf.constant(k) % 3
~tf.constant(b) | tf.constant(b)
tf.ragged.constant([[1, 2], [3]]).to_tensor()
tf.ragged.constant([[1, 2], [], [3]]).row_lengths()
tf.sparse.to_dense(tf.sparse.SparseTensor([[0, 1], [2, 0]], [5., 6.], [3, 2]))
tf.nest.flatten({'a': [1, 2], 'b': (3,)})
tf.nest.map_structure(lambda v: v + 1, {'a': 1, 'b': (2,)})
tf.TensorShape([2, None]).as_list()[0]
tf.TensorShape([2, 3]).num_elements()
lookup(tf, ['b', 'z'])
"""
_LINALG = """
tf.matmul(x, y, transpose_b=True)
tf.matmul(x, y, transpose_a=True)
tf.einsum('ij,kj->ik', x, y)
tf.tensordot(x, y, [[1], [1]])
tf.tensordot(x, tf.transpose(y), 1)
tf.norm(x, axis=1)
tf.norm(x, ord=1)
tf.norm(x, ord=np.inf, axis=0)
tf.norm(x, axis=[0, 1])
tf.linalg.normalize(x, axis=1)
tf.linalg.diag([1., 2.])
tf.linalg.diag_part(square)
tf.linalg.set_diag(square, tf.zeros([2, 3]))
tf.linalg.band_part(square, 1, 0)
tf.linalg.trace(square)
tf.linalg.inv(square)
tf.linalg.det(square)
tf.linalg.slogdet(square)
tf.linalg.solve(square, tf.ones([2, 3, 1]))
tf.linalg.triangular_solve(square, tf.ones([2, 3, 1]))
tf.linalg.cholesky(tf.matmul(square, square, transpose_b=True))
tf.linalg.matvec(square, tf.ones([2, 3]))
tf.linalg.matrix_transpose(square)
tf.linalg.svd(square, compute_uv=False)
tf.linalg.eigvalsh(square + tf.linalg.matrix_transpose(square))
tf.linalg.expm(square * 0.1)
tf.linalg.pinv(square)
tf.linalg.lstsq(x[:, :2], y[:, :1])
tf.linalg.cross(square[0], square[1])
tf.linalg.matrix_rank(square)
tf.signal.fft(tf.complex(x, y))
tf.signal.rfft(sound)
tf.signal.rfft(sound, [64])
tf.signal.irfft(tf.signal.rfft(sound))
tf.signal.fft2d(tf.complex(square, square))
tf.signal.frame(sound, 50, 20)
tf.signal.frame(sound, 50, 20, pad_end=True)
tf.signal.hann_window(16)
tf.signal.hamming_window(15, periodic=False)
tf.signal.stft(sound, 32, 16)
tf.signal.stft(sound, 30, 10, fft_length=64, pad_end=True)
tf.signal.linear_to_mel_weight_matrix(10, 65, 8000, 80., 3800.)
tf.signal.dct(x)
tf.signal.dct(x, norm='ortho')
tf.signal.mfccs_from_log_mel_spectrograms(x)
tf.signal.overlap_and_add(sequence, 2)
"""
_NN = """
tf.nn.conv1d(sequence, kernel[0], 1, 'SAME')
tf.nn.conv2d(images, kernel, 1, 'SAME')
tf.nn.conv2d(images, kernel, [1, 2, 2, 1], 'VALID')
tf.nn.conv2d(images, kernel, strides=2, padding=[[0, 0], [1, 1], [2, 0], [0, 0]])
tf.nn.conv2d(images, kernel, 1, 'SAME', dilations=2)
tf.nn.convolution(images, kernel, padding='SAME')
tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], 'SAME')
tf.nn.separable_conv2d(images, kernel, tf.ones([1, 1, 12, 2]), [1, 1, 1, 1], 'VALID')
tf.nn.conv2d_transpose(images, tf.transpose(kernel, [0, 1, 3, 2]), [2, 16, 12, 4], 2, 'SAME')
tf.nn.conv2d_transpose(images, tf.transpose(kernel, [0, 1, 3, 2]), [2, 17, 13, 4], 2, 'VALID')
tf.nn.max_pool2d(images, 2, 2, 'VALID')
tf.nn.max_pool2d(images, 3, 2, 'SAME')
tf.nn.max_pool(images, [1, 2, 2, 1], [1, 1, 1, 1], 'SAME')
tf.nn.avg_pool2d(images, 3, 2, 'SAME')
tf.nn.avg_pool1d(sequence, 2, 2, 'VALID')
tf.nn.space_to_depth(images, 2)
tf.nn.depth_to_space(tf.nn.space_to_depth(images, 2), 2)
tf.nn.bias_add(images, [1., 2., 3.])
tf.nn.moments(x, [0])
tf.nn.moments(images, axes=[0, 1, 2], keepdims=True)
tf.nn.batch_normalization(x, 0.1, 0.5, 1.0, 2.0, 1e-3)
tf.nn.batch_normalization(x, 0.1, 0.5, None, None, 1e-3)
tf.nn.local_response_normalization(images)
tf.nn.lrn(images, depth_radius=1, bias=2.0, alpha=0.5, beta=0.75)
tf.nn.sigmoid_cross_entropy_with_logits(labels=p, logits=x)
tf.nn.weighted_cross_entropy_with_logits(p, x, 2.0)
tf.nn.softmax_cross_entropy_with_logits(labels=p, logits=x)
tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 3, 1], logits=x)
tf.nn.log_poisson_loss(p, x)
tf.nn.log_poisson_loss(p * 5, x, compute_full_loss=True)
tf.nn.compute_average_loss(x[:, 0], global_batch_size=6)
tf.nn.embedding_lookup(x, [[0, 2], [1, 1]])
tf.nn.embedding_lookup(x, [0, 2], max_norm=0.5)
tf.nn.dropout(x, 0.0)
tf.nn.gelu(x, approximate=True)
tf.nn.leaky_relu(x, alpha=0.1)
"""
_IMAGE = """
tf.image.resize(image, [5, 5])
tf.image.resize(image, [18, 21])
tf.image.resize(bytes_image, [5, 9])
tf.image.resize(image, [4, 5], antialias=True)
tf.image.resize(image, [5, 12], method='nearest')
tf.image.resize(bytes_image, [5, 12], method='nearest')
tf.image.resize(image, [5, 12], method='bicubic')
tf.image.resize(image, [5, 12], method='bicubic', antialias=True)
tf.image.resize(image, [4, 12], method='area')
tf.image.resize(image, [4, 12], method='lanczos3')
tf.image.resize(image, [4, 12], method='lanczos5', antialias=True)
tf.image.resize(image, [4, 12], method='gaussian')
tf.image.resize(image, [4, 12], method='mitchellcubic', antialias=True)
tf.image.resize(images, [4, 12], preserve_aspect_ratio=True)
tf.image.resize(images, (8, 6))
tf.image.resize_with_pad(image, 8, 12)
tf.image.resize_with_crop_or_pad(image, 12, 4)
tf.image.convert_image_dtype(bytes_image, tf.float32)
tf.image.convert_image_dtype(image, tf.uint8)
tf.image.convert_image_dtype(image, tf.uint8, saturate=True)
tf.image.rgb_to_grayscale(image)
tf.image.rgb_to_grayscale(bytes_image)
tf.image.grayscale_to_rgb(tf.constant(image[..., :1]))
tf.image.rgb_to_hsv(image)
tf.image.hsv_to_rgb(image)
tf.image.adjust_brightness(image, 0.2)
tf.image.adjust_brightness(bytes_image, 0.2)
tf.image.adjust_contrast(image, 1.5)
tf.image.adjust_contrast(bytes_image, 0.5)
tf.image.adjust_saturation(image, 0.5)
tf.image.adjust_saturation(bytes_image, 1.5)
tf.image.adjust_hue(image, 0.2)
tf.image.adjust_hue(bytes_image, -0.3)
tf.image.adjust_gamma(image, 2.0, 0.5)
tf.image.per_image_standardization(image)
tf.image.per_image_standardization(bytes_image)
tf.image.flip_left_right(image)
tf.image.flip_up_down(images)
tf.image.rot90(image)
tf.image.rot90(image, k=3)
tf.image.transpose(image)
tf.image.crop_to_bounding_box(image, 2, 1, 4, 5)
tf.image.pad_to_bounding_box(image, 2, 1, 14, 15)
tf.image.central_crop(image, 0.5)
tf.image.central_crop(images, 0.6)
tf.image.total_variation(tf.constant(images))
tf.image.image_gradients(tf.constant(images))
tf.image.sobel_edges(tf.constant(images))
tf.image.psnr(images, images * 0.9, 1.0)
tf.image.ssim(tf.image.resize(images, [16, 16]), tf.image.resize(images, [16, 16]) * 0.8, 1.0)
tf.image.extract_patches(images, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'VALID')
tf.image.extract_patches(images, [1, 2, 2, 1], [1, 3, 3, 1], [1, 2, 2, 1], 'SAME')
tf.image.non_max_suppression([[0., 0, 1, 1], [0, 0, 1, .9], [2, 2, 3, 3]], [.9, .8, .7], 3)
tf.image.crop_and_resize(images, [[0., 0., 1., 1.], [.2, .1, .7, .9]], [0, 1], [4, 5])
tf.io.decode_png(tf.io.encode_png(bytes_image))
tf.io.decode_png(tf.io.encode_png(bytes_image), channels=1)
tf.image.decode_image(tf.io.encode_png(bytes_image), dtype=tf.float32)
"""
_TEXT = """
tf.strings.lower(words)
tf.strings.upper(words)
tf.strings.strip(words)
tf.strings.length(words)
tf.strings.length(['thé', 'a'], unit='UTF8_CHAR')
tf.strings.split(words).to_tensor()
tf.strings.split('a,b,,c', ',')
tf.strings.split(['a,b', 'c'], sep=',').to_tensor('-')
tf.strings.regex_replace(words, '<br />', ' ')
tf.strings.regex_replace(words, '[[:punct:]]', '')
tf.strings.regex_replace(words, '([a-z])o', '\\\\1_')
tf.strings.regex_replace(words, 'o', '0', replace_global=False)
tf.strings.regex_full_match(['ab1', 'x'], '[a-z]+[0-9]')
tf.strings.join([words, ['1', '2', '3']], '-')
tf.strings.join(['a', 'b'])
tf.strings.reduce_join([['a', 'b'], ['c', 'd']], axis=-1, separator='+')
tf.strings.reduce_join(['a', 'b', 'c'])
tf.strings.substr(words, 1, 4)
tf.strings.to_number(['1.5', '2'])
tf.strings.to_number(['7', '2'], tf.int32)
tf.strings.as_string([1, 2])
tf.strings.as_string([1.5, 2.25])
tf.strings.as_string([1.5, 2.25], precision=1)
tf.strings.as_string([True, False])
tf.strings.unicode_decode('thé', 'UTF-8')
tf.strings.unicode_split('thé', 'UTF-8')
tf.strings.unicode_encode([116, 104, 233], 'UTF-8')
tf.strings.bytes_split('abc')
tf.strings.to_hash_bucket_fast(['hello', 'world'], 100)
tf.strings.ngrams(['a', 'b', 'c'], 2)
tf.strings.format('{} and {}', (tf.constant([1, 2]), 3))
tf.strings.format('{}', tf.constant(1.5))
tf.constant(['a', 'b']) == 'a'
tf.constant(['a', 'b']) + 'x'
tf.equal(tf.constant(['a', 'b']), ['a', 'c'])
tf.stack([tf.constant('a'), tf.constant('b')])
tf.concat([tf.constant(['a']), tf.constant(['b', 'c'])], 0)
tf.gather(tf.constant(['a', 'b', 'c']), [2, 0])
tf.reshape(tf.constant(['a', 'b']), [2, 1])
tf.io.decode_raw(b'abcd', tf.uint8)
tf.io.decode_csv(['1,2.5,a', '3,,b'], [0, 0.0, ''])
tf.io.encode_base64('hello')
tf.io.decode_base64(tf.io.encode_base64('hello'))
"""


def expressions() -> list[str]:
    """Return all expressions; each sees the names above and `tf`."""
    one = [f"tf.{name}(p)" for name in _ONE.split()]
    two = [f"tf.{name}(x, p)" for name in _TWO.split()]
    reduced = [f"tf.reduce_{r}(x, {a})" for r in _REDUCE.split() for a in ("", "axis=1", "1, True")]
    tables = (_SHAPES, _LINALG, _NN, _IMAGE, _TEXT)
    return one + two + reduced + [line for t in tables for line in t.strip().splitlines()]


def computed(tf, text: str) -> list[np.ndarray]:
    """Return the arrays of an expression, strings as NumPy's bytes."""
    found = eval(text, NAMES | {"tf": tf})
    leaves = [found] if hasattr(found, "shape") else tf.nest.flatten(found)
    arrays = [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in leaves]
    return [a.astype("S") if a.dtype.kind in "OU" else a for a in arrays]


if __name__ == "__main__":
    import tensorflow as tf

    values, failed = {}, []
    for expression in expressions():
        try:
            for i, array in enumerate(computed(tf, expression)):
                values[f"{expression} #{i}"] = array
        except Exception as error:
            failed.append(f"{expression}: {str(error)[:200]}")
    print("\n".join(failed))
    np.savez_compressed(FILE, **values)
    print(len(values), "arrays,", FILE.stat().st_size, "bytes")
