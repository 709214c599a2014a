"""Sequential, Functional and subclassed models, and mixtures of the three."""

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, ops

X = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")


def two_towers():
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    shared = layers.Dense(4, name="shared")
    joined = layers.concatenate([shared(left), shared(right)])
    return keras.Model([left, right], layers.Dense(2, name="out")(joined), name="towers")


def test_the_three_ways_compute_the_same():
    first, second = layers.Dense(4, "relu"), layers.Dense(2)
    sequential = keras.Sequential([keras.Input((8,)), first, second])
    inputs = keras.Input((8,))
    functional = keras.Model(inputs, second(first(inputs)))

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = first, second

        def call(self, x):
            return self.second(self.first(x))

    want = np.asarray(sequential(X))
    np.testing.assert_array_equal(want, np.asarray(functional(X)))
    np.testing.assert_array_equal(want, np.asarray(Net()(X)))


def test_a_shared_layer_has_its_weights_once():
    model = two_towers()
    assert [layer.name for layer in model.layers].count("shared") == 1
    assert model.count_params() == 8 * 4 + 4 + 8 * 2 + 2
    assert len(model.get_layer("shared")._inbound_nodes) == 2


def test_a_list_of_tensors_may_grow_after_it_was_passed():
    x = keras.Input((3,))
    so_far = [x]
    for _ in range(3):
        so_far.append(layers.Dense(2)(x))
        x = layers.Concatenate()(so_far)
    model = keras.Model(so_far[:1], x)
    assert model.predict(np.ones((2, 3)), verbose=0).shape == (2, 9)


def test_predict_wants_as_many_samples_of_each_input():
    a, b = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([a, b], layers.Dot(1)([a, b]))
    for rows in (10, 100):  # in one batch and in several
        with pytest.raises(ValueError, match=rf"x\[0\]: {rows}, x\[1\]: 200"):
            model.predict([np.ones((rows, 3)), np.ones((200, 3))], verbose=0)


def test_inputs_by_list_and_by_name():
    model = two_towers()
    a = np.asarray(model([X, -X]))
    b = np.asarray(model({"right": -X, "left": X}))
    np.testing.assert_array_equal(a, b)


def test_dictionaries_in_and_out():
    inputs = {"a": keras.Input((8,)), "b": keras.Input((8,))}
    total = layers.add([inputs["a"], inputs["b"]])
    model = keras.Model(inputs, {"sum": total, "twice": total * 2})
    out = model.predict({"a": X, "b": X}, verbose=0)
    np.testing.assert_allclose(out["twice"], 4 * X, rtol=1e-6)
    assert model.output_names == ["sum", "twice"]


def test_a_model_is_a_layer_of_another():
    inner = two_towers()
    inputs = keras.Input((8,))
    outer = keras.Model(inputs, layers.Dense(1)(inner([inputs, inputs])))
    assert outer.count_params() == inner.count_params() + 3
    assert outer.layers[1] is inner
    assert outer.predict(X, verbose=0).shape == (5, 1)


def test_features_from_the_middle_of_a_model():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4, name="mid"), layers.Dense(2)])
    features = keras.Model(model.inputs, model.get_layer("mid").output)
    np.testing.assert_allclose(
        features.predict(X, verbose=0), np.asarray(model.layers[0](X)), atol=1e-6
    )
    tail = keras.Model(model.get_layer("mid").output, model.output)
    np.testing.assert_allclose(
        tail.predict(features.predict(X, verbose=0), verbose=0),
        model.predict(X, verbose=0),
        atol=1e-5,
    )


def test_operators_and_ops_are_nodes_of_the_graph():
    inputs = keras.Input((8,))
    x = ops.relu(inputs - 1.0) * 2 + ops.mean(inputs, axis=-1, keepdims=True)
    model = keras.Model(inputs, x[:, :3])
    want = np.maximum(X - 1, 0) * 2 + X.mean(-1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(X)), want[:, :3], rtol=1e-5)
    clone = keras.models.Functional.from_config(model.get_config())
    np.testing.assert_allclose(np.asarray(clone(X)), want[:, :3], rtol=1e-5)


def test_configs_make_the_same_model_again():
    for model in (
        two_towers(),
        keras.Sequential([keras.Input((8,)), layers.Dense(3, "relu"), layers.Dropout(0.5)]),
    ):
        clone = type(model).from_config(model.get_config())
        clone.set_weights(model.get_weights())
        x = [X, X] if len(model.inputs) == 2 else X
        np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(clone(x)))
        assert clone.get_config() == model.get_config()


def test_a_json_makes_the_same_model_again():
    model = two_towers()
    clone = keras.models.model_from_json(model.to_json())
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]


def test_clone_has_weights_of_its_own():
    model = two_towers()
    clone = keras.models.clone_model(model)
    assert clone.count_params() == model.count_params()
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    assert clone.get_layer("shared") is not model.get_layer("shared")


def test_deferred_sequential_is_built_by_its_first_input():
    model = keras.Sequential([layers.Dense(4), layers.Dense(2)])
    assert model.weights == []
    model(X)
    assert model.count_params() == 8 * 4 + 4 + 4 * 2 + 2
    assert model.output_shape == (None, 2)


