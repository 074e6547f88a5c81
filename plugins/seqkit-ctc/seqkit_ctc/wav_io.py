"""Read and write wav files of PCM samples with the standard library."""

from __future__ import annotations

import wave
from math import gcd
from pathlib import Path

import numpy as np

from seqkit.errors import DataError

MAX_SAMPLE_RATE = 384_000


def read_wav(path: Path, sample_rate: int) -> np.ndarray:
    """Return a recording as the mean of its channels, float (samples,) between -1 and 1, at the given rate.

    A recording with a higher rate is filtered and resampled. One with a lower rate lacks the upper frequencies and is
    an error.

    Raises:
        DataError: the file is missing, unreadable, or not PCM of 8, 16, 24 or 32 bits.
    """
    try:
        with path.open("rb") as file, wave.open(file) as recording:
            channels, width, rate, declared = recording.getparams()[:4]
            data = recording.readframes(declared)
    except FileNotFoundError:
        raise DataError(f"{path}: the file does not exist") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (wave.Error, EOFError, RuntimeError) as error:
        reason = str(error) or "the header is incomplete"
        raise DataError(f"{path}: not a wav file with PCM samples: {reason}") from None
    if width not in (1, 2, 3, 4):
        raise DataError(f"{path}: samples of {8 * width} bits are not supported: convert them to 8, 16, 24 or 32 bits")
    available = len(data) // (channels * width)
    if available < declared:
        raise DataError(
            f"{path}: the file has only {available:,} of the {declared:,} samples declared in its header: replace the "
            "truncated file"
        )
    if not sample_rate <= rate <= MAX_SAMPLE_RATE:
        remedy = "lower sample_rate" if rate < sample_rate else f"at most {MAX_SAMPLE_RATE:,} are supported"
        raise DataError(f"{path}: has {rate:,} samples per second, but sample_rate is {sample_rate:,}: {remedy}")
    samples = _decode_samples(data, width).reshape(-1, channels).mean(axis=1)
    if rate == sample_rate or not len(samples):
        return samples
    from scipy.signal import resample_poly

    divisor = gcd(rate, sample_rate)
    return resample_poly(samples, sample_rate // divisor, rate // divisor)


def _decode_samples(data: bytes, width: int) -> np.ndarray:
    """Return samples as float64 between -1 and 1, given their width in bytes."""
    if width == 1:
        return np.frombuffer(data, np.uint8) / 128.0 - 1  # the only unsigned format
    if width == 3:
        # A 24-bit sample is the upper three bytes of a 32-bit one.
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, width = padded.tobytes(), 4
    return np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)


def write_wav(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write samples, float (samples,), as one channel of 16 bits. Values outside -1 to 1 are clipped."""
    quantized = np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(quantized.tobytes())
