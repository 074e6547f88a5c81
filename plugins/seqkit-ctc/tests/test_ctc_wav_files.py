"""Tests of reading and writing wav files: sample formats, headers as programs write them, and damaged files."""

from __future__ import annotations

import os
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_ctc.wav_io import read_wav, write_wav

from seqkit.errors import DataError

RATE = 8000
GUID = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """Return a chunk of a wav file, padded to an even length."""
    return name + struct.pack("<I", len(content) if size is None else size) + content + bytes(len(content) % 2)


def header(number: int, bits: int, *, channels: int = 1, rate: int = RATE, extensible: bool = False) -> bytes:
    """Return the chunk `fmt ` of a sample format."""
    frame = channels * ((bits + 7) // 8)
    content = struct.pack("<HHIIHH", 0xFFFE if extensible else number, channels, rate, rate * frame, frame, bits)
    if extensible:
        content += struct.pack("<HHIH", 22, bits, 0, number) + GUID
    return chunk(b"fmt ", content)


def riff(*chunks: bytes, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    """Return a wav file."""
    content = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(content) if size is None else size) + content


def read(folder: Path, content: bytes) -> list[float]:
    path = folder / "a.wav"
    path.write_bytes(content)
    return read_wav(path, RATE).tolist()


PCM = {
    8: (bytes([0, 64, 128, 192, 255]), [-1, -0.5, 0, 0.5, 127 / 128]),
    16: (struct.pack("<5h", -(2**15), -1, 0, 2**14, 2**15 - 1), [-1, -(2**-15), 0, 0.5, 1 - 2**-15]),
    24: (
        b"\x00\x00\x80\xff\xff\xff\x00\x00\x00\x00\x00\x40\xff\xff\x7f",
        [-1, -(2**-23), 0, 0.5, 1 - 2**-23],
    ),
    32: (struct.pack("<5i", -(2**31), -1, 0, 2**30, 2**31 - 1), [-1, -(2**-31), 0, 0.5, 1 - 2**-31]),
}
FLOATS = [-1.0, 0.0, 0.25, 1.5, -30000.0]


# Sample formats


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", PCM)
def test_pcm_of_all_widths(tmp_path: Path, bits: int, extensible: bool) -> None:
    raw, expected = PCM[bits]
    assert read(tmp_path, riff(header(1, bits, extensible=extensible), chunk(b"data", raw))) == expected


def test_fewer_bits_than_bytes_are_the_upper_bits(tmp_path: Path) -> None:
    assert read(tmp_path, riff(header(1, 12), chunk(b"data", struct.pack("<2h", -(2**15), 2**14)))) == [-1, 0.5]


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("bits", "code"), [(32, "f"), (64, "d")])
def test_floating_point_is_not_scaled_or_clipped(tmp_path: Path, bits: int, code: str, extensible: bool) -> None:
    raw = struct.pack(f"<5{code}", *FLOATS)
    content = riff(header(3, bits, extensible=extensible), chunk(b"fact", bytes(4)), chunk(b"data", raw))
    assert read(tmp_path, content) == FLOATS


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), "nan"), (float("-inf"), "-inf"), (3e38, "3e[+]38")])
def test_floating_point_that_is_no_sound_is_an_error(tmp_path: Path, value: float, shown: str) -> None:
    raw = struct.pack("<4f", 0, 0, value, 0)
    with pytest.raises(DataError, match=f"a.wav: sample 2 is {shown}, which is not a sound: replace the recording$"):
        read(tmp_path, riff(header(3, 32, channels=2), chunk(b"data", raw)))


def test_channels_are_averaged(tmp_path: Path) -> None:
    raw = struct.pack("<6h", 100, 300, -200, 200, 0, 2**14)
    samples = read(tmp_path, riff(header(1, 16, channels=2), chunk(b"data", raw)))
    assert [sample * 2**15 for sample in samples] == [200, 0, 2**13]


