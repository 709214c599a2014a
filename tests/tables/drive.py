"""A model that only has what callbacks touch, and a way to drive their hooks."""

import types

import numpy as np


class FakeModel:
    """Weights that say in which epoch they were set, an optimizer with a rate, files as text."""

    def __init__(self, rate=0.1):
        self.stop_training = False
        self.optimizer = types.SimpleNamespace(learning_rate=rate)
        self.metrics = []
        self.weights = [np.zeros(2)]
        self.saved = []

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = [w.copy() for w in weights]

    def save(self, path, overwrite=True):
        self.saved.append(("model", path))

    def save_weights(self, path, overwrite=True):
        self.saved.append(("weights", path))


def drive(callbacks, model, epochs, batches=0, first=0, **params):
    """Call the hooks as `fit` does, with the given logs of each epoch; return those it ran."""
    callbacks = callbacks if isinstance(callbacks, list) else [callbacks]
    for callback in callbacks:
        callback.set_params({"epochs": len(epochs), "steps": batches, "verbose": 0, **params})
        callback.set_model(model)

    def call(hook, *args):
        for callback in callbacks:
            getattr(callback, hook)(*args)

    model.stop_training = False
    call("on_train_begin", {})
    ran, logs = [], {}
    for epoch, given in enumerate(epochs, start=first):
        call("on_epoch_begin", epoch, {})
        model.weights = [np.full(2, float(epoch))]
        for batch in range(batches):
            call("on_train_batch_begin", batch, {})
            call("on_train_batch_end", batch, dict(given))
        logs = dict(given)
        call("on_epoch_end", epoch, logs)
        ran.append(logs)
        if model.stop_training:
            break
    call("on_train_end", logs)
    return ran
