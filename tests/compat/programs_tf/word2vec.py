# Skip-gram with negative samples: embedding_lookup, candidate words by chance, cosine neighbours.
# ruff: noqa - written as such programs are
import numpy as np
import tensorflow as tf

tf.random.set_seed(7)
np.random.seed(7)
sentences = "the cat sat the dog sat the cat ran the dog ran a car stopped a bus stopped a car left a bus left".split()
vocabulary = sorted(set(sentences))
ids = np.array([vocabulary.index(w) for w in sentences], "int32")
pairs = [(ids[i], ids[j]) for i in range(len(ids)) for j in (i - 1, i + 1) if 0 <= j < len(ids)]
targets, contexts = (np.array(v, "int32") for v in zip(*pairs))
size, dim = len(vocabulary), 8
embeddings = tf.Variable(tf.random.uniform([size, dim], -0.5, 0.5), name="embeddings")
outputs = tf.Variable(tf.zeros([size, dim]))
bias = tf.Variable(tf.zeros([size]))
optimizer = tf.keras.optimizers.SGD(1.0)


@tf.function
def step(target, context):
    negative = tf.random.uniform([tf.shape(target)[0], 3], 0, size, dtype=tf.int32)
    with tf.GradientTape() as tape:
        word = tf.nn.embedding_lookup(embeddings, target)
        candidates = tf.concat([context[:, tf.newaxis], negative], axis=1)
        logits = tf.einsum("bd,bkd->bk", word, tf.nn.embedding_lookup(outputs, candidates))
        logits += tf.gather(bias, candidates)
        labels = tf.constant([[1.0, 0.0, 0.0, 0.0]]) * tf.ones_like(logits)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))
    variables = [embeddings, outputs, bias]
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


dataset = tf.data.Dataset.from_tensor_slices((targets, contexts)).shuffle(100).repeat().batch(16)
losses = [step(t, c).numpy() for t, c in dataset.take(300)]
assert np.mean(losses[-20:]) < 0.8 * np.mean(losses[:20])
norm = tf.sqrt(tf.reduce_sum(tf.square(embeddings), 1, keepdims=True))
normalized = embeddings / norm
similarity = tf.matmul(normalized, normalized, transpose_b=True).numpy()
index = vocabulary.index
assert similarity[index("cat"), index("dog")] > similarity[index("cat"), index("bus")]
values, nearest = tf.math.top_k(similarity[index("car")], k=2)
assert vocabulary[int(nearest[0])] == "car"
print("ok")
