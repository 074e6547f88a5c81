"""The training loop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from seqkit import optim
from seqkit.batches import Step, carried, to_device
from seqkit.checkpoint import Progress, take_snapshot, write_checkpoint
from seqkit.checkpoint_reading import Checkpoint
from seqkit.contracts import Batch, State
from seqkit.data import Dataset
from seqkit.errors import Interrupted, NotFiniteError, StopAsked
from seqkit.evaluate import evaluate, split_batches
from seqkit.metrics_log import MetricsLog
from seqkit.model import Model
from seqkit.rundir import RunDirectory
from seqkit.settings import Train
from seqkit.weights import load_weights, weights_of
from seqkit.world import ALONE, World


class Observer(Protocol):
    """Is told how training goes."""

    def step(self, progress: Progress, steps_per_epoch: int, loss: float) -> None: ...

    def epoch(self, progress: Progress, epochs: int, rows: list[dict[str, Any]], best: bool) -> str:
        """Returns why training is to end here, or nothing."""

    def saved(self, checkpoint: Path, step: int) -> None: ...


def train(
    model: Model,
    splits: dict[str, Dataset],
    settings: Train,
    seed: int,
    device: torch.device,
    run: RunDirectory,
    observer: Observer,
    stop: Callable[[], int],
    start: Checkpoint | None = None,
    world: World = ALONE,
) -> Progress:
    """Trains a model, and leaves it with its best weights.

    Where there is a validation split, the best are those of the epoch with the best `settings.metric` on it; else the
    last.

    Args:
        seed: of the order of the data.
        stop: returns the number of a signal that asks to stop, or 0.
        start: where to go on from.
        world: the processes that train together.

    Raises:
        NotFiniteError: a loss or a gradient was not finite; the step was not taken, and the last checkpoint stands.
        Interrupted: `stop` asked for it, and a checkpoint was saved.
    """
    batches = split_batches(splits["train"], settings, model.encoder.causal, seed, world.share)
    length = optim.run_length(settings, len(batches))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = optim.make_optimizer(settings.optimizer, parameters)
    progress, best_weights, state = Progress(), None, None
    if start:
        progress, best_weights = start.progress, start.best
        state = start.restore(model, optimizer)
    parallel = world.parallel(
        model, lambda: model(to_device(next(iter(batches.epoch(0))).batch, device))[0].total.backward()
    )
    higher = settings.metric in model.head.higher_is_better
    saved = time.monotonic()

    def is_due() -> bool:
        return world.rank == 0 and time.monotonic() - saved >= settings.checkpoint_seconds

    def save() -> None:
        nonlocal saved
        progress.metrics_bytes = log.flush()
        files = take_snapshot(model, optimizer, progress, best_weights, state, world)
        if world.rank == 0:
            observer.saved(write_checkpoint(run, files, progress), progress.step)
        saved = time.monotonic()

    def stopped(signal_number: int) -> Interrupted:
        save()
        where = f"stopped after step {progress.step:,} and saved"
        return Interrupted(signal_number, f"{where}: go on with --resume {run.path}")

    def validate() -> dict[str, Any]:
        try:
            return evaluate(model, splits["valid"], settings, device, world, stop)
        except StopAsked as asked:
            raise stopped(asked.signal_number) from None

    def note_scores(scores: dict[str, Any]) -> None:
        nonlocal best_weights
        if _gained(settings, progress, scores[settings.metric], higher):
            best_weights = weights_of(model)

    model.train()
    with MetricsLog(run.metrics, progress.metrics_bytes, written=world.rank == 0) as log:
        while progress.step_in_epoch or not _is_over(settings, progress, length):
            for step in batches.epoch(progress.epoch, progress.step_in_epoch):
                if progress.step == length.steps:
                    break
                began = time.perf_counter()
                batch = to_device(step.batch, device)
                state = carried(state, len(batch.lengths)) if step.continues else None
                rate = optim.learning_rate(settings.schedule, settings.optimizer.lr, progress.step, length)
                taken = _take_step(parallel, step, batch, state, optimizer, rate, settings, world, progress.step + 1)

                state = taken.state
                progress.step += 1
                progress.step_in_epoch += 1
                progress.loss_total += taken.total
                progress.loss_count += taken.items
                progress.tokens += taken.tokens
                progress.seconds += time.perf_counter() - began
                observer.step(progress, length.steps_per_epoch, taken.total / taken.items)
                (due,), signal_number = world.sums(is_due(), stop=stop())
                if signal_number:
                    raise stopped(signal_number)
                if due and progress.step_in_epoch < len(batches):
                    save()

            scores = None
            ended = progress.step == length.steps
            if "valid" in splits and (ended or (progress.epoch + 1) % settings.evaluate_every == 0):
                scores = validate()

            state = None
            progress.epoch += 1
            rows = [_row(progress, "train", {"loss": progress.loss_total / progress.loss_count})]
            progress.step_in_epoch, progress.loss_total, progress.loss_count = 0, 0.0, 0.0
            if scores is not None:
                rows.append(_row(progress, "valid", scores))
                note_scores(scores)
            log.write(rows)
            asked_to_end = observer.epoch(progress, length.epochs, rows, scores is not None and progress.stale == 0)
            progress.ended = world.from_first(asked_to_end.encode()).decode()
            if progress.ended and scores is None and "valid" in splits:  # as at the end of a run of this length
                scores = evaluate(model, splits["valid"], settings, device, world)
                log.write([_row(progress, "valid", scores)])
                note_scores(scores)
            (due,), _ = world.sums(is_due())
            if due or _is_over(settings, progress, length):
                save()

    if best_weights is not None:
        load_weights(model, best_weights, run.path)
    return progress


class _Taken(NamedTuple):
    """One optimizer step, taken: what it summed over the batch, in all processes together.

    Attributes:
        state: the encoder's state after this process's share of the batch.
        tokens: steps of rows.
    """

    total: float
    items: float
    tokens: int
    state: State


def _take_step(
    model: Any,
    step: Step,
    batch: Batch,
    state: State,
    optimizer: torch.optim.Optimizer,
    rate: float,
    settings: Train,
    world: World,
    number: int,
) -> _Taken:
    """Takes one optimizer step, of this number.

    Args:
        model: the model, or what stands for it in each of several processes.
        batch: the step's, on the device.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for parameter in parameters:
        parameter.grad = None
    loss, state = model(batch, state)
    own = (float(loss.total.detach()), float(loss.count), float(batch.lengths.sum()))
    (total, count, tokens), _ = world.sums(*(own if step.counts else (0.0, 0.0, 0.0)))
    # Gradients are averaged over processes, and so that the average is the batch's gradient, each is scaled up.
    (loss.total * (world.size if step.counts else 0.0) / count).backward()
    norm = torch.nn.utils.get_total_norm([weight.grad for weight in parameters if weight.grad is not None])
    if not (math.isfinite(total) and math.isfinite(float(norm))):
        raise _not_finite(model, step._replace(batch=batch), total / count, world, number)
    if settings.clip_norm and norm + 1e-6 > settings.clip_norm:  # or else each would be multiplied by 1
        torch.nn.utils.clip_grads_with_norm_(parameters, settings.clip_norm, norm)
    optim.step(optimizer)
    return _Taken(total, count, int(tokens), state)


