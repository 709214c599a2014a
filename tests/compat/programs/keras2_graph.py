"""What was possible because losses and layers stood in TensorFlow's graph."""

from functools import partial

import numpy as np
from keras import backend as K
from keras.layers import LSTM, Bidirectional, Dense, Dot, Input, Lambda, MaxPooling1D
from keras.layers.merge import _Merge
from keras.models import Model, Sequential, load_model
from keras.optimizers import SGD

draw = np.random.RandomState(0)
data = draw.rand(64, 6).astype("float32")


def autoencoder(kind):
    """A variational one, with its divergence in the loss or beside it."""
    x = Input((6,))
    hidden = Dense(4, activation="relu", kernel_initializer="ones")(x)
    mean = Dense(2, kernel_initializer="ones")(hidden)
    spread = Dense(2, kernel_initializer="zeros")(hidden)
    made = Dense(6, kernel_initializer="ones")(mean)
    model = Model(x, made)
    divergence = -0.5 * K.mean(1 + spread - K.square(mean) - K.exp(spread), axis=-1)

    def closure(target, output):
        return K.mean(K.square(target - output), axis=-1) + divergence

    if kind == "beside":
        model.add_loss(K.mean(divergence))
    model.compile(SGD(0.01), "mse" if kind == "beside" else closure)
    return model


# A loss that uses other tensors of the graph, and its gradients.
found = {}
for kind in ("inside", "beside"):
    model = autoencoder(kind)
    history = model.fit(data, data, epochs=3, batch_size=16, shuffle=False, verbose=0)
    losses = [*history.history["loss"], np.ravel(model.evaluate(data, data, verbose=0))[0]]
    found[kind] = losses, model.get_weights()
assert np.allclose(*(losses for losses, _ in found.values()), rtol=1e-5)
for one, other in zip(*(weights for _, weights in found.values())):
    assert np.allclose(one, other, atol=1e-6)


# A penalty on gradients between samples; a layer with the batch size written into it.
class Between(_Merge):
    def _merge_function(self, inputs):
        share = K.random_uniform((32, 1))
        return share * inputs[0] + (1 - share) * inputs[1]


def penalty(target, output, samples):
    slopes = K.gradients(output, samples)[0]
    return K.mean(K.square(1 - K.sqrt(K.sum(K.square(slopes), axis=1))))


real, other = Input((6,)), Input((6,))
critic = Sequential([Dense(1, input_dim=6, use_bias=False)])
samples = Between()([real, other])
assert K.int_shape(samples) == (32, 6)
loss = partial(penalty, samples=samples)
loss.__name__ = "penalty"
model = Model([real, other], critic(samples))
model.compile(SGD(0.0), loss)
slope = np.sqrt(np.sum(np.square(critic.get_weights()[0])))
told = model.train_on_batch([data[:32], data[32:]], np.zeros((32, 1)))
assert np.isclose(told, (1 - slope) ** 2, rtol=1e-5), (told, slope)


# A layer that asks for gradients of the graph: where the largest of each pool was.
x = Input((4, 1))
doubled = Lambda(lambda t: 2 * t)(x)
pooled = MaxPooling1D(2)(doubled)
places = Lambda(lambda pair: K.gradients(K.sum(pair[1]), pair[0]))([doubled, pooled])
rows = np.array([[[1.0], [3.0], [4.0], [2.0]]])
assert Model(x, places).predict(rows).ravel().tolist() == [0, 1, 1, 0]

# First states behind the input, states to begin with, a wrapper's layer.
x, h, c = Input((3, 2)), Input((4,)), Input((4,))
layer = LSTM(4)
listed, named = Model([x, h, c], layer([x, h, c])), Model([x, h, c], layer(x, initial_state=[h, c]))
given = [draw.rand(2, 3, 2), draw.rand(2, 4), draw.rand(2, 4)]
assert np.allclose(listed.predict(given), named.predict(given))
keeps = LSTM(4, stateful=True, batch_input_shape=(2, 3, 2), weights=layer.get_weights())
model = Sequential([keeps])
keeps.reset_states(given[1:])
assert np.allclose(model.predict(given[0], batch_size=2), named.predict(given), atol=1e-6)
both = Bidirectional(LSTM(4))
both(x)
assert both.layer is both.forward_layer

# A second input with more samples than the first.
a, b = Input((6,)), Input((6,))
model = Model([a, b], Dot(1)([a, b]))
assert model.predict([data[:40], data]).shape == (40, 1)

# Class weights of several outputs.
x = Input((6,))
model = Model(x, [Dense(1, name="a")(x), Dense(1, name="b")(x)])
model.compile(SGD(0.0), "mse")
classes, ones = draw.randint(0, 2, (64, 1)), np.ones((64, 1))
rows = np.where(classes == 1, 3.0, 0.5).ravel()
expected = model.evaluate(data, [classes, ones], sample_weight=[rows, np.ones(64)], verbose=0)
for weights in ([{0: 0.5, 1: 3.0}, {1: 1.0}], {"a": {0: 0.5, 1: 3.0}}):
    told = model.train_on_batch(data, [classes, ones], class_weight=weights)
    assert np.allclose(told, expected, rtol=1e-5), (told, expected)

# A lambda of the program's own comes back from its file.
model = Sequential([Dense(2, input_dim=6), Lambda(lambda t: t * 3)])
model.save("lambda.h5")
assert np.allclose(load_model("lambda.h5").predict(data), model.predict(data))

assert K.eval(K.constant([1, 2, 3, 4, 5, 6], shape=(2, 3))).tolist() == [[1, 2, 3], [4, 5, 6]]
assert isinstance(K.tensorflow_backend._get_available_gpus(), list)
