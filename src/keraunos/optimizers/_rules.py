"""The update rules, one a function: exactly Keras's; optax has epsilon and the rate elsewhere."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from keraunos import errors
from keraunos.optimizers._rule import Leaf, Rule, Scalars, Slot, rule


def sgd(momentum: float = 0.0, nesterov: bool = False) -> Rule:
    """Gradient descent: `p += -lr g`; with momentum `m = momentum m - lr g; p += m`.

    Args:
        momentum: how much of the last move is kept, 0 to 1.
        nesterov: whether the move looks ahead: `p += momentum m - lr g` (Sutskever et al. 2013).
    """
    _within("momentum", momentum, 0, 1)
    if not momentum:
        return rule(Leaf(lambda g, p, slots, s: (-s["lr"] * g, slots)))

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        m = slots["momentum"] * momentum - g * s["lr"]
        return (m * momentum - g * s["lr"] if nesterov else m), {"momentum": m}

    return rule(Leaf(update, ((Slot("momentum"),),)))


def rmsprop(
    rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7, centered: bool = False
) -> Rule:
    """RMSprop (Hinton 2012): `v = rho v + (1 - rho) g^2; p -= lr g / sqrt(v + epsilon)`.

    Args:
        rho: how long squares are remembered.
        momentum: how much of the last move is kept.
        epsilon: keeps the division finite.
        centered: whether the square of the mean gradient is taken from v.
    """

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        new = {"velocity": rho * slots["velocity"] + (1 - rho) * g * g}
        spread = new["velocity"]
        if centered:
            new["average_gradient"] = rho * slots["average_gradient"] + (1 - rho) * g
            spread = spread - jnp.square(new["average_gradient"])
        move = s["lr"] * g / jnp.sqrt(spread + epsilon)
        if momentum > 0:
            move = new["momentum"] = momentum * slots["momentum"] + move
        return -move, new

    names = ["velocity"] + ["momentum"] * (momentum > 0) + ["average_gradient"] * bool(centered)
    return rule(Leaf(update, tuple((Slot(n),) for n in names)))


def adagrad(initial_accumulator_value: float = 0.1, epsilon: float = 1e-7) -> Rule:
    """Adagrad (Duchi et al. 2011): `a += g^2; p -= lr g / sqrt(a + epsilon)`.

    Args:
        initial_accumulator_value: of a.
        epsilon: keeps the division finite.
    """

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        a = slots["accumulator"] + g * g
        return -s["lr"] * g / jnp.sqrt(a + epsilon), {"accumulator": a}

    return rule(Leaf(update, ((Slot("accumulator", initial_accumulator_value),),)))


def adam(
    beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False
) -> Rule:
    """Adam (Kingma and Ba 2014), with the epsilon "hat" of the paper's section 2.

    `m += (g - m)(1 - b1); v += (g^2 - v)(1 - b2);`
    `p -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)`

    Args:
        beta_1, beta_2: how long gradients and their squares are remembered.
        epsilon: keeps the division finite.
        amsgrad: whether v is the largest that was (Reddi et al. 2018).
    """
    return rule(_adam_leaf(beta_1, beta_2, epsilon, amsgrad), _adam_scalars(beta_1, beta_2))


def adadelta(rho: float = 0.95, epsilon: float = 1e-7) -> Rule:
    """Adadelta (Zeiler 2012): moves in units of the moves made.

    Args:
        rho: how long squares are remembered.
        epsilon: keeps the division finite.
    """

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        a = rho * slots["accumulated_grad"] + (1 - rho) * g * g
        move = -jnp.sqrt(slots["accumulated_delta_var"] + epsilon) * g / jnp.sqrt(a + epsilon)
        d = rho * slots["accumulated_delta_var"] + (1 - rho) * move * move
        return s["lr"] * move, {"accumulated_grad": a, "accumulated_delta_var": d}

    return rule(Leaf(update, ((Slot("accumulated_grad"), Slot("accumulated_delta_var")),)))


def adamax(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> Rule:
    """Adamax (Kingma and Ba 2014, section 7): Adam with the largest gradient, not the squares.

    Args:
        beta_1, beta_2: how long gradients and their largest are remembered.
        epsilon: keeps the division finite.
    """

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        m = slots["momentum"] + (g - slots["momentum"]) * (1 - beta_1)
        largest = jnp.maximum(beta_2 * slots["norm"], jnp.abs(g))
        return -s["lr"] * m / (s["bias"] * (largest + epsilon)), {"momentum": m, "norm": largest}

    def scalars(lr: Any, step: Any, shared: Any) -> Any:
        return {"lr": lr, "bias": 1 - beta_1**step}, shared

    return rule(Leaf(update, ((Slot("momentum"), Slot("norm")),)), scalars)


def nadam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> Rule:
    """Nadam (Dozat 2016): Adam that looks ahead, with his schedule of the momentum.

    Args:
        beta_1, beta_2: how long gradients and their squares are remembered.
        epsilon: keeps the division finite.
    """

    def scalars(lr: Any, step: Any, shared: Any) -> Any:
        now, later = (beta_1 * (1 - 0.5 * 0.96 ** (step + k)) for k in (0, 1))
        product = shared["u_product"] * now
        ahead = later / (1 - product * later)
        return {"lr": lr, "m": ahead, "g": (1 - now) / (1 - product), "v": 1 - beta_2**step}, {
            "u_product": product
        }

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        m = slots["momentum"] + (g - slots["momentum"]) * (1 - beta_1)
        v = slots["velocity"] + (g * g - slots["velocity"]) * (1 - beta_2)
        move = (s["m"] * m + s["g"] * g) * s["lr"] / (jnp.sqrt(v / s["v"]) + epsilon)
        return -move, {"momentum": m, "velocity": v}

    return rule(Leaf(update, ((Slot("momentum"), Slot("velocity")),)), scalars, {"u_product": 1.0})


def ftrl(
    learning_rate_power: float = -0.5,
    initial_accumulator_value: float = 0.1,
    l1_regularization_strength: float = 0.0,
    l2_regularization_strength: float = 0.0,
    l2_shrinkage_regularization_strength: float = 0.0,
    beta: float = 0.0,
) -> Rule:
    """Follow the regularized leader (McMahan et al. 2013).

    Args:
        learning_rate_power: how the rate falls with the squares seen, at most 0.
        initial_accumulator_value: of the sum of squares.
        l1_regularization_strength, l2_regularization_strength: at least 0.
        l2_shrinkage_regularization_strength: L2 on the gradient only, at least 0.
        beta: as in the paper.
    """
    _within("learning_rate_power", learning_rate_power, -jnp.inf, 0)
    _within("initial_accumulator_value", initial_accumulator_value, 0, jnp.inf)
    for strength in (
        l1_regularization_strength,
        l2_regularization_strength,
        l2_shrinkage_regularization_strength,
    ):
        _within("a regularization strength", strength, 0, jnp.inf)

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        lr = s["lr"]
        n = slots["accumulator"] + g * g
        before, now = (x**-learning_rate_power for x in (slots["accumulator"], n))
        z = (
            slots["linear"]
            + g
            + 2 * l2_shrinkage_regularization_strength * p
            - (now - before) / lr * p
        )
        l1, l2 = l1_regularization_strength, l2_regularization_strength + beta / (2 * lr)
        new = (jnp.clip(z, -l1, l1) - z) / (now / lr + 2 * l2)
        return new - p, {"accumulator": n, "linear": z}

    return rule(Leaf(update, ((Slot("accumulator", initial_accumulator_value), Slot("linear")),)))


def lion(beta_1: float = 0.9, beta_2: float = 0.99) -> Rule:
    """Lion (Chen et al. 2023): steps of one size, in the direction of the sign.

    Args:
        beta_1: of the mix of momentum and gradient whose sign counts, 0 to 1 and not 0.
        beta_2: how long gradients are remembered.
    """
    if not 0 < beta_1 <= 1:
        raise ValueError(errors.report("beta_1 of Lion", expected="0 < beta_1 <= 1", got=beta_1))

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        m = slots["momentum"]
        return -s["lr"] * jnp.sign(m * beta_1 + g * (1 - beta_1)), {
            "momentum": m * beta_2 + g * (1 - beta_2)
        }

    return rule(Leaf(update, ((Slot("momentum"),),)))


def lamb(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> Rule:
    """LAMB (You et al. 2019): Adam with moves in proportion to the size of each variable.

    Args:
        beta_1, beta_2: how long gradients and their squares are remembered.
        epsilon: keeps the division finite.
    """

    def scalars(lr: Any, step: Any, shared: Any) -> Any:
        return {"lr": lr, "m": 1 - beta_1**step, "v": 1 - beta_2**step}, shared

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        m = slots["momentum"] + (g - slots["momentum"]) * (1 - beta_1)
        v = slots["velocity"] + (g * g - slots["velocity"]) * (1 - beta_2)
        move = m / s["m"] / (jnp.sqrt(v / s["v"]) + epsilon)
        weight, length = (jnp.sqrt(jnp.sum(x * x)) for x in (p, move))
        ratio = jnp.where((weight > 0) & (length > 0), weight / jnp.where(length > 0, length, 1), 1)
        return -ratio * s["lr"] * move, {"momentum": m, "velocity": v}

    return rule(Leaf(update, ((Slot("momentum"), Slot("velocity")),)), scalars)


def schedule_free_adamw(
    beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, warmup_steps: int = 0
) -> Rule:
    """AdamW without a schedule (Defazio et al. 2024): averages the iterates instead.

    Args:
        beta_1: between the iterate and the average, where gradients are taken.
        beta_2: how long squares are remembered.
        epsilon: keeps the division finite.
        warmup_steps: in which the rate rises.
    """

    def scalars(lr: Any, step: Any, shared: Any) -> Any:
        lr = lr * jnp.minimum(step / warmup_steps, 1) if warmup_steps > 0 else lr
        return {"lr": lr, "v": 1 - beta_2**step, "weight": 1 / step}, shared

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        v = slots["velocity"] + (g * g - slots["velocity"]) * (1 - beta_2)
        z = slots["momentum"] - s["lr"] * g / (jnp.sqrt(v / s["v"]) + epsilon)
        average = (p - (1 - beta_1) * slots["momentum"]) / beta_1
        average = (1 - s["weight"]) * average + s["weight"] * z
        return (1 - beta_1) * z + beta_1 * average - p, {"momentum": z, "velocity": v}

    return rule(
        Leaf(update, ((Slot("momentum", initial=lambda value: value), Slot("velocity")),)), scalars
    )


def _adam_leaf(
    beta_1: float, beta_2: float, epsilon: float, amsgrad: bool = False, rate: str = "alpha"
) -> Leaf:
    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        m = slots["momentum"] + (g - slots["momentum"]) * (1 - beta_1)
        v = slots["velocity"] + (g * g - slots["velocity"]) * (1 - beta_2)
        new = {"momentum": m, "velocity": v}
        if amsgrad:
            v = new["velocity_hat"] = jnp.maximum(slots["velocity_hat"], v)
        return -m * s[rate] / (jnp.sqrt(v) + epsilon), new

    last = ((Slot("velocity_hat"),),) if amsgrad else ()
    return Leaf(update, ((Slot("momentum"), Slot("velocity")), *last))


def _adam_scalars(beta_1: float, beta_2: float, ratio: float = 1.0) -> Any:
    def scalars(lr: Any, step: Any, shared: Any) -> Any:
        alpha = lr * ratio * lax.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        return {"lr": lr, "alpha": alpha}, shared

    return scalars


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(errors.report(name, expected=f"{low} to {high}", got=value))
