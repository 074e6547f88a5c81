"""The options of generation: those of the call, else those of the recipe, else the defaults.

The types, bounds and defaults are those of the recipe's section `generate` (`seqkit.recipe.generation.Generate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqkit.contracts.parameters import NonEmptyText, PositiveInt
from seqkit.errors import DataError, UsageError
from seqkit.inference.sampling import SamplingConfig
from seqkit.messages import format_value, message
from seqkit.recipe.generation import Generate
from seqkit.recipe.parameters import parameters
from seqkit.recipe.rules import why_rejected


class GenerationConfig(NamedTuple):
    """The options of generation.

    Attributes:
        prompts: the texts to continue.
        samples: the number of samples to generate from the only prompt; None to return a single text instead of a list.
        length: the maximum number of tokens of each text.
        sampling: how the next token is chosen.
        seed: random seed.
        stop: a text ends before the first of these.
    """

    prompts: list[str]
    samples: int | None
    length: int
    sampling: SamplingConfig
    seed: int
    stop: list[str]


def generation_config(
    options: Mapping[str, Any], recipe: Mapping[str, Any], plan: Path, *, empty_prompt: bool = False
) -> GenerationConfig:
    """Return the options of generation.

    Args:
        options: the options of the call by name: the keys of the section `generate`, `samples` and `prompts`. None
            means that an option is not given.
        recipe: the resolved recipe.
        plan: the file that contains the recipe, for messages.
        empty_prompt: whether a prompt may be empty or missing.

    Raises:
        UsageError: an option is invalid or conflicts with another, or there is no prompt and one is required.
        DataError: a value of the recipe is invalid, so the file is corrupt.
    """
    values = _values(options, recipe, plan)
    top_p = None if values["top_p"] is None else float(values["top_p"])
    sampling = SamplingConfig(float(values["temperature"]), values["top_k"], top_p)
    samples = _plain(options.get("samples"))
    if samples is not None and (reason := why_rejected(samples, PositiveInt)):
        raise UsageError(message("samples {reason}", reason=reason))
    prompts = options.get("prompts")
    if prompts is not None:
        _check_prompts(prompts, samples, str if empty_prompt else NonEmptyText)
    elif not values["prompt"] and not empty_prompt:
        raise UsageError(message("no prompt: pass --prompt or set generate.prompt in the recipe"))
    elif samples is not None and samples > 1 and sampling.temperature == 0:
        raise UsageError(message("samples are all equal at temperature 0: pass a temperature above 0"))
    else:
        prompts = [values["prompt"] or ""]
    stop = [values["stop"]] if isinstance(values["stop"], str) else list(values["stop"])
    return GenerationConfig(list(prompts), samples, values["length"], sampling, values["seed"], stop)


def _values(options: Mapping[str, Any], recipe: Mapping[str, Any], plan: Path) -> dict[str, Any]:
    """Return the value of each key of the section `generate`. Raises as `generation_config` does."""
    section = recipe.get("generate") or {}
    if not isinstance(section, dict):
        raise DataError(message("{file}: corrupt: generate is not a mapping", file=plan))
    values = {}
    for key, parameter in parameters(Generate).items():
        value, recipe_key = _plain(options.get(key)), None
        if value is None and (value := section.get(key)) is not None:
            recipe_key = f"generate.{key}"
        elif value is None and key == "seed":
            value, recipe_key = recipe.get("seed", 0), "seed"
        if value is None:
            value = parameter.default
        elif (key, value) != ("prompt", "") and (reason := why_rejected(value, parameter.annotation)):
            if recipe_key:
                raise DataError(message("{file}: corrupt: {key} {reason}", file=plan, key=recipe_key, reason=reason))
            raise UsageError(message("{option} {reason}", option=key.replace("_", "-"), reason=reason))
        values[key] = value
    return values


def _check_prompts(prompts: Any, samples: int | None, kind: Any) -> None:
    """Check a list of prompts.

    Raises:
        UsageError: it is not a list of texts of this kind, or samples are requested too.
    """
    if samples is not None:
        raise UsageError(message("samples require a single prompt: pass samples or a list of prompts, not both"))
    if not isinstance(prompts, list | tuple):
        raise UsageError(
            message("prompt must be a string or a list of strings, not {value}", value=format_value(prompts))
        )
    for number, text in enumerate(prompts, start=1):
        if reason := why_rejected(text, kind):
            raise UsageError(
                message("prompt {number} of {count} {reason}", number=number, count=len(prompts), reason=reason)
            )


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as a number; any other value as it is."""
    return value.item() if isinstance(value, np.generic) else value
