"""Strings, lists and dictionaries -> losses and metrics, once, when the shapes are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos import losses as losses_room
from keraunos import metrics as metrics_room
from keraunos._core import context, tape
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


class Tracker(metrics_room.Mean):
    """A mean of losses that may be told a loss before it is known whether the program counts it.

    Keras 2 counts what `compute_loss` returned by itself; programs for Keras 3 call `update_state`.
    """

    _noted: tuple[Any, Any, Any] | None = None

    def note(self, value: Any, count: Any) -> None:
        """Count a loss, unless `update_state` is called before the result is asked for."""
        self._noted = (value, count, tape.level())

    def settle(self) -> None:
        """Count what was noted."""
        value, count, level = self._noted or (None, None, None)
        self._noted = None
        # A loss inside of a `jax.grad` of the program's own does not outlive it.
        if level is not None and level is tape.level():
            self.update_state(value, sample_weight=count)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        self._noted = None
        super().update_state(values, sample_weight)

    def result(self) -> jax.Array:
        self.settle()
        return super().result()

    def reset_state(self) -> None:
        self._noted = None
        super().reset_state()


class Objective:
    """What a compiled model minimises and measures, resolved for the shapes of targets and outputs.

    Args:
        given: the arguments of `compile`.
        names: of the outputs.
        targets: the structure of y, with shapes; None without targets.
        outputs: the structure of the model's outputs, with shapes.
        own: metrics that layers and the model itself keep.
        tracker: the mean of the loss.
    """

    def __init__(
        self,
        given: dict[str, Any],
        names: Sequence[str],
        targets: Any,
        outputs: Any,
        own: Sequence[Any] = (),
        tracker: Tracker | None = None,
    ) -> None:
        leaves = jax.tree.leaves(outputs)
        self._outputs = outputs
        self.names = _output_names(outputs, names, len(leaves))
        self._loss = given.get("loss")
        self.knows_targets = targets is not None
        y = self.targets(targets)
        self._several = len(leaves) > 1
        self.adds_losses = False  # whether layers add losses, which see the whole batch
        self.terms = self._terms(given, y, leaves) if targets is not None else []
        self.gauges = self._gauges(given, y, leaves) if targets is not None else []
        self.own = list(own)
        self.tracker = Tracker(name="loss") if tracker is None else tracker
        self.parts = [Tracker(name=t.name + "_loss") for t in self.terms] if self._several else []

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
        taken: set[str] = set()
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
                    first = f"{self.names[i]}_" if self._several else ""
                    name = first + metric.name
                    if weighted and name in taken:
                        name = f"{first}weighted_{metric.name}"
                    taken.add(name)
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
        if y is None and jax.tree.leaves(self._loss):
            raise ValueError(
                errors.report(
                    "y: the targets are missing",
                    expected="targets, as the model is compiled with a loss",
                    got="x alone",
                    fix="give y, or compile without a loss where layers add theirs",
                )
            )
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
        self.measure(y, outputs, weights, valid)

    def measure(self, y: Any, outputs: Any, weights: Any, valid: Any = None) -> None:
        """Bring the metrics of `compile` up to date with one batch."""
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
            target, prediction = targets[gauge.output], predictions[gauge.output]
            try:
                gauge.metric.update_state(target, prediction, sample_weight=weight)
            except (ValueError, TypeError) as error:
                where = f"metric {gauge.name!r} of output {self.names[gauge.output]!r}"
                raise _named(error, where, target, prediction) from error

    def results(self) -> dict[str, Any]:
        """Return name -> value of everything that is measured, the loss first."""
        found: dict[str, Any] = {"loss": self.tracker.result()}
        found |= {m.name: m.result() for m in self.parts}
        for name, metric in self._named_metrics():
            value = metric.result()
            found |= value if isinstance(value, dict) else {name: value}
        # A metric of the program's own may return its variable itself.
        return {name: jnp.asarray(value) for name, value in found.items()}

    def ordered(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return results in the order of `metrics_names`: the loss first."""
        names = self.metrics_names
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
    def metrics_names(self) -> list[str]:
        """The names of `metrics` in logs."""
        return ["loss", *(m.name for m in self.parts), *(n for n, _ in self._named_metrics())]

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

    def begins_at_zero(self) -> bool:
        """Return whether to reset the metrics is to set their variables to 0, and no more."""
        usual = (metrics_room.Metric.reset_state, Tracker.reset_state)
        return all(type(metric).reset_state in usual for metric in self.metrics)

    def accepts_padding(self) -> bool:
        """Return whether rows that only fill up a batch can be left out exactly, by weights."""
        if self.adds_losses or self.own:
            return False
        return all(_is_per_sample(t.loss) for t in self.terms) and all(
            _is_per_sample(g.metric) for g in self.gauges
        )

    def _leaves(self, y: Any, outputs: Any, weights: Any) -> tuple[list[Any], list[Any], list[Any]]:
        leaves = jax.tree.leaves(outputs)
        rows = _weights(weights, self.names, self._outputs, len(leaves))
        return self.targets(y), leaves, rows

    def targets(self, y: Any) -> list[Any]:
        """Return the targets of each output; those without a loss need none."""
        if y is None:
            return [None] * len(self.names)
        if not isinstance(y, dict) and not _is_nested(self._outputs):
            losses = _per_output(self._loss, self.names, self._outputs, "loss")
            given = jax.tree.leaves(y, is_leaf=lambda v: v is None)
            if 0 < len(given) == sum(one is not None for one in losses):
                rest = iter(given)
                return [None if one is None else next(rest) for one in losses]
        return aligned(y, self.names, self._outputs, "y")


