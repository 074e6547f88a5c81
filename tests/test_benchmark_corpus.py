"""What the benchmark of long texts compares is the same on both sides."""

from __future__ import annotations

import json
from pathlib import Path

import corpus
import pytest

import seqkit
from seqkit import long_text


def test_seqkit_and_the_peer_have_the_same_ids(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(long_text, "LONG", 50_000)
    text = tmp_path / "text.txt"
    corpus.make_text(text, 60_000)
    assert 60_000 <= text.stat().st_size < 60_200
    corpus.peer(str(text))
    answer = json.loads(capsys.readouterr().out)
    assert answer["symbols"] == len(set(text.read_text()))
    for _ in range(2):
        run = seqkit.run(corpus.recipe(tmp_path), runs=tmp_path, quiet=True, data__path=str(text))
        corpus.refuse_if_different(run.path, answer)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    with pytest.raises(SystemExit, match="its ids are not the peer's"):
        corpus.refuse_if_different(run.path, {"sha256": "0"})


def test_a_text_is_the_same_each_time_and_grows_at_its_end(tmp_path: Path) -> None:
    for name, size in (("a", 300_000), ("b", 300_000), ("c", 900_000)):
        corpus.make_text(tmp_path / name, size)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "c").read_bytes()[:200_000] == (tmp_path / "a").read_bytes()[:200_000]
