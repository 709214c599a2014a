"""The tensorflow facade: tensors, names, functions, tapes, and what it says of what it lacks."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos.compat import tensorflow as facade
from keraunos.compat.tensorflow._tensor import HostTensor, host


@pytest.fixture
def tf():
    yield facade.module("tensorflow")
    facade.leave()


# -- tensors


def test_arrays_have_tensorflows_methods_only_while_the_facade_is_used():
    array, symbol = jnp.ones((2, 3)), keras.Input((4,))
    facade.module("tensorflow")
    assert array.shape.as_list() == [2, 3]
    assert array.numpy().tolist() == [[1.0] * 3] * 2
    assert symbol.shape.as_list() == [None, 4]
    facade.leave()
    assert type(array.shape) is tuple
    assert type(symbol.shape) is tuple
    assert not hasattr(array, "numpy")
    assert not hasattr(symbol, "set_shape")


def test_a_shape_is_a_tuple_with_more_methods(tf):
    shape = tf.TensorShape([None, 3])
    assert isinstance(shape, tuple)
    assert (shape.rank, shape.ndims, shape.num_elements()) == (2, 2, None)
    assert shape == [None, 3]
    assert shape != (None, 4)
    assert str(shape) == "(None, 3)"
    assert repr(shape[:1]) == "TensorShape([None])"
    assert [5] + shape[1:] == [5, 3]
    assert shape.is_compatible_with([7, 3])
    # JAX writes `shape + (-1,)` of an array's shape: it stays -1.
    assert tuple(tf.zeros([2, 3]).shape[:1] + (-1,)) == (2, -1)


def test_dtypes_are_names_that_know_more(tf):
    x = tf.constant([1.0])
    assert x.dtype == tf.float32
    assert tf.float32 == x.dtype
    assert tf.as_dtype(x.dtype).is_floating
    assert tf.uint8.max == 255
    assert tf.float16.as_numpy_dtype is np.float16
    assert x.dtype != tf.int32
    assert tf.constant("a").dtype == tf.string


def test_numbers_of_a_tensor(tf):
    x = tf.constant(2.5)
    assert (float(x), int(x), bool(x), f"{x:.2f}") == (2.5, 2, True, "2.50")
    assert isinstance(x.numpy(), np.float32)
    assert isinstance(x, tf.Tensor)
    assert not isinstance(1.0, tf.Tensor)
    assert {x.ref(): 1}[x.ref()] == 1
    x.set_shape([])
    with pytest.raises(ValueError, match="set_shape"):
        x.set_shape([2])


def test_strings_are_arrays_of_bytes(tf):
    words = tf.constant(["a", "bc"])
    assert words.numpy().tolist() == [b"a", b"bc"]
    assert words.shape.as_list() == [2]
    assert words[1].numpy() == b"bc"
    assert (words == "a").numpy().tolist() == [True, False]
    assert tf.strings.join([words, words]).numpy().tolist() == [b"aa", b"bcbc"]


def test_what_is_computed_of_host_tensors_stays_on_the_host(tf):
    pixels = host(np.arange(6, dtype="uint8").reshape(2, 3))
    for found, kind in (
        (tf.cast(pixels, tf.float32) / 255.0, np.float32),
        (pixels / 255.0, np.float32),
        (tf.reduce_sum(pixels), np.uint8),
        (tf.expand_dims(pixels, 0), np.uint8),
        (tf.concat([pixels, pixels], 0), np.uint8),
        (tf.one_hot(pixels[0], 3), np.float32),
        (tf.image.resize(pixels[..., None], [4, 4]), np.float32),
    ):
        assert isinstance(found, HostTensor)
        assert found.view(np.ndarray).dtype == kind
    assert isinstance(pixels * tf.ones([2, 3]), jax.Array)


def test_sizes_are_numbers_inside_a_compiled_function(tf):
    @jax.jit
    def flat(x):
        batch = tf.shape(x)[0]
        return tf.reshape(x, [batch, -1]) + tf.zeros((batch, 1)) / tf.cast(batch, tf.float32)

    assert flat(jnp.ones((2, 3, 4))).shape == (2, 12)


def test_symbolic_tensors_get_a_node(tf):
    x = keras.Input((4,))
    y = tf.reduce_mean(tf.nn.relu(x) * 2.0, axis=1, keepdims=True)
    batch = tf.shape(x)[0]
    z = tf.concat([tf.reshape(x, [batch * 2, 2]), tf.ones([batch * 2, 1])], axis=-1)
    noise = tf.random.normal([batch, 3])
    model = keras.Model(x, [y, z, noise])
    mean, whole, drawn = model(jnp.array([[1.0, -1.0, 3.0, 0.0]]))
    assert mean.tolist() == [[2.0]]
    assert whole.tolist() == [[1.0, -1.0, 1.0], [3.0, 0.0, 1.0]]
    assert drawn.shape == (1, 3)


# -- names


@pytest.mark.parametrize(
    "name, hint",
    [
        ("reduce_men", "'reduce_mean'"),
        ("matrix_norm", "keras.ops"),
        ("math.norm", "tensorflow.linalg.norm"),
        ("nn.conv4d", "'conv3d'"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(tf, name, hint):
    *rooms, last = name.split(".")
    room = tf
    for part in rooms:
        room = getattr(room, part)
    with pytest.raises(AttributeError) as caught:
        getattr(room, last)
    text = str(caught.value)
    assert f"tensorflow.{name}" in text
    assert hint in text
    assert len(text.splitlines()) <= 6


def test_an_unknown_module_is_not_found():
    with pytest.raises(ModuleNotFoundError, match=r"tensorflow\.tpu"):
        facade.module("tensorflow.tpu")
    assert not facade.offers("tensorflow.tpu")
    assert facade.offers("tensorflow.compat.v1")


def test_every_module_can_be_made(tf):
    from keraunos.compat.tensorflow import _modules

    for name in _modules.tables():
        made = facade.module(name)
        assert all(
            value is not None
            for key, value in vars(made).items()
            if not key.startswith("__") and key != "newaxis"
        ), name


def test_names_of_tensorflow_1(tf):
    v1 = facade.module("tensorflow.compat.v1")
    assert float(v1.reduce_mean([1.0, 3.0], reduction_indices=0)) == 2.0
    assert v1.to_float(tf.constant(1)).dtype == tf.float32
    assert tf.log(1.0) == 0.0  # at the top, as old programs have it
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    with tf.Session(config=config) as session:
        assert session.run(tf.constant(3)) == 3
        assert session.run(tf.global_variables_initializer()) is None
        with pytest.raises(RuntimeError, match=r"K\.function"):
            session.run(keras.Input((1,)))
    with pytest.raises(RuntimeError, match=r"keras\.Input"):
        v1.placeholder(tf.float32, [None, 3])


def test_devices_and_strategies_are_harmless(tf):
    assert tf.config.list_physical_devices("CPU")[0].device_type == "CPU"
    assert tf.config.list_physical_devices("GPU") == []
    tf.config.experimental.set_memory_growth(None, True)
    with tf.device("/GPU:0"):
        assert float(tf.ones([])) == 1.0
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    with strategy.scope():
        losses = strategy.run(lambda x: x * 2, args=(tf.constant(1.0),))
    assert float(strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)) == 2.0


# -- variables, functions, tapes


def test_variables(tf):
    v = tf.Variable([1, 2], name="v")
    assert v.dtype == tf.int32
    assert v.assign_add([1, 1]) is v
    assert (v + 1).numpy().tolist() == [3, 4]
    assert v.read_value().numpy().tolist() == [2, 3]
    v.scatter_nd_update([[0]], [9])
    assert v.numpy().tolist() == [9, 3]
    assert tf.Variable(lambda: tf.ones([2])).shape == [2]


def test_a_layer_tracks_tensorflows_variables(tf):
    class Scale(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.factor = tf.Variable(2.0)

        def call(self, x):
            return x * self.factor

    layer = Scale()
    assert layer(jnp.ones(2)).numpy().tolist() == [2.0, 2.0]
    assert layer.trainable_variables == [layer.factor]


def test_function_compiles_once_a_signature(tf):
    traces = []
    total = tf.Variable(0.0)

    @tf.function
    def add(x, times=1):
        traces.append(times)
        total.assign_add(tf.reduce_sum(x) * times)
        return {"total": total, "kind": "sum", "x": x}

    assert float(add(tf.ones([2]))["total"]) == 2.0
    count = len(traces)
    assert float(add(tf.ones([2]))["total"]) == 4.0
    assert len(traces) == count
    assert add(np.ones(3, "float32"), times=2)["kind"] == "sum"
    assert float(total) == 10.0
    assert len(traces) > count


def test_function_is_a_method_and_nests(tf):
    class Counter(tf.Module):
        def __init__(self):
            super().__init__()
            self.count = tf.Variable(0)

        @tf.function
        def next(self):
            self.count.assign_add(1)
            return self.count

    first, second = Counter(), Counter()

    @tf.function
    def both():
        return first.next() + second.next()

    assert int(first.next()) == 1
    assert int(both()) == 3
    assert (int(first.count), int(second.count)) == (2, 1)
    assert first.trainable_variables == (first.count,)


def test_function_draws_anew_at_each_call_and_follows_the_seed(tf):
    draw = tf.function(lambda: tf.random.normal([3]))

    def two():
        tf.random.set_seed(3)
        return [draw().tolist() for _ in range(2)]

    first, second = two()
    assert first != second
    assert two() == [first, second]


def test_set_seed_leaves_numpys_generator_alone(tf):
    np.random.seed(1)
    tf.random.set_seed(5)
    assert np.random.uniform() == np.random.RandomState(1).uniform()


def test_function_with_control_flow_on_values_runs_eagerly_and_warns_once(tf):
    @tf.function
    def sign(x):
        if x > 0:
            return 1
        return -1

    with pytest.warns(UserWarning, match="without compilation"):
        assert sign(tf.constant(2.0)) == 1
    assert sign(tf.constant(-2.0)) == -1


def test_a_loop_over_a_range_is_unrolled(tf):
    @tf.function
    def powers(x):
        for _ in tf.range(3):
            x = x * x
        return x

    assert float(powers(tf.constant(2.0))) == 256.0


def test_a_loop_over_a_dataset_runs_eagerly(tf):
    data = tf.data.Dataset.range(4).batch(2)
    total = tf.Variable(0)

    @tf.function
    def run():
        for batch in data:
            total.assign_add(tf.cast(tf.reduce_sum(batch), tf.int32))

    run()
    assert int(total) == 6


def test_print_inside_a_compiled_function(tf, capfd):
    @tf.function
    def show(x):
        tf.print("x:", x, tf.reduce_sum(x), sep="|")
        return x

    show(tf.constant([1.0, 2.5]))
    show(tf.constant([3.0, 4.0]))
    jax.effects_barrier()
    assert capfd.readouterr().err == "x:|[1 2.5]|3.5\nx:|[3 4]|7\n"


def test_a_tape_around_a_compiled_function(tf):
    w = tf.Variable([1.0, 2.0])
    energy = tf.function(lambda a: tf.reduce_sum(w * w * a))
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = energy(x) * 2
    by_w, by_x = tape.gradient(y, [w, x])
    assert by_w.numpy().tolist() == [12.0, 24.0]
    assert float(by_x) == 10.0


def test_gradients_between_the_outputs_of_one_model(tf):
    x = keras.Input((3,))
    h = keras.layers.Dense(4, activation="tanh")(x)
    model = keras.Model(x, [h, keras.layers.Dense(1, use_bias=False)(h)])
    with tf.GradientTape() as tape:
        hidden, out = model(tf.ones([1, 3]))
    gradient = tape.gradient(out, hidden)
    np.testing.assert_allclose(gradient[0], model.layers[-1].kernel.numpy()[:, 0], rtol=1e-6)


def test_numpy_of_a_traced_tensor_says_what_to_do(tf):
    with pytest.raises(NotImplementedError, match=r"tf\.print"):
        jax.jit(lambda x: x.numpy())(jnp.ones(1))


# -- data, files


def test_functions_of_a_dataset_see_host_tensors_and_loops_see_tensors(tf):
    seen = []

    def scale(x, y):
        seen.append(type(x))
        assert x.shape.as_list() == [2]
        return tf.cast(x, tf.float32) * 2.0 + tf.random.uniform([]) * 0.0, y

    data = tf.data.Dataset.from_tensor_slices(([[1, 2], [3, 4]], ["a", "b"])).map(scale)
    (x, y), *_ = list(data)
    assert set(seen) == {HostTensor}
    assert isinstance(x, jax.Array)
    assert x.numpy().tolist() == [2.0, 4.0]
    assert y.numpy() == b"a"
    assert isinstance(data, tf.data.Dataset)
    assert int(tf.data.experimental.cardinality(data).numpy()) == 2
    facade.leave()
    assert next(iter(data))[0].tolist() == [2.0, 4.0]


def test_csv_and_lines(tf, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n1,x,0\n2,y,1\n")
    rows = list(tf.data.experimental.CsvDataset(str(path), [0, "", 0.0], header=True))
    assert [(int(a), b.numpy(), float(c)) for a, b, c in rows] == [(1, b"x", 0), (2, b"y", 1)]
    batches = tf.data.experimental.make_csv_dataset(
        str(path), 2, label_name="label", num_epochs=1, shuffle=False
    )
    columns, label = next(iter(batches))
    assert columns["a"].numpy().tolist() == [1, 2]
    assert label.numpy().tolist() == [0, 1]
    assert [v.numpy() for v in tf.data.TextLineDataset(str(path)).take(1)] == [b"a,b,label"]
    assert tf.io.gfile.exists(str(path))
    with tf.io.gfile.GFile(str(path)) as file:
        assert file.readline() == "a,b,label\n"


def test_a_model_in_a_folder(tf, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    tf.saved_model.save(model, str(tmp_path / "m"))
    x = jnp.ones((1, 2))
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    hub = facade.module("tensorflow_hub")
    layer = hub.KerasLayer(str(tmp_path / "m"), trainable=False)
    assert loaded(x).tolist() == model(x).tolist() == layer(x).tolist()
    assert layer.trainable_variables == []
    with pytest.raises(TypeError, match="Checkpoint"):
        tf.saved_model.save(tf.Module(), str(tmp_path / "n"))
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match=r"SavedModel"):
        tf.saved_model.load(str(tmp_path / "real"))


@pytest.mark.parametrize(
    "call, kind",
    [
        (lambda tf: tf.constant([[1], [2, 3]]), ValueError),
        (lambda tf: tf.strings.lower(tf.constant(1)), TypeError),
        (lambda tf: tf.image.decode_image(b"no picture"), ValueError),
        (lambda tf: tf.image.crop_to_bounding_box(np.zeros((4, 4, 1)), 2, 2, 3, 3), ValueError),
        (lambda tf: tf.image.resize(np.zeros((4, 4, 1)), [2, 2], "bilinera"), ValueError),
        (lambda tf: tf.gradients(1, 2), RuntimeError),
        (lambda tf: tf.random.uniform([2], dtype=tf.int32), ValueError),
        (lambda tf: tf.data.TFRecordDataset("x"), NotImplementedError),
        (lambda tf: tf.distribute.TPUStrategy(), NotImplementedError),
        (lambda tf: tf.train.Checkpoint().restore("nowhere"), FileNotFoundError),
        (lambda tf: tf.debugging.assert_positive(tf.constant(-1.0)), ValueError),
        (lambda tf: tf.debugging.assert_shapes([(tf.ones([2, 3]), ("N", "N"))]), ValueError),
        (lambda tf: tf.ragged.constant([[[1], [2]], [[3]]]), ValueError),
        (lambda tf: jax.jit(lambda x: tf.boolean_mask(x, x > 0))(jnp.ones(2)), ValueError),
        (
            lambda tf: tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=tf.ones([2, 1], tf.int32), logits=tf.ones([2, 3])
            ),
            ValueError,
        ),
    ],
)
def test_errors_are_short_and_say_what_to_do(tf, call, kind):
    with pytest.raises(kind) as caught:
        call(tf)
    assert len(str(caught.value).splitlines()) <= 6


def test_import_keraunos_loads_nothing_of_the_facade():
    code = "import sys, keraunos.compat; print([m for m in sys.modules if 'tensorflow' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['keraunos.compat.tensorflow']"


def test_iterators_of_a_dataset(tf):
    data = tf.data.Dataset.from_tensor_slices(["a", "b"])
    iterator = iter(data)
    assert iterator.get_next().numpy() == b"a"
    assert next(iterator).numpy() == b"b"
    assert iterator.state()["taken"] == 2
    assert list(data.as_numpy_iterator()) == [b"a", b"b"]


def test_names_of_both_eras_are_found_in_either_module(tf):
    from keraunos.compat.tensorflow import _modules

    assert all(facade.module(name) for name in _modules._ALIASES)
    v1 = facade.module("tensorflow.compat.v1")
    assert v1.nn.relu is tf.nn.relu
    assert v1.math.sqrt is tf.sqrt
    assert tf.train.AdamOptimizer(0.1).name.startswith("adam")
    assert not hasattr(tf, "contrib")


def test_operations_of_the_facade_are_saved_and_loaded(tf, tmp_path):
    x = keras.Input((4,))
    y = tf.math.l2_normalize(tf.nn.crelu(tf.reduce_sum(x, 1, True) + x), axis=-1)
    model = keras.Model(x, y)
    model.save(tmp_path / "m.keras")
    data = jnp.arange(8.0).reshape(2, 4)
    assert keras.saving.load_model(tmp_path / "m.keras")(data).tolist() == model(data).tolist()
