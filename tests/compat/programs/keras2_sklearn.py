"""Keras 2: models as scikit-learn's estimators."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score

rng = np.random.RandomState(0)
x = rng.normal(size=(60, 3))
y = np.where(x[:, 0] > 0, "yes", "no")


def classifier(units=4):
    model = Sequential(
        [Dense(units, activation="relu", input_dim=3), Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def regressor():
    model = Sequential([Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    return model


search = GridSearchCV(
    KerasClassifier(build_fn=classifier, epochs=2, batch_size=20, verbose=0),
    {"units": [2, 4]},
    cv=2,
)
search.fit(x, y)
assert set(search.best_params_) == {"units"}
assert set(search.predict(x)) <= {"yes", "no"}
assert search.predict_proba(x).shape == (60, 2)
scores = cross_val_score(KerasRegressor(regressor, epochs=1, verbose=0), x, x[:, 0], cv=2)
assert scores.shape == (2,)
