"""seqkit: plugin-based sequence modeling.

    import seqkit

    run = seqkit.run("recipes/char_gen.yaml", seed=2)
    print(run.generate("In Beijing Sarah bought a basket of", length=20))
    run = seqkit.load("runs/char-gen-1")

Nothing here imports torch until it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqkit._version import __version__

if TYPE_CHECKING:
    from seqkit import contracts, testing
    from seqkit.api import Run, ensemble, load, resume, run
    from seqkit.errors import (
        DataError,
        NotFiniteError,
        PluginError,
        RecipeError,
        SeqkitError,
        StopTraining,
        UsageError,
    )
    from seqkit.hookspecs import Command, Component, Task, hookimpl
    from seqkit.registry import register

__all__ = [
    "Command",
    "Component",
    "DataError",
    "NotFiniteError",
    "PluginError",
    "RecipeError",
    "Run",
    "SeqkitError",
    "StopTraining",
    "Task",
    "UsageError",
    "__version__",
    "contracts",
    "ensemble",
    "hookimpl",
    "load",
    "register",
    "resume",
    "run",
    "testing",
]

_LAZY = {
    "run": "seqkit.api",
    "resume": "seqkit.api",
    "load": "seqkit.api",
    "ensemble": "seqkit.api",
    "Run": "seqkit.api",
    "register": "seqkit.registry",
    "Command": "seqkit.hookspecs",
    "Component": "seqkit.hookspecs",
    "Task": "seqkit.hookspecs",
    "hookimpl": "seqkit.hookspecs",
    "DataError": "seqkit.errors",
    "NotFiniteError": "seqkit.errors",
    "PluginError": "seqkit.errors",
    "RecipeError": "seqkit.errors",
    "SeqkitError": "seqkit.errors",
    "StopTraining": "seqkit.errors",
    "UsageError": "seqkit.errors",
}


def __getattr__(name: str) -> Any:
    if name in ("contracts", "testing"):
        return import_module(f"seqkit.{name}")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'seqkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
