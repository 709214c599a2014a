"""Connectionist temporal classification: the loss of unaligned sequences, and their decoding."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from keraunos import errors


def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """Negative logarithm of the probability of the target, over all alignments: (batch,).

    Args:
        target: (batch, labels), class indices.
        output: (batch, time, classes), logits.
        target_length, output_length: (batch,), how much of each row counts.
        mask_index: the class that stands for "no label".

    Reference: Graves et al., Connectionist temporal classification, 2006.
    """
    # Imported here: the optimizers' library takes longer to import than all of this room.
    import optax

    logits = output.astype(jnp.promote_types(output.dtype, jnp.float32))
    beyond_output = jnp.arange(output.shape[1]) >= output_length[:, None]
    beyond_target = jnp.arange(target.shape[1]) >= target_length[:, None]
    paddings = (beyond_output.astype(logits.dtype), beyond_target.astype(logits.dtype))
    return optax.ctc_loss(
        logits, paddings[0], target.astype("int32"), paddings[1], blank_id=mask_index
    )


def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> Any:
    """The most likely labels of each sequence, and their scores.

    Args:
        inputs: (batch, time, classes), logits or log-probabilities.
        sequence_lengths: (batch,).
        strategy: `"greedy"`: the best class of each moment; `"beam_search"`: the labels that all
            their alignments together make most likely, as far as the beam is wide enough.
        beam_width: how many beginnings are followed at a time.
        top_paths: how many results, of a beam search.
        merge_repeated: whether a class that stays counts once; a beam search always takes it so.
        mask_index: the class that stands for "no label"; None is the last one.

    Returns:
        labels (paths, batch, time), filled up with -1, and scores (batch, paths): minus the sum of
        the largest inputs if greedy, the logarithm of the probability of a beam search.

    Raises:
        ValueError: another strategy, or more paths than the beam is wide.

    Reference: Graves and Jaitly, Towards end-to-end speech recognition, 2014.
    """
    if strategy not in ("greedy", "beam_search"):
        expected = "strategy 'greedy' or 'beam_search'"
        raise ValueError(errors.report("ctc_decode", expected=expected, got=repr(strategy)))
    blank = inputs.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "beam_search":
        if not 0 < top_paths <= beam_width:
            expected, got = f"top_paths from 1 to beam_width={beam_width}", str(top_paths)
            raise ValueError(errors.report("ctc_decode", expected=expected, got=got))
        wide = jax.nn.log_softmax(inputs.astype(jnp.promote_types(inputs.dtype, "float32")))
        search = functools.partial(_beam_search, width=beam_width, paths=top_paths, blank=blank)
        labels, scores = jax.vmap(search)(wide, jnp.asarray(sequence_lengths))
        return jnp.swapaxes(labels, 0, 1), scores
    beyond = jnp.arange(inputs.shape[1]) >= sequence_lengths[:, None]
    best = jnp.where(beyond, blank, jnp.argmax(inputs, axis=-1))
    scores = -jnp.sum(jnp.where(beyond, 0, jnp.max(inputs, axis=-1)), axis=1, keepdims=True)
    dropped = best == blank
    if merge_repeated:
        dropped |= jnp.pad(best[:, 1:] == best[:, :-1], ((0, 0), (1, 0)))
    # A stable sort by "dropped" moves the labels that stay to the front, in their order.
    labels = jnp.take_along_axis(
        jnp.where(dropped, -1, best), jnp.argsort(dropped, axis=-1, stable=True), axis=-1
    )
    return labels[None], scores


class _Beam(NamedTuple):
    """Beginnings of labels, (width, time) filled up with -1, and how likely each is.

    The logarithms are kept apart by how the alignments end: with a blank, or with the last label.
    """

    labels: jax.Array
    sizes: jax.Array
    blank: jax.Array
    label: jax.Array

    @property
    def total(self) -> jax.Array:
        return jnp.logaddexp(self.blank, self.label)


def _beam_search(
    x: jax.Array, length: jax.Array, *, width: int, paths: int, blank: int
) -> tuple[jax.Array, jax.Array]:
    """Return the most likely labels (paths, time) of one sequence (time, classes), and scores."""
    never = jnp.full(width, -jnp.inf, x.dtype)
    start = _Beam(jnp.full((width, len(x)), -1), jnp.zeros(width, int), never.at[0].set(0), never)

    def step(beam: _Beam, moment: Any) -> tuple[_Beam, None]:
        grown = _grown(beam, moment[1], blank)
        return jax.tree.map(
            lambda new, old: jnp.where(moment[0] < length, new, old), grown, beam
        ), None

    beam, _ = lax.scan(step, start, (jnp.arange(len(x)), x))
    scores, best = lax.top_k(beam.total, paths)
    return beam.labels[best], scores


def _grown(beam: _Beam, x: jax.Array, blank: int) -> _Beam:
    """Return the best of what a beam becomes by one more moment, (classes,) logarithms."""
    width, classes = len(beam.sizes), len(x)
    rows, ends = jnp.arange(width), jnp.maximum(beam.sizes - 1, 0)
    last = beam.labels[rows, ends]  # -1 of an empty one
    stays_blank = beam.total + x[blank]
    stays_label = jnp.where(last >= 0, beam.label + x[last], -jnp.inf)
    # The same label again is a new one only behind a blank.
    again = jnp.arange(classes) == last[:, None]
    longer = jnp.where(again, beam.blank[:, None], beam.total[:, None]) + x
    longer = longer.at[:, blank].set(-jnp.inf)
    # What one grows to may be there already: together they are one beginning.
    shorter = beam.labels.at[rows, ends].set(-1)
    same = (beam.labels[:, None] == shorter[None]).all(-1)
    same &= (beam.sizes > 0) & (beam.total > -jnp.inf)
    gains = jnp.where(same, longer[:, last], -jnp.inf)
    stays_label = jnp.logaddexp(stays_label, gains.max(0))
    taken = jnp.zeros((width, classes + 1), bool).at[:, last].max(same)[:, :classes]
    longer = jnp.where(taken, -jnp.inf, longer)
    stays = jnp.logaddexp(stays_blank, stays_label)
    _, best = lax.top_k(jnp.concatenate([stays, longer.ravel()]), width)
    grows = best >= width
    of, by = jnp.where(grows, (best - width) // classes, best), (best - width) % classes
    sizes, labels = beam.sizes[of], beam.labels[of]
    extended = labels.at[rows, sizes].set(jnp.where(grows, by, labels[rows, sizes]))
    return _Beam(
        extended,
        sizes + grows,
        jnp.where(grows, -jnp.inf, stays_blank[of]),
        jnp.where(grows, longer[of, by], stays_label[of]),
    )
