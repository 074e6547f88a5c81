"""A run directory, opened: what a trained model writes, answers and scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.errors import DataError, PluginError, UnknownText, UsageError
from seqkit.hookspecs import KINDS
from seqkit.rundir import RunDirectory, read_json

if TYPE_CHECKING:
    from seqkit.contracts import Reader, Tokenizer
    from seqkit.model import Model
    from seqkit.plan import Plan
    from seqkit.registry import Registry


class Run:
    """A trained run. Everything it answers comes from its directory alone.

    Attributes:
        path: the run directory.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.path = directory.path
        self._plan = directory.read_plan()

    def __repr__(self) -> str:
        return f"<seqkit run {self.path}>"

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe as it was run, every default filled in."""
        return self._plan["recipe"]

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
        prompt: str | None = None,
        length: int | None = None,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
    ) -> str:
        """Returns what follows a prompt. What is not given is taken from the recipe's `generate` section.

        Args:
            prompt: what to go on from.
            length: how many tokens (characters) at most.
            temperature: divides the logits; 0 always takes the likeliest.
            top_k: draw from so many likeliest.
            top_p: draw from the fewest likeliest that together hold this probability.
            seed: of the draws.
            stop: end before the first of these texts.

        Raises:
            UsageError: the prompt cannot be encoded, a number is out of bounds, or this run does not write.
        """
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed, "stop": stop}
        return "".join(self.stream(prompt, length, **options))

    def stream(self, prompt: str | None = None, length: int | None = None, **options: Any) -> Iterator[str]:
        """Yields what `generate` returns, piece by piece."""
        from seqkit.infer.generate import generate

        settings = self.generate_settings(prompt=prompt, length=length, **options)
        engine = self._engine
        if not self._generates:
            raise UsageError(f"{self.path}: the head '{self.recipe['head']['type']}' does not write; use predict")
        tokenizer = self.tokenizer
        try:
            ids = tokenizer.encode(_checked(settings.pop("prompt")))
        except (UnknownText, UsageError) as error:
            raise UsageError(f"the prompt: {error}") from None
        if not len(ids):
            raise UsageError("the prompt: nothing in it is in the vocabulary")
        return generate(engine, tokenizer, ids, **settings)

    def generate_settings(self, **given: Any) -> dict[str, Any]:
        """Returns the settings of `generate`: what is given, else the recipe's, else the defaults.

        Raises:
            UsageError: one is out of bounds.
        """
        settings: dict[str, Any] = {"prompt": None, "length": 100, "temperature": 0.0, "seed": None, "stop": []}
        settings |= {"top_k": None, "top_p": None} | (self.recipe.get("generate") or {})
        settings |= {name: value for name, value in given.items() if value is not None}
        if isinstance(settings["stop"], str):
            settings["stop"] = [settings["stop"]]
        if settings["seed"] is None:
            settings["seed"] = self.recipe["seed"]
        if not settings["prompt"]:
            raise UsageError("a prompt is needed, to go on from: the recipe has none, and an empty one is none")
        if not all(isinstance(text, str) and text for text in settings["stop"]):
            raise UsageError("a stop text must not be empty")
        bounds = {
            "length": ("at least 1", lambda value: value >= 1),
            "temperature": ("at least 0 and finite", lambda value: 0 <= value < math.inf),
            "top_k": ("at least 1", lambda value: value >= 1),
            "top_p": ("above 0 and at most 1", lambda value: 0 < value <= 1),
            "seed": ("at least 0", lambda value: value >= 0),
        }
        for name, (bound, holds) in bounds.items():
            value = settings[name]
            if value is not None and not holds(value):
                raise UsageError(f"{name.replace('_', '-')} must be {bound}, not {value}")
        return settings

    def predict(self, texts: Sequence[Any]) -> list[dict[str, Any]]:
        """Returns the head's answer for each text: `{"text": …, "label": …, "probabilities": {label: p}}`.

        Args:
            texts: texts; or features, float (time, features), where the recipe's reader yields them.

        Raises:
            DataError: a text is empty, or holds what the tokenizer refuses.
            UsageError: this run's head does not label.
        """
        from seqkit.data import encode

        if isinstance(texts, str):
            raise UsageError("predict takes a list of texts")
        if self._generates:
            raise UsageError(f"{self.path}: the head '{self.recipe['head']['type']}' writes text; use generate")
        inputs = []
        for number, text in enumerate(texts, start=1):
            try:
                inputs.append(
                    self._checked_features(text) if self._reads_features else encode(_checked(text), self.tokenizer)
                )
            except (DataError, UsageError) as error:
                raise DataError(f"text {number} of {len(texts)}: {error}") from None
        if not inputs:
            return []
        return [
            ({"text": text} if isinstance(text, str) else {}) | answer
            for text, answer in zip(texts, self._answers(inputs), strict=True)
        ]

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

        plan, model = self._torch_model
        if isinstance(data, str | Path):
            examples = read(self._reader(plan, Path(data)), plan.reader.name)
        else:
            pairs = enumerate(data, start=1)
            examples = [Example(value, target, f"pair {number}") for number, (value, target) in pairs]
        if not examples:
            raise DataError("there is nothing to evaluate on")
        rows = make_rows(examples, None if self._reads_features else self.tokenizer, model.head)
        import torch

        from seqkit.evaluate import evaluate

        return {"examples": len(examples)} | evaluate(model, Dataset(examples, rows), plan.train, torch.device("cpu"))

    def _reader(self, plan: Plan, path: Path) -> Reader:
        """Builds the recipe's reader on another file."""
        spec = plan.reader
        if "path" not in spec.values:
            raise UsageError(f"the reader '{spec.name}' reads no file: evaluate in Python, on (input, target) pairs")
        values = spec.values | {"path": path}
        if spec.name == "text":
            values["text"] = None  # what the recipe itself held stands in place of a file
        if values.get("format") in ("csv", "tsv", "jsonl"):
            values["format"] = (
                "auto" if path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".ndjson") else values["format"]
            )
        try:
            return spec.cls(**values)
        except ValueError as error:
            raise UsageError(f"{path}: {error}") from None

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer.

        Raises:
            UsageError: this run reads features, and has none.
        """
        if self._reads_features:
            raise UsageError(f"{self.path}: reads features, not text")
        tokenizer = self._own_tokenizer() if self._is_own else self._resolved.tokenizer.build()  # type: ignore[union-attr]
        tokenizer.restore(self._fitted["tokenizer"])
        return tokenizer

    def _own_tokenizer(self) -> Tokenizer:
        from importlib import import_module

        from seqkit import builtin

        section = dict(self.recipe["tokenizer"])
        name = section.pop("type")
        target = next(str(entry.target) for entry in builtin.seqkit_tokenizers() if entry.name == name)
        module, _, attribute = target.partition(":")
        try:
            return getattr(import_module(module), attribute)(**section)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.directory.plan}: damaged: tokenizer: {error}") from None

    @property
    def _reads_features(self) -> bool:
        return self.recipe.get("tokenizer") is None

    def _checked_features(self, value: Any) -> np.ndarray:
        width = self._fitted.get("features")
        features = np.asarray(value)
        if features.ndim != 2 or features.shape[1] != width or not len(features) or features.dtype.kind not in "fiu":
            shape = f"of the shape {features.shape}" if features.ndim else repr(value)[:40]
            raise DataError(f"this run takes features, numbers of the shape (time, {width}), not {shape}")
        return features.astype(np.float32)

    @cached_property
    def _fitted(self) -> dict[str, Any]:
        return self.directory.read_fitted()

    @property
    def _generates(self) -> bool:
        return self.recipe["head"]["type"] == "next_char" if self._is_own else self._torch_model[1].head.generates

    @property
    def _is_own(self) -> bool:
        from seqkit.infer.numpy_engine import supports

        return supports(self.recipe)

    @cached_property
    def _engine(self) -> Any:
        if not self._is_own:
            from seqkit.infer.torch_engine import TorchEngine

            return TorchEngine(self._torch_model[1])
        from seqkit.infer.numpy_engine import NumpyEngine, read_weights

        return NumpyEngine(self.recipe, read_weights(self.directory.model), self._fitted["head"])

    def _answers(self, inputs: Sequence[Any]) -> list[dict[str, Any]]:
        if not self._is_own:
            return self._engine.predict(inputs)
        labels = self._engine.labels
        return [
            {"label": labels[int(row.argmax())], "probabilities": dict(zip(labels, map(float, row), strict=True))}
            for row in self._engine.label_probabilities(inputs)
        ]

    @cached_property
    def _resolved(self) -> Plan:
        """The plan, looked up among what is installed here."""
        from seqkit.recipe import Recipe
        from seqkit.registry import load_registry
        from seqkit.resolve import resolve

        registry = load_registry()
        _check_installed(self.path, self._plan.get("components", []), registry)
        return resolve(Recipe(json.loads(json.dumps(self.recipe)), ""), registry)

    @cached_property
    def _torch_model(self) -> tuple[Plan, Model]:
        """The plan, and the model as torch modules."""
        plan = self._resolved
        import torch

        from seqkit.checkpoint import load_weights, read_weights
        from seqkit.model import build_model
        from seqkit.plan import BuildError

        head = plan.head.build()
        try:
            head.restore(self._fitted["head"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{self.directory.tokenizer}: damaged: the head cannot read its state: {error}") from None
        tokenizer = None if self._reads_features else self.tokenizer
        with torch.random.fork_rng(devices=[]):
            try:
                model = build_model(plan, tokenizer, head, self._fitted.get("features"))
            except BuildError as error:
                raise DataError(f"{self.directory.plan}: {'.'.join(error.path)}: {error}") from None
        load_weights(model, read_weights(self.directory.model), self.directory.model)
        return plan, model.eval()


def _check_installed(path: Path, components: Sequence[Mapping[str, str]], registry: Registry) -> None:
    """Raises PluginError naming what to install when the provider of a component is not here."""
    from seqkit.registry import SESSION

    registry.check()
    for component in components:
        kind, name, distribution = (str(component.get(key)) for key in ("kind", "name", "distribution"))
        if kind in KINDS and name not in registry.names(kind):
            if distribution == SESSION:
                remedy = "it was registered by a script: do so again (`seqkit.register`) before loading the run"
            else:
                remedy = f"install {distribution} {component.get('version')}"
            raise PluginError(f"{path}: the {kind} '{name}' is not here: {remedy}")


def _checked(text: Any) -> str:
    """Returns a text that can be encoded; a command line can hold bytes that are not text."""
    if not isinstance(text, str):
        raise UsageError(f"must be text, not {text!r:.40}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"character {error.start + 1} is not Unicode text") from None
    return text
