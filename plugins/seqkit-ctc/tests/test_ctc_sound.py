"""Tests of the synthesis of recordings, of wav files, and of the readers `tones` and `wav`."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_ctc.synthesis import DIGITS, SOUNDS, Synthesizer, pink_noise
from seqkit_ctc.tones import Tones
from seqkit_ctc.wav import Wav
from seqkit_ctc.wav_io import read_wav, write_wav

from seqkit.errors import DataError

RATE = 8000


# Synthesis


def test_digits_are_different_sequences_of_shared_sounds() -> None:
    assert len(set(DIGITS.values())) == len(DIGITS) == 10
    assert len(SOUNDS) < len(DIGITS)
    assert any(sounds[::-1] in DIGITS.values() for sounds in DIGITS.values())


@pytest.mark.parametrize("speed", [1.0, 1.25])
def test_sound_has_its_two_tones(speed: float) -> None:
    synthesizer = Synthesizer(RATE, (speed, speed), (120.0, 120.0))
    sound = synthesizer._sound("e", np.random.default_rng(0), speed)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * RATE))
    for tone in (480, 1850):
        band = slice(int(8 * tone * speed) - 400, int(8 * tone * speed) + 400)
        assert (band.start + spectrum[band].argmax()) / 8 == pytest.approx(tone * speed, abs=3)


def test_duration_is_inversely_proportional_to_speed() -> None:
    lengths = [
        len(Synthesizer(RATE, (s, s), (20.0, 20.0)).synthesize("407", np.random.default_rng(3)))
        for s in (0.5, 1.0, 2.0)
    ]
    assert lengths[0] / lengths[1] == pytest.approx(2, rel=0.001)
    assert lengths[1] / lengths[2] == pytest.approx(2, rel=0.001)


@pytest.mark.parametrize("decibels", [-5.0, 10.0])
def test_signal_to_noise_ratio(decibels: float) -> None:
    # Only the power of the noise differs, so the clean recording can be subtracted.
    noisy, clean = (Synthesizer(RATE, (1.0, 1.0), (d, d), (0.0, 0.0)) for d in (decibels, 120.0))
    one, other = (
        noisy.synthesize("31415", np.random.default_rng(1)),
        clean.synthesize("31415", np.random.default_rng(1)),
    )
    scale = np.linalg.lstsq(other[:, None], one, rcond=None)[0][0]
    ratio = ((scale * other) ** 2).mean() / ((one - scale * other) ** 2).mean()
    assert 10 * np.log10(ratio) == pytest.approx(decibels, abs=0.3)


@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(st.integers(2, 20_000))
def test_pink_noise_has_mean_power_1(size: int) -> None:
    assert (pink_noise(size, np.random.default_rng(size)) ** 2).mean() == pytest.approx(1)


def test_pink_noise_decreases_by_3_db_per_octave() -> None:
    power = np.abs(np.fft.rfft(pink_noise(2**17, np.random.default_rng(0)))) ** 2
    octaves = [10 * np.log10(power[2**n : 2 ** (n + 1)].mean()) for n in range(6, 16)]
    np.testing.assert_allclose(np.diff(octaves), -3.01, atol=1)


@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(st.text("0123456789", min_size=1, max_size=4), st.integers(0, 1000))
def test_recordings_do_not_clip(digits: str, seed: int) -> None:
    samples = Synthesizer(RATE, (0.8, 1.25), (-5.0, 15.0)).synthesize(digits, np.random.default_rng(seed))
    assert np.isfinite(samples).all() and 0.09 < np.abs(samples).max() < 0.9


# The reader `tones`


def test_examples_depend_on_the_seed_but_not_on_the_count() -> None:
    few, many, others = (list(Tones(count=count, seed=seed).read()) for count, seed in ((3, 5), (6, 5), (3, 6)))
    for one, other in zip(few, many, strict=False):
        assert one.target == other.target and np.array_equal(one.input, other.input)
    assert [one.target for one in few] != [one.target for one in others]


def test_recordings_of_the_same_digit_depend_on_the_seed() -> None:
    one, other = (dict(Tones(count=10, seed=seed, digits=(1, 1)).sounds()) for seed in (1, 2))
    assert all(len(one[digit]) != len(other[digit]) for digit in "0123456789")


def test_examples_have_the_requested_lengths_and_can_be_aligned() -> None:
    examples = list(Tones(count=60, digits=(2, 4), speed=(0.8, 1.5)).read())
    assert {len(example.target) for example in examples} == {2, 3, 4}
    assert {example.input.shape[1] for example in examples} == {120}
    assert all(2 * len(example.target) <= len(example.input) for example in examples)
    assert examples[6].location == "tones, example 7"


def test_distinct_yields_each_string_once() -> None:
    texts = [text for text, _ in Tones(count=100, digits=(2, 2)).sounds()]
    assert sorted(texts) == [f"{number:02}" for number in range(100)]
    assert len({text for text, _ in Tones(count=100, digits=(2, 2), distinct=False).sounds()}) < 100


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"digits": (3, 2)}, "^digits must be the lowest and the highest value, in this order, not 3 and 2$"),
        ({"noise": (float("nan"), 1.0)}, "^noise must be the lowest and the highest value"),
        (
            {"count": 111, "digits": (1, 2)},
            "^count must be at most 110, the number of strings of 1 to 2 digits",
        ),
        ({"speed": (1.0, 2.0)}, "^speed must be below 1.78, not 2.0: 8000 samples per second"),
    ],
)
def test_invalid_parameters_of_tones_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tones(**parameters)


# Wav files


def write(path: Path, raw: bytes, *, channels: int = 1, width: int = 2, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return path


@pytest.mark.parametrize(
    ("width", "raw", "expected"),
    [
        (1, bytes([0, 64, 128, 192, 255]), [-1, -0.5, 0, 0.5, 127 / 128]),
        (2, struct.pack("<5h", -(2**15), -1, 0, 2**14, 2**15 - 1), [-1, -(2**-15), 0, 0.5, 1 - 2**-15]),
        (3, b"\x00\x00\x80\xff\xff\xff\x00\x00\x00\x00\x00\x40\xff\xff\x7f", [-1, -(2**-23), 0, 0.5, 1 - 2**-23]),
        (4, struct.pack("<5i", -(2**31), -1, 0, 2**30, 2**31 - 1), [-1, -(2**-31), 0, 0.5, 1 - 2**-31]),
    ],
)
def test_all_sample_widths_are_read(tmp_path: Path, width: int, raw: bytes, expected: list[float]) -> None:
    np.testing.assert_array_equal(read_wav(write(tmp_path / "a.wav", raw, width=width), RATE), expected)


def test_channels_are_averaged(tmp_path: Path) -> None:
    raw = struct.pack("<6h", 100, 300, -200, 200, 0, 2**14)
    samples = read_wav(write(tmp_path / "a.wav", raw, channels=2), RATE)
    np.testing.assert_array_equal(samples * 2**15, [200, 0, 2**13])


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_written_samples_are_read_back_within_16_bit_precision(samples: list[float]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        write_wav(Path(folder) / "a.wav", np.array(samples), RATE)
        read_back = read_wav(Path(folder) / "a.wav", RATE)
    np.testing.assert_allclose(read_back, np.minimum(samples, 1 - 2**-15), rtol=0, atol=2**-16)


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the file does not exist"),
        (b"", "not a wav file with PCM samples: the header is incomplete"),
        (b"ID3, the start of an mp3", "not a wav file with PCM samples: file does not start with RIFF id"),
    ],
)
def test_other_files_are_rejected(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"a.wav: {message}"):
        read_wav(path, RATE)


def test_floating_point_samples_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", bytes(8))
    raw = bytearray(path.read_bytes())
    raw[20] = 3  # the code of floating-point samples
    path.write_bytes(raw)
    with pytest.raises(DataError, match="not a wav file with PCM samples: unknown format: 3"):
        read_wav(path, RATE)


def test_truncated_file_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", bytes(2000))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match="a.wav: the file has only 750 of the 1,000 samples declared in its header"):
        read_wav(path, RATE)


def test_lower_rate_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", bytes(2000), rate=4000)
    with pytest.raises(DataError, match="has 4,000 samples per second, but sample_rate is 8,000: lower sample_rate"):
        read_wav(path, RATE)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 60))
def test_corrupt_file_is_read_or_is_a_data_error(changes: list[tuple[int, int]], cut: int) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.wav", bytes(range(16)))
        raw = bytearray(path.read_bytes())
        for position, value in changes:
            raw[position] = value
        path.write_bytes(raw[: len(raw) - cut] if cut < 20 else raw)
        try:
            assert np.isfinite(read_wav(path, RATE)).all()
        except DataError as error:
            assert "a.wav: " in str(error)


# The reader `wav`


def manifest(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_wav_reads_recordings_of_tones(tmp_path: Path) -> None:
    reader = Tones(count=3, noise=(0.0, 10.0))
    (tmp_path / "sounds").mkdir()
    lines = ["text,path"]
    for text, samples in reader.sounds():
        write_wav(tmp_path / "sounds" / f"{text}.wav", samples, RATE)
        lines.append(f"{text},sounds/{text}.wav")
    path = manifest(tmp_path, "\n\n".join(lines))
    for other in (Wav(path=path), Tones(path=path)):
        for original, recorded in zip(reader.read(), other.read(), strict=True):
            assert original.target == recorded.target
            # The quantization to 16 bits adds noise at -98 dB, which is noticeable in bands that are almost silent.
            np.testing.assert_allclose(recorded.input, original.input, atol=0.02)
    assert [example.location for example in Wav(path=path).read()] == [f"{path}:{line}" for line in (3, 5, 7)]


def test_manifest_without_texts_has_no_targets(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(RATE), RATE)
    (example,) = Wav(path=manifest(tmp_path, "path,speaker\na.wav,x\n")).read()
    assert example.target is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,text\na.wav,1\n", ":1: the column 'path' does not exist; the columns are file, text: set `audio:`"),
        ("path,path,text\na,b,1\n", ":1: two columns are called 'path': rename one"),
        ("path,text\na.wav\n", ":2: 1 columns, but the header has 2: correct the line"),
        ("path,text\n,12\n", ":2: the column 'path' is empty"),
        ("path,text\na.wav, \n", ":2: the column 'text' is empty"),
        ('path,text\n"a.wav,1\n', ":2: "),
        ("path,text\nb.wav,1\n", ":2: .*b.wav: the file does not exist"),
        ("path,text\n.,1\n", ":2: .*: cannot be read: Is a directory"),
        ("path,text\na.wav,1\nshort.wav,1\n", ":3: short.wav is 0.040 s long, but one time step requires 0.045 s"),
    ],
)
def test_invalid_manifests_are_rejected(tmp_path: Path, text: str, message: str) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(RATE), RATE)
    write_wav(tmp_path / "short.wav", np.zeros(320), RATE)
    with pytest.raises(DataError, match=f"manifest.csv{message}"):
        list(Wav(path=manifest(tmp_path, text)).read())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "^path is required: set `path:`"),
        ({"path": Path("a"), "text": "path"}, "^text is the same column as audio, 'path': set one of them"),
        ({"path": Path("a"), "encoding": "utf9"}, "^encoding 'utf9' is"),
        ({"path": Path("a"), "hop": 0.00001}, "^hop must be at least 0.000125 s"),
    ],
)
def test_invalid_parameters_of_wav_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wav(**parameters)
