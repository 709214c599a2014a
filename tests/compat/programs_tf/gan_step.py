# A DCGAN's step: two models, two optimizers, two tapes, compiled by tf.function.
# ruff: noqa - written as such programs are
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

tf.random.set_seed(1)
np.random.seed(1)


def make_generator():
    model = tf.keras.Sequential()
    model.add(layers.Dense(7 * 7 * 8, use_bias=False, input_shape=(16,)))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Reshape((7, 7, 8)))
    model.add(layers.Conv2DTranspose(4, (5, 5), strides=(2, 2), padding="same", use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Conv2DTranspose(1, (5, 5), strides=(2, 2), padding="same", activation="tanh"))
    assert model.output_shape == (None, 28, 28, 1)
    return model


def make_discriminator():
    return tf.keras.Sequential(
        [
            layers.Conv2D(8, (5, 5), strides=(2, 2), padding="same", input_shape=[28, 28, 1]),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator_loss(real_output, fake_output):
    real_loss = cross_entropy(tf.ones_like(real_output), real_output)
    fake_loss = cross_entropy(tf.zeros_like(fake_output), fake_output)
    return real_loss + fake_loss


generator, discriminator = make_generator(), make_discriminator()
generator_optimizer = tf.keras.optimizers.Adam(1e-3)
discriminator_optimizer = tf.keras.optimizers.Adam(1e-3)
BATCH_SIZE = 16


@tf.function
def train_step(images):
    noise = tf.random.normal([BATCH_SIZE, 16])
    with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
        generated_images = generator(noise, training=True)
        real_output = discriminator(images, training=True)
        fake_output = discriminator(generated_images, training=True)
        gen_loss = cross_entropy(tf.ones_like(fake_output), fake_output)
        disc_loss = discriminator_loss(real_output, fake_output)
    gradients_of_generator = gen_tape.gradient(gen_loss, generator.trainable_variables)
    gradients_of_discriminator = disc_tape.gradient(disc_loss, discriminator.trainable_variables)
    generator_optimizer.apply_gradients(zip(gradients_of_generator, generator.trainable_variables))
    discriminator_optimizer.apply_gradients(
        zip(gradients_of_discriminator, discriminator.trainable_variables)
    )
    return gen_loss, disc_loss


images = np.clip(np.random.normal(0.5, 0.1, size=(64, 28, 28, 1)), -1, 1).astype("float32")
train_dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(64).batch(BATCH_SIZE)
before = [w.numpy().copy() for w in generator.trainable_variables]
moving = generator.layers[1].moving_mean.numpy().copy()
losses = []
for epoch in range(8):
    for image_batch in train_dataset:
        gen_loss, disc_loss = train_step(image_batch)
        losses.append(disc_loss.numpy())
assert np.mean(losses[-4:]) < np.mean(losses[:4]), losses
assert all(np.abs(a - w.numpy()).max() > 0 for a, w in zip(before, generator.trainable_variables))
assert np.abs(moving - generator.layers[1].moving_mean.numpy()).max() > 0
assert int(generator_optimizer.iterations.numpy()) == 32
decision = discriminator(generator(tf.random.normal([1, 16]), training=False))
assert decision.shape.as_list() == [1, 1]
print("ok")
