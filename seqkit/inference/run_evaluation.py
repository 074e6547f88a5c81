"""The evaluation of a run, which `Run` inherits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.data.notes import report_notes
from seqkit.errors import DataError, UsageError
from seqkit.inference.results import Scores
from seqkit.inference.run_base import RunBase
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.inference.evaluation import Evaluation


class RunEvaluation(RunBase):
    """Evaluate a trained run, list its errors, and calibrate it."""

    def evaluate(
        self,
        data: Any = None,
        *,
        split: str | None = None,
        again: bool = False,
        by: str | None = None,
        samples: int | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Return the metrics of the head on new data; without data, those that training recorded.

        A calibrated run evaluates the recorded split again, because training recorded the metrics without the
        temperature. An ensemble has recorded none: it evaluates the test split that all of its members have recorded,
        and the result contains the metrics of each of the `members` too. For a language model, the result contains the
        bits per character of an n-gram model and of a compressor on the same text, if its data is still there.

        Args:
            data: a file that the recipe's reader can read; or (input, target) pairs; or data in memory in another
                form that `seqkit.run` takes: `(texts, labels)`, a DataFrame.
            split: without data, `test`, `valid` or `train`; by default the first of them that the run has. With the
                data in memory that the run was trained with, the split of it to evaluate.
            again: without data, whether to read the data of the run again, and to evaluate it.
            by: a column of the data, other than those of the input and the target: the result contains the scores of
                the `groups` of examples with each of its values too.
            samples: of a language model, on its own data: the number of samples to generate at each of several
                temperatures: what they copy from the training text, how they repeat themselves, how they differ.
            parameters: parameters of the reader that replace those of the recipe, for a file; without data, `path` for
                data that has moved.

        Raises:
            DataError: the data cannot be read or is not that of the run, or the loss or a metric is not finite.
            UsageError: the recipe's reader cannot read this file, or has no such parameter; or there is no such split.
        """
        from seqkit.inference.recorded import choose_split, recorded_scores

        if data is not None and not self._is_own(data, split):
            if samples is not None:
                raise UsageError(message("samples continue the data of the run: pass data or samples, not both"))
            return Scores(self.evaluation(data, split=split, by=by, **parameters).as_data())
        split = choose_split(self._parts, split)
        again = again or data is not None
        needs_data = self._parts.is_ensemble or again or by or parameters
        is_calibrated = self._parts.temperature is not None
        scores = None if needs_data or is_calibrated else recorded_scores(self._parts, split)
        if scores is None:
            try:
                evaluation = self.evaluation(data, split=split, by=by, **parameters)
            except DataError as error:
                if needs_data or recorded_scores(self._parts, split) is None:
                    raise
                raise DataError(_because_calibrated(error)) from None
            scores = evaluation.as_data()
        if samples is None and ("bits_per_char" not in scores or self._parts.is_ensemble):
            return Scores(scores)
        from seqkit.inference.held_out_text import describe_text

        with report_notes():
            source = parameters.get("path") if data is None else data
            return Scores(scores | describe_text(self._parts, split, scores, samples, source))

    def evaluation(
        self,
        data: Any = None,
        *,
        split: str | None = None,
        by: str | None = None,
        **parameters: Any,
    ) -> Evaluation:
        """Return an evaluation of new data, or of a split that is read again.

        Takes the arguments of `evaluate`, and raises as it does.
        """
        from seqkit.inference.error_list import score_groups
        from seqkit.inference.evaluation import Evaluation, read_data
        from seqkit.inference.recorded import choose_split

        if data is None:
            split = choose_split(self._parts, split)
        elif split is not None and not self._is_own(data, split):
            raise UsageError(message("pass data or a split of the data that the run was trained with, not both"))
        with report_notes():
            examples = read_data(self._parts, data, parameters, split)
            evaluation = Evaluation(self._parts, examples, split, temperature=self._parts.temperature)
            evaluation.groups = None if by is None else score_groups(evaluation, by)
            return evaluation

    def _is_own(self, data: Any, split: str | None) -> bool:
        """Return whether data is what the run was trained with: data in memory, of which a split is chosen."""
        from seqkit.inference.recorded import was_in_memory

        return split is not None and not isinstance(data, str | Path) and was_in_memory(self._parts)

    def errors(
        self,
        data: Any = None,
        *,
        split: str | None = None,
        every: bool = False,
        **parameters: Any,
    ) -> list[dict[str, Any]]:
        """Return the errors on new data, or on a split of the data of the run, those that the run is surest of first.

        The head says what an error is: a text with a wrong label, an entity that is missed, a transcript that differs
        from its target, the forecast of a window; and how they are ordered: by probability, or by distance.

        Args:
            data: as for `evaluate`; without data, the split is read again.
            split: as for `evaluate`.
            every: whether to return what is right too, after the errors, the least sure first.
            parameters: as for `evaluate`.

        Returns:
            For each error `row` (if it has one), `location`, `input`, `truth`, `prediction`, `probability`, and what
            the head adds; with `every`, `error` too.

        Raises:
            DataError: as `evaluate`.
            UsageError: as `evaluate`; or the head does not say what an error is.
        """
        from seqkit.inference.error_list import list_errors

        found = list_errors(self.evaluation(data, split=split, **parameters), every=every)
        return [({} if example.row is None else {"row": example.row}) | error for example, error in found]

    def calibrate(
        self, enabled: bool = True, *, path: str | Path | None = None, data: Any = None
    ) -> dict[str, Any] | None:
        """Fit the temperature of the predicted probabilities on the validation split, and store it with the run.

        The logits are divided by the temperature, one number (Guo et al., On Calibration of Modern Neural Networks,
        2017). `predict` and `evaluate` use it from then on, here and wherever the run is loaded: it changes
        probabilities, and no label. An ensemble has a temperature of the mean of its members. The report of the run,
        if it has one, is written again.

        Args:
            enabled: False removes the temperature.
            path: the file of the validation split, if it has moved.
            data: the data that the run was trained with, if it was in memory.

        Returns:
            `temperature`, `split`, `examples`, and the loss on them without and with the temperature; None if it is
            removed.

        Raises:
            UsageError: the head predicts no probabilities of labels, or the run has no validation split.
            DataError: the split has moved or changed, or it does not determine a temperature.
        """
        if not enabled:
            self.directory.calibration.unlink(missing_ok=True)
            found = None
        else:
            from seqkit.inference.calibration import calibrate_run

            with report_notes():
                found = calibrate_run(self._parts, path if data is None else data)
        if self.directory.report.exists():
            from seqkit.reports.report import report

            report([self.directory], self.directory.report)
        return found


def _because_calibrated(error: DataError) -> str:
    """Return the message of a calibrated run whose data cannot be read."""
    return message(
        "{reason}. The data is needed because the run is calibrated, and training recorded its metrics without the "
        "temperature: --calibrate off (in Python, run.calibrate(False)) removes the temperature, and they are valid "
        "again",
        reason=error,
    )
