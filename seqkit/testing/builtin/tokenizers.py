"""The checks of the built-in tokenizers, named by their registrations."""

from __future__ import annotations

from seqkit.testing.checks import Check, variants
from seqkit.testing.tokenizer import checks_for_tokenizer
from seqkit.tokenizers.bpe import BPE
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word


def char() -> list[Check]:
    return variants(
        {
            "error": checks_for_tokenizer(Char),
            "mark": checks_for_tokenizer(lambda: Char(unknown="mark", min_count=2)),
            "skip": checks_for_tokenizer(lambda: Char(unknown="skip", max_length=9)),
        }
    )


def byte() -> list[Check]:
    return checks_for_tokenizer(Byte)


def bpe() -> list[Check]:
    words = [["In", "Beijing", "Sarah", "bought", "apples", "."], ["100", "apples", "我今天很开心"]]
    return variants(
        {
            "texts": checks_for_tokenizer(lambda: BPE(vocab_size=300)),
            "truncated": checks_for_tokenizer(lambda: BPE(vocab_size=270, max_length=9)),
            "words": checks_for_tokenizer(lambda: BPE(vocab_size=300), texts=words),
        }
    )


def word() -> list[Check]:
    return variants(
        {
            "error": checks_for_tokenizer(Word),
            "mark": checks_for_tokenizer(lambda: Word(unknown="mark", lower=True, max_length=3)),
            "skip": checks_for_tokenizer(lambda: Word(unknown="skip")),
        }
    )
