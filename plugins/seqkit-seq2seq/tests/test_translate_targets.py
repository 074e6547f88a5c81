"""Tests of the targets, the metrics, the baseline and the state of the head `translate`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from seqkit_seq2seq.translate import Translate

from seqkit.contracts import DataNote, Example
from seqkit.errors import DataError
from seqkit.tokenizers.char import Char
from seqkit.tokenizers.word import Word


def fitted_head(**parameters: Any) -> Translate:
    """Return a head with the target tokens `a` and `b`."""
    head = Translate(**{"tokenizer": Char, "hidden_size": 4} | parameters)
    head.fit([Example("x", "abba")], None)
    return head


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "^the target is missing$"),
        (3, "^the target is 3, not text$"),
        ("a\ud800", r"^cannot encode the target with head.tokenizer: bad text$"),
    ],
)
def test_invalid_targets_are_rejected(target: Any, message: str) -> None:
    class Strict(Char):
        def encode(self, text: str) -> np.ndarray:
            if "\ud800" in text:
                raise DataError("bad text")
            return super().encode(text)

    with pytest.raises(DataError, match=message):
        list(fitted_head(tokenizer=Strict).rows(Example("x", target), np.array([0])))


@pytest.mark.parametrize(
    ("tokenizer", "target", "restored"),
    [
        (lambda: Char(unknown="skip"), "abca", "aba"),
        (lambda: Word(lower=True), "Abba", "abba"),
        (lambda: Char(max_length=2), "abba", "ab"),
    ],
)
def test_translations_are_compared_with_what_the_tokenizer_can_restore(
    tokenizer: Any, target: str, restored: str
) -> None:
    head, example = fitted_head(tokenizer=tokenizer), Example("x", target, "pairs.tsv:7")
    with pytest.warns(DataNote, match="^head.tokenizer cannot restore the target exactly") as notes:
        list(head.rows(example, np.array([0])))
    assert [note.message.location for note in notes] == ["pairs.tsv:7"]  # type: ignore[union-attr]
    assert head.metrics(0.5, [{"translation": restored}], [example])["exact_match"] == 1
    baseline = head.baseline([example], [example], None)
    assert baseline is not None and baseline["exact_match"] == 1


def test_word_targets_are_restored_with_their_spaces() -> None:
    head = Translate(tokenizer=Word, hidden_size=4)
    examples = [Example("x", text) for text in ("1.4 kg", "$3, (a - b)", "我 考了 100 分")]
    head.fit(examples, None)
    for example in examples:
        (row,) = head.rows(example, np.array([0]))  # issues no note
        assert head.tokenizer.decode(row.target[:-1].tolist()) == example.target


def test_invalid_training_targets_are_rejected() -> None:
    head = Translate(tokenizer=Char, hidden_size=4)
    with pytest.raises(DataError, match=r"^pairs.tsv:7: the target is missing$"):
        head.fit([Example("x", "a"), Example("x", None, "pairs.tsv:7")], None)
    with pytest.raises(DataError, match=r"^a target has 100,001 tokens: use at most 100,000$"):
        head.fit([Example("x", "a" * 100_001)], None)

    class Pairs(Char):
        def encode(self, text: str) -> np.ndarray:
            return np.stack([super().encode(text)] * 2, axis=1)

    with pytest.raises(ValueError, match=r"^tokenizer represents a token by several integers"):
        Translate(tokenizer=Pairs, hidden_size=4).fit([Example("x", "a")], None)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "the length of the longest target must be an integer, 0 to 100,000"),
        ({"tokenizer": {"symbols": ["a"]}, "longest": 10**9}, "the length of the longest target must be an integer"),
        ({"tokenizer": {"symbols": ["a"]}, "longest": True}, "the length of the longest target must be an integer"),
        ({"longest": 4}, "the state of the target tokenizer is not a mapping"),
        ({"tokenizer": {"symbols": []}, "longest": 4}, "the tokenizer's state has no list of symbols"),
    ],
)
def test_invalid_states_are_rejected(state: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        Translate(tokenizer=Char, hidden_size=4).restore(state)


def test_metrics() -> None:
    examples = [Example("x", "abba"), Example("x", "ba ")]
    metrics = fitted_head(bleu_tokenizer="char").metrics(
        0.5, [{"translation": "abba"}, {"translation": "bb"}], examples
    )
    assert metrics["exact_match"] == 0.5
    assert metrics["character_error_rate"] == pytest.approx(1 / 6)
    assert metrics["perplexity"] == pytest.approx(math.exp(0.5))
    assert "tok:char" in metrics["bleu_signature"]
    assert set(Translate.metric_names) <= set(metrics)
    assert math.isfinite(fitted_head().metrics(1e4, [{"translation": "a"}], examples[:1])["perplexity"])


def test_baseline_has_the_metrics_of_the_model() -> None:
    train = [Example("one fish", "1"), Example("two fish", "2"), Example("red fish", "r")]
    test = [Example("one fish!", "1"), Example("two  fishes", "2"), Example("blue fish", "b")]
    baseline = fitted_head().baseline(train, test, None)
    assert baseline is not None
    assert baseline["exact_match"] == pytest.approx(2 / 3)
    assert baseline["name"].startswith("target of the most similar training text")
    assert fitted_head().baseline([Example(np.zeros((2, 1)), "1")], test, None) is None
