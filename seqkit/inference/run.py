"""A trained run: generate text, predict and evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import Example
from seqkit.data.memory import read_inputs
from seqkit.data.notes import report_notes
from seqkit.data.values import as_pair
from seqkit.errors import UsageError
from seqkit.inference.inputs import examples_of_inputs, list_of, read_named
from seqkit.inference.rebuild import rebuild_reader
from seqkit.inference.results import Predictions, RunResult
from seqkit.inference.run_evaluation import RunEvaluation
from seqkit.inference.run_generation import RunGeneration
from seqkit.messages import message
from seqkit.runs.files import read_json

if TYPE_CHECKING:
    from pandas import DataFrame

    from seqkit.explain.explanation import Explanation
    from seqkit.modeling.model import Model
    from seqkit.reports.picture import Picture


class Run(RunGeneration, RunEvaluation):
    """A trained run, or an ensemble. It needs only its run directory, whose files are read when first needed.

    Args:
        directory: the run directory.

    Attributes:
        directory: the run directory, with the paths of its files.
        path: the path of the run directory.

    Raises:
        DataError: plan.json is corrupt. Every method raises it for the files that it needs.
    """

    @property
    def result(self) -> dict[str, Any]:
        """The contents of result.json: examples, metrics, baseline, timing, generated texts, predictions.

        Raises:
            UsageError: an ensemble has none.
        """
        self._check_single(message("a result of training: use evaluate"))
        return RunResult(read_json(self.directory.result), self.directory)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl.

        Raises:
            UsageError: an ensemble has none.
        """
        self._check_single(message("metrics of training: use evaluate"))
        from seqkit.runs.metrics import read_metrics

        return read_metrics(self.directory.metrics)

    def report(self, output: str | Path | None = None) -> Path:
        """Write the report of the run as one HTML file, and return its path.

        Args:
            output: the file; by default report.html of the run directory.

        Raises:
            DataError: a file of the run is corrupt.
            UsageError: the file cannot be written.
        """
        from seqkit.reports.report import report

        return report([self.directory], None if output is None else Path(output))

    def curves(self, metric: str = "loss", *others: Run) -> Picture:
        """Return a chart of a metric by step, which a notebook shows. `run.curves().save("loss.svg")` writes it.

        Args:
            metric: the metric; those of `run.metrics` are possible.
            others: runs whose curves are drawn beside that of this one.

        Raises:
            UsageError: a run has no such metric; or an ensemble has none.
        """
        from seqkit.reports.contents import read_contents
        from seqkit.reports.picture import curves_picture

        for run in (self, *others):
            run._check_single(message("curves: load its members"))
        return curves_picture([read_contents(run.directory) for run in (self, *others)], metric)

    @property
    def history(self) -> DataFrame:
        """The rows of metrics.jsonl as a pandas DataFrame: one row per epoch and split.

        Raises:
            UsageError: pandas is not installed; or an ensemble has none.
        """
        rows = self.metrics
        try:
            from pandas import DataFrame
        except ImportError:
            raise UsageError(
                message("history is a DataFrame, and pandas is not installed: pip install pandas, or use run.metrics")
            ) from None
        return DataFrame(rows)

    @property
    def model(self) -> Model:
        """The torch module, in evaluation mode on the CPU, with the weights of the run.

        Raises:
            UsageError: an ensemble has several.
        """
        self._check_single(message("one model: load its members"))
        return self._parts.torch_engine.model

    def predict(self, texts: Iterable[Any]) -> list[dict[str, Any]]:
        """Return the prediction for each text: `{"text": …, "label": …, "probabilities": {label: p}}`.

        Args:
            texts: a list, a pandas Series or a NumPy array of texts, or of lists of words if the tokenizer takes them;
                or of features, float (time, features), if the recipe's reader yields them, or of what it reads them
                from one by one, such as paths of recordings; or of pairs of texts, `("first", "second")`, if it yields
                them: predictions then contain the second text as `text_pair`. Or any other form of data in memory that
                `seqkit.run` takes, whose targets are ignored.

        Raises:
            DataError: a text is empty, or the tokenizer rejects it; or a table has no such column.
            UsageError: the head of this run generates text or makes no predictions, or `texts` has no items in order,
                such as a table or a set.
        """
        self._check_predicts()
        if self.reads_features:
            wanted, example = message("predict takes a list of arrays (time, features)"), "run.predict([frame.values])"
        else:
            wanted, example = message("predict takes a list of strings"), "run.predict(frame['text'])"
        values = read_inputs(texts, lambda: self._parts.reader)
        if values is None:
            values = list_of(texts, wanted, example)
        if self.reads_pairs:
            values = [as_pair(value) for value in values]
        examples = examples_of_inputs(values, self.reads_features)
        return Predictions(prediction for _, prediction in self.predict_examples(examples))

    def predict_file(self, data: str | Path, **parameters: Any) -> list[dict[str, Any]]:
        """Return the prediction for each example of a file that the recipe's reader can read. It needs no targets.

        Args:
            data: the file.
            parameters: parameters of the reader that replace those of the recipe: `text="review", delimiter=";"`.

        Raises:
            DataError: the file cannot be read.
            UsageError: the head of this run generates text or makes no predictions, or its reader reads no file or has
                no such parameter.
        """
        with report_notes():
            return Predictions(
                prediction for _, prediction in self.predict_examples(self.read_file(data, **parameters))
            )

    def read_file(self, data: str | Path, **parameters: Any) -> Iterator[Example]:
        """Return an iterator over the examples of a file, as `predict_file` reads them. Raises as it does."""
        from seqkit.data.dataset import iterate_examples

        spec = self._parts.reader
        return iterate_examples(
            rebuild_reader(spec, Path(data), parameters, with_targets=False, pairs=self.reads_pairs), spec.name
        )

    def predict_examples(self, examples: Iterable[Example]) -> Iterator[tuple[Example, dict[str, Any]]]:
        """Return an iterator over examples, each with its prediction, which is computed block by block.

        The memory does not depend on the number of examples:

            for example, prediction in run.predict_examples(run.read_file("new.csv")):
                print(example.row, prediction["label"])

        Args:
            examples: as `read_file` returns them, or `seqkit.contracts.Example(text)` of your own.

        Raises:
            DataError: an input is invalid, or a prediction is not finite. Raised when its block is reached.
            UsageError: the head of this run generates text.
        """
        from seqkit.inference.predictions import predict_examples

        self._check_predicts()
        if self.reads_features:
            examples = read_named(examples, lambda: self._parts.built_reader)
        members = self._parts.members
        engines = [member.engine for member in members]
        return predict_examples(examples, engines, self._parts.weights, self._parts.temperature)

    def explain(
        self, text: Any, *, label: str | None = None, token: int | None = None, trace: bool = False
    ) -> Explanation:
        """Explain the prediction for one text: what each token adds, and what the model knows while it reads.

        Args:
            text: a text; a list of words if the tokenizer takes them; a pair of texts, or features, float (time,
                features), or the path of a recording, if the run reads them. For a head that generates, the text before
                the token that it predicts.
            label: the label to explain; by default the most probable one. For a head that generates, the next token.
            token: the number of the word whose label is explained, from 1, if the head predicts one for each word.
            trace: whether to add the gates and states of each layer, if the encoder has them.

        Raises:
            DataError: the text is empty, or the tokenizer rejects it.
            UsageError: the head has no scores to explain; there is no such label or token; the text is too long; or the
                run is an ensemble.
        """
        from seqkit.inference.explanation import explain

        self._check_single(message("one explanation: explain one of its members"))
        value = as_pair(text) if self.reads_pairs else text
        if self.reads_features:
            examples = [Example(value, location=message("the input"))]
            value = next(read_named(examples, lambda: self._parts.built_reader)).input
        return explain(
            self._parts.torch_engine,
            value,
            label=label,
            token=token,
            trace=trace,
            temperature=self._parts.temperature,
        )

    def _check_predicts(self) -> None:
        """Check that the head predicts.

        Raises:
            UsageError: it generates text.
        """
        if self._engine.generates:
            head = self._engine.head_name
            raise UsageError(message("{run}: the head '{head}' generates text: use generate", run=self.path, head=head))
