"""Attention over any axes of an array is attention over one: where each axis goes, and back."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp


class Places:
    """Where the axes of query, key and scores stand.

    Scores are (batch, others, heads, targets, sources), where others, targets and sources may be
    several axes each; the kernels know one of each, and count the others as batch.
    """

    def __init__(self, query: Any, key: Any, axes: tuple[int, ...], heads: int) -> None:
        rank = len(query)
        self.axes = axes
        self.others = [i for i in range(rank - 1) if i not in axes]
        self.order = [*self.others, *axes, rank - 1, rank]  # of a projected array
        self.query = query
        targets, sources = ([shape[i] for i in axes] for shape in (query, key))
        batch = [query[i] for i in self.others]
        self.scores = (*batch, heads, *targets, *sources)
        self.groups = (len(batch), 1, len(axes), len(axes))

    def flat(self, x: jax.Array) -> jax.Array:
        """Return (batch and others, places, heads, features)."""
        x = jnp.transpose(x, self.order)
        batch = math.prod(x.shape[: len(self.others)])
        return x.reshape(batch, -1, *x.shape[-2:])

    def unflat(self, x: jax.Array) -> jax.Array:
        """Return what `flat` was given, for the query's places."""
        shape = [self.query[i] for i in (*self.others, *self.axes)]
        back = sorted(range(len(self.order)), key=self.order.__getitem__)
        return jnp.transpose(x.reshape(*shape, *x.shape[-2:]), back)

    def near(self, window: int) -> jax.Array:
        """Return which sources are within a window around each target."""
        split = len(self.scores) - len(self.axes)
        sources = jnp.arange(math.prod(self.scores[split:]))
        targets = jnp.arange(math.prod(self.scores[split - len(self.axes) : split]))
        return (jnp.abs(targets[:, None] - sources) < window)[None, None]

    def mask(self, query: Any, keys: tuple[Any, ...], given: Any) -> jax.Array | None:
        """Join masks of the query's and the keys' places and one of the scores; None for none."""
        found = [self._of_places(m, last=True) for m in keys]
        found += [self._of_places(query, last=False), self._of_scores(given)]
        masks = [m for m in found if m is not None]
        return self._merged(functools.reduce(jnp.logical_and, masks)) if masks else None

    def _of_places(self, mask: Any, last: bool) -> jax.Array | None:
        """Turn a mask of an input's first axes into one of the scores."""
        if mask is None:
            return None
        mask = jnp.asarray(mask).astype(bool)
        mask = mask.reshape(*mask.shape, *[1] * (len(self.query) - 1 - mask.ndim))
        mask = jnp.transpose(mask, [*self.others, *self.axes])
        split, ones = len(self.others), (1,) * len(self.axes)
        places = (*ones, *mask.shape[split:]) if last else (*mask.shape[split:], *ones)
        return mask.reshape(*mask.shape[:split], 1, *places)

    def _of_scores(self, mask: Any) -> jax.Array | None:
        """Give a mask of targets and sources the axes that it lacks, before those."""
        if mask is None:
            return None
        mask = jnp.asarray(mask).astype(bool)
        before = mask.ndim - 2 * len(self.axes)
        if before < 0 or mask.ndim > len(self.scores):
            raise ValueError(f"a mask of shape {mask.shape}")
        lacking = (1,) * (len(self.scores) - mask.ndim)
        return mask.reshape(*mask.shape[:before], *lacking, *mask.shape[before:])

    def _merged(self, mask: jax.Array) -> jax.Array:
        """Join the axes of each group to one; a group that only broadcasts stays so."""
        if any(n not in (1, size) for n, size in zip(mask.shape, self.scores)):
            raise ValueError(f"a mask of shape {mask.shape}")
        first, full, merged = 0, list(mask.shape), []
        for count in self.groups:
            group = slice(first, first + count)
            if any(n != 1 for n in mask.shape[group]):
                full[group] = self.scores[group]
            merged.append(math.prod(full[group]))
            first += count
        return jnp.broadcast_to(mask, full).reshape(merged)
