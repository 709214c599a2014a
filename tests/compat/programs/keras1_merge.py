"""Keras 1: `merge`, `Merge`, `Model(input=, output=)`."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
from keras.layers import Dense, Input, Merge, merge
from keras.models import Model, Sequential

a, b = Input(shape=(3,)), Input(shape=(3,))
joined = {
    mode: merge([a, b], mode=mode, name="joined_" + mode)
    for mode in ("sum", "mul", "ave", "max", "concat", "dot", "cos")
}
model = Model(input=[a, b], output=list(joined.values()))
x, y = np.array([[1.0, 2.0, 3.0]]), np.array([[4.0, 0.0, 1.0]])
found = dict(zip(joined, model.predict([x, y], verbose=0)))
assert found["sum"].tolist() == [[5, 2, 4]]
assert found["mul"].tolist() == [[4, 0, 3]]
assert found["ave"].tolist() == [[2.5, 1, 2]]
assert found["max"].tolist() == [[4, 2, 3]]
assert found["concat"].tolist() == [[1, 2, 3, 4, 0, 1]]
assert np.allclose(found["dot"], 7)
assert np.allclose(found["cos"], 7 / np.sqrt(14 * 17))
assert model.get_layer("joined_sum") is not None

product = merge([a, b], mode=lambda pair: pair[0] * pair[1] + 1, output_shape=(3,))
assert Model(input=[a, b], output=product).predict([x, y], verbose=0).tolist() == [[5, 1, 4]]

left, right = Sequential([Dense(4, input_dim=3)]), Sequential([Dense(4, input_dim=5)])
both = Sequential()
both.add(Merge([left, right], mode="concat"))
both.add(Dense(2))
both.compile("sgd", "mse")
inputs = [np.ones((4, 3)), np.ones((4, 5))]
both.fit(inputs, np.ones((4, 2)), nb_epoch=1, verbose=0)
assert both.predict(inputs, verbose=0).shape == (4, 2)
assert both.layers[-1].get_weights()[0].shape == (8, 2)
