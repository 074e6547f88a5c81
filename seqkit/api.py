"""The Python interface: `seqkit.run`, `seqkit.load` and what they return."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import DataError, PluginError, UnknownText, UsageError
from seqkit.rundir import RunDirectory, read_json

if TYPE_CHECKING:
    from seqkit.contracts import Tokenizer
    from seqkit.model import Model


def run(
    recipe: str | Path | Mapping[str, Any],
    *,
    runs: str | Path = "runs",
    resume: str | Path | None = None,
    quiet: bool = False,
    **overrides: Any,
) -> Run:
    """Trains what a recipe says.

        seqkit.run("recipes/char_gen.yaml", seed=2, encoder={"hidden_size": 64})
        seqkit.run("recipes/char_gen.yaml", encoder__hidden_size=64)

    Args:
        recipe: a file, or the recipe itself as a dictionary (its paths are relative to the current folder).
        runs: the folder under which the run directory is made.
        resume: a run directory to go on with.
        quiet: print nothing.
        overrides: sections or keys that replace the recipe's; a dictionary is merged in, and `__` steps into a section.

    Returns:
        The finished run.

    Raises:
        RecipeError, DataError, PluginError, NotFiniteError: as on the command line.
    """
    from seqkit.experiment import run_recipe
    from seqkit.recipe import DICTIONARY, read_recipe
    from seqkit.registry import load_registry
    from seqkit.report import Report

    read = read_recipe(recipe)
    for key, value in overrides.items():
        read.set(tuple(key.replace("__", ".").split(".")), json.loads(json.dumps(value)), DICTIONARY)
    report = Report(None) if quiet else Report()
    return Run(run_recipe(read, load_registry(), Path(runs), report, resume=resume))


def load(run_dir: str | Path) -> Run:
    """Opens a run directory.

    Raises:
        UsageError: it is not one.
        DataError: it is damaged.
    """
    return Run(RunDirectory.open(run_dir))


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
            ids = tokenizer.encode(_checked_text(settings.pop("prompt"), "the prompt"))
        except UnknownText as error:
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
        for name, least, most in (
            ("length", 1, None),
            ("temperature", 0, None),
            ("top_k", 1, None),
            ("top_p", 0, 1),
            ("seed", 0, None),
        ):
            value = settings[name]
            if value is not None and (not value >= least or (most is not None and value > most)):
                bound = f"between {least} and {most}" if most else f"at least {least}"
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
                inputs.append(encode(_checked_text(text, "it"), self.tokenizer if isinstance(text, str) else None))
            except (DataError, UsageError) as error:
                raise DataError(f"text {number} of {len(texts)}: {error}") from None
        if not inputs:
            return []
        answers = self._answers(inputs)
        return [
            ({"text": text} if isinstance(text, str) else {}) | answer
            for text, answer in zip(texts, answers, strict=True)
        ]

    def evaluate(self, data: str | Path | Sequence[tuple[Any, Any]]) -> dict[str, Any]:
        """Returns the head's metrics on new data.

        Args:
            data: a file of the form that the recipe's reader reads; or (input, target) pairs.

        Raises:
            DataError: the data cannot be read, or holds a label that training did not.
        """
        import torch

        from seqkit.contracts import Example
        from seqkit.data import Dataset, make_rows, read
        from seqkit.evaluate import evaluate

        plan, model = self._torch_model
        if isinstance(data, str | Path):
            reader = plan.reader
            if "path" not in reader.values:
                raise UsageError(f"the reader '{reader.name}' has no path: give (input, target) pairs")
            # Text that the recipe itself held stands in place of a file, and the other way round.
            inline = {"text": None} if reader.name == "text" else {}
            examples = read(reader.cls(**reader.values | inline | {"path": Path(data)}), reader.name)
        else:
            examples = [
                Example(value, target, f"pair {number}") for number, (value, target) in enumerate(data, start=1)
            ]
        if not examples:
            raise DataError("there is nothing to evaluate on")
        rows = make_rows(examples, self.tokenizer, model.head)
        return {"examples": len(examples)} | evaluate(model, Dataset(examples, rows), plan.train, torch.device("cpu"))

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer."""
        from seqkit.infer.numpy_engine import OWN

        section = self.recipe["tokenizer"]
        name = section["type"]
        if name in OWN["tokenizer"]:
            from importlib import import_module

            from seqkit import builtin

            target = next(str(entry.target) for entry in builtin.seqkit_tokenizers() if entry.name == name)
            module, _, attribute = target.partition(":")
            cls = getattr(import_module(module), attribute)
        else:
            cls = self._registered("tokenizer", name)
        tokenizer = cls(**{key: value for key, value in section.items() if key != "type"})
        tokenizer.restore(self._fitted["tokenizer"])
        return tokenizer

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
    def _torch_model(self) -> tuple[Any, Model]:
        """The plan, and the model as torch modules."""
        import torch

        from seqkit.checkpoint import load_weights, read_weights
        from seqkit.model import build_model
        from seqkit.plan import BuildError
        from seqkit.recipe import Recipe
        from seqkit.registry import load_registry
        from seqkit.resolve import resolve

        self._check_plugins()
        plan = resolve(Recipe(json.loads(json.dumps(self.recipe)), ""), load_registry())
        head = plan.head.build()
        try:
            head.restore(self._fitted["head"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{self.directory.tokenizer}: damaged: the head cannot read its state: {error}") from None
        with torch.random.fork_rng(devices=[]):
            try:
                model = build_model(
                    plan, self.tokenizer if plan.tokenizer else None, head, self._fitted.get("features")
                )
            except BuildError as error:
                raise DataError(f"{self.directory.plan}: {'.'.join(error.path)}: {error}") from None
        load_weights(model, read_weights(self.directory.model), self.directory.model)
        return plan, model.eval()

    def _registered(self, kind: str, name: str) -> type:
        from seqkit.registry import load_registry

        self._check_plugins()
        try:
            return load_registry().check().get(kind, name).load()
        except LookupError as error:
            raise PluginError(str(error)) from None

    def _check_plugins(self) -> None:
        """Raises PluginError naming what to install when a component's provider is not there."""
        from seqkit.registry import load_registry

        registry = load_registry().check()
        for kind, section in _components(self.recipe):
            name = section.get("type")
            if name not in registry.names(kind):
                providers = ", ".join(
                    f"{package} {version}"
                    for package, version in self._plan.get("versions", {}).items()
                    if package not in ("python", "torch", "numpy", "seqkit")
                )
                raise PluginError(
                    f"{self.path}: needs the {kind} '{name}': install {providers or 'the plugin that has it'}"
                )


def _components(recipe: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    from seqkit.plan import SECTIONS

    for key, kind in SECTIONS.items():
        if isinstance(recipe.get(key), dict):
            yield kind, recipe[key]


def _checked_text(text: Any, what: str) -> Any:
    """Returns a text that can be encoded; a command line can hold bytes that are not text."""
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{what}: character {error.start + 1} is not Unicode text") from None
    return text
