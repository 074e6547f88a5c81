"""The Chinese of what a user of seqkit-gru sees."""

from __future__ import annotations

from pathlib import Path

from helpers.commands import chinese_error, run_forked

RECIPE = """
name: text
data: {type: text, text: abcabcabc}
encoder: {type: gru, hidden_size: 4, layers: 2}
head: {type: next_char}
train: {epochs: 1}
"""


def test_the_encoder_and_its_errors_are_chinese(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    line = chinese_error("check", "recipe.yaml", cwd=tmp_path)
    assert line.startswith("recipe.yaml:4:38: encoder.layers: ") and "num_layers" in line and "键" in line
    shown = run_forked("show", "encoder", "gru", cwd=tmp_path, SEQKIT_LANG="zh_CN")
    assert shown.out.startswith("encoder gru：单向 GRU\n")
