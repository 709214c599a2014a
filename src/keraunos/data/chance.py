"""The randomness of pipelines: a seed, how often it was used, and so how to come back to it."""

from __future__ import annotations

from typing import Any

import numpy as np


class Chance:
    """The randomness of one step of a pipeline: each pass over it has numbers of its own.

    Args:
        seed: of all passes; by default one from NumPy's global generator, which
            `keras.utils.set_random_seed` sets.
        again: whether each pass differs from the one before.
    """

    def __init__(self, seed: Any = None, again: bool = True) -> None:
        self.seed = int(np.random.randint(1 << 31)) if seed is None else int(seed) % (1 << 63)
        self.again = again
        self.passes = 0


class Run:
    """One iteration over a pipeline: which pass over each random step it is.

    Args:
        given: what `log` of an earlier run was, to draw the same numbers again.
        peek: look without counting as a pass.
    """

    def __init__(self, given: list[list[int]] | None = None, peek: bool = False) -> None:
        self._given = list(given or [])
        self._peek = peek
        self._seen: dict[int, Chance] = {}
        self.log: list[list[int]] = []

    def generator(self, chance: Chance) -> np.random.Generator:
        """Return the random numbers of the next pass over a step."""
        if id(chance) not in self._seen and not self._peek:
            if self._given:
                chance.seed, chance.passes = self._given.pop(0)
            self._seen[id(chance)] = chance
            self.log.append([chance.seed, chance.passes])
        number = chance.passes if chance.again else 0
        chance.passes += not self._peek
        return np.random.default_rng([chance.seed, number])
