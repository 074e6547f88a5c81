"""Tests of what the head `translate` shows in the report."""

from __future__ import annotations

from seqkit_seq2seq.exhibits import wrong_translations

from seqkit.contracts import Transcript


def test_wrong_translations_are_the_surest_first() -> None:
    predictions = [
        {"translation": "12", "log_probability": -2.0},
        {"translation": "13", "log_probability": -0.1},
        {"translation": "14", "log_probability": -0.5},
    ]
    (shown,) = wrong_translations(predictions, ["11", "13", "15"], ["a", "b", "c"])
    assert shown.items == (
        Transcript(("1", "5"), ("1", "4"), "c", (("log probability", -0.5), ("example", 3))),
        Transcript(("1", "1"), ("1", "2"), "a", (("log probability", -2.0), ("example", 1))),
    )
    assert shown.separator == ""
    assert wrong_translations(predictions[1:2], ["13"], ["b"]) == []


def test_texts_with_spaces_are_compared_word_by_word() -> None:
    (shown,) = wrong_translations([{"translation": "a cat", "log_probability": -1.0}], ["a dog"], ["x"])
    assert (shown.items[0].expected, shown.separator) == (("a", "dog"), " ")
