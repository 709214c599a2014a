"""Estimators do what scikit-learn expects of its own."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import keraunos
from keraunos import layers
from keraunos.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

X, LABELS = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[LABELS]
SILENT = {"epochs": 25, "verbose": 0, "batch_size": 16}


def make(X, y, units=8):
    outputs = layers.Dense(y.shape[1], activation="softmax")
    model = keraunos.Sequential([layers.Dense(units, activation="relu"), outputs])
    model.compile(keraunos.optimizers.Adam(0.02), "categorical_crossentropy")
    return model


def linear(outputs=1):
    model = keraunos.Sequential([keraunos.Input((4,)), layers.Dense(outputs)])
    model.compile("sgd", "mse")
    return model


def test_a_classifier_in_a_pipeline_and_a_search():
    keraunos.utils.set_random_seed(0)
    estimator = make_pipeline(StandardScaler(), SKLearnClassifier(make, fit_kwargs=SILENT))
    search = GridSearchCV(
        estimator, {"sklearnclassifier__model_kwargs": [{"units": 2}, {"units": 16}]}, cv=2
    )
    search.fit(X, NAMES)
    assert search.best_score_ > 0.9
    assert search.predict(X[:3]).tolist() == ["setosa"] * 3
    assert search.predict_proba(X).shape == (150, 3)


def test_a_regressor_keeps_the_form_of_its_targets():
    for y in (LABELS.astype("float32"), np.stack([LABELS, LABELS], 1).astype("float32")):
        found = SKLearnRegressor(linear(y.size // 150)).fit(X, y, epochs=1, verbose=0)
        assert found.predict(X).shape == y.shape


def test_a_transformer_feeds_the_next_step():
    steps = make_pipeline(SKLearnTransformer(make, fit_kwargs=SILENT), LogisticRegression())
    y = np.eye(3)[LABELS]
    steps.steps[0][1].fit(X, y)
    assert steps.steps[0][1].transform(X).shape == (150, 3)


def test_a_model_is_copied_unless_it_goes_on():
    model = linear()
    before = model.get_weights()[0]
    SKLearnRegressor(model).fit(X, LABELS, verbose=0)
    np.testing.assert_array_equal(before, model.get_weights()[0])
    warm = SKLearnRegressor(model, warm_start=True).fit(X, LABELS, verbose=0)
    assert warm.model_ is model
    assert warm.fit(X, LABELS, verbose=0).model_ is model
    assert clone(warm).get_params(deep=False)["warm_start"]


def test_mistakes():
    with pytest.raises(NotFittedError):
        SKLearnRegressor(linear()).predict(X)
    with pytest.raises(RuntimeError, match=r"model\.compile"):
        SKLearnRegressor(keraunos.Sequential([layers.Dense(1)])).fit(X, LABELS)
    with pytest.raises(ValueError, match="two or more classes"):
        SKLearnClassifier(make).fit(X, np.zeros(150, int))
    with pytest.raises(ValueError, match="continuous"):
        SKLearnClassifier(make).fit(X, X[:, 0] + 0.5)
