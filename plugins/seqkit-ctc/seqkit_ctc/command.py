"""The command `seqkit tones`, which writes the recordings of the reader `tones` to wav files."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from seqkit.errors import UsageError

_NUM_DIGITS = click.IntRange(1, 100)
_DECIBELS = click.FloatRange(-60, 120)
_SPEED = click.FloatRange(0.1)


@click.command(short_help="Write synthetic recordings of digits to wav files.")
@click.option("--into", "folder", type=click.Path(path_type=Path), required=True, help="Output folder; must not exist.")
@click.option("--count", type=click.IntRange(1, 10_000), default=5, show_default=True, help="Number of files.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed.")
@click.option(
    "--digits",
    type=(_NUM_DIGITS, _NUM_DIGITS),
    default=(3, 7),
    show_default=True,
    help="Lowest and highest number of digits per file.",
)
@click.option(
    "--noise",
    type=(_DECIBELS, _DECIBELS),
    default=(-5.0, 15.0),
    show_default=True,
    help="Lowest and highest signal-to-noise ratio, in dB.",
)
@click.option(
    "--speed", type=(_SPEED, _SPEED), default=(0.8, 1.25), show_default=True, help="Lowest and highest speed factor."
)
@click.option("--sample-rate", type=click.IntRange(1), default=8000, show_default=True, help="Samples per second.")
def tones(
    folder: Path,
    count: int,
    seed: int,
    digits: tuple[int, int],
    noise: tuple[float, float],
    speed: tuple[float, float],
    sample_rate: int,
) -> None:
    """Write synthetic recordings of digits to wav files, and a manifest.csv with their paths and texts.

    The recordings are the first examples of the reader `tones` with the same parameters. The manifest can be read by
    the reader `wav`, `seqkit predict RUN --data` and `seqkit evaluate RUN --data`.
    """
    from seqkit_ctc.tones import Tones
    from seqkit_ctc.wav_io import write_wav

    try:
        reader = Tones(count=count, seed=seed, digits=digits, noise=noise, speed=speed, sample_rate=sample_rate)
    except ValueError as error:
        raise UsageError(f"--{str(error).replace('_', '-')}") from None
    if os.path.lexists(folder):
        raise UsageError(f"--into {folder}: already exists: name a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written under a temporary name and then renamed, so that a folder of the final name is complete.
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as staging:
            staged = Path(staging) / folder.name
            staged.mkdir()
            with (staged / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file, lineterminator="\n")
                rows.writerow(["path", "text"])
                for number, (text, samples) in enumerate(reader.sounds(), start=1):
                    name = f"{number:05}-{text}.wav"
                    write_wav(staged / name, samples, sample_rate)
                    rows.writerow([name, text])
            staged.rename(folder)
    except OSError as error:
        raise UsageError(f"--into {folder}: cannot be written: {error.strerror}") from None
    click.echo(os.fsencode(folder / "manifest.csv"))  # the name of a folder can be any bytes
