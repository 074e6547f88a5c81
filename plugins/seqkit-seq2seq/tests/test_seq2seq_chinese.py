"""The Chinese of what a user of seqkit-seq2seq sees."""

from __future__ import annotations

from pathlib import Path

from helpers.commands import chinese_error

RECIPE = """
name: pairs
data: {type: pairs, path: pairs.tsv}
encoder: {type: lstm, hidden_size: 4}
head: {type: translate, hidden_size: 4, tokenizer: {type: char}}
train: {epochs: 1}
"""


def test_errors_of_the_reader_are_chinese(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pairs.tsv").write_text("yes\tja\nno\n")
    line = chinese_error("run", "recipe.yaml", cwd=tmp_path).replace(f"{tmp_path}/", "")
    assert line == (
        "pairs.tsv:2: 只有 1 列，而需要第 2 列：请用制表符隔开文本和译文，或设 `invalid_lines: skip` 以跳过这样的行"
    )
