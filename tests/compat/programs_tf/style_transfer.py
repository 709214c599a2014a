# Gradients on a picture: Gram matrices of two layers, an optimizer that changes a tf.Variable.
# ruff: noqa - written as such programs are
import numpy as np
import tensorflow as tf

tf.random.set_seed(5)
inputs = tf.keras.Input((24, 24, 3))
a = tf.keras.layers.Conv2D(6, 3, activation="relu", name="block1")(inputs)
b = tf.keras.layers.Conv2D(8, 3, activation="relu", name="block2")(
    tf.keras.layers.MaxPooling2D()(a)
)
network = tf.keras.Model(inputs, b)
network.trainable = False
extractor = tf.keras.Model(
    network.input, [network.get_layer(n).output for n in ("block1", "block2")]
)


def gram_matrix(input_tensor):
    result = tf.linalg.einsum("bijc,bijd->bcd", input_tensor, input_tensor)
    input_shape = tf.shape(input_tensor)
    num_locations = tf.cast(input_shape[1] * input_shape[2], tf.float32)
    return result / (num_locations)


content_image = tf.random.uniform((1, 24, 24, 3))
style_image = tf.constant(
    np.tile(np.linspace(0, 1, 24, dtype="float32")[None, :, None, None], (1, 1, 24, 3))
)
style_targets = [gram_matrix(f) for f in extractor(style_image)]
content_target = extractor(content_image)[1]
image = tf.Variable(content_image)
opt = tf.keras.optimizers.Adam(learning_rate=0.02, beta_1=0.9)


def clip_0_1(image):
    return tf.clip_by_value(image, clip_value_min=0.0, clip_value_max=1.0)


@tf.function()
def train_step(image):
    with tf.GradientTape() as tape:
        outputs = extractor(image)
        style_loss = tf.add_n(
            [tf.reduce_mean((gram_matrix(o) - t) ** 2) for o, t in zip(outputs, style_targets)]
        )
        content_loss = tf.reduce_mean((outputs[1] - content_target) ** 2)
        loss = style_loss + 0.1 * content_loss
        loss += 1e-5 * tf.reduce_sum(tf.image.total_variation(image))
    grad = tape.gradient(loss, image)
    opt.apply_gradients([(grad, image)])
    image.assign(clip_0_1(image))
    return loss


losses = [float(train_step(image)) for _ in range(40)]
assert losses[-1] < 0.7 * losses[0], losses[::10]
assert image.shape == (1, 24, 24, 3) and float(tf.reduce_max(image)) <= 1.0
assert network.count_params() and not network.trainable_variables
# a gradient of a gradient
x = tf.constant([1.0, 2.0])
with tf.GradientTape() as outer:
    outer.watch(x)
    with tf.GradientTape() as inner:
        inner.watch(x)
        y = tf.reduce_sum(x**3)
    first = inner.gradient(y, x)
second = outer.gradient(first, x)
np.testing.assert_allclose(second.numpy(), 6 * x.numpy(), rtol=1e-5)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.stack([x[0] * x[1], x[0] ** 2, tf.sin(x[1])])
np.testing.assert_allclose(
    tape.jacobian(y, x).numpy(), [[2, 1], [2, 0], [0, np.cos(2.0)]], rtol=1e-5
)
print("ok")
