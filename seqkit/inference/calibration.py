"""Calibrate a run: fit the temperature of its probabilities on the validation split."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqkit.contracts import Series
from seqkit.errors import DataError, UsageError
from seqkit.heads.calibration import TEMPERATURES, fit_temperature, with_temperature
from seqkit.heads.exhibits import DIAGONAL, reliability_line
from seqkit.heads.label_predictions import label_table
from seqkit.inference.evaluation import Evaluation
from seqkit.inference.loading import RunParts
from seqkit.inference.recorded import has_split, read_recorded
from seqkit.messages import message
from seqkit.runs.calibration import write_calibration
from seqkit.runs.exhibits import exhibit_as_json


def calibrate_run(parts: RunParts, source: Any = None) -> dict[str, Any]:
    """Fit the temperature of a run, or of the mean of the members of an ensemble, and store it with the run.

    Args:
        parts: the run.
        source: the file of the validation split, if it has moved; or the data in memory that the run was trained with.

    Returns:
        The content of calibration.json without its diagram: `temperature`, the `split`, its number of `examples`, and
        their mean negative log-likelihood without and with the temperature.

    Raises:
        UsageError: the head predicts no probabilities of labels, or the run has no validation split.
        DataError: the split has moved or changed, or it does not determine a temperature.
    """
    engine = parts.torch_engine
    if not engine.model.head.label_probabilities:
        raise UsageError(
            message(
                "{run}: the head '{head}' does not predict one label by a softmax, whose temperature calibration fits",
                run=parts.directory.path,
                head=engine.head_name,
            )
        )
    if not has_split(parts, "valid"):
        raise UsageError(
            message(
                "{run}: has no validation split, on which the temperature is fitted: train with data.split.valid or "
                "data.valid",
                run=parts.directory.path,
            )
        )
    examples = read_recorded(parts, "valid", source)["valid"]
    evaluation = Evaluation(parts, examples, temperature=None)
    probabilities, targets = label_table(
        evaluation.predictions, [str(example.target) for example in evaluation.examples]
    )
    probabilities, targets = probabilities[targets >= 0], targets[targets >= 0]
    temperature = fit_temperature(probabilities, targets) if len(targets) else None
    if temperature is None:
        low, high = TEMPERATURES
        raise DataError(
            message(
                "{run}: the validation split ({count} examples) does not determine a temperature from {low} to {high}: "
                "nothing was stored; use more validation data",
                run=parts.directory.path,
                count=len(examples),
                low=low,
                high=high,
            )
        )
    content = {
        "temperature": temperature,
        "split": "valid",
        "examples": len(targets),
        "loss_without": _loss(probabilities, targets),
        "loss_with": _loss(with_temperature(probabilities, temperature), targets),
    }
    diagram = _diagram(probabilities, targets, temperature)
    write_calibration(parts.directory, content | {"exhibit": exhibit_as_json(diagram)})
    return content


def _diagram(probabilities: np.ndarray, targets: np.ndarray, temperature: float) -> Series:
    """Return the reliability diagram of the validation split without and with the temperature, for the report."""
    is_right = probabilities.argmax(axis=1) == targets
    lines = [
        reliability_line(name, table.max(axis=1), is_right)
        for name, table in (
            (message("as trained"), probabilities),
            (message("calibrated"), with_temperature(probabilities, temperature)),
        )
    ]
    note = message(
        "The temperature {temperature:.3g} was fitted on these {count:,} examples of the validation split. New "
        "predictions divide the logits by it; the results above are those of training.",
        temperature=temperature,
        count=len(targets),
    )
    return Series(message("Calibration"), (*lines, DIAGONAL), message("probability"), message("accuracy"), note=note)


def _loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    of_target = np.take_along_axis(probabilities, targets[:, None], axis=1)
    return float(-np.log(np.maximum(of_target, np.finfo(np.float64).tiny)).mean())
