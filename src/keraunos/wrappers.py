"""Models as scikit-learn estimators, for its pipelines, searches and scores."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from keraunos import errors

errors.require("sklearn", "sklearn", "keraunos.wrappers")

# Only where the extra is there.
from sklearn.base import (  # noqa: E402
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils.multiclass import type_of_target  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

from keraunos.models import Model, clone_model  # noqa: E402


class _Estimator(BaseEstimator):
    """What the three estimators share: a model that is made, fitted and asked.

    Args:
        model: a compiled `Model`, which is copied for each fit, or a function
            `(X, y, **model_kwargs)` that returns one.
        warm_start: whether a further fit goes on from the weights of the last one.
        model_kwargs: for the function.
        fit_kwargs: for `model.fit`; arguments of `fit` itself count more.
    """

    model_: Any
    history_: Any

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Train a model on X (samples, features) and y (samples,) or (samples, outputs).

        Raises:
            ValueError: targets of another kind than the estimator is for.
            RuntimeError: a model that is not compiled.
        """
        X, y = validate_data(self, X, y, multi_output=True)
        targets = self._encoded(y)
        if not (self.warm_start and hasattr(self, "model_")):
            self.model_ = self._made(X, targets)
        self.history_ = self.model_.fit(X, targets, **((self.fit_kwargs or {}) | kwargs))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return a target for each sample."""
        return self._decoded(self._outputs(X))

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return self.model_.predict(validate_data(self, X, reset=False), verbose=0)

    def _made(self, X: Any, y: Any) -> Model:
        if isinstance(self.model, Model):
            made = self.model if self.warm_start else _copied(self.model)
        else:
            made = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if not made.compiled:
            raise RuntimeError(
                errors.report(
                    f"{type(self).__name__}: model {made.name!r} is not compiled",
                    fix="model.compile(optimizer, loss) first",
                )
            )
        return made

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        type_of_target(y, raise_unknown=True)
        self._one_column = y.ndim == 1
        return y.reshape(len(y), -1)

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, 0] if self._one_column and outputs.shape[1:] == (1,) else outputs

    def __sklearn_clone__(self) -> Any:
        given = self.get_params(deep=False)
        return type(self)(**{k: v if k == "model" else copy.deepcopy(v) for k, v in given.items()})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A model whose outputs are the probabilities of classes.

    Targets may be numbers or strings; the model sees them one-hot, one column a class.

    Example:
        >>> import keraunos as keras
        >>> def make(X, y):
        ...     model = keras.Sequential([keras.layers.Dense(y.shape[1], activation="softmax")])
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> X = np.eye(4, dtype="float32")
        >>> SKLearnClassifier(make).fit(X, ["a", "b", "a", "b"], verbose=0).predict(X).shape
        (4,)
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the model's outputs, one column a class."""
        return self._outputs(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the model's outputs, one column a class."""
        return self._outputs(X)

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        kind = type_of_target(y, raise_unknown=True)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if kind not in ("binary", "multiclass") or len(self.classes_) < 2:
            raise ValueError(
                errors.report(
                    type(self).__name__,
                    expected="one target a sample, of two or more classes",
                    got=f"{kind} targets of {len(self.classes_)} classes",
                )
            )
        return np.eye(len(self.classes_), dtype="float32")[indices.reshape(-1)]

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        return self.classes_[outputs.argmax(-1)]


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A model whose outputs are numbers.

    Example:
        >>> import keraunos as keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> X = np.ones((4, 2), "float32")
        >>> SKLearnRegressor(model).fit(X, [1.0, 2.0, 3.0, 4.0], verbose=0).predict(X).shape
        (4,)
    """


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A model whose outputs are features for the next step of a pipeline.

    Example:
        >>> import keraunos as keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> model.compile("sgd", "mse")
        >>> X = np.ones((4, 2), "float32")
        >>> SKLearnTransformer(model).fit(X, np.ones((4, 3)), verbose=0).transform(X).shape
        (4, 3)
    """

    def transform(self, X: Any) -> np.ndarray:
        """Return the model's outputs."""
        return self._outputs(X)


def _copied(model: Model) -> Model:
    """Return a model like this one, with weights of its own, compiled as it is."""
    made = clone_model(model)
    if model.compiled:
        made.compile_from_config(model.get_compile_config())
    return made
