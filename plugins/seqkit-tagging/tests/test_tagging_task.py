"""The task `tag` of `seqkit init`: which files it recognizes, and the recipe that it drafts."""

from __future__ import annotations

from pathlib import Path

import pytest
from seqkit_tagging.tasks import tag

from seqkit.contracts import Column, DataFile

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


def test_the_scheme_of_spans_is_found() -> None:
    bmes = ["吴 B-NAME", "重 M-NAME", "阳 E-NAME", "， O", "", "男 S-SEX", "， O", "", "高 B-NAME", "勇 E-NAME", ""]
    segments = ["我 S", "明 B", "天 E", "", "来 S", "开 B", "会 E", "", "他 S", "在 S", ""]
    late = ["John I-PER", "Smith I-PER", "flew O", "", "Paris B-LOC", "waits O", "", "She O", "left O", ""]
    for lines, scheme in ((bmes, "bmes"), (segments, "bmes"), (late, "bio")):
        found = tag(DataFile(Path("a.txt"), lines=lines))
        assert not isinstance(found, str)
        assert found.recipe["head"]["scheme"] == scheme
        assert found.recipe["head"]["invalid_tags"] == "repair"


def test_words_that_are_characters_get_ngrams_and_no_encoder_of_characters() -> None:
    rows = ["吴 B-NAME", "重 M-NAME", "阳 E-NAME", "， O", "", "男 S-SEX", "， O", "", "高 B-NAME", "勇 E-NAME", ""]
    lists = {"tokens": [["吴", "男"], ["我", "去"], ["张", "三"]], "tags": [["A", "B"], ["B", "B"], ["A", "A"]]}
    columns = tuple(Column(name, values) for name, values in lists.items())
    spans = tag(DataFile(Path("a.txt"), lines=rows))
    tags = tag(DataFile(Path("a.jsonl"), format="jsonl", columns=columns, rows=3))
    for found, bias in ((spans, 0.5), (tags, None)):
        assert not isinstance(found, str)
        assert "characters" not in found.recipe["embedding"]
        assert (found.recipe["head"]["ngrams"], found.recipe["head"].get("entity_bias")) == (2, bias)
    words = tag(DataFile(Path("a.conll"), lines=SPANS))
    assert not isinstance(words, str)
    assert "characters" in words.recipe["embedding"] and "ngrams" not in words.recipe["head"]


def test_numbers_comments_and_nested_spans_are_distinguished() -> None:
    sentence = ["#\thttp://a.b\t[2010]\t", "1\tBank\tB-ORG\tO", "2\tvon\tI-ORG\tO", "3\tRom\tI-ORG\tB-LOC", ""]
    other = ["#\thttp://a.c\t[2010]\t", "1\tRom\tB-LOC\tO", "2\truht\tO\tO", ""]
    found = tag(DataFile(Path("a.tsv"), lines=(sentence + other) * 2))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "conll", "word": 2, "tag": 3, "comment": "#"}
    chunks = [
        "Bern NNP B-NP B-LOC",
        "is VBZ B-VP O",
        "",
        "It PRP B-NP O",
        "works VBZ B-VP O",
        "",
        "So RB O O",
        "? . O O",
    ]
    found = tag(DataFile(Path("a.txt"), lines=chunks))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "conll"}


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
