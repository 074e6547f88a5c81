"""The checks of a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seqkit.contracts import Tokenizer
from seqkit.testing.checks import Check, require_all
from seqkit.testing.tokenizer import encoding, inputs, state
from seqkit.testing.tokenizer.case import TEXTS, TokenizerCase

__all__ = ["check_tokenizer", "checks_for_tokenizer"]


def checks_for_tokenizer(factory: Callable[[], Tokenizer], *, texts: Sequence[str | list[str]] = TEXTS) -> list[Check]:
    """Return the checks of a tokenizer, for `parametrize_with_checks`.

    Args:
        factory: builds the tokenizer: the class, or `lambda: Pinyin(tones=False)`.
        texts: a few texts, or lists of words, that the tokenizer is fitted to and encodes.
    """
    case = TokenizerCase(factory, texts)
    return [check for suite in (encoding, inputs, state) for check in suite.check.for_case(case)]


def check_tokenizer(factory: Callable[[], Tokenizer], *, texts: Sequence[str | list[str]] = TEXTS) -> None:
    """Run all checks of a tokenizer. Arguments as for `checks_for_tokenizer`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_tokenizer(factory, texts=texts), "this tokenizer")
