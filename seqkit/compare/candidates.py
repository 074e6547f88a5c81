"""The candidates of a comparison: recipes, runs, and the values of a grid or of a random search."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqkit.compare.variants import Variant
from seqkit.errors import UsageError
from seqkit.look_alikes import explain_missing_equals
from seqkit.messages import message
from seqkit.recipe.recipe import COMMAND_LINE, Recipe, parse_override
from seqkit.recipe.source import read_recipe
from seqkit.recipe.yaml_parser import parse
from seqkit.runs.directory import RunDirectory


@dataclass(frozen=True)
class Candidate:
    """A recipe with overrides, to be trained with several seeds or folds.

    Attributes:
        name: what it is called in the tables.
        source: the file of the recipe.
        overrides: `key=value`, applied in order.
        widths: the overrides that match its width to the first candidate's.
    """

    name: str
    source: Path
    overrides: tuple[str, ...] = ()
    widths: tuple[str, ...] = ()

    def recipe(self, variant: Variant | None = None) -> Recipe:
        """Read the recipe, with the seed and the fold of a variant. Raises as `read_recipe` does."""
        recipe = read_recipe(self.source, (*self.overrides, *self.widths, *(variant.overrides if variant else ())))
        if variant:
            variant.rename(recipe)
        return recipe


MAX_RUNS = 10_000
"""The largest number of candidates times seeds: more is a mistake, and would fill the memory before anything trains."""


def read_candidates(
    arguments: Sequence[str], grid: Sequence[str], searched: Sequence[str], trials: int, seed: int, seeds: int = 1
) -> list[Candidate]:
    """Return the candidates of a command line.

    Args:
        arguments: recipes and run directories, and overrides `key=value` of all of them.
        grid: `key=A,B`; every combination is a candidate.
        searched: `key=low..high`, `key=low..high:log` or `key=A,B`, from which values are drawn.
        trials: the number of draws.
        seed: of the draws.
        seeds: the number of seeds of each candidate.

    Raises:
        UsageError: no recipe was passed, an argument is unknown, a range is invalid, or there are too many runs.
        RecipeError: a value is not YAML.
    """
    overrides = tuple(each for each in arguments if ("=" in each or "＝" in each) and not Path(each).exists())
    for each in overrides:
        parse_override(each)
    sources = [_source(Path(each)) for each in arguments if each not in overrides]
    if not sources:
        raise UsageError(message("there is no recipe to compare: pass at least one recipe or run directory"))
    names = _unique_names(sources)
    choices = [tuple(f"{key}={value}" for value in values) for key, values in map(_grid, grid)]
    drawn_count = trials + 1 if searched else 1
    count = len(sources) * math.prod(len(chosen) for chosen in choices) * drawn_count * seeds
    if count > MAX_RUNS:
        raise UsageError(
            message(
                "{count:,} runs: at most {limit:,}: pass fewer values, --trials or --seeds", count=count, limit=MAX_RUNS
            )
        )
    draws = _draws([_search(each) for each in searched], trials, seed) if searched else [()]
    candidates = [
        Candidate(_name(name, (*chosen, *drawn), alone=len(sources) == 1), source, (*overrides, *chosen, *drawn))
        for name, source in zip(names, sources, strict=True)
        for chosen in itertools.product(*choices)
        for drawn in draws
    ]
    return list({(each.source, each.overrides): each for each in candidates}.values())


def seeds_of(count: int, first: int) -> list[int]:
    """Return the seeds: `first` and those after it, none larger than a recipe allows."""
    return [(first + number) % 2**32 for number in range(count)]


def _source(path: Path) -> Path:
    """Return the file of a recipe: that of a run directory, if it is one."""
    if not path.is_dir():
        return path
    run = RunDirectory.open(path)
    document = run.read_plan()
    if document.get("members"):
        raise UsageError(message("{run}: an ensemble is not trained: compare its members", run=path))
    if "memory_sha256" in document:
        raise UsageError(
            message("{run}: was trained on data in memory, which is not saved: it cannot be trained again", run=path)
        )
    return run.recipe


def _unique_names(sources: Sequence[Path]) -> list[str]:
    """Return a name per source: that of its file or run directory, with a number if it is not the first of it."""
    names: list[str] = []
    for source in sources:
        base = source.parent.resolve().name if source.name == RunDirectory(Path()).recipe.name else source.stem
        numbered = (f"{base} ({number})" for number in itertools.count(2))
        name = next(name for name in itertools.chain([base], numbered) if name not in names)
        names.append(name)
    return names


def _name(name: str, values: Sequence[str], *, alone: bool) -> str:
    """Return the name of a candidate: its recipe, and its values of the grid and the search.

    Of a key only the last part is shown, `hidden_size=16`, unless two keys have the same.
    """
    keys = [value.partition("=")[0].rpartition(".")[2] for value in values]
    is_short = len(set(keys)) == len(keys)
    texts = [f"{key}={value.partition('=')[2]}" if is_short else value for key, value in zip(keys, values, strict=True)]
    return " ".join(texts if alone and texts else [name, *texts])


def _grid(text: str) -> tuple[str, list[str]]:
    key, values = _split(text, "--grid")
    if ".." in values and "," not in values:
        raise UsageError(
            message("--grid {text}: a list of values, such as {key}=16,32; a range is for --random", text=text, key=key)
        )
    return key, _listed(key, values)


def _search(text: str) -> tuple[str, Any]:
    """Return a key, and a list of values or a range `(low, high, is_logarithmic, is_integer)`."""
    key, values = _split(text, "--random")
    if ".." not in values:
        return key, _listed(key, values)
    span, _, scale = values.partition(":")
    low_text, _, high_text = span.partition("..")
    try:
        low, high = float(low_text), float(high_text)
    except ValueError:
        low, high = math.nan, math.nan
    is_logarithmic = scale == "log"
    if scale not in ("", "log") or not low < high < math.inf or (is_logarithmic and low <= 0):
        raise UsageError(
            message(
                "--random {text}: not a range: low..high with low < high, or low..high:log with low > 0, as in "
                "train.optimizer.lr=0.0003..0.03:log",
                text=text,
            )
        )
    is_integer = all(part.strip().lstrip("-").isdecimal() for part in (low_text, high_text))
    return key, (low, high, is_logarithmic, is_integer)


def _split(text: str, option: str) -> tuple[str, str]:
    key, equals, values = (part.strip() for part in text.partition("="))
    if not (key and equals and values) or not all(key.split(".")):
        reason = message("{option} {text}: not KEY=VALUES, as in encoder.hidden_size=16,32", option=option, text=text)
        raise UsageError(reason + explain_missing_equals(text))
    if key == "seed":
        raise UsageError(message("{option} {text}: seeds are not compared: pass --seeds", option=option, text=text))
    if key == "data.split.fold":
        raise UsageError(
            message("{option} {text}: folds are not compared with each other: pass --folds", option=option, text=text)
        )
    return key, values


def _listed(key: str, values: str) -> list[str]:
    """Return the values of a list as YAML, each once."""
    listed = parse(f"[{values}]", f"{COMMAND_LINE}: {key}").data
    return list(dict.fromkeys(map(_as_yaml, listed)))


def _as_yaml(value: Any) -> str:
    """Return a value as an override contains it: a string without quotes, if it remains one."""
    is_plain = isinstance(value, str) and value.replace("_", "").replace("-", "").isalpha()
    return value if is_plain and parse(value, COMMAND_LINE).data == value else json.dumps(value, ensure_ascii=False)


def _draws(searched: Sequence[tuple[str, Any]], trials: int, seed: int) -> list[tuple[str, ...]]:
    """Return the overrides of each trial; the first trial is the recipe as it is."""
    generator = random.Random(seed)
    drawn = [tuple(f"{key}={_draw(space, generator)}" for key, space in searched) for _ in range(trials)]
    return [(), *drawn]


def _draw(space: Any, generator: random.Random) -> str:
    if isinstance(space, list):
        return str(generator.choice(space))
    low, high, is_logarithmic, is_integer = space
    if is_integer:
        low, high = low - 0.5, high + 0.5  # each integer has the same share
    if is_logarithmic:
        value = math.exp(generator.uniform(math.log(max(low, 0.5) if is_integer else low), math.log(high)))
    else:
        value = generator.uniform(low, high)
    return str(min(max(round(value), round(space[0])), round(space[1]))) if is_integer else f"{value:.4g}"
