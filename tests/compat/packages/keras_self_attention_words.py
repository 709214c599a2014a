"""keras-self-attention: layers that learn which word matters, with masks, saved and found again."""

import numpy as np
from keras_self_attention import (
    ResidualScaledDotProductAttention,
    ScaledDotProductAttention,
    SeqSelfAttention,
    SeqWeightedAttention,
)
from tensorflow import keras

keras.utils.set_random_seed(2)
rng = np.random.RandomState(0)
words = rng.randint(2, 20, (512, 12))
words[np.arange(12) >= rng.randint(6, 13, 512)[:, None]] = 0  # sentences of 6 to 12 words
labels = (words == 7).any(1).astype("float32")

model = keras.models.Sequential(
    [
        keras.layers.Embedding(input_dim=20, output_dim=8, mask_zero=True),
        keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True)),
        SeqSelfAttention(
            attention_width=5,
            attention_activation="sigmoid",
            kernel_regularizer=keras.regularizers.l2(1e-6),
            attention_regularizer_weight=1e-4,
            name="Attention",
        ),
        SeqWeightedAttention(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["acc"])
history = model.fit(words, labels, epochs=10, batch_size=64, verbose=0).history
assert history["acc"][-1] > 0.95, history["acc"]

model.save("attention.h5")
own = {**SeqSelfAttention.get_custom_objects(), **SeqWeightedAttention.get_custom_objects()}
again = keras.models.load_model("attention.h5", custom_objects=own)
np.testing.assert_allclose(
    again.predict(words[:9], verbose=0), model.predict(words[:9], verbose=0), rtol=1e-5
)

# What is padded does not take part: the same words with more padding give the same.
short = np.where(np.arange(12) < 8, np.maximum(words[:4], 2), 0)
longer = np.pad(short, ((0, 0), (0, 6)))
np.testing.assert_allclose(
    model.predict(short, verbose=0), model.predict(longer, verbose=0), rtol=1e-4
)

# Every kind of attention, with its weights, on plain arrays: weights of a row sum to one.
x = rng.rand(2, 5, 4).astype("float32")
for kind in (SeqSelfAttention.ATTENTION_TYPE_ADD, SeqSelfAttention.ATTENTION_TYPE_MUL):
    inputs = keras.layers.Input(shape=(5, 4))
    layer = SeqSelfAttention(
        return_attention=True, attention_type=kind, history_only=True, attention_activation="tanh"
    )
    values, weights = keras.models.Model(inputs, layer(inputs)).predict(x, verbose=0)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-3)
    np.testing.assert_allclose(weights[:, 0, 1:], 0, atol=1e-6)
    np.testing.assert_allclose(values, weights @ x, rtol=1e-4)
values, weights = ScaledDotProductAttention(return_attention=True, history_only=True)(x)
scores = np.exp(x @ x.transpose(0, 2, 1) / 2) * np.tril(np.ones((5, 5)))
np.testing.assert_allclose(weights, scores / scores.sum(-1, keepdims=True), rtol=1e-4)
np.testing.assert_allclose(values, np.asarray(weights) @ x, rtol=1e-4)

# Scores that are handed on from layer to layer.
inputs = keras.layers.Input(shape=(12,))
embedded = keras.layers.Embedding(20, 4, mask_zero=True)(inputs)
start = keras.layers.Lambda(
    lambda t: keras.backend.zeros_like(keras.backend.batch_dot(t, t, axes=2))
)
first, scores = ResidualScaledDotProductAttention(name="first")([embedded, start(embedded)])
second, both = ResidualScaledDotProductAttention(name="second")([first, scores])
residual = keras.models.Model(inputs, [first, scores, second, both])
one, one_scores, two, two_scores = residual.predict(words[:3], verbose=0)
products = one @ one.transpose(0, 2, 1) / 2
np.testing.assert_allclose(two_scores, one_scores + products, atol=1e-5)
print("ok")
