"""Wav files of plain samples (PCM), read and written with the standard library."""

from __future__ import annotations

import wave
from math import gcd
from pathlib import Path

import numpy as np

from seqkit.errors import DataError

LARGEST_RATE = 384_000


def read_wav(path: Path, sample_rate: int) -> np.ndarray:
    """Returns a recording, its channels' mean, float (samples,) between -1 and 1, at the given rate.

    One of a higher rate is filtered and resampled; one of a lower rate lacks the upper frequencies and is refused.

    Raises:
        DataError: it is missing, unreadable, or not PCM of 8, 16, 24 or 32 bits.
    """
    try:
        with path.open("rb") as file, wave.open(file) as recording:
            channels, width, rate, declared = recording.getparams()[:4]
            raw = recording.readframes(declared)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (wave.Error, EOFError, RuntimeError) as error:
        reason = str(error) or "it ends within its header"
        raise DataError(f"{path}: not a wav file of plain samples (PCM): {reason}") from None
    if width not in (1, 2, 3, 4):
        raise DataError(f"{path}: has samples of {8 * width} bits: 8, 16, 24 and 32 are read")
    if len(raw) < declared * channels * width:
        raise DataError(
            f"{path}: ends after {len(raw) // (channels * width):,} of the {declared:,} samples it announces"
        )
    if not sample_rate <= rate <= LARGEST_RATE:
        raise DataError(
            f"{path}: has {rate:,} samples a second, and is to give {sample_rate:,}: "
            + ("lower sample_rate" if rate < sample_rate else f"{LARGEST_RATE:,} at most are read")
        )
    samples = _numbers(raw, width).reshape(-1, channels).mean(axis=1)
    if rate == sample_rate or not len(samples):
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, sample_rate)
    return resample_poly(samples, sample_rate // common, rate // common)


def _numbers(raw: bytes, width: int) -> np.ndarray:
    """Returns samples of so many bytes as float64 between -1 and 1."""
    if width == 1:
        return np.frombuffer(raw, np.uint8) / 128.0 - 1  # the only width that is not signed
    if width == 3:
        # A 24-bit sample is the upper three bytes of a 32-bit one.
        padded = np.zeros((len(raw) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        raw, width = padded.tobytes(), 4
    return np.frombuffer(raw, f"<i{width}") / 2.0 ** (8 * width - 1)


def write_wav(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Writes sound, float (samples,) between -1 and 1, as one channel of 16 bits; what is beyond is cut off."""
    whole = np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(whole.tobytes())
