"""`keras.backend`: the values of Keras's legacy backend, on arrays and along the graph."""

import json

import numpy as np
import pytest
from tests.tables import keras_backend as table

import keraunos as keras
from keraunos import backend as K
from keraunos import layers, models

EXPECTED = json.loads(table.EXPECTED.read_text())
ROWS = [
    pytest.param(*row, expected, id=f"{row[0]}-{i}")
    for i, (row, expected) in enumerate(zip(table.ROWS, EXPECTED["rows"], strict=True))
]


def values(found):
    return [np.asarray(one) for one in found] if isinstance(found, (list, tuple)) else [found]


def check(found, expected):
    if not isinstance(found, (list, tuple)):
        found, expected = [found], [expected]
    for one, other in zip(found, expected, strict=True):
        one = np.asarray(one)
        assert one.shape == np.shape(other)
        np.testing.assert_allclose(one.astype("float64"), other, atol=2e-5, rtol=2e-5)


def of_arrays(name, args):
    if name in ("foldl", "foldr", "map_fn"):
        return [
            {np.add: lambda a, b: a + b, np.subtract: lambda a, b: a - b}.get(a, K.square)
            if callable(a)
            else a
            for a in args
        ]
    return list(args)


@pytest.mark.parametrize("name, args, kwargs, expected", ROWS)
def test_equals_the_legacy_backend(name, args, kwargs, expected):
    found = getattr(K, name)(*of_arrays(name, args), **kwargs)
    if expected is not None:
        check(found, expected)


@pytest.mark.parametrize("name, args, kwargs, expected", ROWS)
def test_equals_it_along_the_graph(name, args, kwargs, expected):
    args = of_arrays(name, args)
    places = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]
    if not places or expected is None:
        return
    array = args[places[0]]
    args[places[0]] = x = K.placeholder(array.shape, dtype=array.dtype.name)
    found = getattr(K, name)(*args, **kwargs)
    if isinstance(found, tuple):
        found, expected = found[0], expected[0]
    assert found.shape == np.shape(expected)
    check(keras.Function(x, found)(array), expected)


COMPUTED = "hard_sigmoid batch_dot relu binary_crossentropy local_conv1d foldl map_fn bias_add std"


@pytest.mark.parametrize("name", COMPUTED.split())
def test_computes_along_the_graph(name):
    _, args, kwargs = next(row for row in table.ROWS if row[0] == name)
    args = of_arrays(name, args)
    place = next(i for i, a in enumerate(args) if isinstance(a, np.ndarray))
    x = K.placeholder(args[place].shape)
    found = getattr(K, name)(*args[:place], x, *args[place + 1 :], **kwargs)
    np.testing.assert_allclose(
        K.function([x], [found])([args[place]])[0], getattr(K, name)(*args, **kwargs), atol=1e-6
    )


