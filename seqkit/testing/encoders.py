"""The checks of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from seqkit.testing import encoder_module, encoder_rows
from seqkit.testing.checks import Check, run
from seqkit.testing.encoder_case import EncoderCase


def checks_for_encoder(
    factory: Callable[[int], Any],
    *,
    input_size: int = 3,
    reference: Callable[[Any, Tensor], Tensor] | None = None,
) -> list[Check]:
    """Returns the checks of an encoder, for `parametrize_with_checks`.

    Args:
        factory: builds it from the size of its inputs: `lambda input_size: GRU(input_size, hidden_size=4)`.
        input_size: what it is tried with.
        reference: computes the outputs of rows without padding in another way, from the encoder (for its weights) and
            the inputs (batch, time, input_size). Only such a second opinion can tell that gates are swapped.
    """
    case = EncoderCase(factory, input_size, reference)
    return [*encoder_rows.check.of(case), *encoder_module.check.of(case)]


def check_encoder(
    factory: Callable[[int], Any],
    *,
    input_size: int = 3,
    reference: Callable[[Any, Tensor], Tensor] | None = None,
) -> None:
    """Tries an encoder with every check. Arguments as for `checks_for_encoder`.

    Raises:
        CheckFailure: with what is wrong and how to mend it.
    """
    run(checks_for_encoder(factory, input_size=input_size, reference=reference), "this encoder")
