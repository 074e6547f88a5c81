"""The Chinese of what a user of seqkit-ctc sees."""

from __future__ import annotations

from pathlib import Path

from helpers.commands import chinese_error

RECIPE = """
name: recordings
data: {type: wav, path: manifest.csv}
encoder: {type: lstm, hidden_size: 4}
head: {type: ctc}
train: {epochs: 1}
"""


def test_errors_of_the_reader_and_the_commands_are_chinese(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "manifest.csv").write_text("path,text\na.wav,1\n")
    (tmp_path / "a.wav").write_bytes(b"fLaC")
    line = chinese_error("run", "recipe.yaml", cwd=tmp_path).replace(f"{tmp_path}/", "")
    assert line == (
        "manifest.csv:2: a.wav: 不是 wav 文件，而是 FLAC 文件：请转换文件，例如 "
        "`ffmpeg -i FILE -c:a pcm_s16le NEW.wav`（设 `unreadable: skip` 可跳过这样的录音）"
    )
    assert chinese_error("tones", "--into", "new", "--speed", "2", "1", cwd=tmp_path) == (
        "--speed 必须先写最小值，再写最大值，不能是 2.0 和 1.0"
    )
