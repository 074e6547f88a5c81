"""The sections of a recipe that are not components: their keys, types, bounds and defaults.

A section is a class like a component: its keys are keyword-only parameters with annotations. A component that it holds
is marked by `Nested`, as in a component; its default is a name, which `resolve` replaces. No pydantic is imported here,
so `seqkit generate` can check its options against `Generate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Le, Lt, MaxLen, MinLen

from seqkit.contracts import (
    Fraction,
    Nested,
    NonEmptyText,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)
from seqkit.messages import message
from seqkit.recipe.descriptions import Satisfies
from seqkit.recipe.generation import Generate
from seqkit.recipe.rules import Problem
from seqkit.recipe.run_name import is_run_name
from seqkit.recipe.section import Section
from seqkit.registry.requirements import split_source


def _is_requirement(text: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    named, source = split_source(text)
    try:
        requirement = Requirement(named)
    except InvalidRequirement:
        return False
    is_source = source is None or (source != "" and source.isprintable())
    return is_source and not (requirement.url or requirement.extras or requirement.marker)


def _is_device(text: str) -> bool:
    return re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", text) is not None


RunName = Annotated[
    str,
    Satisfies(
        is_run_name,
        message("a folder name of at most 64 letters, digits, `.`, `_` and `-` (200 bytes), a letter or digit first"),
    ),
]
Device = Annotated[
    str, Satisfies(_is_device, message("one of auto, cpu, mps, cuda, or cuda:N where N is the number of a GPU"))
]
PluginRequirement = Annotated[
    str,
    Satisfies(
        _is_requirement,
        message(
            "the name of a package, with or without versions and where to install it from: "
            "`seqkit-tagging>=0.1 @ ../seqkit-tagging`"
        ),
    ),
]


@dataclass(frozen=True, kw_only=True)
class HashSplit(Section):
    """A split by the hash of the text: u = int(sha256(text.strip()), 16) % 1000 / 1000.

    The split of an example depends on its text alone. Without `folds`, test is u < test and valid is
    test <= u < test + valid. With `folds`, test is fold/folds <= u < (fold+1)/folds, and valid the part of width
    `valid` that follows it, continued from 0 past 1.

    Attributes:
        valid: the fraction of the validation split.
        test: the fraction of the test split.
        folds: the number of folds for cross-validation, in place of `test`.
        fold: the fold that is the test split, from 0.
    """

    by: Literal["hash"] = "hash"
    valid: Fraction = 0.0
    test: Fraction = 0.0
    folds: Annotated[int, Ge(2), Le(100)] | None = None
    fold: NonNegativeInt | None = None

    def conflicts(self) -> Iterator[Problem]:
        """Yield the conflicts between the sizes and the folds."""
        if (self.folds is None) != (self.fold is None):
            yield Problem(("folds",), message("set both folds and fold, or neither"))
        elif self.folds is None or self.fold is None:
            yield from _check_sizes(self.valid + self.test)
        elif self.fold >= self.folds:
            yield Problem(("fold",), message("must be less than folds, {folds}", folds=self.folds))
        elif self.test:
            yield Problem(("test",), message("with folds, the size of the test split is 1/folds: remove this key"))
        else:
            yield from _check_sizes(self.valid + 1 / self.folds)


@dataclass(frozen=True, kw_only=True)
class RandomSplit(Section):
    """A random split by the recipe's seed, stratified by label. Every label occurs in the training split.

    Attributes:
        valid: the fraction of the validation split.
        test: the fraction of the test split.
    """

    by: Literal["random"] = "random"
    valid: Fraction = 0.0
    test: Fraction = 0.0

    def conflicts(self) -> Iterator[Problem]:
        """Yield the conflicts between the sizes."""
        return _check_sizes(self.valid + self.test)


@dataclass(frozen=True, kw_only=True)
class OrderSplit(Section):
    """A split by position: the first examples for training, then validation, then test. One long text is cut too.

    Attributes:
        valid: the fraction of the validation split.
        test: the fraction of the test split.
    """

    by: Literal["order"] = "order"
    valid: Fraction = 0.0
    test: Fraction = 0.0

    def conflicts(self) -> Iterator[Problem]:
        """Yield the conflicts between the sizes."""
        return _check_sizes(self.valid + self.test)


def _check_sizes(held_out: float) -> Iterator[Problem]:
    if held_out >= 1:
        yield Problem(
            ("valid",), message("no data would be left for training: valid and test must add up to less than 1")
        )


Split: TypeAlias = HashSplit | RandomSplit | OrderSplit


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """The keys of `data` that are not parameters of its reader: `type` names the reader (`seqkit show reader NAME`).

    `valid` and `test` are mappings of the keys that differ for the file of that split: `valid: {path: valid.csv}`.

    Attributes:
        split: how one file is divided; without it, and without `valid` and `test`, all of it trains.
    """

    split: Split | None = None


@dataclass(frozen=True, kw_only=True)
class Group(Section):
    """Parameters of the model that are trained in another way than all others.

    Attributes:
        parameters: a pattern of their names, such as `encoder.*`; `*` matches any text.
        lr_scale: their share of the learning rate.
        frozen_epochs: the number of epochs before they are trained; `always` leaves them as they are.
    """

    parameters: NonEmptyText
    lr_scale: NonNegativeFloat = 1.0
    frozen_epochs: NonNegativeFloat | Literal["always"] = 0.0


@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Section):
    """Stop after `patience` evaluations in which `train.metric` improved by at most `min_delta`.

    Attributes:
        patience: the number of evaluations without an improvement.
        min_delta: an improvement is larger than this.
    """

    patience: PositiveInt = 3
    min_delta: NonNegativeFloat = 0.0


@dataclass(frozen=True, kw_only=True)
class EMA(Section):
    """An exponential moving average of the weights over the steps: Polyak and Juditsky, 1992.

    Attributes:
        decay: the share of the average that each step keeps, after a warm-up.
    """

    type: Literal["ema"] = "ema"
    decay: Fraction = 0.999


@dataclass(frozen=True, kw_only=True)
class SWA(Section):
    """Stochastic weight averaging, the mean of the weights after each epoch: Izmailov et al., 2018.

    Attributes:
        from_epoch: the first epoch whose weights are averaged; required.
    """

    type: Literal["swa"] = "swa"
    from_epoch: PositiveInt | None = None

    def conflicts(self) -> Iterator[Problem]:
        """Yield that the first epoch is missing: no default suits every length of training."""
        if self.from_epoch is None:
            yield Problem(("from_epoch",), message("is required: the first epoch to average"), at_key=True)


@dataclass(frozen=True, kw_only=True)
class Train(Section):
    """How to train.

    Attributes:
        epochs: the number of epochs, 10 if neither this nor `steps` is set.
        steps: the number of optimizer steps, in place of `epochs`.
        batch_size: the number of rows of a batch; with `sequence_length`, of streams that the text is divided into.
        sequence_length: the length of the windows that long rows are cut into for truncated backpropagation through
            time, in time steps.
        shift_windows: with `sequence_length`: begin the windows of each epoch at another time step, drawn at random.
            The text is read as a circle, so that each epoch has all of it.
        carry_state: with `sequence_length` and a causal encoder: begin each window with the state after the one before.
        optimizer: the optimizer (`seqkit list optimizer`).
        schedule: the learning rate schedule (`seqkit list schedule`).
        groups: the parameters that are frozen for a time, or that have a share of the learning rate.
        average: also average the weights, and use the average where validation prefers it, or without validation.
        clip_norm: the norm that longer gradients are scaled down to.
        metrics: metrics to compute besides those of the head (`seqkit list metric`).
        trackers: what records the run besides its run directory (`seqkit list tracker`). The run does not depend on
            them.
        metric: what the best epoch is chosen by, on the validation split: `loss`, a metric of the head, or one of
            `metrics`. While that metric is undefined or always has the same value, the loss chooses.
        early_stopping: when to stop before the last epoch.
        evaluate_every: the number of epochs from one evaluation to the next.
        evaluate_train: also compute the metrics of the training split, without dropout, whenever `valid` is evaluated.
            They are in its rows of metrics.jsonl; the `loss` there remains the mean over the steps of the epoch.
        checkpoint_seconds: the time from one checkpoint to the next, in seconds; 0 saves one after each step. The last
            state is always saved.
        device: where to compute; auto is a GPU if there is one.
        precision: the precision of matrix products in training: `float32`; or `bf16` (bfloat16), which is faster, and
            requires a CPU with AMX, AVX512_BF16 or BF16 of ARM. Weights and cell states stay in float32, and so does
            evaluation.
        threads: CPU threads; auto chooses by the size of the model and the number of cores.
    """

    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    batch_size: PositiveInt = 32
    sequence_length: PositiveInt | None = None
    shift_windows: bool = False
    carry_state: bool = True
    optimizer: Annotated[Any, Nested("optimizer")] = "adam"
    schedule: Annotated[Any, Nested("schedule")] = "constant"
    groups: tuple[Group, ...] = ()
    average: EMA | SWA | None = None
    clip_norm: PositiveFloat | None = None
    metrics: list[Annotated[Any, Nested("metric")]] = field(default_factory=list)
    trackers: list[Annotated[Any, Nested("tracker")]] = field(default_factory=list)
    metric: str = "loss"
    early_stopping: EarlyStopping | None = None
    evaluate_every: PositiveInt = 1
    evaluate_train: bool = False
    checkpoint_seconds: NonNegativeFloat = 30.0
    device: Device = "auto"
    precision: Literal["float32", "bf16"] = "float32"
    threads: Annotated[int, Ge(1), Le(1024)] | Literal["auto"] = "auto"

    def conflicts(self) -> Iterator[Problem]:
        """Yield the conflicts between epochs, steps and the first averaged epoch."""
        if self.epochs is not None and self.steps is not None:
            yield Problem(("steps",), message("set epochs or steps, not both"))
        if self.shift_windows and not self.sequence_length:
            yield Problem(("shift_windows",), message("requires sequence_length, the length of the windows"))
        epochs = None if self.steps else self.epochs or 10
        if isinstance(self.average, SWA) and epochs and (self.average.from_epoch or 0) > epochs:
            yield Problem(("average", "from_epoch"), message("must be at most epochs, {epochs}", epochs=epochs))


TwoTexts = Annotated[list[NonEmptyText], MinLen(2), MaxLen(2)]


@dataclass(frozen=True, kw_only=True)
class Settings(Section):
    """The keys of a recipe that do not name a component.

    Attributes:
        name: the name of the run; that of the recipe's file by default.
        seed: the random seed of the weights, the order of the data, dropout and sampling.
        train: how to train.
        generate: what to generate after training.
        predict: the texts to predict labels for after training; pairs of texts as `[first, second]`.
        baseline: whether to compute the head's baseline on the same split.
        plugins: the packages that the recipe requires: `seqkit-tagging>=0.1`, or `seqkit-tagging @ SOURCE`: where to
            install it from if it is missing, a path relative to the recipe or a URL.
    """

    name: RunName | None = None
    seed: Annotated[int, Ge(0), Lt(2**32)] = 0
    train: Train = Train()
    generate: Generate | None = None
    predict: tuple[NonEmptyText | TwoTexts, ...] = ()
    baseline: Literal["on", "off"] | bool = "on"
    plugins: tuple[PluginRequirement, ...] = ()
