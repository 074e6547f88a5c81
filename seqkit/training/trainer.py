"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from numbers import Real

from seqkit.contracts import Schedule, State
from seqkit.data.batching import BatchShard, to_device
from seqkit.errors import Interrupted, PluginError, StopRequested
from seqkit.messages import message
from seqkit.modeling.state import first_rows
from seqkit.modeling.weights import Weights, copy_weights, load_weights
from seqkit.runs.directory import RunDirectory
from seqkit.runs.metrics import MetricsLog
from seqkit.runs.numbers import numbers_of
from seqkit.stop import NO_STOP, StopCheck
from seqkit.training.averaging import WeightAverage
from seqkit.training.best_epoch import explain_choice, is_better, record_evaluation
from seqkit.training.callbacks import Callbacks, Metrics
from seqkit.training.checkpoint import snapshot, write_checkpoint
from seqkit.training.checkpoint_loading import Checkpoint
from seqkit.training.distributed import SINGLE, Communicator
from seqkit.training.evaluation import evaluate
from seqkit.training.length import training_length
from seqkit.training.progress import Progress
from seqkit.training.setup import TrainingSetup
from seqkit.training.timing import open_timing, timing_row
from seqkit.training.update import Updater

AVERAGED = "valid_average"
"""The name, in metrics.jsonl and for callbacks, of the validation split evaluated with the averaged weights."""


