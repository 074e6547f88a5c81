"""Jobs on threads, how many of them a run takes, and that their number changes nothing but the time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import RECIPES
from torch import Tensor

import seqkit
from seqkit import threads
from seqkit.batches import collate
from seqkit.contracts import Lookup, Row
from seqkit.embeddings.one_hot import OneHot
from seqkit.encoders import paths
from seqkit.encoders.bilstm import BiLSTM
from seqkit.encoders.lstm import LSTM
from seqkit.encoders.paths import Path as Way
from seqkit.encoders.paths import choose_path
from seqkit.heads.classify import Classify
from seqkit.model import Model
from seqkit.threads import THREADED_WIDTH, Threads, choose_threads, fastest, paths_of, threads_for
from seqkit.tokenizers.char import Char
from seqkit.workers import Job, side_by_side, workers


@pytest.fixture
def _little_is_worth_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "WORTH_A_JOB", 1)
    monkeypatch.setattr(paths, "ROWS_A_JOB", 1)


@pytest.fixture(params=[1, 2, 3])
def _workers(request: pytest.FixtureRequest) -> Iterator[None]:
    with workers(request.param):
        yield


def jobs_and_plain(tensors: list[Tensor]) -> tuple[list[Job], list[tuple[Tensor, ...]]]:
    """Returns three jobs that share their second input, and what they have to return."""

    def work(one: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        return one @ shared, (one * 2).sum()

    *each, shared = tensors
    return [Job(work, [one, shared]) for one in each], [work(one, shared) for one in each]


@pytest.mark.usefixtures("_workers")
def test_jobs_return_and_differentiate_as_plain_calls_do() -> None:
    tensors = [torch.randn(3, 3, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    tensors[1].requires_grad_(False)
    jobs, plain = jobs_and_plain(tensors)
    done = side_by_side(jobs)
    totals = []
    for answers in (done, plain):
        for got, wanted in zip(answers, plain, strict=True):
            assert all(map(torch.equal, got, wanted))
        totals.append(sum((part * (number + 1)).sum() for number, (part, _) in enumerate(answers)) + answers[2][1])
    wanted_by = [tensor for tensor in tensors if tensor.requires_grad]
    got, wanted = (torch.autograd.grad(total, wanted_by) for total in totals)
    assert all(torch.allclose(*pair, rtol=0, atol=1e-14) for pair in zip(got, wanted, strict=True))
    once = side_by_side(jobs)[0][0].sum()
    torch.autograd.grad(once, tensors[0])
    with pytest.raises(RuntimeError, match="computed already"):
        torch.autograd.grad(once, tensors[0])
    again = side_by_side(jobs)[0][0].sum()
    first, second = (torch.autograd.grad(again, tensors[0], retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.usefixtures("_workers")
def test_jobs_without_a_gradient_record_none() -> None:
    tensors = [torch.randn(2, 2, requires_grad=True) for _ in range(4)]
    with torch.no_grad():
        assert not any(part.requires_grad for parts in side_by_side(jobs_and_plain(tensors)[0]) for part in parts)
    with torch.inference_mode():
        assert all(part.is_inference() for parts in side_by_side(jobs_and_plain(tensors)[0]) for part in parts)


def test_a_job_that_fails_is_heard_once_all_have_ended() -> None:
    ended = []

    def work(value: Tensor) -> tuple[Tensor]:
        if value < 2:
            raise ValueError(f"job {int(value)}")
        ended.append(int(value))
        return (value,)

    with workers(2), pytest.raises(ValueError, match="job 0"):
        side_by_side([Job(work, [torch.tensor(number)]) for number in (0, 2, 3)])
    assert ended == [2, 3]
    with workers(2), pytest.raises(ValueError, match="job 1"):
        side_by_side([Job(work, [torch.tensor(number)]) for number in (2, 1, 3)])


def test_workers_flush_denormals_take_the_number_of_threads_and_go_when_the_block_ends() -> None:
    before = threading.active_count()
    tiny = torch.tensor(1e-38)

    def work(value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return value / 100, torch.tensor(torch.get_num_threads()), torch.tensor(threading.get_ident() % 2**31)

    with workers(2):
        assert threading.active_count() == before  # none before there is work
        here, there = side_by_side([Job(work, [tiny]), Job(work, [tiny])])
        assert here[2] != there[2]
        assert there[0] == 0
        assert here[1] == there[1] == torch.get_num_threads()
        with workers(1):
            here, there = side_by_side([Job(work, [tiny]), Job(work, [tiny])])
            assert here[2] == there[2]
    assert threading.active_count() == before


@pytest.mark.usefixtures("_little_is_worth_a_job")
@pytest.mark.parametrize("kind", ["ids", "lookup", "vectors"])
@pytest.mark.parametrize("encoder", [LSTM, BiLSTM])
def test_the_number_of_workers_changes_no_bit(encoder: Any, kind: str) -> None:
    torch.manual_seed(3)
    built = encoder(40, hidden_size=8, num_layers=2, dropout=0.5)
    lengths = torch.tensor([7, 2, 5, 5, 1])
    ids, vectors, table = torch.randint(0, 40, (5, 7)), torch.randn(5, 7, 40), torch.randn(40, 40)
    learned = {"ids": [], "lookup": [table.requires_grad_()], "vectors": [vectors.requires_grad_()]}[kind]
    inputs = {"ids": ids, "lookup": Lookup(ids, table), "vectors": vectors}[kind]
    found = []
    for number in (1, 2, 3):
        torch.manual_seed(4)
        with workers(number):
            encoded = built(inputs, lengths)
            parts = [encoded.outputs, encoded.final, *encoded.state]
            gradients = torch.autograd.grad(sum((part**2).sum() for part in parts), [*built.parameters(), *learned])
        assert all(path.together for path in built.layers.paths)
        found.append([*parts, *gradients])
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))


def test_a_path_follows_from_sizes() -> None:
    sizes = {"time": 100, "input_size": 128, "hidden_size": 128, "proj_size": 0, "directions": 2, "device": "cpu"}

    def way(rows: int, **other: Any) -> Way:
        known = sizes | {"rows": rows, "real": 100 * rows} | other
        return choose_path(**{"multiplied": known["real"]} | known)

    assert way(32) == Way(looks_up=False, recurs=False, parts=1, together=True)
    assert way(32, directions=1) == Way(False, False, 2, True)
    assert way(31, directions=1) == Way(False, False, 1, False)
    assert way(32, time=1, real=32) == Way(False, False, 1, False, at_once=True)
    assert way(32, time=1, real=32, directions=1) == Way(False, False, 1, False)
    assert way(32, multiplied=0, input_size=4000) == Way(True, True, 1, True)
    assert way(32, multiplied=0, input_size=20) == Way(False, False, 1, True)
    assert way(32, multiplied=800) == Way(True, True, 1, True)
    assert way(32, multiplied=2800) == Way(False, False, 1, True)
    assert way(32, proj_size=64) == Way(False, True, 1, True)
    assert way(32, real=1600) == Way(False, True, 1, True)
    assert way(32, multiplied=0, device="cuda") == Way(False, False, 1, False)
    assert way(0) == Way(False, False, 1, False)
    assert str(Way(True, True, 1, True)) == "input looked up, seqkit's recurrence, both directions side by side"
    assert str(Way(False, False, 2, True)) == "torch's kernel, rows in two halves side by side"
    assert str(Way(False, False, 1, False, at_once=True)) == "torch's kernel, both directions in one call"
    assert str(Way(False, True, 1, False)) == "seqkit's recurrence"


def small_model(hidden_size: int, encoder: Any = BiLSTM) -> tuple[Model, Any]:
    """Returns a model that labels, and a batch that it has computed."""
    tokenizer = Char()
    tokenizer.fit(["abcdef"])
    embedding = OneHot(tokenizer)
    head = Classify()
    head.restore({"labels": ["a", "b"], "weights": None})
    built = encoder(embedding.output_size, hidden_size=hidden_size)
    head.build(built.output_size, built.final_size)
    model = Model(embedding, built, head)
    batch = collate([Row(torch.randint(0, 6, (5,)).numpy(), number % 2) for number in range(4)])
    model(batch)
    return model, batch


@pytest.mark.usefixtures("_little_is_worth_a_job")
def test_threads_follow_the_recipe_and_else_sizes_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, narrow, wide in ((1, (1, 1), (1, 1)), (2, (2, 1), (2, 1)), (8, (2, 1), (2, 2))):
        monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _, cores=cores: range(cores), raising=False)
        for hidden_size, wanted in ((4, narrow), (THREADED_WIDTH // 2, wide)):
            chosen = choose_threads("auto", small_model(hidden_size)[0])
            assert (chosen.workers, chosen.each) == wanted
    model, _ = small_model(4)
    assert choose_threads("auto", model, processes=8) == Threads(1, 1)
    assert [choose_threads(number, model) for number in (1, 2, 4)] == [Threads(1, 1), Threads(2, 1), Threads(2, 2)]


def test_what_is_not_done_side_by_side_gets_torchs_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(3), raising=False)
    assert choose_threads("auto", small_model(4)[0]) == Threads(1, 1)
    assert choose_threads("auto", small_model(THREADED_WIDTH // 2)[0]) == Threads(1, 3)
    assert choose_threads(2, small_model(4)[0]) == Threads(1, 2)


@pytest.mark.usefixtures("_little_is_worth_a_job")
@pytest.mark.parametrize(
    ("seconds", "least", "wanted"),
    [
        ((3, 2, 2, 4, 4, 4), {1: 2000, 2: 2000}, 2),
        ((30, 22, 20, 40, 40, 40), {1: 20_000, 2: 22_000}, 2),  # too little to tell
        ((30, 23, 20, 40, 40, 40), {1: 20_000, 2: 23_000}, 1),
    ],
)
def test_fewer_workers_are_taken_where_they_are_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: tuple[int, ...], least: dict[int, int], wanted: int
) -> None:
    """seconds: of a batch, with one worker and with two in turn."""
    clock = iter([time for lasting in seconds for time in (0, lasting)])
    monkeypatch.setattr(threads.time, "perf_counter", lambda: next(clock))
    calls: list[int] = []
    found = fastest(Threads(2, 3), lambda: calls.append(1))
    assert found == Threads(wanted, 3, least)
    assert len(calls) == 6
    told = ", ".join(f"{3 * workers}: {ms} ms a batch" for workers, ms in least.items())
    assert str(found) == f"{3 * wanted} threads ({told})"


@pytest.mark.usefixtures("_little_is_worth_a_job")
def test_choosing_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(2), raising=False)
    model, batch = small_model(4)
    before, state = torch.get_num_threads(), torch.get_rng_state()
    weights = [weight.clone() for weight in model.parameters()]
    chosen = threads_for(model, batch, "auto", 1)
    assert sorted(chosen.tried) == [1, 2]
    assert threads_for(model, batch, 2, 1).tried == {}
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, weights, model.parameters()))
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training
    assert torch.get_num_threads() == before
    assert list(paths_of(model)) == ["layer 1, 6 -> 8: torch's kernel, both directions side by side"]


def test_verbose_names_the_path_of_each_layer(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seqkit", "run", str(RECIPES / "char_gen_stacked.yaml"), "--runs", str(tmp_path)]
    done = subprocess.run([*command, "train.epochs=1", "--verbose"], capture_output=True, text=True, check=True)
    told = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines() if line.startswith("  path ")]
    assert len(told) == 2
    assert told[0].startswith("layers.0.layer 1, ")
    assert all(": torch's kernel" in line for line in told)
    done = subprocess.run([*command, "train.epochs=1"], capture_output=True, text=True, check=True)
    assert "path " not in done.stdout


@pytest.mark.usefixtures("_little_is_worth_a_job")
def test_runs_with_one_worker_and_with_two_are_the_same(tmp_path: Path) -> None:
    runs = [
        seqkit.run(RECIPES / "char_gen_prefix.yaml", runs=tmp_path, quiet=True, train={"epochs": 3, "threads": number})
        for number in (1, 2)
    ]
    assert [run.result["timing"]["threads"] for run in runs] == [1, 2]
    one, other = (run.directory.model.read_bytes() for run in runs)
    assert one == other
