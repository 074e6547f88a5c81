"""Callbacks and lifecycle hooks: which events they receive, in which order, and what they can do to a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.distributions import install
from seqkit import registry
from seqkit.errors import PluginError
from seqkit.training.callbacks import Callback

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
STEPS = 3  # per epoch: 12 lines in batches of 4


class RecordingHooks:
    """Hooks that record their arguments, and that raise an error at the end of an epoch.

    Args:
        at: the epoch; 0 for none.
        error: what to raise.
    """

    def __init__(self, at: int = 0, error: Any = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.at, self.error = at, error

    @seqkit.hookimpl
    def seqkit_run_start(self, run: Path, recipe: Any, step: int) -> None:
        self.calls.append(("start", run, recipe, step))

    @seqkit.hookimpl
    def seqkit_epoch_end(self, run: Path, epoch: int, step: int, metrics: Any) -> None:
        self.calls.append(("epoch", run, epoch, step, metrics))
        if epoch == self.at:
            raise self.error

    @seqkit.hookimpl
    def seqkit_evaluation(self, run: Path, split: str, epoch: int, step: int, metrics: Any) -> None:
        self.calls.append(("evaluation", run, split, epoch, step, metrics))

    @seqkit.hookimpl
    def seqkit_checkpoint(self, run: Path, checkpoint: Path, step: int) -> None:
        assert checkpoint.exists() and checkpoint.is_relative_to(run)
        self.calls.append(("checkpoint", run, step))

    @seqkit.hookimpl
    def seqkit_run_end(self, run: Path, result: Any, error: BaseException | None) -> None:
        self.calls.append(("end", run, result, error))

    @property
    def events(self) -> list[str]:
        """The names of the calls, with the epoch or the split."""
        return [f"{call[0]} {call[2]}" if call[0] in ("epoch", "evaluation") else call[0] for call in self.calls]


def run(folder: Path, *callbacks: Any, resume: Path | None = None, **train: Any) -> seqkit.Run:
    return seqkit.run(RECIPE, runs=folder, callbacks=callbacks, resume=resume, train=train)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the recorded calls of a plugin that is installed for one test, a module whose hooks are functions."""
    names = ("start", "epoch", "evaluation", "checkpoint", "end")
    signatures = ("recipe, step", "epoch, step, metrics", "split, epoch", "checkpoint, step", "result, error")
    hooks = ("seqkit_run_start", "seqkit_epoch_end", "seqkit_evaluation", "seqkit_checkpoint", "seqkit_run_end")
    source = "calls = []\n" + "".join(
        f"@seqkit.hookimpl\ndef {hook}({signature}):\n    calls.append(({name!r}, {signature}))\n"
        for name, signature, hook in zip(names, signatures, hooks, strict=True)
    )
    install(tmp_path / "installed", "seqkit-recorder", source, point="recorder")
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    monkeypatch.setattr(registry, "_loaded", {})
    import seqkit_recorder

    yield seqkit_recorder.calls
    seqkit_recorder.calls.clear()


def test_hooks_are_called_in_order_with_the_recorded_metrics(tmp_path: Path) -> None:
    hooks = RecordingHooks()
    finished = run(tmp_path, hooks)
    assert hooks.events == [
        *("start", "evaluation valid", "epoch 1", "evaluation valid", "epoch 2", "checkpoint"),
        *("evaluation valid", "evaluation test", "end"),
    ]
    assert {call[1] for call in hooks.calls} == {finished.path}
    start, first_valid, first, second_valid, second, checkpoint, valid, test, end = hooks.calls
    assert start[2:] == (finished.recipe, 0)
    rows = {(row["epoch"], row["split"]): row for row in finished.metrics}
    for epoch, evaluation_call, epoch_call in ((1, first_valid, first), (2, second_valid, second)):
        assert epoch_call[2:4] == (epoch, epoch * STEPS)
        assert epoch_call[4].keys() == {"train", "valid"}
        for split, metrics in epoch_call[4].items():
            assert {"epoch": epoch, "step": epoch * STEPS, "split": split} | metrics == rows[epoch, split]
        assert evaluation_call[2:] == ("valid", epoch, epoch * STEPS, epoch_call[4]["valid"])
    assert checkpoint[2] == 2 * STEPS
    assert valid[2:] == ("valid", 2, 2 * STEPS, finished.result["metrics"]["valid"])
    assert test[2:] == ("test", 2, 2 * STEPS, finished.result["metrics"]["test"])
    assert end[2:] == (finished.result, None)


