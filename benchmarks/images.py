"""Images a second: the generator beside Keras's, a folder of JPEGs beside tf.data, torch, grain.

    python -m benchmarks.images generator
    python -m benchmarks.images folder --images 5000
    python -m benchmarks.images waiting

The last one trains the book's convnet of cats and dogs on both, and `fit(verbose=3)` prints the
share of the time for which the device waited.

Whoever is not installed is left out. The contenders take turns, and each one's best round counts:
the machine's other work makes rounds slower, never faster.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np

SIDE, BATCH = 180, 32
AUGMENTATION = {"rotation_range": 40, "width_shift_range": 0.2, "height_shift_range": 0.2}
AUGMENTATION |= {"shear_range": 0.2, "zoom_range": 0.2, "horizontal_flip": True}
AUGMENTATION |= {"rescale": 1 / 255}
GENERATORS = {
    "keraunos": "keraunos.preprocessing.image",
    "Keras 3": "keras.src.legacy.preprocessing.image",
    "keras-preprocessing": "keras_preprocessing.image",
}


def generators(count: int) -> Iterator[tuple[str, Callable[[], Iterable[Any]]]]:
    """Yield name and batches of each generator: the book's augmentation at 150 x 150 x 3."""
    pictures = np.random.default_rng(0).integers(0, 256, (count, 150, 150, 3)).astype("float32")
    for name, module in GENERATORS.items():
        try:
            room = importlib.import_module(module)
        except ImportError:
            continue
        flow = room.ImageDataGenerator(**AUGMENTATION).flow(pictures, batch_size=BATCH)
        yield name, lambda flow=flow: (flow[i] for i in range(len(flow)))


def folders(root: Path) -> Iterator[tuple[str, Callable[[], Iterable[Any]]]]:
    """Yield name and batches of each reader: decode, resize to 180 x 180, batches of 32."""
    options = {"image_size": (SIDE, SIDE), "batch_size": BATCH, "verbose": False}
    for name, module in (("keraunos", "keraunos"), ("Keras, tf.data", "keras")):
        try:
            utils = importlib.import_module(module).utils
            dataset = utils.image_dataset_from_directory(str(root), **options)
        except (ImportError, ModuleNotFoundError):
            continue
        yield name, lambda dataset=dataset: dataset
    yield from _with_pillow(root)


def _with_pillow(root: Path) -> Iterator[tuple[str, Callable[[], Iterable[Any]]]]:
    """Yield the readers that bring no decoder of their own: Pillow's, which smooths too."""
    paths = sorted(map(str, root.rglob("*.jpg")))
    try:
        torch = importlib.import_module("torch.utils.data")
    except ImportError:
        torch = None
    if torch is not None:
        workers = len(os.sched_getaffinity(0))
        loader = torch.DataLoader(
            Pictures(paths), BATCH, shuffle=True, num_workers=workers, persistent_workers=True
        )
        yield f"torch DataLoader, {workers} processes", lambda: loader
    try:
        grain = importlib.import_module("grain")
    except ImportError:
        return
    source = grain.MapDataset.source(paths).shuffle(seed=0).map(_read).to_iter_dataset()
    yield "grain", lambda: source.batch(BATCH)


class Pictures:
    """A data set as torch's DataLoader takes it."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> np.ndarray:
        return _read(self.paths[i])


def _read(path: str) -> np.ndarray:
    from PIL import Image

    image = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32)


def photos(root: Path, count: int) -> None:
    """Write JPEGs of 375 x 500 pixels, as smooth as photos are, in two classes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
        folder = root / ("cats" if number % 2 else "dogs")
        folder.mkdir(exist_ok=True)
        small.resize((500, 375), Image.Resampling.BICUBIC).save(
            folder / f"{number}.jpg", quality=90
        )


def waiting(root: Path, count: int) -> None:
    """Train the book's convnet of cats and dogs on a folder and on a generator, two epochs each."""
    import keraunos as keras

    layers, options = keras.layers, {"image_size": (150, 150), "label_mode": "binary"}
    folder = keras.utils.image_dataset_from_directory(str(root), **options)
    pictures = np.random.default_rng(0).integers(0, 256, (count, 150, 150, 3)).astype("float32")
    generator = keras.preprocessing.image.ImageDataGenerator(**(AUGMENTATION | {"rescale": None}))
    flow = generator.flow(pictures, np.arange(count) % 2, batch_size=BATCH)
    for name, data in (("folder", folder), ("generator", flow)):
        blocks = [
            part
            for filters in (32, 64, 128, 128)
            for part in (layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D())
        ]
        head = [layers.Flatten(), layers.Dense(512, "relu"), layers.Dense(1, "sigmoid")]
        model = keras.Sequential(
            [keras.Input((150, 150, 3)), layers.Rescaling(1 / 255), *blocks, *head]
        )
        model.compile("rmsprop", "binary_crossentropy")
        print(name)
        model.fit(data, epochs=2, verbose=3)


def race(contenders: dict[str, Callable[[], Iterable[Any]]], count: int, rounds: int) -> None:
    """Print images a second of each, and the processor time of an image; the best rounds.

    Processor time, that of worker processes too, is what other programs cannot take away.
    """
    best: dict[str, tuple[float, float]] = dict.fromkeys(contenders, (0.0, float("inf")))
    for _ in range(rounds):
        for name, batches in contenders.items():
            begun, used = time.perf_counter(), processor_seconds()
            for batch in batches():
                del batch
            speed = count / (time.perf_counter() - begun)
            cost = (processor_seconds() - used) / count * 1e3
            best[name] = max(best[name][0], speed), min(best[name][1], cost)
    load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    print(f"{count} images, {rounds} rounds; {load:.1f} programs a core at the end")
    for name, (speed, cost) in best.items():
        ratio = speed / best["keraunos"][0]
        print(f"{name:32}{speed:8.0f} images/s{ratio:7.2f}{cost:9.2f} ms of processor an image")


def processor_seconds() -> float:
    """Return what this process and those that it started have used so far (on Linux)."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total, parents = time.process_time() + ended.ru_utime + ended.ru_stime, {os.getpid()}
    for path in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda it: int(it.parent.name)):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended since
            continue
        if int(fields[1]) in parents:
            parents.add(int(path.parent.name))
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> None:
    """Run the race that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["generator", "folder", "waiting"])
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.what == "generator":
        race(dict(generators(asked.images)), asked.images, asked.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        photos(Path(folder), asked.images)
        if asked.what == "waiting":
            waiting(Path(folder), asked.images)
            return
        race(dict(folders(Path(folder))), asked.images, asked.rounds)


if __name__ == "__main__":
    main()
