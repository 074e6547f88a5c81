"""Bits per character and perplexity, for tokenizers whose tokens are not characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from helpers.engines import fitted_tokenizer
from seqkit.contracts import Example, LongText, Tokenizer
from seqkit.heads import next_char
from seqkit.heads.next_char import NextChar
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word

TEXTS = ["床前明月光，疑是地上霜。", "To be, or not to be: that is the question", "é😀!"]


class Bigram(Tokenizer):
    """One token per two characters; the last token of a text may be a single one."""

    def fit(self, texts: Iterable[str]) -> None:
        self.symbols = sorted({symbol for text in texts for symbol in self._symbols(text)})
        self.vocab_size = len(self.symbols)

    def encode(self, text: str) -> np.ndarray:
        return np.array([self.symbols.index(symbol) for symbol in self._symbols(text)])

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.symbols[number] for number in ids)

    def state(self) -> dict[str, Any]:
        return {"symbols": self.symbols}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.symbols = state["symbols"]
        self.vocab_size = len(self.symbols)

    @staticmethod
    def _symbols(text: str) -> list[str]:
        return [text[start : start + 2] for start in range(0, len(text), 2)]


def metrics(tokenizer: Tokenizer, loss: float, *texts: Any) -> dict[str, Any]:
    return NextChar().metrics(loss, [], [Example(text) for text in texts], tokenizer=tokenizer)


@pytest.mark.parametrize("loss", [0.0, 0.5, math.log(2), 3.0])
def test_metrics_of_characters(loss: float) -> None:
    scores = metrics(fitted_tokenizer("abc"), loss, "ab", "cabb")
    assert scores == pytest.approx({"bits_per_char": math.log2(math.e) * loss, "perplexity": math.e**loss})
    assert scores["bits_per_char"] == loss / math.log(2)
    assert list(scores) == list(NextChar.metric_names)


def test_perplexity_does_not_overflow() -> None:
    assert math.isfinite(metrics(fitted_tokenizer("abc"), 5000.0, "abc")["perplexity"])


@pytest.mark.parametrize("tokenizer", [Char(), Byte(), Bigram()], ids=lambda tokenizer: type(tokenizer).__name__)
def test_bits_per_character_is_the_total_over_the_predicted_characters(tokenizer: Tokenizer) -> None:
    """By brute force: the bits of all tokens but the first of each text, over the characters that begin after it."""
    tokenizer.fit(TEXTS)
    loss, bits, characters = 1.7, 0.0, 0
    for text in TEXTS:
        first = 2 if isinstance(tokenizer, Bigram) else 1
        bits += (len(tokenizer.encode(text)) - 1) * loss / math.log(2)
        characters += len(text[first:])
    assert metrics(tokenizer, loss, *TEXTS)["bits_per_char"] == pytest.approx(bits / characters, rel=1e-12)


def test_bits_per_character_of_words_counts_the_spaces_between_them() -> None:
    tokenizer = fitted_tokenizer("to be or not", Word(lower=True, unknown="mark"))
    # Of "to  BE, or", the tokens after the first add " be", one character for the unknown comma, and " or".
    decoded = tokenizer.decode(tokenizer.encode("to  BE, or").tolist())
    assert decoded == "to be \N{REPLACEMENT CHARACTER} or"
    expected = 3 * 2.0 / math.log(2) / (len(decoded) - len("to"))
    assert metrics(tokenizer, 2.0, "to  BE, or")["bits_per_char"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", [{"unknown": "skip"}, {"unknown": "mark"}, {"max_length": 4}])
def test_characters_that_are_not_predicted_do_not_count(options: dict[str, Any]) -> None:
    tokenizer = fitted_tokenizer("abcd", Char(**options))
    text = "abcdabcd" if "max_length" in options else "abxcdyyab"
    assert metrics(tokenizer, 0.8, text)["bits_per_char"] == 0.8 / math.log(2)


@pytest.mark.parametrize("tokenizer", [Char(), Byte(), Bigram()], ids=lambda tokenizer: type(tokenizer).__name__)
def test_bits_per_character_of_a_long_text(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of a long text are decoded in blocks, which can begin inside a character."""
    text = "".join(TEXTS)
    tokenizer.fit([text])
    whole = metrics(tokenizer, 1.3, text)
    monkeypatch.setattr(next_char, "_BLOCK", 5)
    monkeypatch.setattr(next_char, "_CONTEXT", 4)
    ids = tokenizer.encode(text).astype(np.uint16)
    assert metrics(tokenizer, 1.3, LongText(len(text), ids, "", "")) == whole


def test_bits_per_character_is_undefined_without_characters() -> None:
    class Silent(Byte):
        def decode(self, ids: Sequence[int]) -> str:
            return ""

    assert metrics(Silent(), 0.0, "ab") == {"perplexity": 1.0}


@pytest.mark.parametrize("objective", ["step", "prefix"])
def test_a_run_on_bytes_reports_bits_per_character(objective: str, tmp_path: Path) -> None:
    text = "床前明月光，疑是地上霜。"
    recipe = {
        "data": {"type": "text", "text": text},
        "tokenizer": "byte",
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {"type": "next_char", "objective": objective},
        "train": {"epochs": 1},
    }
    result = seqkit.run(recipe, runs=tmp_path, quiet=True).result
    for scores in (result["metrics"]["train"], result["baseline"]):
        total = scores["loss"] * (3 * len(text) - 1) / math.log(2)
        assert scores["bits_per_char"] == pytest.approx(total / (len(text) - 1))
        assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))
    evaluated = seqkit.load(next(tmp_path.iterdir())).evaluate([(text, None)])
    assert evaluated["bits_per_char"] == pytest.approx(result["metrics"]["train"]["bits_per_char"])


def test_the_loss_from_prefixes_is_reported_per_character(tmp_path: Path) -> None:
    recipe = {
        "data": {"type": "text", "text": "床前明月光，疑是地上霜。"},
        "tokenizer": "byte",
        "encoder": {"type": "bilstm", "hidden_size": 4},
        "head": {"type": "next_char", "allow_leak": True},
        "train": {"epochs": 1},
    }
    scores = seqkit.run(recipe, runs=tmp_path, quiet=True).result["honest_loss"]
    assert scores["bits_per_char"] == pytest.approx(scores["loss"] / math.log(2) * 35 / 11)
