"""The task `transcribe` of `seqkit init`: which files it recognizes, and the recipe that it drafts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from seqkit_ctc.tasks import transcribe

from helpers.commands import run_here
from seqkit.contracts import Column, DataFile

PATHS = [f"{number}.wav" for number in range(40)]
TEXTS = [str(100 + number * 7 % 31) for number in range(40)]


def table(*columns: Column, **changes: Any) -> DataFile:
    return DataFile(**{"path": Path("a.csv"), "columns": columns, "format": "csv", "rows": 40, **changes})


def test_the_drafted_recipe_of_a_list_of_recordings_runs(tmp_path: Path) -> None:
    options = ("--count", "40", "--seed", "7", "--digits", "1", "2")
    assert run_here("tones", "--into", "rec", *options, cwd=tmp_path).code == 0
    done = run_here("init", "rec/manifest.csv", "--minutes", "0.05", "--output", "a.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "task: transcribe, the recordings are in 'path', their texts in 'text'\n" in done.out
    recipe = yaml.safe_load((tmp_path / "a.yaml").read_text(encoding="utf-8"))
    assert (recipe["plugins"], recipe["data"]["type"], recipe["head"]["type"]) == (["seqkit-ctc"], "wav", "ctc")
    run = run_here("run", "a.yaml", "train.epochs=1", "baseline=off", "--json", cwd=tmp_path)
    assert run.code == 0, run.err
    assert "label_error_rate" in json.loads(run.out)["metrics"]["test"]


def test_columns_of_other_names_are_found() -> None:
    speakers = Column("speaker", ["anna", "boris"] * 20)
    found = transcribe(table(speakers, Column("文本", TEXTS), Column("文件", PATHS[:-1] + [""])))
    assert not isinstance(found, str)
    assert found.recipe["data"] == {"type": "wav", "audio": "文件", "text": "文本", "empty": "skip"}
    named = transcribe(table(Column("path", PATHS), Column("text", TEXTS), speakers, label="speaker"))
    assert not isinstance(named, str) and named.recipe["data"]["text"] == "speaker"


def test_why_a_file_does_not_fit_is_named() -> None:
    paths = Column("path", PATHS)
    assert transcribe(table(Column("text", TEXTS))) == "no column of paths of wav files"
    assert "add the text of each recording" in str(transcribe(table(paths)))
    for changes in ({"delimiter": ";"}, {"has_header": False}, {"format": "tsv"}):
        assert "must be a csv file with commas" in str(transcribe(table(paths, Column("text", TEXTS), **changes)))
