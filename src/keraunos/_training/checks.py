"""The truth about data and gradients: what is out of range, and whose gradients are zero or NaN."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos import losses as losses_room
from keraunos._training import feed
from keraunos._training.compile import Objective, aligned
from keraunos._training.program import StepProgram
from keraunos._training.step import Batch

FLAGS = "gradients"  # what a step with debug="nan" reports beside its results


class Ids(NamedTuple):
    """An input of integers that an embedding looks up."""

    input: int
    name: str
    layer: str
    rows: int


def embedded(model: Any) -> list[Ids]:
    """Return the inputs that go straight into an embedding, where the model is a graph."""
    from keraunos.layers import Embedding  # a room that is loaded with the models, not before

    stack = getattr(model, "_tensors", None)  # of a Sequential; its first is the input
    inputs = jax.tree.leaves(stack[0] if stack else getattr(model, "_inputs_struct", None))
    places = {id(tensor): i for i, tensor in enumerate(inputs)}
    found = []
    for layer in model._flatten_layers() if places else ():
        for node in layer._inbound_nodes if isinstance(layer, Embedding) else ():
            if node.inputs and id(node.inputs[0]) in places:
                at = places[id(node.inputs[0])]
                name = "x" if len(inputs) == 1 else f"x[{inputs[at].name!r}]"
                found.append(Ids(at, name, layer.name, layer.input_dim))
    return found


def check_ids(x: Any, ids: Sequence[Ids]) -> None:
    """Raise where an embedding would look up what it does not have.

    Raises:
        ValueError: naming the layer and the values.
    """
    leaves: list[Any] = jax.tree.leaves(x) if ids else []
    for one in ids:
        value: Any = leaves[one.input] if one.input < len(leaves) else None
        if not _is_on_host(value):
            continue
        low, high = value.min(), value.max()
        if low < 0 or high >= one.rows:
            rows = ((value < 0) | (value >= one.rows)).reshape(len(value), -1).any(1)
            raise ValueError(
                errors.report(
                    f"{one.name}: integers out of the range of Embedding {one.layer!r}",
                    expected=f"0 to {one.rows - 1}, as input_dim={one.rows}",
                    got=f"{low} to {high}; {rows.sum()} bad samples, the first is number"
                    f" {rows.argmax()}",
                    fix=f"Embedding(input_dim={int(high) + 1}, ...), or cut the vocabulary",
                )
            )


def check_labels(y: Any, objective: Objective | None) -> None:
    """Raise where integer labels name a class that their output does not have.

    Raises:
        ValueError: naming the output and the values.
    """
    if objective is None or y is None or not objective.terms:
        return
    targets = aligned(y, objective.names, objective._outputs, "y")
    leaves = jax.tree.leaves(objective._outputs)
    for term in objective.terms:
        classes = losses_room.label_range(term.loss, tuple(leaves[term.output].shape))
        labels = targets[term.output]
        if classes is None or not _is_on_host(labels):
            continue
        ignored = losses_room.ignored_label(term.loss)
        if ignored is not None:
            labels = np.where(labels == ignored, 0, labels)
        if labels.min() < 0 or labels.max() >= classes:
            name = "y" if len(leaves) == 1 else f"y[{term.name!r}]"
            feed.check_labels(name, labels, classes)


def _is_on_host(value: Any) -> bool:
    return isinstance(value, (np.ndarray, jax.Array)) and value.size > 0 and value.ndim > 0


# -- gradients -----------------------------------------------------------------------------------


def flags(gradients: Sequence[jax.Array]) -> jax.Array:
    """Return (gradients, 2) booleans: not finite somewhere; zero everywhere."""
    return jnp.stack([jnp.stack([~jnp.all(jnp.isfinite(g)), jnp.all(g == 0)]) for g in gradients])


class DebugProgram(StepProgram):
    """Runs steps one by one and looks at what each layer's gradient was: `compile(debug="nan")`."""

    _warned: frozenset[str] = frozenset()

    def loops(self, data: Batch, size: int, padded: bool = False) -> bool:
        return False

    def _dispatch(self, run: Any, *data: Any) -> dict[str, Any]:
        found = super()._dispatch(run, *data)
        if FLAGS not in found:  # a test step has no gradients
            return found
        rows = np.asarray(found.pop(FLAGS))
        boxes = self.boxes.trainable
        bad = _layers([box for box, row in zip(boxes, rows, strict=True) if row[0]])
        if bad:
            raise FloatingPointError(
                errors.report(
                    "gradients that are not finite",
                    expected="numbers",
                    got=f"NaN or infinity in {'; '.join(bad)}",
                    note="the weights are as before this step; the loss was "
                    f"{float(found['loss']):.4g}",
                    fix="look for log(0), division by 0, or a learning rate that is too high",
                )
            )
        still = _layers([box for box, row in zip(boxes, rows, strict=True) if row[1]])
        new = [text for text in still if text not in self._warned]
        if new:
            self._warned |= set(new)
            text = f"gradients that are zero everywhere in this batch: {'; '.join(new)}"
            warnings.warn(text, stacklevel=6)
        return found


def _layers(boxes: list[Any]) -> list[str]:
    """Return `layer (weights)` of variables, by their paths."""
    found: dict[str, list[str]] = {}
    for box in boxes:
        layer, _, name = box.path.rpartition("/")
        found.setdefault(layer or name, []).append(name)
    return [f"{layer} ({', '.join(names)})" for layer, names in found.items()]