# Those that are no functions of arrays alone: what each gives.
SMALL = {
    "K.ones((2, 1))": [[1.0], [1.0]],
    "K.zeros((2,))": [0.0, 0.0],
    "K.shape(np.ones((2, 3)))": [2, 3],
    "K.shape(K.placeholder((2, 3)))": (2, 3),
    "K.identity(np.arange(2))": [0, 1],
    "K.stop_gradient(np.ones(2))": [1.0, 1.0],
    "K.print_tensor(np.ones(2), 'x')": [1.0, 1.0],
    "K.logsumexp(np.zeros((2, 2)), axis=1)": [np.log(2), np.log(2)],
    "K.slice(np.arange(6).reshape(2, 3), [0, 1], [2, 2])": [[1, 2], [4, 5]],
    "K.lesser([1, 3], [2, 2])": [True, False],
    "K.lesser_equal([2, 3], [2, 2])": [True, False],
    "K.to_dense(np.eye(2))": np.eye(2),
    "K.cast_to_floatx([1, 2]).dtype == 'float32'": True,
    "K.backend()": "jax",
    "K.floatx()": "float32",
    "K.epsilon()": 1e-7,
    "K.image_data_format()": "channels_last",
    "K.image_dim_ordering()": "tf",
    "K.normalize_data_format(None)": "channels_last",
    "K.is_keras_tensor(K.placeholder((2,)))": True,
    "K.is_placeholder(K.placeholder((2,)))": True,
    "K.is_tensor(K.ones((2,))), K.is_tensor(2)": (True, False),
    "K.is_sparse(np.eye(2))": False,
    "K.get_variable_shape(K.variable(np.eye(2)))": (2, 2),
    "K.random_normal((3, 2)).shape": (3, 2),
    "K.random_uniform_variable((3, 2), 1, 2).shape": (3, 2),
    "set(np.unique(K.random_bernoulli((99,), 0.5)))": {0.0, 1.0},
    "K.in_test_phase(1, 2)": 1,
    "K.get_uid('a') + 1 == K.get_uid('a')": True,
    "K.has_arg(K.dot, 'x')": True,
    "K.manual_variable_initialization(True)": None,
    "K.legacy_weight_ordering()": False,
    "K.get_value(K.update(K.variable(1.0), 2.0))": 2.0,
    "K.get_value(K.update_sub(K.variable(1.0), 2.0))": -1.0,
    "K.asymmetric_temporal_padding(np.ones((1, 1, 1)), 1, 0)": [[[0.0], [1.0]]],
    "K.asymmetric_spatial_2d_padding(np.ones((1, 1, 1, 1)), 1, 0, 0, 1)[0, :, :, 0]": [
        [0.0, 0.0],
        [1.0, 0.0],
    ],
    "K.atrous_conv2d(np.ones((1, 5, 5, 1)), np.ones((3, 3, 1, 1)), 2)": [[[[9.0]]]],
    "K.deconv2d(np.ones((1, 1, 1, 1)), np.ones((2, 2, 1, 1)), (1, 2, 2, 1))[0, :, :, 0]": np.ones(
        (2, 2)
    ),
    "K.conv3d_transpose(np.ones((1,) * 5), np.ones((2, 1, 1, 1, 1)), (1, 2, 1, 1, 1)).shape": (
        (1, 2, 1, 1, 1)
    ),
    "K.separable_conv1d(np.ones((1, 3, 1)), np.ones((3, 1, 1)), np.ones((1, 1, 2)))": [
        [[3.0, 3.0]]
    ],
    "K.transpose_shape((1, 2, 3), 'channels_first', (1,))": (1, 3, 2),
}


@pytest.mark.parametrize("text, expected", SMALL.items(), ids=SMALL)
def test_small_functions(text, expected):
    found = eval(text, {"K": K, "np": np})
    if isinstance(expected, (list, np.ndarray, float)):
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)
    else:
        assert found == expected


def test_settings_are_set_and_set_back():
    with K.learning_phase_scope(0):
        K.set_learning_phase(1)
        assert K.learning_phase() == 1
    K.set_epsilon(1e-3)
    K.set_floatx("float16")
    K.set_image_dim_ordering("th")
    try:
        assert (K.epsilon(), K.floatx(), K.image_data_format()) == (
            1e-3,
            "float16",
            "channels_first",
        )
    finally:
        K.set_epsilon(1e-7)
        K.set_floatx("float32")
        K.set_image_data_format("channels_last")
    K.reset_uids()
    assert K.get_uid("dense") == 1
    with K.name_scope("outer"):
        pass
    K.set_session(None)
    K.set_legacy_weight_ordering(False)
    K.clear_session()


def test_programs_of_the_time_see_their_backend():
    keras.compat.install("keras2")
    try:
        assert K.backend() == "tensorflow"
    finally:
        keras.compat.uninstall()
    assert K.backend() == "jax"


def test_ctc_decodes_greedily():
    p = np.full((1, 3, 3), 0.1, "float32")
    p[0, [0, 1, 2], [1, 2, 0]] = 0.8  # 1, blank, 0
    (found,), score = K.ctc_decode(p, np.array([3]))
    assert np.asarray(found)[0, :2].tolist() == [1, 0]
    np.testing.assert_allclose(np.asarray(score).ravel(), [-3 * np.log(0.8)], rtol=1e-4)
    labels = K.ctc_label_dense_to_sparse(np.array([[1, 2, 0], [2, 0, 0]]), np.array([2, 1]))
    assert labels.tolist() == [1, 2, 2]