def test_plugin_hooks_receive_the_same_calls(plugin: list[Any], tmp_path: Path) -> None:
    hooks = RecordingHooks()
    run(tmp_path, hooks)
    assert [call[0] for call in plugin] == [call[0] for call in hooks.calls]
    assert plugin[0] == ("start", *hooks.calls[0][2:])
    assert [call[1:] for call in plugin if call[0] == "epoch"] == [
        call[2:] for call in hooks.calls if call[0] == "epoch"
    ]
    assert plugin[-1] == ("end", *hooks.calls[-1][2:])


def test_failing_hook_is_reported_once_and_disabled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failing, other = RecordingHooks(at=1, error=ValueError("no\nroom")), RecordingHooks()
    run(tmp_path, failing, other)
    notes = [line for line in capsys.readouterr().out.splitlines() if "is disabled" in line]
    reason = "seqkit_epoch_end failed and is disabled for the rest of this run: ValueError: no room"
    assert notes == [f"  note: RecordingHooks 1: {reason}"]
    assert failing.events == ["start", "evaluation valid", "epoch 1"]
    assert len(other.calls) == 9
    assert other.calls[-1][3] is None


def test_failing_hook_of_a_quiet_run_is_a_warning(tmp_path: Path) -> None:
    failing = RecordingHooks(at=1, error=ValueError("no room"))
    with pytest.warns(
        UserWarning, match="^RecordingHooks 1: seqkit_epoch_end failed .*: ValueError: no room$"
    ) as caught:
        seqkit.run(RECIPE, runs=tmp_path, callbacks=[failing], quiet=True)
    assert len(caught) == 1


def test_hooks_receive_copies_of_their_arguments(tmp_path: Path) -> None:
    class ClearingHooks:
        @seqkit.hookimpl
        def seqkit_run_start(self, recipe: Any) -> None:
            recipe["train"].clear()

        @seqkit.hookimpl
        def seqkit_epoch_end(self, metrics: Any) -> None:
            metrics["train"].clear()

        @seqkit.hookimpl
        def seqkit_evaluation(self, metrics: Any) -> None:
            metrics.clear()

    hooks = RecordingHooks()
    finished = run(tmp_path, ClearingHooks(), hooks)
    assert finished.result["metrics"]["test"]["loss"] > 0
    assert hooks.calls[0][2]["train"]["epochs"] == 2
    assert hooks.calls[2][4]["train"]["loss"] == finished.metrics[0]["loss"]


def test_stop_training_equals_a_shorter_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hooks = RecordingHooks(at=2, error=seqkit.StopTraining("good enough"))
    stopped = run(tmp_path, hooks, epochs=9)
    assert "  note: training ends early: RecordingHooks 1: good enough" in capsys.readouterr().out.splitlines()
    shorter = run(tmp_path)
    assert stopped.metrics == shorter.metrics
    assert stopped.directory.model.read_bytes() == shorter.directory.model.read_bytes()
    assert stopped.result["metrics"] == shorter.result["metrics"]
    assert hooks.events[-5:] == ["epoch 2", "checkpoint", "evaluation valid", "evaluation test", "end"]


def test_stop_training_between_two_evaluations_evaluates(tmp_path: Path) -> None:
    hooks = RecordingHooks(at=2, error=seqkit.StopTraining("good enough"))
    stopped = run(tmp_path, hooks, epochs=9, evaluate_every=3)
    shorter = run(tmp_path, evaluate_every=3)
    assert [row["split"] for row in shorter.metrics] == ["train", "train", "valid"]
    assert stopped.metrics == shorter.metrics
    assert stopped.directory.model.read_bytes() == shorter.directory.model.read_bytes()