class Trainer:
    """Train a model epoch by epoch, and save checkpoints from which training resumes exactly.

    Args:
        setup: plan, data, model and batches.
        run: the run directory.
        callbacks: the callbacks, notified of each event.
        communicator: the communicator of the distributed run.
        stop: checked after each step and during evaluation.
        checkpoint: the checkpoint to resume from, or None.

    Attributes:
        progress: the progress of training.
        best: the best weights so far; None if no validation split chooses them.
        average: the averages of the weights; None if the recipe requests none.
        state: the encoder's state after the last batch.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        run: RunDirectory,
        callbacks: Callbacks,
        communicator: Communicator = SINGLE,
        stop: StopCheck = NO_STOP,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.setup = setup
        self.run = run
        self.callbacks = callbacks
        self.communicator = communicator
        self.stop = stop
        self.model = setup.model
        self.settings = setup.plan.train
        self.length = training_length(self.settings, len(setup.train_batches))
        self.updater = Updater(setup, communicator)
        self.schedule: Schedule = self.settings.schedule.build()
        self.progress = Progress()
        self.best: Weights | None = None
        self.average = WeightAverage(self.settings.average, self.model) if self.settings.average else None
        self.state: State = None
        if checkpoint:
            self.progress, self.best = checkpoint.progress, checkpoint.best
            self.state = checkpoint.restore(self.model, self.updater.optimizer, self.schedule)
            if self.average:
                self.average.restore(checkpoint.average, self.progress, checkpoint.path)
        self.updater.freeze(self._epochs)
        self._log = MetricsLog(run.metrics, self.progress.metrics_bytes, enabled=communicator.is_first)
        self._timing = open_timing(run.timing, self.progress.epoch, enabled=communicator.is_first)
        self._last_save = time.monotonic()

    def fit(self) -> Progress:
        """Train to the end, and load the best weights into the model.

        With a validation split, these are the weights of the best epoch (see `best_epoch`); else the averaged ones, or
        the last ones.

        Raises:
            NotFiniteError: a loss or a gradient is not finite. The step was not taken, and the last checkpoint is
                intact.
            Interrupted: a stop was requested, and a checkpoint was saved.
        """
        self.model.train()
        with self._log, self._timing:
            while self.progress.step_in_epoch or not self._is_finished:
                self._epoch()
        if self.best is not None:
            load_weights(self.model, self.best, self.run.path)
            if reason := explain_choice(self.progress, self.settings):
                self.callbacks.note(reason)
        elif self.average and self.average.weights:
            self.average.apply()
            self.progress.uses_average = True
        return self.progress

    def _epoch(self) -> None:
        """Train the rest of the current epoch, evaluate, and record the result."""
        batches, progress = self.setup.train_batches, self.progress
        for shard in batches.epoch(progress.epoch, progress.step_in_epoch):
            if progress.step == self.length.steps:
                break
            self._step(shard)
            (due,), signal_number = self.communicator.all_reduce_sum(self._is_save_due, stop=self.stop())
            if signal_number:
                raise self._interrupted(signal_number)
            if due and progress.step_in_epoch < len(batches):
                self._save()

        is_last = progress.step == self.length.steps
        is_due = is_last or (progress.epoch + 1) % self.settings.evaluate_every == 0
        train = {"lr": self._learning_rate(progress.step - 1), "loss": progress.loss_total / progress.loss_count}
        start, valid = time.perf_counter(), {}
        if is_due:
            try:
                if self.settings.evaluate_train:
                    train = train | self._evaluate("train", self.stop) | train
                valid = self._validate(self.stop)
            except StopRequested as request:
                raise self._interrupted(request.signal_number) from None
        metrics: dict[str, Metrics] = {"train": train, **valid}
        progress.epoch += 1
        self._timing.write([timing_row(progress, time.perf_counter() - start)])
        progress.step_in_epoch, progress.loss_total, progress.loss_count, self.state = 0, 0.0, 0.0, None
        self._record(metrics)
        if self._end_epoch(metrics) and not valid and (valid := self._validate(NO_STOP)):
            self._record(valid)  # as at the end of a run of this length
        (due,), _ = self.communicator.all_reduce_sum(self._is_save_due)
        if due or self._is_finished:
            self._save()

    def _step(self, shard: BatchShard) -> None:
        """Take one optimizer step."""
        progress = self.progress
        start = time.perf_counter()
        self.updater.freeze(self._epochs)
        batch = to_device(shard.batch, self.setup.device)
        state = first_rows(self.state, len(batch.lengths)) if shard.continues else None
        lr = self._learning_rate(progress.step)
        result = self.updater.update(shard, batch, state, lr, step=progress.step + 1)
        self.state = result.state
        progress.step += 1
        progress.step_in_epoch += 1
        progress.loss_total += result.loss_total
        progress.loss_count += result.loss_count
        progress.tokens += result.tokens
        if self.average:
            is_epoch_end = progress.step_in_epoch == len(self.setup.train_batches)
            self.average.update(progress, is_epoch_end=is_epoch_end or progress.step == self.length.steps)
        progress.seconds += time.perf_counter() - start
        loss = result.loss_total / result.loss_count
        self.callbacks.emit("step", progress=progress, length=self.length, loss=loss)
        self.callbacks.emit(
            "update", step=progress.step, loss=loss, lr=lr, gradient_norm=result.gradient_norm, model=self.model
        )

    @property
    def _epochs(self) -> float:
        """The number of epochs trained so far, with the fraction of the current one."""
        return self.progress.epoch + self.progress.step_in_epoch / len(self.setup.train_batches)

    def _learning_rate(self, step: int) -> float:
        """Return the learning rate of the step that follows `step` steps.

        Raises:
            PluginError: the schedule returns something else.
        """
        lr = self.schedule.learning_rate(self.settings.optimizer.values["lr"], step, self.length)
        if not (isinstance(lr, Real) and 0 <= lr < math.inf):
            raise PluginError(
                message(
                    "schedule '{name}' of {provider}: the learning rate of step {step:,} is {lr}, not a number >= 0",
                    name=self.settings.schedule.name,
                    provider=self.settings.schedule.registered.provider,
                    step=step + 1,
                    lr=lr,
                )
            )
        return float(lr)

    def _validate(self, stop: StopCheck) -> dict[str, Metrics]:
        """Evaluate the validation split, if there is one: with the current weights, and with the averaged ones."""
        if "valid" not in self.setup.data.splits:
            return {}
        metrics: dict[str, Metrics] = {"valid": self._evaluate("valid", stop)}
        if self.average and self.average.weights:
            with self.average.applied():
                metrics[AVERAGED] = self._evaluate("valid", stop)
        return metrics

    def _evaluate(self, split: str, stop: StopCheck) -> dict[str, int | float]:
        """Return the metrics of a split that are numbers, to be written to metrics.jsonl."""
        dataset, batches = self.setup.data.splits[split], self.setup.evaluation_batches[split]
        metrics = evaluate(self.model, dataset, batches, self.communicator, stop, self.setup.metrics)
        return numbers_of(metrics)

    def _record(self, metrics: Mapping[str, Metrics]) -> None:
        """Log metrics, pass them to the schedule, and copy the weights, or their averages, if they are the best."""
        position = {"epoch": self.progress.epoch, "step": self.progress.step}
        self._log.write([position | {"split": split} | dict(scores) for split, scores in metrics.items()])
        if "valid" not in metrics:
            return
        scores, higher = metrics["valid"], self.setup.higher_is_better
        if uses_average := is_better(metrics.get(AVERAGED, {}), scores, self.settings, higher):
            scores = metrics[AVERAGED]
        is_best = record_evaluation(self.progress, scores, self.settings, higher)
        if is_best:
            self.progress.uses_average = uses_average
            self.best = self.average.copy() if self.average and uses_average else copy_weights(self.model)
        self.schedule.evaluated(scores, is_best)

    def _end_epoch(self, metrics: Mapping[str, Metrics]) -> bool:
        """Notify the callbacks; return whether one of them ends training."""
        progress = self.progress
        for split in [split for split in metrics if split != "train"]:
            self.callbacks.emit(
                "evaluation", split=split, epoch=progress.epoch, step=progress.step, metrics=metrics[split]
            )
        reason = self.callbacks.emit(
            "epoch_end",
            progress=progress,
            epochs=self.length.epochs,
            metrics=metrics,
            is_best="valid" in metrics and progress.evals_without_improvement == 0,
        )
        if reason:
            self.callbacks.note(message("training ends early: {reason}", reason=reason))
        progress.ended = self.communicator.broadcast(reason.encode()).decode()
        return bool(progress.ended)

    @property
    def _is_finished(self) -> bool:
        progress, stopping = self.progress, self.settings.early_stopping
        out_of_patience = stopping is not None and progress.evals_without_improvement >= stopping.patience
        return progress.step >= self.length.steps or out_of_patience or bool(progress.ended)

    @property
    def _is_save_due(self) -> bool:
        elapsed = time.monotonic() - self._last_save
        return self.communicator.is_first and elapsed >= self.settings.checkpoint_seconds

    def _save(self) -> None:
        """Save a checkpoint."""
        self.progress.metrics_bytes = self._log.flush()
        self._timing.flush()
        average = self.average.weights if self.average else None
        state = (self.progress, self.best, self.state)
        files = snapshot(self.model, self.updater.optimizer, self.schedule, *state, self.communicator, average)
        if self.communicator.is_first:
            chosen = self.average.copy() if self.average and self.best is None else None
            path = write_checkpoint(self.run, files, self.progress, chosen)
            self.callbacks.emit("checkpoint", checkpoint=path, step=self.progress.step)
        self._last_save = time.monotonic()

    def _interrupted(self, signal_number: int) -> Interrupted:
        """Save a checkpoint, and return the error to raise."""
        self._save()
        return Interrupted(
            signal_number,
            message(
                "stopped after step {step:,} and saved; resume with: {command}",
                step=self.progress.step,
                command=self.run.resume_command,
            ),
        )
