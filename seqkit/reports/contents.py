"""What reports show of a run directory, whose files may be untrusted, and fewer in a run of an older seqkit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from seqkit.contracts import Exhibit
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory
from seqkit.runs.exhibits import exhibit_from_json, from_json
from seqkit.runs.files import read_bytes, read_json
from seqkit.runs.metrics import read_metrics
from seqkit.runs.tensors import read_shapes
from seqkit.strict_json import is_number

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """result.json."""

    examples: dict[str, int]
    metrics: dict[str, dict[str, Any]]
    baseline: dict[str, Any] | None = None
    honest_loss: dict[str, Any] | None = None
    weights: str | None = None
    timing: dict[str, int | float] = field(default_factory=dict)
    generated: list[dict[str, str]] = field(default_factory=list)
    predictions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class MetricNames:
    """The metrics that decide, most important first, and which of them are to be maximized."""

    names: list[str] = field(default_factory=lambda: ["loss"])
    higher_is_better: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SplitSizes:
    """The size of a split, and how many of its examples are also in the training split."""

    examples: int
    rows: int
    time_steps: int
    also_in_train: int | None = None


@dataclass(frozen=True)
class Lengths:
    """A histogram of the lengths of the rows of each split."""

    edges: list[int]
    counts: dict[str, list[int]]
    median: dict[str, float]
    longest: dict[str, int]

    def __post_init__(self) -> None:
        _check_lengths("counts", self.counts, len(self.edges) - 1)


@dataclass(frozen=True)
class Labels:
    """The number of examples with each label in each split; `left_out` is the number of labels that are not listed."""

    names: list[str] = field(default_factory=list)
    left_out: int = 0
    counts: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_lengths("counts", self.counts, len(self.names))


@dataclass(frozen=True)
class DataFacts:
    """The data of a run."""

    splits: dict[str, SplitSizes]
    lengths: Lengths
    labels: Labels
    notes: list[str]


@dataclass(frozen=True)
class ModelFacts:
    """The model of a run: its weights, the output size of each component, and for each layer its class and its products
    for one token (`seqkit.modeling.multiply_adds`; empty in a run of an older seqkit)."""

    weights: int
    sizes: dict[str, int]
    causal: bool
    layers: dict[str, str]
    multiply_adds: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """report.json."""

    metrics: MetricNames
    best_epoch: int | None
    generates: bool
    data: DataFacts
    model: ModelFacts
    exhibits: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class MetricsRow:
    """A row of metrics.jsonl."""

    epoch: int
    step: int
    split: str
    scores: dict[str, float] = field(default_factory=dict)
    lr: float | None = None


@dataclass(frozen=True)
class RunContents:
    """What a run directory contains.

    Attributes:
        directory: the run directory.
        plan: plan.json.
        recipe: recipe.yaml; empty without one.
        evaluations: the rows of metrics.jsonl.
        result: result.json; None if the run is not finished.
        recorded: report.json; None in a run of an older seqkit, or one that is not finished.
        shapes: the shape of each tensor of the model; empty if there are no weights yet.
        exhibits: the exhibits of each split.
        calibration: the reliability of a calibrated run before and after; None of any other.
    """

    directory: RunDirectory
    plan: dict[str, Any]
    recipe: str
    evaluations: list[MetricsRow]
    result: Result | None
    recorded: Recorded | None
    shapes: dict[str, tuple[int, ...]]
    exhibits: dict[str, list[Exhibit]]
    calibration: Exhibit | None

    @property
    def name(self) -> str:
        return self.directory.path.resolve().name

    @property
    def metric_names(self) -> MetricNames:
        return self.recorded.metrics if self.recorded else MetricNames()


def _check_lengths(name: str, counts: Mapping[str, list[int]], expected: int) -> None:
    if (
        not counts
        and expected > 0
        or any(len(each) != expected or min(each, default=0) < 0 for each in counts.values())
    ):
        raise ValueError(message("{name} must have {count} numbers for each split", name=name, count=expected))


def read_contents(directory: RunDirectory) -> RunContents:
    """Read what reports show of a run.

    Raises:
        DataError: a file is corrupt.
    """
    recorded = _read(directory.report_data, Recorded)
    return RunContents(
        directory,
        directory.read_plan(),
        read_bytes(directory.recipe).decode(errors="replace") if directory.recipe.exists() else "",
        _read_evaluations(directory),
        _read(directory.result, Result),
        recorded,
        read_shapes(directory.model) if directory.model.exists() else {},
        _read_exhibits(directory, recorded),
        _read_calibration(directory),
    )


def _read(path: Any, kind: type[T]) -> T | None:
    return from_json(read_json(path), kind, path) if path.exists() else None


def _read_evaluations(directory: RunDirectory) -> list[MetricsRow]:
    if not directory.metrics.exists():
        return []
    rows = read_metrics(directory.metrics)
    return [
        from_json(
            {**row, "scores": _numbers(row)}, MetricsRow, message("{file}:{line}", file=directory.metrics, line=line)
        )
        for line, row in enumerate(rows, start=1)
    ]


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value) for name, value in row.items() if name not in ("epoch", "step", "lr") and is_number(value)
    }


def _read_exhibits(directory: RunDirectory, recorded: Recorded | None) -> dict[str, list[Exhibit]]:
    found: dict[str, list[Exhibit]] = {}
    for split, exhibits in recorded.exhibits.items() if recorded else ():
        place = message("{file}: exhibits.{split}", file=directory.report_data, split=split)
        found[split] = [exhibit_from_json(value, place) for value in exhibits]
    return found


def _read_calibration(directory: RunDirectory) -> Exhibit | None:
    if not directory.calibration.exists():
        return None
    value = read_json(directory.calibration).get("exhibit")
    return exhibit_from_json(value, directory.calibration) if isinstance(value, dict) else None
