"""Tests of the synthesis of recordings, of wav files, and of the readers `tones` and `wav`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_ctc.synthesis import DIGITS, SOUNDS, Synthesizer, pink_noise
from seqkit_ctc.tones import Tones
from seqkit_ctc.wav import Wav
from seqkit_ctc.wav_io import write_wav

from seqkit.contracts import DataNote
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


@pytest.mark.parametrize("cls", [Wav, Tones])
@pytest.mark.parametrize("text", ["path,speaker\na.wav,x\n", "text,path,speaker\n,a.wav,x\n"])
def test_inputs_are_read_without_targets(cls: Any, text: str, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(RATE), RATE)
    reader = cls(**cls.without_targets({"path": manifest(tmp_path, text), "stack": 1}))
    (example,) = reader.read()
    assert example.target is None
    assert example.row == 1
    assert example.columns.items() >= {"path": "a.wav", "speaker": "x"}.items()


def test_columns_and_row_of_an_example(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(RATE), RATE)
    _, example = Wav(path=manifest(tmp_path, "path,text,id\na.wav,1,x\n\na.wav,2,y\n")).read()
    assert (example.row, example.target, example.columns) == (2, "2", {"path": "a.wav", "id": "y"})


def test_bad_rows_are_skipped_with_notes(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(RATE), RATE)
    (tmp_path / "b.wav").write_bytes(b"ID3")
    write_wav(tmp_path / "short.wav", np.zeros(99), RATE)
    path = manifest(tmp_path, "path,text\na.wav,1\nb.wav,2\nshort.wav,3\n,4\na.wav, \nc.wav,5\na.wav,6\n")
    with pytest.warns(DataNote) as notes:
        examples = list(Wav(path=path, empty="skip", unreadable="skip").read())
    assert [(example.target, example.row) for example in examples] == [("1", 1), ("6", 7)]
    found = [(note.message.text, note.message.location.removeprefix(f"{tmp_path}/manifest.csv:")) for note in notes]
    assert [text for text, _ in found] == [
        "skipped: the recording cannot be used",
        "skipped: the recording cannot be used",
        "skipped: the column 'path' is empty",
        "skipped: the column 'text' is empty",
        "skipped: the recording cannot be used",
    ]
    assert found[0][1].startswith(f"3: {tmp_path / 'b.wav'}: not a wav file, but an MP3 file: ")
    assert found[2][1] == "5"


def test_recordings_of_a_speaker_are_normalized_together(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name, level in (("a", 0.01), ("b", 0.1), ("c", 0.5)):
        write_wav(tmp_path / f"{name}.wav", level * generator.uniform(-1, 1, RATE), RATE)
    path = manifest(tmp_path, "path,text,who\na.wav,1,anna\nb.wav,2,bo\nc.wav,3,anna\n")
    examples = list(Wav(path=path, normalize="speaker", speaker="who").read())
    assert [example.target for example in examples] == ["1", "2", "3"]
    plain = [example.input.reshape(-1, 40).astype(np.float64) for example in Wav(path=path).read()]
    for numbers in ([0, 2], [1]):
        windows = np.concatenate([plain[number] for number in numbers])
        for number in numbers:
            expected = (plain[number] - windows.mean(axis=0)) / windows.std(axis=0)
            np.testing.assert_allclose(examples[number].input.reshape(-1, 40), expected, atol=1e-4)
    reader = Wav(**Wav.without_targets({"path": path, "normalize": "speaker", "speaker": "who"}))
    assert all(np.array_equal(one.input, other.input) for one, other in zip(reader.read(), examples, strict=True))


def test_rows_without_a_speaker_are_rejected(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(RATE), RATE)
    path = manifest(tmp_path, "path,text,who\na.wav,1,\n")
    with pytest.raises(DataError, match=":2: the column 'who' is empty: add the speaker, or set `empty: skip`"):
        list(Wav(path=path, normalize="speaker", speaker="who").read())
    with pytest.raises(DataError, match=":1: the column 'whom' does not exist.*'who'.*set `speaker:` to the one with"):
        list(Wav(path=path, normalize="speaker", speaker="whom").read())
    with pytest.raises(DataError, match=r"\(did you mean 'who'\?\); 'who：' has '：' \(U\+FF1A\): write ':': set `sp"):
        list(Wav(path=path, normalize="speaker", speaker="who：").read())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,text\na.wav,1\n", ":1: the column 'path' does not exist; the columns are file, text: set `audio:`"),
        (
            "ｐａｔｈ,text\na.wav,1\n",
            ":1: the column 'path' does not exist; the columns are ｐａｔｈ, text: set `audio:`",
        ),
        ("path,path,text\na,b,1\n", ":1: two columns are called 'path': rename one"),
        ('path,text\na.wav,"1\n', ":2: a quoted field is never closed: double each quote inside a quoted field"),
        ("path,text\na.wav\n", ":2: 1 columns, but the header has 2: correct the line"),
        ("path,transcript\na.wav,1\n", ":1: the column 'text' does not exist; .* path, transcript: set `text:`"),
        ("path,text\na\0.wav,1\n", ":2: the path holds a NUL character: correct it .`unreadable: skip` skips"),
        ("path,text\n,12\n", ":2: the column 'path' is empty: add the path of a wav file, or set `empty: skip`"),
        ("path,text\na.wav, \n", ":2: the column 'text' is empty"),
        ('path,text\n"a.wav,1\n', ":2: "),
        ("path,text\nb.wav,1\n", ":2: .*b.wav: no such file"),
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
        ({"path": Path("a"), "normalize": "speaker"}, "^speaker is required by `normalize: speaker`: set it to the"),
        ({"path": Path("a"), "speaker": "who"}, "^speaker 'who' has an effect only with `normalize: speaker`: set it"),
        ({"path": Path("a"), "encoding": "utf9"}, "^encoding 'utf9' is"),
        ({"path": Path("a"), "hop": 0.00001}, "^hop must be at least 0.000125 s"),
    ],
)
def test_invalid_parameters_of_wav_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wav(**parameters)
