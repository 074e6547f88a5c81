"""Checks of a tokenizer with unusual inputs: unknown, empty, short and long texts, chunks and lists of words."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from seqkit.errors import DataError, UnknownText
from seqkit.messages import message
from seqkit.recipe.parameters import parameters
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import shorten
from seqkit.testing.tokenizer.case import UNSEEN, TokenizerCase, as_text, token_ids

check = CheckSuite[TokenizerCase]("tokenizer")


@check
def long_texts(case: TokenizerCase) -> None:
    """A long text has as many more ids as it is longer, unless the tokenizer takes a maximum length as a parameter."""
    tokenizer = case.fitted()
    if any("max" in name or "length" in name for name in parameters(type(tokenizer))):
        raise DoesNotApply(message("a parameter limits the length"))
    text = case.texts[0]
    sizes = []
    for count in (1, 20, 39):
        repeated = " ".join([text] * count) if isinstance(text, str) else text * count
        try:
            ids = tokenizer.encode(repeated)
        except UnknownText:
            raise DoesNotApply(message("a text with a space in it is unknown")) from None
        sizes.append(len(ids))
        if ids.min() < 0 or token_ids(ids).max() >= tokenizer.vocab_size:
            raise ContractViolation(
                message("a text of {count} ids has ids that are out of range: see id_range", count=len(ids))
            )
    if sizes[2] - sizes[1] != sizes[1] - sizes[0]:
        raise ContractViolation(
            message(
                "a text repeated 1, 20 and 39 times has {sizes} ids: do not truncate texts, or take the limit as a "
                "parameter max_length",
                sizes=sizes,
            )
        )
    if tokenizer.chunkable and not np.array_equal(ids, np.concatenate([tokenizer.encode(part) for part in repeated])):
        raise ContractViolation(
            message("a long text has other ids than its characters: encode texts of all lengths in the same way")
        )


@check
def unknown_text(case: TokenizerCase) -> None:
    """Unseen characters and words have ids less than vocab_size, or raise UnknownText."""
    tokenizer = case.fitted()
    try:
        ids = tokenizer.encode(UNSEEN)
    except UnknownText as error:
        if not str(error):
            raise ContractViolation(
                message("UnknownText has an empty message: name the unknown token and a remedy")
            ) from None
        return
    except DataError:
        raise ContractViolation(
            message("a text with unknown tokens raises DataError: raise seqkit.errors.UnknownText")
        ) from None
    except Exception as error:
        raise ContractViolation(
            message(
                "a text with unknown tokens raises {error}: raise seqkit.errors.UnknownText, or encode them with an id "
                "for unknown tokens",
                error=type(error).__name__,
            )
        ) from None
    if len(ids) and (ids.min() < 0 or token_ids(ids).max() >= tokenizer.vocab_size):
        raise ContractViolation(message("the id of unknown tokens is out of range: count it in vocab_size"))


@check
def unknown_characters(case: TokenizerCase) -> None:
    """Unknown characters do not have the id of a known one."""
    tokenizer = case.fitted()
    try:
        ids = [token_ids(tokenizer.encode(character)) for character in "≈√∫"]
    except Exception:
        raise DoesNotApply(message("unknown tokens raise an error")) from None
    if any(len(each) != 1 for each in ids) or len({int(each[0]) for each in ids}) > 1:
        raise DoesNotApply(message("unknown characters do not have one id"))
    known = tokenizer.decode(ids[0]).strip()
    with suppress(DataError):
        if known and known in " ".join(map(as_text, case.texts)) and np.array_equal(tokenizer.encode(known), ids[0]):
            raise ContractViolation(
                message("unknown characters have the id of {known!r}: give them an id of their own", known=known)
            )


@check
def empty_text(case: TokenizerCase) -> None:
    """An empty text has no ids but special ones, and a prompt does not end in a special id that ends a text."""
    tokenizer = case.fitted()
    ids = tokenizer.encode("")
    if not isinstance(ids, np.ndarray) or ids.dtype != np.int64:
        raise ContractViolation(
            message("an empty text is encoded as {ids}: return an empty int64 array", ids=shorten(ids, 40))
        )
    if not len(ids):
        return
    prompts = [tokenizer.encode_prompt(as_text(text)) for text in case.texts]
    if all(np.array_equal(prompt[-1], ids[-1]) for prompt in prompts):
        raise ContractViolation(
            message(
                "an empty text is encoded as {ids}, and all prompts end in the last of these ids: return from "
                "encode_prompt the ids without an end mark, since training texts have no continuation after it",
                ids=shorten(ids, 40),
            )
        )


@check
def short_text(case: TokenizerCase) -> None:
    """The beginnings of a text are encoded as arrays of the same form, down to a single token."""
    tokenizer = case.fitted()
    text = case.texts[0]
    whole = tokenizer.encode(text)
    for end in range(1, len(text) + 1):
        try:
            ids = tokenizer.encode(text[:end])
        except UnknownText:
            continue  # a part of a word
        if ids.ndim != whole.ndim or ids.shape[1:] != whole.shape[1:]:
            raise ContractViolation(
                message(
                    "{text} is encoded as an array {shape}: return (time, ...) for a single token too",
                    text=shorten(text[:end], 40),
                    shape=ids.shape,
                )
            )


@check
def chunkable(case: TokenizerCase) -> None:
    """If chunkable is True, the chunks of a text have the ids of the text, and fit learns the same from them."""
    tokenizer = case.fitted()
    if not tokenizer.chunkable:
        raise DoesNotApply(message("chunkable is False"))
    for text in case.texts:
        for place in range(1, len(text)):
            chunks = [tokenizer.encode(text[:place]), tokenizer.encode(text[place:])]
            if not np.array_equal(np.concatenate(chunks), tokenizer.encode(text)):
                raise ContractViolation(
                    message(
                        "{text} has other ids if it is split after {chunk}: set chunkable = False if the "
                        "ids of a token depend on its neighbors",
                        text=shorten(text, 40),
                        chunk=shorten(text[:place], 40),
                    )
                )
    other = case.build()
    other.fit(character for text in case.texts for character in text)
    if other.state() != tokenizer.state():
        raise ContractViolation(
            message(
                "fit learns another state from the single characters of the texts: set chunkable = False if the ids of "
                "a token depend on its neighbors"
            )
        )
    try:
        tokenizer.encode(UNSEEN)
    except UnknownText as error:
        if error.position is None:
            raise ContractViolation(
                message("UnknownText has no position: pass the index of the unknown token, from 0")
            ) from None


@check
def word_lists(case: TokenizerCase) -> None:
    """If takes_words is True, `encode_words` states the word of each token of a list, which is not modified."""
    tokenizer = case.fitted()
    if not tokenizer.takes_words:
        raise DoesNotApply(message("takes_words is False"))
    words = as_text(case.texts[0]).split()
    argument = list(words)
    tokenizer.fit([argument])
    ids, numbers = tokenizer.encode_words(argument)
    is_limited = any("max" in name or "length" in name for name in parameters(type(tokenizer)))
    if len(numbers) != len(ids) or (np.diff(numbers[numbers >= 0]) < 0).any() or numbers.max() >= len(words):
        raise ContractViolation(
            message(
                "encode_words returns {numbers} for {words} words: return the index of each token's word, from 0",
                numbers=shorten(numbers, 40),
                words=len(words),
            )
        )
    if set(numbers[numbers >= 0].tolist()) != set(range(len(words))) and not is_limited:
        raise ContractViolation(
            message(
                "{words} words are encoded as {tokens} tokens: encode each word of a list as one token, or return from "
                "encode_words the word that each token belongs to",
                words=len(words),
                tokens=len(ids),
            )
        )
    if not np.array_equal(ids, tokenizer.encode(argument)):
        raise ContractViolation(message("encode_words returns other ids than encode for a list of words"))
    if argument != words:
        raise ContractViolation(message("the list of words is modified in place: work on a copy"))
    text = " ".join(words)
    if not np.array_equal(tokenizer.encode(tokenizer.words(text)), tokenizer.encode_words(text)[0]):
        raise ContractViolation(
            message("the words of a text have other ids than the text: return from `words` the words that are encoded")
        )