def test_add_and_pop():
    model = keras.Sequential()
    model.add(layers.Dense(4, input_shape=(8,)))
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    model.pop()
    assert model.output_shape == (None, 4)
    assert model.predict(X, verbose=0).shape == (5, 4)


def test_freezing_a_model_freezes_its_layers():
    model = two_towers()
    model.trainable = False
    assert model.trainable_variables == []
    assert len(model.non_trainable_variables) == 4
    model.get_layer("out").trainable = True
    model.trainable = True
    assert len(model.trainable_variables) == 4


def test_a_layer_without_weights_of_its_own_config_needs_no_get_config():
    class Scale(layers.Layer):
        def __init__(self, factor, offset=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.offset = factor, offset

        def call(self, x):
            return x * self.factor + self.offset

    layer = Scale(3.0, name="s")
    again = Scale.from_config(layer.get_config())
    assert (again.factor, again.offset, again.name) == (3.0, 1.0, "s")


def test_add_loss_and_regularizers_are_in_the_loss():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(x**2))
            return x

    inputs = keras.Input((8,))
    model = keras.Model(inputs, Penalty()(layers.Dense(2, kernel_regularizer="l2")(inputs)))
    model.compile("sgd", "mse")
    y = np.zeros((5, 2), "float32")
    out = np.asarray(model(X))
    kernel = model.layers[1].kernel.numpy()
    want = (out**2).mean() * 2 + 0.01 * (kernel**2).sum()
    np.testing.assert_allclose(model.evaluate(X, y, verbose=0), want, rtol=1e-4)
    np.testing.assert_allclose(
        sum(float(v) for v in model.losses), (out**2).mean() + 0.01 * (kernel**2).sum(), rtol=1e-4
    )


def test_unknown_sizes_of_images_and_sequences():
    images = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same")(images)
    x = layers.MaxPooling2D()(x)
    assert x.shape == (None, None, None, 4)
    model = keras.Model(images, layers.GlobalAveragePooling2D()(x))
    assert model.predict(np.ones((2, 12, 10, 3), "float32"), verbose=0).shape == (2, 4)


def test_a_subclass_may_hand_its_graph_to_super():
    class Net(keras.Model):
        def __init__(self, units):
            inputs = keras.Input((8,))
            super().__init__(inputs=inputs, outputs=layers.Dense(units)(inputs))
            self.units = units

    model = Net(3)
    assert model.predict(X, verbose=0).shape == (5, 3)
    assert model.output_shape == (None, 3)


def test_summary_has_keras_totals_and_whole_names(capsys):
    inputs = keras.Input((8,))
    name = "a_layer_with_a_name_that_is_much_longer_than_thirty_one_letters"
    model = keras.Model(
        inputs, layers.BatchNormalization()(layers.Dense(4, name=name)(inputs)), name="m"
    )
    model.summary()
    text = capsys.readouterr().out
    assert all(part in text for part in ('Model: "m"', f"{name} (Dense)", "(None, 4)"))
    assert "Total params: 52 (208.00 B)" in text
    assert "Trainable params: 44 (176.00 B)" in text
    assert "Non-trainable params: 8 (32.00 B)" in text
    assert len({len(line) for line in text.splitlines() if line[:1] in "┏┃┡│├└"}) == 1


@pytest.mark.parametrize("line_length", [40, 60])
def test_a_narrow_summary_breaks_between_words_and_cuts_none(line_length):
    lines = []
    two_towers().summary(line_length=line_length, print_fn=lines.append)
    assert "concatenate" in "".join(lines)
    assert "…" not in "".join(lines)


def test_a_call_on_symbolic_tensors_is_given_their_masks():
    met = []

    class First(layers.Layer):
        supports_masking = True

        def call(self, inputs, mask=None):
            met.append([None if m is None else m.shape[1:] for m in mask])
            return inputs[0]

        def compute_mask(self, inputs, mask):
            return mask[0]

    ids = keras.Input((7,))
    words = layers.Embedding(5, 3, mask_zero=True)(ids)
    chosen = First()([words, layers.Dense(2)(ids)])
    assert met
    assert all(shapes == [(7,), None] for shapes in met)
    last = layers.LSTM(4)(chosen)
    assert (words.mask.shape, words.mask.dtype, last.mask) == ((None, 7), "bool", None)
    met.clear()
    keras.Model(ids, last).predict(np.array([[1, 2, 3, 0, 0, 0, 0]]), verbose=0)
    assert met == [[(7,), None]]


def test_a_subclassed_model_is_built_for_integers_where_it_gets_them():
    class Look(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, index):
            return self.dense(ops.take(np.eye(4, dtype="float32"), index, axis=0))

    assert Look()(np.arange(3)).shape == (3, 2)
    model = Look()
    model.compile("sgd", "mse")
    model.fit(np.arange(4), np.ones((4, 2)), verbose=0)
    assert model.predict(np.arange(3), verbose=0).shape == (3, 2)
