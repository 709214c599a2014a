"""What a program keeps: checkpoints, saved models, summaries, layers from files."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keraunos import errors
from keraunos._core.layer import Layer
from keraunos._core.variable import Variable as Box
from keraunos.compat.tensorflow._io import path_of
from keraunos.compat.tensorflow._tensor import tensor
from keraunos.compat.tensorflow._variable import Variable, found

_NEWEST = "checkpoint"  # the file that names the newest one, as TensorFlow's does


# -- tf.train.Checkpoint


class Status:
    """What came of a restore."""

    def __init__(self, path: str, missing: list[str], spare: list[str]) -> None:
        self._path, self._missing, self._spare = path, missing, spare

    def expect_partial(self) -> Status:
        return self

    def assert_existing_objects_matched(self) -> Status:
        if self._missing:
            got = "none for " + ", ".join(self._missing[:5])
            raise AssertionError(errors.report(f"checkpoint {self._path}", got=got))
        return self

    def assert_consumed(self) -> Status:
        if self._spare:
            got = "unused: " + ", ".join(self._spare[:5])
            raise AssertionError(errors.report(f"checkpoint {self._path}", got=got))
        return self.assert_existing_objects_matched()

    def assert_nontrivial_match(self) -> Status:
        return self

    run_restore_ops = initialize_or_restore = expect_partial


class Checkpoint:
    """Keeps the variables of models, optimizers and `tf.Variable`s in one file of NumPy.

    Args:
        root: an object whose attributes count, as of `tf.Module`.
        kwargs: a name for each object.

    Example:
        >>> import tempfile
        >>> v = Variable(1.0)
        >>> checkpoint = Checkpoint(step=v)
        >>> path = checkpoint.save(tempfile.mkdtemp() + "/ck")
        >>> _ = v.assign(5.0)
        >>> _ = checkpoint.restore(path).assert_consumed()
        >>> float(v)
        1.0
    """

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        self._objects = ({} if root is None else {"root": root}) | kwargs
        self.save_counter = Variable(0, trainable=False, name="save_counter")
        self.__dict__.update(kwargs)

    def _boxes(self) -> dict[str, Box]:
        models = [o for o in self._objects.values() if isinstance(o, Layer)]
        boxes: dict[str, Box] = {"save_counter": self.save_counter}
        for name, owner in self._objects.items():
            if hasattr(owner, "apply_gradients") and not owner.built and models:
                # Its slots are made by the first step, or by this.
                owner.build([v for m in models for v in m.trainable_variables])
            held = [owner] if isinstance(owner, Box) else _variables(owner)
            boxes |= {f"{name}/{i}/{v.name}": v for i, v in enumerate(held)}
        return boxes

    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Write a file; return its prefix."""
        prefix = path_of(file_prefix)
        target = Path(prefix + ".npz")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **{k: v.numpy() for k, v in self._boxes().items()})  # pyright: ignore
        part.replace(target)
        return prefix

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Write a file with a number behind its prefix; return that."""
        self.save_counter.assign_add(1)
        prefix = self.write(f"{path_of(file_prefix)}-{int(self.save_counter)}")
        Path(prefix).parent.joinpath(_NEWEST).write_text(
            f'model_checkpoint_path: "{Path(prefix).name}"\n'
        )
        return prefix

    def restore(self, save_path: Any, options: Any = None) -> Status:
        """Read a file into the variables; None does nothing.

        Raises:
            FileNotFoundError: there is none, or it is one of TensorFlow's own.
            ValueError: an array of another shape.
        """
        if save_path is None:
            return Status("none", [], [])
        path = path_of(save_path)
        if not Path(path + ".npz").exists():
            own = Path(path + ".index").exists()
            note = "this is TensorFlow's own format, which is not read here" if own else None
            raise FileNotFoundError(errors.report(f"no checkpoint {path}.npz", note=note))
        boxes = self._boxes()
        with np.load(path + ".npz") as held:
            for name in boxes.keys() & set(held.files):
                boxes[name].assign(held[name])
            names = set(held.files)
        return Status(path, sorted(boxes.keys() - names), sorted(names - boxes.keys()))

    read = restore


def _variables(owner: Any) -> list[Box]:
    given = getattr(owner, "variables", None)
    return list(given) if given is not None else found(vars(owner), Box)


class CheckpointManager:
    """Saves checkpoints under numbers and keeps the last few."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: Any,
        max_to_keep: int | None,
        *_: Any,
        checkpoint_name: str = "ckpt",
        **__: Any,
    ) -> None:
        self.checkpoint, self.directory = checkpoint, path_of(directory)
        self._most, self._prefix = max_to_keep, str(Path(self.directory, checkpoint_name))

    @property
    def checkpoints(self) -> list[str]:
        name = re.compile(re.escape(Path(self._prefix).name) + r"-(\d+)\.npz")
        folder = Path(self.directory)
        there = [(int(m[1]), p) for p in folder.glob("*.npz") if (m := name.fullmatch(p.name))]
        return [str(p.with_suffix("")) for _, p in sorted(there)]

    @property
    def latest_checkpoint(self) -> str | None:
        return self.checkpoints[-1] if self.checkpoints else None

    def save(self, checkpoint_number: Any = None, *_: Any, **__: Any) -> str:
        if checkpoint_number is None:
            path = self.checkpoint.save(self._prefix)
        else:
            path = self.checkpoint.write(f"{self._prefix}-{int(checkpoint_number)}")
        for old in self.checkpoints[: -self._most] if self._most else []:
            Path(old + ".npz").unlink()
        return path

    def restore_or_initialize(self) -> str | None:
        newest = self.latest_checkpoint
        if newest:
            self.checkpoint.restore(newest)
        return newest


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """Return the prefix of the newest checkpoint of a folder, or None."""
    names = Path(path_of(checkpoint_dir), latest_filename or _NEWEST)
    match = re.search(r'"(.*)"', names.read_text()) if names.exists() else None
    return str(names.with_name(match[1])) if match else None


