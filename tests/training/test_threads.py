"""Parallel jobs: their results, the number of threads that a run uses, and that it does not change the numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import seqkit
from helpers.recipes import RECIPES
from seqkit.contracts import Lookup, Row
from seqkit.data.batching import collate
from seqkit.embeddings.one_hot import OneHot
from seqkit.encoders.lstm import LSTM, BiLSTM, dispatch
from seqkit.encoders.lstm.dispatch import KernelChoice, choose_kernel
from seqkit.heads.classify import Classify
from seqkit.layers.parallel import ParallelJob, run_parallel, worker_threads
from seqkit.modeling.model import Model
from seqkit.tokenizers.char import Char
from seqkit.training import threads
from seqkit.training.threads import THREADED_WIDTH, Threads, choose_threads, fastest, kernel_lines, measure_threads


@pytest.fixture
def _no_minimum_job_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "MIN_JOB_WORK", 1)
    monkeypatch.setattr(dispatch, "MIN_JOB_ROWS", 1)


@pytest.fixture(params=[1, 2, 3])
def _workers(request: pytest.FixtureRequest) -> Iterator[None]:
    with worker_threads(request.param):
        yield


def jobs_and_results(tensors: list[Tensor]) -> tuple[list[ParallelJob], list[tuple[Tensor, ...]]]:
    """Return three jobs that share their second input, and the results of calling their functions directly."""

    def work(one: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        return one @ shared, (one * 2).sum()

    *separate, shared = tensors
    return [ParallelJob(work, [one, shared]) for one in separate], [work(one, shared) for one in separate]


@pytest.mark.usefixtures("_workers")
def test_jobs_have_the_results_and_gradients_of_direct_calls() -> None:
    tensors = [torch.randn(3, 3, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    tensors[1].requires_grad_(False)
    jobs, expected = jobs_and_results(tensors)
    actual = run_parallel(jobs)
    totals = []
    for results in (actual, expected):
        for pair in zip(results, expected, strict=True):
            assert all(map(torch.equal, *pair))
        totals.append(sum((part * (number + 1)).sum() for number, (part, _) in enumerate(results)) + results[2][1])
    weights = [tensor for tensor in tensors if tensor.requires_grad]
    gradients = (torch.autograd.grad(total, weights) for total in totals)
    assert all(torch.allclose(*pair, rtol=0, atol=1e-14) for pair in zip(*gradients, strict=True))
    once = run_parallel(jobs)[0][0].sum()
    torch.autograd.grad(once, tensors[0])
    with pytest.raises(RuntimeError, match="already computed"):
        torch.autograd.grad(once, tensors[0])
    again = run_parallel(jobs)[0][0].sum()
    first, second = (torch.autograd.grad(again, tensors[0], retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.usefixtures("_workers")
def test_jobs_without_gradients_record_no_graph() -> None:
    tensors = [torch.randn(2, 2, requires_grad=True) for _ in range(4)]
    with torch.no_grad():
        assert not any(part.requires_grad for parts in run_parallel(jobs_and_results(tensors)[0]) for part in parts)
    with torch.inference_mode():
        assert all(part.is_inference() for parts in run_parallel(jobs_and_results(tensors)[0]) for part in parts)


def test_error_of_a_job_is_raised_after_all_jobs_have_ended() -> None:
    finished = []

    def work(value: Tensor) -> tuple[Tensor]:
        if value < 2:
            raise ValueError(f"job {int(value)}")
        finished.append(int(value))
        return (value,)

    with worker_threads(2), pytest.raises(ValueError, match="job 0"):
        run_parallel([ParallelJob(work, [torch.tensor(number)]) for number in (0, 2, 3)])
    assert finished == [2, 3]
    with worker_threads(2), pytest.raises(ValueError, match="job 1"):
        run_parallel([ParallelJob(work, [torch.tensor(number)]) for number in (2, 1, 3)])


def test_workers_inherit_thread_settings_and_end_with_the_block() -> None:
    before = threading.active_count()
    tiny = torch.tensor(1e-38)

    def work(value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return value / 100, torch.tensor(torch.get_num_threads()), torch.tensor(threading.get_ident() % 2**31)

    with worker_threads(2):
        assert threading.active_count() == before  # threads are started by the first job
        own, other = run_parallel([ParallelJob(work, [tiny]), ParallelJob(work, [tiny])])
        assert own[2] != other[2]
        assert other[0] == 0
        assert own[1] == other[1] == torch.get_num_threads()
        with worker_threads(1):
            own, other = run_parallel([ParallelJob(work, [tiny]), ParallelJob(work, [tiny])])
            assert own[2] == other[2]
    assert threading.active_count() == before


@pytest.mark.usefixtures("_no_minimum_job_size")
@pytest.mark.parametrize("input_type", ["ids", "lookup", "vectors"])
@pytest.mark.parametrize("encoder", [LSTM, BiLSTM])
def test_results_do_not_depend_on_the_number_of_workers(encoder: Any, input_type: str) -> None:
    torch.manual_seed(3)
    built = encoder(40, hidden_size=8, num_layers=2, dropout=0.5)
    lengths = torch.tensor([7, 2, 5, 5, 1])
    ids, vectors, table = torch.randint(0, 40, (5, 7)), torch.randn(5, 7, 40), torch.randn(40, 40)
    learned = {"ids": [], "lookup": [table.requires_grad_()], "vectors": [vectors.requires_grad_()]}[input_type]
    inputs = {"ids": ids, "lookup": Lookup(ids, table), "vectors": vectors}[input_type]
    found = []
    for number in (1, 2, 3):
        torch.manual_seed(4)
        with worker_threads(number):
            encoded = built(inputs, lengths)
            parts = [encoded.outputs, encoded.final, *encoded.state]
            gradients = torch.autograd.grad(sum((part**2).sum() for part in parts), [*built.parameters(), *learned])
        assert all(choice.parallel for choice in built.layers.choices)
        found.append([*parts, *gradients])
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))


def test_kernel_depends_on_sizes() -> None:
    sizes = {"time": 100, "input_size": 128, "hidden_size": 128, "proj_size": 0, "directions": 2, "device": "cpu"}

    def choose(rows: int, **other: Any) -> KernelChoice:
        arguments = sizes | {"rows": rows, "real_time_steps": 100 * rows} | other
        return choose_kernel(**{"distinct_vectors": arguments["real_time_steps"]} | arguments)

    assert choose(32) == KernelChoice(uses_lookup=False, uses_recurrence=False, row_chunks=1, parallel=True)
    assert choose(32, directions=1) == KernelChoice(False, False, 2, True)
    assert choose(31, directions=1) == KernelChoice(False, False, 1, False)
    assert choose(32, time=1, real_time_steps=32) == KernelChoice(False, False, 1, False, bidirectional_call=True)
    assert choose(32, time=1, real_time_steps=32, directions=1) == KernelChoice(False, False, 1, False)
    assert choose(32, distinct_vectors=0, input_size=4000) == KernelChoice(True, True, 1, True)
    assert choose(32, distinct_vectors=0, input_size=20) == KernelChoice(False, False, 1, True)
    assert choose(32, distinct_vectors=800) == KernelChoice(True, True, 1, True)
    assert choose(32, distinct_vectors=2800) == KernelChoice(False, False, 1, True)
    assert choose(32, proj_size=64) == KernelChoice(False, True, 1, True)
    assert choose(32, real_time_steps=1600) == KernelChoice(False, True, 1, True)
    assert choose(32, distinct_vectors=0, device="cuda") == KernelChoice(False, False, 1, False)
    assert choose(0) == KernelChoice(False, False, 1, False)
    assert (
        str(KernelChoice(True, True, 1, True)) == "seqkit's recurrence with input lookup, both directions in parallel"
    )
    assert str(KernelChoice(False, False, 2, True)) == "torch's kernel, two halves of the batch in parallel"
    assert (
        str(KernelChoice(False, False, 1, False, bidirectional_call=True))
        == "torch's kernel, both directions in one call"
    )
    assert str(KernelChoice(False, True, 1, False)) == "seqkit's recurrence"


def small_model(hidden_size: int, encoder: Any = BiLSTM, ngrams: int = 0) -> tuple[Model, Any]:
    """Return a classifier, and a batch that it has computed."""
    tokenizer = Char()
    tokenizer.fit(["abcdef"])
    embedding = OneHot(tokenizer)
    head = Classify(ngrams=ngrams)
    head.restore({"labels": ["a", "b"], "weights": None, "ngrams": 3})
    built = encoder(embedding.output_size, hidden_size=hidden_size)
    head.build(built.output_size, built.final_size)
    model = Model(embedding, built, head)
    batch = collate([Row(torch.randint(0, 6, (5,)).numpy(), number % 2) for number in range(4)])
    model(batch)
    return model, batch


@pytest.mark.usefixtures("_no_minimum_job_size")
def test_number_of_threads_depends_on_the_recipe_or_on_sizes_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, narrow, wide in ((1, (1, 1), (1, 1)), (2, (2, 1), (2, 1)), (8, (2, 1), (2, 2))):
        monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _, cores=cores: range(cores), raising=False)
        for hidden_size, expected in ((4, narrow), (THREADED_WIDTH // 2, wide)):
            chosen = choose_threads("auto", small_model(hidden_size)[0])
            assert (chosen.workers, chosen.per_operation) == expected
    model, _ = small_model(4)
    assert choose_threads("auto", model, processes=8) == Threads(1, 1)
    assert [choose_threads(number, model) for number in (1, 2, 4)] == [Threads(1, 1), Threads(2, 1), Threads(2, 2)]


def test_operations_without_parallel_jobs_use_the_threads_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(3), raising=False)
    assert choose_threads("auto", small_model(4)[0]) == Threads(1, 1)
    assert choose_threads("auto", small_model(4, ngrams=2)[0]) == Threads(1, 1)
    assert choose_threads("auto", small_model(THREADED_WIDTH // 2)[0]) == Threads(1, 3)
    assert choose_threads(2, small_model(4)[0]) == Threads(1, 2)


@pytest.mark.usefixtures("_no_minimum_job_size")
@pytest.mark.parametrize(
    ("seconds", "measured", "expected"),
    [
        ((3, 2, 2, 4, 4, 4), {1: 2000, 2: 2000}, 2),
        ((30, 22, 20, 40, 40, 40), {1: 20_000, 2: 22_000}, 2),  # the difference is within the margin
        ((30, 23, 20, 40, 40, 40), {1: 20_000, 2: 23_000}, 1),
    ],
)
def test_fewer_workers_are_chosen_if_they_are_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: tuple[int, ...], measured: dict[int, int], expected: int
) -> None:
    """The seconds are those of a batch, with one worker and with two workers in turn."""
    clock = iter([time for duration in seconds for time in (0, duration)])
    monkeypatch.setattr(threads.time, "perf_counter", lambda: next(clock))
    calls: list[int] = []
    chosen = fastest(Threads(2, 3), lambda: calls.append(1))
    assert chosen == Threads(expected, 3, measured)
    assert len(calls) == 6
    times = ", ".join(f"{ms} ms with {3 * workers}" for workers, ms in measured.items())
    assert str(chosen) == f"{3 * expected} threads (per batch: {times})"


@pytest.mark.usefixtures("_no_minimum_job_size")
def test_measuring_threads_changes_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(2), raising=False)
    model, batch = small_model(4)
    before, state = torch.get_num_threads(), torch.get_rng_state()
    weights = [weight.clone() for weight in model.parameters()]
    chosen = measure_threads(model, batch, "auto", 1)
    assert sorted(chosen.measured) == [1, 2]
    assert measure_threads(model, batch, 2, 1).measured == {}
    assert torch.equal(torch.get_rng_state(), state)
    assert all(map(torch.equal, weights, model.parameters()))
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training
    assert torch.get_num_threads() == before
    assert list(kernel_lines(model)) == ["layer 1, 6 -> 8: torch's kernel, both directions in parallel"]


def test_verbose_names_the_kernel_of_each_layer(run_command) -> None:
    command = ["run", RECIPES / "char_gen_stacked.yaml", "train.epochs=1", "train.threads=1"]
    done = run_command(*command, "--verbose")
    kernels = [line.split(maxsplit=1)[1] for line in done.out.splitlines() if line.startswith("  kernel ")]
    assert len(kernels) == 2
    assert kernels[0].startswith("layers.0.layer 1, ")
    assert all(": torch's kernel" in line for line in kernels)
    assert "kernel " not in run_command(*command).out


@pytest.mark.usefixtures("_no_minimum_job_size")
def test_runs_with_one_and_two_workers_are_equal(tmp_path: Path) -> None:
    runs = [
        seqkit.run(RECIPES / "char_gen_prefix.yaml", runs=tmp_path, quiet=True, train={"epochs": 3, "threads": number})
        for number in (1, 2)
    ]
    assert [run.result["timing"]["threads"] for run in runs] == [1, 2]
    one, other = (run.directory.model.read_bytes() for run in runs)
    assert one == other