def aligned(structure: Any, names: Sequence[str], outputs: Any, what: str) -> list[Any]:
    """Return one entry for each output, from a structure given by position or by name.

    Raises:
        ValueError: another number of entries, or a name that no output has.
    """
    if _is_nested(outputs):
        return _beside(structure, outputs, what)
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


def _is_nested(outputs: Any) -> bool:
    """Return whether outputs are structures of structures."""
    inner = outputs.values() if isinstance(outputs, dict) else outputs
    return isinstance(outputs, (dict, list, tuple)) and any(
        isinstance(one, (dict, list, tuple)) for one in inner
    )


def _beside(given: Any, outputs: Any, what: str) -> list[Any]:
    """Return what was given for each output, where the outputs are nested; one serves all below."""
    if given is None or not isinstance(outputs, (dict, list, tuple)):
        return [given] * len(jax.tree.leaves(outputs))
    if isinstance(outputs, dict) and isinstance(given, dict) and not _is_config(given):
        wrong = [k for k in given if k not in outputs]
        if not wrong:
            return [v for k in sorted(outputs) for v in _beside(given.get(k), outputs[k], what)]
    elif isinstance(given, (list, tuple)) and not isinstance(outputs, dict):
        if len(given) == len(outputs):
            pairs = zip(given, outputs, strict=True)
            return [v for one, inner in pairs for v in _beside(one, inner, what)]
    elif not isinstance(given, (dict, list, tuple)) or _is_config(given):
        return [given] * len(jax.tree.leaves(outputs))
    shape = jax.tree.map(lambda leaf: "*", outputs)
    raise ValueError(errors.report(what, expected=f"a structure like {shape}", got=repr(given)))


def _may_be_shared(rows: list[Any]) -> bool:
    """Return whether each output can have its own metrics from these: not if they are objects."""
    return not any(isinstance(row, metrics_room.Metric) for row in rows)


def _per_output(
    spec: Any, names: Sequence[str], outputs: Any, what: str, several: bool = True
) -> list[Any]:
    """Return the entry of each output; a single one serves all."""
    if spec is None:
        return [None] * len(names)
    if not isinstance(spec, (list, tuple, dict)) or _is_config(spec):
        return [spec] * len(names)
    if isinstance(spec, dict) or _is_nested(outputs):
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
    if not any(isinstance(row, (list, tuple, dict)) for row in rows) and _may_be_shared(rows):
        return [rows for _ in names]
    if any(isinstance(row, (list, tuple)) for row in rows):
        raise ValueError(
            errors.report(
                "metrics", expected=f"a list for each of {list(names)}", got=f"{len(rows)} entries"
            )
        )
    raise ValueError(
        errors.report(
            "metrics of a model with several outputs",
            expected=f"names for all, a dictionary by output, or a list for each of {list(names)}",
            got=f"{len(rows)} metrics, objects among them, for {len(names)} outputs",
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
    if isinstance(outputs, dict) and len(outputs) == count:
        return sorted(outputs)
    if len(names) == count and len(set(names)) == count:
        return list(names)
    if len(names) == count:  # one layer makes several outputs
        return [
            n if names.count(n) == 1 else f"{n}_{list(names[:i]).count(n)}" if i else n
            for i, n in enumerate(names)
        ]
    return _places(outputs) if count > 1 else ["output"]


def _places(outputs: Any) -> list[str]:
    """Return a name for each output of a model without a graph, as tf.keras makes it.

    Example:
        >>> _places([0, [0, 0]]), _places({"h": [0, 0], "z": 0})
        (['output_1', 'output_2_1', 'output_2_2'], ['h_1', 'h_2', 'z'])
    """
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(outputs)[0]]
    names = ["_".join(map(str, map(_place, path))) for path in paths]
    return [n if isinstance(_place(p[0]), str) else f"output_{n}" for n, p in zip(names, paths)]


def _place(key: Any) -> int | str:
    if isinstance(key, jax.tree_util.SequenceKey):
        return key.idx + 1
    return str(getattr(key, "key", getattr(key, "name", key)))


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
