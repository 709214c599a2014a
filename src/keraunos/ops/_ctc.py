"""Connectionist temporal classification: the loss of unaligned sequences, and their decoding."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

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
        strategy: `"greedy"`: the best class of each moment.
        beam_width, top_paths: for `"beam_search"`, which is not there yet.
        merge_repeated: whether a class that stays counts once.
        mask_index: the class that stands for "no label"; None is the last one.

    Returns:
        labels (1, batch, time), filled up with -1, and scores (batch, 1).
    """
    if strategy == "beam_search":
        raise NotImplementedError(
            errors.report("ctc_decode", got="strategy='beam_search'", fix="use 'greedy'")
        )
    if strategy != "greedy":
        raise ValueError(
            errors.report("ctc_decode", expected="strategy 'greedy'", got=repr(strategy))
        )
    blank = inputs.shape[-1] - 1 if mask_index is None else mask_index
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
