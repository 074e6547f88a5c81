"""The cache of token files: keys, corrupt and forged files, and removal of old ones."""

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

from helpers.long_texts import TEXT, result_or_error, text_plan
from seqkit.data.batching import StreamBatches
from seqkit.data.prepare import prepare
from seqkit.data.token_files import cache as token_cache
from seqkit.data.token_files.format import CorruptFile, TokenWriter, open_tokens, smallest_type


def cached_file(tmp_path: Path, cache: Path) -> tuple[Any, Path]:
    """Encode a text; return its plan and the path of its token file."""
    (tmp_path / "a.txt").write_text(TEXT)
    plan = text_plan(tmp_path / "a.txt", {"type": "char", "unknown": "mark"})
    prepare(plan)
    (path,) = cache.iterdir()
    return plan, path


@pytest.mark.usefixtures("every_text_is_long")
def test_corrupt_file_is_replaced(tmp_path: Path, cache: Path) -> None:
    plan, path = cached_file(tmp_path, cache)
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
    assert "already encoded" in prepare(plan).notes[0]


@pytest.mark.usefixtures("every_text_is_long")
def test_forged_file_is_replaced(tmp_path: Path, cache: Path) -> None:
    plan, path = cached_file(tmp_path, cache)
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
        {"tokenizer": {"symbols": ["a"]}},  # the ids exceed the vocabulary
    ]
    path.write_bytes(forged())
    assert "already encoded" in prepare(plan).notes[0]
    for changes in forgeries:
        path.write_bytes(forged(**changes))
        assert "encoded once" in prepare(plan).notes[0], changes
        assert path.read_bytes() == good


@pytest.mark.usefixtures("every_text_is_long")
@pytest.mark.parametrize(
    "create", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)], ids=["dir", "fifo", "link"]
)
def test_directory_pipe_or_link_is_not_read(tmp_path: Path, cache: Path, create: Callable[[Path], None]) -> None:
    plan, path = cached_file(tmp_path, cache)
    path.unlink()
    create(path)
    (note,) = prepare(plan).notes
    instead = "a temporary file, because the cache cannot be written (Is a directory)"
    assert note.endswith(f"ids are stored in {instead if path.is_dir() else path}")


@pytest.mark.usefixtures("every_text_is_long")
def test_text_split_and_tokenizer_have_separate_files(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    mark = {"type": "char", "unknown": "mark"}
    splits = [None, {"by": "order", "valid": 0.1}, {"by": "order", "test": 0.1}, {"by": "order", "test": 0.2}]
    plans = [text_plan(path, mark, split) for split in splits]
    plans += [
        text_plan(path, "byte"),
        text_plan(path, mark | {"min_count": 2}),
        text_plan(path, mark, data={"encoding": "gbk"}),
    ]
    for count, plan in enumerate(plans, start=1):
        result_or_error(lambda plan=plan: prepare(plan))
        assert len(list(cache.iterdir())) == min(
            count, 6
        )  # the text is not GBK, so that the last plan fails and stores nothing
    (tmp_path / "b.txt").write_text(TEXT)
    assert "already encoded" in prepare(text_plan(tmp_path / "b.txt", mark)).notes[0]
    path.write_text(TEXT[:-1] + "!")
    assert "encoded once" in prepare(text_plan(path, mark)).notes[0]


@pytest.mark.usefixtures("every_text_is_long")
def test_unwritable_cache_falls_back_to_a_temporary_file_or_memory(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    plan = text_plan(tmp_path / "a.txt")
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "a.txt" / "cache"))
    prepared = prepare(plan)
    start = "the text is encoded once: its ids are stored in"
    reason = "because the cache cannot be written (Not a directory)"
    assert prepared.notes == [f"{start} a temporary file, {reason}"]

    def no_space(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_cache.tempfile, "TemporaryFile", no_space)
    in_memory = prepare(plan)
    second_reason = "and a temporary file cannot be written either (No space left on device)"
    assert in_memory.notes == [f"{start} memory, {reason}, {second_reason}"]
    assert in_memory.digests() == prepared.digests()
    assert np.array_equal(in_memory.splits["train"].rows[0].target, prepared.splits["train"].rows[0].target)


@pytest.mark.usefixtures("every_text_is_long")
def test_full_disk_leaves_no_file(tmp_path: Path, cache: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_cache.os, "fsync", no_space)
    assert (
        "temporary file, because the cache cannot be written (No space"
        in prepare(text_plan(tmp_path / "a.txt")).notes[0]
    )
    assert list(cache.iterdir()) == []


