"""Tests of what the head `ctc` shows in the report."""

from __future__ import annotations

from seqkit_ctc.exhibits import worst_transcripts

from seqkit.contracts import Transcript


def test_worst_transcripts_have_most_errors_per_label() -> None:
    scored = [("abcd", "abc", 0.5), ("ab", "ab", 0.9), ("ab", "ba", 0.25)]
    (shown,) = worst_transcripts([(list(one), list(other), p) for one, other, p in scored], separator="")
    assert shown.items == (
        Transcript(("a", "b"), ("b", "a"), facts=(("errors", 2), ("probability", 0.25), ("example", 3))),
        Transcript(tuple("abcd"), tuple("abc"), facts=(("errors", 1), ("probability", 0.5), ("example", 1))),
    )
    assert "2 of the 2 transcripts with an error, out of 3" in shown.note
    assert worst_transcripts([(["a"], ["a"], 1.0)], separator="") == []