def test_run_ended_by_stop_training_does_not_train_when_resumed(tmp_path: Path) -> None:
    stopped = run(tmp_path, RecordingHooks(at=2, error=seqkit.StopTraining("good enough")), epochs=9)
    result = stopped.result["metrics"]
    resumed = RecordingHooks()
    run(tmp_path, resumed, resume=stopped.path, epochs=9)
    assert resumed.events == ["start", "evaluation valid", "evaluation test", "end"]
    assert stopped.result["metrics"] == result


def test_hooks_of_a_resumed_run_receive_its_step(tmp_path: Path) -> None:
    interrupted = RecordingHooks(at=3, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, interrupted, epochs=4, checkpoint_seconds=0)
    *_, last = interrupted.calls
    assert last[0] == "end" and last[2] is None and isinstance(last[3], KeyboardInterrupt)
    saved = max(call[2] for call in interrupted.calls if call[0] == "checkpoint")

    resumed = RecordingHooks()
    finished = run(tmp_path, resumed, resume=last[1], epochs=4, checkpoint_seconds=0)
    assert finished.path == last[1]
    assert resumed.calls[0][3] == saved
    assert [call[2] for call in resumed.calls if call[0] == "epoch"] == [3, 4]
    assert resumed.calls[-1][2] == finished.result


def test_run_end_hook_receives_the_error(tmp_path: Path) -> None:
    hooks = RecordingHooks()
    with pytest.raises(seqkit.NotFiniteError) as caught:
        run(tmp_path, hooks, optimizer={"type": "sgd", "lr": 3e38})
    assert hooks.calls[-1][2:] == (None, caught.value)


class NoHook:
    def seqkit_epoch_end(self) -> None: ...


class MisspelledHook:
    @seqkit.hookimpl
    def seqkit_epoch_ends(self) -> None: ...


class UnknownArgument:
    @seqkit.hookimpl
    def seqkit_epoch_end(self, los: float) -> None: ...