@pytest.mark.parametrize("options, expected", list(zip(table.RNN_ROWS, EXPECTED["rnn"])))
def test_rnn(options, expected):
    last, outputs, states = K.rnn(table.step, table.STEPS, [table.START], **options)
    check([last, outputs, states[0]], [expected[0], expected[1], expected[2][0]])


def test_every_name_of_the_listed_backend_is_there():
    names = [name.partition(".")[0] for name in EVERY.split()]
    assert [name for name in names if not hasattr(K, name)] == []


EVERY = """
abs all any arange argmax argmin backend batch_dot batch_flatten batch_get_value
batch_normalization batch_set_value bias_add binary_crossentropy binary_focal_crossentropy cast
cast_to_floatx categorical_crossentropy categorical_focal_crossentropy clear_session clip
concatenate constant conv1d conv2d conv2d_transpose conv3d cos count_params ctc_batch_cost
ctc_decode ctc_label_dense_to_sparse cumprod cumsum depthwise_conv2d dot dropout dtype elu epsilon
equal eval exp expand_dims experimental eye flatten floatx foldl foldr function gather get_uid
get_value gradients greater greater_equal hard_sigmoid image_data_format in_test_phase in_top_k
in_train_phase int_shape is_keras_tensor is_sparse l2_normalize learning_phase
learning_phase_scope less less_equal local_conv1d local_conv2d log manual_variable_initialization
map_fn max maximum mean min minimum moving_average_update name_scope ndim
normalize_batch_in_training not_equal one_hot ones ones_like permute_dimensions placeholder pool2d
pool3d pow print_tensor prod random_bernoulli random_binomial random_normal random_normal_variable
random_uniform random_uniform_variable relu repeat repeat_elements reset_uids reshape
resize_images resize_volumes reverse rnn round separable_conv2d set_epsilon set_floatx
set_image_data_format set_learning_phase set_value shape sigmoid sign sin softmax softplus
softsign sparse_categorical_crossentropy spatial_2d_padding spatial_3d_padding sqrt square squeeze
stack std stop_gradient sum switch tanh temporal_padding tile to_dense transpose truncated_normal
update update_add update_sub var variable zeros zeros_like get_session set_session Function
conv3d_transpose separable_conv1d get_variable_shape has_arg identity image_dim_ordering
is_placeholder is_tensor logsumexp normalize_data_format set_image_dim_ordering slice deconv2d
lesser lesser_equal asymmetric_temporal_padding legacy_weight_ordering
"""


# -- the graph -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    hidden = layers.Dense(3, activation="tanh", name="hidden")(x)
    dropped = layers.Dropout(0.5)(hidden)
    return models.Model(x, layers.Dense(2, name="out")(dropped))


def test_gradients_of_inputs_of_layers_and_of_weights(model):
    hidden, out = model.get_layer("hidden"), model.get_layer("out")
    loss = K.mean(K.square(model.output[:, 0]))
    wanted = [model.input, hidden.output, out.kernel]
    run = K.function([model.input], [loss, *K.gradients(loss, wanted)])
    x = np.random.RandomState(0).normal(size=(5, 4)).astype("float32")
    value, by_input, by_hidden, by_kernel = run([x])

    w1, b1 = hidden.get_weights()
    w2, b2 = out.get_weights()
    h = np.tanh(x @ w1 + b1)
    first = (h @ w2 + b2)[:, 0]
    d_out = np.zeros((5, 2), "float32")
    d_out[:, 0] = 2 * first / 5
    np.testing.assert_allclose(value, np.mean(first**2), rtol=1e-5)
    np.testing.assert_allclose(by_kernel, h.T @ d_out, atol=1e-5)
    np.testing.assert_allclose(by_hidden, d_out @ w2.T, atol=1e-5)
    np.testing.assert_allclose(by_input, (d_out @ w2.T * (1 - h**2)) @ w1.T, atol=1e-5)


