"""Files of ids that are kept between runs: whose they are, what is wrong with them, and when they go."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_texts import TEXT, answer, plan_of

from seqkit import token_cache
from seqkit.batches import StreamBatches
from seqkit.prepare import prepare
from seqkit.token_file import Damaged, TokenWriter, open_tokens, smallest_type


def kept_file(tmp_path: Path, cache: Path) -> tuple[Any, Path]:
    (tmp_path / "a.txt").write_text(TEXT)
    plan = plan_of(tmp_path / "a.txt", {"type": "char", "unknown": "mark"})
    prepare(plan)
    (path,) = cache.iterdir()
    return plan, path


@pytest.mark.usefixtures("every_text_is_long")
def test_a_damaged_file_is_made_anew(tmp_path: Path, cache: Path) -> None:
    plan, path = kept_file(tmp_path, cache)
    good = path.read_bytes()
    size = len(good)
    damaged = [good[:end] for end in (0, 1, 47, size // 2, size - 1)]
    damaged += [good + b"\0", good[1:], b"\0" * size, good[:-16] + b"\xff" * 8 + good[-8:]]
    for place in (0, size // 2, size - 300, size - 60, size - 20, size - 10, size - 1):
        damaged.append(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
    for content in damaged:
        path.write_bytes(content)
        (note,) = prepare(plan).notes
        assert "encoded once" in note
        assert path.read_bytes() == good
        assert list(cache.iterdir()) == [path]
    assert "encoded before" in prepare(plan).notes[0]


@pytest.mark.usefixtures("every_text_is_long")
def test_a_strangers_file_is_made_anew(tmp_path: Path, cache: Path) -> None:
    plan, path = kept_file(tmp_path, cache)
    good = path.read_bytes()
    length = int.from_bytes(good[-16:-8], "little")
    ids, header = good[: -48 - length], json.loads(good[-48 - length : -48])

    def forged(**changes: Any) -> bytes:
        content = json.dumps(header | changes).encode()
        return ids + content + hashlib.sha256(content).digest() + len(content).to_bytes(8, "little") + good[-8:]

    (text,) = header["texts"].values()
    forgeries: list[dict[str, Any]] = [
        {"format": 0},
        {"key": "another"},
        {"type": "object"},
        {"type": "uint16"},
        {"type": None},
        {"texts": {}},
        {"texts": []},
        {"texts": {"train": text | {"first": 1}}},
        {"texts": {"train": text | {"end": 10}}},
        {"texts": {"train": text | {"end": 1e9}}},
        {"texts": {"train": text | {"characters": "many"}}},
        {"texts": {"test": text}},
        {"ids_sha256": "0"},
        {"tokenizer": None},
        {"tokenizer": {"symbols": []}},
        {"tokenizer": {"symbols": ["a"]}},  # so that ids are past the vocabulary
    ]
    path.write_bytes(forged())
    assert "encoded before" in prepare(plan).notes[0]
    for changes in forgeries:
        path.write_bytes(forged(**changes))
        assert "encoded once" in prepare(plan).notes[0], changes
        assert path.read_bytes() == good


@pytest.mark.usefixtures("every_text_is_long")
@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)], ids=["dir", "fifo", "link"]
)
def test_what_is_no_file_is_not_read(tmp_path: Path, cache: Path, make: Callable[[Path], None]) -> None:
    plan, path = kept_file(tmp_path, cache)
    path.unlink()
    make(path)
    (note,) = prepare(plan).notes
    is_folder = "a temporary file, since the cache cannot be written (Is a directory)"
    assert note.endswith(f"ids are kept in {is_folder if path.is_dir() else path}")


@pytest.mark.usefixtures("every_text_is_long")
def test_another_content_cut_or_tokenizer_has_a_file_of_its_own(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    mark = {"type": "char", "unknown": "mark"}
    cuts = [None, {"by": "order", "valid": 0.1}, {"by": "order", "test": 0.1}, {"by": "order", "test": 0.2}]
    plans = [plan_of(path, mark, split) for split in cuts]
    plans += [
        plan_of(path, "byte"),
        plan_of(path, mark | {"min_count": 2}),
        plan_of(path, mark, data={"encoding": "gbk"}),
    ]
    for count, plan in enumerate(plans, start=1):
        answer(lambda plan=plan: prepare(plan))
        assert len(list(cache.iterdir())) == min(count, 6)  # the last is not GBK, and nothing is kept of it
    (tmp_path / "b.txt").write_text(TEXT)
    assert "encoded before" in prepare(plan_of(tmp_path / "b.txt", mark)).notes[0]
    path.write_text(TEXT[:-1] + "!")
    assert "encoded once" in prepare(plan_of(path, mark)).notes[0]


@pytest.mark.usefixtures("every_text_is_long")
def test_without_a_folder_or_space_the_run_goes_on(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    plan = plan_of(tmp_path / "a.txt")
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "a.txt" / "cache"))
    prepared = prepare(plan)
    where = "the text is encoded once: its ids are kept in"
    why = "since the cache cannot be written (Not a directory)"
    assert prepared.notes == [f"{where} a temporary file, {why}"]

    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_cache.tempfile, "TemporaryFile", full)
    in_memory = prepare(plan)
    assert in_memory.notes == [
        f"{where} in memory, {why}, nor can a temporary file (No space left on device)".replace("in in", "in")
    ]
    assert in_memory.digests() == prepared.digests()
    assert np.array_equal(in_memory.splits["train"].rows[0].target, prepared.splits["train"].rows[0].target)


@pytest.mark.usefixtures("every_text_is_long")
def test_a_disk_that_fills_leaves_nothing_behind(tmp_path: Path, cache: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_cache.os, "fsync", full)
    assert (
        "temporary file, since the cache cannot be written (No space" in prepare(plan_of(tmp_path / "a.txt")).notes[0]
    )
    assert list(cache.iterdir()) == []


def test_two_at_once_do_not_trip_over_each_other(cache: Path) -> None:
    def write(file: Any) -> None:
        writer = TokenWriter(file, "one", np.dtype("uint8"))
        writer.add("train", [np.arange(9)], {})
        writer.finish({})

    def with_another_inside(file: Any) -> None:
        token_cache.kept("one", write)
        write(file)

    tokens, where = token_cache.kept("one", with_another_inside)
    assert where == f"in {cache / 'one.tokens'}" and list(cache.iterdir()) == [cache / "one.tokens"]
    found = token_cache.found("one")
    assert found is not None
    for each in (tokens, found[0]):
        assert each.texts["train"].ids.tolist() == list(range(9))
    assert token_cache.found("two") is None


def test_what_was_not_used_for_long_is_removed(cache: Path) -> None:
    def keep(key: str) -> None:
        token_cache.kept(key, lambda file: TokenWriter(file, key, np.dtype("uint8")).finish({}))

    keep("one")
    ages = {"old.tokens": 31, "recent.tokens": 29, ".begun.tokens": 0.9 / 24, ".killed.tokens": 1.1 / 24, "old.txt": 99}
    for name, days in ages.items():
        (cache / name).touch()
        os.utime(cache / name, (time.time() - days * 86_400,) * 2)
    os.utime(cache / "one.tokens", (time.time() - 29 * 86_400,) * 2)
    token_cache.found("one")  # which counts as use
    os.utime(cache / "recent.tokens", (time.time() - 31 * 86_400,) * 2)
    keep("two")
    assert {path.name for path in cache.iterdir()} == {"one.tokens", "two.tokens", ".begun.tokens", "old.txt"}


def test_the_cache_folder(tmp_path: Path) -> None:
    home = Path.home() / ".cache" / "seqkit"
    assert token_cache.cache_folder({}) == home
    assert token_cache.cache_folder({"XDG_CACHE_HOME": "relative"}) == home
    assert token_cache.cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "seqkit"
    assert token_cache.cache_folder({"XDG_CACHE_HOME": str(tmp_path), "SEQKIT_CACHE": "here"}) == Path("here")


@given(
    texts=st.lists(st.lists(st.integers(0, 299), max_size=30), min_size=1, max_size=3),
    vocab_size=st.sampled_from([300, 70_000]),
)
def test_a_file_of_ids_gives_them_back(texts: list[list[int]], vocab_size: int) -> None:
    file = io.BytesIO()
    writer = TokenWriter(file, "key", smallest_type(vocab_size))
    for number, ids in enumerate(texts):
        writer.add(str(number), [np.array(ids[:7], dtype=np.int64), np.array(ids[7:], dtype=np.int64)], {"n": number})
    writer.finish({"symbols": ["我", "\ud800"]})
    tokens = open_tokens(file, "key")
    assert tokens.learned == {"symbols": ["我", "\ud800"]}
    assert tokens.largest == max((number for ids in texts for number in ids), default=0)
    for number, ids in enumerate(texts):
        found = tokens.texts[str(number)]
        assert found.ids.tolist() == ids and found.facts["n"] == number
        wanted = np.array(ids[:-1]).astype(np.int64).tobytes() + np.array(ids[1:]).astype(np.int64).tobytes()
        assert found.facts["next_sha256"] == hashlib.sha256(wanted).hexdigest()
    with pytest.raises(Damaged):
        open_tokens(file, "another")


@pytest.mark.parametrize(("vocab_size", "size"), [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_the_smallest_type_that_holds_the_ids(vocab_size: int, size: int) -> None:
    kind = smallest_type(vocab_size)
    assert kind.kind == "u" and kind.itemsize == size


@pytest.mark.usefixtures("every_text_is_long")
def test_what_was_read_of_a_file_does_not_stay_in_memory(tmp_path: Path) -> None:
    status = Path("/proc/self/smaps")
    if not status.exists():
        pytest.skip("this system does not tell what a mapped file holds of memory")
    (tmp_path / "a.txt").write_text("ab" * 2_000_000)
    (row,) = prepare(plan_of(tmp_path / "a.txt")).splits["train"].rows

    def resident() -> int:
        """Returns how many kilobytes of kept files are in memory."""
        mapped = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", status.read_text(), flags=re.MULTILINE)
        return sum(int(re.findall(r"^Rss: +(\d+)", each, re.MULTILINE)[0]) for each in mapped if ".tokens" in each)

    batches = StreamBatches([row], 8, 512, True)
    assert len(batches) > 900
    most = max(resident() for number, _ in enumerate(batches.epoch(0)) if number % 16 == 0)
    assert 0 < most < 2_600  # of 3,900, all of which one that gives nothing back would hold in the end