# -- tf.saved_model, hub: folders with a Keras file in them

_FILE = "model.keras"


def save_model(obj: Any, export_dir: Any, signatures: Any = None, options: Any = None) -> None:
    """Write a model to a folder, as a .keras file, which `load_model` and Keras 3 read too.

    Raises:
        TypeError: something else than a model.
    """
    if not isinstance(obj, Layer) or not hasattr(obj, "save"):
        fix = "tf.train.Checkpoint keeps the variables of any object"
        got = type(obj).__name__
        raise TypeError(errors.report("tf.saved_model.save", expected="a model", got=got, fix=fix))
    folder = Path(path_of(export_dir))
    folder.mkdir(parents=True, exist_ok=True)
    obj.save(folder / _FILE)  # pyright: ignore[reportAttributeAccessIssue]


def load_saved(export_dir: Any, tags: Any = None, options: Any = None) -> Any:
    """Return the model of a folder that `save_model` wrote, or of a Keras file in a folder.

    Raises:
        ValueError: the folder has no Keras file: TensorFlow's own SavedModel is not read here.
    """
    from keraunos import saving

    return saving.load_model(_model_file(path_of(export_dir)))


def _model_file(path: str) -> str:
    if Path(path).is_file():
        return path
    for pattern in (_FILE, "*.keras", "*.h5", "*.hdf5"):
        for file in sorted(Path(path).glob(pattern)):
            return str(file)
    if Path(path, "saved_model.pb").exists():
        fix = "load it in TensorFlow once and write model.save('model.keras')"
        raise ValueError(errors.report(f"{path} is TensorFlow's own SavedModel", fix=fix))
    raise ValueError(errors.report(f"no Keras file (.keras, .h5) in {path}"))


class KerasLayer(Layer):
    """`hub.KerasLayer`: a layer from a Keras file, or a folder or archive that holds one.

    Args:
        handle: a path, a URL of such an archive or file, or a callable.
        trainable: whether its weights learn.
        kwargs: `input_shape`, `output_shape`, `signature` and their kind change nothing here.
    """

    def __init__(self, handle: Any, trainable: bool = False, arguments: Any = None, **kwargs: Any):
        super().__init__(trainable=trainable, name=kwargs.get("name"))
        self.handle, self.arguments = handle, arguments or {}
        self.inner: Any = handle if callable(handle) else load_saved(_unpacked(path_of(handle)))
        self.inner.trainable = trainable

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.inner(inputs, training=training and self.trainable, **self.arguments)


def _unpacked(path: str) -> str:
    """Return the folder of an archive, unpacked; a path as it is."""
    from keraunos.utils import get_file

    if "://" in path:
        path = get_file(origin=path, extract=False)
    if not re.search(r"\.(zip|tar|tar\.gz|tgz|tar\.xz)$", path):
        return path
    folder = re.sub(r"\.(zip|tar|tar\.gz|tgz|tar\.xz)$", "", path) + "_unpacked"
    if not Path(folder).exists():
        extra: dict[str, Any] = {} if path.endswith(".zip") else {"filter": "data"}
        shutil.unpack_archive(path, folder, **extra)
    inside = [p for p in Path(folder).iterdir() if p.is_dir()]
    return str(inside[0]) if len(inside) == 1 and not list(Path(folder).glob("*.*")) else folder


# -- tf.summary

_local = threading.local()


class SummaryWriter:
    """Writes event files that TensorBoard shows."""

    def __init__(self, logdir: Any) -> None:
        from keraunos.callbacks._tensorboard.events import EventWriter

        self._writer = EventWriter(path_of(logdir))

    @contextlib.contextmanager
    def as_default(self, step: Any = None) -> Iterator[SummaryWriter]:
        before, before_step = getattr(_local, "writer", None), getattr(_local, "step", None)
        _local.writer, _local.step = self, before_step if step is None else step
        try:
            yield self
        finally:
            _local.writer, _local.step = before, before_step

    def set_as_default(self, step: Any = None) -> None:
        _local.writer, _local.step = self, step

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def add(self, step: Any, values: list[bytes]) -> None:
        self._writer.add(int(step), values)


