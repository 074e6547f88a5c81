"""The checks of the built-in optimizers, named by their registrations."""

from __future__ import annotations

from typing import Any

from seqkit.optimizers.adam import Adam, AdamW, NAdam
from seqkit.optimizers.rmsprop import RMSprop
from seqkit.optimizers.sgd import SGD
from seqkit.testing.checks import Check, variants
from seqkit.testing.optimizer import checks_for_optimizer


def _optimizer(cls: Any, **settings: Any) -> list[Check]:
    """Return the checks of an optimizer with its defaults, and with all its parts in use."""
    settings |= {"weight_decay": 0.1, "exempt_biases": True}
    return variants(
        {
            "defaults": checks_for_optimizer(cls),
            "all parts": checks_for_optimizer(lambda parameters: cls(parameters, **settings)),
        }
    )


def adam() -> list[Check]:
    return _optimizer(Adam)


def adamw() -> list[Check]:
    return _optimizer(AdamW)


def nadam() -> list[Check]:
    return _optimizer(NAdam)


def sgd() -> list[Check]:
    return _optimizer(SGD, momentum=0.9, nesterov=True)


def rmsprop() -> list[Check]:
    return _optimizer(RMSprop, momentum=0.5)
