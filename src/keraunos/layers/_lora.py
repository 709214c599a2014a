"""LoRA: a large weight is frozen, and the product of two small ones is trained in its place."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors, initializers
from keraunos._core import naming, state
from keraunos._core.layer import Layer
from keraunos._core.variable import Variable
from keraunos.layers import _arguments as arguments

# How the variables of a layer follow each other in a file, whatever it is quantized to.
_ORDER = (
    *("_{}", "bias", "inputs_scale", "inputs_amax_history", "{}_scale", "{}_amax_history"),
    *("{}_zero", "awq_scales", "g_idx", "outputs_grad_scale", "outputs_grad_amax_history"),
)
CALIBRATED = ("gptq", "awq")  # Keras writes the bias first there


class LowRank(Layer):
    """A layer with one large weight, `kernel` or `embeddings`, that may be adapted (2106.09685).

    The weight's variable is kept as `_kernel`; `kernel` is what the layer computes with: the
    variable itself, or an array with the adaptation in it.
    """

    _large = "kernel"
    bias: Variable | None = None

    def _set_lora(self, rank: int | None, alpha: float | None) -> None:
        """Keep the constructor's arguments; `_finish_build` acts on them."""
        self.lora_rank = None if rank is None else arguments.integer(self, "lora_rank", rank)
        self.lora_alpha = self.lora_rank if alpha is None else alpha
        self.lora_enabled = False

    def _finish_build(self) -> None:
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the large weight and train `a @ b * lora_alpha / rank`, which is added to it.

        Compile the model again before it is trained; a file holds the sum.

        Args:
            rank: columns of `a`, rows of `b`.
            lora_alpha: how strongly the adaptation counts; by default `rank`.
            a_initializer, b_initializer: of the two; zeros for one of them change nothing yet.

        Raises:
            ValueError: a layer that is not built, has LoRA already or constrains the weight, or a
                rank that is not a positive integer.
            NotImplementedError: a weight that was calibrated by GPTQ or AWQ.
        """
        arguments.integer(self, "rank", rank)
        where = f"enable_lora of {type(self).__name__} {self.name!r}"
        if self.quantization_mode in CALIBRATED:
            note = f"{self.quantization_mode} and LoRA do not go together"
            raise NotImplementedError(errors.report(where, note=note, fix="int8 or int4 do"))
        refusals = (
            (not self.built, "a layer that is built", "call it on an input first"),
            (self.lora_enabled, "a layer without LoRA", f"it has rank {self.lora_rank} already"),
            (self._rule("constraint") is not None, f"no {self._large}_constraint", None),
        )
        for refused, expected, fix in refusals:
            if refused:
                raise ValueError(errors.report(where, expected=expected, fix=fix))
        *rows, columns = self._large_shape()
        for letter, shape, first in (
            ("a", (*rows, rank), a_initializer),
            ("b", (rank, columns), b_initializer),
        ):
            # Beside the large weight, wherever that stands.
            with naming.absolute(self._large_variable.path.rpartition("/")[0]):
                small = self.add_weight(
                    shape,
                    initializers.get(first),
                    "float32",
                    regularizer=self._rule("regularizer"),
                    name=f"lora_{self._large}_{letter}",
                )
            setattr(self, small.name, small)
        self._large_variable.trainable = False
        self.lora_enabled, self.lora_rank = True, rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        state.new_version()

    # -- the weight -------------------------------------------------------------------------------

    @property
    def _large_variable(self) -> Variable:
        return getattr(self, f"_{self._large}")

    def _large_shape(self) -> tuple[int, ...]:
        return self._large_variable.shape

    def _float_weight(self) -> jax.Array:
        """Return the large weight as floats, without the adaptation."""
        return self._large_variable.value

    def _rule(self, name: str) -> Any:
        return getattr(self, f"{self._large}_{name}")

    @property
    def _low_rank(self) -> tuple[Variable, Variable]:
        return getattr(self, f"lora_{self._large}_a"), getattr(self, f"lora_{self._large}_b")

    @property
    def _lora_scale(self) -> float:
        rank = self.lora_rank or 1
        return (rank if self.lora_alpha is None else self.lora_alpha) / rank

    def _adaptation(self) -> jax.Array:
        a, b = self._low_rank
        return self._lora_scale * jnp.matmul(a.value, b.value)

    def _merged(self) -> jax.Array:
        """Return the large weight with the adaptation, in the compute dtype."""
        weight = self._float_weight()
        if not self.lora_enabled:
            return weight
        return (weight + self._adaptation()).astype(self.compute_dtype)

    # -- the product ------------------------------------------------------------------------------

    def _product(self, x: jax.Array, weight: jax.Array, **options: Any) -> jax.Array:
        """Return what the layer makes of an input and a weight, linear in both."""
        raise NotImplementedError

    def _large_product(self, x: jax.Array) -> jax.Array:
        return self._product(x, self._float_weight())

    def _thin_product(self, x: jax.Array) -> jax.Array:
        """Return the product with the adaptation: through the two small weights, one by one."""
        a, b = self._low_rank
        return self._lora_scale * jnp.matmul(self._product(x, a.value), b.value)

    def _adapted_product(self, x: jax.Array) -> jax.Array:
        """Return the product with the large weight and its adaptation.

        They are not added first: the gradient of the sum would be as large as the weight.
        """
        if not self.lora_enabled:
            return self._large_product(x)
        return (self._large_product(x) + self._thin_product(x)).astype(self.compute_dtype)

    # -- files ------------------------------------------------------------------------------------

    def _filed_variables(self) -> list[Variable]:
        names = [name.format(self._large) for name in _ORDER]
        if self.quantization_mode in CALIBRATED:
            names[:2] = reversed(names[:2])
        found = [getattr(self, name, None) for name in names] if self.built else []
        known = [v for v in found if isinstance(v, Variable)]
        merged = set(map(id, self._low_rank)) if self.lora_enabled else set()
        rest = [v for v in self._own_variables() if not any(v is k for k in known)]
        return known + [v for v in rest if id(v) not in merged]

    def _zeroed_by_files(self) -> list[Variable]:
        # Keras sets both to zero, and nothing more is learned then: one is enough.
        return [self._low_rank[1]] if self.lora_enabled else []

    def _shown(self) -> Any:
        """Return what is public where the variable alone would mislead."""
        return self._merged()

    def _merged_parts(self) -> dict[str, Any]:
        """Return attribute -> value of what the adaptation changes in a file."""
        return {f"_{self._large}": self._float_weight() + self._adaptation()}

    def save_own_variables(self, store: dict[str, Any]) -> None:
        parts = self._merged_parts() if self.lora_enabled else {}
        instead = {id(getattr(self, name)): value for name, value in parts.items()}
        for i, variable in enumerate(self._filed_variables()):
            value = instead.get(id(variable), variable._value)
            store[str(i)] = np.asarray(value).astype(variable.dtype)


def large_weight(name: str) -> Any:
    """Return the property under which a layer's large weight is public."""

    def read(self: Any) -> Any:
        """The variable, or an array where it is adapted or packed."""
        if not self.built and f"_{name}" not in self.__dict__:
            where = f"{type(self).__name__} {self.name!r} has no {name} yet"
            raise AttributeError(errors.report(where, fix="build it, or call it on an input"))
        plain = not self.lora_enabled and self.quantization_mode != "int4"
        return getattr(self, f"_{name}") if plain else self._shown()

    def write(self: Any, variable: Any) -> None:
        setattr(self, f"_{name}", variable)

    return property(read, write)
