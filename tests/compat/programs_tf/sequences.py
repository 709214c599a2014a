"""Windows of a series, attention of a decoder, a Transformer's block, two generators in a cycle."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

tf.random.set_seed(0)
np.random.seed(0)

# -- windows of a series, from slices and from windows of windows
series = np.sin(np.arange(120) / 5).astype("float32")


def windowed(series, size, batch):
    data = tf.data.Dataset.from_tensor_slices(series)
    data = data.window(size + 1, shift=1, drop_remainder=True)
    data = data.flat_map(lambda w: w.batch(size + 1))
    data = data.map(lambda w: (w[:-1][..., tf.newaxis], w[-1:]))
    return data.shuffle(200, seed=1).batch(batch).prefetch(tf.data.AUTOTUNE)


data = windowed(series, 12, 16)
x, y = next(iter(data))
assert x.shape == (16, 12, 1)
assert y.shape == (16, 1)
model = keras.Sequential(
    [
        layers.Conv1D(8, 3, padding="causal", activation="relu", input_shape=(None, 1)),
        layers.LSTM(8),
        layers.Dense(1),
        layers.Lambda(lambda x: x * 2.0),
    ]
)
model.compile(loss=keras.losses.Huber(), optimizer=keras.optimizers.Adam(0.01), metrics=["mae"])
losses = model.fit(data, epochs=3, verbose=0).history["loss"]
assert losses[-1] < losses[0]
made = keras.utils.timeseries_dataset_from_array(series[:-12], series[12:], 12, batch_size=16)
assert len(list(made)) == len(made)


# -- a decoder that looks back at what the encoder saw (Bahdanau), teacher forcing in a tf.function
class Encoder(keras.Model):
    def __init__(self, vocabulary, units):
        super().__init__()
        self.embedding = layers.Embedding(vocabulary, units)
        self.gru = layers.GRU(units, return_sequences=True, return_state=True)

    def call(self, tokens):
        return self.gru(self.embedding(tokens))


class Attention(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.of_query, self.of_values = layers.Dense(units), layers.Dense(units)
        self.score = layers.Dense(1)

    def call(self, query, values):
        query = tf.expand_dims(query, 1)
        score = self.score(tf.nn.tanh(self.of_query(query) + self.of_values(values)))
        weights = tf.nn.softmax(score, axis=1)
        return tf.reduce_sum(weights * values, axis=1), weights


class Decoder(keras.Model):
    def __init__(self, vocabulary, units):
        super().__init__()
        self.embedding = layers.Embedding(vocabulary, units)
        self.attention = Attention(units)
        self.gru = layers.GRU(units, return_sequences=True, return_state=True)
        self.out = layers.Dense(vocabulary)

    def call(self, token, state, seen):
        context, weights = self.attention(state, seen)
        x = tf.concat([tf.expand_dims(context, 1), self.embedding(token)], axis=-1)
        output, state = self.gru(x, initial_state=state)
        return self.out(tf.reshape(output, (-1, output.shape[2]))), state, weights


encoder, decoder = Encoder(9, 8), Decoder(9, 8)
optimizer = keras.optimizers.Adam(0.02)
of_token = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


@tf.function
def train_step(source, target):
    loss = 0.0
    with tf.GradientTape() as tape:
        seen, state = encoder(source)
        token = tf.expand_dims(target[:, 0], 1)
        for t in range(1, target.shape[1]):
            logits, state, _ = decoder(token, state, seen)
            mask = tf.cast(tf.math.logical_not(tf.math.equal(target[:, t], 0)), tf.float32)
            loss += tf.reduce_mean(of_token(target[:, t], logits) * mask)
            token = tf.expand_dims(target[:, t], 1)
    variables = encoder.trainable_variables + decoder.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss / int(target.shape[1])


source = tf.constant(np.random.randint(1, 9, (16, 5)))
target = tf.concat([tf.ones((16, 1), source.dtype), source[:, ::-1][:, :3]], axis=1)
trained = [float(train_step(source, target)) for _ in range(15)]
assert trained[-1] < trained[0]


# -- a Transformer's block with positions and a mask, and a schedule of one's own
class Positions(layers.Layer):
    def __init__(self, length, vocabulary, units):
        super().__init__()
        self.tokens, self.places = (
            layers.Embedding(vocabulary, units),
            layers.Embedding(length, units),
        )

    def call(self, x):
        return self.tokens(x) + self.places(tf.range(start=0, limit=tf.shape(x)[-1], delta=1))


class Block(layers.Layer):
    def __init__(self, units, heads, inner, rate=0.1):
        super().__init__()
        self.attention = layers.MultiHeadAttention(heads, units)
        self.inner = keras.Sequential([layers.Dense(inner, activation="relu"), layers.Dense(units)])
        self.first = layers.LayerNormalization(epsilon=1e-6)
        self.second = layers.LayerNormalization(epsilon=1e-6)
        self.dropout = layers.Dropout(rate)

    def call(self, x, training=None):
        length = tf.shape(x)[1]
        mask = tf.linalg.band_part(tf.ones((length, length)), -1, 0)
        x = self.first(x + self.attention(x, x, attention_mask=mask))
        return self.second(x + self.dropout(self.inner(x), training=training))


class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, units, steps=10):
        super().__init__()
        self.units, self.steps = tf.cast(units, tf.float32), steps

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        return tf.math.rsqrt(self.units) * tf.math.minimum(
            tf.math.rsqrt(step + 1.0), step * self.steps**-1.5
        )


inputs = layers.Input(shape=(5,))
x = layers.GlobalAveragePooling1D()(Block(8, 2, 16)(Positions(5, 9, 8)(inputs)))
classifier = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
classifier.compile(
    keras.optimizers.Adam(Warmup(8), beta_2=0.98), "sparse_categorical_crossentropy", ["accuracy"]
)
labels = (np.array(source)[:, 0] > 4).astype("int32")
history = classifier.fit(np.array(source), labels, epochs=8, batch_size=8, verbose=0).history
assert history["loss"][-1] < history["loss"][0]


# -- two generators in a cycle: a persistent tape, and layers of instance normalization
def generator():
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, input_shape=(8, 8, 1)),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="tanh"),
        ]
    )


class Cycle(keras.Model):
    def __init__(self):
        super().__init__()
        self.there, self.back = generator(), generator()
        self.judge = keras.Sequential([layers.Flatten(input_shape=(8, 8, 1)), layers.Dense(1)])

    def compile(self, there, back, judge):
        super().compile()
        self.optimizers = {"there": there, "back": back, "judge": judge}
        self.adversarial = keras.losses.MeanSquaredError()

    def train_step(self, data):
        a, b = data
        with tf.GradientTape(persistent=True) as tape:
            fake = self.there(a, training=True)
            cycled = self.back(fake, training=True)
            real, false = self.judge(b, training=True), self.judge(fake, training=True)
            wins = self.adversarial(tf.ones_like(false), false)
            total = wins + 10.0 * tf.reduce_mean(tf.abs(a - cycled))
            judged = self.adversarial(tf.ones_like(real), real) + tf.reduce_mean(false**2)
        for name, loss in (("there", total), ("back", total), ("judge", judged)):
            weights = getattr(self, name).trainable_variables
            self.optimizers[name].apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"total": total, "judged": judged}


pictures = tf.data.Dataset.from_tensor_slices(
    np.random.uniform(-1, 1, (16, 8, 8, 1)).astype("float32")
)
pairs = tf.data.Dataset.zip((pictures, pictures.map(lambda p: -p))).batch(4)
cycle = Cycle()
cycle.compile(*[keras.optimizers.Adam(0.01, beta_1=0.5) for _ in range(3)])
history = cycle.fit(pairs, epochs=4, verbose=0).history
assert history["total"][-1] < history["total"][0]

# -- a step of one's own under a strategy
strategy = tf.distribute.MirroredStrategy()
with strategy.scope():
    line = keras.Sequential([layers.Dense(1)])
    descent = keras.optimizers.SGD(0.1)


@tf.function
def distributed(rows):
    def step(x):
        with tf.GradientTape() as tape:
            error = (line(x) - 1.0) ** 2
            loss = tf.nn.compute_average_loss(error, global_batch_size=8)
        gradients = tape.gradient(loss, line.trainable_variables)
        descent.apply_gradients(zip(gradients, line.trainable_variables))
        return loss

    return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(step, args=(rows,)), axis=None)


rows = tf.data.Dataset.from_tensor_slices(np.ones((16, 2), "float32")).batch(8)
found = [float(distributed(x)) for x in strategy.experimental_distribute_dataset(rows.repeat(5))]
assert found[-1] < found[0]

print("ok")
