"""The checks of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from seqkit.contracts import Encoder
from seqkit.testing.checks import Check, require_all
from seqkit.testing.encoder import dependence, module, outputs, trace, training
from seqkit.testing.encoder.case import EncoderCase

__all__ = ["check_encoder", "checks_for_encoder"]


def checks_for_encoder(
    factory: Callable[[int], Encoder],
    *,
    input_size: int = 3,
    reference: Callable[[Any, Tensor], Tensor] | None = None,
) -> list[Check]:
    """Return the checks of an encoder, for `parametrize_with_checks`.

    Args:
        factory: builds the encoder from the size of its inputs: `lambda input_size: GRU(input_size, hidden_size=4)`.
        input_size: the size of the inputs.
        reference: another implementation: computes the outputs (batch, time, output_size) for rows without padding
            from the encoder, whose weights it uses, and the inputs (batch, time, input_size). Mistakes such as swapped
            gates can only be found by comparison with a reference.
    """
    case = EncoderCase(factory, input_size, reference)
    return [check for suite in (outputs, dependence, module, training, trace) for check in suite.check.for_case(case)]


def check_encoder(
    factory: Callable[[int], Encoder],
    *,
    input_size: int = 3,
    reference: Callable[[Any, Tensor], Tensor] | None = None,
) -> None:
    """Run all checks of an encoder. Arguments as for `checks_for_encoder`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_encoder(factory, input_size=input_size, reference=reference), "this encoder")
