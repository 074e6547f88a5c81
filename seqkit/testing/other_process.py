"""A second process, in which Python hashes strings differently, so that sets are iterated over in another order.

It computes what the components of a package compute, for comparison. It builds them from the same registry: nothing but
JSON passes between the two processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from seqkit.errors import describe_error
from seqkit.messages import message
from seqkit.registry.records import Registered
from seqkit.testing.checks import Case, Check, ContractViolation, DoesNotApply
from seqkit.testing.comparison import json_differs
from seqkit.testing.isolation import isolated

_COMMAND = (
    "import sys; sys.path[:] = {path!r}\n"
    "from seqkit.testing.distribution import print_computed\n"
    "print_computed({name!r})"
)


_ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Environment variables with which `open` decodes ASCII, unless an encoding is given."""


class OtherProcess:
    """The process, which starts to compute at once."""

    def __init__(self, name: str) -> None:
        """Start the process.

        Args:
            name: the distribution.
        """
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND.format(path=sys.path, name=name)],
            env=os.environ | {"PYTHONHASHSEED": seed} | _ASCII_LOCALE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )

    @cached_property
    def computed(self) -> dict[str, Any]:
        """What the components compute: a list with an item per case, by the label of the component."""
        lines = self._process.communicate()[0].splitlines()
        return json.loads(lines[-1]) if self._process.returncode == 0 and lines else {}

    def close(self) -> None:
        """End the process."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()

    def checks(self, component: Registered, checks: list[Check]) -> list[Check]:
        """Return a check that compares the two processes for each case."""
        return [
            replace(
                check,
                name=" ".join(["hash_seed_independence", *check.name.split(" ", 1)[1:]]),
                description=message("Results do not depend on the order of sets, which differs between processes."),
                function=partial(self._compare, label(component), number),
            )
            for number, check in enumerate(first_checks(checks))
        ]

    def _compare(self, component: str, number: int, case: Case) -> None:
        here = as_json(case.compute())
        try:
            there = self.computed[component][number]
        except LookupError:
            raise DoesNotApply(message("the other process did not compute it")) from None
        if there.get("error", "").startswith("UnicodeDecodeError"):
            raise ContractViolation(
                message("a file is decoded in the encoding of the system's locale: pass encoding= to open")
            )
        if "error" in there:
            raise DoesNotApply(message("the other process failed: {error}", error=there["error"]))
        for name, value in here.items():
            if json_differs(value, there.get(name)):
                raise ContractViolation(
                    message(
                        "the {name} differ between two processes: Python orders a set of strings differently in each "
                        "process, so use sorted(...) or dict.fromkeys(...) in place of a set",
                        name=name,
                    )
                )


def label(component: Registered) -> str:
    """Return the kind and the name of a component."""
    return f"{component.kind} {component.name}"


def first_checks(checks: list[Check]) -> list[Check]:
    """Return the first check of each case."""
    return list({id(check.case): check for check in reversed(checks)}.values())[::-1]


def compute(checks: list[Check]) -> list[dict[str, Any]]:
    """Return what each case computes, or its error."""
    computed = []
    for check in first_checks(checks):
        try:
            with isolated():
                computed.append(as_json(check.case.compute()))
        except Exception as error:
            computed.append({"error": describe_error(error)})
    return computed


def as_json(value: Any) -> Any:
    """Return a value with its arrays as lists, and everything else that is not JSON as text."""
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, np.ndarray | np.generic | torch.Tensor):
        return as_json(value.tolist())
    return value if isinstance(value, str | int | float | None) else repr(value)
