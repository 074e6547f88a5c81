"""What the runs of a candidate differ in: the seed, or the fold of a cross-validation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqkit.messages import message
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.run_name import is_run_name


@dataclass(frozen=True)
class Variant:
    """A seed, and for a cross-validation a fold. The runs of two candidates with one variant are a pair.

    Attributes:
        key: what it is called in JSON.
        label: what it is called in tables.
        seed: the seed.
        fold: the fold that is the test split; None without cross-validation.
    """

    key: str
    label: str
    seed: int
    fold: int | None = None

    @property
    def unit(self) -> int:
        """What statistics count as one: the fold, over whose seeds scores are averaged; or the seed."""
        return self.seed if self.fold is None else self.fold

    @property
    def overrides(self) -> tuple[str, ...]:
        """The seed and the fold, as `key=value`."""
        fold = () if self.fold is None else (f"data.split.fold={self.fold}",)
        return (f"seed={self.seed}", *fold)

    def rename(self, recipe: Recipe) -> None:
        """Add the fold to the name of a recipe, such that its runs can be told from those of other folds."""
        if self.fold is not None:
            name = re.sub(r"-fold-\d+\Z", "", str(recipe.data.get("name") or recipe.default_name))
            if is_run_name(name := f"{name}-fold-{self.fold}"):
                recipe.set_argument("name", name)


def seed_variants(seeds: Sequence[int]) -> list[Variant]:
    """Return a variant for each seed."""
    return [Variant(str(seed), message("seed {seed}", seed=seed), seed) for seed in seeds]


def fold_variants(folds: int, seeds: Sequence[int]) -> list[Variant]:
    """Return a variant for each fold, with each seed."""
    if len(seeds) == 1:
        return [Variant(f"fold-{fold}", message("fold {fold}", fold=fold), seeds[0], fold) for fold in range(folds)]
    return [
        Variant(f"fold-{fold}-seed-{seed}", message("fold {fold}, seed {seed}", fold=fold, seed=seed), seed, fold)
        for seed in seeds
        for fold in range(folds)
    ]