HOOKS = "seqkit_run_start, seqkit_step, seqkit_epoch_end, seqkit_evaluation, seqkit_checkpoint, seqkit_run_end"


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            NoHook(),
            f"callback NoHook 1 has no lifecycle hook: decorate a method with @seqkit.hookimpl, named {HOOKS}",
        ),
        (
            MisspelledHook(),
            f"callback MisspelledHook 1: 'seqkit_epoch_ends' is not a lifecycle hook; the lifecycle hooks are {HOOKS}",
        ),
        (
            UnknownArgument(),
            "callback UnknownArgument 1: hookimpl definition: seqkit_epoch_end(los: 'float') -> 'None' "
            "Argument(s) {'los'} are declared in the hookimpl but can not be found in the hookspec",
        ),
        (RecordingHooks, "callback type 1 is a class: pass an object of it, RecordingHooks()"),
    ],
    ids=["no hook", "misspelled hook", "unknown argument", "class"],
)
def test_callback_without_a_valid_hook_is_an_error(tmp_path: Path, callback: Any, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        run(tmp_path, callback)
    assert str(caught.value) == message
    assert caught.value.exit_code == 4


# The list of callbacks


class RecordingCallback(Callback):
    """Record each event with its arguments, in the order of the base class.

    Args:
        stop_after: the epoch at whose end training is to stop; 0 for none.
    """

    def __init__(self, stop_after: int = 0) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.stop_after = stop_after

    def on_note(self, text: str) -> None:
        self.calls.append(("note", {"text": text}))

    def on_setup(self, **fields: Any) -> None:
        self.calls.append(("setup", fields))

    def on_run_start(self, **fields: Any) -> None:
        self.calls.append(("run_start", fields))

    def on_step(self, progress: Any, length: Any, loss: float) -> None:
        self.calls.append(("step", {"step": progress.step, "of": length.steps, "loss": loss}))

    def on_evaluation(self, **fields: Any) -> None:
        self.calls.append(("evaluation", fields))

    def on_epoch_end(self, progress: Any, epochs: int, metrics: Any, is_best: bool) -> str | None:
        fields = {"epoch": progress.epoch, "step": progress.step, "epochs": epochs, "metrics": metrics}
        self.calls.append(("epoch_end", fields | {"is_best": is_best}))
        return "the loss is low enough" if progress.epoch == self.stop_after else None

    def on_checkpoint(self, **fields: Any) -> None:
        self.calls.append(("checkpoint", fields))

    def on_training_end(self) -> None:
        self.calls.append(("training_end", {}))

    def on_run_end(self, **fields: Any) -> None:
        self.calls.append(("run_end", fields))

    def of(self, event: str) -> list[dict[str, Any]]:
        """Return the arguments of each call of an event."""
        return [fields for name, fields in self.calls if name == event]

    @property
    def events(self) -> list[str]:
        return [name for name, _ in self.calls]


def test_callback_receives_all_events_in_order(tmp_path: Path) -> None:
    callback = RecordingCallback()
    finished = run(tmp_path, callback)
    epoch = ["step"] * STEPS + ["evaluation", "epoch_end"]
    assert callback.events == [
        *("setup", "run_start", *epoch, *epoch, "checkpoint", "training_end"),
        *("evaluation", "evaluation", "run_end"),
    ]
    (setup,), (start,), (checkpoint,) = (callback.of(event) for event in ("setup", "run_start", "checkpoint"))
    assert (setup["setup"].plan.as_data(), setup["processes"]) == (finished.recipe, 1)
    assert start == {"run": finished.path, "recipe": finished.recipe, "step": 0}
    steps = callback.of("step")
    assert [(call["step"], call["of"]) for call in steps] == [(step, 2 * STEPS) for step in range(1, 2 * STEPS + 1)]
    assert all(call["loss"] > 0 for call in steps)
    rows = {(row["epoch"], row["split"]): row for row in finished.metrics}
    for number, call in enumerate(callback.of("epoch_end"), start=1):
        assert (call["epoch"], call["step"], call["epochs"]) == (number, number * STEPS, 2)
        assert call["metrics"].keys() == {"train", "valid"}
        for split, metrics in call["metrics"].items():
            assert {"epoch": number, "step": number * STEPS, "split": split} | metrics == rows[number, split]
    losses = [rows[number, "valid"]["loss"] for number in (1, 2)]
    assert [call["is_best"] for call in callback.of("epoch_end")] == [True, losses[1] < losses[0]]
    assert [(call["split"], call["epoch"], call["step"]) for call in callback.of("evaluation")] == [
        *(("valid", 1, STEPS), ("valid", 2, 2 * STEPS), ("valid", 2, 2 * STEPS), ("test", 2, 2 * STEPS)),
    ]
    assert [call["metrics"] for call in callback.of("evaluation")[2:]] == [
        finished.result["metrics"][split] for split in ("valid", "test")
    ]
    assert checkpoint == {"checkpoint": next((finished.path / "checkpoints").iterdir()), "step": 2 * STEPS}
    assert callback.of("run_end") == [{"result": finished.result, "error": None}]


def test_text_returned_by_on_epoch_end_ends_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    callback = RecordingCallback(stop_after=2)
    stopped = run(tmp_path, callback, epochs=9)
    note = "training ends early: the loss is low enough"
    assert f"  note: {note}" in capsys.readouterr().out.splitlines()
    assert callback.of("note") == [{"text": note}]
    assert callback.events[-7:] == [
        *("epoch_end", "note", "checkpoint", "training_end"),
        *("evaluation", "evaluation", "run_end"),
    ]
    shorter = run(tmp_path)
    assert stopped.metrics == shorter.metrics
    assert stopped.directory.model.read_bytes() == shorter.directory.model.read_bytes()
    assert stopped.result["metrics"] == shorter.result["metrics"]


def test_first_reason_to_end_training_is_reported_and_all_callbacks_are_called(tmp_path: Path) -> None:
    first, second, hooks = RecordingCallback(stop_after=1), RecordingCallback(stop_after=1), RecordingHooks(at=1)
    hooks.error = seqkit.StopTraining("good enough")
    run(tmp_path, hooks, first, second, epochs=9)
    assert [len(callback.of("epoch_end")) for callback in (first, second)] == [1, 1]
    assert hooks.events.count("epoch 1") == 1
    assert first.of("note") == [{"text": "training ends early: the loss is low enough"}]


def test_callback_of_a_resumed_run_receives_its_step(tmp_path: Path) -> None:
    class Interrupting(RecordingCallback):
        def on_step(self, progress: Any, length: Any, loss: float) -> None:
            super().on_step(progress, length, loss)
            if progress.step == STEPS + 1:
                raise KeyboardInterrupt

    interrupted, resumed = Interrupting(), RecordingCallback()
    with pytest.raises(KeyboardInterrupt, match="resume with: seqkit.resume"):
        run(tmp_path, interrupted, checkpoint_seconds=0)
    (end,) = interrupted.of("run_end")
    assert end["result"] is None
    assert isinstance(end["error"], KeyboardInterrupt)
    saved = interrupted.of("checkpoint")[-1]["step"]
    assert saved == STEPS
    run(tmp_path, resumed, resume=interrupted.of("run_start")[0]["run"], checkpoint_seconds=0)
    assert resumed.events[0] == "note"  # of the resumed checkpoint, before the setup is reported
    assert resumed.of("run_start")[0]["step"] == saved
    assert [call["step"] for call in resumed.of("step")] == list(range(saved + 1, 2 * STEPS + 1))


def test_methods_of_the_base_class_do_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, Callback()).result["metrics"] == run(tmp_path).result["metrics"]


