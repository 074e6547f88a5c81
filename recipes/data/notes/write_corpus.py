"""Write notes.jsonl: short notes of hotel guests, each with its topics and a score.

    python recipes/data/notes/write_corpus.py

A clause is about one topic and has a value: that of its adjective, doubled by "very" and reversed by "not". The score
of a note is the sum of its values; what follows "but" counts twice, so that the order of the clauses matters.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

TOPICS = {
    "food": ("breakfast", "dinner", "the coffee", "the soup"),
    "price": ("the price", "the bill", "parking", "the deposit"),
    "room": ("the room", "the bed", "the bathroom", "the view"),
    "staff": ("the porter", "the waiter", "reception", "the cleaner"),
}
ADJECTIVES = {"good": 1, "lovely": 2, "fine": 1, "bad": -1, "awful": -2, "poor": -1}
COUNT = 1200


def clause(generator: random.Random) -> tuple[str, str, int]:
    """Return a clause, its topic and its value."""
    topic = generator.choice(sorted(TOPICS))
    subject, adjective = generator.choice(TOPICS[topic]), generator.choice(sorted(ADJECTIVES))
    degree = generator.choice(("", "", "very ", "not "))
    value = ADJECTIVES[adjective] * {"": 1, "very ": 2, "not ": -1}[degree]
    return f"{subject} was {degree}{adjective}", topic, value


def note(generator: random.Random) -> dict[str, object]:
    """Return a note of one to three clauses."""
    text, score, topics = "", 0, set()
    for number in range(generator.randint(1, 3)):
        words, topic, value = clause(generator)
        is_contrast = number > 0 and generator.random() < 0.5
        text += words if number == 0 else f", {'but' if is_contrast else 'and'} {words}"
        score += value * (2 if is_contrast else 1)
        topics.add(topic)
    return {"text": text, "topics": sorted(topics), "score": score}


def main(folder: Path) -> None:
    """Write the notes, no text twice."""
    generator = random.Random(0)
    notes: dict[object, dict[str, object]] = {}
    while len(notes) < COUNT:
        found = note(generator)
        notes.setdefault(found["text"], found)
    lines = [json.dumps(each) + "\n" for each in notes.values()]
    (folder / "notes.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
