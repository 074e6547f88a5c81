"""What a run says while it works: plain lines, and a bar on a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from seqkit.checkpoint import Progress
from seqkit.optim import run_length
from seqkit.plan import Plan, Spec
from seqkit.settings import Train

LINES = 10
"""Of a run with more epochs than twice this, so many epochs get a line."""


class Report:
    """Tells about a run on a text stream.

    Args:
        out: where lines go; None for silence.
        bar: a stream for a progress bar, which is drawn where it is a terminal.
        verbose: tell details too.
    """

    def __init__(self, out: IO[str] | None, bar: IO[str] | None = None, verbose: bool = False) -> None:
        self.out = out
        self.verbose = verbose
        self._bar_stream = bar if bar is not None and bar.isatty() else None
        self._bar: Any = None
        self._train: Train | None = None
        self._label_width = 10

    def line(self, text: str = "") -> None:
        if self.out is None:
            return
        if self._bar is not None:
            self._bar.clear()
        try:
            print(text, file=self.out, flush=True)
        except OSError:  # whoever read it has gone, or the disk is full: training goes on all the same
            self.out = None

    def note(self, text: str) -> None:
        self.line(f"  note: {text}")

    def started(self, plan: Plan, counts: Mapping[str, int], sizes: Mapping[str, str], machine: str) -> None:
        """Says what is about to be trained."""
        self._train = plan.train
        self.line(f"{plan.name}, seed {plan.seed}")
        split = ", ".join(f"{number:,} {side}" for side, number in counts.items())
        self._fact("data", f"{_described(plan.reader)}: {split}")
        for kind in ("tokenizer", "embedding", "encoder", "head"):
            spec = getattr(plan, kind)
            if spec is not None:
                self._fact(kind, f"{_described(spec)}{sizes.get(kind, '')}")
        self._fact("machine", machine)
        for note in plan.notes:
            self.note(note)

    def _fact(self, label: str, text: str) -> None:
        self.line(f"  {label:<{self._label_width}} {text}")

    def detail(self, label: str, text: str) -> None:
        """Tells something of `started` that few want to know."""
        if self.verbose:
            self._fact(label, text)

    def step(self, progress: Progress, steps_per_epoch: int, loss: float) -> None:
        if self._bar_stream is None:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                file=self._bar_stream,
                unit="step",
                leave=False,
                initial=progress.step - 1,
                total=run_length(self._train, steps_per_epoch).steps if self._train else None,
                dynamic_ncols=True,
            )
        self._bar.set_postfix_str(f"epoch {progress.epoch + 1}, loss {loss:.4f}", refresh=False)
        self._bar.update(1)

    def epoch(self, progress: Progress, epochs: int, rows: list[dict[str, Any]], best: bool) -> None:
        every = 1 if epochs <= 2 * LINES else epochs // LINES
        if self.out is None or (progress.epoch % every and progress.epoch != epochs and len(rows) == 1):
            return
        parts = []
        for row in rows:
            numbers = [
                f"{name} {_number(name, value)}"
                for name, value in row.items()
                if name not in ("epoch", "step", "split")
            ]
            parts.append(f"{row['split']}: {', '.join(numbers)}")
        self.line(f"epoch {progress.epoch:>{len(str(epochs))}}/{epochs}  {'; '.join(parts)}{'  *' if best else ''}")

    def trained(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def summary(self, result: Mapping[str, Any]) -> None:
        """Prints the result with the floor beside it."""
        timing = result["timing"]
        self.line(
            f"trained in {timing['train_seconds']:.1f} s: {timing['tokens_per_second']:,.0f} steps a second, "
            f"{timing['threads']} thread{'s' if timing['threads'] > 1 else ''}"
        )
        baseline = result.get("baseline")
        for split, metrics in result["metrics"].items():
            numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
            self.line(f"{split:<9} " + ", ".join(f"{name} {_number(name, value)}" for name, value in numbers.items()))
            if baseline and baseline["split"] == split:
                for floor in (baseline, *baseline.get("others", [])):
                    scores = ", ".join(
                        f"{name} {_number(name, value)}"
                        for name, value in floor.items()
                        if isinstance(value, int | float)
                    )
                    self.line(f"baseline  {scores}: {floor['name']}, on the same {split} split")
            if isinstance(metrics.get("per_class"), dict) and isinstance(metrics.get("confusion_matrix"), dict):
                self._per_class(metrics)
        if honest := result.get("honest_loss"):
            self.line(
                f"honest    loss {_number('loss', honest['loss'])}: each position scored from its prefix alone; the "
                "loss above is not honest, since the encoder reads the answer (allow_leak)"
            )
        for item in result.get("generated", []):
            self.line(f"{item['prompt']}|{item['text']}")
        for item in result.get("predictions", []):
            if "label" in item:
                self.line(f"{item['text']} -> {item['label']} ({item['probabilities'][item['label']]:.3f})")
            else:
                self.line(json.dumps(item, ensure_ascii=False))

    def _per_class(self, metrics: Mapping[str, Any]) -> None:
        labels, matrix = metrics["confusion_matrix"]["labels"], metrics["confusion_matrix"]["matrix"]
        if len(labels) > 20:
            return
        width = max(len(label) for label in labels)
        self.line(f"  {'':<{width}}  precision  recall     f1  support   predicted as {', '.join(labels)}")
        for label, row in zip(labels, matrix, strict=True):
            scores = metrics["per_class"][label]
            self.line(
                f"  {label:<{width}}  {scores['precision']:9.3f}  {scores['recall']:6.3f}  {scores['f1']:5.3f}  "
                f"{scores['support']:7,}   {', '.join(f'{count:,}' for count in row)}"
            )


def _described(spec: Spec) -> str:
    """Returns a component and those of its parameters that are not the defaults."""
    from seqkit.signature import parameters

    parts = []
    for name, value in spec.values.items():
        if isinstance(value, Spec):
            parts.append(f"{name}: {_described(value)}")
        elif isinstance(value, list) and value and isinstance(value[0], Spec):
            parts.append(f"{name}: {' + '.join(_described(inner) for inner in value)}")
        elif value != parameters(spec.cls)[name].default:
            shown = str(value)
            parts.append(f"{name} {shown if len(shown) <= 60 else shown[:57] + '…'}")
    return f"{spec.name} ({', '.join(parts)})" if parts else spec.name


def _number(name: str, value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 1e6:
        return f"{value:.5g}"
    return f"{value:.5f}" if "loss" in name else f"{value:.4f}"
