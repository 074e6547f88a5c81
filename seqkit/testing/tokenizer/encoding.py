"""Checks of a tokenizer's `encode` and `decode`."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from seqkit.contracts import SPECIAL_TOKENS, Tokenizer
from seqkit.errors import UnknownText
from seqkit.messages import message
from seqkit.testing.assertions import assert_component
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import shorten
from seqkit.testing.tokenizer.case import UNSEEN, TokenizerCase, as_text, token_ids

check = CheckSuite[TokenizerCase]("tokenizer")


@check
def contract(case: TokenizerCase) -> None:
    """The tokenizer inherits from seqkit.contracts.Tokenizer, and a recipe can set its parameters."""
    assert_component(case.build(), Tokenizer, is_module=False)


@check
def vocab_size(case: TokenizerCase) -> None:
    """After fit, vocab_size is a positive integer."""
    size = getattr(case.fitted(), "vocab_size", None)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ContractViolation(
            message("vocab_size is {size!r} after fit: set it to the number of ids in fit and restore", size=size)
        )


@check
def encode_output(case: TokenizerCase) -> None:
    """`encode` returns int64 arrays (time,), or (time, ...) with the same trailing shape for all texts."""
    shapes = set()
    for text, ids in zip(case.texts, case.encode(case.fitted()), strict=True):
        if not isinstance(ids, np.ndarray):
            raise ContractViolation(
                message(
                    "encode returns a {type} for {text}: return np.array(ids, dtype=np.int64)",
                    type=type(ids).__name__,
                    text=shorten(text, 40),
                )
            )
        if ids.dtype != np.int64 or ids.ndim < 1:
            raise ContractViolation(
                message(
                    "encode returns an array {shape} of {dtype} for {text}: return np.array(ids, dtype=np.int64)",
                    shape=ids.shape,
                    dtype=ids.dtype,
                    text=shorten(text, 40),
                )
            )
        if not len(ids):
            raise ContractViolation(
                message("encode returns no ids for {text}, to which the tokenizer was fitted", text=shorten(text, 40))
            )
        shapes.add(ids.shape[1:])
    if len(shapes) > 1:
        raise ContractViolation(
            message(
                "tokens have different shapes, {shapes}: represent each token by the same number of integers, padded "
                "with zeros",
                shapes=sorted(shapes),
            )
        )


@check
def id_range(case: TokenizerCase) -> None:
    """All ids are at least 0 and less than vocab_size."""
    tokenizer = case.fitted()
    for text, ids in zip(case.texts, case.encode(tokenizer), strict=True):
        if ids.min() < 0 or token_ids(ids).max() >= tokenizer.vocab_size:
            raise ContractViolation(
                message(
                    "{text} has the id {id}, but vocab_size is {size}: count every id in vocab_size, including "
                    "those of unknown tokens and padding",
                    text=shorten(text, 40),
                    id=int(ids.min() if ids.min() < 0 else token_ids(ids).max()),
                    size=tokenizer.vocab_size,
                )
            )


@check
def decode_round_trip(case: TokenizerCase) -> None:
    """The decoded text has the same ids as the text."""
    tokenizer = case.fitted()
    for text, ids in zip(case.texts, case.encode(tokenizer), strict=True):
        decoded = tokenizer.decode(ids)
        if not isinstance(decoded, str):
            raise ContractViolation(message("decode returns a {type}: return a string", type=type(decoded).__name__))
        inputs = [decoded, decoded.split(" ")] if tokenizer.takes_words else [decoded]
        if not any(np.array_equal(token_ids(tokenizer.encode(each)), token_ids(ids)) for each in inputs):
            raise ContractViolation(
                message(
                    "{text} is decoded as {decoded}, which has other ids: make decode the inverse of encode",
                    text=shorten(text),
                    decoded=shorten(decoded),
                )
            )


@check
def unseen_words(case: TokenizerCase) -> None:
    """New words of known characters, which are cut into pieces, are decoded as texts with the same ids too."""
    tokenizer = case.fitted()
    unknown = set(tokenizer.suppressed_ids)
    with suppress(UnknownText):
        unknown |= set(token_ids(tokenizer.encode(UNSEEN)).tolist())
    unknown -= set(token_ids(tokenizer.encode("")).tolist())  # marks of all texts
    for word in {word[::-1]: None for text in case.texts for word in as_text(text).split()}:
        try:
            ids = tokenizer.encode(word)
            if unknown & set(token_ids(ids).tolist()):
                continue
            decoded = tokenizer.decode(ids)
            same = np.array_equal(token_ids(tokenizer.encode(decoded)), token_ids(ids))
        except UnknownText:
            continue
        if not same:
            raise ContractViolation(
                message(
                    "the unseen word {word!r} is decoded as {decoded}, which has other ids: make decode the inverse of "
                    "encode for words that are cut into pieces",
                    word=word,
                    decoded=shorten(decoded),
                )
            )


@check
def decode_inputs(case: TokenizerCase) -> None:
    """`decode` accepts arrays and lists, of one id or none."""
    tokenizer = case.fitted()
    ids = case.encode(tokenizer)[0]
    if tokenizer.decode(ids.tolist()) != tokenizer.decode(ids):
        raise ContractViolation(message("decode returns different texts for a list and an array: accept any sequence"))
    if (empty := tokenizer.decode(ids[:0])) != "":
        raise ContractViolation(message("decode returns {text!r} for no ids: return an empty string", text=empty))
    if not isinstance(tokenizer.decode(ids[:1]), str):
        raise ContractViolation(
            message("decode returns no text for a single id: return its text, since generation decodes id by id")
        )


@check
def all_ids_decodable(case: TokenizerCase) -> None:
    """`decode` returns a text for every id less than vocab_size, suppressed ids included."""
    tokenizer = case.fitted()
    if case.encode(tokenizer)[0].ndim > 1:
        raise DoesNotApply(message("tokens are represented by several integers"))
    for number in range(tokenizer.vocab_size):
        if not isinstance(tokenizer.decode(np.array([number])), str):
            raise ContractViolation(
                message("decode returns no text for the id {id}: generation can produce any id", id=number)
            )
    if invalid := [number for number in tokenizer.suppressed_ids if not 0 <= number < tokenizer.vocab_size]:
        raise ContractViolation(
            message(
                "suppressed_ids contains {id}, but vocab_size is {size}: list ids less than vocab_size",
                id=invalid[0],
                size=tokenizer.vocab_size,
            )
        )


@check
def special_tokens(case: TokenizerCase) -> None:
    """Special tokens have ids of their own, which no text is encoded as and generation never samples."""
    tokenizer = case.fitted()
    special = dict(tokenizer.special_ids)
    if not special:
        raise DoesNotApply(message("the tokenizer has no special tokens"))
    if unknown := sorted(set(special) - set(SPECIAL_TOKENS)):
        raise ContractViolation(
            message(
                "special_ids contains {name!r}: choose from {names}", name=unknown[0], names=", ".join(SPECIAL_TOKENS)
            )
        )
    if len(set(special.values())) < len(special) or not all(
        0 <= each < tokenizer.vocab_size for each in special.values()
    ):
        raise ContractViolation(
            message("special_ids is {ids}: give each token an id of its own below vocab_size", ids=special)
        )
    ids = case.encode(tokenizer)
    marks = {special.get("unknown"), *token_ids(tokenizer.encode("")).tolist()}
    for name, number in special.items():
        if ids[0].ndim == 1 and number not in tokenizer.suppressed_ids:
            raise ContractViolation(message("the special token {name!r} is not in suppressed_ids: add it", name=name))
        spelled = tokenizer.decode([number]) if ids[0].ndim == 1 else ""
        for text in (f"[{name.upper()}]", f"<{name}>", spelled):
            with suppress(UnknownText):
                if number not in marks and number in token_ids(tokenizer.encode(text)):
                    raise ContractViolation(
                        message("the text {text!r} is encoded as the special token {name!r}", text=text, name=name)
                    )
    restored = case.build()
    restored.restore(tokenizer.state())
    if dict(restored.special_ids) != special:
        raise ContractViolation(message("special_ids differs after restore: store in the state what it depends on"))


@check
def no_padding(case: TokenizerCase) -> None:
    """Texts are not padded to a common length, which batches are."""
    tokenizer = case.fitted()
    lengths = {len(ids) for ids in case.encode(tokenizer)}
    with suppress(UnknownText):
        lengths.add(len(tokenizer.encode(case.texts[0][:1])))
        if len(lengths) == 1 and lengths != {1}:
            raise ContractViolation(
                message("all texts have {length} ids: do not pad them, since seqkit pads batches", length=lengths.pop())
            )


@check
def injective(case: TokenizerCase) -> None:
    """Different texts have different ids."""
    ids = case.encode(case.fitted())
    if len({as_text(text) for text in case.texts}) > 1 and all(np.array_equal(ids[0], other) for other in ids[1:]):
        raise ContractViolation(message("all texts have the same ids: encode the tokens of each text"))
    if len({int(number) for each in ids for number in token_ids(each)}) == 1:
        raise ContractViolation(
            message(
                "all tokens of all texts have the id {id}: give different tokens different ids",
                id=int(token_ids(ids[0])[0]),
            )
        )


@check
def independent_arrays(case: TokenizerCase) -> None:
    """`encode` returns a new array each time, which the caller can modify."""
    tokenizer = case.fitted()
    text = case.texts[0]
    expected = tokenizer.encode(text).copy()
    ids = tokenizer.encode(text)
    if not ids.flags.writeable:
        raise ContractViolation(message("encode returns a read-only array: return a copy"))
    ids[:] = 0
    if not np.array_equal(tokenizer.encode(text), expected):
        raise ContractViolation(
            message("modifying the ids of a text changes the ids that encode returns next: return a copy")
        )
