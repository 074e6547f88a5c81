"""The Chinese of what a user of seqkit-track sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from seqkit_track.files import require

from catalogue import CATALOGUE, read_translations
from helpers.commands import chinese_error
from seqkit.messages import Message

RECIPE = """
name: text
data: {type: text, text: abcabcabc}
encoder: {type: lstm, hidden_size: 4}
head: {type: next_char}
train: {epochs: 1, trackers: [{type: csv, every: 0}]}
"""


def test_errors_of_trackers_are_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    line = chinese_error("check", "recipe.yaml", cwd=tmp_path)
    assert line == "recipe.yaml:6:50: train.trackers.0.every: 必须是正整数，不能是 0"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError) as caught:
        require("mlflow")
    translations = read_translations(CATALOGUE)
    text = str(caught.value)
    assert isinstance(text, Message)
    assert text.translated(translations.__getitem__) == "没有安装 mlflow 包：pip install 'seqkit-track[mlflow]'"
