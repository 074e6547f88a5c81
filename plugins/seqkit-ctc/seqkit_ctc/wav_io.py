"""Read and write wav files of PCM or floating-point samples.

The standard library's `wave` reads no floating-point samples and, before Python 3.12, not the extensible format.
libsndfile reads these and compressed formats as well, but would be a binary dependency of more than a megabyte, under
another license, which parses untrusted files in C.

References: Microsoft, Multimedia Programming Interface and Data Specifications 1.0, 1991, and Multiple Channel Audio
Data and WAVE Files, 2007; EBU Tech 3306, for RF64.
"""

from __future__ import annotations

import struct
import wave
from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import open_file

MAX_SAMPLE_RATE = 384_000

MAX_FLOAT = 2.0**31
"""The largest floating-point sample: 1 is full scale, but integers that were converted without scaling occur too."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_EXTENSIBLE_GUID = bytes.fromhex("000000001000800000aa00389b71")
"""The rest of the identifier of a sample format in WAVE_FORMAT_EXTENSIBLE, which begins with the format's number."""

_SAMPLE_FORMATS = {
    0x02: "ADPCM",
    0x06: "A-law",
    0x07: "mu-law",
    0x11: "IMA ADPCM",
    0x31: "GSM",
    0x50: "MPEG",
    0x55: "MP3",
    0xFF: "AAC",
    0x160: "Windows Media Audio",
    0x161: "Windows Media Audio",
    0xF1AC: "FLAC",
}

_FILE_FORMATS = {
    b"fLaC": message("a FLAC file"),
    b"OggS": message("an Ogg file"),
    b"ID3": message("an MP3 file"),
    b"RIFX": message("a big-endian wav file"),
    b"riff": message("a Wave64 file"),
    b"FORM": message("an AIFF file"),
    b"caff": message("a CAF file"),
    b".snd": message("an AU file"),
    b"#!AMR": message("an AMR file"),
    b"\x1aE\xdf\xa3": message("a Matroska or WebM file"),
    b"NIST_1A": message("a NIST SPHERE file"),
    b"\x1f\x8b": message("a gzip file"),
    b"PK\x03\x04": message("a zip file"),
    b"version https://git-lfs": message("a Git LFS pointer: the recording was not downloaded (git lfs pull)"),
}


class _Format(NamedTuple):
    """How samples are stored: PCM or floating point, the number of channels, samples per second, bytes per sample."""

    is_float: bool
    channels: int
    rate: int
    width: int


