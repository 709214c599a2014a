"""ZCA whitening: pixels without correlation, as near to the picture as can be."""

from __future__ import annotations

import numpy as np

_DENSE = 4096  # pixels up to which the matrix itself is made: 64 MB


class Whitening:
    """The matrix U (S + epsilon)^-1/2 U', kept as its factors where it would be too large.

    Krizhevsky: Learning multiple layers of features from tiny images, 2009, appendix A.
    """

    __array_ufunc__ = None  # so that `array @ whitening` asks us

    def __init__(self, directions: np.ndarray, gains: np.ndarray, rest: float) -> None:
        self.directions, self.gains, self.rest = directions, gains, rest

    @classmethod
    def of(cls, x: np.ndarray, epsilon: float) -> np.ndarray | Whitening:
        """Return the matrix that whitens x (samples, features), of which the mean is 0."""
        count, features = x.shape
        wide = x.astype(np.float64)
        if features <= count:
            variances, directions = np.linalg.eigh(wide.T @ wide / count)
        else:  # the other product has the same variances, and is smaller
            variances, sides = np.linalg.eigh(wide @ wide.T / count)
            kept = variances > max(variances[-1], 0) * 1e-12
            variances, sides = variances[kept], sides[:, kept]
            directions = wide.T @ (sides / np.sqrt(variances * count))
        gains = 1 / np.sqrt(np.maximum(variances, 0) + epsilon)
        rest = 1 / np.sqrt(epsilon) if features > len(variances) else 0.0
        found = cls(directions.astype(x.dtype), gains.astype(x.dtype), rest)
        return found.matrix() if features <= _DENSE else found

    def matrix(self) -> np.ndarray:
        """Return it written out, (features, features)."""
        return np.eye(len(self.directions), dtype=self.gains.dtype) @ self

    def __rmatmul__(self, x: np.ndarray) -> np.ndarray:
        along = x @ self.directions
        # What no sample of `fit` has shown has variance 0, and so the gain of epsilon alone.
        return (along * (self.gains - self.rest)) @ self.directions.T + x * x.dtype.type(self.rest)
