"""A trained run: generate text, predict and evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import Example
from seqkit.data.memory import as_pair, read_inputs
from seqkit.data.notes import report_notes
from seqkit.errors import SeqkitError, UsageError
from seqkit.inference.inputs import encode_prompts, list_of
from seqkit.inference.loading import RunParts
from seqkit.inference.rebuild import rebuild_reader
from seqkit.inference.results import Predictions, RunResult, Scores
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import read_json

if TYPE_CHECKING:
    from pandas import DataFrame

    from seqkit.contracts import Tokenizer
    from seqkit.inference.engine import Engine
    from seqkit.inference.options import GenerationConfig
    from seqkit.modeling.model import Model


class Run:
    """A trained run, or an ensemble. It needs only its run directory, whose files are read when first needed.

    Args:
        directory: the run directory.

    Attributes:
        directory: the run directory, with the paths of its files.
        path: the path of the run directory.

    Raises:
        DataError: plan.json is corrupt. Every method raises it for the files that it needs.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.path = directory.path
        self._parts = RunParts(directory)

    def __repr__(self) -> str:
        return f"<seqkit run {self.path}>"

    def _repr_html_(self) -> str | None:
        from seqkit.reports.notebook import run_html

        try:
            return None if self._parts.is_ensemble else run_html(self.directory)
        except SeqkitError:  # a notebook then shows what `repr` returns
            return None

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe, with all defaults. Paths that were relative are relative to the run directory.

        That of an ensemble is its first member's.
        """
        return self._parts.recipe

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

    @property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer.

        Raises:
            UsageError: the run has no tokenizer, since it reads features; or it is an ensemble.
        """
        self._check_single(message("a tokenizer: load one of its members"))
        tokenizer = self._engine.tokenizer
        if tokenizer is None:
            raise UsageError(message("{run}: has no tokenizer, since it reads features", run=self.path))
        return tokenizer

    @property
    def reads_pairs(self) -> bool:
        """Whether each input is a pair of texts."""
        return self._engine.reads_pairs

    def generate(
        self,
        prompt: str | Iterable[str] | None = None,
        length: int | None = None,
        *,
        samples: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> Any:
        """Generate the continuation of a prompt.

        Options that are not given are taken from the recipe's `generate` section.

        Args:
            prompt: the text to continue; or a list (a pandas Series, a NumPy array) of texts of any lengths, which are
                continued as a batch, with the same results as one by one.
            length: the maximum number of tokens.
            samples: the number of samples to generate from one prompt. The first sample is the text that is generated
                without `samples`. Each depends only on the seed and its index, so a larger number of samples begins
                with the same ones.
            temperature: divides the logits; 0 always takes the most likely token.
            top_k: sample from the K most likely tokens.
            top_p: nucleus sampling: sample from the smallest set of tokens whose probability reaches P.
            seed: random seed.
            stop: the text ends before the first of these.

        Returns:
            The text that follows the prompt; a list of texts for a list of prompts, or if `samples` is given.

        Raises:
            UsageError: a prompt cannot be encoded, an option is invalid, or the head of this run does not generate.
        """
        from seqkit.inference.generation import generate
        from seqkit.inference.numpy_engine.blas import parallel_map
        from seqkit.inference.sampling import row_generator

        is_single = prompt is None or isinstance(prompt, str)
        if prompt is not None and not isinstance(prompt, str):
            prompt = list_of(
                prompt, message("prompt must be a string or a list of strings"), "run.generate(frame['text'])"
            )
        config = self.generation_config(
            prompt=prompt if is_single else None,
            prompts=None if is_single else prompt,
            length=length,
            samples=samples,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            stop=stop,
        )
        engine = self._engine
        engine.load()
        rows = [(ids, 0) for ids in encode_prompts(config.prompts, self.tokenizer)]
        if config.samples:
            rows = [(rows[0][0], number) for number in range(config.samples)]
        blocks = parallel_map(
            lambda block, cancelled: generate(
                engine,
                self.tokenizer,
                [ids for ids, _ in block],
                length=config.length,
                sampling=config.sampling,
                generators=[row_generator(config.seed, number) for _, number in block],
                stop=config.stop,
                is_cancelled=cancelled.is_set,
            ),
            [rows[first : first + engine.max_rows] for first in range(0, len(rows), engine.max_rows)],
            threads=engine.thread_safe,
        )
        texts = [text for block in blocks for text in block]
        return texts[0] if is_single and samples is None else texts

    def stream(self, prompt: str | None = None, length: int | None = None, **options: Any) -> Iterator[str]:
        """Yield the text that `generate` returns for one prompt, in pieces. Takes the arguments of `generate`."""
        from seqkit.inference.generation import stream

        config = self.generation_config(prompt=prompt, length=length, **options)
        self._engine.load()  # a corrupt file is reported here, before the first piece is requested
        (ids,) = encode_prompts(config.prompts, self.tokenizer)
        return stream(
            self._engine,
            self.tokenizer,
            ids,
            length=config.length,
            sampling=config.sampling,
            seed=config.seed,
            stop=config.stop,
        )

    def generation_config(self, **options: Any) -> GenerationConfig:
        """Return the options that `generate` uses: those given, else the recipe's, else the defaults.

        Raises:
            UsageError: an option is invalid, there is no prompt, or the head of this run does not generate.
        """
        from seqkit.inference.options import generation_config

        if not self._engine.generates:
            head = self._engine.head_name
            raise UsageError(
                message("{run}: the head '{head}' does not generate text: use predict", run=self.path, head=head)
            )
        self._check_single(message("a text to generate: use one of its members"))
        return generation_config(options, self.recipe, self.directory.plan)

    def predict(self, texts: Iterable[Any]) -> list[dict[str, Any]]:
        """Return the prediction for each text: `{"text": …, "label": …, "probabilities": {label: p}}`.

        Args:
            texts: a list, a pandas Series or a NumPy array of texts, or of lists of words if the tokenizer takes them;
                or of features, float (time, features), if the recipe's reader yields them; or of pairs of texts,
                `("first", "second")`, if it yields them: predictions then contain the second text as `text_pair`. Or
                any other form of data in memory that `seqkit.run` takes, whose targets are ignored.

        Raises:
            DataError: a text is empty, or the tokenizer rejects it; or a table has no such column.
            UsageError: the head of this run generates text or makes no predictions, or `texts` has no items in order,
                such as a table or a set.
        """
        self._check_predicts()
        if self._engine.tokenizer is None:
            wanted, example = message("predict takes a list of arrays (time, features)"), "run.predict([frame.values])"
        else:
            wanted, example = message("predict takes a list of strings"), "run.predict(frame['text'])"
        values = read_inputs(texts, lambda: self._parts.reader)
        if values is None:
            values = list_of(texts, wanted, example)
        if self.reads_pairs:
            values = [as_pair(value) for value in values]
        examples = (
            Example(
                str(value) if isinstance(value, str) else value,  # a string of NumPy becomes Python's
                location=message("text {number} of {count}", number=number, count=len(values)),
            )
            for number, value in enumerate(values, start=1)
        )
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
        members = self._parts.members
        weights = self.directory.members if self._parts.is_ensemble else self.directory.model
        return predict_examples(examples, [member.engine for member in members], weights)

    def evaluate(self, data: Any, **parameters: Any) -> dict[str, Any]:
        """Return the metrics of the head on new data.

        Args:
            data: a file that the recipe's reader can read; or (input, target) pairs; or data in memory in another
                form that `seqkit.run` takes: `(texts, labels)`, a DataFrame.
            parameters: parameters of the reader that replace those of the recipe, for a file.

        Raises:
            DataError: the data cannot be read, or the loss or a metric is not finite.
            UsageError: the recipe's reader cannot read this file, or has no such parameter.
        """
        from seqkit.inference.evaluation import evaluate

        with report_notes():
            return Scores(evaluate(self._parts, data, parameters))

    @property
    def _engine(self) -> Engine:
        return self._parts.engine

    def _check_single(self, missing: str) -> None:
        """Check that the run is not an ensemble.

        Args:
            missing: what an ensemble does not have, and what to do.

        Raises:
            UsageError: it is one.
        """
        if self._parts.is_ensemble:
            raise UsageError(message("{run}: an ensemble does not have {missing}", run=self.path, missing=missing))

    def _check_predicts(self) -> None:
        """Check that the head predicts.

        Raises:
            UsageError: it generates text.
        """
        if self._engine.generates:
            head = self._engine.head_name
            raise UsageError(message("{run}: the head '{head}' generates text: use generate", run=self.path, head=head))
