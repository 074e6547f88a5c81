"""The console output of a run: its facts, a line per epoch, the progress, and its results."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import IO, Any

from seqkit.contracts import Example, LongText, TrainingLength
from seqkit.data.splits import count_repeated
from seqkit.messages import counted, listed, message, translate
from seqkit.recipe.parameters import parameters
from seqkit.recipe.plan import Spec
from seqkit.terminal import YELLOW, align_left, colored
from seqkit.training.callbacks import Callback, Metrics
from seqkit.training.progress import Progress
from seqkit.training.progress_display import choose_display
from seqkit.training.progress_line import Status
from seqkit.training.result_lines import baseline_comparison, class_lines, format_metrics, format_number
from seqkit.training.setup import TrainingSetup
from seqkit.training.threads import kernel_lines

EPOCH_LINES = 10
"""The approximate number of epoch lines of a run with more than twice this number of epochs."""

LR_STEPS = 100
"""The number of steps after which the training loss should be below that of the first step."""

_RECENT_STEPS = 50

_RATE_SAMPLES = 100
"""The number of progress lines that the rate is computed over."""

_LABEL_WIDTH = 10


class Console(Callback):
    """Print the progress and the results of a run.

    Args:
        out: the stream of the lines.
        bar: the stream of the progress line. If it is neither a terminal nor in a notebook, `out` gets a line now and
            then.
        verbose: whether to print the kernel of each layer too.
        quiet: whether to print nothing but notes.
    """

    def __init__(self, out: IO[str], bar: IO[str] | None = None, verbose: bool = False, *, quiet: bool = False) -> None:
        self._out: IO[str] | None = out
        self._verbose = verbose
        self._quiet = quiet
        self._display = None if bar is None or quiet else choose_display(bar, self._print)
        self._last_line = time.monotonic()  # when the progress was shown, or another line was printed
        self._samples: deque[tuple[float, int]] = deque(maxlen=_RATE_SAMPLES)
        self._metric: tuple[str, float] | None = None
        self._setup: TrainingSetup | None = None
        self._first_loss: float | None = None  # of the first step, unless this process resumes the run
        self._steps = 0
        self._losses: deque[float] = deque(maxlen=_RECENT_STEPS)
        self._is_lr_reported = False

    def _print(self, text: str) -> None:
        if not self._quiet:
            self._print_always(text)

    def _print_always(self, text: str) -> None:
        if self._out is None:
            return
        if self._display is not None:
            self._display.clear()
            self._last_line = 0.0 if self._display.replaces else time.monotonic()
        try:
            print(translate(text), file=self._out, flush=True)
        except OSError:  # the stream was closed, or the disk is full: training continues
            self._out = None

    def _print_fact(self, label: str, text: str) -> None:
        self._print(f"  {align_left(translate(label), _LABEL_WIDTH)} {translate(text)}")

    def on_note(self, text: str) -> None:
        line = translate(message("  note: {text}", text=text))
        self._print_always(line if self._out is None else colored(line, YELLOW, self._out))

    def on_setup(self, setup: TrainingSetup, processes: int) -> None:
        self._setup = setup
        plan, splits = setup.plan, setup.data.splits
        examples = {split: dataset.examples for split, dataset in splits.items()}
        self._print(message("{name}, seed {seed}", name=plan.name, seed=plan.seed))
        self._print_fact("data", f"{describe_component(plan.reader)}: {translate(_count_examples(examples))}")
        sizes = _component_sizes(setup)
        for kind in ("tokenizer", "embedding", "encoder", "head"):
            spec = getattr(plan, kind)
            if spec is not None:
                self._print_fact(kind, f"{describe_component(spec)}{sizes.get(kind, '')}")
        self._print_fact(message("machine"), _describe_machine(setup, processes))
        if self._verbose:
            for line in kernel_lines(setup.model):
                self._print_fact(message("kernel"), line)
        for note in [*plan.notes, *setup.data.notes]:
            self.on_note(note)
        for split, count in count_repeated(examples).items():
            if count:
                self.on_note(
                    counted(
                        count,
                        "1 of the {total:,} {split} examples is also in the training split",
                        "{count:,} of the {total:,} {split} examples are also in the training split",
                        total=len(examples[split]),
                        split=split,
                    )
                )

    def on_step(self, progress: Progress, length: TrainingLength, loss: float) -> None:
        if progress.step == 1:
            self._first_loss = loss
        self._steps = progress.step
        self._losses.append(loss)
        if self._display is None:
            return
        now = time.monotonic()
        if not self._samples:
            self._samples.append((now, progress.step))
        if now - self._last_line < self._display.interval:
            return
        self._last_line = now
        start, first = self._samples[0]
        rate = (progress.step - first) / (now - start) if progress.step > first else None
        self._samples.append((now, progress.step))
        position = (progress.epoch + 1, length.epochs, progress.step, length.steps)
        self._display.show(Status(*position, rate, loss, self._metric))

    def on_epoch_end(self, progress: Progress, epochs: int, metrics: Mapping[str, Metrics], is_best: bool) -> None:
        if self._steps >= LR_STEPS:
            self._check_learning_rate()
        name = self._setup.plan.train.metric if self._setup else ""
        if name in metrics.get("valid", {}):
            self._metric = name, metrics["valid"][name]
        every = 1 if epochs <= 2 * EPOCH_LINES else epochs // EPOCH_LINES
        if progress.epoch % every and progress.epoch != epochs and len(metrics) == 1:
            return
        splits = "; ".join(
            f"{split}: {format_metrics({name: value for name, value in scores.items() if name != 'lr'})}"
            for split, scores in metrics.items()
        )
        line = message("epoch {epoch}/{epochs}", epoch=f"{progress.epoch:>{len(str(epochs))}}", epochs=epochs)
        self._print(f"{translate(line)}  {splits}{'  *' if is_best else ''}")

    def on_training_end(self) -> None:
        self._close_display()
        self._check_learning_rate()

    def _check_learning_rate(self) -> None:
        """Note, once, that the training loss has risen since the first step, as at a learning rate that is too high.

        The first step may have had an easy batch. So the mean of the last steps must be twice its loss or more; or,
        after many steps, the loss of each of them must be higher.
        """
        first, recent = self._first_loss, list(self._losses)[-max(self._steps // 2, 1) :]
        if first is None or self._is_lr_reported:
            return
        is_higher = self._steps >= LR_STEPS and min(recent) > first + 0.1 * abs(first)
        if not is_higher and fmean(recent) <= first + abs(first):
            return
        assert self._setup is not None
        self._is_lr_reported = True
        remedy = message("lower train.optimizer.lr, which is {lr:g}", lr=self._setup.plan.train.optimizer.values["lr"])
        if self._setup.data.far_number:
            remedy = message("correct the target that is far from the others, of the note above")
        self.on_note(
            message(
                "the training loss has risen from {first} to {loss} after {steps:,} steps: {remedy}",
                first=format_number("loss", first),
                loss=format_number("loss", fmean(recent)),
                steps=self._steps,
                remedy=remedy,
            )
        )

    def _close_display(self) -> None:
        if self._display is not None:
            self._display.close()
            self._display = None

    def on_run_end(self, result: Mapping[str, Any] | None, error: BaseException | None) -> None:
        self._close_display()
        if result is not None:
            self._print_result(result)

    def _print_result(self, result: Mapping[str, Any]) -> None:
        """Print the metrics with the baseline of the same split, and what was generated or predicted."""
        timing = result["timing"]
        threads = timing["threads"]
        self._print(
            message(
                "trained in {seconds:.1f} s: {speed:,.0f} tokens/s, {threads}",
                seconds=timing["train_seconds"],
                speed=timing["tokens_per_second"],
                threads=counted(threads, "1 thread", "{count} threads"),
            )
        )
        if weights := result.get("weights"):
            self._print(message("weights   {weights} (train.average)", weights=weights))
        baseline = result.get("baseline")
        for split, metrics in result["metrics"].items():
            self._print(f"{split:<9} {format_metrics(metrics)}")
            if baseline and baseline["split"] == split:
                for each in (baseline, *baseline.get("others", [])):
                    self._print(
                        message(
                            "baseline  {metrics}: {name}, on the same {split} split",
                            metrics=format_metrics(each),
                            name=each["name"],
                            split=split,
                        )
                    )
            if isinstance(metrics.get("per_class"), dict) and isinstance(metrics.get("confusion_matrix"), dict):
                for line in class_lines(metrics):
                    self._print(line)
        if baseline and (comparison := self._compare(result["metrics"], baseline)):
            self.on_note(comparison)
        if prefix := result.get("honest_loss"):
            self._print(
                message(
                    "prefix    loss {loss}: each position predicted from its prefix alone; the loss above is "
                    "misleadingly low, because the encoder reads the token to predict (allow_leak)",
                    loss=format_number("loss", prefix["loss"]),
                )
            )
        for item in result.get("generated", []):
            self._print(f"{item['prompt']}|{item['text']}")
        for item in result.get("predictions", []):
            if "label" in item:
                text = message(" | ").join(item[key] for key in ("text", "text_pair") if key in item)
                self._print(f"{text} -> {item['label']} ({item['probabilities'][item['label']]:.3f})")
            else:
                self._print(json.dumps(item, ensure_ascii=False))

    def _compare(self, metrics: Mapping[str, Metrics], baseline: Mapping[str, Any]) -> str:
        """Return a note if the model is not better than the baseline; otherwise an empty text."""
        if self._setup is None:
            return ""
        names = [self._setup.plan.train.metric, *self._setup.data.head.metric_names, "loss"]
        return baseline_comparison(metrics[baseline["split"]], baseline, names, self._setup.higher_is_better)


def describe_component(spec: Spec) -> str:
    """Return the name of a component and its parameters that differ from their defaults."""
    known, parts = parameters(spec.cls), []
    for name, value in spec.values.items():
        if isinstance(value, Spec):
            parts.append(f"{name}: {describe_component(value)}")
        elif isinstance(value, list) and value and isinstance(value[0], Spec):
            parts.append(f"{name}: {' + '.join(map(describe_component, value))}")
        elif value != known[name].default:
            text = str(value)
            parts.append(f"{name} {text if len(text) <= 60 else text[:57] + '…'}")
    return f"{spec.name} ({', '.join(parts)})" if parts else spec.name


def _count_examples(splits: Mapping[str, Sequence[Example]]) -> str:
    """Return the number of examples of each split; of characters or time steps, if each split is a single sequence."""
    inputs = [example.input for examples in splits.values() for example in examples]
    is_single = len(inputs) == len(splits)
    counts = {split: len(examples[0].input) if is_single else len(examples) for split, examples in splits.items()}
    numbers = listed(message("{count:,} {split}", count=count, split=split) for split, count in counts.items())
    if not is_single:
        return message("{numbers} examples", numbers=numbers)
    if all(isinstance(text, str | LongText) for text in inputs):
        return message("{numbers} characters", numbers=numbers)
    return message("{numbers} time steps", numbers=numbers)


def _component_sizes(setup: TrainingSetup) -> dict[str, str]:
    model, tokenizer = setup.model, setup.data.tokenizer
    causal = message("causal") if model.encoder.causal else message("not causal")
    sizes = {"encoder": translate(message(" -> {size}, {causal}", size=model.encoder.output_size, causal=causal))}
    if tokenizer is not None:
        sizes["tokenizer"] = translate(message(" -> {count:,} ids", count=tokenizer.vocab_size))
    if tokenizer is not None and model.embedding is not None:
        sizes["embedding"] = f" -> {model.embedding.output_size:,}"
    return sizes


def _describe_machine(setup: TrainingSetup, processes: int) -> str:
    weights = setup.model.num_weights
    facts = {"weights": weights, "device": setup.device, "threads": str(setup.threads)}
    if processes > 1:
        return message(
            "{weights:,} weights, {device}, {threads} in each of {processes} processes", processes=processes, **facts
        )
    return message("{weights:,} weights, {device}, {threads}", **facts)
