"""Checks, their results, and their use as test cases of pytest."""

from __future__ import annotations

import inspect
import os
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np
import torch

from seqkit.errors import describe_error
from seqkit.messages import message, untranslated
from seqkit.testing.isolation import isolated
from seqkit.testing.precision import largest_epsilon, set_epsilon

if TYPE_CHECKING:
    from pytest import MarkDecorator

CaseT = TypeVar("CaseT", bound="Case")

_LIBRARIES = tuple(f"{Path(file).parent}{os.sep}" for file in (torch.__file__, np.__file__, __file__))
"""Folders whose lines are not the place of a component's error."""


class Case(ABC):
    """A component under test: its factory and its test data."""

    @abstractmethod
    def compute(self) -> dict[str, Any]:
        """Return what a recipe computes with the component, by name: a state, ids, weights, results."""

    @cached_property
    def epsilon(self) -> float:
        """The machine epsilon of the lowest precision in which the component computes."""
        with isolated():
            return largest_epsilon(self.compute)


class ContractViolation(AssertionError):
    """A component violates its contract. The message says what is wrong and how to fix it.

    Attributes:
        cause: what identifies the mistake: checks that fail for the same cause are reported once.
    """

    def __init__(self, text: str, cause: object = None) -> None:
        super().__init__(text)
        self.cause = cause or text


class DoesNotApply(Exception):
    """A check does not apply to a component: its state cannot be checked if it has none. The message says why."""


class CheckFailure(AssertionError):
    """A component fails checks.

    Attributes:
        failures: for each failed check, by name, what is wrong and how to fix it.
    """

    def __init__(self, subject: str, failures: dict[str, str], count: int) -> None:
        """Create the error.

        Args:
            subject: what was checked.
            failures: the messages by the names of the checks.
            count: the number of checks, passed ones included.
        """
        self.failures = failures
        summary = message(
            "{failed} of {count} checks of {subject} failed:", failed=len(failures), count=count, subject=subject
        )
        super().__init__("\n  ".join([summary, *(f"{name}: {text}" for name, text in failures.items())]))


def frame_of(error: BaseException) -> traceback.FrameSummary:
    """Return the place where an exception was raised, outside of libraries if possible."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)]
    return (own or frames)[-1]


def cause_of(error: BaseException) -> object:
    """Return what identifies the mistake behind an exception, for `ContractViolation`."""
    frame = frame_of(error)
    return (type(error), frame.filename, frame.lineno)


@dataclass(frozen=True)
class Check:
    """One check of one component: call it to run it.

    Attributes:
        kind: the kind of component.
        name: the name of the check.
        description: the requirement, in one sentence.
        function: runs the check.
        case: the component under test.
    """

    kind: str
    name: str
    description: str
    function: Callable[[Any], None]
    case: Case

    def __call__(self) -> None:
        """Run the check.

        Raises:
            ContractViolation: the component violates the requirement, or raises another exception.
            DoesNotApply: the check does not apply to the component.
        """
        try:
            with set_epsilon(self.case.epsilon), isolated():
                self.function(self.case)
        except (ContractViolation, DoesNotApply):
            raise
        except Exception as error:
            frame = frame_of(error)
            raise ContractViolation(
                message(
                    "raises {error} at {file}:{line}; expected: {description}",
                    error=describe_error(error).rstrip(": "),
                    file=Path(frame.filename).name,
                    line=frame.lineno,
                    description=self.description,
                ),
                cause=cause_of(error),
            ) from error

    def named(self, variant: str) -> Check:
        """Return the same check with a variant in its name, for a component that is checked with several settings."""
        return replace(self, name=f"{self.name} ({variant})")


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
        message: what is wrong and how to fix it, or why the check was skipped or not run.
        cause: what identifies the mistake, if the check failed.
    """

    check: Check
    status: Literal["ok", "skipped", "failed", "not run"]
    message: str = ""
    cause: object = None


