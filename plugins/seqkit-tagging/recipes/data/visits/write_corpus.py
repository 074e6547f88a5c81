"""Write train.conll, valid.conll and test.conll to the folder of this script. Columns: word, part of speech, entity.

    python write_corpus.py

The sentences are about people, places and companies. Some names (`Jordan`, `Paris`, `Hudson`) can be any of the three,
so only the context determines the type of the entity. A third of the names in the validation and the test split do not
occur in the training split.
"""

from __future__ import annotations

import random
from pathlib import Path

HERE = Path(__file__).parent
SIZES = {"train": 400, "valid": 100, "test": 100}

AMBIGUOUS = ["Jordan", "Paris", "Florence", "Austin", "Sydney", "Chelsea", "Hudson", "Ford", "Morgan"]
FIRST_NAMES = ["John", "Mary", "Ana", "Wei", "Omar", "Ingrid", "Pablo", "Ruth", "Ivan", "Leila", "Noah", "Clara"]
LAST_NAMES = ["Smith", "Brown", "Garcia", "Chen", "Haddad", "Larsen", "Silva", "Keller", "Petrov", "Okafor"]
PLACES = ["Rome", "Oslo", "Lima", "Cairo", "Boston", "Madrid", "Kyoto", "New York", "Cape Town", "San Marino"]
COMPANIES = ["Acme", "Globex", "Nordic", "Pacific", "Union", "Summit", "Atlas"]
COMPANY_SUFFIXES = ["Motors", "Foods", "Bank", "Airlines", "Systems"]
KNOWN = {
    "first": [*FIRST_NAMES, *AMBIGUOUS],
    "last": [*LAST_NAMES, *AMBIGUOUS],
    "place": [*PLACES, *AMBIGUOUS],
    "company": [*COMPANIES, *AMBIGUOUS],
}
UNSEEN = {
    "first": ["Tomas", "Yuki", "Greta", "Samir"],
    "last": ["Moreau", "Tanaka", "Novak", "Eriksen"],
    "place": ["Lisbon", "Perth", "Quito", "El Paso"],
    "company": ["Orion", "Delta", "Vertex"],
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


def sentence(generator: random.Random, unseen: float) -> list[tuple[str, str, str]]:
    """Return the rows of a random sentence.

    Args:
        generator: the source of random numbers.
        unseen: the probability that a name is one that does not occur in the training split.
    """

    def name(kind: str) -> str:
        return generator.choice((UNSEEN if generator.random() < unseen else KNOWN)[kind])

    def entity(label: str, text: str) -> list[tuple[str, str, str]]:
        return [(word, "PROPN", f"{'I' if index else 'B'}-{label}") for index, word in enumerate(text.split())]

    rows = []
    for part in generator.choice(PATTERNS).split():
        if part == "{person}":
            first, last = name("first"), name("last")
            rows += entity("person", generator.choice([first, f"{first} {last}", f"{first} {last}"]))
        elif part == "{place}":
            rows += entity("place", name("place"))
        elif part == "{company}":
            company = name("company")
            rows += entity("company", generator.choice([company, f"{company} {generator.choice(COMPANY_SUFFIXES)}"]))
        elif part == "{day}":
            rows.append((generator.choice(DAYS), "PROPN", "O"))
        else:
            word, tag = part.rsplit("/", 1)
            rows.append((word, tag, "O"))
    return rows


def main() -> None:
    generator = random.Random(1)
    seen: set[str] = set()
    for split, size in SIZES.items():
        sentences: list[str] = []
        while len(sentences) < size:
            rows = sentence(generator, unseen=0.0 if split == "train" else 1 / 3)
            text = "\n".join("\t".join(row) for row in rows)
            if text not in seen:
                seen.add(text)
                sentences.append(text)
        (HERE / f"{split}.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
