"""Results as Python's lists and dictionaries that a notebook shows as tables."""

from __future__ import annotations

from typing import Any

from seqkit.errors import SeqkitError
from seqkit.runs.directory import RunDirectory


class Predictions(list[dict[str, Any]]):
    """A list of predictions."""

    def _repr_html_(self) -> str:
        from seqkit.reports.notebook import predictions_html

        return predictions_html(self)


class Scores(dict[str, Any]):
    """The metrics of a data set."""

    def _repr_html_(self) -> str:
        from seqkit.reports.notebook import scores_html

        return scores_html(self)


class RunResult(dict[str, Any]):
    """The content of result.json.

    Args:
        content: the content.
        directory: the run directory.
    """

    def __init__(self, content: dict[str, Any], directory: RunDirectory) -> None:
        super().__init__(content)
        self._directory = directory

    def _repr_html_(self) -> str | None:
        from seqkit.reports.notebook import result_html

        try:
            return result_html(self, self._directory)
        except SeqkitError:  # a notebook then shows the dictionary
            return None
