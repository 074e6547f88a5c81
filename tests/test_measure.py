"""The pure parts of benchmarks/measure.py: what it writes, and what it keeps."""

from __future__ import annotations

import runpy
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

MEASURE: dict[str, Any] = runpy.run_path(str(Path(__file__).parent.parent / "benchmarks" / "measure.py"))

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


def again(seed: int, **metrics: float) -> dict[str, Any]:
    result = RUN["result"] | {"metrics": {"valid": metrics}}  # type: ignore[operator]
    return RUN | {"result": result, "plan": RUN["plan"] | {"recipe": {"seed": seed}}}  # type: ignore[operator]


def test_a_section_holds_each_score_beside_its_floors() -> None:
    assert MEASURE["body"]([RUN], "a processor, 2 cores", "2030-01-02").splitlines() == [
        "| split | scored | loss | accuracy | support |",
        "|---|---|---:|---:|---:|",
        "| valid | the model | 0.25000 | 0.9000 | 500 |",
        "| valid | majority |  | 0.5000 |  |",
        "| valid | TF-IDF |  | 0.8750 |  |",
        "",
        "seed 3; 4,000 train, 500 valid; 8,055 weights; trained in 12.3 s (5,679 steps a second, 2 threads); "
        "a 1, seqkit 0.1, torch 2.13; a processor, 2 cores; 2030-01-02",
    ]


def test_several_seeds_give_the_mean_and_the_range() -> None:
    lines = MEASURE["body"]([again(3, loss=0.25), again(4, loss=0.75)], "cpu", "today").splitlines()
    assert "| valid | the model | 0.50000 (0.25000 to 0.75000) |  |" in lines
    assert "| valid | majority |  | 0.5000 |" in lines
    assert lines[-1].startswith("mean and range of 2 seeds, 3 to 4; ")


def test_the_honest_loss_has_a_row() -> None:
    leaking = RUN | {"result": RUN["result"] | {"honest_loss": {"loss": 1.5, "positions": 87}}}  # type: ignore[operator]
    assert MEASURE["table_of"](leaking["result"])["valid", "each position from its prefix alone"] == {
        "loss": 1.5,
        "positions": 87,
    }


def test_a_new_section_replaces_its_own_and_keeps_the_rest_in_order() -> None:
    heading = MEASURE["heading"]

    def merged(text: str, title: str, content: str) -> str:
        return MEASURE["merged"](text, MEASURE["HEADER"], title, content)

    text = merged("", heading(["recipes/c.yaml"]), "c")
    text = merged(text, heading(["recipes/a.yaml", "data.path=DATA/x y.txt"]), "| a |\n\nold")
    text = merged(text, heading(["recipes/b.yaml"]), "b")
    assert merged(text, heading(["recipes/b.yaml"]), "b") == text
    text = merged(text, heading(["recipes/a.yaml", "data.path=DATA/x y.txt"]), "| a |\n\nnew")
    assert text == MEASURE["HEADER"] + (
        "\n## `seqkit run recipes/a.yaml 'data.path=DATA/x y.txt'`\n\n| a |\n\nnew\n"
        "\n## `seqkit run recipes/b.yaml`\n\nb\n"
        "\n## `seqkit run recipes/c.yaml`\n\nc\n"
    )


def test_weights_are_counted_from_the_file(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(()), "c": torch.zeros(0, 7)}, tmp_path / "model")
    assert MEASURE["weights"](tmp_path / "model") == 13
    (tmp_path / "empty").write_bytes(struct.pack("<Q", 2) + b"{}")
    assert MEASURE["weights"](tmp_path / "empty") == 0


@pytest.mark.parametrize(
    "word", ["data.path=/home/me/x.csv", "/recipes/a.yaml", "data.path=~/x", "data.valid={path: /x}", "../a.yaml"]
)
def test_a_place_on_this_machine_is_refused(word: str, tmp_path: Path) -> None:
    assert MEASURE["unfit"]([word], tmp_path).startswith(f"'{word}' names a place on this machine")


def test_a_command_for_everybody_is_taken(tmp_path: Path) -> None:
    command = ["recipes/a.yaml", "data.path=DATA/x.csv", "data.valid={path: DATA/y.csv}"]
    assert MEASURE["unfit"](command, tmp_path) == ""
    assert MEASURE["unfit"](command, None) == "the command names DATA: say with --data which folder that is"
    assert MEASURE["unfit"](command, tmp_path / "gone").endswith("gone: no such folder")


def test_the_record_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "RECIPES.md").write_text("before")
    MEASURE["replace"](tmp_path / "RECIPES.md", "after")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["after"]
