"""The reader of a csv file with a row for each word, and what `seqkit init` makes of such a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from seqkit_tagging.tasks import tag
from seqkit_tagging.word_lists import WordLists
from seqkit_tagging.word_table import WordTable

from helpers.commands import run_here
from seqkit.contracts import Draft
from seqkit.errors import DataError
from seqkit.readers.inspection import inspect
from seqkit.tasks.labels import classify, multi_label

HEADER = ["Sentence #", "Word", "POS", "Tag"]
NAMES = {"sentence": "Sentence #", "word": "Word", "tag": "Tag"}


def write(path: Path, count: int = 60, every_row: bool = False, delimiter: str = ",") -> Path:
    sentence = [
        ("Zoë", "NNP", "B-per"),
        ("Lee", "NNP", "I-per"),
        ("said", "VBD", "O"),
        (":", ":", "O"),
        ('"', '"', "O"),
    ]
    rows = [
        [f"Sentence: {number}" if every_row or not place else "", word, pos, name]
        for number in range(1, count + 1)
        for place, (word, pos, name) in enumerate(sentence[number % 2 :])
    ]
    with path.open("w", encoding="latin-1", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([HEADER, *rows])
    return path


@pytest.mark.parametrize("every_row", [False, True])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_sentences_are_numbered_on_their_first_row_or_on_each(tmp_path: Path, every_row: bool, delimiter: str) -> None:
    path = write(tmp_path / "a.csv", every_row=every_row, delimiter=delimiter)
    found = inspect(path)
    draft = tag(found)
    assert isinstance(draft, Draft)
    written = {"delimiter": delimiter} if delimiter != "," else {}
    assert draft.recipe["data"] == {"type": "word_table", **NAMES, **written, "encoding": "cp1252"}
    assert draft.recipe["head"]["type"] == "crf" and "--label 'POS'" in draft.summary
    first, second, *_ = WordTable(path=path, **NAMES, encoding="latin-1", delimiter=delimiter).read()
    assert (first.input, first.target) == (["Lee", "said", ":", '"'], ["I-per", "O", "O", "O"])
    assert (second.input[0], second.row, second.location) == ("Zoë", 5, f"{path}:6")
    with pytest.warns(UserWarning, match="the delimiter of the columns is a .*, not a vertical bar"):
        assert next(WordTable(path=path, **NAMES, encoding="latin-1", delimiter="|").read()).input == first.input


def test_sentences_with_an_empty_word_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    path.write_bytes(path.read_bytes().replace(b"Lee", b"", 1))
    draft = tag(inspect(path))
    assert isinstance(draft, Draft) and draft.recipe["data"]["empty"] == "skip"
    with pytest.warns(UserWarning, match="skipped: a word or a tag of the sentence is empty"):
        assert len(list(WordTable(path=path, **NAMES, encoding="latin-1", empty="skip").read())) == 59
    with pytest.raises(DataError, match=r"a.csv:2: 'Word' is empty: fill it in, or skip such sentences"):
        list(WordTable(path=path, **NAMES, encoding="latin-1").read())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "Sentence,Word,Tag\n1,a,O\n",
            r"a.csv:1: there is no column 'Sentence #' .*: set `sentence:` to the right one",
        ),
        ("Sentence #,Word,Tag\n1,a\n", r"a.csv:2: the row has 2 columns, but the header 3"),
        ("Sentence #,Word,Tag\n", r"a.csv: there are no rows after the header"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        list(WordTable(path=tmp_path / "a.csv", **NAMES).read())


def test_confusable_characters_in_the_name_of_a_column_or_a_key_are_named(tmp_path: Path) -> None:
    csv, jsonl = tmp_path / "a.csv", tmp_path / "a.jsonl"
    csv.write_text("sentence,word,tag\n1,a,O\n")
    jsonl.write_text('{"tokens": ["a"], "tags": ["O"]}\n')
    with pytest.raises(
        DataError, match=r"'tag：' \(did you mean 'tag'\?\); 'tag：' has '：' \(U\+FF1A\): write ':': set `ta"
    ):
        list(WordTable(path=csv, tag="tag：").read())
    with pytest.raises(
        DataError, match=r"; the keys are tokens, tags; '＃' has '＃' \(U\+FF03\): write '#': set `words:`"
    ):
        list(WordLists(path=jsonl, words="＃").read())


@pytest.mark.parametrize("tags", [["B-per", "O", "O"], [3, 0, 0]])
def test_lists_of_words_and_tags_in_json_lines(tmp_path: Path, tags: list[Any]) -> None:
    path = tmp_path / "train.jsonl"
    lines = [{"id": n, "tokens": ["Ann", "sees", f"n{n}"], "pos": ["A", "B", "A"], "ner_tags": tags} for n in range(60)]
    path.write_text("\n".join(map(json.dumps, lines)))
    draft = tag(inspect(path))
    assert isinstance(draft, Draft)
    assert draft.recipe["data"] == {"type": "word_lists", "words": "tokens", "tags": "ner_tags"}
    assert draft.recipe["head"]["type"] == ("tag" if tags[0] == 3 else "crf")
    others = [task(inspect(path)) for task in (classify, multi_label)]
    assert all(isinstance(each, str) or each.fit < draft.fit for each in others), "the integers are no sequence"
    first = next(iter(WordLists(path=path, tags="ner_tags").read()))
    assert (first.input, first.target) == (["Ann", "sees", "n0"], [str(each) for each in tags])


def test_init_run_and_predict(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = run_here(*arguments, cwd=tmp_path)
        assert done.code == 0, done.err
        return done.out.strip()

    write(tmp_path / "ner.csv")
    assert "task: tag, a row per word: the word is 'Word', its tag 'Tag'" in run("init", "ner.csv", "--minutes", "0.1")
    trained = run("run", "ner.yaml", "train.epochs=1", "--quiet")
    words = tmp_path / "words.csv"
    words.write_text("Sentence #,Word\n1,Zoë\n,sings\n", encoding="latin-1")
    assert len(json.loads(run("predict", trained, "--data", "words.csv"))["tags"]) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"tokens": ["a"], "tags": [NaN]}', "invalid JSON: NaN is not JSON"),
        ('{"tokens": ["a"], "tags": ["O"], "tags": ["B"]}', "invalid JSON: "),
        ("[1]", "not a JSON object"),
    ],
)
def test_lists_of_words_are_strict_json(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"tokens": ["a"], "tags": ["O"]}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.jsonl:3: {reason}"):
        list(WordLists(path=path).read())
