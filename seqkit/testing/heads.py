"""The checks of a head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seqkit.contracts import Example
from seqkit.testing import head_answers, head_loss, head_module
from seqkit.testing.checks import Check, run
from seqkit.testing.head_case import HeadCase


def checks_for_head(
    factory: Callable[[], Any],
    examples: Sequence[Example],
    *,
    tokenizer: Any = None,
    output_size: int = 8,
    final_size: int = 6,
) -> list[Check]:
    """Returns the checks of a head, for `parametrize_with_checks`.

    Args:
        factory: builds it: the class, or `lambda: Classify(pooling="mean")`.
        examples: a handful, short, with unlike targets and of unlike lengths: it is taught them by heart.
        tokenizer: built, not yet fitted; where none is given, `char` for texts and words for lists of words.
        output_size: the width of the outputs that it is built for.
        final_size: the width of the final vector.
    """
    case = HeadCase(factory, examples, tokenizer, output_size, final_size)
    return [*head_loss.check.of(case), *head_module.check.of(case), *head_answers.check.of(case)]


def check_head(
    factory: Callable[[], Any],
    examples: Sequence[Example],
    *,
    tokenizer: Any = None,
    output_size: int = 8,
    final_size: int = 6,
) -> None:
    """Tries a head with every check. Arguments as for `checks_for_head`.

    Raises:
        CheckFailure: with what is wrong and how to mend it.
    """
    checks = checks_for_head(factory, examples, tokenizer=tokenizer, output_size=output_size, final_size=final_size)
    run(checks, "this head")
