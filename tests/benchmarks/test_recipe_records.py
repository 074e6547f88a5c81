"""Tests of the records of recipes: the content of a section, and which commands are recorded."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.harness.record import replace_section, write_atomically
from benchmarks.recipes import kills, measure, quality
from benchmarks.recipes.tasks import Task

RUN = {
    "result": {
        "examples": {"train": 4_000, "valid": 500},
        "metrics": {"valid": {"loss": 0.25, "accuracy": 0.9, "support": 500, "per_class": {"a": 1}, "done": True}},
        "baseline": {
            "split": "valid",
            "name": "majority",
            "accuracy": 0.5,
            "others": [{"name": "TF-IDF", "accuracy": 0.875}],
        },
        "timing": {"train_seconds": 12.34, "tokens_per_second": 5_678.9, "threads": 2},
    },
    "plan": {
        "recipe": {"seed": 3},
        "versions": {"python": "3.11", "numpy": "2", "torch": "2.13", "seqkit": "0.1", "a": "1"},
    },
    "weights": 8_055,
}


def run_with(seed: int, **metrics: float) -> dict[str, Any]:
    result = RUN["result"] | {"metrics": {"valid": metrics}}  # type: ignore[operator]
    return RUN | {"result": result, "plan": RUN["plan"] | {"recipe": {"seed": seed}}}  # type: ignore[operator]


def test_section_contains_scores_of_model_and_baselines() -> None:
    assert measure.section_content([RUN], "a processor, 2 cores", "2030-01-02").splitlines() == [
        "| split | scored | loss | accuracy | support |",
        "|---|---|---:|---:|---:|",
        "| valid | the model | 0.25000 | 0.9000 | 500 |",
        "| valid | majority |  | 0.5000 |  |",
        "| valid | TF-IDF |  | 0.8750 |  |",
        "",
        "seed 3; 4,000 train, 500 valid; 8,055 weights; trained in 12.3 s (5,679 tokens/s, 2 threads); "
        "a 1, seqkit 0.1, torch 2.13; a processor, 2 cores; 2030-01-02",
    ]


def test_several_seeds_give_mean_and_range() -> None:
    lines = measure.section_content([run_with(3, loss=0.25), run_with(4, loss=0.75)], "cpu", "today").splitlines()
    assert "| valid | the model | 0.50000 (0.25000 to 0.75000) |  |" in lines
    assert "| valid | majority |  | 0.5000 |" in lines
    assert lines[-1].startswith("mean and range of 2 seeds, 3 to 4; ")


def test_prefix_loss_has_a_row() -> None:
    leaking = RUN | {"result": RUN["result"] | {"honest_loss": {"loss": 1.5, "positions": 87}}}  # type: ignore[operator]
    assert measure.score_table(leaking["result"])["valid", "the model, from the prefix alone"] == {
        "loss": 1.5,
        "positions": 87,
    }


def test_section_replaces_section_with_equal_title() -> None:
    title_of = measure.section_title

    def replaced(text: str, title: str, content: str) -> str:
        return replace_section(text, measure.HEADER, title, content)

    text = replaced("", title_of(["recipes/c.yaml"]), "c")
    text = replaced(text, title_of(["recipes/a.yaml", "data.path=DATA/x y.txt"]), "| a |\n\nold")
    text = replaced(text, title_of(["recipes/b.yaml"]), "b")
    assert replaced(text, title_of(["recipes/b.yaml"]), "b") == text
    text = replaced(text, title_of(["recipes/a.yaml", "data.path=DATA/x y.txt"]), "| a |\n\nnew")
    assert text == measure.HEADER + (
        "\n## `seqkit run recipes/a.yaml 'data.path=DATA/x y.txt'`\n\n| a |\n\nnew\n"
        "\n## `seqkit run recipes/b.yaml`\n\nb\n"
        "\n## `seqkit run recipes/c.yaml`\n\nc\n"
    )


def test_weights_are_counted_from_file_header(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(()), "c": torch.zeros(0, 7)}, tmp_path / "model")
    assert measure.count_weights(tmp_path / "model") == 13
    (tmp_path / "empty").write_bytes(struct.pack("<Q", 2) + b"{}")
    assert measure.count_weights(tmp_path / "empty") == 0


@pytest.mark.parametrize(
    "word", ["data.path=/home/me/x.csv", "/recipes/a.yaml", "data.path=~/x", "data.valid={path: /x}", "../a.yaml"]
)
def test_local_path_is_rejected(word: str, tmp_path: Path) -> None:
    assert measure.command_error([word], tmp_path).startswith(f"'{word}' is a path of this machine")


def test_portable_command_is_accepted(tmp_path: Path) -> None:
    command = ["recipes/a.yaml", "data.path=DATA/x.csv", "data.valid={path: DATA/y.csv}"]
    assert measure.command_error(command, tmp_path) == ""
    assert (
        measure.command_error(command, None)
        == "the command contains DATA: pass --data DIR, the folder that DATA refers to"
    )
    assert measure.command_error(command, tmp_path / "absent").endswith("absent: no such folder")


def test_record_is_replaced_without_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "recipes.md").write_text("before")
    write_atomically(tmp_path / "recipes.md", "after")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["after"]


def test_section_of_kills_counts_kills_by_moment() -> None:
    output = (
        "uninterrupted run: 1.0 s, 9 file operations of 4 kinds\n"
        "kill 1: before open state.json (3): no checkpoint\n"
        "kill 2: after 0.25 s: step-2\n"
        "kill 3: before open state.json (5): step-4\n"
        "3 kills in 2 runs\n"
    )
    assert kills.section(["recipes/a.yaml", "--kills", "3"], output) == (
        "## `seqkit verify-resume recipes/a.yaml --kills 3`\n\n"
        "uninterrupted run: 1.0 s, 9 file operations of 4 kinds. 3 kills in 2 runs.\n\n"
        "2 kills at boundaries of 1 kinds, 1 kills at random moments.\n"
    )


TASK = Task(
    ("recipes/char_gen.yaml", "train.epochs=2"),
    "loss",
    "0.1 (a paper)",
    ("seed=1", "seed=2"),
    {"bias": ("encoder.bias=false",)},
)


def test_quality_of_a_task_shows_runs_baselines_and_published_figures() -> None:
    runs = [run_with(1, loss=0.25), run_with(2, loss=0.75)]
    assert quality.section_content(TASK, runs, [{"loss": 0.5}]).splitlines() == [
        "| split | scored | loss |",
        "|---|---|---:|",
        "| valid | the model | 0.50000 (0.25000 to 0.75000) |",
        "| test | ensemble of 3 seeds | 0.50000 |",
        "| test | published | 0.1 (a paper) |",
        "",
        "2 runs, seed=1 to seed=2; trained in 12 s each, threads: 2; 8,055 weights;",
    ]
    assert quality.ablation_content(TASK, {"nothing": runs[0], "bias": runs[1]}).splitlines()[2:4] == [
        "| nothing | 0.25000 | 12 |",
        "| bias | 0.75000 | 12 |",
    ]
    assert quality.ablations(TASK, [*TASK.command, "seed=1"]) == {
        "nothing": [*TASK.command, "seed=1"],
        "bias": [*TASK.command, "seed=1", "encoder.bias=false"],
    }


def test_an_ensemble_has_the_runs_of_three_seeds_or_three_seeds_of_each_fold() -> None:
    seeds = [["a.yaml", "seed=1"], ["a.yaml", "seed=2"], ["a.yaml", "seed=3"]]
    assert quality.ensembles(TASK, seeds) == []
    assert quality.ensembles(Task(("a.yaml",), "f1", ensembles=True), seeds) == [seeds]
    folds = Task(("a.yaml",), "f1", variants=("fold=0", "fold=1"), ensembles=True)
    assert quality.ensembles(folds, [["a.yaml", "fold=0"], ["a.yaml", "fold=1"]]) == [
        [["a.yaml", "fold=0"], ["a.yaml", "fold=0", "seed=2"], ["a.yaml", "fold=0", "seed=3"]],
        [["a.yaml", "fold=1"], ["a.yaml", "fold=1", "seed=2"], ["a.yaml", "fold=1", "seed=3"]],
    ]


def test_quality_of_a_pretrained_task_states_the_time_of_both_runs() -> None:
    task = Task(("b.yaml",), "loss", variants=("seed=1",), pretraining=("a.yaml", "train.epochs=2"))
    run = run_with(1, loss=0.25)
    assert quality.section_content(task, [run], earlier=[run]).splitlines()[-1] == (
        "1 run, seed=1; trained in 12 s each after 12 s of pretraining with `seqkit run a.yaml train.epochs=2`, "
        "threads: 2; 8,055 weights;"
    )


def test_quality_trains_only_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [*TASK.command, "seed=1"]
    first = quality.train(command, tmp_path, tmp_path)
    assert "seqkit run recipes/char_gen.yaml train.epochs=2 seed=1" in capsys.readouterr().out
    (result,) = tmp_path.glob("*/*/result.json")
    assert quality.train(command, tmp_path, tmp_path) == first
    assert capsys.readouterr().out == ""
    result.unlink()  # as if the run had been interrupted
    assert quality.train(command, tmp_path, tmp_path)["result"]["metrics"] == first["result"]["metrics"]
    assert len(list(tmp_path.glob("*/*/result.json"))) == 1