def test_two_concurrent_writers(cache: Path) -> None:
    def write(file: Any) -> None:
        writer = TokenWriter(file, "one", np.dtype("uint8"))
        writer.add("train", [np.arange(9)], {})
        writer.finish({})

    def write_while_another_writes(file: Any) -> None:
        token_cache.put("one", write)
        write(file)

    tokens, note = token_cache.put("one", write_while_another_writes)
    assert note.endswith(f"stored in {cache / 'one.tokens'}") and list(cache.iterdir()) == [cache / "one.tokens"]
    found = token_cache.get("one")
    assert found is not None
    for each in (tokens, found[0]):
        assert each.texts["train"].ids.tolist() == list(range(9))
    assert token_cache.get("two") is None


def test_unused_files_are_removed_after_their_maximum_age(cache: Path) -> None:
    def store(key: str) -> None:
        token_cache.put(key, lambda file: TokenWriter(file, key, np.dtype("uint8")).finish({}))

    store("one")
    ages = {
        "old.tokens": 31,
        "recent.tokens": 29,
        ".partial.tokens": 0.9 / 24,
        ".killed.tokens": 1.1 / 24,
        "old.txt": 99,
    }
    for name, days in ages.items():
        (cache / name).touch()
        os.utime(cache / name, (time.time() - days * 86_400,) * 2)
    os.utime(cache / "one.tokens", (time.time() - 29 * 86_400,) * 2)
    token_cache.get("one")  # updates the time of the last use
    os.utime(cache / "recent.tokens", (time.time() - 31 * 86_400,) * 2)
    store("two")
    assert {path.name for path in cache.iterdir()} == {"one.tokens", "two.tokens", ".partial.tokens", "old.txt"}


def test_cache_folder(tmp_path: Path) -> None:
    home = Path.home() / ".cache" / "seqkit"
    assert token_cache.cache_folder({}) == home
    assert token_cache.cache_folder({"XDG_CACHE_HOME": "relative"}) == home
    assert token_cache.cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "seqkit"
    assert token_cache.cache_folder({"XDG_CACHE_HOME": str(tmp_path), "SEQKIT_CACHE": "here"}) == Path("here")


@given(
    texts=st.lists(st.lists(st.integers(0, 299), max_size=30), min_size=1, max_size=3),
    vocab_size=st.sampled_from([300, 70_000]),
)
def test_token_file_round_trip(texts: list[list[int]], vocab_size: int) -> None:
    file = io.BytesIO()
    writer = TokenWriter(file, "key", smallest_type(vocab_size))
    for number, ids in enumerate(texts):
        writer.add(str(number), [np.array(ids[:7], dtype=np.int64), np.array(ids[7:], dtype=np.int64)], {"n": number})
    writer.finish({"symbols": ["我", "\ud800"]})
    tokens = open_tokens(file, "key")
    assert tokens.tokenizer_state == {"symbols": ["我", "\ud800"]}
    assert tokens.largest == max((number for ids in texts for number in ids), default=0)
    for number, ids in enumerate(texts):
        found = tokens.texts[str(number)]
        assert found.ids.tolist() == ids and found.facts["n"] == number
        expected = np.array(ids[:-1]).astype(np.int64).tobytes() + np.array(ids[1:]).astype(np.int64).tobytes()
        assert found.facts["next_sha256"] == hashlib.sha256(expected).hexdigest()
    with pytest.raises(CorruptFile):
        open_tokens(file, "another")


@pytest.mark.parametrize(("vocab_size", "size"), [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_smallest_type(vocab_size: int, size: int) -> None:
    dtype = smallest_type(vocab_size)
    assert dtype.kind == "u" and dtype.itemsize == size


@pytest.mark.usefixtures("every_text_is_long")
def test_pages_of_a_token_file_are_released(tmp_path: Path) -> None:
    mappings = Path("/proc/self/smaps")
    if not mappings.exists():
        pytest.skip("requires /proc/self/smaps")
    (tmp_path / "a.txt").write_text("ab" * 2_000_000)
    (row,) = prepare(text_plan(tmp_path / "a.txt")).splits["train"].rows

    def resident() -> int:
        """Return the resident memory of mapped token files, in kilobytes."""
        mapped = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", mappings.read_text(), flags=re.MULTILINE)
        return sum(int(re.findall(r"^Rss: +(\d+)", each, re.MULTILINE)[0]) for each in mapped if ".tokens" in each)

    batches = StreamBatches([row], 8, 512, True)
    assert len(batches) > 900
    peak = max(resident() for number, _ in enumerate(batches.epoch(0)) if number % 16 == 0)
    assert 0 < peak < 2_600  # of 3,900 KB, all of which would be resident at the end without releases
