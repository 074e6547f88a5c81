"""Tests of predictions with a value per time step, which a table has as rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqkit
from helpers.commands import CommandResult, error_line
from seqkit.cli.prediction_files import write_predictions
from seqkit.contracts import Batch, Encoded, Example, Head, Loss, Reader, Row
from seqkit.errors import DataError

Command = Callable[..., CommandResult]

FORECASTS = [
    {"next": [2.0, 3.0], "by": {"low": {"a": [1.0, 2.0]}, "high": {"a": [3.0, 4.0]}}, "last": 1.0},
    {"next": [7.0, 8.0], "by": {"low": {"a": [6.0, 7.0]}, "high": {"a": [8.0, 9.0]}}, "last": 6.0},
]


class Shops(Reader):
    """A reader of two series, each with an id and a day after it."""

    yields = "features"
    labelled = False

    def read(self):
        for row, (shop, last) in enumerate((("north", 1), ("south", 6)), start=1):
            features = np.array([[last - 1.0], [last]])
            yield Example(features, row=row, columns={"shop": shop, "date": "2024"}, next_dates=self.next_dates(last))

    def next_dates(self, last: int) -> Callable[[int], list[str]] | None:
        return lambda count: [f"day {last + step}" for step in range(1, count + 1)]


class FirstShopHasDates(Shops):
    def next_dates(self, last: int) -> Callable[[int], list[str]] | None:
        return super().next_dates(last) if last == 1 else None


class Counting(torch.nn.Module, Head):
    """A head that predicts the next two integers, and bounds."""

    needs = frozenset({"final"})
    time_step_fields = frozenset({"date", "time_step", "next", "by"})

    def build(self, output_size: int, final_size: int) -> None:
        self.bias = torch.nn.Parameter(torch.zeros(()))

    def rows(self, example: Example, encoded_input: np.ndarray):
        yield Row(encoded_input)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        return Loss(self.bias.square() + 0 * encoded.final.sum(), len(batch.lengths))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        return [{"last": float(row[int(length) - 1].sum())} for row, length in zip(*batch[:2], strict=True)]

    def format_prediction(
        self,
        prediction: Mapping[str, Any],
        value: Any,
        *,
        next_dates: Callable[[int], Sequence[str]] | None = None,
    ) -> dict[str, Any]:
        following = [prediction["last"] + step for step in (1, 2)]
        bounds = {name: {"a": [number + by for number in following]} for name, by in (("low", -1), ("high", 1))}
        steps = {"time_step": [1, 2]} if next_dates is None else {"date": next_dates(2)}
        return {**steps, "next": following, "by": bounds, "last": prediction["last"]}


def trained(folder: Path, **sections: Any) -> seqkit.Run:
    recipe = {"encoder": {"type": "lstm", "hidden_size": 2}, "head": "counting", "train": {"epochs": 1, "threads": 1}}
    return seqkit.run(recipe | sections, runs=folder, quiet=True)


@pytest.fixture
def _components(isolated_registry: None) -> None:
    seqkit.register("head", "counting", Counting)
    seqkit.register("reader", "shops", Shops)
    seqkit.register("reader", "some_dates", FirstShopHasDates)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `--data` read the two series whatever the file."""
    monkeypatch.setattr("seqkit.inference.run.rebuild_reader", lambda spec, *_, **__: spec.build())


@pytest.mark.usefixtures("_components", "data")
@pytest.mark.parametrize("name", ["out.csv", "out.tsv"])
def test_a_table_has_a_row_per_time_step(run_command: Command, tmp_path: Path, name: str) -> None:
    run = trained(tmp_path, data={"type": "shops"})
    (tmp_path / "new.csv").touch()
    assert run_command("predict", run.path, "--data", "new.csv", "--output", name) == (0, "", "")
    with (tmp_path / name).open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="," if name.endswith("csv") else "\t"))
    assert rows == [
        {
            "row": str(number),
            "shop": shop,
            "input_date": "2024",
            "last": str(forecast["last"]),
            "date": f"day {int(forecast['next'][step])}",
            "next": str(forecast["next"][step]),
            "by.low.a": str(forecast["by"]["low"]["a"][step]),
            "by.high.a": str(forecast["by"]["high"]["a"][step]),
        }
        for number, (shop, forecast) in enumerate(zip(("north", "south"), FORECASTS, strict=True), start=1)
        for step in range(2)
    ]


@pytest.mark.usefixtures("_components", "data")
def test_json_has_lists_with_dates_or_time_steps(run_command: Command, tmp_path: Path) -> None:
    run = trained(tmp_path, data={"type": "some_dates"})
    (tmp_path / "new.csv").touch()
    done = run_command("predict", run.path, "--data", "new.csv")
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {"date": ["day 2", "day 3"]} | FORECASTS[0],
        {"time_step": [1, 2]} | FORECASTS[1],
    ]
    done = run_command("predict", run.path, "--data", "new.csv", "--output", "out.csv")
    assert error_line(done) == "prediction 2: 'time_step' is not among the columns of the first: write a .jsonl file"


@pytest.mark.usefixtures("_components")
def test_a_blank_line_is_one_row(run_command: Command, tmp_path: Path) -> None:
    run = trained(tmp_path, data={"type": "text", "text": "ab\nba", "unit": "line"}, tokenizer="char")
    (tmp_path / "lines.txt").write_text("a\n\nb\n")
    assert run_command("predict", run.path, "--file", "lines.txt", "--output", "out.csv") == (0, "", "")
    header, *rows = (tmp_path / "out.csv").read_text().splitlines()
    assert header == "row,text,last,time_step,next,by.low.a,by.high.a"
    assert [row[:2] for row in rows] == ["1,", "1,", "2,", "3,", "3,"]
    assert rows[2] == "2,,,,,,"


@pytest.mark.parametrize(
    ("prediction", "rows"),
    [
        ({"a": [1, 2], "b": "x"}, ["a,b", "1,x", "2,x"]),
        ({"a": [], "b": "x"}, ["a,b", ",x"]),
        ({"a": "txt", "b": "x"}, None),
        ({"a": 3.5, "b": "x"}, None),
        ({"a": [1, 2], "c": [1], "b": "x"}, None),
    ],
)
def test_fields_of_time_steps_must_be_lists_of_one_length(
    prediction: dict[str, Any], rows: list[str] | None, tmp_path: Path
) -> None:
    output, pairs = tmp_path / "o.csv", [(Example("text"), prediction)]
    if rows is None:
        with pytest.raises(DataError, match="the head must return lists of one length for its time_step_fields, a"):
            write_predictions(output, pairs, frozenset({"a", "c"}))
        assert not output.exists()
    else:
        write_predictions(output, pairs, frozenset({"a", "c"}))
        assert {*output.read_text().splitlines()[0].split(",")} == {"a", "b"}
        assert len(output.read_text().splitlines()) == len(rows)
