"""Sentiment as the book has it: Embedding and LSTM on reviews of a hundred words."""

import numpy as np
from tensorflow.keras.layers import LSTM, Dense, Embedding
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.sequence import pad_sequences

rng = np.random.RandomState(0)
reviews = [rng.randint(1, 10000, rng.randint(50, 200)) for _ in range(6000)]
x = pad_sequences(reviews, maxlen=100)
y = (x[:, -20:].mean(1) > 5000).astype("float32")

model = Sequential()
model.add(Embedding(10000, 32))
model.add(LSTM(32))
model.add(Dense(1, activation="sigmoid"))
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
history = model.fit(x, y, epochs=4, batch_size=128, validation_split=0.2, verbose=2)
assert history.history["loss"][-1] < history.history["loss"][0]
print("ok")
