"""Tests of tags that do not occur in the training data, and of tags that do not fit the words or the scheme."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.baseline import MostFrequentTag
from seqkit_tagging.crf import CRF
from seqkit_tagging.spans import forbidden_pair, repair_tags, spans
from seqkit_tagging.tag import Tag
from seqkit_tagging.tagger import Tagger
from seqkit_tagging.tokenizer import WordCharacterTokenizer

from seqkit.contracts import DataNote, Example
from seqkit.errors import DataError
from seqkit.tokenizers.word import Word

VALID = [
    Example(["Ana", "Lee", "left", "Rome"], ["B-per", "I-per", "O", "B-loc"], "x:1"),
    Example(["In", "New", "York"], ["O", "B-loc", "I-loc"], "x:6"),
]
OUT_OF_ORDER = [
    Example(["Ana", "Lee", "left"], ["I-per", "I-per", "O"], "a:1"),
    Example(["New", "York"], ["B-per", "I-loc"], "a:5"),
]
ROME = Example(["Rome"], ["B-loc"], "a:8")
INVALID = [
    Example(["Rome"], ["NOUN"], "a:10"),
    Example(["In", "Rome"], ["O"], "a:12"),
    Example(["Rome"], None, "a:15"),
]
TOKENIZER = WordCharacterTokenizer()
TOKENIZER.fit(example.input for example in VALID)


def fitted(head: Tagger, examples: list[Example] = VALID) -> Tagger:
    head.fit(examples, TOKENIZER)
    return head


def target_rows(head: Tagger, examples: list[Example]) -> list[list[str]]:
    rows = [row for example in examples for row in head.rows(example, TOKENIZER.encode(example.input))]
    return [[head.tags[tag_id] for tag_id in row.target] for row in rows]


def locations(notes: Any) -> list[str]:
    return [note.message.location for note in notes]


# Tags that do not occur in the training data


@pytest.mark.parametrize("cls", [Tag, CRF])
@pytest.mark.parametrize(
    ("target", "location", "text"),
    [
        (["B-per", "B-lc", "O", "O"], "x:1, word 2, 'Lee', tag 'B-lc'", "a tag that does not"),
        (
            ["X", "O", "Y", "X"],
            "x:1, word 1, 'Ana', tag 'X'",
            "a tag that does not occur in the training data counts as an error, and",
        ),
        (
            ["O", "O", "O", "B-per,B-loc"],
            "x:1, word 4, 'Rome', tag 'B-per,B-loc'",
            "a list of tags counts as an error, and the loss leaves out its (word|sentence): set `data.alternatives`",
        ),
    ],
)
def test_unknown_tag_is_noted_once_per_sentence(cls: type[Tagger], target: Any, location: str, text: str) -> None:
    words, head = VALID[0].input, fitted(cls())
    with pytest.warns(DataNote, match=f"^{text}") as notes:
        (row,) = head.rows(Example(words, target, "x:1"), TOKENIZER.encode(words))
    assert locations(notes) == [location]
    assert [tag_id >= 0 for tag_id in row.target] == [tag in head.tags for tag in target]


def test_unknown_tags_count_as_errors() -> None:
    head = fitted(CRF(scheme="bio"))
    example = Example(["Acme", "in", "Rome"], ["B-org", "O", "B-loc"])
    scores = head.metrics(1.0, [{"tags": ["B-loc", "O", "B-loc"]}], [example])
    assert (scores["accuracy"], scores["precision"], scores["recall"]) == (2 / 3, 1 / 2, 1 / 2)
    assert scores["per_type"]["org"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    baseline = head.baseline([*VALID, Example(["Acme"], ["B-loc"])], [example], TOKENIZER)
    assert baseline is not None
    assert (baseline["accuracy"], baseline["precision"], baseline["recall"]) == (1 / 3 * 2, 1 / 2, 1 / 2)


# Tags that do not fit the words or the scheme


@pytest.mark.parametrize("cls", [Tag, CRF])
def test_tags_that_do_not_follow_the_scheme_are_repaired(cls: type[Tagger]) -> None:
    examples = [*OUT_OF_ORDER, ROME]
    head = fitted(cls(scheme="bio", invalid_tags="repair"), examples)
    with pytest.warns(DataNote, match="^repaired: tags that do not follow the scheme$") as notes:
        rows = target_rows(head, examples)
    assert rows == [["B-per", "I-per", "O"], ["B-per", "B-loc"], ["B-loc"]]
    assert locations(notes) == ["a:1", "a:5"]
    assert head.metrics(1.0, [{"tags": tags} for tags in rows], examples)["accuracy"] == 1
    for example in INVALID:
        with pytest.raises(DataError):
            target_rows(head, [example])


def test_sentences_with_invalid_tags_are_skipped() -> None:
    examples = [*OUT_OF_ORDER, ROME, *INVALID]
    head = fitted(CRF(scheme="bio", invalid_tags="skip"), examples)
    with pytest.warns(DataNote, match="^skipped: the tags are invalid$") as notes:
        assert target_rows(head, examples) == [["B-loc"]]
    assert locations(notes) == ["a:1", "a:5", "a:10", "a:12", "a:15"]
    assert head.metrics(1.0, [{"tags": ["B-loc"]}], examples)["f1"] == 1
    baseline = head.baseline(examples, examples, TOKENIZER)
    assert baseline is not None and baseline["f1"] == 1
    assert head.metrics(1.0, [], INVALID) == {}
    assert head.baseline(examples, INVALID, TOKENIZER) == {"name": MostFrequentTag.name}
    with pytest.raises(DataError, match="^no training sentence has valid tags"):
        fitted(CRF(scheme="bio", invalid_tags="skip"), INVALID)


def test_tag_learns_any_order_of_the_tags_of_a_scheme() -> None:
    head = fitted(Tag(scheme="bio", invalid_tags="skip"), [*OUT_OF_ORDER, ROME, *INVALID])
    assert target_rows(head, OUT_OF_ORDER) == [example.target for example in OUT_OF_ORDER]


def test_text_has_the_words_of_its_tokenizer() -> None:
    examples = [Example("In Rome.", ["O", "B-loc", "O"]), Example("In Rome.", ["O"])]
    head = fitted(Tag(invalid_tags="skip"), examples)
    assert head.metrics(1.0, [{"tags": ["O", "B-loc", "O"]}], examples, tokenizer=TOKENIZER)["accuracy"] == 1


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            INVALID[0],
            "the tag 'NOUN' does not belong to the scheme bio, whose tags are B-…, I-… and O: correct it, or "
            "train with `head.invalid_tags: skip`, which skips such sentences",
        ),
        (
            INVALID[1],
            "the number of tags, 1, differs from that of words, 2: give one tag per word, or "
            "train with `head.invalid_tags: skip`, which skips such sentences",
        ),
    ],
)
def test_errors_name_the_remedy(example: Example, message: str) -> None:
    with pytest.raises(DataError) as caught:
        target_rows(fitted(CRF(scheme="bio")), [example])
    assert str(caught.value) == message
    with pytest.raises((DataError, ValueError), match=f"{example.location}.*`(head.)?invalid_tags: skip`"):
        fitted(CRF(scheme="bio"), [example])


@pytest.mark.parametrize("cls", [Tag, CRF])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        (["O", "O"], "the number of tags, 2, differs from that of words, 4: give one tag per word"),
        (None, "the words have no tags"),
        ("O", "the words have no tags"),
    ],
)
def test_invalid_tags_are_rejected(cls: type[Tagger], target: Any, message: str) -> None:
    words = VALID[0].input
    with pytest.raises(DataError) as caught:
        list(fitted(cls()).rows(Example(words, target, "x.conll:1"), TOKENIZER.encode(words)))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("parameters", "tags", "error", "message"),
    [
        ({"scheme": "bio"}, ["NOUN"], ValueError, "scheme is bio, whose tags are B-…, I-… and O, but a:1 has 'NOUN'"),
        ({"scheme": "bmes"}, ["X"], ValueError, "scheme is bmes, whose tags are B-…, M-…, E-…, S-… and O, but a:1 has"),
        (
            {"scheme": "bio"},
            ["I-x"],
            ValueError,
            "constrained forbids I-x after the beginning, which occurs in a:1: set it to",
        ),
        ({"scheme": "bmes"}, ["E-x"], ValueError, "constrained forbids E-x after the beginning, which occurs in a:1"),
        ({}, None, DataError, "a:1: the words have no tags"),
    ],
)
def test_invalid_training_tags_are_rejected(parameters: Any, tags: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        CRF(**parameters).fit([Example(["w"], tags, "a:1")], TOKENIZER)
    assert str(caught.value).startswith(message)


BMES = [
    Example(["Ana", "Lee", "left", "Rome"], ["B-per", "E-per", "O", "S-loc"]),
    Example(["In", "New", "York", "City"], ["O", "B-loc", "M-loc", "E-loc"]),
]
BIOES = [Example(each.input, [tag.replace("M-", "I-") for tag in each.target]) for each in BMES]
BARE = [Example(each.input, [tag[0] for tag in each.target]) for each in BMES]


@pytest.mark.parametrize("cls", [Tag, CRF])
@pytest.mark.parametrize("invalid_tags", ["error", "skip", "repair"])
def test_training_data_of_the_other_scheme_is_rejected(cls: type[Tagger], invalid_tags: Any) -> None:
    for examples in (BMES, BIOES, BARE):
        fitted(cls(scheme="bmes", invalid_tags=invalid_tags), examples)
        with pytest.raises(ValueError, match="^scheme is bio, but E-… or S-… ends the entities.*: set `scheme: bmes`$"):
            fitted(cls(scheme="bio", invalid_tags=invalid_tags), examples)
    for examples in (VALID, OUT_OF_ORDER):
        with pytest.raises(ValueError, match="^scheme is bmes, but no E-… or S-… ends the.*: set `scheme: bio`$"):
            fitted(cls(scheme="bmes", invalid_tags=invalid_tags), examples)


def test_a_wrong_tag_does_not_change_the_scheme_of_the_training_data() -> None:
    wrong = Example(["Rome"], ["S-loc"], "a:9")
    with pytest.raises(ValueError, match=r"^scheme is bio, whose tags are B-…, I-… and O, but a:9 has 'S-loc'"):
        fitted(Tag(scheme="bio"), [*VALID, wrong])
    assert "S-loc" not in fitted(Tag(scheme="bio", invalid_tags="skip"), [*VALID, wrong]).tags
    fitted(Tag(scheme="bmes", invalid_tags="repair"), [*BMES, Example(["Rome"], ["B-loc"])])
    cut = [Example(["New", "York", "City"], ["B-loc", "M-loc", "M-loc"])]  # only bmes has M
    fitted(Tag(scheme="bmes", invalid_tags="repair"), [*cut * 3, Example(["El", "Paso"], ["B-loc", "E-loc"])])


def test_without_constraints_any_sequence_of_training_tags_is_valid() -> None:
    examples = [Example(["w"], ["I-x"]), Example(["w", "w"], ["E-x", "M-x"])]
    CRF(scheme="bio", constrained=False).fit(examples[:1], TOKENIZER)
    Tag(scheme="bio").fit(examples[:1], TOKENIZER)
    CRF(scheme="bmes", constrained=False).fit(examples, TOKENIZER)


def test_tokenizer_that_does_not_take_words_is_an_error() -> None:
    with pytest.raises(ValueError, match="set `tokenizer` to one that does, such as `words_and_characters` or `bpe`"):
        Tag().check_tokenizer(Word())


TAGS = {
    "bio": st.sampled_from(["B-x", "I-x", "B-y", "I-y", "O", "B", "I"]),
    "bmes": st.sampled_from(["B-x", "M-x", "I-x", "E-x", "S-x", "B-y", "M-y", "E-y", "S-y", "O"]),
}


@pytest.mark.parametrize("scheme", ["bio", "bmes"])
@given(data=st.data())
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_repaired_tags_follow_the_scheme_and_mark_the_same_entities(scheme: Any, data: st.DataObject) -> None:
    tags = data.draw(st.lists(TAGS[scheme], min_size=1, max_size=8))
    repaired = repair_tags(tags, scheme)
    assert forbidden_pair(repaired, scheme) is None
    assert spans(repaired) == spans(tags)
    if forbidden_pair(tags, scheme) is None:
        assert repaired == tags
    assert repair_tags(tags, "none") == tags


# Corrupt states


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "the state has no list of tags"),
        ({"tags": "BIO"}, "the state has no list of tags"),
        ({"tags": []}, "the state has no list of tags"),
        ({"tags": ["O", 1]}, "the state has no list of tags"),
        ({"tags": ["O", "O"]}, "the tags of the state are not sorted, or contain duplicates"),
        ({"tags": ["O", "B-x"]}, "the tags of the state are not sorted, or contain duplicates"),
        ({"tags": ["NOUN", "O"]}, "the tag 'NOUN' of the state does not belong to the scheme bio"),
    ],
)
def test_invalid_states_are_rejected(state: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$"):
        Tag(scheme="bio").restore(state)
