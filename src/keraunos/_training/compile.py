"""Strings, lists and dictionaries -> losses and metrics, once, when the shapes are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos import losses as losses_room
from keraunos import metrics as metrics_room
from keraunos._core import context
from keraunos._core.variable import Variable


class Term(NamedTuple):
    """The loss of one output."""

    output: int
    name: str
    loss: Any
    weight: float | None


class Gauge(NamedTuple):
    """A metric of one output; `weighted` ones see the sample weights."""

    output: int
    metric: Any
    name: str
    weighted: bool


class Objective:
    """What a compiled model minimises and measures, resolved for the shapes of targets and outputs.

    Args:
        given: the arguments of `compile`.
        names: of the outputs.
        targets: the structure of y, with shapes; None without targets.
        outputs: the structure of the model's outputs, with shapes.
        own: metrics that layers and the model itself keep.
    """

    def __init__(
        self,
        given: dict[str, Any],
        names: Sequence[str],
        targets: Any,
        outputs: Any,
        own: Sequence[Any] = (),
    ) -> None:
        leaves = jax.tree.leaves(outputs)
        self._outputs = outputs
        self.names = _output_names(outputs, names, len(leaves))
        y = (
            aligned(targets, self.names, outputs, "y")
            if targets is not None
            else [None] * len(leaves)
        )
        self._several = len(leaves) > 1
        self.adds_losses = False  # whether layers add losses, which see the whole batch
        self.terms = self._terms(given, y, leaves) if targets is not None else []
        self.gauges = self._gauges(given, y, leaves) if targets is not None else []
        self.own = list(own)
        self.tracker = metrics_room.Mean(name="loss")
        self.parts = (
            [metrics_room.Mean(name=t.name + "_loss") for t in self.terms] if self._several else []
        )

    # -- resolving ------------------------------------------------------------------------------

    def _terms(self, given: dict[str, Any], y: list[Any], leaves: list[Any]) -> list[Term]:
        spec = given.get("loss")
        if spec is None:
            return []
        found = _per_output(spec, self.names, self._outputs, "loss")
        weights = _per_output(
            given.get("loss_weights"),
            self.names,
            self._outputs,
            "loss_weights",
            several=isinstance(given.get("loss_weights"), (list, tuple, dict)),
        )
        terms = []
        for i, (one, name) in enumerate(zip(found, self.names, strict=True)):
            if one is None or y[i] is None:
                continue
            loss = losses_room.get(one)
            if not isinstance(loss, losses_room.Loss):
                loss = losses_room.LossFunctionWrapper(loss, name=getattr(loss, "__name__", "loss"))
            terms.append(Term(i, name, loss, weights[i]))
        return terms

    def _gauges(self, given: dict[str, Any], y: list[Any], leaves: list[Any]) -> list[Gauge]:
        found = []
        for key, weighted in (("metrics", False), ("weighted_metrics", True)):
            rows = _metric_rows(given.get(key), self.names, self._outputs, self._several)
            for i, row in enumerate(rows):
                for one in row:
                    if one is None or y[i] is None:
                        continue
                    loss = next((t.loss for t in self.terms if t.output == i), None)
                    shapes = tuple(y[i].shape), tuple(leaves[i].shape)
                    metric = metrics_room.resolve(one, *shapes, loss)
                    metric.build(*shapes)
                    name = f"{self.names[i]}_{metric.name}" if self._several else metric.name
                    found.append(Gauge(i, metric, name, weighted))
        return found

    # -- inside the step ------------------------------------------------------------------------

    def losses(
        self, y: Any, outputs: Any, weights: Any, valid: Any = None
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return the weighted sum of the losses, and each.

        Args:
            y, outputs, weights: of one batch.
            valid: (batch,) bool, False for rows that only fill up the batch; None: all count.
        """
        targets, leaves, rows = self._leaves(y, outputs, weights)
        total, parts = jnp.zeros((), jnp.float32), []
        for term in self.terms:
            prediction = leaves[term.output]
            if valid is not None:
                _mask_rows(prediction, valid)
            try:
                part = term.loss(targets[term.output], prediction, rows[term.output])
            except (ValueError, TypeError) as error:
                raise _named(
                    error,
                    f"loss {term.loss.name!r} of output {term.name!r}",
                    targets[term.output],
                    prediction,
                ) from error
            parts.append(part)
            total = total + (part if term.weight is None else part * term.weight)
        return total, parts

    def update(
        self, y: Any, outputs: Any, weights: Any, total: Any, parts: Any, valid: Any = None
    ) -> None:
        """Bring the metrics up to date with one batch."""
        leaves = jax.tree.leaves((y, outputs))
        size = leaves[0].shape[0] if leaves and leaves[0].ndim else 1
        count = (
            jnp.asarray(size, jnp.float32) if valid is None else jnp.sum(valid, dtype=jnp.float32)
        )
        self.tracker.update_state(total, sample_weight=count)
        for metric, part in zip(self.parts, parts, strict=False):  # one output: no parts
            metric.update_state(part, sample_weight=count)
        if not self.gauges:
            return
        targets, predictions, rows = self._leaves(y, outputs, weights)
        for gauge in self.gauges:
            weight = rows[gauge.output] if gauge.weighted else None
            if valid is not None:
                fill = valid.astype(jnp.float32)
                weight = (
                    fill
                    if weight is None
                    else weight * fill.reshape(fill.shape + (1,) * (weight.ndim - 1))
                )
            gauge.metric.update_state(
                targets[gauge.output], predictions[gauge.output], sample_weight=weight
            )

    def results(self) -> dict[str, Any]:
        """Return name -> value of everything that is measured, the loss first."""
        found: dict[str, Any] = {"loss": self.tracker.result()}
        found |= {m.name: m.result() for m in self.parts}
        for name, metric in self._named_metrics():
            value = metric.result()
            found |= value if isinstance(value, dict) else {name: value}
        return found

    def ordered(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return results in the order of `metrics_names`: the loss first."""
        names = [
            "loss",
            *(m.name for m in self.parts),
            *(name for name, _ in self._named_metrics()),
        ]
        return {name: found[name] for name in names if name in found} | found

    def _named_metrics(self) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        seen: dict[str, int] = {}
        for name, metric in [
            *((g.name, g.metric) for g in self.gauges),
            *((m.name, m) for m in self.own),
        ]:
            seen[name] = seen.get(name, 0) + 1
            found.append((name if seen[name] == 1 else f"{name}_{seen[name] - 1}", metric))
        return found

    @property
    def metrics(self) -> list[Any]:
        """Every metric: the loss, the outputs' losses, those of `compile`, the model's own."""
        return [self.tracker, *self.parts, *(g.metric for g in self.gauges), *self.own]

    @property
    def variables(self) -> list[Variable]:
        return [v for metric in self.metrics for v in metric.variables]

    def reset(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def accepts_padding(self) -> bool:
        """Return whether rows that only fill up a batch can be left out exactly, by weights."""
        if self.adds_losses or self.own:
            return False
        return all(_is_per_sample(t.loss) for t in self.terms) and all(
            _is_per_sample(g.metric) for g in self.gauges
        )

    def _leaves(self, y: Any, outputs: Any, weights: Any) -> tuple[list[Any], list[Any], list[Any]]:
        leaves = jax.tree.leaves(outputs)
        targets = (
            aligned(y, self.names, self._outputs, "y") if y is not None else [None] * len(leaves)
        )
        rows = _weights(weights, self.names, self._outputs, len(leaves))
        return targets, leaves, rows


def aligned(structure: Any, names: Sequence[str], outputs: Any, what: str) -> list[Any]:
    """Return one entry for each output, from a structure given by position or by name.

    Raises:
        ValueError: another number of entries, or a name that no output has.
    """
    if isinstance(structure, dict):
        wrong = [k for k in structure if k not in names]
        if wrong:
            raise ValueError(
                errors.report(
                    f"{what} has a key {wrong[0]!r} that no output has",
                    expected=f"keys among {list(names)}",
                )
            )
        return [structure.get(n) for n in names]
    if len(names) == 1:
        inner = structure
        while isinstance(inner, (list, tuple)) and len(inner) == 1:
            inner = inner[0]
        if isinstance(inner, (list, tuple)):
            raise ValueError(
                errors.report(
                    what, expected="one entry, as the model has one output", got=f"{len(inner)}"
                )
            )
        return [inner]
    leaves = jax.tree.leaves(structure, is_leaf=lambda v: v is None)
    if len(leaves) != len(names):
        raise ValueError(
            errors.report(
                what,
                expected=f"{len(names)} entries, for outputs {list(names)}",
                got=f"{len(leaves)}",
            )
        )
    return leaves


def _per_output(
    spec: Any, names: Sequence[str], outputs: Any, what: str, several: bool = True
) -> list[Any]:
    """Return the entry of each output; a single one serves all."""
    if spec is None:
        return [None] * len(names)
    if not isinstance(spec, (list, tuple, dict)) or _is_config(spec):
        return [spec] * len(names)
    if isinstance(spec, dict):
        return aligned(spec, names, outputs, what)
    flat = _flatten(spec)
    if len(flat) != len(names):
        raise ValueError(
            errors.report(
                what,
                expected=f"{len(names)} entries, for outputs {list(names)}",
                got=f"{len(flat)}",
            )
        )
    return flat


def _metric_rows(spec: Any, names: Sequence[str], outputs: Any, several: bool) -> list[list[Any]]:
    if spec is None:
        return [[] for _ in names]
    if isinstance(spec, dict) and not _is_config(spec):
        return [_listed(row) for row in aligned(spec, names, outputs, "metrics")]
    rows = _listed(spec)
    if not several:
        return [_flatten(rows)]
    if len(rows) == len(names):
        return [_listed(row) for row in rows]
    if any(isinstance(row, (list, tuple)) for row in rows):
        raise ValueError(
            errors.report(
                "metrics", expected=f"a list for each of {list(names)}", got=f"{len(rows)} entries"
            )
        )
    raise ValueError(
        errors.report(
            "metrics of a model with several outputs",
            expected=f"a dictionary by output name, or a list for each of {list(names)}",
            got=f"a flat list of {len(rows)}",
        )
    )


def _weights(weights: Any, names: Sequence[str], outputs: Any, count: int) -> list[Any]:
    if weights is None:
        return [None] * count
    if not isinstance(weights, (list, tuple, dict)):
        return [weights] * count
    return aligned(weights, names, outputs, "sample_weight")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _flatten(rows: Any) -> list[Any]:
    return [
        one for row in rows for one in (_flatten(row) if isinstance(row, (list, tuple)) else [row])
    ]


def _is_config(value: Any) -> bool:
    return isinstance(value, dict) and "class_name" in value


def _output_names(outputs: Any, names: Sequence[str], count: int) -> list[str]:
    if isinstance(outputs, dict):
        return sorted(outputs)
    if len(names) == count and len(set(names)) == count:
        return list(names)
    if len(names) == count:  # one layer makes several outputs
        return [
            n if names.count(n) == 1 else f"{n}_{list(names[:i]).count(n)}" if i else n
            for i, n in enumerate(names)
        ]
    return [f"output_{i}" for i in range(count)] if count > 1 else ["output"]


def _mask_rows(prediction: Any, valid: Any) -> None:
    mask = context.get_mask(prediction)
    rows = valid if mask is None else mask & valid.reshape(valid.shape + (1,) * (mask.ndim - 1))
    context.set_mask(prediction, rows)


def _is_per_sample(thing: Any) -> bool:
    """Return whether a loss or metric is ours, so that weights of 0 leave a sample out of it.

    A function of a program may return anything: a mean over the batch, for one.
    """
    function = getattr(thing, "fn", None)
    owners = [type(thing), *([function] if function is not None else [])]
    return all(getattr(owner, "__module__", "").startswith("keraunos.") for owner in owners)


def _named(error: Exception, where: str, y: Any, prediction: Any) -> Exception:
    got = f"targets {tuple(y.shape)} against outputs {tuple(prediction.shape)}"
    text = str(error)
    if "\n" in text or "got:" in text:
        return type(error)(f"{where}: {text}")
    return type(error)(errors.report(f"{where}: {text}", got=got))
