"""TensorBoard: what happens in training, as event files that TensorBoard shows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.callbacks._tensorboard import pictures, wire
from keraunos.callbacks._tensorboard.events import EventWriter
from keraunos.callbacks._tensorboard.profiling import Profiler, batches
from keraunos.callbacks.callback import Callback

Logs = dict[str, Any] | None

# Of validation data, this many samples are enough for histograms of activations.
_SAMPLES = 128


class TensorBoard(Callback):
    """Writes what TensorBoard shows: scalars, histograms, images, graphs, embeddings, profiles.

    Args:
        log_dir: the folder; it gets `train/` and `validation/`. Show it with
            `tensorboard --logdir DIR`.
        histogram_freq: every how many epochs histograms of the weights are written; 0 for never.
        write_graph: whether to write the graph of the model.
        write_images: whether kernels are written as pictures too, when histograms are.
        write_steps_per_second: whether to write how fast training was.
        update_freq: `"epoch"`, `"batch"`, or a number of batches after which the running means are
            written, too.
        profile_batch: which batch of a run, or `(first, last)`, from 1 on, JAX's profiler records.
        embeddings_freq: every how many epochs `Embedding` layers are written for the projector.
        embeddings_metadata: for a layer's name, a file with a label a line, or the labels; or one
            of these for all.
        activation_data: a batch of inputs, (samples, ...); with it, histograms of what each layer
            returns for it are written beside those of the weights.

    Raises:
        ValueError: arguments out of range; metadata for a layer that is not there.
        OSError: before training, if the folder cannot be written to.

    Example:
        >>> TensorBoard("logs", update_freq="batch").update_freq
        1
    """

    accepts_chunks = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | Mapping[str, Any] | None = None,
        activation_data: Any = None,
    ) -> None:
        super().__init__()
        self.log_dir = _local(log_dir)
        self.histogram_freq, self.embeddings_freq = histogram_freq, embeddings_freq
        self.write_graph, self.write_images = write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = _frequency(update_freq)
        self.embeddings_metadata = embeddings_metadata
        self.activation_data = activation_data
        self._train_dir, self._val_dir = (
            os.path.join(self.log_dir, part)  # noqa: PTH118 - log_dir is a str, as in Keras
            for part in ("train", "validation")
        )
        self._batches = batches(profile_batch)
        self._profiler = Profiler(*self._batches, self._train_dir)
        self._writers: dict[str, EventWriter] = {}
        self._projector: Any = None
        self._activations: Any = None
        self._drawn: Any = None  # the model whose graph is written
        self._training = False
        self._before_epoch = self._train_step = 0  # batches of this run
        self._clock = (0.0, 0)  # when the epoch began, and after how many updates
        self._batch_clock = (0.0, 0)  # when batches were written last, and at which
        self._settle_hooks()

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._activations = None
        if self.embeddings_freq:
            from keraunos.callbacks._tensorboard.embeddings import Projector

            layers = self._embedding_layers()
            self._projector = Projector(self.log_dir, layers, self.embeddings_metadata)
        if self.write_graph and model is not self._drawn:
            self._drawn = model
            self._write_graph()

    # -- a run ----------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._training, self._train_step = True, 0
        self._profiler = Profiler(*self._batches, self._train_dir)
        self._settle_hooks()
        _ = self._train_writer  # a folder that cannot be written is an error now

    def on_train_end(self, logs: Logs = None) -> None:
        self._profiler.stop()
        self._training = False
        self._close()

    def on_test_end(self, logs: Logs = None) -> None:
        step = self._iterations()
        if step is not None:
            self._val_writer.add(step, list(_scalars("evaluation_", logs, "_vs_iterations")))
        if not self._training:
            self._close()  # evaluate() by itself

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    # -- an epoch -------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if epoch > 0 and not self._train_step:
            self._train_step = self._iterations() or 0  # the run goes on where another one ended
        self._before_epoch = self._train_step
        self._start_clocks()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._write_epoch(epoch, logs or {})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
            self._write_activations(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._projector.write()

    def _write_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        validation = {name[4:]: value for name, value in logs.items() if name not in train}
        if train or validation:
            train |= _learning_rates(getattr(self.model, "optimizer", None))
        if self.write_steps_per_second:
            began, before = self._clock
            taken = (self._iterations() or 0) - before
            train["steps_per_second"] = taken / max(time.perf_counter() - began, 1e-9)
        self._train_writer.add(epoch, list(_scalars("epoch_", train)))
        if validation:
            self._val_writer.add(epoch, list(_scalars("epoch_", validation)))

    def _start_clocks(self) -> None:
        now = time.perf_counter()
        self._clock, self._batch_clock = (now, self._iterations() or 0), (now, self._train_step)

    def _restored(self) -> None:
        self._settle_hooks()
        self._start_clocks()

    # -- a batch --------------------------------------------------------------------------------

    def _settle_hooks(self) -> None:
        """Listen to batches only if one is to be written, and to every one only for a profile."""
        vars(self).pop("accepts_chunks", None)
        hooks = ("on_train_batch_begin", "on_train_batch_end")
        if not self._profiler.done:
            self.accepts_chunks, hooks = False, ()
        elif self.update_freq != "epoch":
            hooks = hooks[:1]
        self._unused = tuple(h for h in hooks if getattr(type(self), h) is vars(TensorBoard)[h])

    def _batches_left(self) -> int | None:
        if self.update_freq == "epoch":
            return None
        return int(self.update_freq) - self._train_step % int(self.update_freq)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_begin(batch, logs)
        self._profiler.begin()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_end(batch, logs)
        self._train_step = step = self._before_epoch + batch + 1
        if not self._profiler.done:
            self._profiler.end()
            self._settle_hooks()
        if self.update_freq != "epoch" and step % int(self.update_freq) == 0:
            self._write_batch(step, logs or {})

    def _write_batch(self, step: int, logs: dict[str, Any]) -> None:
        if self.write_steps_per_second:
            (began, before), now = self._batch_clock, time.perf_counter()
            logs = {"steps_per_second": (step - before) / max(now - began, 1e-9)} | logs
            self._batch_clock = (now, step)
        self._train_writer.add(step, list(_scalars("batch_", logs)))

    # -- what is written ------------------------------------------------------------------------

    @property
    def _train_writer(self) -> EventWriter:
        return self._writer(self._train_dir)

    @property
    def _val_writer(self) -> EventWriter:
        return self._writer(self._val_dir)

    def _writer(self, folder: str) -> EventWriter:
        if folder not in self._writers:
            self._writers[folder] = EventWriter(folder)
        return self._writers[folder]

    def _write_graph(self) -> None:
        from keraunos.callbacks._tensorboard import graph

        model = self.model
        try:
            if type(model).__name__ in ("Functional", "Sequential"):
                self._train_writer.add(0, [wire.keras_model("keras", model.to_json())])
            # Eager code may need values: it cannot be traced.
            traceable = model.built and not model.run_eagerly
            if traceable and (drawn := graph.of_model(model)) is not None:
                self._train_writer.add_graph(drawn)
        except OSError:
            raise
        except Exception as error:
            text = errors.report("TensorBoard: no graph of the model", got=str(error))
            errors.warn(text)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                tag, value = weight.path.replace(":", "_"), np.asarray(weight)
                values = [pictures.histogram(f"{tag}/histogram", value)]
                if self.write_images and (image := pictures.image(f"{tag}/image", value)):
                    values.append(image)
                self._train_writer.add(epoch, values)

    def _write_activations(self, epoch: int) -> None:
        if self._activations is None:
            data = self._activation_data()
            if data is None:
                return
            from keraunos.callbacks._tensorboard.watching import Activations

            self._activations = Activations(self.model, data)
        for place, outputs in self._activations().items():
            for i, output in enumerate(outputs):
                tag = f"{place}/output_{i}" if i else f"{place}/output"
                self._train_writer.add(epoch, [pictures.histogram(f"{tag}/histogram", output)])

    def _activation_data(self) -> Any:
        """Return what layers are watched on: what was given, or what old programs left here."""
        given = self.activation_data
        held = getattr(self, "validation_data", None)
        if given is None and held is not None:
            given = _first_samples(held[0])
        return given

    def _embedding_layers(self) -> list[Any]:
        """Return the layers that the projector is to show."""
        from keraunos.layers import Embedding

        inside = self.model._flatten_layers(include_self=False)
        return [layer for layer in inside if isinstance(layer, Embedding)]

    def _iterations(self) -> int | None:
        found = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        return None if found is None else int(np.asarray(found))


def _scalars(before: str, logs: Mapping[str, Any] | None, after: str = "") -> Iterator[bytes]:
    for name, value in (logs or {}).items():
        if np.ndim(value) == 0 and not isinstance(value, str):
            yield wire.scalar(f"{before}{name}{after}", float(value))
        elif isinstance(value, Iterable) and not isinstance(value, str):
            parts = {f"{name}_{i}": part for i, part in enumerate(value)}
            yield from _scalars(before, parts, after)


def _learning_rates(optimizer: Any) -> dict[str, float]:
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    several = getattr(optimizer, "optimizers", None)
    if several:
        return {f"learning_rate_{one.name}": float(one.learning_rate) for one in several}
    rate = getattr(optimizer, "learning_rate", None)
    return {} if rate is None else {"learning_rate": float(rate)}


def _first_samples(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return [_first_samples(one) for one in x]
    if isinstance(x, Mapping):
        return {name: _first_samples(one) for name, one in x.items()}
    return x[:_SAMPLES]


def _frequency(given: int | str) -> int | str:
    found = 1 if given == "batch" else given
    if found != "epoch" and (not isinstance(found, int) or found < 1):
        expected = "'epoch', 'batch', or a number of batches"
        where = "TensorBoard, update_freq"
        raise ValueError(errors.report(where, expected=expected, got=repr(given)))
    return found


def _local(folder: str | os.PathLike[str]) -> str:
    name = os.fspath(folder)
    if "://" in name:
        expected = "a folder of this machine, or one that is mounted"
        where = "TensorBoard, log_dir"
        raise ValueError(errors.report(where, expected=expected, got=repr(name)))
    return name
