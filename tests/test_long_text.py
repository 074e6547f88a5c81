"""Long texts: read in pieces and encoded into a file, they are what whole texts are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_texts import TEXT, answer, plan_of

import seqkit
from seqkit import long_text
from seqkit.batches import StreamBatches
from seqkit.contracts import Example, LongText
from seqkit.data import encode, repeated
from seqkit.errors import DataError, Interrupted, PluginError, UnknownText
from seqkit.long_text import read_long_texts
from seqkit.prepare import Prepared, prepare
from seqkit.readers.files import can_be_read_in_pieces, read_pieces, read_text
from seqkit.readers.text import Text
from seqkit.token_file import smallest_type
from seqkit.tokenizers.char import Char
from seqkit.world import Share

ENCODINGS = ["utf-8", "gb18030", "utf-16", "utf-16-be", "utf-32", "latin-1", "shift_jis"]
LETTERS = "ab \r\n\ufeff\x85é我今Ω\U0001f600"


# Reading in pieces


@given(text=st.text(LETTERS), encoding=st.sampled_from(ENCODINGS), size=st.integers(1, 9), data=st.data())
def test_pieces_are_the_whole_text(tmp_path_factory, text: str, encoding: str, size: int, data) -> None:
    raw = text.encode(encoding, "ignore")
    if raw and data.draw(st.booleans()):  # spoilt, or cut short
        place = data.draw(st.integers(0, len(raw) - 1))
        raw = raw[:place] + data.draw(st.binary(max_size=2)) + raw[place + data.draw(st.integers(0, 3)) :]
    path = tmp_path_factory.getbasetemp() / "drawn.txt"
    path.write_bytes(raw)
    said = answer(lambda: "".join(read_pieces(path, encoding, size)))
    assert said == answer(lambda: read_text(path, encoding))


def test_a_byte_far_into_a_file_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("我们都是好人\r\n".encode("gb18030") * 5_000)
    said = answer(lambda: list(read_pieces(tmp_path / "a.txt", "utf-8", 64)))
    assert said[1].endswith("a.txt:1: byte 0xce is not utf-8; it reads as gb18030: set `encoding: gb18030`")
    (tmp_path / "a.txt").write_bytes(b"good\r\n" * 5_000 + b"\xff\xfe\xff\n")
    said = answer(lambda: list(read_pieces(tmp_path / "a.txt", "utf-8", 64)))
    assert said[1].endswith("a.txt:5001: byte 0xff is not utf-8; name its encoding with `encoding: …`")


def test_encodings_that_carry_a_state_are_read_whole(tmp_path: Path) -> None:
    assert not any(map(can_be_read_in_pieces, ["utf-7", "iso2022_jp", "hz", "idna", "punycode", "big5hkscs"]))
    assert all(map(can_be_read_in_pieces, [*ENCODINGS, "utf8", "UTF-8", "cp1252", "koi8-r", "gbk", "ascii"]))
    assert Text(path=tmp_path / "a", encoding="utf-7").text_file() is None
    assert Text(path=tmp_path / "a", unit="line").text_file() is None
    assert Text(text="a").text_file() is None
    assert Text(path=tmp_path / "a").text_file() == (tmp_path / "a", "utf-8")


# The whole path


def both_ways(plan: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, Any]:
    """Returns what is prepared of whole texts, in pieces, and in pieces once more."""
    found = []
    for least in (10**9, 0, 0):
        monkeypatch.setattr(long_text, "LONG", least)
        found.append(answer(lambda: prepare(plan)))
    return tuple(found)  # type: ignore[return-value]


def assert_alike(whole: Prepared, other: Prepared) -> None:
    assert other.tokenizer is not None and whole.tokenizer is not None
    assert other.tokenizer.state() == whole.tokenizer.state()
    assert other.digests() == whole.digests()
    assert list(other.splits) == list(whole.splits)
    for side, dataset in whole.splits.items():
        (mine,), (theirs,) = dataset.rows, other.splits[side].rows
        assert np.array_equal(mine.input, theirs.input) and np.array_equal(mine.target, theirs.target)
        (example,) = other.splits[side].examples
        assert isinstance(example.input, LongText)
        ids = encode(example.input, other.tokenizer)  # what an embedding is fitted to
        assert ids.dtype == np.int64 and np.array_equal(ids, encode(dataset.examples[0].input, whole.tokenizer))
        assert len(example.input) == len(dataset.examples[0].input)
        assert example.where == dataset.examples[0].where
        assert np.shares_memory(theirs.input, example.input.ids)
    counts = [repeated({side: split.examples for side, split in each.splits.items()}) for each in (whole, other)]
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
@pytest.mark.parametrize("piece", [50, 1 << 20])
def test_what_is_prepared_is_the_same(tmp_path: Path, monkeypatch, tokenizer: Any, split: Any, piece: int) -> None:
    monkeypatch.setattr(long_text, "read_pieces", lambda path, encoding: read_pieces(path, encoding, piece))
    monkeypatch.setattr(long_text, "BLOCK", piece)
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    whole, made, found = both_ways(plan_of(tmp_path / "a.txt", tokenizer, split), monkeypatch)
    assert whole.notes == []
    assert made.notes[0].startswith(f"the text is encoded once: its ids are kept in {tmp_path / 'cache'}")
    assert found.notes[0].startswith(f"the text was encoded before: its ids are read from {tmp_path / 'cache'}")
    assert_alike(whole, made)
    assert_alike(whole, found)
    wanted = smallest_type(whole.tokenizer.vocab_size)
    assert found.splits["train"].rows[0].input.dtype == wanted and wanted.itemsize == 1


def test_files_of_their_own_for_the_other_parts(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text("  \n" + TEXT.strip())
    (tmp_path / "c.txt").write_bytes("今天 to be".encode("utf-16"))
    valid = {"valid": {"path": str(tmp_path / "b.txt")}}
    test = {"test": {"path": str(tmp_path / "c.txt"), "encoding": "utf-16"}}
    for split, sides in ((None, valid | test), ({"by": "order", "valid": 0.1}, test)):
        plan = plan_of(tmp_path / "a.txt", {"type": "char", "unknown": "mark"}, split, data=sides)
        whole, made, found = both_ways(plan, monkeypatch)
        assert_alike(whole, made)
        assert_alike(whole, found)
        examples = {side: dataset.examples for side, dataset in found.splits.items()}
        assert repeated(examples) == {"valid": int(split is None), "test": 0}


WRONG: dict[str, tuple[str, Any, dict[str, Any] | None, str]] = {
    "unknown": (
        TEXT,
        "char",
        {"by": "order", "test": 10 / len(TEXT)},
        "a.txt: 'z' (U+007A), symbol 3 of the text, is not in the vocabulary of 25: write it otherwise, or",
    ),
    "unknown in a later piece": (TEXT[:-50] + "a" * 90 + "Ω", "char", {"by": "order", "test": 0.04}, "symbol 84 of"),
    "nothing known": (
        "a" * 95 + "bbbbb",
        {"type": "char", "unknown": "skip"},
        {"by": "order", "test": 0.05},
        "a.txt: nothing in the text is in the vocabulary",
    ),
    "too short": ("a" * 100, "char", {"by": "order", "test": 0.01}, "a.txt: too short: a next character"),
    "no part": ("a" * 100, "char", {"by": "order", "test": 0.001}, "no example falls into the test part, of 1: make"),
    "too rare": ("abc", {"type": "char", "unknown": "mark", "min_count": 2}, None, "holds no symbol often enough"),
    "white space": (" \r\n\n", "char", None, "a.txt: there is nothing in it but white space"),
}


@pytest.mark.parametrize(("text", "tokenizer", "split", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_the_same(tmp_path: Path, monkeypatch, text, tokenizer, split, message: str) -> None:
    monkeypatch.setattr(long_text, "read_pieces", lambda path, encoding: read_pieces(path, encoding, 30))
    (tmp_path / "a.txt").write_text(text, newline="")
    whole, made, again = both_ways(plan_of(tmp_path / "a.txt", tokenizer, split), monkeypatch)
    assert made == whole == again
    assert issubclass(whole[0], DataError) and message in whole[1]
    assert whole[0] is (UnknownText if "symbol" in message and "often" not in message else DataError)


def test_a_missing_file_is_told_the_same(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    whole, made, _ = both_ways(plan_of(tmp_path / "none.txt"), monkeypatch)
    assert made == whole == (DataError, f"{tmp_path / 'none.txt'}: there is no such file")
    sides = {"valid": {"path": str(tmp_path / "none.txt")}}
    whole, made, _ = both_ways(plan_of(tmp_path / "a.txt", data=sides), monkeypatch)
    assert made == whole == (DataError, f"{tmp_path / 'none.txt'}: there is no such file")


def test_batches_are_those_of_the_whole_text(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setattr("seqkit.batches.RELEASED", 3)
    whole, made, found = both_ways(plan_of(tmp_path / "a.txt"), monkeypatch)
    for share, start in ((Share(), 0), (Share(1, 2), 0), (Share(), 11), (Share(4, 5), 0)):
        steps = [
            list(StreamBatches(each.splits["train"].rows, 4, 7, True, share).epoch(0, start))
            for each in (whole, made, found)
        ]
        assert len(steps[0]) > 1
        for one, *others in zip(*steps, strict=True):
            for other in others:
                assert (one.continues, one.counts) == (other.continues, other.counts)
                assert np.array_equal(one.rows, other.rows)
                for mine, theirs in zip(one.batch, other.batch, strict=True):
                    assert mine.dtype == theirs.dtype and mine.equal(theirs)


def run_of(tmp_path: Path, **overrides: Any) -> Any:
    mark, split = {"type": "char", "unknown": "mark"}, {"by": "order", "valid": 0.1, "test": 0.1}
    recipe = plan_of(tmp_path / "a.txt", mark, split).as_data() | {"seed": 3}
    return seqkit.run(recipe, runs=tmp_path / "runs", quiet=True, train__steps=40, **overrides)


def test_a_run_is_the_same_and_each_goes_on_with_the_other(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    runs = []
    for least in (10**9, 0, 0):
        monkeypatch.setattr(long_text, "LONG", least)
        runs.append(run_of(tmp_path))
    for run in runs[1:]:
        for name in ("model.safetensors", "metrics.jsonl", "plan.json", "tokenizer.json"):
            assert (run.path / name).read_bytes() == (runs[0].path / name).read_bytes()
        assert run.result.keys() == runs[0].result.keys()
        for key in ("metrics", "examples"):
            assert run.result[key] == runs[0].result[key]
        floors = [each.result["baseline"] for each in (run, runs[0])]
        assert [floor.pop("name") for floor in floors] == ["6-gram model (Witten-Bell)"] * 2
        assert [floor.pop("split") for floor in floors] == ["test"] * 2
        assert floors[0] == pytest.approx(floors[1], rel=1e-12)
    scores = [runs[0].evaluate(tmp_path / "a.txt") for _ in range(2)]
    seqkit.run(json.loads((runs[0].path / "plan.json").read_text())["recipe"], quiet=True, resume=runs[0].path)
    monkeypatch.setattr(long_text, "LONG", 10**9)
    seqkit.run(json.loads((runs[1].path / "plan.json").read_text())["recipe"], quiet=True, resume=runs[1].path)
    assert scores == [runs[0].evaluate(tmp_path / "a.txt")] * 2


def test_a_run_says_where_the_ids_are(tmp_path: Path, every_text_is_long, capsys) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    plan = plan_of(tmp_path / "a.txt")
    for said in ("encoded once: its ids are kept in", "encoded before: its ids are read from"):
        seqkit.run(plan.as_data(), runs=tmp_path / "runs")
        (line,) = [line for line in capsys.readouterr().out.splitlines() if "ids are" in line]
        assert said in line and line.endswith(".tokens")


def test_an_honest_loss_of_a_long_text(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    overrides = {"encoder": {"type": "bilstm"}, "head": {"allow_leak": True}, "baseline": "off"}
    found = []
    for least in (10**9, 0):
        monkeypatch.setattr(long_text, "LONG", least)
        found.append(run_of(tmp_path, **overrides).result["honest_loss"])
    assert found[0] == found[1]


# Who takes part


class Loud(Char):
    """Inherits what `char` says of pieces, and is another."""

    def encode(self, text: str) -> np.ndarray:
        return super().encode(text[:1] + text[1:].replace("To", "to"))


class Louder(Text):
    def read(self) -> Iterator[Example]:
        yield Example("ab" * 50, where="nowhere")


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
        ("loud", {}),
        ("char", {"data": {"type": "louder"}}),
    ],
    ids=str,
)
def test_the_rest_get_whole_texts(tmp_path: Path, monkeypatch, tokenizer: Any, changes: dict[str, Any]) -> None:
    (tmp_path / "a.txt").write_text(TEXT[:300])
    seqkit.register("tokenizer", "loud", Loud)
    seqkit.register("reader", "louder", Louder)
    prepared = prepare(plan_of(tmp_path / "a.txt", tokenizer, **changes))
    assert prepared.notes == []
    assert isinstance(prepared.splits["train"].examples[0].input, str)
    assert prepared.splits["train"].rows[0].input.dtype == np.int64


@pytest.mark.usefixtures("every_text_is_long")
def test_what_a_script_registers_is_not_kept(tmp_path: Path, cache: Path) -> None:
    class Own(Char):
        piecewise = True

    (tmp_path / "a.txt").write_text(TEXT)
    seqkit.register("tokenizer", "own", Own)
    for _ in range(2):
        (note,) = prepare(plan_of(tmp_path / "a.txt", "own")).notes
        assert note == "the text is encoded once: its ids are kept in a temporary file, for this run alone"
    assert not cache.exists()


@pytest.mark.usefixtures("every_text_is_long")
def test_ids_that_do_not_fit_are_a_plugins_fault(tmp_path: Path) -> None:
    class Own(Char):
        piecewise = True

        def encode(self, text: str) -> np.ndarray:
            return super().encode(text) + 300

        def fit(self, texts: Iterable[str]) -> None:
            super().fit(texts)

    (tmp_path / "a.txt").write_text(TEXT)
    seqkit.register("tokenizer", "own", Own)
    with pytest.raises(PluginError, match=r"Own is piecewise, and gives no \(time,\) of ids below vocab_size"):
        prepare(plan_of(tmp_path / "a.txt", "own"))


@pytest.mark.usefixtures("every_text_is_long")
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch, cache: Path) -> None:
    def changed(path: Path, encoding: str) -> Iterator[str]:
        yield from read_pieces(path, encoding)
        path.write_text(TEXT * 2)

    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setattr(long_text, "read_pieces", changed)
    with pytest.raises(DataError, match=r"a\.txt: was changed while it was read: start again"):
        prepare(plan_of(tmp_path / "a.txt"))
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("every_text_is_long")
def test_a_signal_ends_the_reading(tmp_path: Path, monkeypatch, cache: Path) -> None:
    monkeypatch.setattr(long_text, "read_pieces", lambda path, encoding: read_pieces(path, encoding, 500))
    (tmp_path / "a.txt").write_text(TEXT)
    plan = plan_of(tmp_path / "a.txt", {"type": "char", "unknown": "mark"}, {"by": "order", "valid": 0.1})
    for place in (0, 3, 6, 15):  # in each of the three passes
        numbers = iter([0] * place + [2] * 99)
        with pytest.raises(Interrupted, match="stopped while the text was read: there is nothing to save") as raised:
            prepare(plan, lambda numbers=numbers: next(numbers))
        assert raised.value.exit_code == 130
        assert not list(cache.glob("*"))


def test_evaluating_with_a_tokenizer_that_is_fitted(tmp_path: Path, every_text_is_long, cache: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    plan = plan_of(tmp_path / "a.txt", {"type": "char", "unknown": "mark"}, {"by": "order", "test": 0.1})
    for known in ("ab", "To be"):
        tokenizer = Char(unknown="mark")
        tokenizer.fit([known])
        found = read_long_texts(plan, {"test": plan.reader.build()}, tokenizer, plan.head.build(), is_fitted=True)
        assert found is not None
        ids = found.splits["test"][0].input.ids
        assert np.array_equal(ids, tokenizer.encode(read_text(tmp_path / "a.txt", "utf-8")))
        assert tokenizer.state() == {"symbols": sorted(set(known))}
    assert len(list(cache.iterdir())) == 2
