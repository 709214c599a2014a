# Grad-CAM: which part of a picture a class comes from.
# ruff: noqa - written as such programs are
import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(11)
x = np.random.uniform(0, 0.1, size=(128, 16, 16, 1)).astype("float32")
y = np.arange(128) % 2
for i in range(128):
    r, c = np.random.randint(0, 5, 2)
    if y[i]:
        x[i, r + 8 : r + 11, c + 8 : c + 11] = 1.0  # a bright square, lower right
model = keras.models.Sequential(
    [
        keras.Input((16, 16, 1)),
        keras.layers.Conv2D(6, 3, activation="relu", padding="same", name="last_conv"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(
    optimizer=tf.optimizers.Adam(0.05), loss="sparse_categorical_crossentropy", metrics=["acc"]
)
model.fit(tf.constant(x), tf.constant(y), epochs=15, verbose=0)


def make_gradcam_heatmap(img_array, model, last_conv_layer_name, pred_index=None):
    grad_model = keras.models.Model(
        model.inputs, [model.get_layer(last_conv_layer_name).output, model.outputs[0]]
    )
    with tf.GradientTape() as tape:
        last_conv_layer_output, preds = grad_model(img_array)
        if pred_index is None:
            pred_index = tf.argmax(preds[0])
        class_channel = preds[:, pred_index]
    grads = tape.gradient(class_channel, last_conv_layer_output)
    pooled_grads = tf.reduce_mean(grads, axis=(0, 1, 2))
    last_conv_layer_output = last_conv_layer_output[0]
    heatmap = last_conv_layer_output @ pooled_grads[..., tf.newaxis]
    heatmap = tf.squeeze(heatmap)
    heatmap = tf.maximum(heatmap, 0) / tf.math.reduce_max(heatmap)
    return heatmap.numpy()


assert model.evaluate(x, y, verbose=0)[1] > 0.95
heatmap = make_gradcam_heatmap(x[1:2], model, "last_conv")
assert heatmap.shape == (16, 16) and heatmap.max() == 1.0
inside, outside = heatmap[8:, 8:].mean(), heatmap[:8, :8].mean()
assert inside > outside, (inside, outside)
print("ok")
