"""Recurrent kernels equal the recurrence written out step by step, in values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from keraunos._kernels import recurrent

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 4


def lstm_step(x, states, weights, activation, gate, dropout):
    kernel, recurrent_kernel, bias = weights
    h, c = states
    i, f, g, o = jnp.split(x @ kernel + (h * dropout) @ recurrent_kernel + bias, 4, -1)
    c = gate(f) * c + gate(i) * activation(g)
    return gate(o) * activation(c), c


def gru_after_step(x, states, weights, activation, gate, dropout):
    kernel, recurrent_kernel, bias = weights
    (h,) = states
    xz, xr, xh = jnp.split(x @ kernel + bias[0], 3, -1)
    hz, hr, hh = jnp.split((h * dropout) @ recurrent_kernel + bias[1], 3, -1)
    z, r = gate(xz + hz), gate(xr + hr)
    return (z * h + (1 - z) * activation(xh + r * hh),)


def gru_before_step(x, states, weights, activation, gate, dropout):
    kernel, recurrent_kernel, bias = weights
    (h,) = states
    xz, xr, xh = jnp.split(x @ kernel + bias, 3, -1)
    rz, rr, rh = jnp.split(recurrent_kernel, 3, -1)
    z, r = gate(xz + (h * dropout) @ rz), gate(xr + (h * dropout) @ rr)
    return (z * h + (1 - z) * activation(xh + (r * (h * dropout)) @ rh),)


def simple_step(x, states, weights, activation, gate, dropout):
    kernel, recurrent_kernel, bias = weights
    return (activation(x @ kernel + (states[0] * dropout) @ recurrent_kernel + bias),)


def gates(function, **fixed):
    """Calls a kernel that has a recurrent activation."""
    return lambda *args, gate, **options: function(
        *args, recurrent_activation=gate, **fixed, **options
    )


# name -> kernel, step, number of gates, number of states, shape of the bias
KINDS = {
    "lstm": (gates(recurrent.lstm), lstm_step, 4, 2, (4 * UNITS,)),
    "gru": (gates(recurrent.gru), gru_after_step, 3, 1, (2, 3 * UNITS)),
    "gru_before": (
        gates(recurrent.gru, reset_after=False),
        gru_before_step,
        3,
        1,
        (3 * UNITS,),
    ),
    "simple": (
        lambda *args, gate, **options: recurrent.simple_rnn(*args, **options),
        simple_step,
        1,
        1,
        (UNITS,),
    ),
}

OPTIONS = [
    {},
    {"go_backwards": True},
    {"masked": True},
    {"masked": True, "go_backwards": True, "zero_output_for_mask": True},
    {"dropout": True},
    {"masked": True, "dropout": True},
    {"activation": jax.nn.relu, "gate": jax.nn.hard_sigmoid},
    {"gate": jax.nn.hard_sigmoid},
    {"gate": lambda z: jnp.clip(0.2 * z + 0.5, 0, 1), "masked": True, "dropout": True},
]


def written_out(step, x, states, weights, mask, dropout, backwards, zero, activation, gate):
    outputs = []
    for t in reversed(range(TIME)) if backwards else range(TIME):
        new = step(x[:, t], states, weights, activation, gate, dropout)
        keep = mask[:, t, None]
        states = tuple(jnp.where(keep, n, s) for n, s in zip(new, states))
        outputs.append(jnp.where(keep, states[0], 0 if zero else states[0]))
    return jnp.stack(outputs, 1), states


def inputs(gates, states, bias_shape):
    draw = lambda n, *shape: jax.random.normal(jax.random.key(n), shape)  # noqa: E731
    x = draw(0, BATCH, TIME, FEATURES)
    starts = tuple(draw(10 + n, BATCH, UNITS) for n in range(states))
    weights = (
        draw(1, FEATURES, gates * UNITS),
        draw(2, UNITS, gates * UNITS),
        0.5 * draw(3, *bias_shape),
    )
    return x, starts, weights


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o) or "plain")
@pytest.mark.parametrize("kind", KINDS)
def test_equals_steps_written_out(kind, options):
    kernel, step, *shapes = KINDS[kind]
    options = dict(options)
    mask = jnp.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    mask = mask if options.pop("masked", False) else None
    dropout = jnp.array([[0.0, 2.0, 2.0, 0.0]] * BATCH) if options.pop("dropout", False) else None
    activation, gate = options.pop("activation", jnp.tanh), options.pop("gate", jax.nn.sigmoid)

    def fast(x, states, weights):
        return kernel(
            x,
            *states,
            *weights,
            mask=mask,
            recurrent_dropout_mask=dropout,
            activation=activation,
            gate=gate,
            **options,
        )

    def plain(x, states, weights):
        return written_out(
            step,
            x,
            states,
            weights,
            jnp.ones((BATCH, TIME), bool) if mask is None else mask,
            1.0 if dropout is None else dropout,
            options.get("go_backwards", False),
            options.get("zero_output_for_mask", False),
            activation,
            gate,
        )

    @jax.jit
    def both(*args):
        results = []
        for function in (fast, plain):
            values, pull = jax.vjp(function, *args)
            cotangent = jax.tree.map(lambda v: jnp.cos(jnp.arange(v.size)).reshape(v.shape), values)
            results.append((values, pull(cotangent)))
        return results

    got, want = both(*inputs(*shapes))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_gradient_reaches_what_an_activation_holds():
    x, states, weights = inputs(1, 1, (UNITS,))

    def total(slope):
        return recurrent.simple_rnn(x, *states, *weights, activation=lambda z: slope * z)[0].sum()

    step = 1e-3
    want = (total(0.3 + step) - total(0.3 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(total)(0.3), want, rtol=1e-2)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_low_precision_keeps_its_dtype(dtype):
    x, states, weights = jax.tree.map(lambda v: v.astype(dtype), inputs(4, 2, (4 * UNITS,)))
    total = lambda weights: recurrent.lstm(x, *states, *weights)[0].astype("float32").sum()  # noqa: E731
    outputs, last = recurrent.lstm(x, *states, *weights)
    gradients = jax.grad(total)(weights)
    assert {v.dtype for v in jax.tree.leaves((outputs, last, gradients))} == {jnp.dtype(dtype)}


def test_no_time_steps():
    x, states, weights = inputs(4, 2, (4 * UNITS,))
    outputs, last = recurrent.lstm(x[:, :0], *states, *weights)
    assert outputs.shape == (BATCH, 0, UNITS)
    np.testing.assert_array_equal(last[0], states[0])


def test_without_bias():
    x, states, (kernel, recurrent_kernel, bias) = inputs(3, 1, (2, 3 * UNITS))
    got = recurrent.gru(x, *states, kernel, recurrent_kernel)[0]
    want = recurrent.gru(x, *states, kernel, recurrent_kernel, 0 * bias)[0]
    np.testing.assert_allclose(got, want, rtol=1e-6)
