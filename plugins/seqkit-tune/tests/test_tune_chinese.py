"""The Chinese of what a user of seqkit-tune sees."""

from __future__ import annotations

import os
from pathlib import Path

from helpers.commands import chinese_error, run_process


def test_errors_and_help_of_the_command_are_chinese(tmp_path: Path) -> None:
    line = chinese_error("tune", "recipe.yaml", "--search", "encoder.hidden_size=3..1", cwd=tmp_path)
    assert line == (
        "--search encoder.hidden_size=3..1: 不是范围：应为 low..high（low < high）或 low..high:log（low > 0），"
        "例如 train.optimizer.lr=0.0003..0.03:log"
    )
    environment = {name: value for name, value in os.environ.items() if name != "SEQKIT_PLUGINS"}
    for option in ("--help", "tune --help"):
        text = run_process(*option.split(), cwd=tmp_path, env=environment | {"SEQKIT_LANG": "zh_CN"}).stdout
        assert ("用 Optuna 搜索配方中的取值。" if option == "--help" else "每次试验都训练到底，不提前终止。") in text
