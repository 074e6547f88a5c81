"""The sections of a recipe that are not components: their keys, types, bounds and defaults."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from seqkit.contracts import Fraction, NonNegativeInt, PositiveFloat, PositiveInt

NonNegativeFloat = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(gt=0, le=1)]
Betas = Annotated[tuple[Fraction, Fraction], Field(strict=False)]
"""Strict checking would take nothing but a tuple, and a recipe holds lists."""


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        rule = "at most 64 letters (a to z), digits, `.`, `_` and `-`, a letter or digit first"
        raise ValueError(f"must be {rule}, as it names a folder; not '{text}'")
    return text


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", text):
        raise ValueError(f"must be one of auto, cpu, cuda, cuda:0 (or another number), mps; not '{text}'")
    return text


def _requirement(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise ValueError(f"must be a package's name, `seqkit-tagging` or `seqkit-tagging>=0.1`; not '{text}'") from None
    if requirement.url or requirement.extras or requirement.marker:
        raise ValueError(f"must be a package's name and version alone, not '{text}'")
    return text


def _long_form(value: Any) -> Any:
    """A name alone stands for a mapping with that type: `optimizer: adam`."""
    return {"type": value} if isinstance(value, str) else value


def _optimizer(value: Any) -> Any:
    """The same, and a mapping without a type is the default's: `train.optimizer.lr=0.01`."""
    value = _long_form(value)
    return {"type": "adam"} | value if isinstance(value, dict) else value


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class HashSplit(Section):
    """An example's side depends on its text alone: u = int(sha256(text.strip()), 16) % 1000 / 1000.

    Without `folds`, test is u < test and valid is test <= u < test + valid. With `folds`, test is
    fold/folds <= u < (fold+1)/folds, and valid the part of that width above it (from 0 again past 1).
    """

    by: Literal["hash"]
    valid: Fraction = 0.0
    test: Fraction = 0.0
    folds: Annotated[int, Field(ge=2, le=100)] | None = None
    fold: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _consistent(self) -> HashSplit:
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds: give folds and fold together")
        if self.folds is not None and self.fold is not None:
            if self.fold >= self.folds:
                raise ValueError(f"fold: must be below folds, {self.folds}")
            if self.test:
                raise ValueError("test: its size is 1/folds when folds are given; leave it out")
            if self.valid + 1 / self.folds >= 1:
                raise ValueError("valid: nothing would be left to train on")
        elif self.valid + self.test >= 1:
            raise ValueError("valid: nothing would be left to train on: valid + test must be below 1")
        return self


class RandomSplit(Section):
    """Drawn by the recipe's seed, each label in proportion."""

    by: Literal["random"]
    valid: Fraction = 0.0
    test: Fraction = 0.0

    @model_validator(mode="after")
    def _leaves_something(self) -> RandomSplit:
        if self.valid + self.test >= 1:
            raise ValueError("valid: nothing would be left to train on: valid + test must be below 1")
        return self


class OrderSplit(Section):
    """The first part trains, the next validates, the last tests. One long text is cut at its characters."""

    by: Literal["order"]
    valid: Fraction = 0.0
    test: Fraction = 0.0

    @model_validator(mode="after")
    def _leaves_something(self) -> OrderSplit:
        if self.valid + self.test >= 1:
            raise ValueError("valid: nothing would be left to train on: valid + test must be below 1")
        return self


Split = Annotated[HashSplit | RandomSplit | OrderSplit, Field(discriminator="by")]


class Adam(Section):
    """Kingma and Ba, 2015."""

    type: Literal["adam"] = "adam"
    lr: PositiveFloat = 0.001
    betas: Betas = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0


class AdamW(Section):
    """Adam with decoupled weight decay: Loshchilov and Hutter, 2019."""

    type: Literal["adamw"]
    lr: PositiveFloat = 0.001
    betas: Betas = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.01


class SGD(Section):
    type: Literal["sgd"]
    lr: PositiveFloat = 0.1
    momentum: Fraction = 0.0
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGD:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: needs a momentum above 0")
        return self


