"""Tests of the synthesis of speech against independent formulas, and of the reader `voices`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import freqz, welch
from seqkit_ctc.phones import DIGITS, PHONES, Segment
from seqkit_ctc.speech import SpeechSynthesizer, Voice, cascade, sample_voice
from seqkit_ctc.tones import Tones
from seqkit_ctc.voices import Voices
from seqkit_ctc.wav_io import write_wav

from seqkit.errors import DataError

RATE = 8000
VOWELS = ("AH", "IY", "OW")


def voice(pitch: float = 100.0, formants: float = 1.0, speed: float = 1.0) -> Voice:
    return Voice(formants, pitch, speed, 0.0, {name: np.ones(3) for name in PHONES}, 0.0)


def speak(segment: Segment, seconds: float, rate: int = RATE, **properties: float) -> np.ndarray:
    steady = segment._replace(duration=seconds, end=segment.start)
    return SpeechSynthesizer(rate, (20.0, 20.0)).speak([steady], voice(**properties), np.random.default_rng(0))


def response(frequencies: np.ndarray, formants: tuple[float, ...], bandwidths: tuple[float, ...]) -> np.ndarray:
    """The power response of the vocal tract in dB, from its poles."""
    total = np.zeros(len(frequencies))
    for formant, bandwidth in zip(formants, bandwidths, strict=True):
        pole = np.exp(-np.pi * bandwidth / RATE + 2j * np.pi * formant / RATE)
        denominator = np.poly([pole, pole.conjugate()]).real
        total += 20 * np.log10(np.abs(freqz([denominator.sum()], denominator, frequencies, fs=RATE)[1]))
    return total


def pitch_of(samples: np.ndarray) -> float:
    """The pitch in Hz at the highest peak of the autocorrelation between 60 and 400 Hz."""
    correlation = np.fft.irfft(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2 * len(samples))) ** 2)
    lags = slice(RATE // 400, RATE // 60)
    return RATE / (lags.start + correlation[lags].argmax())


# Synthesis


def test_digits_consist_of_known_phones() -> None:
    assert sorted(DIGITS) == list("0123456789")
    assert len(set(DIGITS.values())) == 10
    assert {name for phones in DIGITS.values() for name in phones} == set(PHONES)


def test_cascade_is_the_product_of_resonators() -> None:
    formants, bandwidths = (300.0, 2100.0, 2900.0, 3300.0), (60.0, 90.0, 150.0, 250.0)
    spectrum = cascade(np.array([formants]), np.array([bandwidths]), RATE, 400)[0]
    expected = response(np.arange(201) * RATE / 400, formants, bandwidths)
    np.testing.assert_allclose(20 * np.log10(np.abs(spectrum)), expected, atol=1e-9)
    assert spectrum[0] == pytest.approx(1)


@pytest.mark.parametrize("factor", [0.85, 1.15])
@pytest.mark.parametrize("name", VOWELS)
def test_whispered_vowel_has_the_response_of_its_formants(name: str, factor: float) -> None:
    (vowel,) = PHONES[name]
    sound = speak(vowel._replace(voicing=0.0, aspiration=1.0), 10.0, formants=factor)
    frequencies, power = welch(sound, RATE, nperseg=1024)
    formants = tuple(factor * each for each in (*vowel.start, 3300))
    expected = response(frequencies, formants, (*vowel.bandwidths, 250))
    # White noise of variance 1 has the density 2 / RATE.
    error = 10 * np.log10(power * RATE / 2) - expected
    inside = (frequencies > 50) & (frequencies < 3900)
    assert np.abs(error[inside]).mean() < 0.6
    for formant in formants[:2]:
        near = np.abs(frequencies - formant) < 100
        assert frequencies[near][power[near].argmax()] == pytest.approx(formant, abs=30)


@pytest.mark.parametrize("name", VOWELS)
@pytest.mark.parametrize("pitch", [90.0, 170.0, 310.0])
def test_vowel_has_the_pitch_of_the_voice_and_falls(pitch: float, name: str) -> None:
    sound = speak(PHONES[name][0], 1.0, pitch=pitch)
    pitches = np.array([pitch_of(sound[start : start + 400]) for start in range(400, len(sound) - 800, 200)])
    # The contour of a recording is within 8% of the voice's, falls from 110% to 90% of it, and varies by 5%.
    assert np.all(pitches > 0.9 * 0.92 * 0.95 * pitch - 5) and np.all(pitches < 1.1 * 1.08 * 1.05 * pitch + 10)
    assert pitches[:8].mean() > 1.03 * pitches[-8:].mean()


def test_s_is_noise_of_high_frequency() -> None:
    frequencies, power = welch(speak(PHONES["S"][0], 2.0), RATE, nperseg=256)
    assert frequencies[power.argmax()] > 3300
    assert power[frequencies > 3000].sum() > 10 * power[frequencies < 2000].sum()


def test_closure_of_a_stop_is_silent() -> None:
    assert np.abs(speak(PHONES["T"][0], 0.2)).max() < 1e-9


def test_vowels_are_louder_than_fricatives() -> None:
    def level(name: str) -> float:
        return 10 * np.log10((speak(PHONES[name][0], 1.0) ** 2).mean())

    assert min(level(name) for name in VOWELS) > max(level(name) for name in ("F", "TH", "S")) + 3


def test_duration_is_inversely_proportional_to_the_speed_of_the_voice() -> None:
    synthesizer = SpeechSynthesizer(RATE, (20.0, 20.0))
    slow, fast = (synthesizer.synthesize("407", voice(speed=s), np.random.default_rng(3)) for s in (0.6, 1.2))
    assert len(slow) / len(fast) == pytest.approx(2, rel=0.001)


@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(st.text("0123456789", min_size=1, max_size=4), st.sampled_from([8000, 11025, 16000]), st.integers(0, 1000))
def test_recordings_do_not_clip(digits: str, rate: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    speaker = sample_voice(generator, (0.5, 2.0), (40.0, 600.0), (0.5, 2.0))
    samples = SpeechSynthesizer(rate, (-5.0, 20.0)).synthesize(digits, speaker, generator)
    assert np.isfinite(samples).all() and 0.09 < np.abs(samples).max() < 0.9


# The reader


def test_examples_depend_on_seed_and_pool_but_not_on_the_count() -> None:
    few, many = (list(Voices(count=count, voices=2, digits=(1, 2)).read()) for count in (3, 5))
    for one, other in zip(few, many, strict=False):
        assert one.target == other.target and np.array_equal(one.input, other.input)
    assert {len(example.target) for example in many} == {1, 2}
    assert {example.input.shape[1] for example in many} == {120}
    assert many[4].location == "voices, example 5"
    for changes in ({"seed": 1}, {"pool": "valid"}):
        others = [example.target for example in Voices(count=5, voices=2, digits=(1, 2), **changes).read()]
        assert others != [example.target for example in many]


def test_recordings_are_the_same_on_every_machine() -> None:
    texts, sounds = zip(*Voices(count=2, digits=(2, 3)).sounds(), strict=True)
    assert texts == ("403", "761")
    assert [len(sound) for sound in sounds] == [13864, 12389]
    assert [float(np.abs(sound).mean()) for sound in sounds] == pytest.approx(
        [0.013329802805, 0.015460255421], rel=1e-6
    )


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 8))
def test_no_voice_belongs_to_two_pools(seed: int, other_seed: int, few: int, many: int) -> None:
    pools = [
        Voices(pool=pool, seed=each, voices=count, count=20).voices
        for pool, each, count in (("train", seed, few), ("valid", other_seed, many), ("test", seed, many))
    ]
    pitches = [each.pitch for pool in pools for each in pool]
    assert len(set(pitches)) == len(pitches) == few + 2 * many


def test_voices_take_turns() -> None:
    reader = Voices(count=4, voices=2, digits=(1, 1), noise=(120.0, 120.0))
    assert len(reader.voices) == 2
    for number, (text, samples) in enumerate(reader.sounds()):
        generator = np.random.default_rng([0, 0, 1, number])
        generator.integers(1, 2), generator.choice(10, 1)
        expected = reader.synthesizer.synthesize(text, reader.voices[number % 2], generator)
        assert np.array_equal(samples, expected)


def test_ranges_apply_to_all_voices() -> None:
    reader = Voices(voices=30, count=30, formants=(0.9, 1.0), pitch=(100.0, 120.0), speed=(1.1, 1.2))
    assert all(0.9 <= each.formants <= 1.0 for each in reader.voices)
    assert all(100 <= each.pitch <= 120 for each in reader.voices)
    assert all(1.1 <= each.speed <= 1.2 for each in reader.voices)


def test_reads_wav_files_without_targets(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.random.default_rng(0).standard_normal(RATE) / 10, RATE)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path\na.wav\n")
    parameters = {"path": manifest, "normalize": "recording"}
    (example,) = Voices(**Voices.without_targets(parameters)).read()
    assert example.target is None
    assert np.abs(example.input.reshape(-1, 40).mean(axis=0)).max() < 0.05


@pytest.mark.parametrize(("cls", "name"), [(Voices, "voices"), (Tones, "tones")])
def test_recordings_shorter_than_a_time_step_are_rejected(cls: Any, name: str) -> None:
    reader = cls(count=2, digits=(1, 1), window=5.0)
    with pytest.raises(
        DataError, match=f"^{name}, example 1 is 0.* s long, but one .* requires 5.020 s: lower `window`"
    ):
        list(reader.read())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"digits": (3, 2)}, "^digits must be the lowest and the highest value, in this order, not 3 and 2$"),
        ({"pitch": (200.0, 100.0)}, "^pitch must be the lowest and the highest value"),
        ({"formants": (1.2, 1.0)}, "^formants must be the lowest"),
        ({"high": 4001.0}, "^high must be at most half the sample rate"),
    ],
)
def test_invalid_parameters_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Voices(**parameters)
