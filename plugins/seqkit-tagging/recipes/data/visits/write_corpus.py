"""Writes train.conll, valid.conll and test.conll beside itself: word, part of speech, entity.

    python write_corpus.py

Sentences of who went where and works for whom. `Jordan`, `Paris`, `Hudson` and others are names of people, places and
companies alike, so that only the words around them tell which. A third of the names of the valid and the test part are
in no training sentence.
"""

from __future__ import annotations

import random
from pathlib import Path

HERE = Path(__file__).parent
SIZES = {"train": 400, "valid": 100, "test": 100}

EITHER = ["Jordan", "Paris", "Florence", "Austin", "Sydney", "Chelsea", "Hudson", "Ford", "Morgan"]
FIRST = ["John", "Mary", "Ana", "Wei", "Omar", "Ingrid", "Pablo", "Ruth", "Ivan", "Leila", "Noah", "Clara", *EITHER]
LAST = ["Smith", "Brown", "Garcia", "Chen", "Haddad", "Larsen", "Silva", "Keller", "Petrov", "Okafor", *EITHER]
PLACES = ["Rome", "Oslo", "Lima", "Cairo", "Boston", "Madrid", "Kyoto", "New York", "Cape Town", "San Marino", *EITHER]
MAKERS = ["Acme", "Globex", "Nordic", "Pacific", "Union", "Summit", "Atlas", *EITHER]
KINDS = ["Motors", "Foods", "Bank", "Airlines", "Systems"]
UNSEEN = {
    "first": ["Tomas", "Yuki", "Greta", "Samir"],
    "last": ["Moreau", "Tanaka", "Novak", "Eriksen"],
    "places": ["Lisbon", "Perth", "Quito", "El Paso"],
    "makers": ["Orion", "Delta", "Vertex"],
}
DAYS = ["Monday", "Tuesday", "Friday", "Sunday"]

PATTERNS = [
    "{person} flew/VERB to/ADP {place} ./PUNCT",
    "{person} lives/VERB in/ADP {place} ./PUNCT",
    "{person} and/CCONJ {person} met/VERB in/ADP {place} on/ADP {day} ./PUNCT",
    "On/ADP {day} {person} drove/VERB from/ADP {place} to/ADP {place} ./PUNCT",
    "{company} hired/VERB {person} in/ADP {place} ./PUNCT",
    "{person} works/VERB for/ADP {company} ./PUNCT",
    "{person} left/VERB {company} last/ADJ week/NOUN ./PUNCT",
    "{company} opened/VERB a/DET shop/NOUN near/ADP {place} ./PUNCT",
    "Does/AUX {person} work/VERB in/ADP {place} ?/PUNCT",
    "The/DET train/NOUN from/ADP {place} was/AUX late/ADJ ,/PUNCT said/VERB {person} ./PUNCT",
    "{place} is/AUX far/ADJ from/ADP {place} ./PUNCT",
    "{person} bought/VERB shares/NOUN of/ADP {company} ,/PUNCT not/PART of/ADP {company} ./PUNCT",
]


def sentence(draw: random.Random, unseen: float) -> list[tuple[str, str, str]]:
    """Returns the rows of a sentence; a name is one that training does not hold with the probability `unseen`."""

    def name(known: list[str], kind: str) -> str:
        return draw.choice(UNSEEN[kind] if draw.random() < unseen else known)

    def entity(label: str, text: str) -> list[tuple[str, str, str]]:
        return [(word, "PROPN", f"{'I' if place else 'B'}-{label}") for place, word in enumerate(text.split())]

    rows = []
    for part in draw.choice(PATTERNS).split():
        if part == "{person}":
            first, last = name(FIRST, "first"), name(LAST, "last")
            rows += entity("person", draw.choice([first, f"{first} {last}", f"{first} {last}"]))
        elif part == "{place}":
            rows += entity("place", name(PLACES, "places"))
        elif part == "{company}":
            maker = name(MAKERS, "makers")
            rows += entity("company", draw.choice([maker, f"{maker} {draw.choice(KINDS)}"]))
        elif part == "{day}":
            rows.append((draw.choice(DAYS), "PROPN", "O"))
        else:
            word, tag = part.rsplit("/", 1)
            rows.append((word, tag, "O"))
    return rows


def main() -> None:
    draw = random.Random(1)
    there: set[str] = set()
    for side, size in SIZES.items():
        blocks: list[str] = []
        while len(blocks) < size:
            block = "\n".join("\t".join(row) for row in sentence(draw, 0.0 if side == "train" else 1 / 3))
            if block not in there:
                there.add(block)
                blocks.append(block)
        (HERE / f"{side}.conll").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