def _write(name: str, step: Any, make: Any) -> bool:
    writer = getattr(_local, "writer", None)
    if writer is None:
        return False
    step = getattr(_local, "step", None) if step is None else step
    if step is None:
        fix = "tf.summary.scalar(name, value, step=epoch)"
        raise ValueError(errors.report(f"tf.summary {name!r} needs a step", fix=fix))
    writer.add(step, make())
    return True


def scalar(name: str, data: Any, step: Any = None, description: Any = None) -> bool:
    """Write a number to the default writer; return whether there is one."""
    from keraunos.callbacks._tensorboard import wire

    return _write(name, step, lambda: [wire.scalar(name, float(np.asarray(tensor(data))))])


def histogram(name: str, data: Any, step: Any = None, buckets: Any = None, *_: Any) -> bool:
    """Write the distribution of an array to the default writer."""
    from keraunos.callbacks._tensorboard import pictures

    return _write(name, step, lambda: [pictures.histogram(name, np.asarray(tensor(data)))])


def image(name: str, data: Any, step: Any = None, max_outputs: int = 3, *_: Any) -> bool:
    """Write images (batch, height, width, channels), bytes or floats from 0 to 1."""
    from keraunos.callbacks._tensorboard import pictures, wire

    def make() -> list[bytes]:
        pixels = np.asarray(tensor(data))[:max_outputs]
        if pixels.dtype != np.uint8:
            pixels = (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)
        tags = [name if len(pixels) == 1 else f"{name}/{i}" for i in range(len(pixels))]
        height, width = pixels.shape[1:3]
        single = [p[..., 0] if p.shape[-1] == 1 else p for p in pixels]
        return [wire.image(t, width, height, pictures.png(p)) for t, p in zip(tags, single)]

    return _write(name, step, make)


# What TensorBoard's own page of hyperparameters writes, with messages of its own.


def _write_raw(tensor: Any, step: Any = None, name: str | None = None) -> bool:
    """Write a `Summary` message as it is; return whether there is a writer."""
    return _write(name or "message", step, lambda: list(_values(bytes(tensor))))


def _values(message: bytes) -> Iterator[bytes]:
    """Yield the values of a `Summary`: of each a tag of one byte, its length, its content."""
    at = 0
    while at < len(message):
        size, shift, more = 0, 0, True
        while more:
            at += 1
            size |= (message[at] & 127) << shift
            shift, more = shift + 7, message[at] > 127
        at += 1
        yield message[at : at + size]
        at += size


@contextlib.contextmanager
def _summary_scope(name: str, default_name: str = "summary", values: Any = None) -> Iterator[Any]:
    yield name, name


def make_tensor_proto(values: Any, dtype: Any = None, shape: Any = None) -> Any:
    """Return the message for an array, which the tensorboard package knows."""
    from tensorboard.util import tensor_util

    return tensor_util.make_tensor_proto(values, dtype, shape)


class _Message:
    """A kind of message of `summary.proto`, which the tensorboard package knows."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from tensorboard.compat.proto import summary_pb2

        return getattr(summary_pb2, self._kind)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(type(self()), name)


class _NoWriter:
    def as_default(self, step: Any = None) -> Any:
        return contextlib.nullcontext()

    def flush(self) -> None: ...

    close = flush


def _idle(*_: Any, **__: Any) -> None:
    """Do nothing."""


@contextlib.contextmanager
def _recorded(condition: Any) -> Iterator[None]:
    before = getattr(_local, "writer", None)
    _local.writer = before if condition else None
    try:
        yield
    finally:
        _local.writer = before


SUMMARY: dict[str, Any] = {
    "create_file_writer": lambda logdir, *_, **__: SummaryWriter(logdir),
    "create_noop_writer": _NoWriter,
    "SummaryWriter": SummaryWriter,
    "scalar": scalar,
    "histogram": histogram,
    "image": image,
    "flush": _idle,
    "summary_scope": _summary_scope,
    "record_if": _recorded,
    "should_record_summaries": lambda: getattr(_local, "writer", None) is not None,
    **dict.fromkeys(("trace_on", "trace_off", "trace_export"), _idle),
}
TABLES: dict[str, dict[str, Any]] = {
    "tensorflow": {"make_tensor_proto": make_tensor_proto},
    "tensorflow.compat.v1": {name: _Message(name) for name in ("Summary", "SummaryMetadata")},
    "tensorflow.train": {
        "Checkpoint": Checkpoint,
        "CheckpointManager": CheckpointManager,
        "latest_checkpoint": latest_checkpoint,
    },
    "tensorflow.saved_model": {"save": save_model, "load": load_saved},
    "tensorflow.summary": SUMMARY,
    "tensorflow.summary.experimental": {
        "set_step": lambda step: setattr(_local, "step", step),
        "get_step": lambda: getattr(_local, "step", None),
        "write_raw_pb": _write_raw,
    },
    "tensorflow_hub": {
        "KerasLayer": KerasLayer,
        "load": lambda h: load_saved(_unpacked(path_of(h))),
    },
}
