"""The phones of the English digits, as parameters of a formant synthesizer.

The formant frequencies are those of a male voice, rounded from the tables of Klatt, Software for a cascade/parallel
formant synthesizer, 1980; durations and levels are set by ear and by eye. A phone is one segment, or several: a stop
consists of a closure, which is silent, a burst and an aspiration.
"""

from __future__ import annotations

from typing import NamedTuple

Formants = tuple[float, float, float]

FOURTH_FORMANT = (3300.0, 250.0)
"""The frequency and the bandwidth of the fourth formant in Hz, which hardly differs between phones."""


class Segment(NamedTuple):
    """A part of a phone. Levels are relative to the voicing of a vowel.

    Attributes:
        duration: in seconds, at normal speed.
        start: the frequencies of the three lowest formants in Hz in the first part of the segment.
        end: the same in its last part; differs in a diphthong.
        bandwidths: of the three lowest formants in Hz.
        voicing: the level of the pulses of the glottis.
        aspiration: the level of the noise of the glottis.
        frication: the level of the noise of a constriction.
        band: the center and the bandwidth of the frication in Hz.
    """

    duration: float
    start: Formants
    end: Formants
    bandwidths: Formants = (60, 90, 150)
    voicing: float = 0.0
    aspiration: float = 0.0
    frication: float = 0.0
    band: tuple[float, float] = (3000, 1000)


def _vowel(milliseconds: float, start: Formants, end: Formants | None = None) -> tuple[Segment, ...]:
    return (Segment(milliseconds / 1000, start, end or start, voicing=1.0),)


def _sonorant(milliseconds: float, formants: Formants, bandwidths: Formants) -> tuple[Segment, ...]:
    return (Segment(milliseconds / 1000, formants, formants, bandwidths, voicing=0.6),)


def _fricative(
    milliseconds: float, formants: Formants, frication: float, band: tuple[float, float], voicing: float = 0.0
) -> tuple[Segment, ...]:
    return (Segment(milliseconds / 1000, formants, formants, (200, 120, 200), voicing, 0.0, frication, band),)


def _stop(formants: Formants, frication: float, band: tuple[float, float]) -> tuple[Segment, ...]:
    wide = (300.0, 150.0, 250.0)
    return (
        Segment(0.050, formants, formants, wide),
        Segment(0.020, formants, formants, wide, frication=frication, band=band),
        Segment(0.030, formants, formants, wide, aspiration=0.1),
    )


PHONES: dict[str, tuple[Segment, ...]] = {
    "AH": _vowel(100, (620, 1220, 2550)),
    "AO": _vowel(130, (600, 990, 2570)),
    "AY": _vowel(180, (660, 1200, 2550), (400, 1880, 2500)),
    "EH": _vowel(90, (530, 1680, 2500)),
    "EY": _vowel(160, (480, 1720, 2520), (330, 2020, 2600)),
    "IH": _vowel(80, (400, 1800, 2570)),
    "IY": _vowel(150, (310, 2020, 2960)),
    "OW": _vowel(160, (540, 1100, 2300), (450, 900, 2300)),
    "UW": _vowel(160, (350, 1250, 2200), (320, 900, 2200)),
    "R": _sonorant(70, (310, 1060, 1380), (70, 100, 120)),
    "W": _sonorant(70, (290, 610, 2150), (50, 80, 60)),
    "N": _sonorant(80, (250, 1340, 2470), (100, 300, 300)),
    "F": _fricative(100, (340, 1100, 2080), 0.05, (2600, 3000)),
    "V": _fricative(65, (220, 1100, 2080), 0.02, (2600, 3000), voicing=0.4),
    "TH": _fricative(100, (320, 1290, 2540), 0.04, (3400, 2000)),
    "S": _fricative(110, (320, 1390, 2530), 0.30, (3700, 500)),
    "Z": _fricative(80, (240, 1390, 2530), 0.15, (3700, 500), voicing=0.4),
    "T": _stop((400, 1600, 2600), 0.25, (3400, 900)),
    "K": _stop((300, 1990, 2850), 0.25, (1900, 500)),
}

DIGITS: dict[str, tuple[str, ...]] = {
    "0": ("Z", "IH", "R", "OW"),
    "1": ("W", "AH", "N"),
    "2": ("T", "UW"),
    "3": ("TH", "R", "IY"),
    "4": ("F", "AO", "R"),
    "5": ("F", "AY", "V"),
    "6": ("S", "IH", "K", "S"),
    "7": ("S", "EH", "V", "AH", "N"),
    "8": ("EY", "T"),
    "9": ("N", "AY", "N"),
}
"""The phones of each digit."""
