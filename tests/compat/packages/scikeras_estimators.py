"""scikeras: Keras models as scikit-learn's estimators, in pipelines, grids and pickles."""

import pickle

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.datasets import load_digits, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, y = load_digits(return_X_y=True)
x, y = x[:600], y[:600]


def classifier(meta, hidden=16):
    model = keras.Sequential([keras.Input((meta["n_features_in_"],))])
    model.add(keras.layers.Dense(hidden, activation="relu"))
    model.add(keras.layers.Dense(meta["n_classes_"], activation="softmax"))
    return model


settings = {"loss": "sparse_categorical_crossentropy", "optimizer": "adam", "verbose": 0}
estimator = KerasClassifier(
    classifier, hidden=32, epochs=8, optimizer__learning_rate=0.01, metrics=["accuracy"], **settings
)
names = np.array([f"digit {i}" for i in range(10)])
chain = make_pipeline(StandardScaler(), estimator)
chain.fit(x, names[y])
assert chain.score(x, names[y]) > 0.95
assert set(chain.predict(x[:20])) <= set(names)
proba = chain.predict_proba(x[:20])
np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-5)
fitted = chain[-1]
assert len(fitted.history_["loss"]) == 8
np.testing.assert_allclose(float(fitted.model_.optimizer.learning_rate), 0.01, rtol=1e-6)

# An estimator in a pickle brings its weights and its optimizer.
twin = pickle.loads(pickle.dumps(chain))
np.testing.assert_array_equal(twin.predict_proba(x[:20]), proba)
scaled = chain[0].transform(x)
before = fitted.history_["loss"][-1]
twin[-1].partial_fit(scaled, names[y])
losses = twin[-1].history_["loss"]
assert len(losses) == 9
assert losses[-1] < before

grid = GridSearchCV(
    KerasClassifier(classifier, hidden=4, epochs=2, **settings),
    {"hidden": [1, 32], "optimizer__learning_rate": [0.01]},
    cv=2,
    refit=False,
)
grid.fit(x / 16, y)
assert grid.best_params_["hidden"] == 32

x, y = make_regression(200, 5, noise=0.1, random_state=0)
y = y / y.std()


def regressor(meta, compile_kwargs):
    inputs = keras.Input((meta["n_features_in_"],))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile(loss=compile_kwargs["loss"], optimizer=compile_kwargs["optimizer"])
    return model


line = KerasRegressor(
    regressor,
    loss="mse",
    optimizer=keras.optimizers.Adam,
    optimizer__learning_rate=0.1,
    epochs=30,
    verbose=0,
    random_state=3,
)
assert cross_val_score(line, x, y, cv=2).min() > 0.95
# The same seed, the same numbers.
np.testing.assert_array_equal(line.fit(x, y).predict(x), line.fit(x, y).predict(x))
print("ok")
