"""Special tokens: added to any tokenizer, never the encoding of a text, and saved with a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import seqkit
from seqkit.contracts import SPECIAL_TOKENS, Embedding, Tokenizer, WithSpecialTokens
from seqkit.errors import DataError
from seqkit.heads.classify import Classify
from seqkit.testing import checks_for_tokenizer, parametrize_with_checks
from seqkit.tokenizers.bpe import BPE
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

TOKENIZERS = {
    "char": Char,
    "mark": lambda: Char(unknown="mark"),
    "byte": Byte,
    "word": lambda: Word(unknown="mark"),
    "bpe": lambda: BPE(vocab_size=300),
}


@parametrize_with_checks(
    [
        check.named(name)
        for name, factory in TOKENIZERS.items()
        for check in checks_for_tokenizer(
            lambda factory=factory: WithSpecialTokens(factory(), ["separator", "mask", "unknown"])
        )
    ]
)
def test_a_tokenizer_with_special_tokens_implements_the_contract(check: Any) -> None:
    check()


def test_tokens_that_the_tokenizer_lacks_follow_its_ids_in_one_order() -> None:
    tokenizer = WithSpecialTokens(Char(unknown="mark"), ["separator", "unknown", "mask"])
    tokenizer.fit(["abc"])
    assert tokenizer.special_ids == {"unknown": 3, "mask": 4, "separator": 5}
    assert (tokenizer.vocab_size, list(tokenizer.suppressed_ids)) == (6, [3, 4, 5])
    assert tokenizer.encode("azb").tolist() == [0, 3, 1]
    assert tokenizer.decode([0, 5, 1, 4]) == "ab"
    restored = WithSpecialTokens(Char(unknown="mark"), SPECIAL_TOKENS[:0])
    restored.restore(tokenizer.state())
    assert restored.special_ids == {"unknown": 3}


def test_pairs_are_joined_by_the_separator() -> None:
    tokenizer = WithSpecialTokens(Char(unknown="skip"), ["separator"])
    tokenizer.fit(["ab"])
    assert tokenizer.encode_pair("ab", "b").tolist() == [0, 1, 2, 1]
    with pytest.raises(DataError, match="no token of text 2 of the pair is in the vocabulary"):
        tokenizer.encode_pair("ab", "x")


class Wide(Byte):
    """Each token has three integers."""

    def encode(self, text: str) -> np.ndarray:
        ids = super().encode(text)
        return np.stack([ids, ids, ids], axis=1)


class Own(Byte):
    """A tokenizer with a separator, and a form of pairs, of its own."""

    special_ids = {"separator": 0}

    def encode_pair(self, first: str, second: str) -> np.ndarray:
        return np.concatenate([self.encode(first), [0], self.encode(second), [0]])


def test_tokens_of_several_integers_and_tokenizers_with_tokens_of_their_own() -> None:
    wide = WithSpecialTokens(Wide(), ["separator"])
    assert wide.encode_pair("a", "b").tolist() == [[97] * 3, [256, 0, 0], [98] * 3]
    own = WithSpecialTokens(Own(), ["separator"])
    assert (own.vocab_size, own.encode_pair("a", "b").tolist()) == (256, [97, 0, 98, 0])


class MaskedVectors(nn.Embedding, Embedding):
    """An embedding that needs the token `mask`."""

    special_tokens = frozenset({"mask"})

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer.vocab_size, 4)
        self.output_size = 4
        self.mask = tokenizer.special_ids["mask"]


class NeedsBegin(Classify):
    """A head that needs the token `begin`."""

    special_tokens = frozenset({"begin"})

    def fit(self, examples: Sequence[Any], tokenizer: Tokenizer | None) -> None:
        super().fit(examples, tokenizer)
        assert tokenizer is not None
        assert tokenizer.special_ids["begin"] == tokenizer.vocab_size - 1


def test_components_ask_for_tokens_which_a_run_keeps(tmp_path: Path, table: Iterable[Any]) -> None:
    seqkit.register("embedding", "masked", MaskedVectors)
    seqkit.register("head", "begin", NeedsBegin)
    recipe = {
        "name": "tokens",
        "data": {"type": "table", "path": str(table)},
        "tokenizer": {"type": "byte"},
        "embedding": {"type": "masked"},
        "encoder": {"type": "lstm", "hidden_size": 3},
        "head": {"type": "begin"},
        "train": {"epochs": 1, "device": "cpu"},
    }
    run = seqkit.run(recipe, runs=tmp_path)
    tokenizer = seqkit.load(run.path).tokenizer
    assert tokenizer.special_ids == {"mask": 256, "begin": 257}
    assert seqkit.load(run.path).predict(["good"]) == run.predict(["good"])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "train.csv"
    file.write_text("text,label\ngood,1\nbad,0\n", encoding="utf-8")
    return file
