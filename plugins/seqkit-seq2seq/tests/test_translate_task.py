"""The task `translate` of `seqkit init`: which files it recognizes, and the recipe that it drafts."""

from __future__ import annotations

from pathlib import Path

from seqkit_seq2seq.tasks import translate

from seqkit.contracts import Column, DataFile

WORDS = [f"word{chr(97 + n)}" for n in range(20)]
SOUNDS = [f"w er d {chr(97 + n)} and more of it" for n in range(20)]


def test_lines_of_two_texts_and_tables_with_names() -> None:
    columns = [Column("column_1", WORDS), Column("column_2", SOUNDS)]
    file = DataFile(Path("a.tsv"), columns=columns, format="tsv", delimiter="\t", has_header=False, rows=20)
    lines = translate(file)
    assert not isinstance(lines, str)
    assert lines.recipe["data"] == {"type": "pairs", "source": 1, "target": 2}
    assert lines.recipe["tokenizer"]["type"] == "char"
    assert lines.recipe["head"]["tokenizer"]["type"] == "word"
    named = [Column("id", [str(n) for n in range(20)]), Column("target", SOUNDS), Column("source", WORDS)]
    table = translate(DataFile(Path("a.csv"), columns=named, format="csv", rows=20))
    assert not isinstance(table, str)
    assert table.recipe["data"] == {"type": "table", "text": "source", "label": "target"}
    assert table.fit > lines.fit


def test_labels_and_names_of_rows_are_no_translations() -> None:
    long = [f"{sound}, and a long text that follows it, many words long, up to its end" * 3 for sound in SOUNDS]
    for other in (Column("label", ["a", "b"] * 10), Column("key", [f"k{n}" for n in range(20)])):
        assert isinstance(translate(DataFile(Path("a.csv"), columns=[Column("text", long), other], format="csv")), str)
