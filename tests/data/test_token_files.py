"""Long texts: reading in chunks and encoding into a token file give the results of reading whole texts."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from helpers.long_texts import TEXT, result_or_error, text_plan
from seqkit.cli.signals import StopRequest
from seqkit.contracts import Example, LongText
from seqkit.data.batching import Shard, StreamBatches
from seqkit.data.dataset import encode
from seqkit.data.prepare import PreparedData, prepare
from seqkit.data.splits import count_repeated
from seqkit.data.token_files.encode import read_long_texts
from seqkit.data.token_files.format import smallest_type
from seqkit.errors import DataError, Interrupted, PluginError, UnknownText
from seqkit.readers.files import read_chunks, read_text, supports_chunks
from seqkit.readers.text import Text
from seqkit.tokenizers.char import Char

ENCODINGS = ["utf-8", "gb18030", "utf-16", "utf-16-be", "utf-32", "latin-1", "shift_jis"]
LETTERS = "ab \r\n\ufeff\x85é我今Ω\U0001f600"


# Reading in chunks


@given(text=st.text(LETTERS), encoding=st.sampled_from(ENCODINGS), size=st.integers(4, 12), data=st.data())
def test_chunks_join_to_the_whole_text(tmp_path_factory, text: str, encoding: str, size: int, data) -> None:
    raw = text.encode(encoding, "ignore")
    if raw and data.draw(st.booleans()):  # corrupt or truncate it
        place = data.draw(st.integers(0, len(raw) - 1))
        raw = raw[:place] + data.draw(st.binary(max_size=2)) + raw[place + data.draw(st.integers(0, 3)) :]
    path = tmp_path_factory.getbasetemp() / "example.txt"
    path.write_bytes(raw)
    chunked = result_or_error(lambda: "".join(read_chunks(path, encoding, size)))
    assert chunked == result_or_error(lambda: read_text(path, encoding))


def test_error_in_a_later_chunk_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("我们都是好人\r\n".encode("gb18030") * 5_000)
    error = result_or_error(lambda: list(read_chunks(tmp_path / "a.txt", "utf-8", 64)))
    assert error[1].endswith(
        "a.txt:1: byte 0xce is not utf-8; the file can be read as gb18030: set `encoding: gb18030`"
    )
    (tmp_path / "a.txt").write_bytes(b"good\r\n" * 5_000 + b"\xff\xfe\xff\n")
    error = result_or_error(lambda: list(read_chunks(tmp_path / "a.txt", "utf-8", 64)))
    assert error[1].endswith("a.txt:5001: byte 0xff is not utf-8; set the encoding of the file with `encoding: …`")


def test_stateful_encodings_are_not_read_in_chunks(tmp_path: Path) -> None:
    assert not any(map(supports_chunks, ["utf-7", "iso2022_jp", "hz", "idna", "punycode", "big5hkscs"]))
    assert all(map(supports_chunks, [*ENCODINGS, "utf8", "UTF-8", "cp1252", "koi8-r", "gbk", "ascii"]))
    assert Text(path=tmp_path / "a", encoding="utf-7").text_file() is None
    assert Text(path=tmp_path / "a", unit="line").text_file() is None
    assert Text(text="a").text_file() is None
    assert Text(path=tmp_path / "a").text_file() == (tmp_path / "a", "utf-8")


# Preparing data


def prepare_three_times(plan: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, Any]:
    """Return the data (or errors) of reading whole texts, of encoding chunks, and of reading the cached token file."""
    found = []
    for min_bytes in (10**9, 0, 0):
        monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", min_bytes)
        found.append(result_or_error(lambda: prepare(plan)))
    return tuple(found)  # type: ignore[return-value]


def assert_same_data(whole: PreparedData, other: PreparedData) -> None:
    assert other.tokenizer is not None and whole.tokenizer is not None
    assert other.tokenizer.state() == whole.tokenizer.state()
    assert other.digests() == whole.digests()
    assert list(other.splits) == list(whole.splits)
    for split, dataset in whole.splits.items():
        (expected,), (actual,) = dataset.rows, other.splits[split].rows
        assert np.array_equal(expected.input, actual.input) and np.array_equal(expected.target, actual.target)
        (example,) = other.splits[split].examples
        assert isinstance(example.input, LongText)
        ids = encode(example.input, other.tokenizer)  # the input of an embedding's `fit`
        assert ids.dtype == np.int64 and np.array_equal(ids, encode(dataset.examples[0].input, whole.tokenizer))
        assert len(example.input) == len(dataset.examples[0].input)
        assert example.location == dataset.examples[0].location
        assert np.shares_memory(actual.input, example.input.ids)
    counts = [
        count_repeated({split: dataset.examples for split, dataset in each.splits.items()}) for each in (whole, other)
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "tokenizer",
    [
        {"type": "char", "unknown": "mark"},
        {"type": "char", "unknown": "mark", "min_count": 41},
        {"type": "char", "unknown": "skip"},
        {"type": "byte"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "split", [None, {"by": "order", "valid": 0.2, "test": 0.011}, {"by": "order", "test": 0.5}], ids=str
)
@pytest.mark.parametrize("size", [50, 1 << 20])
def test_prepared_data_do_not_depend_on_chunks(
    tmp_path: Path, monkeypatch, tokenizer: Any, split: Any, size: int
) -> None:
    monkeypatch.setattr(
        "seqkit.data.token_files.encode.read_chunks", lambda path, encoding: read_chunks(path, encoding, size)
    )
    monkeypatch.setattr("seqkit.data.token_files.encode.BLOCK", size)
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    whole, encoded, cached = prepare_three_times(text_plan(tmp_path / "a.txt", tokenizer, split), monkeypatch)
    assert whole.notes == []
    assert encoded.notes[0].startswith(f"the text is encoded once: its ids are stored in {tmp_path / 'cache'}")
    assert cached.notes[0].startswith(f"the text is already encoded: its ids are read from {tmp_path / 'cache'}")
    assert_same_data(whole, encoded)
    assert_same_data(whole, cached)
    expected = smallest_type(whole.tokenizer.vocab_size)
    assert cached.splits["train"].rows[0].input.dtype == expected and expected.itemsize == 1


@pytest.mark.parametrize("compress", [gzip.compress, bytes])
def test_concatenated_and_compressed_files_do_not_depend_on_chunks(tmp_path: Path, monkeypatch, compress) -> None:
    monkeypatch.setattr(
        "seqkit.data.token_files.encode.read_chunks", lambda path, encoding: read_chunks(path, encoding, 50)
    )
    text = ("\ufeff" + TEXT + "a lone\rcarriage return\n") * 3
    (tmp_path / "a.txt").write_bytes(compress(text.encode()))
    plan = text_plan(tmp_path / "a.txt", split={"by": "order", "valid": 0.2, "test": 0.1})
    lines = TEXT.replace("\r\n", "\n").count("\n") + 1
    note = f"a.txt:{lines + 1}: removed the byte order mark at the start of the line .* the file: 2"
    with pytest.warns(UserWarning, match=note) as notes:
        whole, encoded, cached = prepare_three_times(plan, monkeypatch)
    assert len({str(note.message) for note in notes}) == 1
    assert {"\r", "\ufeff"} & set(whole.tokenizer.state()["symbols"]) == {"\r"}
    assert_same_data(whole, encoded)
    assert_same_data(whole, cached)


def test_separate_long_files_for_valid_and_test(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text("  \n" + TEXT.strip())
    (tmp_path / "c.txt").write_bytes("今天 to be".encode("utf-16"))
    valid = {"valid": {"path": str(tmp_path / "b.txt")}}
    test = {"test": {"path": str(tmp_path / "c.txt"), "encoding": "utf-16"}}
    for split, files in ((None, valid | test), ({"by": "order", "valid": 0.1}, test)):
        plan = text_plan(tmp_path / "a.txt", {"type": "char", "unknown": "mark"}, split, data=files)
        whole, encoded, cached = prepare_three_times(plan, monkeypatch)
        assert_same_data(whole, encoded)
        assert_same_data(whole, cached)
        examples = {name: dataset.examples for name, dataset in cached.splits.items()}
        assert count_repeated(examples) == {"valid": int(split is None), "test": 0}


INVALID: dict[str, tuple[str, Any, dict[str, Any] | None, str]] = {
    "unknown": (
        TEXT,
        "char",
        {"by": "order", "test": 10 / len(TEXT)},
        "a.txt: 'z' (U+007A), token 3 of the text, is not in the vocabulary of 25: change it, or",
    ),
    "unknown in a later chunk": (TEXT[:-50] + "a" * 90 + "Ω", "char", {"by": "order", "test": 0.04}, "token 84 of"),
    "nothing known": (
        "a" * 95 + "bbbbb",
        {"type": "char", "unknown": "skip"},
        {"by": "order", "test": 0.05},
        "a.txt: no token of the text is in the vocabulary",
    ),
    "too short": ("a" * 100, "char", {"by": "order", "test": 0.01}, "a.txt: the text is too short: next-token"),
    "empty split": (
        "a" * 100,
        "char",
        {"by": "order", "test": 0.001},
        "the test split is empty (characters in total: 100): increase",
    ),
    "too rare": ("abc", {"type": "char", "unknown": "mark", "min_count": 2}, None, "no token occurs 2 times or more"),
    "white space": (" \r\n\n", "char", None, "a.txt: the file contains only white space"),
}


@pytest.mark.parametrize(("text", "tokenizer", "split", "message"), INVALID.values(), ids=INVALID)
def test_errors_do_not_depend_on_chunks(tmp_path: Path, monkeypatch, text, tokenizer, split, message: str) -> None:
    monkeypatch.setattr(
        "seqkit.data.token_files.encode.read_chunks", lambda path, encoding: read_chunks(path, encoding, 30)
    )
    (tmp_path / "a.txt").write_text(text, newline="")
    whole, chunked, repeated = prepare_three_times(text_plan(tmp_path / "a.txt", tokenizer, split), monkeypatch)
    assert chunked == whole == repeated
    assert issubclass(whole[0], DataError) and message in whole[1]
    assert whole[0] is (UnknownText if "is not in the vocabulary" in whole[1] else DataError)


def test_error_for_a_missing_file_does_not_depend_on_chunks(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    whole, chunked, _ = prepare_three_times(text_plan(tmp_path / "none.txt"), monkeypatch)
    assert chunked == whole == (DataError, f"{tmp_path / 'none.txt'}: no such file")
    files = {"valid": {"path": str(tmp_path / "none.txt")}}
    whole, chunked, _ = prepare_three_times(text_plan(tmp_path / "a.txt", data=files), monkeypatch)
    assert chunked == whole == (DataError, f"{tmp_path / 'none.txt'}: no such file")


def test_batches_equal_those_of_the_whole_text(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setattr("seqkit.data.batching.RELEASE_EVERY", 3)
    whole, encoded, cached = prepare_three_times(text_plan(tmp_path / "a.txt"), monkeypatch)
    for shard, start in ((Shard(), 0), (Shard(1, 2), 0), (Shard(), 11), (Shard(4, 5), 0)):
        epochs = [
            list(StreamBatches(each.splits["train"].rows, 4, 7, True, shard).epoch(0, start))
            for each in (whole, encoded, cached)
        ]
        assert len(epochs[0]) > 1
        for one, *others in zip(*epochs, strict=True):
            for other in others:
                assert (one.continues, one.counts) == (other.continues, other.counts)
                assert np.array_equal(one.rows, other.rows)
                for expected, actual in zip(one.batch, other.batch, strict=True):
                    assert expected.dtype == actual.dtype and expected.equal(actual)


def train(tmp_path: Path, **overrides: Any) -> seqkit.Run:
    """Train 40 steps on `a.txt` in this folder."""
    mark, split = {"type": "char", "unknown": "mark"}, {"by": "order", "valid": 0.1, "test": 0.1}
    recipe = text_plan(tmp_path / "a.txt", mark, split).as_data() | {"seed": 3}
    return seqkit.run(recipe, runs=tmp_path / "runs", quiet=True, train__steps=40, **overrides)


def test_runs_are_equal_with_and_without_chunks_and_resume_each_other(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    runs = []
    for min_bytes in (10**9, 0, 0):
        monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", min_bytes)
        runs.append(train(tmp_path))
    for run in runs[1:]:
        for name in ("model.safetensors", "metrics.jsonl", "plan.json", "tokenizer.json"):
            assert (run.path / name).read_bytes() == (runs[0].path / name).read_bytes()
        assert run.result.keys() == runs[0].result.keys()
        for key in ("metrics", "examples"):
            assert run.result[key] == runs[0].result[key]
        baselines = [each.result["baseline"] for each in (run, runs[0])]
        assert [baseline.pop("name") for baseline in baselines] == ["6-gram model (Witten-Bell)"] * 2
        assert [baseline.pop("split") for baseline in baselines] == ["test"] * 2
        assert baselines[0] == pytest.approx(baselines[1], rel=1e-12)
    scores = [runs[0].evaluate(tmp_path / "a.txt") for _ in range(2)]
    seqkit.run(json.loads((runs[0].path / "plan.json").read_text())["recipe"], quiet=True, resume=runs[0].path)
    monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", 10**9)
    seqkit.run(json.loads((runs[1].path / "plan.json").read_text())["recipe"], quiet=True, resume=runs[1].path)
    assert scores == [runs[0].evaluate(tmp_path / "a.txt")] * 2


def test_run_reports_where_the_ids_are(tmp_path: Path, every_text_is_long, capsys) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    plan = text_plan(tmp_path / "a.txt")
    for expected in ("encoded once: its ids are stored in", "already encoded: its ids are read from"):
        seqkit.run(plan.as_data(), runs=tmp_path / "runs")
        (line,) = [line for line in capsys.readouterr().out.splitlines() if "ids are" in line]
        assert expected in line and line.endswith(".tokens")


def test_prefix_loss_of_a_long_text(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    overrides = {"encoder": {"type": "bilstm"}, "head": {"allow_leak": True}, "baseline": "off"}
    found = []
    for min_bytes in (10**9, 0):
        monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", min_bytes)
        found.append(train(tmp_path, **overrides).result["honest_loss"])
    assert found[0] == found[1]


# Components that require whole texts, and plugins


class Lowercase(Char):
    """A subclass that overrides `encode`, which resets the inherited `chunkable`."""

    def encode(self, text: str) -> np.ndarray:
        return super().encode(text[:1] + text[1:].replace("To", "to"))


class FixedText(Text):
    """A subclass that overrides `read`, which resets the inherited `text_file`."""

    def read(self) -> Iterator[Example]:
        yield Example("ab" * 50, location="nowhere")


@pytest.mark.usefixtures("every_text_is_long")
@pytest.mark.parametrize(
    ("tokenizer", "changes"),
    [
        ("word", {}),
        ({"type": "char", "max_length": 50}, {}),
        ({"type": "byte", "max_length": 50}, {}),
        ("char", {"train": {"steps": 1}}),
        ("char", {"head": {"type": "next_char", "objective": "prefix"}, "train": {"steps": 1}}),
        ("char", {"data": {"unit": "line"}}),
        ("lowercase", {}),
        ("char", {"data": {"type": "fixed_text"}}),
    ],
    ids=str,
)
def test_other_components_receive_whole_texts(
    tmp_path: Path, monkeypatch, tokenizer: Any, changes: dict[str, Any]
) -> None:
    (tmp_path / "a.txt").write_text(TEXT[:300])
    seqkit.register("tokenizer", "lowercase", Lowercase)
    seqkit.register("reader", "fixed_text", FixedText)
    prepared = prepare(text_plan(tmp_path / "a.txt", tokenizer, **changes))
    assert not any("encoded once" in note for note in prepared.notes)
    assert isinstance(prepared.splits["train"].examples[0].input, str)
    assert prepared.splits["train"].rows[0].input.dtype == np.int64


@pytest.mark.usefixtures("every_text_is_long")
def test_tokenizer_registered_by_a_script_is_not_cached(tmp_path: Path, cache: Path) -> None:
    class Own(Char):
        chunkable = True

    (tmp_path / "a.txt").write_text(TEXT)
    seqkit.register("tokenizer", "own", Own)
    for _ in range(2):
        (note,) = prepare(text_plan(tmp_path / "a.txt", "own")).notes
        assert note == "the text is encoded once: its ids are stored in a temporary file, for this run only"
    assert not cache.exists()


@pytest.mark.usefixtures("every_text_is_long")
def test_ids_beyond_the_vocabulary_are_a_plugin_error(tmp_path: Path) -> None:
    class Own(Char):
        chunkable = True

        def encode(self, text: str) -> np.ndarray:
            return super().encode(text) + 300

        def fit(self, texts: Iterable[str]) -> None:
            super().fit(texts)

    (tmp_path / "a.txt").write_text(TEXT)
    seqkit.register("tokenizer", "own", Own)
    with pytest.raises(PluginError, match=r"Own is chunkable, but does not return ids \(time,\) below vocab_size"):
        prepare(text_plan(tmp_path / "a.txt", "own"))


@pytest.mark.usefixtures("every_text_is_long")
def test_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path, monkeypatch, cache: Path) -> None:
    def read_and_change(path: Path, encoding: str) -> Iterator[str]:
        yield from read_chunks(path, encoding)
        path.write_text(TEXT * 2)

    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setattr("seqkit.data.token_files.encode.read_chunks", read_and_change)
    with pytest.raises(DataError, match=r"a\.txt: changed while it was read: run the command again"):
        prepare(text_plan(tmp_path / "a.txt"))
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("every_text_is_long")
def test_signal_interrupts_reading(tmp_path: Path, monkeypatch, cache: Path) -> None:
    def read(path: Path, encoding: str) -> Iterator[str]:
        for chunk in read_chunks(path, encoding, 500):
            if next(countdown) == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            yield chunk

    monkeypatch.setattr("seqkit.data.token_files.encode.read_chunks", read)
    (tmp_path / "a.txt").write_text(TEXT)
    plan = text_plan(tmp_path / "a.txt", {"type": "char", "unknown": "mark"}, {"by": "order", "valid": 0.1})
    for place in (0, 3, 6, 15):  # in each of the three passes
        countdown = itertools.count(place, -1)
        with pytest.raises(Interrupted) as raised, StopRequest():
            prepare(plan)
        assert raised.value.exit_code == 143
        assert not list(cache.glob("*"))


def test_reading_with_a_fitted_tokenizer(tmp_path: Path, every_text_is_long, cache: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    plan = text_plan(tmp_path / "a.txt", {"type": "char", "unknown": "mark"}, {"by": "order", "test": 0.1})
    for alphabet in ("ab", "To be"):
        tokenizer = Char(unknown="mark")
        tokenizer.fit([alphabet])
        found = read_long_texts(plan, {"test": plan.reader.build()}, tokenizer, plan.head.build(), is_fitted=True)
        assert found is not None
        ids = found.splits["test"][0].input.ids
        assert np.array_equal(ids, tokenizer.encode(read_text(tmp_path / "a.txt", "utf-8")))
        assert tokenizer.state() == {"symbols": sorted(set(alphabet))}
    assert len(list(cache.iterdir())) == 2
