"""Checks of what a tokenizer learns in `fit` and stores in its state."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

from seqkit.contracts import Tokenizer
from seqkit.errors import DataError, UnknownText
from seqkit.messages import message
from seqkit.testing.assertions import assert_global_rng_unchanged, assert_global_settings_unchanged
from seqkit.testing.checks import CheckSuite, ContractViolation
from seqkit.testing.tokenizer.case import UNSEEN, TokenizerCase, all_equal

check = CheckSuite[TokenizerCase]("tokenizer")


@check
def state_round_trip(case: TokenizerCase) -> None:
    """A new instance that restores the saved state encodes and decodes in the same way."""
    tokenizer, other = case.fitted(), case.build()
    try:
        state = json.loads(json.dumps(tokenizer.state(), allow_nan=False, ensure_ascii=False))
    except (TypeError, ValueError) as error:
        raise ContractViolation(
            message(
                "the state is not JSON ({error}): use dicts with string keys, lists, strings and numbers", error=error
            )
        ) from None
    other.restore(state)
    if other.vocab_size != tokenizer.vocab_size:
        raise ContractViolation(
            message(
                "vocab_size is {restored} after restore but {fitted} after fit: set it in both",
                restored=other.vocab_size,
                fitted=tokenizer.vocab_size,
            )
        )
    ids = case.encode(tokenizer)
    if not all_equal(ids, case.encode(other)):
        raise ContractViolation(
            message(
                "a text has other ids after restoring the saved state: store all that encode uses; JSON turns the keys "
                "of a mapping into text"
            )
        )
    if [tokenizer.decode(each) for each in ids] != [other.decode(each) for each in ids]:
        raise ContractViolation(
            message("ids are decoded differently after restoring the saved state: store all that decode uses")
        )
    if list(other.suppressed_ids) != list(tokenizer.suppressed_ids):
        raise ContractViolation(
            message("suppressed_ids differs after restoring the saved state: set it in restore too")
        )


@check
def state_unchanged(case: TokenizerCase) -> None:
    """`restore` does not modify its argument, and `encode` does not change the state."""
    tokenizer, other = case.fitted(), case.build()
    state = copy.deepcopy(tokenizer.state())
    argument = copy.deepcopy(state)
    other.restore(argument)
    other.encode(case.texts[0])
    if argument != state:
        raise ContractViolation(message("restore, or encode after it, modifies the restored state: copy it"))
    case.encode(tokenizer)
    if tokenizer.state() != state:
        raise ContractViolation(message("encode changes the state: learn in fit only, since a run saves that state"))
    size = tokenizer.vocab_size
    with suppress(DataError):
        tokenizer.encode(UNSEEN if isinstance(case.texts[0], str) else UNSEEN.split())
    if tokenizer.state() != state or tokenizer.vocab_size != size:
        raise ContractViolation(
            message("encoding a text with new tokens changes the state or vocab_size: learn in fit only")
        )


@check
def fit_single_pass(case: TokenizerCase) -> None:
    """`fit` accepts texts that can be iterated over only once."""
    tokenizer = case.build()
    tokenizer.fit(text for text in case.texts)
    if tokenizer.state() != case.fitted().state():
        raise ContractViolation(
            message("fit learns another state from a generator than from a list: iterate over the texts once")
        )


@check
def refit(case: TokenizerCase) -> None:
    """`fit` replaces what an earlier fit learned."""
    tokenizer = case.build()
    tokenizer.fit([UNSEEN if isinstance(case.texts[0], str) else UNSEEN.split()])
    tokenizer.fit(case.texts)
    if tokenizer.state() != case.fitted().state():
        raise ContractViolation(message("the state depends on an earlier fit: start each fit with an empty vocabulary"))


@check
def independent_instances(case: TokenizerCase) -> None:
    """Fitting one instance does not change another."""
    tokenizer, other = case.fitted(), case.build()
    state, ids = copy.deepcopy(tokenizer.state()), case.encode(tokenizer)
    other.fit([UNSEEN if isinstance(case.texts[0], str) else UNSEEN.split()])
    if tokenizer.state() != state or not all_equal(ids, case.encode(tokenizer)):
        raise ContractViolation(
            message("fitting one instance changes another: set attributes of self, not of the class")
        )


@check
def determinism(case: TokenizerCase) -> None:
    """The vocabulary depends only on the texts, and the ids of a text do not depend on earlier calls."""
    tokenizer, other = case.fitted(), case.fitted()
    ids = case.encode(tokenizer)
    if not all_equal(ids, case.encode(other)):
        raise ContractViolation(
            message(
                "two tokenizers fitted to the same texts return other ids: sort the vocabulary, use no random numbers"
            )
        )
    if not all_equal(ids, [tokenizer.encode(text) for text in reversed(case.texts)][::-1]):
        raise ContractViolation(message("the ids of a text depend on earlier calls of encode: store nothing in encode"))
    text = case.texts[0]
    beginnings = [text[:end] for end in range(1, len(text) + 1)]
    one, other = case.fitted(), case.fitted()
    forward = [_ids(one, each) for each in beginnings]
    backward = [_ids(other, each) for each in reversed(beginnings)][::-1]
    if forward != backward:
        raise ContractViolation(
            message(
                "the ids of the beginnings of a text depend on earlier calls of encode: store nothing in encode, or "
                "under the whole text"
            )
        )


def _ids(tokenizer: Tokenizer, text: Any) -> Any:
    """Return the ids of a text as a list; None if it is unknown."""
    try:
        return tokenizer.encode(text).tolist()
    except UnknownText:
        return None


@check
def global_rng_unchanged(case: TokenizerCase) -> None:
    """Global random generators are not seeded or used."""
    assert_global_rng_unchanged(case.fitted, case.encode)


@check
def global_settings_unchanged(case: TokenizerCase) -> None:
    """Process-wide settings do not change: default dtype, threads, environment, working directory."""
    assert_global_settings_unchanged(case.fitted, case.encode)