class RMSprop(Section):
    """Tieleman and Hinton, 2012."""

    type: Literal["rmsprop"]
    lr: PositiveFloat = 0.001
    alpha: Fraction = 0.99
    eps: PositiveFloat = 1e-8
    momentum: Fraction = 0.0
    weight_decay: NonNegativeFloat = 0.0


Optimizer = Annotated[Adam | AdamW | SGD | RMSprop, Field(discriminator="type"), BeforeValidator(_optimizer)]


class Schedule(Section):
    """The learning rate over the steps: up in a line over `warmup` steps, then by type.

    Attributes:
        type: constant; linear or cosine, from the optimizer's lr down to `final` times it at the last step; step, times
            `gamma` every `every` epochs.
    """

    type: Literal["constant", "linear", "cosine", "step"] = "constant"
    warmup: NonNegativeInt = 0
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    every: PositiveInt = 1
    gamma: Probability = 0.5


class EarlyStopping(Section):
    """Stops after `patience` evaluations without a gain of more than `min_delta` in the metric of `train.metric`."""

    patience: PositiveInt = 3
    min_delta: NonNegativeFloat = 0.0


class Train(Section):
    """How to train.

    Attributes:
        epochs, steps: how long: one of them; 10 epochs when neither is given.
        batch_size: rows a batch; with `sequence_length`, the number of streams that the text is cut into.
        sequence_length: cut long rows into windows of so many steps, for truncated back-propagation.
        carry_state: with `sequence_length`: start a window where the one before it ended, for a causal encoder.
        clip_norm: scale the gradient down to this norm where it is longer.
        metric: what chooses the best epoch, on the validation split: `loss`, or one of the head's metrics.
        evaluate_every: evaluate after so many epochs.
        checkpoint_seconds: save this often, between two steps; 0 saves after each. The end is always saved.
        device: auto takes a GPU where there is one.
        threads: of the CPU; auto chooses by the size of the model and the number of cores.
    """

    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    batch_size: PositiveInt = 32
    sequence_length: PositiveInt | None = None
    carry_state: bool = True
    optimizer: Optimizer = Adam()
    schedule: Annotated[Schedule, BeforeValidator(_long_form)] = Schedule()
    clip_norm: PositiveFloat | None = None
    metric: str = "loss"
    early_stopping: EarlyStopping | None = None
    evaluate_every: PositiveInt = 1
    checkpoint_seconds: NonNegativeFloat = 30.0
    device: Annotated[str, AfterValidator(_device)] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"

    @model_validator(mode="after")
    def _one_length(self) -> Train:
        if self.epochs is not None and self.steps is not None:
            raise ValueError("steps: give epochs or steps, not both")
        return self


class Generate(Section):
    """What to write once trained, and what `seqkit generate` does unless told otherwise.

    Attributes:
        prompt: what to go on from.
        length: how many tokens (characters) to write at most.
        temperature: divides the logits; 0 always takes the likeliest.
        top_k: draw from so many likeliest.
        top_p: draw from the likeliest that together hold this probability.
        seed: of the draws; the recipe's seed when not given.
        stop: end before the first of these texts.
    """

    prompt: Annotated[str, Field(min_length=1)] | None = None
    length: PositiveInt = 100
    temperature: NonNegativeFloat = 0.0
    top_k: PositiveInt | None = None
    top_p: Probability | None = None
    seed: NonNegativeInt | None = None
    stop: list[Annotated[str, Field(min_length=1)]] = []

    @model_validator(mode="before")
    @classmethod
    def _one_stop(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("stop"), str):
            return {**values, "stop": [values["stop"]]}
        return values


class Top(Section):
    """The keys of a recipe that are not components.

    Attributes:
        name: of the run; the recipe's file name when not given.
        seed: of the weights, the order of the data, dropout and drawing.
        predict: texts to answer once trained.
        baseline: the floor from the same split, beside the result.
        plugins: the packages that the recipe needs, by name: `seqkit-tagging`, or `seqkit-tagging>=0.1`.
    """

    name: Annotated[str, AfterValidator(_name)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    train: Train = Train()
    generate: Generate | None = None
    predict: list[Annotated[str, Field(min_length=1)]] = []
    baseline: Literal["on", "off"] | bool = "on"
    plugins: list[Annotated[str, AfterValidator(_requirement)]] = []
