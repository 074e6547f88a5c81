"""Connectionist temporal classification for seqkit: labels in order, from a recording that doesn't say where each is.

The head `ctc` takes any encoder; the readers `tones` and `wav` give it sound as log-mel features.
"""

from __future__ import annotations

from collections.abc import Iterator

import seqkit


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "ctc",
        "seqkit_ctc.head:CTC",
        "labels in order, without saying where each stands",
        checks="seqkit_ctc.checks:ctc",
    )


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "tones",
        "seqkit_ctc.tones:Tones",
        "spoken digits that it synthesises, as log-mel features",
        checks="seqkit_ctc.checks:tones",
    )
    yield seqkit.Component(
        "wav", "seqkit_ctc.wav:Wav", "wav files listed in a csv, as log-mel features", checks="seqkit_ctc.checks:wav"
    )


@seqkit.hookimpl
def seqkit_commands() -> Iterator[seqkit.Command]:
    yield seqkit.Command("tones", "seqkit_ctc.tones_command:tones", "Write synthesised digits to wav files.")
