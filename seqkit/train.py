"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from seqkit import optim
from seqkit.batches import carried, to_device
from seqkit.checkpoint import Checkpoint, Progress, load_weights, save_checkpoint, weights_of
from seqkit.contracts import Batch, Loss, State
from seqkit.data import Dataset
from seqkit.errors import Interrupted, NotFiniteError
from seqkit.evaluate import evaluate, split_batches
from seqkit.metrics_log import MetricsLog
from seqkit.model import Model
from seqkit.rundir import RunDirectory
from seqkit.settings import Train


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
) -> Progress:
    """Trains a model, and leaves it with its best weights.

    Where there is a validation split, the best are those of the epoch with the best `settings.metric` on it; else the
    last.

    Args:
        seed: of the order of the data.
        stop: returns the number of a signal that asks to stop, or 0.
        start: where to go on from.

    Raises:
        NotFiniteError: a loss or a gradient was not finite; the step was not taken, and the last checkpoint stands.
        Interrupted: `stop` asked for it, and a checkpoint was saved.
    """
    batches = split_batches(splits["train"], settings, model.encoder.causal, seed)
    length = optim.run_length(settings, len(batches))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = optim.make_optimizer(settings.optimizer, parameters)
    progress, best_weights, state = Progress(), None, None
    if start:
        progress, best_weights = start.progress, start.best
        state = start.restore(model, optimizer)
    higher = settings.metric in model.head.higher_is_better
    saved = time.monotonic()

    def save() -> None:
        progress.metrics_bytes = log.flush()
        observer.saved(save_checkpoint(run, model, optimizer, progress, best_weights, state), progress.step)

    model.train()
    with MetricsLog(run.metrics, progress.metrics_bytes) as log:
        while progress.step_in_epoch or not _is_over(settings, progress, length):
            for step in batches.epoch(progress.epoch, progress.step_in_epoch):
                if progress.step == length.steps:
                    break
                began = time.perf_counter()
                batch = to_device(step.batch, device)
                state = carried(state, len(batch.lengths)) if step.continues else None
                rate = optim.learning_rate(settings.schedule, settings.optimizer.lr, progress.step, length)
                mean_loss, loss, state = _take_step(model, batch, state, optimizer, rate, settings, progress.step + 1)

                progress.step += 1
                progress.step_in_epoch += 1
                progress.loss_total += float(loss.total.detach())
                progress.loss_count += float(loss.count)
                progress.tokens += int(batch.lengths.sum())
                progress.seconds += time.perf_counter() - began
                observer.step(progress, length.steps_per_epoch, mean_loss)
                if signal_number := stop():
                    save()
                    raise Interrupted(
                        signal_number, f"stopped after step {progress.step:,} and saved: go on with --resume {run.path}"
                    )

            state = None
            progress.epoch += 1
            rows = [_row(progress, "train", {"loss": progress.loss_total / progress.loss_count})]
            progress.step_in_epoch, progress.loss_total, progress.loss_count = 0, 0.0, 0.0
            ended = progress.step == length.steps
            if "valid" in splits and (ended or progress.epoch % settings.evaluate_every == 0):
                scores = evaluate(model, splits["valid"], settings, device)
                rows.append(_row(progress, "valid", scores))
                if _gained(settings, progress, scores[settings.metric], higher):
                    best_weights = weights_of(model)
            log.write(rows)
            progress.ended = observer.epoch(progress, length.epochs, rows, len(rows) > 1 and progress.stale == 0)
            if _is_over(settings, progress, length) or time.monotonic() - saved >= settings.checkpoint_seconds:
                save()
                saved = time.monotonic()

    if best_weights is not None:
        load_weights(model, best_weights, run.path)
    return progress


def _take_step(
    model: Model,
    batch: Batch,
    state: State,
    optimizer: torch.optim.Optimizer,
    rate: float,
    settings: Train,
    number: int,
) -> tuple[float, Loss, State]:
    """Takes one optimizer step.

    Returns:
        The batch's mean loss before the step, the loss as sum and count, and the encoder's state after the batch.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    loss, state = model(batch, state)
    mean_loss = loss.total / loss.count
    mean_loss.backward()
    value = float(mean_loss.detach())
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    if not (math.isfinite(value) and math.isfinite(float(norm))):
        raise _not_finite(value, model, number)
    if settings.clip_norm:
        torch.nn.utils.clip_grads_with_norm_(model.parameters(), settings.clip_norm, norm)
    optim.step(optimizer)
    return value, loss, state


def _not_finite(loss: float, model: Model, step: int) -> NotFiniteError:
    if math.isfinite(loss):
        named = model.named_parameters()
        name = next(name for name, weight in named if weight.grad is not None and not weight.grad.isfinite().all())
        what = f"the gradient of {name} is not finite"
    else:
        what = f"the loss is {loss}"
    return NotFiniteError(
        f"step {step:,}: {what}; the step was not taken: lower train.optimizer.lr, or set train.clip_norm"
    )


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
    return progress.step == length.steps or impatient or bool(progress.ended)


def _row(progress: Progress, split: str, scores: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    return {"epoch": progress.epoch, "step": progress.step, "split": split} | numbers
