"""Models train on folders and generators: fit, evaluate and predict see every picture."""

import numpy as np
import pytest
from PIL import Image

import keraunos as keras
from keraunos.preprocessing.image import ImageDataGenerator


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Dark pictures in one folder, bright ones in the other."""
    root = tmp_path_factory.mktemp("photos")
    for number in range(12):
        path = root / ("bright" if number % 2 else "dark") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (number % 2 * 200 + number,) * 3).save(path)
    return root


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Rescaling(1 / 128, offset=-1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.SGD(1.0), "binary_crossentropy", metrics=["accuracy"])
    return model


def flow(photos, **options):
    options = {"target_size": (6, 6), "class_mode": "binary", "batch_size": 5} | options
    return ImageDataGenerator(horizontal_flip=True).flow_from_directory(photos, **options)


def test_a_generator_of_files_trains(model, photos):
    history = model.fit(flow(photos), epochs=6, validation_data=flow(photos), verbose=0)
    assert history.history["val_accuracy"][-1] == 1
    assert model.evaluate(flow(photos), verbose=0, return_dict=True)["accuracy"] == 1
    found = model.predict(flow(photos, class_mode=None, shuffle=False), verbose=0)
    assert found.shape == (12, 1)
    assert (found[:6] < 0.5).all() or (found[:6] > 0.5).all()


def test_a_folder_trains(model, photos):
    options = {"image_size": (6, 6), "batch_size": 5, "label_mode": "binary", "verbose": False}
    train, validation = keras.utils.image_dataset_from_directory(
        photos, validation_split=0.25, subset="both", seed=1, **options
    )
    history = model.fit(train, epochs=6, validation_data=validation, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] + 1e-6
    assert model.predict(validation, verbose=0).shape == (3, 1)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_generator_of_arrays_trains_with_threads(model, workers):
    x = np.random.default_rng(0).random((12, 6, 6, 3)).astype("float32") * 255
    y = (x.mean(axis=(1, 2, 3)) > 127).astype("float32")[:, None]
    batches = ImageDataGenerator(zoom_range=0.1).flow(x, y, batch_size=5)
    batches.workers = workers
    history = model.fit(batches, epochs=2, steps_per_epoch=2, verbose=0)
    assert len(history.history["loss"]) == 2


def test_a_damaged_picture_ends_training_with_its_name(model, photos, tmp_path):
    (tmp_path / "dark").mkdir()
    (tmp_path / "bright").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "dark" / "0.png")
    (tmp_path / "bright" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"cannot read the picture .*broken\.png"):
        model.fit(flow(tmp_path), verbose=0)
