"""The truth about data and gradients: what is out of range, and whose gradients are zero or NaN."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos import losses as losses_room
from keraunos._core.variable import Variable
from keraunos._training import feed
from keraunos._training.compile import Objective
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
    for name, labels, classes, ignored, units in _labels(y, objective):
        if not _is_on_host(labels):
            continue
        if ignored is not None:
            labels = np.where(labels == ignored, 0, labels)
        if labels.min() < 0 or labels.max() >= classes:
            feed.check_labels(name, labels, classes, units)


def _labels(y: Any, objective: Objective | None) -> Iterator[tuple[str, Any, int, int | None, Any]]:
    """Yield the integer targets of each loss: name, values, classes, ignored label, units."""
    if objective is None or y is None or not objective.terms:
        return
    targets = objective.targets(y)
    leaves = jax.tree.leaves(objective._outputs)
    for term in objective.terms:
        shape = tuple(leaves[term.output].shape)
        classes = losses_room.label_range(term.loss, shape)
        if classes is not None:
            name = "y" if len(leaves) == 1 else f"y[{term.name!r}]"
            ignored = losses_room.ignored_label(term.loss)
            yield name, targets[term.output], classes, ignored, shape[-1]


def _is_on_host(value: Any) -> bool:
    return isinstance(value, (np.ndarray, jax.Array)) and value.size > 0 and value.ndim > 0


class Watch:
    """Looks at the integers of a stream's batches, in the thread that reads them.

    Those on the host are compared at once. Those that a program has put on the device itself are
    compared there, and the answer is read when it has come: nothing waits for it but the end of an
    epoch, so some steps may have been taken by then.

    Args:
        model: has the embeddings, and the losses of `compile`.
        labels: whether targets count.
    """

    def __init__(self, model: Any, labels: bool = True) -> None:
        self._model, self._counts_labels = model, labels
        self._pending: deque[tuple[Any, Batch]] = deque()

    def __call__(self, batch: Batch) -> None:
        """Look at a batch.

        Raises:
            ValueError: integers out of range, of this batch or of one before.
        """
        self.settle(wait=False)
        if not self._counts_labels:
            batch = batch._replace(y=None)
        here = jax.tree.map(lambda a: _ELSEWHERE if isinstance(a, jax.Array) else a, batch)
        self._model._check_labels(here)
        away = [row for row in self._spans(batch) if isinstance(row[0], jax.Array)]
        if away:
            self._pending.append((_in_range(*zip(*away, strict=True)), batch))

    def settle(self, wait: bool) -> None:
        """Read the answers that have come, or all.

        Raises:
            ValueError: integers were out of range.
        """
        while self._pending and (wait or self._pending[0][0].is_ready()):
            good, batch = self._pending.popleft()
            if not good:
                self._model._check_labels(batch)

    def _spans(self, batch: Batch) -> Iterator[tuple[Any, int, int]]:
        """Yield integers, how many values they may have, and one that is allowed besides."""
        inputs = jax.tree.leaves(batch.x)
        for one in self._model._ids():
            if one.input < len(inputs):
                yield inputs[one.input], one.rows, 0
        for _, labels, classes, ignored, _ in _labels(batch.y, self._model._labelled()):
            yield labels, classes, ignored or 0


_ELSEWHERE = np.zeros(0)  # nothing to look at


@jax.jit
def _in_range(values: Any, counts: Any, allowed: Any) -> jax.Array:
    rows = zip(values, counts, allowed, strict=True)
    return jnp.stack([jnp.all(((v >= 0) & (v < n)) | (v == a)) for v, n, a in rows]).all()


# -- gradients -----------------------------------------------------------------------------------


def flags(gradients: Sequence[jax.Array]) -> jax.Array:
    """Return (gradients, 2) booleans: not finite somewhere; zero everywhere."""
    return jnp.stack([jnp.stack([~jnp.all(jnp.isfinite(g)), jnp.all(g == 0)]) for g in gradients])


class Applied:
    """The gradients that the optimizers of a program's own step apply, one row a variable.

    Args:
        boxes: the variables.
    """

    def __init__(self, boxes: Sequence[Variable]) -> None:
        self._boxes = boxes
        self._rows: dict[int, list[jax.Array]] = {}

    def note(self, box: Variable, gradient: Any) -> None:
        """Take down the gradient of a variable."""
        self._rows.setdefault(id(box), []).append(flags([gradient])[0])

    def flags(self, step: str) -> jax.Array:
        """Return (variables, 2) booleans as `flags` does.

        Raises:
            ValueError: no optimizer has applied a gradient.
        """
        if not self._rows:
            expected = "gradients that go through an optimizer's apply()"
            where = f"debug='nan': {step} applies none"
            raise ValueError(
                errors.report(where, expected=expected, fix="look at them in the step")
            )
        none = jnp.zeros((1, 2), bool)
        rows = [jnp.stack(self._rows.get(id(box), none)) for box in self._boxes]
        return jnp.stack([jnp.stack([r[:, 0].any(), r[:, 1].all()]) for r in rows])


class Looks:
    """Looks at what each layer's gradient was after a step: `compile(debug="nan")`.

    Args:
        boxes: the variables of the flags' rows.
    """

    def __init__(self, boxes: Sequence[Variable]) -> None:
        self._boxes, self._warned = boxes, frozenset[str]()

    def __call__(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return results without the flags.

        Raises:
            FloatingPointError: a gradient is not finite.
        """
        if FLAGS not in found:  # a test step has no gradients
            return found
        rows = np.asarray(found.pop(FLAGS))
        pairs = list(zip(self._boxes, rows, strict=True))
        bad = _layers([box for box, row in pairs if row[0]])
        if bad:
            loss = f"; the loss was {float(found['loss']):.4g}" if "loss" in found else ""
            raise FloatingPointError(
                errors.report(
                    "gradients that are not finite",
                    expected="numbers",
                    got=f"NaN or infinity in {'; '.join(bad)}",
                    note=f"the weights are as before this step{loss}",
                    fix="look for log(0), division by 0, or a learning rate that is too high",
                )
            )
        still = _layers([box for box, row in pairs if row[1]])
        new = [text for text in still if text not in self._warned]
        if new:
            self._warned |= set(new)
            text = f"gradients that are zero everywhere in this batch: {'; '.join(new)}"
            errors.warn(text)
        return found


class DebugProgram(StepProgram):
    """Runs steps one by one, and looks at the gradients of each."""

    look: Looks

    def loops(self, data: Batch, size: int, padded: bool = False) -> bool:
        return False

    def takes_windows(self, example: Batch) -> bool:
        return False

    def _dispatch(self, run: Any, *data: Any) -> dict[str, Any]:
        return self.look(super()._dispatch(run, *data))


def _layers(boxes: list[Variable]) -> list[str]:
    """Return `layer (weights)` of variables, by their paths."""
    found: dict[str, list[str]] = {}
    for box in boxes:
        layer, _, name = box.path.rpartition("/")
        found.setdefault(layer or name, []).append(name)
    return [f"{layer} ({', '.join(names)})" for layer, names in found.items()]