class StepHooks:
    """Record what `seqkit_step` receives, and end training at a step."""

    def __init__(self, stop_at: int = 0) -> None:
        self.calls: list[dict[str, Any]] = []
        self.stop_at = stop_at

    @seqkit.hookimpl
    def seqkit_step(self, run: Path, step: int, loss: float, lr: float, gradient_norm: float, model: Any) -> None:
        norm = sum(float(weight.grad.square().sum()) for weight in model.parameters()) ** 0.5
        self.calls.append({"run": run, "step": step, "loss": loss, "lr": lr, "norm": gradient_norm, "clipped": norm})
        assert model.training
        if step == self.stop_at:
            raise seqkit.StopTraining("enough")


def test_step_hook_receives_loss_rate_norm_and_model(tmp_path: Path) -> None:
    hooks = StepHooks()
    schedule = {"type": "linear", "warmup": 2}
    finished = run(tmp_path, hooks, clip_norm=0.1, schedule=schedule, optimizer={"type": "sgd", "lr": 0.5})
    assert [call["step"] for call in hooks.calls] == list(range(1, 2 * STEPS + 1))
    assert {call["run"] for call in hooks.calls} == {finished.path}
    assert [call["lr"] for call in hooks.calls][:2] == [0.25, 0.5]
    for call in hooks.calls:
        assert call["norm"] > 0.1  # before clipping
        assert call["clipped"] == pytest.approx(0.1, rel=1e-3)
    trained = [row["loss"] for row in finished.metrics if row["split"] == "train"]
    assert min(call["loss"] for call in hooks.calls[:STEPS]) <= trained[0] <= max(call["loss"] for call in hooks.calls)


def test_step_hook_ends_training_after_the_epoch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hooks = StepHooks(stop_at=2)
    finished = run(tmp_path, hooks, epochs=3)
    assert (len(hooks.calls), finished.metrics[-1]["epoch"]) == (STEPS, 1)
    assert "training ends early: StepHooks 1: enough" in capsys.readouterr().out
