"""The checks of this plugin's components, for `seqkit check-plugin` and for the tests."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seqkit.contracts import Example
from seqkit.testing import Check, checks_for_head, checks_for_reader
from seqkit_ctc.head import CTC
from seqkit_ctc.tones import Tones
from seqkit_ctc.voices import Voices
from seqkit_ctc.wav import Wav
from seqkit_ctc.wav_io import write_wav

_temporary_folders: list[TemporaryDirectory] = []
"""The folders of the wav files that the manifests list. They are removed when the process ends."""


def tones() -> list[Check]:
    return checks_for_reader(lambda: Tones(count=4, digits=(1, 2)))


def voices() -> list[Check]:
    return checks_for_reader(lambda: Voices(count=4, voices=2, digits=(1, 2)))


def wav() -> list[Check]:
    folder = TemporaryDirectory(prefix="seqkit-ctc-")
    _temporary_folders.append(folder)
    lines = ["path,text"]
    for text, samples in Tones(count=2, digits=(1, 2)).sounds():
        file = Path(folder.name) / f"{text}.wav"
        write_wav(file, samples, 8000)
        lines.append(f"{file},{text}")
    manifest = "\n".join(lines) + "\n"
    return checks_for_reader(
        lambda path: Wav(path=path), manifest, suffix=".csv", broken={manifest + "absent.wav,1\n": 4}
    )


def ctc() -> list[Check]:
    generator = np.random.default_rng(0)
    examples = [
        Example(generator.normal(size=(length, 3)), target)
        for length, target in ((9, "ab"), (6, "c"), (12, "bca"), (7, "aa"))
    ]
    return checks_for_head(lambda: CTC(dropout=0.3, decoder="beam", beam_size=4), examples)
