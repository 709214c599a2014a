"""keras-tcn: convolutions that learn to look eight steps back, saved and found again."""

import numpy as np
from tcn import TCN, compiled_tcn, tcn_full_summary
from tensorflow import keras
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model, load_model

keras.utils.set_random_seed(1)
rng = np.random.RandomState(0)
x = rng.choice([-1.0, 1.0], (1024, 20, 1)).astype("float32")
y = (x[:, 11, 0] > 0).astype("float32")  # told by one step alone

inputs = Input((20, 1))
network = TCN(
    nb_filters=8,
    kernel_size=3,
    dilations=(1, 2, 4),
    return_sequences=False,
    use_skip_connections=True,
)
outputs = Dense(1, activation="sigmoid")(network(inputs))
model = Model(inputs, outputs)
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
assert network.receptive_field == 1 + 2 * (3 - 1) * (1 + 2 + 4)
tcn_full_summary(model, expand_residual_blocks=False)
history = model.fit(x, y, epochs=8, batch_size=64, verbose=0, validation_split=0.25)
assert history.history["val_accuracy"][-1] > 0.95, history.history

model.save("tcn.keras")
again = load_model("tcn.keras", custom_objects={"TCN": TCN})
np.testing.assert_allclose(
    again.predict(x[:8], verbose=0), model.predict(x[:8], verbose=0), rtol=1e-6
)

# Causal: what comes later changes nothing before; and the layers with every option.
steps = Model(
    inputs,
    TCN(
        8,
        2,
        dilations=(1, 2),
        return_sequences=True,
        dropout_rate=0.1,
        use_batch_norm=True,
        activation="tanh",
    )(inputs),
)
changed = x[:4].copy()
changed[:, 10:] *= -1
before, after = steps.predict(x[:4], verbose=0), steps.predict(changed, verbose=0)
np.testing.assert_array_equal(before[:, :10], after[:, :10])
assert np.abs(before[:, 10:] - after[:, 10:]).max() > 0.01
for option in ("use_layer_norm",):
    layer = TCN(4, 2, 2, (1, 2), padding="same", go_backwards=True, **{option: True})
    assert layer(x[:2]).shape == (2, 4)

# The ready-made classifier.
ready = compiled_tcn(
    num_feat=1,
    num_classes=2,
    nb_filters=4,
    kernel_size=2,
    dilations=[1, 2, 4, 8],
    nb_stacks=1,
    max_len=20,
    output_len=1,
    return_sequences=False,
)
losses = ready.fit(x, y, epochs=2, batch_size=128, verbose=0).history["loss"]
assert losses[1] < losses[0]
print("ok")
