"""The contents of the plan.json and the tokenizer.json of a run, checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqkit.errors import DataError
from seqkit.messages import format_value, message
from seqkit.runs.files import MAX_NESTING, read_json

FORMAT = 1

MAX_MEMBERS = 1000
"""The maximum number of members of an ensemble."""


def read_plan(path: Path) -> dict[str, Any]:
    """Return the content of a plan.json.

    Raises:
        DataError: it is corrupt, or has a format that this version does not read.
    """
    plan = read_json(path)
    if plan.get("format") != FORMAT:
        raise DataError(message("{file}: {problem}", file=path, problem=explain_format(plan.get("format"))))
    if not isinstance(plan.get("recipe"), dict):
        raise DataError(message("{file}: corrupt: it contains no recipe", file=path))
    components = plan.get("components")
    if not isinstance(components, list) or not all(map(_is_component, components)):
        raise DataError(message("{file}: corrupt: 'components' is not a list of components", file=path))
    members = plan.get("members", [])
    if not isinstance(members, list) or len(members) == 1 or len(members) > MAX_MEMBERS:
        raise DataError(message("{file}: corrupt: 'members' is not a list of 2 or more runs", file=path))
    notes = plan.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise DataError(message("{file}: corrupt: 'notes' is not a list of strings", file=path))
    if _is_too_deep(plan["recipe"]):
        raise DataError(
            message(
                "{file}: corrupt: the recipe is nested more than {depth} levels deep",
                file=path,
                depth=MAX_NESTING,
            )
        )
    return plan


def read_fitted(path: Path) -> dict[str, Any]:
    """Return what the components learned: `{"tokenizer": …, "head": …, "features": …, "components": …, …}`.

    The first two learned it from the data; `components` are others, by their keys, which learned it from files.
    `special_tokens` are the names of those that components requested, and `pairs` is whether inputs are pairs.

    Raises:
        DataError: the file is corrupt.
    """
    from seqkit.contracts import SPECIAL_TOKENS  # imports NumPy, which listing runs does not need

    fitted = read_json(path)
    if not isinstance(fitted.get("tokenizer"), dict | None):
        raise DataError(message("{file}: corrupt: 'tokenizer' is not a mapping", file=path))
    if not isinstance(fitted.get("head"), dict):
        raise DataError(message("{file}: corrupt: 'head' is not a mapping", file=path))
    features = fitted.get("features")
    if features is not None and (type(features) is not int or not 0 < features < 2**31):
        raise DataError(
            message(
                "{file}: corrupt: 'features' must be a positive integer, not {value}",
                file=path,
                value=format_value(features),
            )
        )
    components = fitted.get("components", {})
    if not isinstance(components, dict) or not all(isinstance(state, dict) for state in components.values()):
        raise DataError(message("{file}: corrupt: 'components' is not a mapping of mappings", file=path))
    special, pairs = fitted.get("special_tokens", []), fitted.get("pairs", False)
    if not isinstance(special, list) or not set(map(str, special)) <= set(SPECIAL_TOKENS):
        raise DataError(message("{file}: corrupt: 'special_tokens' is not a list of names", file=path))
    if not isinstance(pairs, bool) or (pairs and "separator" not in special):
        raise DataError(message("{file}: corrupt: 'pairs' does not match 'special_tokens'", file=path))
    return {
        "tokenizer": None,
        "features": None,
        "components": {},
        "special_tokens": special,
        "pairs": pairs,
    } | fitted


def explain_format(found: object) -> str:
    """Explain why a run of another format cannot be read, and what to do."""
    if isinstance(found, int) and not isinstance(found, bool) and found > FORMAT:
        return message(
            "format {found} of a newer version; this version of seqkit reads format {known}: "
            "pip install --upgrade seqkit",
            found=found,
            known=FORMAT,
        )
    return message(
        "format {found}; this version of seqkit reads format {known}", found=format_value(found), known=FORMAT
    )


def _is_component(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) and len(text) < 200 for text in value.values())


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_NESTING):
        level = [item for parent in level for item in _children(parent)]
    return bool(level)


def _children(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
