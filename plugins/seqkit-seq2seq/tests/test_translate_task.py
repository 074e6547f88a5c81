"""The task `translate` of `seqkit init`: which files it recognizes, and the recipe that it drafts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from seqkit_seq2seq.tasks import translate

from helpers.commands import run_here
from helpers.tables import write_table
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


def test_a_named_column_without_texts_is_not_replaced() -> None:
    columns = [Column("source", WORDS), Column("target", SOUNDS), Column("kind", ["a", "b"] * 10)]
    file = DataFile(Path("a.csv"), columns=columns, format="csv", rows=20)
    for named in (replace(file, label="kind"), replace(file, text="kind")):
        assert translate(named) == "the column 'kind' has no texts that mostly occur once"
    found = translate(replace(file, label="kind", task="translate"))
    assert not isinstance(found, str) and found.recipe["data"]["label"] == "kind"


def test_dates_and_numbers_are_texts_if_the_task_is_named() -> None:
    days = [f"一九六〇年二月{n}日" for n in range(1, 29)]
    for other in ([f"1960-02-{n:02}" for n in range(1, 29)], [f"196002{n:02}" for n in range(1, 29)]):
        columns = [Column("中文", days), Column("数字", other)]
        file = DataFile(Path("a.csv"), columns=columns, format="csv", rows=28)
        assert translate(file) == (
            "the columns '中文' and '数字' are not both texts: to learn one of them from the other, as for dates, pass "
            "--task translate"
        )
        found = translate(replace(file, task="translate"))
        assert not isinstance(found, str)
        assert found.recipe["data"] == {"type": "table", "text": "中文", "label": "数字"}
        reverse = translate(replace(file, task="translate", label="中文"))
        assert not isinstance(reverse, str)
        assert reverse.recipe["data"] == {"type": "table", "text": "数字", "label": "中文"}


def test_numbers_and_labels_are_no_dates() -> None:
    numbers = Column("x", [str(number) for number in range(20)])
    for other in (Column("y", [f"{number}.5" for number in range(20)]), Column("label", ["a", "b"] * 10)):
        file = DataFile(Path("a.csv"), columns=[numbers, other], format="csv", rows=20)
        assert translate(file) == "no two columns of texts that mostly occur once"


def test_a_file_of_dates_names_the_task(tmp_path: Path) -> None:
    rows = "".join(f"{day}.{month}.1983,1983-{month:02}-{day:02}\n" for month in range(1, 13) for day in range(1, 29))
    (tmp_path / "dates.csv").write_text(f"written,iso\n{rows}", encoding="utf-8")
    done = run_here("init", "dates.csv", cwd=tmp_path)
    assert done.code == 3 and "as for dates, pass --task translate (translate)" in done.err


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (
            [(f"how is room {chr(97 + n % 26)} on day {n}", f"reply to {n // 3}") for n in range(630)],
            "the texts of the column 'b' recur: to produce them from the other column, pass --task translate",
        ),
        (
            [(f"a long text on the book {n}, " * 8, f"book {n}") for n in range(300)],
            "the texts of the column 'b' are much shorter than those of 'a': to produce them, pass --task translate",
        ),
    ],
)
def test_two_columns_of_texts_name_the_task(tmp_path: Path, rows: list[tuple[str, str]], reason: str) -> None:
    write_table(tmp_path / "a.csv", ["a", "b"], rows)
    done = run_here("init", "a.csv", cwd=tmp_path)
    assert done.code == 3 and f"{reason} (translate)" in done.err
    done = run_here("init", "a.csv", "--task", "translate", "--minutes", "0.02", cwd=tmp_path)
    assert done.code == 0, done.err


def test_the_drafted_recipe_of_dates_trains(tmp_path: Path) -> None:
    rows = "".join(
        f"一九六〇年{month}月{day}日,1960{month:02}{day:02}\n" for month in range(1, 9) for day in range(1, 29)
    )
    (tmp_path / "dates.csv").write_text(f"中文,数字\n{rows}", encoding="utf-8")
    done = run_here("init", "dates.csv", "--task", "translate", "--minutes", "0.02", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "the text is '中文', the text to produce '数字'" in done.out
    run = run_here("run", "dates.yaml", "train.epochs=1", "baseline=off", cwd=tmp_path)
    assert run.code == 0, run.err
