"""`keras.wrappers.scikit_learn`: models as estimators; SciKeras is what followed it."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.utils import to_categorical

_METHODS = ("fit", "predict", "evaluate")


class BaseWrapper:
    """A function that builds a compiled model, and the arguments it and `fit` are given.

    Args:
        build_fn: returns a compiled model; None where a subclass has `__call__`.
        sk_params: arguments of `build_fn`, of `fit`, `predict` and `evaluate`.

    Raises:
        ValueError: an argument that nobody takes.
    """

    def __init__(self, build_fn: Any = None, **sk_params: Any) -> None:
        self.build_fn, self.sk_params = build_fn, sk_params
        self.check_params(sk_params)

    def _builder(self) -> Any:
        return self.build_fn if self.build_fn is not None else self.__call__  # pyright: ignore

    def check_params(self, params: dict[str, Any]) -> None:
        """Raise for an argument that neither the builder nor a method of models has."""
        from keraunos.models import Sequential

        builder = inspect.signature(self._builder()).parameters
        if any(p.kind is p.VAR_KEYWORD for p in builder.values()):
            return
        known = {*builder, "nb_epoch"}
        for name in _METHODS:
            known |= set(inspect.signature(getattr(Sequential, name)).parameters)
        for name in params:
            if name not in known:
                raise ValueError(
                    errors.report(
                        f"{type(self).__name__} has no argument {name!r}",
                        fix=errors.suggest(name, known),
                    )
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments."""
        return {**copy.copy(self.sk_params), "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Any:
        """Change arguments."""
        params = dict(params)
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.check_params(params)
        self.sk_params.update(params)
        return self

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build a model and train it; returns its History."""
        builder = self._builder()
        self.model = builder(**self.filter_sk_params(builder))
        loss = self.model.loss
        loss = getattr(loss, "__name__", loss)
        if loss == "categorical_crossentropy" and np.ndim(y) != 2:
            y = to_categorical(y)
        self.history = self.model.fit(x, y, **self._arguments("fit", kwargs))
        return self.history

    def filter_sk_params(self, fn: Any, override: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the arguments that a function has."""
        known = inspect.signature(fn).parameters
        return {k: v for k, v in self.sk_params.items() if k in known} | (override or {})

    def _arguments(self, method: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        known = {*inspect.signature(getattr(self.model, method)).parameters}
        known |= {"nb_epoch"} if method == "fit" else set()
        return {k: v for k, v in {**self.sk_params, **kwargs}.items() if k in known}

    # scikit-learn from 1.6 on asks for these.
    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        kind = self._estimator_type  # pyright: ignore[reportAttributeAccessIssue]
        return Tags(
            estimator_type=kind,
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if kind == "classifier" else None,
            regressor_tags=RegressorTags() if kind == "regressor" else None,
            input_tags=InputTags(),
        )

    def __sklearn_clone__(self) -> Any:
        return type(self)(build_fn=self.build_fn, **copy.deepcopy(self.sk_params))


class KerasClassifier(BaseWrapper):
    """A classifier for scikit-learn; see `BaseWrapper`."""

    _estimator_type = "classifier"

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build a model and train it on classes, as numbers, names, or one-hot rows."""
        y = np.array(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Return the class of each sample."""
        found = np.asarray(self.model.predict(x, **self._arguments("predict", kwargs)))
        if found.shape[-1] > 1:
            return self.classes_[found.argmax(-1)]
        return self.classes_[(found > 0.5).astype("int32")]

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Return the probability of each class."""
        found = np.asarray(self.model.predict(x, **self._arguments("predict", kwargs)))
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Return the accuracy."""
        return float(np.mean(self.predict(x, **kwargs).reshape(-1) == np.reshape(y, -1)))


class KerasRegressor(BaseWrapper):
    """A regressor for scikit-learn; see `BaseWrapper`."""

    _estimator_type = "regressor"

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Return the output of each sample."""
        found = self.model.predict(x, **self._arguments("predict", kwargs))
        return np.squeeze(found, axis=-1)

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Return minus the loss."""
        loss = self.model.evaluate(x, y, **self._arguments("evaluate", kwargs))
        return -float(loss[0] if isinstance(loss, list) else loss)
