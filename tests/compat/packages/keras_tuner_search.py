"""keras-tuner: four ways to search a network for digits; the best is kept and found again."""

import keras
import keras_tuner
import numpy as np
from sklearn.datasets import load_digits

images, classes = load_digits().images / 16, load_digits().target
x, y, x_test, y_test = images[:1400], classes[:1400], images[1400:], classes[1400:]


def build(hp):
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten()])
    for i in range(hp.Int("layers", 1, 2)):
        units = hp.Choice(f"units_{i}", [2, 16, 32])
        model.add(keras.layers.Dense(units, hp.Choice("activation", ["relu", "tanh"])))
    if hp.Boolean("dropout"):
        model.add(keras.layers.Dropout(hp.Float("rate", 0.1, 0.3)))
    model.add(keras.layers.Dense(10, "softmax"))
    rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def random_search(overwrite):
    return keras_tuner.RandomSearch(
        build,
        objective="val_accuracy",
        max_trials=3,
        seed=1,
        directory="tuner",
        project_name="random",
        overwrite=overwrite,
    )


tuner = random_search(overwrite=True)
tuner.search(x, y, epochs=2, validation_data=(x_test, y_test), verbose=0)
trials = tuner.oracle.get_best_trials(3)
scores = [trial.score for trial in trials]
assert len(scores) == 3
assert scores == sorted(scores, reverse=True)

# The best model comes back with the weights of its best epoch.
best = tuner.get_best_models()[0]
measured = best.evaluate(x_test, y_test, verbose=0, return_dict=True)
np.testing.assert_allclose(measured["accuracy"], scores[0], atol=1e-6)
found = tuner.get_best_hyperparameters()[0]
assert best.layers[1].units == found.get("units_0")
np.testing.assert_allclose(float(best.optimizer.learning_rate), found["learning_rate"], rtol=1e-6)
tuner.results_summary()
tuner.search_space_summary()

# A second process, or this one again, goes on from what is in the folder.
again = random_search(overwrite=False)
assert [t.score for t in again.oracle.get_best_trials(3)] == scores

bayes = keras_tuner.BayesianOptimization(
    build,
    objective=keras_tuner.Objective("val_loss", "min"),
    max_trials=3,
    num_initial_points=2,
    seed=1,
    directory="tuner",
    project_name="bayes",
)
stop = keras.callbacks.EarlyStopping(patience=1)
bayes.search(x, y, epochs=2, validation_split=0.2, callbacks=[stop], verbose=0)
assert len(bayes.oracle.trials) == 3

hyperband = keras_tuner.Hyperband(
    build, objective="val_accuracy", max_epochs=2, seed=1, directory="tuner", project_name="band"
)
hyperband.search(x, y, validation_data=(x_test, y_test), verbose=0)
assert hyperband.get_best_hyperparameters()[0].get("tuner/epochs") >= 2


class Regressor(keras_tuner.HyperModel):
    """A model whose batch size and shuffling are searched too."""

    def build(self, hp):
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(hp.Choice("optimizer", ["sgd", "adam"]), "mse")
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch", [16, 32]), **kwargs)


points = np.random.RandomState(0).rand(64, 3)
grid = keras_tuner.GridSearch(Regressor(), "loss", directory="tuner", project_name="grid")
grid.search(points, points.sum(1), epochs=1, verbose=0)
tried = {
    (t.hyperparameters["optimizer"], t.hyperparameters["batch"])
    for t in grid.oracle.trials.values()
}
assert tried == {(o, b) for o in ("sgd", "adam") for b in (16, 32)}, tried

print("ok")
