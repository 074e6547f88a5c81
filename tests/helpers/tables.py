"""Tables of texts and labels."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

GOOD, BAD = ["clean", "friendly", "quiet", "lovely", "great"], ["dirty", "rude", "noisy", "awful", "bad"]
FILLERS = ["the", "room", "was", "it"]


def reviews(count: int = 60, seed: int = 0) -> list[tuple[str, str]]:
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        words = generator.choices(GOOD if number % 2 else BAD, k=3) + generator.choices(
            ["the", "room", "was", "it"], k=6
        )
        generator.shuffle(words)
        rows.append((" ".join([*words, f"n{number}"]), "pos" if number % 2 else "neg"))
    return rows


def write_table(path: Path, header: list[str], rows: list[Any], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows] if header else rows)
    return path
