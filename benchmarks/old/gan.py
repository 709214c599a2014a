"""Two networks that play against each other, one train_on_batch after the other."""

import numpy as np
from tensorflow.keras import Input, Model, Sequential
from tensorflow.keras.layers import Dense, Dropout, LeakyReLU
from tensorflow.keras.optimizers import Adam

rng = np.random.RandomState(0)
real = rng.randn(4096, 32).astype("float32") * 0.5 + 1

generator = Sequential([Dense(64, input_dim=16), LeakyReLU(), Dense(32)])
discriminator = Sequential(
    [Dense(64, input_dim=32), LeakyReLU(), Dropout(0.3), Dense(1, "sigmoid")]
)
discriminator.compile(Adam(0.0005, beta_1=0.5), "binary_crossentropy")
discriminator.trainable = False
noise = Input((16,))
gan = Model(noise, discriminator(generator(noise)))
gan.compile(Adam(0.0005, beta_1=0.5), "binary_crossentropy")
for step in range(400):
    z = rng.randn(64, 16)
    fake = generator.predict(z, verbose=0)
    images = np.concatenate([fake, real[rng.randint(0, 4096, 64)]])
    truth = np.concatenate([np.zeros((64, 1)), np.ones((64, 1))])
    d_loss = discriminator.train_on_batch(images, truth)
    g_loss = gan.train_on_batch(rng.randn(64, 16), np.ones((64, 1)))
    if step % 100 == 0:
        print(step, float(d_loss), float(g_loss))
assert abs(generator.predict(rng.randn(256, 16), verbose=0).mean() - 1) < 1
print("ok")
