"""A trained run: generate text, predict and evaluate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.contracts import Example
from seqkit.data.notes import report_notes
from seqkit.errors import UsageError
from seqkit.inference.inputs import encode_prompts, list_of
from seqkit.inference.loading import RunParts
from seqkit.inference.rebuild import rebuild_reader
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import read_json

if TYPE_CHECKING:
    from seqkit.contracts import Tokenizer
    from seqkit.inference.engine import Engine
    from seqkit.inference.evaluation import Evaluation
    from seqkit.inference.options import GenerationConfig


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
        return read_json(self.directory.result)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl.

        Raises:
            UsageError: an ensemble has none.
        """
        self._check_single(message("metrics of training: use evaluate"))
        from seqkit.runs.metrics import read_metrics

        return read_metrics(self.directory.metrics)

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
                or of features, float (time, features), if the recipe's reader yields them.

        Raises:
            DataError: a text is empty, or the tokenizer rejects it.
            UsageError: the head of this run generates text or makes no predictions, or `texts` has no items in order,
                such as a table or a set.
        """
        self._check_predicts()
        if self._engine.tokenizer is None:
            wanted, example = message("predict takes a list of arrays (time, features)"), "run.predict([frame.values])"
        else:
            wanted, example = message("predict takes a list of strings"), "run.predict(frame['text'])"
        values = list_of(texts, wanted, example)
        examples = (
            Example(
                str(value) if isinstance(value, str) else value,  # a string of NumPy becomes Python's
                location=message("text {number} of {count}", number=number, count=len(values)),
            )
            for number, value in enumerate(values, start=1)
        )
        return [prediction for _, prediction in self.predict_examples(examples)]

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
            return [prediction for _, prediction in self.predict_examples(self.read_file(data, **parameters))]

    def read_file(self, data: str | Path, **parameters: Any) -> Iterator[Example]:
        """Return an iterator over the examples of a file, as `predict_file` reads them. Raises as it does."""
        from seqkit.data.dataset import iterate_examples

        spec = self._parts.reader
        return iterate_examples(rebuild_reader(spec, Path(data), parameters, with_targets=False), spec.name)

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
        engines = [member.engine for member in members]
        return predict_examples(examples, engines, self._parts.weights, self._parts.temperature)

    def evaluate(
        self,
        data: str | Path | Iterable[tuple[Any, Any]] | None = None,
        *,
        split: str | None = None,
        again: bool = False,
        by: str | None = None,
        samples: int | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Return the metrics of the head on new data; without data, those that training recorded.

        An ensemble has recorded none: it evaluates the test split that all of its members have recorded, and the
        result contains the metrics of each of the `members` too. For a language model, the result contains the bits
        per character of an n-gram model and of a compressor on the same text, if its data is still there.

        Args:
            data: a file that the recipe's reader can read; or (input, target) pairs.
            split: without data, `test`, `valid` or `train`; by default the first of them that the run has.
            again: without data, whether to read the data of the run again, and to evaluate it.
            by: a column of the data, other than those of the input and the target: the result contains the scores of
                the `groups` of examples with each of its values too.
            samples: of a language model, without data: the number of samples to generate at each of several
                temperatures: what they copy from the training text, how they repeat themselves, how they differ.
            parameters: parameters of the reader that replace those of the recipe, for a file; without data, `path` for
                data that has moved.

        Raises:
            DataError: the data cannot be read or is not that of the run, or the loss or a metric is not finite.
            UsageError: the recipe's reader cannot read this file, or has no such parameter; or there is no such split.
        """
        from seqkit.inference.recorded import choose_split, recorded_scores

        if data is not None:
            if samples is not None:
                raise UsageError(message("samples continue the data of the run: pass data or samples, not both"))
            return self.evaluation(data, split=split, by=by, **parameters).as_data()
        split = choose_split(self._parts, split)
        is_recorded = not (self._parts.is_ensemble or self._parts.temperature or again or by or parameters)
        scores = recorded_scores(self._parts, split) if is_recorded else None
        if scores is None:
            scores = self.evaluation(split=split, by=by, **parameters).as_data()
        if samples is None and ("bits_per_char" not in scores or self._parts.is_ensemble):
            return scores
        self._check_single(message("a text to generate: use one of its members"))
        from seqkit.inference.held_out_text import describe_text

        with report_notes():
            return scores | describe_text(self._parts, split, scores, samples, parameters.get("path"))

    def evaluation(
        self,
        data: str | Path | Iterable[tuple[Any, Any]] | None = None,
        *,
        split: str | None = None,
        by: str | None = None,
        **parameters: Any,
    ) -> Evaluation:
        """Return an evaluation of new data, or of a split that is read again. Takes the arguments of `evaluate`."""
        from seqkit.inference.error_list import score_groups
        from seqkit.inference.evaluation import Evaluation, read_data
        from seqkit.inference.recorded import choose_split

        if data is None:
            split = choose_split(self._parts, split)
        elif split is not None:
            raise UsageError(message("pass data or a split of the data that the run was trained with, not both"))
        with report_notes():
            examples = read_data(self._parts, data, parameters, split)
            evaluation = Evaluation(self._parts, examples, split, temperature=self._parts.temperature)
            evaluation.groups = None if by is None else score_groups(evaluation, by)
            return evaluation

    def errors(
        self,
        data: str | Path | Iterable[tuple[Any, Any]] | None = None,
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

    def calibrate(self, enabled: bool = True, *, path: str | Path | None = None) -> dict[str, Any] | None:
        """Fit the temperature of the predicted probabilities on the validation split, and store it with the run.

        The logits are divided by the temperature, one number (Guo et al., On Calibration of Modern Neural Networks,
        2017). `predict` and `evaluate` use it from then on, here and wherever the run is loaded: it changes
        probabilities, and no label. An ensemble has a temperature of the mean of its members.

        Args:
            enabled: False removes the temperature.
            path: the file of the validation split, if it has moved.

        Returns:
            `temperature`, `split`, `examples`, and the loss on them without and with the temperature; None if it is
            removed.

        Raises:
            UsageError: the head predicts no probabilities of labels, or the run has no validation split.
            DataError: the split has moved or changed, or it does not determine a temperature.
        """
        if not enabled:
            self.directory.calibration.unlink(missing_ok=True)
            return None
        from seqkit.inference.calibration import calibrate_run

        with report_notes():
            return calibrate_run(self._parts, None if path is None else Path(path))

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