def read_wav(path: Path, sample_rate: int) -> np.ndarray:
    """Return a recording as the mean of its channels, float (samples,), at the given rate.

    PCM samples are between -1 and 1. Floating-point samples are returned as they are, also beyond full scale.

    A recording with a higher rate is filtered and resampled. One with a lower rate lacks the upper frequencies and is
    an error.

    Raises:
        DataError: the file is missing, unreadable, truncated, or not a wav file of PCM with 8 to 32 bits or floating
            point with 32 or 64 bits.
    """
    content = _read_file(path)
    try:
        form, data = _parse(content)
        samples = _decode(data, form).reshape(-1, form.channels).mean(axis=1)
    except DataError as error:
        raise DataError(message("{path}: {error}", path=path, error=error)) from None
    if not sample_rate <= form.rate <= MAX_SAMPLE_RATE:
        remedy = (
            message("lower sample_rate")
            if form.rate < sample_rate
            else message("at most {limit:,} are supported", limit=MAX_SAMPLE_RATE)
        )
        raise DataError(
            message(
                "{path}: has {rate:,} samples per second, but sample_rate is {sample_rate:,}: {remedy}",
                path=path,
                rate=form.rate,
                sample_rate=sample_rate,
                remedy=remedy,
            )
        )
    if form.rate == sample_rate or not len(samples):
        return samples
    from scipy.signal import resample_poly

    divisor = gcd(form.rate, sample_rate)
    return resample_poly(samples, sample_rate // divisor, form.rate // divisor)


def _read_file(path: Path) -> bytes:
    if "\0" in str(path):
        raise DataError(message("the path holds a NUL character: correct it"))
    with open_file(path) as file:
        return file.read()


def _parse(content: bytes) -> tuple[_Format, bytes]:
    """Return the format of the samples of a wav file, and their bytes.

    A program that writes to a pipe cannot return to the header to fill in the size of the samples. It leaves 0, the
    largest number (ffmpeg) or about half of it (SoX, arecord), and the samples extend to the end of the file.
    """
    if content[:4] not in (b"RIFF", b"RF64", b"BW64") or content[8:12] != b"WAVE":
        raise DataError(_describe_other(content))
    form, size_in_ds64, position = None, 0, 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        start = position + 8
        if name == b"data":
            if form is None:
                raise DataError(
                    message("the header is incomplete: no chunk 'fmt ' precedes the samples: replace the file")
                )
            return form, content[start : start + _data_size(content, start, size, size_in_ds64, form)]
        chunk = content[start : start + size]
        if name == b"fmt ":
            form = _parse_format(chunk)
        elif name == b"ds64" and len(chunk) >= 16:
            (size_in_ds64,) = struct.unpack_from("<Q", chunk, 8)
        position = start + size + size % 2
    raise DataError(message("the header is incomplete: the file ends before the samples: replace the truncated file"))


def _data_size(content: bytes, start: int, declared: int, size_in_ds64: int, form: _Format) -> int:
    """Return the number of bytes of the samples, which begin at `start`.

    Args:
        content: the file.
        start: the position of the first sample.
        declared: the size in the header of the chunk.
        size_in_ds64: the size in the chunk `ds64` of RF64; 0 without one.
        form: the format of the samples.
    """
    available = len(content) - start
    if declared == 0xFFFFFFFF and size_in_ds64:
        declared = size_in_ds64
    size_of_file = int.from_bytes(content[4:8], "little") + 8
    is_empty = declared == 0 and abs(size_of_file - len(content)) <= 1
    if (declared == 0 and not is_empty) or declared == 0xFFFFFFFF or 0x7FFFF000 <= declared <= 0x80000000:
        return available
    if declared > available:
        frame = form.channels * form.width
        raise DataError(
            message(
                "the file has only {available:,} of the {declared:,} samples declared in its header: replace "
                "the truncated file",
                available=available // frame,
                declared=declared // frame,
            )
        )
    return declared


def _parse_format(chunk: bytes) -> _Format:
    """Return the format in a chunk `fmt `."""
    if len(chunk) < 16:
        raise DataError(message("the header is incomplete: replace the truncated file"))
    number, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", chunk)
    if number == _EXTENSIBLE:
        if len(chunk) < 40:
            raise DataError(message("the header is incomplete: replace the truncated file"))
        if chunk[26:40] != _EXTENSIBLE_GUID:
            raise DataError(
                message("the sample format {format} is unknown: {remedy}", format=chunk[24:40].hex(), remedy=_CONVERT)
            )
        (number,) = struct.unpack_from("<H", chunk, 24)
    if number not in (_PCM, _FLOAT):
        name = _SAMPLE_FORMATS.get(number)
        what = (
            message("{name} samples (format {number})", name=name, number=number)
            if name
            else message("samples of the unknown format {number}", number=number)
        )
        raise DataError(
            message("contains {samples}, not PCM or floating point: {remedy}", samples=what, remedy=_CONVERT)
        )
    is_float = number == _FLOAT
    if bits not in ((32, 64) if is_float else range(1, 33)):
        raise DataError(message("samples of {bits} bits are not supported: {remedy}", bits=bits, remedy=_CONVERT))
    width = (bits + 7) // 8
    if not channels or not rate or frame != channels * width:
        raise DataError(
            message(
                "the header contradicts itself: {channels} channels of {bits} bits in {frame} bytes, {rate} "
                "samples per second: replace the file",
                channels=channels,
                bits=bits,
                frame=frame,
                rate=rate,
            )
        )
    return _Format(is_float, channels, rate, width)


_CONVERT = message("convert the file, for example with `ffmpeg -i FILE -c:a pcm_s16le NEW.wav`")


def _describe_other(content: bytes) -> str:
    """Describe a file that is not a wav file."""
    if not content:
        return message("the file is empty: replace it")
    name = next((name for start, name in _FILE_FORMATS.items() if content.startswith(start)), "")
    if content[4:8] == b"ftyp":
        name = message("an MP4 or M4A file")
    elif content[0] == 0xFF and len(content) > 1 and content[1] & 0xE0 == 0xE0:
        name = message("an AAC file") if content[1] & 0x06 == 0 else message("an MP3 file")
    return (
        message("not a wav file, but {name}: {remedy}", name=name, remedy=_CONVERT)
        if name
        else message("not a wav file: {remedy}", remedy=_CONVERT)
    )


def _decode(data: bytes, form: _Format) -> np.ndarray:
    """Return samples as float64, (samples * channels,). An incomplete last sample is ignored.

    Raises:
        DataError: a floating-point sample is not a number or too large.
    """
    width = form.width
    data = data[: len(data) - len(data) % (form.channels * width)]
    if form.is_float:
        samples = np.frombuffer(data, f"<f{width}").astype(np.float64)
        wrong = np.flatnonzero(~(np.abs(samples) <= MAX_FLOAT))
        if wrong.size:
            number, value = wrong[0] // form.channels + 1, samples[wrong[0]]
            raise DataError(
                message(
                    "sample {number:,} is {value:.3g}, which is not a sound: replace the recording",
                    number=number,
                    value=value,
                )
            )
        return samples
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
