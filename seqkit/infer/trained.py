"""A trained run: what its model writes, answers and scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.errors import DataError, UnknownText, UsageError
from seqkit.infer.loaded import Loaded
from seqkit.infer.rebuilt import rebuilt_reader
from seqkit.rundir import read_json

if TYPE_CHECKING:
    from seqkit.infer.writing import Writing


class Run(Loaded):
    """A trained run. Everything it answers comes from its directory alone.

    Attributes:
        path: the run directory.
        recipe: as it was run, every default filled in.
        tokenizer: fitted.
    """

    @property
    def result(self) -> dict[str, Any]:
        """What result.json says: examples, metrics, baseline, timing, generated, predictions."""
        return read_json(self.directory.result)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl."""
        from seqkit.metrics_log import read_metrics

        return read_metrics(self.directory.metrics)

    def generate(
        self,
        prompt: str | Sequence[str] | None = None,
        length: int | None = None,
        *,
        samples: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> Any:
        """Returns what follows a prompt: text, or a list of texts where several are asked for.

        What is not given is taken from the recipe's `generate` section.

        Args:
            prompt: what to go on from; or a list of such texts, of any lengths, which are written on side by side, each
                as it would be alone. The answer is then the list of what follows each.
            length: how many tokens (characters) at most.
            samples: draw so many continuations of the one prompt; the answer is their list. The first is what is
                written without `samples`. Each has a stream of draws of its own, which hangs on the seed and its place
                in the list alone: more samples leave those before them as they are.
            temperature: divides the logits; 0 always takes the likeliest.
            top_k: draw from so many likeliest.
            top_p: draw from the fewest likeliest that together hold this probability.
            seed: of the draws.
            stop: end before the first of these texts.

        Raises:
            UsageError: a prompt cannot be encoded, a number is out of bounds, or this run does not write.
        """
        from seqkit.infer.cores import spread
        from seqkit.infer.generate import write
        from seqkit.infer.sampling import generator

        alone = prompt is None or isinstance(prompt, str)
        settings = self.writing(
            prompt=prompt if alone else None,
            prompts=None if alone else prompt,
            length=length,
            samples=samples,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            stop=stop,
        )
        engine = self._engine
        rows = [(ids, 0) for ids in self._prompt_ids(settings.prompts)]
        if settings.samples:
            rows = [(rows[0][0], number) for number in range(settings.samples)]
        texts = spread(
            lambda block, ended: write(
                engine,
                self.tokenizer,
                [ids for ids, _ in block],
                length=settings.length,
                drawing=settings.drawing,
                generators=[generator(settings.seed, number) for _, number in block],
                stop=settings.stop,
                ended=ended.is_set,
            ),
            [rows[first : first + engine.max_rows] for first in range(0, len(rows), engine.max_rows)],
            threads=self._is_own,
        )
        written = [text for block in texts for text in block]
        return written[0] if alone and samples is None else written

    def stream(self, prompt: str | None = None, length: int | None = None, **options: Any) -> Iterator[str]:
        """Yields what `generate` returns for one prompt, piece by piece."""
        from seqkit.infer.generate import stream

        settings = self.writing(prompt=prompt, length=length, **options)
        engine = self._engine
        (ids,) = self._prompt_ids(settings.prompts)
        return stream(
            engine,
            self.tokenizer,
            ids,
            length=settings.length,
            drawing=settings.drawing,
            seed=settings.seed,
            stop=settings.stop,
        )

    def writing(self, **given: Any) -> Writing:
        """Returns what `generate` is to do by these options: what is given, else the recipe's, else the defaults.

        Raises:
            UsageError: one is out of bounds, there is no prompt, or this run does not write.
        """
        from seqkit.infer.writing import writing

        if not self._generates:
            raise UsageError(f"{self.path}: the head '{self._head_name}' does not write; use predict")
        return writing(given, self.recipe, self.directory.plan)

    def _prompt_ids(self, prompts: Sequence[str]) -> list[np.ndarray]:
        encoded = []
        for number, prompt in enumerate(prompts, start=1):
            place = "the prompt" if len(prompts) == 1 else f"prompt {number} of {len(prompts)}"
            try:
                encoded.append(self.tokenizer.encode(_checked(prompt)))
            except (UnknownText, UsageError) as error:
                raise UsageError(f"{place}: {error}") from None
            if not len(encoded[-1]):
                raise UsageError(f"{place}: nothing in it is in the vocabulary")
        return encoded

    def predict(self, texts: Sequence[Any]) -> list[dict[str, Any]]:
        """Returns the head's answer for each text: `{"text": …, "label": …, "probabilities": {label: p}}`.

        Args:
            texts: texts (or lists of words, where the tokenizer takes them); or features, float (time, features),
                where the recipe's reader yields them.

        Raises:
            DataError: a text is empty, or holds what the tokenizer refuses.
            UsageError: this run's head does not label.
        """
        if isinstance(texts, str) or not isinstance(texts, Iterable):
            raise UsageError(f"predict takes a list of texts, not {texts!r:.40}")
        if self._generates:
            raise UsageError(f"{self.path}: the head '{self._head_name}' writes text; use generate")
        texts = list(texts)
        return self._predict(texts, [f"text {number} of {len(texts)}" for number in range(1, len(texts) + 1)])

    def predict_file(self, data: str | Path) -> list[dict[str, Any]]:
        """Returns the head's answer for each example of a file of the form that the recipe's reader reads.

        Raises:
            DataError: the file cannot be read.
            UsageError: this run's head does not label, or its reader reads no file.
        """
        from seqkit.data import read

        if self._generates:
            raise UsageError(f"{self.path}: the head '{self._head_name}' writes text; use generate")
        plan = self._resolved
        examples = read(rebuilt_reader(plan, Path(data)), plan.reader.name)
        return self._predict(
            [example.input for example in examples],
            [example.where or f"example {number}" for number, example in enumerate(examples, start=1)],
        )

    def _predict(self, values: Sequence[Any], places: Sequence[str]) -> list[dict[str, Any]]:
        """Returns the head's answer for each value, which stands at a place."""
        inputs = []
        for value, place in zip(values, places, strict=True):
            try:
                inputs.append(self._encoded(value))
            except (DataError, UsageError) as error:
                raise DataError(f"{place}: {error}") from None
        if not inputs:
            return []
        return [
            ({"text": value} if isinstance(value, str) else {}) | answer
            for value, answer in zip(values, self._answers(values, inputs), strict=True)
        ]

    def _encoded(self, value: Any) -> np.ndarray:
        """Returns the ids or the features that the model reads to answer for an input."""
        from seqkit.data import encode

        if self._reads_features:
            return self._torch_model[1].head.predict_input(self._checked_features(value))
        ids = encode(self._checked_text(value), self.tokenizer)
        return ids if self._is_own else self._torch_model[1].head.predict_input(ids)

    def _as_words(self, value: Any) -> Any:
        if isinstance(value, str) and self.tokenizer.takes_words:
            return self.tokenizer.words(value)
        return value

    def _checked_text(self, value: Any) -> Any:
        if self.tokenizer.takes_words and isinstance(value, list | tuple):
            return [_checked(word) for word in value]
        return _checked(value)

    def evaluate(self, data: str | Path | Sequence[tuple[Any, Any]]) -> dict[str, Any]:
        """Returns the head's metrics on new data.

        Args:
            data: a file of the form that the recipe's reader reads; or (input, target) pairs.

        Raises:
            DataError: the data cannot be read, or holds a label that training did not.
            UsageError: the file is not one that the recipe's reader reads.
        """
        from seqkit.contracts import Example
        from seqkit.data import Dataset, make_rows, read
        from seqkit.long_text import read_long_texts

        is_file = isinstance(data, str | Path)
        if (is_file and "\0" in str(data)) or not (is_file or isinstance(data, Iterable)):
            raise UsageError(f"evaluate takes a file, or a list of (input, target) pairs, not {data!r:.40}")
        plan, model = self._torch_model
        if isinstance(data, str | Path):
            reader = rebuilt_reader(plan, Path(data))
            tokenizer = None if self._reads_features else self.tokenizer
            long_texts = read_long_texts(plan, {"test": reader}, tokenizer, model.head, is_fitted=True)
            examples = long_texts.splits["test"] if long_texts else read(reader, plan.reader.name)
        else:
            examples = [Example(*self._checked_pair(pair, number)) for number, pair in enumerate(data, start=1)]
        if not examples:
            raise DataError("there is nothing to evaluate on")
        rows = make_rows(examples, None if self._reads_features else self.tokenizer, model.head)
        import torch

        from seqkit.evaluate import evaluate

        return {"examples": len(examples)} | evaluate(model, Dataset(examples, rows), plan.train, torch.device("cpu"))

    def _checked_pair(self, pair: Any, number: int) -> tuple[Any, Any, str]:
        """Returns input, target and place of one pair."""
        where = f"pair {number}"
        try:
            value, target = [pair] if isinstance(pair, str) else pair  # two characters are no pair
        except (TypeError, ValueError):
            raise UsageError(f"{where}: must be (input, target), not {pair!r:.40}") from None
        try:
            return (
                (self._checked_features(value) if self._reads_features else self._checked_text(value)),
                target,
                where,
            )
        except (DataError, UsageError) as error:
            raise DataError(f"{where}: {error}") from None

    def _checked_features(self, value: Any) -> np.ndarray:
        width = self._fitted.get("features")
        features = np.asarray(value)
        if features.ndim != 2 or features.shape[1] != width or not len(features) or features.dtype.kind not in "fiu":
            shape = f"of the shape {features.shape}" if features.ndim else repr(value)[:40]
            raise DataError(f"this run takes features, numbers of the shape (time, {width}), not {shape}")
        return features.astype(np.float32)

    def _answers(self, values: Sequence[Any], inputs: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        if not self._is_own:
            head = self._torch_model[1].head
            return [
                head.answer(prediction, self._as_words(value))
                for value, prediction in zip(values, self._engine.predict(inputs), strict=True)
            ]
        labels = self._engine.labels
        return [
            {"label": labels[int(row.argmax())], "probabilities": dict(zip(labels, map(float, row), strict=True))}
            for row in self._engine.label_probabilities(inputs)
        ]


def _checked(text: Any) -> str:
    """Returns a text that can be encoded; a command line can hold bytes that are not text."""
    if not isinstance(text, str):
        raise UsageError(f"must be text, not {text!r:.40}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"character {error.start + 1} is not Unicode text") from None
    return text
