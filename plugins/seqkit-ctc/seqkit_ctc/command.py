"""The commands `seqkit tones` and `seqkit voices`, which write the recordings of the readers to wav files."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import click

from seqkit.errors import UsageError, describe_os_error
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit_ctc.tones import Tones
    from seqkit_ctc.voices import Voices

_NUM_DIGITS = click.IntRange(1, 100)
_DECIBELS = click.FloatRange(-60, 120)
_SPEED = click.FloatRange(0.1)


_INTO = click.option(
    "--into", "folder", type=click.Path(path_type=Path), required=True, help="Output folder; must not exist."
)
_COUNT = click.option("--count", type=click.IntRange(1, 10_000), default=5, show_default=True, help="Number of files.")
_SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed.")
_DIGITS = click.option(
    "--digits",
    type=(_NUM_DIGITS, _NUM_DIGITS),
    default=(3, 7),
    show_default=True,
    help="Lowest and highest number of digits per file.",
)


@click.command(short_help="Write synthetic recordings of digits to wav files.")
@_INTO
@_COUNT
@_SEED
@_DIGITS
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

    _write_recordings(
        folder,
        lambda: Tones(count=count, seed=seed, digits=digits, noise=noise, speed=speed, sample_rate=sample_rate),
        sample_rate,
    )


@click.command(short_help="Write synthetic speech to wav files.")
@_INTO
@_COUNT
@_SEED
@click.option(
    "--pool",
    type=click.Choice(["train", "valid", "test"]),
    default="test",
    show_default=True,
    help="Pool of voices; no voice belongs to two pools.",
)
@click.option(
    "--voices", "num_voices", type=click.IntRange(1), default=100, show_default=True, help="Number of voices."
)
@_DIGITS
@click.option(
    "--noise",
    type=(_DECIBELS, _DECIBELS),
    default=(0.0, 20.0),
    show_default=True,
    help="Lowest and highest signal-to-noise ratio, in dB.",
)
@click.option("--sample-rate", type=click.IntRange(8000), default=8000, show_default=True, help="Samples per second.")
def voices(
    folder: Path,
    count: int,
    seed: int,
    pool: Literal["train", "valid", "test"],
    num_voices: int,
    digits: tuple[int, int],
    noise: tuple[float, float],
    sample_rate: int,
) -> None:
    """Write spoken digits of different voices to wav files, and a manifest.csv with their paths and texts.

    The recordings are the first examples of the reader `voices` with the same parameters. The manifest can be read by
    the reader `wav`, `seqkit predict RUN --data` and `seqkit evaluate RUN --data`.
    """
    from seqkit_ctc.voices import Voices

    _write_recordings(
        folder,
        lambda: Voices(
            count=count, seed=seed, pool=pool, voices=num_voices, digits=digits, noise=noise, sample_rate=sample_rate
        ),
        sample_rate,
    )


def _write_recordings(folder: Path, build: Callable[[], Tones | Voices], sample_rate: int) -> None:
    """Write the recordings of a reader and their manifest to a new folder, and print the path of the manifest.

    Raises:
        UsageError: a parameter is invalid, or the folder exists or cannot be written.
    """
    from seqkit_ctc.wav_io import write_wav

    try:
        reader = build()
    except ValueError as error:
        raise UsageError(message("--{problem}", problem=error)) from None
    if os.path.lexists(folder):
        raise UsageError(message("--into {folder}: already exists: name a new folder", folder=folder))
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
        raise UsageError(
            message("--into {folder}: cannot be written: {reason}", folder=folder, reason=describe_os_error(error))
        ) from None
    click.echo(os.fsencode(folder / "manifest.csv"))  # the name of a folder can be any bytes
