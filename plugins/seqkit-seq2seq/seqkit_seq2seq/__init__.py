"""Sequence to sequence: a decoder with attention over any encoder, and readers of pairs."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "dates",
        "seqkit_seq2seq.dates:Dates",
        "dates in words, and as ISO writes them",
        checks="seqkit_seq2seq.checks:dates",
    )
    yield seqkit.Component(
        "pairs",
        "seqkit_seq2seq.pairs:Pairs",
        "a text and its translation, a pair a line",
        checks="seqkit_seq2seq.checks:pairs",
    )


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "translate",
        "seqkit_seq2seq.translate:Translate",
        "another text, by an LSTM with attention",
        checks="seqkit_seq2seq.checks:translate",
    )
