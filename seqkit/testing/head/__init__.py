"""The checks of a head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seqkit.contracts import Example, Head, Tokenizer
from seqkit.testing.checks import Check, require_all
from seqkit.testing.head import (
    exhibits,
    judgments,
    loss,
    metrics,
    module,
    predictions,
    renewal,
    rows,
    scores,
    training,
)
from seqkit.testing.head.case import HeadCase

__all__ = ["check_head", "checks_for_head"]


def checks_for_head(
    factory: Callable[[], Head],
    examples: Sequence[Example],
    *,
    tokenizer: Tokenizer | None = None,
    output_size: int = 8,
    final_size: int = 6,
) -> list[Check]:
    """Return the checks of a head, for `parametrize_with_checks`.

    Args:
        factory: builds the head: the class, or `lambda: Classify(pooling="mean")`.
        examples: a few short examples with different targets and lengths, which the head is trained to memorize.
        tokenizer: a tokenizer that is not fitted yet; the default is `char` for texts and `word` for lists of words.
        output_size: the width of the encoder outputs.
        final_size: the width of the final vector.
    """
    case = HeadCase(factory, examples, tokenizer, output_size, final_size)
    return [
        check
        for suite in (rows, renewal, loss, module, training, predictions, judgments, metrics, exhibits, scores)
        for check in suite.check.for_case(case)
    ]


def check_head(
    factory: Callable[[], Head],
    examples: Sequence[Example],
    *,
    tokenizer: Tokenizer | None = None,
    output_size: int = 8,
    final_size: int = 6,
) -> None:
    """Run all checks of a head. Arguments as for `checks_for_head`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    checks = checks_for_head(factory, examples, tokenizer=tokenizer, output_size=output_size, final_size=final_size)
    require_all(checks, "this head")
