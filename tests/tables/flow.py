"""Operations that take functions: name, and `(api, a, b) -> result` for arrays a, b (3, 4).

Also those that describe arrays rather than compute on them.
"""

import jax.numpy as jnp
import numpy as np


def _clamped(api):
    """Return a function with a derivative of its own."""

    @api.ops.custom_gradient
    def clamped(x):
        def gradient(upstream):
            return jnp.clip(upstream * 2 * x, -1, 1)

        return x**2, gradient

    return clamped


# All are differentiated by a too, except those in WHOLE.
ROWS = [
    ("cond", lambda k, a, b: k.ops.cond(jnp.sum(b) > 0, lambda: a * 2, lambda: a * b)),
    ("cond", lambda k, a, b: k.ops.cond(jnp.sum(b) > 1e3, lambda: a * 2, lambda: a * b)),
    (
        "switch",
        lambda k, a, b: k.ops.switch(jnp.array(1), [lambda x, y: x, lambda x, y: x * y], a, b),
    ),
    ("switch", lambda k, a, b: k.ops.switch(9, [lambda x: x, lambda x: x**3], a)),
    ("fori_loop", lambda k, a, b: k.ops.fori_loop(0, 3, lambda i, x: x * b + i, a)),
    ("map", lambda k, a, b: k.ops.map(lambda row: row * jnp.sum(row), a)),
    (
        "map",
        lambda k, a, b: k.ops.map(lambda rows: {"s": rows[0] + rows[1]}, (a, b))["s"],
    ),
    (
        "scan",
        lambda k, a, b: k.ops.scan(lambda total, x: (total + x, total * x), b[0], a),
    ),
    (
        "scan",
        lambda k, a, b: k.ops.scan(
            lambda total, x: (total * x, total), b[0], a, reverse=True, unroll=2
        ),
    ),
    ("scan", lambda k, a, b: k.ops.scan(lambda t, _: (t * a[0], t), b[0], length=3)),
    ("associative_scan", lambda k, a, b: k.ops.associative_scan(jnp.multiply, a, axis=1)),
    (
        "associative_scan",
        lambda k, a, b: k.ops.associative_scan(lambda x, y: x + y, a, reverse=True),
    ),
    ("vectorized_map", lambda k, a, b: k.ops.vectorized_map(lambda row: row @ b[0], a)),
    ("vectorize", lambda k, a, b: k.ops.vectorize(lambda x, y: x * y + 1)(a, b)),
    (
        "vectorize",
        lambda k, a, b: k.ops.vectorize(lambda x, y: x @ y, signature="(n),(n)->()")(a, b),
    ),
    ("custom_gradient", lambda k, a, b: _clamped(k)(a)),
    ("jvp", lambda k, a, b: k.ops.jvp(lambda x: jnp.sin(x) * b, (a,), (b,))),
    ("jvp", lambda k, a, b: k.ops.jvp(lambda x: (x**2, x[0]), (a,), (b,), has_aux=True)),
]

# Not differentiated.
WHOLE = [
    (
        "while_loop",
        lambda k, a, b: k.ops.while_loop(lambda i, x: i < 4, lambda i, x: (i + 1, x * b), (0, a)),
    ),
    (
        "while_loop",
        lambda k, a, b: k.ops.while_loop(
            lambda x: jnp.sum(x) < 1e9, lambda x: x * 2, jnp.abs(a), maximum_iterations=3
        ),
    ),
    ("eig", lambda k, a, b: [jnp.sort(jnp.abs(k.ops.eig(a[:, :3] + jnp.eye(3))[0]))]),
    ("convert_to_numpy", lambda k, a, b: k.ops.convert_to_numpy(a)),
    ("dtype", lambda k, a, b: [np.array(k.ops.dtype(a) == "float32")]),
    ("is_tensor", lambda k, a, b: np.array([k.ops.is_tensor(a), k.ops.is_tensor([1.0])])),
    (
        "image.elastic_transform",
        lambda k, a, b: np.array(
            k.ops.image.elastic_transform(
                jnp.zeros((2, 5, 6, 1)) + 3.0, seed=1, fill_mode="nearest"
            )
        ),
    ),
]