def test_what_a_loss_does_not_follow_from_has_no_gradient(model):
    assert K.gradients(K.sum(model.output), [K.placeholder((2,))]) == [None]


def test_a_learning_phase_among_the_inputs_turns_dropout_on(model):
    run = K.function([model.input, K.learning_phase()], [model.output])
    x = np.ones((64, 4), "float32")
    still, dropped = run([x, 0])[0], run([x, 1])[0]
    assert np.ptp(still, axis=0).max() < 1e-6
    assert np.ptp(dropped, axis=0).max() > 1e-3
    np.testing.assert_allclose(still, model.predict(x, verbose=0), atol=1e-6)


def test_updates_are_made_by_a_call():
    count, x = K.variable(1.0), K.placeholder(())
    run = K.function([x], [count], updates=[K.update_add(count, x)])
    assert [float(run([2.0])[0]), float(run([3.0])[0])] == [3.0, 6.0] or float(count) == 6.0
    assert float(K.get_value(count)) == 6.0


def test_updates_of_an_optimizer_train(model):
    keras.compat.install("keras2")
    try:
        target = K.placeholder((None, 2))
        loss = K.mean(K.square(model.output - target))
        optimizer = keras.optimizers.Adam(lr=0.05)
        updates = optimizer.get_updates(loss=loss, params=model.trainable_weights)
        train = K.function([model.input, target], [loss], updates=updates)
        x, y = np.ones((8, 4), "float32"), np.full((8, 2), 3.0, "float32")
        found = [float(train([x, y])[0]) for _ in range(30)]
    finally:
        keras.compat.uninstall()
    assert found[-1] < 0.5 * found[0]


def test_variables_and_their_values():
    v = K.variable([[1.0, 2.0]])
    K.set_value(v, [[3.0, 4.0]])
    K.batch_set_value([(v, np.array([[5.0, 6.0]]))])
    assert K.batch_get_value([v])[0].tolist() == [[5.0, 6.0]]
    assert (K.int_shape(v), K.ndim(v), K.dtype(v), K.count_params(v)) == ((1, 2), 2, "float32", 2)
    assert K.eval(K.sum(v * 2)) == 22.0
    K.moving_average_update(v, np.zeros((1, 2)), 0.5)
    assert K.get_value(v).tolist() == [[2.5, 3.0]]
    assert K.get_session().run(v).tolist() == [[2.5, 3.0]]


def test_set_value_of_what_is_no_variable_says_so():
    with pytest.raises(TypeError, match="expected: a variable"):
        K.set_value(3.0, 1.0)


def test_a_function_counts_its_inputs(model):
    with pytest.raises(ValueError, match="expected: 1 inputs"):
        K.function([model.input], [model.output])([np.ones((1, 4)), 0])


def test_train_phase_inside_and_outside_of_a_layer():
    class Switch(layers.Layer):
        def call(self, x, training=None):
            return K.in_train_phase(lambda: x + 1, x, training=training)

    class Asks(layers.Layer):
        def call(self, x):
            return K.in_train_phase(x + 1, x)

    for layer in (Switch(), Asks()):
        assert float(layer(np.zeros(()), training=True)) == 1.0
        assert float(layer(np.zeros(()), training=False)) == 0.0
    with K.learning_phase_scope(1):
        assert K.in_train_phase(1, 2) == 1
    assert K.in_train_phase(1, 2) == 2


def test_random_functions_have_their_shapes_and_ranges():
    assert K.random_uniform((100,), 2, 3).min() >= 2
    assert set(np.unique(K.random_binomial((100,), p=0.5))) == {0.0, 1.0}
    assert K.truncated_normal((1000,)).max() < 2.01
    assert K.random_normal_variable((2, 3), 0, 1).shape == (2, 3)
    assert 0.3 < float(K.mean(K.equal(K.dropout(np.ones(1000, "float32"), 0.5), 0))) < 0.7
