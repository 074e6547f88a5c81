"""Near duplicates: compared with all pairs, and with texts that differ little or not at all."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.data.near_duplicates import SHINGLE, SIMILARITY, near_duplicates

WORDS = [
    *("the", "room", "was", "clean", "but", "staff", "never", "answered", "our", "calls"),
    *("and", "breakfast", "is", "served", "too", "late", "every", "day"),
]


def shingles(text: str) -> set[str]:
    normal = " ".join(text.lower().split()).ljust(SHINGLE)
    return {normal[place : place + SHINGLE] for place in range(len(normal) - SHINGLE + 1)}


def jaccard(one: str, other: str) -> float:
    return len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))


def test_the_texts_of_all_similar_pairs_are_found() -> None:
    generator = random.Random(0)
    others = [" ".join(generator.choices(WORDS, k=20)) for _ in range(150)]
    texts = []
    for text in others:
        words = text.split()
        for _ in range(generator.choice([0, 1, 1, 2, 8])):
            words[generator.randrange(len(words))] = generator.choice(WORDS)
        texts.append(" ".join(words))
    expected = {
        place for place, text in enumerate(texts) if any(jaccard(text, other) >= SIMILARITY for other in others)
    }
    found = near_duplicates(texts, others)
    assert {each.text for each in found} == expected
    assert 20 < len(expected) < 150
    for each in found:
        assert abs(each.similarity - jaccard(texts[each.text], others[each.other])) < 1e-9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(), max_size=8), st.text())
def test_an_equal_text_is_found_whatever_it_contains(texts: list[str], text: str) -> None:
    (found,) = near_duplicates([text], [*texts, text])
    assert found.similarity == 1


def test_case_and_white_space_are_ignored_and_empty_lists_have_none() -> None:
    assert near_duplicates(["A  good\nroom"], ["a good room"])[0].similarity == 1
    assert near_duplicates([], ["a"]) == near_duplicates(["a"], []) == []
    assert near_duplicates(["a good room with a view"], ["breakfast was far too late today"]) == []
