"""How a run is told to plugins and callbacks: what, in which order, and what they may do to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributions import install

import seqkit
from seqkit import registry
from seqkit.errors import PluginError

RECIPE = {
    "data": {
        "type": "text",
        "text": "\n".join(f"{number} sea shells by the shore" for number in range(20)),
        "unit": "line",
        "split": {"by": "order", "valid": 0.2, "test": 0.2},
    },
    "encoder": {"type": "lstm", "hidden_size": 4},
    "head": "next_char",
    "train": {"epochs": 2, "batch_size": 4, "threads": 1},
}
STEPS = 3  # an epoch: 12 lines in batches of 4


class Listener:
    """Keeps what it is told, and does what a test wants at the end of an epoch."""

    def __init__(self, at: int = 0, act: Any = None) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.at, self.act = at, act

    @seqkit.hookimpl
    def seqkit_run_start(self, run: Path, recipe: Any, step: int) -> None:
        self.told.append(("start", run, recipe, step))

    @seqkit.hookimpl
    def seqkit_epoch_end(self, run: Path, epoch: int, step: int, metrics: Any) -> None:
        self.told.append(("epoch", run, epoch, step, metrics))
        if epoch == self.at:
            raise self.act

    @seqkit.hookimpl
    def seqkit_evaluation(self, run: Path, split: str, epoch: int, step: int, metrics: Any) -> None:
        self.told.append(("evaluation", run, split, epoch, step, metrics))

    @seqkit.hookimpl
    def seqkit_checkpoint(self, run: Path, checkpoint: Path, step: int) -> None:
        assert checkpoint.exists() and checkpoint.is_relative_to(run)
        self.told.append(("checkpoint", run, step))

    @seqkit.hookimpl
    def seqkit_run_end(self, run: Path, result: Any, error: BaseException | None) -> None:
        self.told.append(("end", run, result, error))

    @property
    def story(self) -> list[str]:
        return [f"{what[0]} {what[2]}" if what[0] in ("epoch", "evaluation") else what[0] for what in self.told]


def run(folder: Path, *callbacks: Any, resume: Path | None = None, **train: Any) -> seqkit.Run:
    return seqkit.run(RECIPE, runs=folder, callbacks=callbacks, resume=resume, train=train)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Returns the `told` of a plugin that is installed for one test: a module whose hooks are functions."""
    names = ("start", "epoch", "evaluation", "checkpoint", "end")
    asks = ("recipe, step", "epoch, step, metrics", "split, epoch", "checkpoint, step", "result, error")
    hooks = ("seqkit_run_start", "seqkit_epoch_end", "seqkit_evaluation", "seqkit_checkpoint", "seqkit_run_end")
    source = "told = []\n" + "".join(
        f"@seqkit.hookimpl\ndef {hook}({ask}):\n    told.append(({name!r}, {ask}))\n"
        for name, ask, hook in zip(names, asks, hooks, strict=True)
    )
    install(tmp_path / "installed", "seqkit-told", source, point="told")
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    monkeypatch.setattr(registry, "_loaded", {})
    import seqkit_told

    yield seqkit_told.told
    seqkit_told.told.clear()


def test_a_run_is_told_in_order_with_what_it_writes(tmp_path: Path) -> None:
    listener = Listener()
    done = run(tmp_path, listener)
    assert listener.story == [
        *("start", "evaluation valid", "epoch 1", "evaluation valid", "epoch 2", "checkpoint"),
        *("evaluation valid", "evaluation test", "end"),
    ]
    assert {what[1] for what in listener.told} == {done.path}
    start, first_valid, first, second_valid, second, checkpoint, valid, test, end = listener.told
    assert start[2:] == (done.recipe, 0)
    rows = {(row["epoch"], row["split"]): row for row in done.metrics}
    for epoch, of_valid, of_epoch in ((1, first_valid, first), (2, second_valid, second)):
        assert of_epoch[2:4] == (epoch, epoch * STEPS)
        assert of_epoch[4].keys() == {"train", "valid"}
        for split, metrics in of_epoch[4].items():
            assert {"epoch": epoch, "step": epoch * STEPS, "split": split} | metrics == rows[epoch, split]
        assert of_valid[2:] == ("valid", epoch, epoch * STEPS, of_epoch[4]["valid"])
    assert checkpoint[2] == 2 * STEPS
    assert valid[2:] == ("valid", 2, 2 * STEPS, done.result["metrics"]["valid"])
    assert test[2:] == ("test", 2, 2 * STEPS, done.result["metrics"]["test"])
    assert end[2:] == (done.result, None)


def test_a_plugin_is_told_what_a_callback_is(plugin: list[Any], tmp_path: Path) -> None:
    listener = Listener()
    run(tmp_path, listener)
    assert [what[0] for what in plugin] == [what[0] for what in listener.told]
    assert plugin[0] == ("start", *listener.told[0][2:])
    assert [what[1:] for what in plugin if what[0] == "epoch"] == [
        what[2:] for what in listener.told if what[0] == "epoch"
    ]
    assert plugin[-1] == ("end", *listener.told[-1][2:])


