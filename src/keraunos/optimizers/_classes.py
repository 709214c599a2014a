"""The classes of optimizers, one a row: made from the rules and their signatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraunos import errors
from keraunos._core import making
from keraunos._core.registry import register
from keraunos.optimizers import _matrix_rules, _rules
from keraunos.optimizers._base import Optimizer
from keraunos.optimizers._rule_optimizer import RuleOptimizer

_BASE = {n: v for n, v in making.options(Optimizer.__init__, skip=2).items() if n != "kwargs"}


def _optimizer(
    class_name: str,
    rule: Callable[..., Any],
    learning_rate: float = 0.001,
    order: str = "",
    bases: tuple[type, ...] = (RuleOptimizer,),
    **defaults: Any,
) -> type[RuleOptimizer]:
    """Return the class of a rule: the rule's options are arguments of the constructor.

    Args:
        class_name: of the class.
        rule: a function of its options.
        learning_rate: the default one.
        order: the names of the first arguments, where Keras has another order.
        bases: of the class.
        defaults: of base arguments, where they are not None.
    """
    own = making.options(rule)
    arguments = {"learning_rate": learning_rate} | own | _BASE | defaults
    names = list(dict.fromkeys([*order.split(), *arguments]))

    def init(self: Any, given: dict[str, Any]) -> None:
        Optimizer.__init__(self, given.pop("learning_rate"), **{n: given.pop(n) for n in _BASE})
        vars(self).update(given)
        self._check_options()

    made = making.make_class(
        class_name,
        bases,
        arguments,
        init,
        module="keraunos.optimizers",
        doc=f"{(rule.__doc__ or '').rstrip()}\n\n    The other arguments: see `Optimizer`.\n    ",
        order=" ".join(names),
        _rule_of=staticmethod(rule),
        _options=tuple(own),
    )
    return register(kind="optimizers")(made)


class _NeedsDecay(RuleOptimizer):
    def _check_options(self) -> None:
        super()._check_options()
        if self.weight_decay is None:
            raise ValueError(
                errors.report(
                    f"weight_decay of {type(self).__name__}",
                    expected="a number",
                    got="None",
                    fix="use Adam",
                )
            )


class _OwnDecayForAdam(RuleOptimizer):
    adam_weight_decay: float | None
    exclude_layers: Any
    exclude_embeddings: bool
    rms_rate: float | None
    muon_a: float
    muon_b: float
    muon_c: float

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return nearly the nearest orthogonal matrix to a matrix (or a stack of them)."""
        return _matrix_rules.orthogonal(x, (self.muon_a, self.muon_b, self.muon_c), steps)

    def lr_adjust(self, x: Any) -> Any:
        """Return a move scaled to the size that `rms_rate` asks for."""
        return x * _matrix_rules.move_size(x.shape, self.rms_rate)

    def transpose_last_axis(self, X: Any) -> Any:
        """Return matrices transposed."""
        return X.mT

    def _check_options(self) -> None:
        self.exclude_layers = self.exclude_layers or []
        super()._check_options()

    def _decay_of(self, variable: Any) -> float | None:
        by_adam = _matrix_rules.goes_to_adam(variable, self.exclude_layers, self.exclude_embeddings)
        return (
            self.adam_weight_decay
            if by_adam and self._decays(variable)
            else super()._decay_of(variable)
        )


SGD = _optimizer("SGD", _rules.sgd, learning_rate=0.01)
RMSprop = _optimizer("RMSprop", _rules.rmsprop)
Adagrad = _optimizer("Adagrad", _rules.adagrad)
Adam = _optimizer("Adam", _rules.adam)
AdamW = _optimizer(
    "AdamW",
    _rules.adam,
    order="learning_rate weight_decay",
    bases=(_NeedsDecay, Adam),
    weight_decay=0.004,
)
Adadelta = _optimizer("Adadelta", _rules.adadelta)
Adamax = _optimizer("Adamax", _rules.adamax)
Nadam = _optimizer("Nadam", _rules.nadam)
Ftrl = _optimizer("Ftrl", _rules.ftrl)
Lion = _optimizer("Lion", _rules.lion)
Lamb = _optimizer("Lamb", _rules.lamb)
ScheduleFreeAdamW = _optimizer(
    "ScheduleFreeAdamW", _rules.schedule_free_adamw, learning_rate=0.0025
)
Adafactor = _optimizer("Adafactor", _matrix_rules.adafactor)
Muon = _optimizer(
    "Muon",
    _matrix_rules.muon,
    order=" ".join(["learning_rate adam_beta_1 adam_beta_2 adam_weight_decay epsilon", *_BASE]),
    bases=(_OwnDecayForAdam,),
    weight_decay=0.004,
)
