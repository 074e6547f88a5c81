"""The Chinese of what a user of seqkit-forecast sees."""

from __future__ import annotations

from pathlib import Path

from helpers.commands import chinese_error

RECIPE = """
name: sales
data: {type: series, path: sales.csv, split: {by: order, test: 0.3}}
encoder: {type: lstm, hidden_size: 4}
head: {type: forecast, input_length: 2, horizon: 1}
train: {epochs: 1}
"""


def test_errors_of_the_reader_and_the_head_are_chinese(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "sales.csv").write_text("date,sales\n2020-01-01,1\n2020-01-02,2\n2020-01-05,3\n2020-01-06,3\n")
    line = chinese_error("run", "recipe.yaml", cwd=tmp_path).replace(f"{tmp_path}/", "")
    assert line == (
        "sales.csv:4: 2020-01-02 00:00 与 2020-01-05 00:00 之间缺少 2 个时间步（每步 1 天）：请补上这些行，"
        "或设 `fill: 2` 以重复前一个值，或设 `spacing: any` 以把每行当作一个时间步"
    )
    line = chinese_error("check", "recipe.yaml", "head.quantiles=[0.1]", cwd=tmp_path)
    assert line == "命令行: head.quantiles: 必须递增，并包含 0.5，即点预测"
