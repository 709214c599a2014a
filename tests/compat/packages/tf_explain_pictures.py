"""tf-explain: what a convnet looked at, by each of its methods and as a callback."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tf_explain.callbacks import GradCAMCallback, OcclusionSensitivityCallback
from tf_explain.core import (
    ExtractActivations,
    GradCAM,
    GradientsInputs,
    IntegratedGradients,
    OcclusionSensitivity,
    SmoothGrad,
    VanillaGradients,
)

tf.keras.utils.set_random_seed(3)
rng = np.random.RandomState(0)
# A bright square is at the left (0) or at the right (1), in noise.
labels = rng.randint(0, 2, 256)
pictures = rng.rand(256, 16, 16, 3).astype("float32") * 0.2
rows, columns = rng.randint(0, 12, 256), rng.randint(0, 4, 256) + 8 * labels
for picture, row, column in zip(pictures, rows, columns):
    picture[row : row + 4, column : column + 4] += 0.8

model = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(8, 3, activation="relu", padding="same", input_shape=(16, 16, 3)),
        tf.keras.layers.Conv2D(8, 3, activation="relu", padding="same", name="last"),
        tf.keras.layers.MaxPooling2D(4),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(2, name="decision"),
        tf.keras.layers.Activation("softmax"),
    ]
)
model.compile(
    tf.keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
shown = (pictures[:4], labels[:4])
callbacks = [
    GradCAMCallback(shown, class_index=0, output_dir="logs/cam"),
    OcclusionSensitivityCallback(shown, class_index=0, patch_size=8, output_dir="logs/hidden"),
]
history = model.fit(
    pictures, labels, epochs=8, batch_size=32, verbose=0, callbacks=callbacks, validation_data=shown
)
assert history.history["accuracy"][-1] > 0.9, history.history
for folder in ("logs/cam", "logs/hidden"):
    assert list(Path(folder).rglob("events.out.tfevents.*")), "pictures for TensorBoard"

chosen = 5
data, target = (pictures[chosen : chosen + 1], labels[chosen : chosen + 1]), int(labels[chosen])
square = np.zeros((16, 16), bool)
square[rows[chosen] : rows[chosen] + 4, columns[chosen] : columns[chosen] + 4] = True


def looks_at_the_square(grid, factor=1.5):
    grid = np.asarray(grid, float).reshape(16, 16, -1).mean(-1)
    assert grid[square].mean() > factor * grid[~square].mean()


for method in (VanillaGradients(), GradientsInputs()):
    looks_at_the_square(method.explain(data, model, class_index=target))
looks_at_the_square(IntegratedGradients().explain(data, model, target, n_steps=8))
smooth = SmoothGrad().explain(data, model, target, num_samples=5, noise=0.2)
assert smooth.shape == (16, 16)
cam = GradCAM().explain(data, model, target, layer_name="last")
assert cam.shape == (16, 16, 3)
assert cam.dtype == np.uint8
GradCAM().save(cam, ".", "cam.png")
assert Path("cam.png").read_bytes().startswith(b"\x89PNG")
assert OcclusionSensitivity().explain(data, model, target, patch_size=4).shape == (16, 16, 3)
maps = OcclusionSensitivity().get_sensitivity_map(model, data[0][0], target, 4)
assert maps.shape == (16, 16)
assert 0 <= maps.min() < maps.max() <= 1
activations = ExtractActivations().explain(data, model, layers_name=["last"])
assert activations.ndim == 2
assert activations.max() > 0
print("ok")
