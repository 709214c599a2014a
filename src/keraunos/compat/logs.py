"""Names of metrics then and now: a dictionary of logs that answers to each of them."""

from __future__ import annotations

from typing import Any

# Names of one metric. The first group: what was asked for as accuracy may be logged under
# the name of the accuracy that the loss has chosen.
_GROUPS = (
    "acc accuracy binary_accuracy categorical_accuracy sparse_categorical_accuracy",
    "mse mean_squared_error MSE",
    "mae mean_absolute_error MAE",
    "mape mean_absolute_percentage_error MAPE",
    "msle mean_squared_logarithmic_error MSLE",
    "kld kullback_leibler_divergence kl_divergence KLD",
    "cosine cosine_proximity cosine_similarity",
    "bce binary_crossentropy",
    "top_k_categorical_accuracy top_k_accuracy",
    "lr learning_rate",
)
_OTHERS = {name: group.split() for group in _GROUPS for name in group.split()}


def other_names(key: str) -> list[str]:
    """Return the other names of what a key of the logs means.

    Example:
        >>> other_names("val_out_mse")
        ['val_out_mean_squared_error', 'val_out_MSE']
    """
    found = []
    for name, others in _OTHERS.items():
        if key == name or key.endswith("_" + name):
            front = key[: len(key) - len(name)]
            found += [front + other for other in others if other != name]
    return [one for one in dict.fromkeys(found) if one != key]


class Logs(dict[str, Any]):
    """Logs or a history; it lists what was logged, and finds it by older names too.

    Example:
        >>> logs = Logs({"val_accuracy": 0.5})
        >>> logs["val_acc"], "val_acc" in logs, list(logs)
        (0.5, True, ['val_accuracy'])
    """

    def __missing__(self, key: str) -> Any:
        for name in other_names(key) if isinstance(key, str) else ():
            if super().__contains__(name):
                return super().__getitem__(name)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or any(
            super(Logs, self).__contains__(name)
            for name in (other_names(key) if isinstance(key, str) else ())
        )

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def spelled_out(self) -> dict[str, Any]:
        """Return a plain dictionary with every name of each entry."""
        return {name: self[key] for key in self for name in other_names(key)} | self