@pytest.mark.parametrize(
    ("number", "bits", "words"),
    [
        (2, 4, "contains ADPCM samples .format 2., not PCM or floating point: convert the file, for example with"),
        (6, 8, "contains A-law samples"),
        (7, 8, "contains mu-law samples"),
        (0x11, 4, "contains IMA ADPCM samples"),
        (0x55, 0, "contains MP3 samples"),
        (0x7777, 16, "contains samples of the unknown format 30583"),
        (1, 64, "samples of 64 bits are not supported: convert"),
        (3, 16, "samples of 16 bits are not supported"),
    ],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_other_sample_formats_are_rejected(
    tmp_path: Path, number: int, bits: int, words: str, extensible: bool
) -> None:
    with pytest.raises(DataError, match=f"a.wav: {words}"):
        read(tmp_path, riff(header(number, bits, extensible=extensible), chunk(b"data", bytes(16))))


def test_unknown_extensible_format_is_rejected(tmp_path: Path) -> None:
    changed = header(1, 16, extensible=True)[:-1] + b"\x72"
    with pytest.raises(DataError, match="the sample format 0100000000001000800000aa00389b72 is unknown: convert"):
        read(tmp_path, riff(changed, chunk(b"data", bytes(16))))


# Chunks and sizes


def test_other_chunks_are_skipped(tmp_path: Path) -> None:
    """A chunk of odd size is padded, which its size does not include."""
    raw, expected = PCM[16]
    others = [chunk(b"JUNK", bytes(3)), chunk(b"bext", b"data" * 151), chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf5\0")]
    content = riff(others[0], header(1, 16), *others[1:], chunk(b"data", raw), chunk(b"LIST", b"INFO" * 5))
    assert read(tmp_path, content) == expected


def test_odd_number_of_bytes(tmp_path: Path) -> None:
    raw, expected = PCM[8]
    padded = riff(header(1, 8), chunk(b"data", raw))
    assert read(tmp_path, padded) == read(tmp_path, padded[:-1]) == expected


@pytest.mark.parametrize(
    ("size_of_file", "size"),
    [
        (0, 0),
        (36, 0),  # Python's wave module
        (0xFFFFFFFF, 0xFFFFFFFF),  # ffmpeg
        (0x7FFFF024, 0x7FFFF000),  # SoX
        (0x80000024, 0x80000000),  # arecord
    ],
)
def test_size_that_was_unknown_when_the_header_was_written(tmp_path: Path, size_of_file: int, size: int) -> None:
    raw, expected = PCM[16]
    content = riff(header(1, 16), chunk(b"LIST", b"INFO"), chunk(b"data", raw, size), size=size_of_file)
    assert read(tmp_path, content) == expected
    assert read(tmp_path, content + b"\1") == expected  # half a sample


def test_size_in_rf64(tmp_path: Path) -> None:
    raw, expected = PCM[16]

    def content(size: int) -> bytes:
        ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, size, size // 2, 0))
        chunks = (ds64, header(1, 16), chunk(b"data", raw, 0xFFFFFFFF), chunk(b"LIST", b"INFO"))
        return riff(*chunks, size=0xFFFFFFFF, name=b"RF64")

    assert read(tmp_path, content(len(raw))) == expected
    with pytest.raises(DataError, match="only 11 of the 500 samples declared"):
        read(tmp_path, content(1000))


def test_recording_without_samples(tmp_path: Path) -> None:
    assert read(tmp_path, riff(header(1, 16), chunk(b"data", b""), chunk(b"LIST", b"INFO"))) == []


def test_truncated_file_is_an_error(tmp_path: Path) -> None:
    content = riff(header(1, 16), chunk(b"data", bytes(2000)))
    with pytest.raises(DataError, match="a.wav: the file has only 750 of the 1,000 samples declared in its header"):
        read(tmp_path, content[:-500])


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_higher_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    def tones(rate_of_tones: int) -> np.ndarray:
        time = np.arange(rate_of_tones // 2) / rate_of_tones
        return 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 1900 * time)

    inaudible = 0.3 * np.sin(2 * np.pi * 6500 * np.arange(rate // 2) / rate)  # must not cause aliasing
    write_wav(tmp_path / "a.wav", tones(rate) + inaudible, rate)
    samples = read_wav(tmp_path / "a.wav", RATE)
    assert len(samples) == RATE // 2
    np.testing.assert_allclose(samples[200:-200], tones(RATE)[200:-200], atol=0.005)


def test_lower_rate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 4,000 samples per second, but sample_rate is 8,000: lower sample_rate"):
        read(tmp_path, riff(header(1, 16, rate=4000), chunk(b"data", bytes(2000))))


# Damaged and other files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello", "not a wav file: convert the file, for example with `ffmpeg -i FILE -c:a pcm_s16le NEW.wav`$"),
        (b"ID3\4", "not a wav file, but an MP3 file: convert"),
        (b"\xff\xfb\x90\x00", "not a wav file, but an MP3 file"),
        (b"\xff\xf1\x50\x80", "not a wav file, but an AAC file"),
        (b"fLaC\0\0\0\x22", "not a wav file, but a FLAC file"),
        (b"OggS\0\2", "not a wav file, but an Ogg file"),
        (b"\0\0\0\x20ftypM4A ", "not a wav file, but an MP4 or M4A file"),
        (b"FORM\0\0\0\0AIFF", "not a wav file, but an AIFF file"),
        (b"RIFX\0\0\0\0WAVE", "not a wav file, but a big-endian wav file"),
        (b"RIFF\0\0\0\0AVI ", "not a wav file: convert"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not a wav file, but a Git LFS pointer"),
        (riff(), "the header is incomplete: the file ends before the samples"),
        (riff(header(1, 16)), "the header is incomplete: the file ends before the samples"),
        (riff(chunk(b"data", bytes(8))), "the header is incomplete: no chunk 'fmt ' precedes the samples"),
        (riff(chunk(b"fmt ", bytes(8)), chunk(b"data", bytes(8))), "the header is incomplete: replace"),
        (riff(chunk(b"fmt ", b"\xfe\xff" + bytes(16)), chunk(b"data", bytes(8))), "the header is incomplete: replace"),
        (riff(header(1, 16, channels=0), chunk(b"data", bytes(8))), "the header contradicts itself: 0 channels"),
        (riff(header(1, 16, rate=0), chunk(b"data", bytes(8))), "the header contradicts itself: .* 0 samples per"),
        (riff(header(1, 16)[:-4] + b"\4\0\x10\0", chunk(b"data", bytes(8))), "contradicts itself: 1 .* in 4 bytes"),
    ],
)
def test_other_files_are_rejected(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as raised:
        read(tmp_path, content)
    assert str(raised.value).startswith(f"{tmp_path / 'a.wav'}: ")


def test_files_that_cannot_be_opened_are_rejected(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in (
        ("absent", "no such file"),
        ("", "cannot be read: Is a directory"),
        ("pipe", "is not a regular file, but a pipe"),
        ("a" * 300, "cannot be read: File name too long"),
        ("a\0b", "the path holds a NUL character"),
        ("\ud800", "cannot be read: no file can have this name"),
    ):
        with pytest.raises(DataError, match=words):
            read_wav(tmp_path / path, RATE)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(
        [
            riff(header(1, 16, extensible=True), chunk(b"data", bytes(range(16)))),
            riff(header(3, 32), chunk(b"data", bytes(16))),
        ]
    ),
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 60),
)
def test_corrupt_file_is_read_or_is_a_data_error(content: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    from tempfile import TemporaryDirectory

    raw = bytearray(content)
    for position, value in changes:
        raw[position] = value
    with TemporaryDirectory() as folder:
        try:
            assert np.isfinite(read(Path(folder), bytes(raw[: len(raw) - cut] if cut < 20 else raw))).all()
        except DataError as error:
            assert "a.wav: " in str(error)


# Writing


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_written_samples_are_read_back_within_16_bit_precision(samples: list[float]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        write_wav(Path(folder) / "a.wav", np.array(samples), RATE)
        read_back = read_wav(Path(folder) / "a.wav", RATE)
    np.testing.assert_allclose(read_back, np.minimum(samples, 1 - 2**-15), rtol=0, atol=2**-16)


def test_samples_equal_those_of_the_standard_library(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).integers(-(2**15), 2**15, 999).astype("<i2")
    (tmp_path / "a.wav").write_bytes(riff(header(1, 16), chunk(b"data", raw.tobytes())))
    with wave.open(str(tmp_path / "a.wav")) as file:
        expected = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.array_equal(read_wav(tmp_path / "a.wav", RATE) * 2**15, expected)
