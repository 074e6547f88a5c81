"""The components and the commands of this plugin, by name. A class is imported only when a recipe uses it."""

from __future__ import annotations

from collections.abc import Iterator

import seqkit
from seqkit.messages import message


@seqkit.hookimpl
def seqkit_heads() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "ctc",
        "seqkit_ctc.head:CTC",
        message("a sequence of labels without alignment, by connectionist temporal classification"),
        checks="seqkit_ctc.checks:ctc",
    )


@seqkit.hookimpl
def seqkit_encoders() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "spec_augment",
        "seqkit_ctc.spec_augment:SpecAugment",
        message("another encoder, whose inputs are masked in training by SpecAugment"),
    )


@seqkit.hookimpl
def seqkit_readers() -> Iterator[seqkit.Component]:
    yield seqkit.Component(
        "tones",
        "seqkit_ctc.tones:Tones",
        message("synthetic recordings of digits, as log-mel features"),
        checks="seqkit_ctc.checks:tones",
    )
    yield seqkit.Component(
        "voices",
        "seqkit_ctc.voices:Voices",
        message("synthetic speech of different voices, as log-mel features"),
        checks="seqkit_ctc.checks:voices",
    )
    yield seqkit.Component(
        "wav",
        "seqkit_ctc.wav:Wav",
        message("wav files listed in a csv file, as log-mel features"),
        checks="seqkit_ctc.checks:wav",
    )


@seqkit.hookimpl
def seqkit_commands() -> Iterator[seqkit.Command]:
    yield seqkit.Command(
        "tones", "seqkit_ctc.command:tones", message("Write synthetic recordings of digits to wav files.")
    )
    yield seqkit.Command("voices", "seqkit_ctc.command:voices", message("Write synthetic speech to wav files."))


@seqkit.hookimpl
def seqkit_tasks() -> Iterator[seqkit.Task]:
    yield seqkit.Task("transcribe", "seqkit_ctc.tasks:transcribe", message("the text of each recording"))