class CheckSuite(Generic[CaseT]):
    """A decorator that collects the checks of one kind of component, in the order of their definition.

    A check is a function of a case: a component's factory and its test data. The name of the function is the name of
    the check, its docstring the requirement.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._functions: list[Callable[[CaseT], None]] = []

    def __call__(self, function: Callable[[CaseT], None]) -> Callable[[CaseT], None]:
        """Add a check."""
        self._functions.append(function)
        return function

    def for_case(self, case: CaseT) -> list[Check]:
        """Return the checks of a case."""
        return [
            Check(
                self.kind,
                function.__name__,
                " ".join((inspect.getdoc(function) or "").split()),
                function,
                case,
            )
            for function in self._functions
        ]


def run_check(check: Check) -> CheckResult:
    """Run a check and return its result."""
    try:
        check()
    except DoesNotApply as error:
        return CheckResult(check, "skipped", str(error))
    except ContractViolation as error:  # only reasons to skip a check are translated
        return CheckResult(check, "failed", untranslated(str(error)), error.cause)
    return CheckResult(check, "ok")


def run_checks(checks: Sequence[Check]) -> list[CheckResult]:
    """Run checks in order and return their results, in which each mistake is reported once.

    If the first check of a component fails, which builds it, the others are not run: they would fail for the same
    reason. A check that fails for the same cause as an earlier one counts as not run.
    """
    results: list[CheckResult] = []
    causes: dict[object, str] = {}  # the name of the first check that failed for it
    first: dict[int, CheckResult] = {}  # of each component
    for check in checks:
        built = first.get(id(check.case))
        if built is not None and built.status != "ok":
            result = CheckResult(check, "not run", message("see {name}", name=built.check.name))
        else:
            result = run_check(check)
            if result.status == "failed" and (name := causes.setdefault(result.cause, check.name)) != check.name:
                result = CheckResult(check, "not run", message("fails for the same reason as {name}", name=name))
        first.setdefault(id(check.case), result)
        results.append(result)
    return results


def distinguish(checks: Iterable[Check]) -> list[Check]:
    """Return checks with different names: checks of several cases are numbered, unless their names contain variants."""
    checks = list(checks)
    if max(Counter(check.name for check in checks).values(), default=1) == 1:
        return checks
    numbers = {case: number for number, case in enumerate(dict.fromkeys(id(check.case) for check in checks), start=1)}
    return [check.named(message("case {number}", number=numbers[id(check.case)])) for check in checks]


def require_all(checks: Sequence[Check], subject: str) -> None:
    """Run checks and require that none fails.

    Args:
        checks: the checks.
        subject: what is checked, for the error message.

    Raises:
        CheckFailure: checks failed. The message lists all of them.
    """
    results = run_checks(distinguish(checks))
    failures = {result.check.name: result.message for result in results if result.status == "failed"}
    if failures:
        raise CheckFailure(subject, failures, len(checks))


def parametrize_with_checks(checks: Sequence[Check]) -> MarkDecorator:
    """Return a decorator that runs a test once per check, as in scikit-learn.

        @seqkit.testing.parametrize_with_checks(seqkit.testing.checks_for_encoder(GRU))
        def test_gru(check):
            check()

    The test has one parameter, `check`. A check that does not apply is skipped with its reason.

    Args:
        checks: the result of a `checks_for_...` function, or several of them in one list.
    """
    import pytest

    def as_test_case(check: Check) -> Callable[[], None]:
        def run() -> None:
            __tracebackhide__ = True
            try:
                check()
            except DoesNotApply as error:
                pytest.skip(str(error))

        return run

    return pytest.mark.parametrize("check", [pytest.param(as_test_case(check), id=check.name) for check in checks])


def variants(checks: dict[str, list[Check]]) -> list[Check]:
    """Return the checks of a component with several settings, with the name of the setting in the name of the check."""
    return [check.named(setting) for setting, of_setting in checks.items() for check in of_setting]
