"""Sequence to sequence: a decoder with attention over any encoder, and readers of parallel texts."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit
from seqkit.messages import message


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "dates",
        "seqkit_seq2seq.dates:Dates",
        message("generated dates in English and Chinese, and their ISO 8601 form"),
        checks="seqkit_seq2seq.checks:dates",
    )
    yield seqkit.Component(
        "pairs",
        "seqkit_seq2seq.pairs:Pairs",
        message("texts and their translations, one pair per line, without a header"),
        checks="seqkit_seq2seq.checks:pairs",
    )


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "translate",
        "seqkit_seq2seq.translate:Translate",
        message("text to text: an LSTM decoder with attention"),
        checks="seqkit_seq2seq.checks:translate",
    )


@seqkit.hookimpl
def seqkit_tasks() -> Iterator[seqkit.Task]:
    yield seqkit.Task("translate", "seqkit_seq2seq.tasks:translate", message("a text for each text"))
