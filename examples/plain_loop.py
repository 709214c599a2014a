"""Train without fit: a loop of one's own over batches, the gradients and the update compiled."""

import numpy as np

import keraunos as keras
from keraunos import layers

(x, y), (x_test, y_test) = keras.datasets.digits.load_data()
x, x_test = x.reshape(len(x), -1) / 16, x_test.reshape(len(x_test), -1) / 16
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((64,)), layers.Dense(64, "relu"), layers.Dense(10)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
value_and_grad = keras.training.value_and_grad(model, loss)
optimizer = keras.optimizers.Adam(1e-2)
for epoch in range(10):
    for rows in np.array_split(np.random.permutation(len(x)), len(x) // 32):
        value, gradients = value_and_grad(x[rows], y[rows])
        optimizer.apply(gradients, model.trainable_variables)
    accuracy = np.mean(model.predict(x_test, verbose=0).argmax(1) == y_test)
    print(f"epoch {epoch + 1}: loss {value:.3f}, test accuracy: {accuracy:.2%}")
