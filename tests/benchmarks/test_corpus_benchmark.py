"""Tests of the benchmark of long texts: the generated text, and the ids of seqkit and the reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seqkit
from benchmarks.data import corpus, corpus_reference
from seqkit.data.token_files import encode


def test_seqkit_and_reference_have_equal_ids(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(encode, "MIN_BYTES", 50_000)
    text = tmp_path / "text.txt"
    corpus.write_text(text, 60_000)
    assert 60_000 <= text.stat().st_size < 60_200
    corpus_reference.main(str(text))
    result = json.loads(capsys.readouterr().out)
    assert result["symbols"] == len(set(text.read_text()))
    for _ in range(2):
        run = seqkit.run(corpus.write_recipe(tmp_path), runs=tmp_path, quiet=True, data__path=str(text))
        corpus.verify_ids(run.path, result)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    with pytest.raises(SystemExit, match="the ids differ from the reference's"):
        corpus.verify_ids(run.path, {"sha256": "0"})


def test_text_is_deterministic_and_a_prefix_of_larger_texts(tmp_path: Path) -> None:
    for name, size in (("a", 300_000), ("b", 300_000), ("c", 900_000)):
        corpus.write_text(tmp_path / name, size)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "c").read_bytes()[:200_000] == (tmp_path / "a").read_bytes()[:200_000]
