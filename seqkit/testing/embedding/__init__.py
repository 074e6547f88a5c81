"""The checks of an embedding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seqkit.contracts import Embedding, Tokenizer
from seqkit.testing.checks import Check, require_all
from seqkit.testing.embedding import module, training, vectors
from seqkit.testing.embedding.case import EmbeddingCase
from seqkit.testing.tokenizer.case import TEXTS

__all__ = ["check_embedding", "checks_for_embedding"]


def checks_for_embedding(
    factory: Callable[[Any], Embedding],
    *,
    width: int | None = None,
    tokenizer: Tokenizer | None = None,
    texts: Sequence[str | list[str]] = TEXTS,
) -> list[Check]:
    """Return the checks of an embedding, for `parametrize_with_checks`.

    Args:
        factory: builds the embedding from a fitted tokenizer, or from the width of features: the class, or `lambda
            tokenizer: Learned(tokenizer, dim=8)`.
        width: the width of the features, if the embedding takes features.
        tokenizer: a tokenizer that is not fitted yet, if the embedding takes ids; the default is `char`.
        texts: what the tokenizer is fitted to and the embedding embeds.
    """
    case = EmbeddingCase(factory, width, tokenizer, texts)
    return [check for suite in (vectors, module, training) for check in suite.check.for_case(case)]


def check_embedding(
    factory: Callable[[Any], Embedding],
    *,
    width: int | None = None,
    tokenizer: Tokenizer | None = None,
    texts: Sequence[str | list[str]] = TEXTS,
) -> None:
    """Run all checks of an embedding. Arguments as for `checks_for_embedding`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_embedding(factory, width=width, tokenizer=tokenizer, texts=texts), "this embedding")
