"""Each fault of a tracker is found by the check that is named after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from seqkit.contracts import Tracker
from seqkit.testing import CheckFailure, check_tracker


class Right(Tracker):
    """Sum the losses."""

    def __init__(self) -> None:
        self.total = 0.0

    @seqkit.hookimpl
    def seqkit_step(self, loss: float, model: Any) -> None:
        self.total += loss + float(model.weight.detach().sum())


class NoHook(Tracker):
    def seqkit_step(self, loss: float) -> None: ...


class UnknownArgument(Tracker):
    @seqkit.hookimpl
    def seqkit_step(self, losses: float) -> None: ...


class Fails(Tracker):
    @seqkit.hookimpl
    def seqkit_run_end(self, result: Any) -> None:
        result["metrics"]  # None after an interrupt


class WritesEarly(Tracker):
    def __init__(self) -> None:
        Path("early.txt").touch()

    @seqkit.hookimpl
    def seqkit_run_start(self) -> None: ...


class Rounds(Right):
    @seqkit.hookimpl
    def seqkit_step(self, loss: float, model: Any) -> None:
        int(loss)


class ZeroesGradients(Right):
    @seqkit.hookimpl
    def seqkit_step(self, loss: float, model: Any) -> None:
        model.zero_grad()


class Evaluates(Right):
    @seqkit.hookimpl
    def seqkit_step(self, loss: float, model: Any) -> None:
        model.eval()


class Samples(Right):
    @seqkit.hookimpl
    def seqkit_step(self, loss: float, model: Any) -> None:
        torch.rand(1)


@pytest.mark.parametrize(
    ("tracker", "check", "message"),
    [
        (NoHook, "contract", "no method is a lifecycle hook: decorate one with @seqkit.hookimpl"),
        (UnknownArgument, "contract", "can not be found in the hookspec"),
        (Fails, "records_a_run", "'NoneType' object is not subscriptable"),
        (
            WritesEarly,
            "constructor_writes_nothing",
            "the constructor creates early.txt: open files in seqkit_run_start",
        ),
        (Rounds, "numbers_not_finite", "cannot convert float NaN to integer"),
        (ZeroesGradients, "model_unchanged", "the model of seqkit_step changes: read it, and change nothing"),
        (Evaluates, "model_unchanged", "the model of seqkit_step changes: read it, and change nothing"),
        (Samples, "global_rng_unchanged", "random generator of torch"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_fault_is_found(
    tracker: type[Tracker], check: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckFailure) as caught:
        check_tracker(tracker)
    assert message in caught.value.failures[check]


def test_a_right_tracker_passes() -> None:
    check_tracker(Right)
