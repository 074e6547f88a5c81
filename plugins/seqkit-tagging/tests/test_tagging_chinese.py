"""The Chinese of what a user of seqkit-tagging sees."""

from __future__ import annotations

from pathlib import Path

from helpers.commands import chinese_error

RECIPE = """
name: entities
data: {type: conll, path: words.txt}
tokenizer: {type: words_and_characters}
embedding: {type: words_and_characters, characters: {type: char_cnn, filters: 4}}
encoder: {type: lstm, hidden_size: 4}
head: {type: crf, scheme: bio}
train: {epochs: 1}
"""


def test_errors_of_the_reader_and_the_head_are_chinese(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "words.txt").write_text("EU B-ORG\nrejects O\n\nPeter I-PER\nBlackburn\n")
    line = chinese_error("run", "recipe.yaml", cwd=tmp_path).replace(f"{tmp_path}/", "")
    assert line == (
        "words.txt:5: 有 1 列，而第 1 行有 2 列：请改正这一行，或把 `separator:` 设为列之间的分隔符，"
        "或设 `invalid_lines: skip` 以跳过这样的句子"
    )
    (tmp_path / "words.txt").write_text("EU B-ORG\nrejects O\n\nPeter I-PER\nBlackburn I-PER\n")
    line = chinese_error("run", "recipe.yaml", "head.constrained=true", cwd=tmp_path).replace(f"{tmp_path}/", "")
    assert line == (
        "命令行: head.constrained: 不允许句首之后的 I-PER（words.txt:4）：请把 constrained 设为 false，或改正标注，"
        "或把 `invalid_tags` 设为 `repair` 或 `skip`"
    )