def test_a_listener_that_raises_is_told_of_once_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fails, listens = Listener(at=1, act=ValueError("no\nroom")), Listener()
    run(tmp_path, fails, listens)
    notes = [line for line in capsys.readouterr().out.splitlines() if "told no more" in line]
    assert notes == ["  note: Listener 1: seqkit_epoch_end: ValueError: no room; it is told no more of this run"]
    assert fails.story == ["start", "evaluation valid", "epoch 1"]
    assert len(listens.told) == 9
    assert listens.told[-1][3] is None


def test_what_a_listener_does_to_what_it_is_told_changes_nothing(tmp_path: Path) -> None:
    class Spoils:
        @seqkit.hookimpl
        def seqkit_run_start(self, recipe: Any) -> None:
            recipe["train"].clear()

        @seqkit.hookimpl
        def seqkit_epoch_end(self, metrics: Any) -> None:
            metrics["train"].clear()

        @seqkit.hookimpl
        def seqkit_evaluation(self, metrics: Any) -> None:
            metrics.clear()

    listener = Listener()
    done = run(tmp_path, Spoils(), listener)
    assert done.result["metrics"]["test"]["loss"] > 0
    assert listener.told[0][2]["train"]["epochs"] == 2
    assert listener.told[2][4]["train"]["loss"] == done.metrics[0]["loss"]


def test_stopping_ends_a_run_as_if_it_had_been_that_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listener = Listener(at=2, act=seqkit.StopTraining("good enough"))
    stopped = run(tmp_path, listener, epochs=9)
    assert "  note: training ends here: Listener 1: good enough" in capsys.readouterr().out.splitlines()
    whole = run(tmp_path)
    assert stopped.metrics == whole.metrics
    assert stopped.directory.model.read_bytes() == whole.directory.model.read_bytes()
    assert stopped.result["metrics"] == whole.result["metrics"]
    assert listener.story[-5:] == ["epoch 2", "checkpoint", "evaluation valid", "evaluation test", "end"]


def test_a_run_that_is_ended_between_two_evaluations_is_evaluated_all_the_same(tmp_path: Path) -> None:
    listener = Listener(at=2, act=seqkit.StopTraining("good enough"))
    stopped = run(tmp_path, listener, epochs=9, evaluate_every=3)
    whole = run(tmp_path, evaluate_every=3)
    assert [row["split"] for row in whole.metrics] == ["train", "train", "valid"]
    assert stopped.metrics == whole.metrics
    assert stopped.directory.model.read_bytes() == whole.directory.model.read_bytes()


def test_a_run_that_was_stopped_does_not_go_on_when_it_is_resumed(tmp_path: Path) -> None:
    stopped = run(tmp_path, Listener(at=2, act=seqkit.StopTraining("good enough")), epochs=9)
    result = stopped.result["metrics"]
    again = Listener()
    run(tmp_path, again, resume=stopped.path, epochs=9)
    assert again.story == ["start", "evaluation valid", "evaluation test", "end"]
    assert stopped.result["metrics"] == result


def test_a_run_that_is_resumed_says_where_it_stands(tmp_path: Path) -> None:
    interrupted = Listener(at=3, act=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupted, epochs=4, checkpoint_seconds=0)
    *_, last = interrupted.told
    assert last[0] == "end" and last[2] is None and isinstance(last[3], KeyboardInterrupt)
    saved = max(what[2] for what in interrupted.told if what[0] == "checkpoint")

    resumed = Listener()
    done = run(tmp_path, resumed, resume=last[1], epochs=4, checkpoint_seconds=0)
    assert done.path == last[1]
    assert resumed.told[0][3] == saved
    assert [what[2] for what in resumed.told if what[0] == "epoch"] == [3, 4]
    assert resumed.told[-1][2] == done.result


def test_an_error_that_ends_a_run_is_told(tmp_path: Path) -> None:
    listener = Listener()
    with pytest.raises(seqkit.NotFiniteError) as caught:
        run(tmp_path, listener, optimizer={"type": "sgd", "lr": 3e38})
    assert listener.told[-1][2:] == (None, caught.value)


class Plain:
    def seqkit_epoch_end(self) -> None: ...


class Misspelt:
    @seqkit.hookimpl
    def seqkit_epoch_ends(self) -> None: ...


class AsksForMore:
    @seqkit.hookimpl
    def seqkit_epoch_end(self, los: float) -> None: ...


HOOKS = "seqkit_run_start, seqkit_epoch_end, seqkit_evaluation, seqkit_checkpoint, seqkit_run_end"


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (Plain(), f"callback Plain has no @seqkit.hookimpl; the hooks of a run are {HOOKS}"),
        (Misspelt(), f"callback Misspelt has 'seqkit_epoch_ends'; the hooks of a run are {HOOKS}"),
        (
            AsksForMore(),
            "callback AsksForMore: hookimpl definition: seqkit_epoch_end(los: 'float') -> 'None' Argument(s) {'los'} "
            "are declared in the hookimpl but can not be found in the hookspec",
        ),
    ],
    ids=["plain", "misspelt", "asks for more"],
)
def test_a_callback_that_would_never_be_told_is_an_error(tmp_path: Path, callback: Any, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        run(tmp_path, callback)
    assert str(caught.value) == message
    assert caught.value.exit_code == 4
