"""The task `tag` of `seqkit init`: which files it recognizes, and the recipe that it drafts."""

from __future__ import annotations

from pathlib import Path

import pytest
from seqkit_tagging.tasks import tag

from seqkit.contracts import DataFile

SPANS = ["John B-PER", "Smith I-PER", "flew O", "", "Paris B-LOC", "waits O", "", "She O", "left O", ""]
TAGS = [
    "They\tPRON\tPRP",
    "run\tVERB\tVBP",
    "",
    "Dogs\tNOUN\tNNS",
    "bark\tVERB\tVBP",
    "",
    "We\tPRON\tPRP",
    "see\tVERB\tVBP",
]
CONLLU = [
    *("# a comment", *("\t".join([str(n), word, "_", kind, *"______"]) for n, word, kind in [(1, "Dogs", "NOUN")])),
    *("\t".join([str(n), word, "_", kind, *"______"]) for n, word, kind in [(2, "bark", "VERB"), (3, ".", "PUNCT")]),
    "",
]


def test_spans_and_tags_are_distinguished() -> None:
    spans, tags = tag(DataFile(Path("a.conll"), lines=SPANS)), tag(DataFile(Path("a.tsv"), lines=TAGS))
    assert not isinstance(spans, str) and not isinstance(tags, str)
    assert (spans.recipe["head"]["type"], spans.recipe["train"]["metric"]) == ("crf", "f1")
    assert spans.recipe["data"] == {"type": "conll"}
    assert (tags.recipe["head"]["type"], tags.recipe["data"]) == ("tag", {"type": "conll", "word": 1, "tag": 2})
    assert tags.recipe["train"]["epochs"] == 20


def test_conllu_files_have_words_and_tags_in_their_columns() -> None:
    found = tag(DataFile(Path("a.conllu"), lines=CONLLU * 4))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "conll", "word": 2, "tag": 4}


@pytest.mark.parametrize(
    "lines",
    [
        ["a plain text", "of two lines"],
        ["a\tb", "c\td", "e\tf"],
        ["word", "word", "", "word", "word", "", "word", "word"],
        [*(f"w{n}\tt{n}" for n in range(200)), "", "a\tb", "c\td", "", "a\tb", "c\td"],
    ],
)
def test_other_files_are_not_recognized(lines: list[str]) -> None:
    assert isinstance(tag(DataFile(Path("a.txt"), lines=lines)), str)