def _not_finite(model: Any, step: Step, loss: float, world: World, number: int) -> NotFiniteError:
    """Says which step, rows and weights met a number that is not finite; every process has to call it."""
    weights = {name.removeprefix("module."): weight for name, weight in model.named_parameters()}
    odd = [name for name, weight in weights.items() if weight.grad is not None and not weight.grad.isfinite().all()]
    of = f" of {odd[0]}" + (f" and of {len(odd) - 1} more weights" if len(odd) > 1 else "") if odd else ""
    what = f"the gradient{of} is not finite"
    if not math.isfinite(loss):
        what = f"the loss is {loss}" + (f", and {what}" if odd else "")
    at_fault = [] if math.isfinite(loss) else _rows_at_fault(model, step)
    told = [json.loads(part) for part in world.gather(json.dumps([step.rows.tolist(), at_fault]).encode())]
    rows, at_fault = (sorted(row + 1 for part in told for row in part[place]) for place in (0, 1))
    where = f"row {_shortened(at_fault)} of train" if at_fault else f"the batch of rows {_shortened(rows)} of train"
    return NotFiniteError(
        f"step {number:,}, {where}: {what}; the step was not taken: lower train.optimizer.lr, or set train.clip_norm"
    )


@torch.no_grad()
def _rows_at_fault(model: Any, step: Step) -> list[int]:
    """Returns the rows of a batch whose loss alone is not finite."""
    found = []
    model = getattr(model, "module", model)  # DistributedDataParallel's own
    for place, row in enumerate(step.rows.tolist()):
        alone = Batch(*[part if part is None else part[place : place + 1] for part in step.batch])  # type: ignore[arg-type]
        if not math.isfinite(float(model(alone)[0].total)):
            found.append(row)
    return found


def _shortened(numbers: list[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers[:8]) + (" …" if len(numbers) > 8 else "")


def _gained(settings: Train, progress: Progress, value: float, higher: bool) -> bool:
    """Notes an evaluation; returns whether it is the best so far by more than what early stopping calls a gain."""
    least = settings.early_stopping.min_delta if settings.early_stopping else 0.0
    gain = math.inf if progress.best is None else (value - progress.best) * (1 if higher else -1)
    if gain > least:
        progress.best, progress.best_epoch, progress.stale = value, progress.epoch, 0
        return True
    progress.stale += 1
    return False


def _is_over(settings: Train, progress: Progress, length: optim.Length) -> bool:
    impatient = settings.early_stopping is not None and progress.stale >= settings.early_stopping.patience
    return progress.step >= length.steps or impatient or bool(progress.ended)


def _row(progress: Progress, split: str, scores: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    return {"epoch": progress.epoch, "step": progress.step, "split": split} | numbers
