"""Build a built-in tokenizer from a resolved recipe without importing pydantic, which takes longer than inference."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from seqkit.contracts import Tokenizer
from seqkit.contracts.parameters import INIT_FROM, ReadOnce
from seqkit.messages import message
from seqkit.recipe.rules import why_rejected
from seqkit.registry import builtin


def builtin_tokenizer(section: Mapping[str, Any]) -> Tokenizer:
    """Build the tokenizer of a recipe, not fitted.

    Args:
        section: the section `tokenizer` of the recipe, with the `type` of a built-in tokenizer.

    Raises:
        ValueError: the tokenizer has no such parameter, or rejects its value. The message begins with the parameter.
    """
    values = {key: value for key, value in section.items() if key != INIT_FROM}  # the tokenizer is restored
    name = values.pop("type")
    target = next(str(entry.target) for entry in builtin.seqkit_tokenizers() if entry.name == name)
    module, _, attribute = target.partition(":")
    cls = getattr(import_module(module), attribute)
    annotations = typing.get_type_hints(cls.__init__, include_extras=True) if inspect.isfunction(cls.__init__) else {}
    for key, value in values.items():
        if key not in annotations:
            raise ValueError(message("{key}: no such parameter", key=key))
        if ReadOnce() in getattr(annotations[key], "__metadata__", ()):
            values[key] = None
        elif reason := why_rejected(value, annotations[key]):
            raise ValueError(message("{key}: {reason}", key=key, reason=reason))
    return cls(**values)
