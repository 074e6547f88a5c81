"""The contract of a tracker, which records a training run for another tool."""

from __future__ import annotations

from seqkit.contracts.capabilities import Contract


class Tracker(Contract):
    """Record a training run for another tool, such as MLflow: built as `Tracker(*, parameters)`. It needs no torch.

    A tracker implements any of the lifecycle hooks of `seqkit.hookspecs` as methods decorated with `@seqkit.hookimpl`:

        class Losses(Tracker):
            @seqkit.hookimpl
            def seqkit_step(self, run: Path, step: int, loss: float) -> None:
                ...

    A recipe lists trackers in `train.trackers`; an instance can also be passed to `seqkit.run(callbacks=[...])`. They
    observe the run and do not change it: a recipe trains to the same weights with and without them, and predicting does
    not need them. If a tracker fails, a note says so once, and the run continues without it.

    The constructor checks its parameters and writes nothing: it is called by `seqkit check` too. It raises a ValueError
    if a package is missing. `seqkit_run_start` opens what is written to. Its `step` is above 0 in a run that is
    resumed, which repeats the steps after it: a tracker continues what it recorded before, with each step once.
    """
