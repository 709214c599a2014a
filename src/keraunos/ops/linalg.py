"""Linear algebra on the last two axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from keraunos import errors
from keraunos._core.op import op, public_names

det = op(jnp.linalg.det, "x", "Determinant.")
inv = op(jnp.linalg.inv, "x", "Inverse.")
norm = op(jnp.linalg.norm, "x, ord=None, axis=None, keepdims=False", "Norm of vectors or matrices.")
pinv = op(jnp.linalg.pinv, "x, rcond=None", "Pseudo-inverse.")
solve = op(jnp.linalg.solve, "a, b", "The x with `a @ x == b`.")
solve_triangular = op(
    jax.scipy.linalg.solve_triangular,
    "a, b, lower=False",
    "The x with `a @ x == b`, a a triangular matrix.",
)


@op
def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangular matrix L with `L @ L.T == x`, or its transpose.

    Raises:
        ValueError: x is not square, or not positive definite (not inside a compiled function).
    """
    _check_square("cholesky", x)
    factor = jnp.linalg.cholesky(x, upper=upper)
    if not isinstance(factor, Tracer) and bool(jnp.isnan(factor).any()):
        raise ValueError(errors.report("cholesky", expected="a symmetric positive definite matrix"))
    return factor


@op
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Inverse of the matrix whose Cholesky factor is x."""
    inverse = jax.scipy.linalg.solve_triangular(
        x, jnp.eye(x.shape[-1], dtype=x.dtype), lower=not upper
    )
    return inverse @ inverse.mT if upper else inverse.mT @ inverse


@op
def eig(x: Any) -> Any:
    """Eigenvalues and right eigenvectors (on the CPU only)."""
    return tuple(jnp.linalg.eig(x))


@op
def eigh(x: Any) -> Any:
    """Eigenvalues, in order, and eigenvectors of a symmetric or Hermitian matrix."""
    _check_square("eigh", x)
    return tuple(jnp.linalg.eigh(x))


def _check_square(where: str, x: Any) -> None:
    # JAX broadcasts (1, n) with its transpose.
    if x.ndim > 1 and x.shape[-1] != x.shape[-2]:
        raise ValueError(errors.report(where, expected="square matrices", got=f"shape {x.shape}"))


@op
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The x that makes `|a @ x - b|` smallest."""
    return jnp.linalg.lstsq(a, b, rcond=rcond)[0]


@op
def lu_factor(x: Any) -> Any:
    """LU decomposition, both factors in one matrix, and the pivots."""
    return tuple(jax.scipy.linalg.lu_factor(x))


@op
def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """Number of singular values above `tol`."""
    return jnp.linalg.matrix_rank(x, tol).astype("int32")


@op
def qr(x: Any, mode: str = "reduced") -> Any:
    """Orthogonal Q and upper triangular R with `Q @ R == x`; mode `"reduced"` or `"complete"`."""
    if mode not in ("reduced", "complete"):
        raise ValueError(
            errors.report("qr", expected="mode 'reduced' or 'complete'", got=repr(mode))
        )
    return tuple(jnp.linalg.qr(x, mode=mode))


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular value decomposition `u, s, vh`; s alone without compute_uv."""
    found = jnp.linalg.svd(x, full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(found) if compute_uv else found


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """Return a function's value and its derivative in a direction.

    Args:
        fun: a function of arrays.
        primals: a tuple, where to evaluate it.
        tangents: a tuple, the direction.
        has_aux: whether fun returns (result, something else).

    Example:
        >>> jvp(jnp.square, (3.0,), (1.0,))[1].item()
        6.0
    """
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)


__all__ = public_names(globals())  # pyright: ignore[reportUnsupportedDunderAll]
