"""Checks, their results, and their use as test cases of pytest."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from seqkit.errors import describe_error
from seqkit.messages import message
from seqkit.testing.isolation import isolated

if TYPE_CHECKING:
    from pytest import MarkDecorator

CaseT = TypeVar("CaseT")


class ContractViolation(AssertionError):
    """A component violates its contract. The message says what is wrong and how to fix it."""


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


@dataclass(frozen=True)
class Check:
    """One check of one component: call it to run it.

    Attributes:
        kind: the kind of component.
        name: the name of the check.
        description: the requirement, in one sentence.
        function: runs the check.
    """

    kind: str
    name: str
    description: str
    function: Callable[[], None]

    def __call__(self) -> None:
        """Run the check.

        Raises:
            ContractViolation: the component violates the requirement, or raises another exception.
            DoesNotApply: the check does not apply to the component.
        """
        try:
            with isolated():
                self.function()
        except (ContractViolation, DoesNotApply):
            raise
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            raise ContractViolation(
                message(
                    "raises {error} at {file}:{line}; expected: {description}",
                    error=describe_error(error).rstrip(": "),
                    file=Path(frame.filename).name,
                    line=frame.lineno,
                    description=self.description,
                )
            ) from error

    def named(self, variant: str) -> Check:
        """Return the same check with a variant in its name, for a component that is checked with several settings."""
        return replace(self, name=f"{self.name} ({variant})")


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    Attributes:
        message: what is wrong and how to fix it, or why the check was skipped.
    """

    check: Check
    status: Literal["ok", "skipped", "failed"]
    message: str = ""


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
                partial(function, case),
            )
            for function in self._functions
        ]


def run_check(check: Check) -> CheckResult:
    """Run a check and return its result."""
    try:
        check()
    except DoesNotApply as error:
        return CheckResult(check, "skipped", str(error))
    except ContractViolation as error:
        return CheckResult(check, "failed", str(error))
    return CheckResult(check, "ok")


def run_checks(checks: Sequence[Check]) -> list[CheckResult]:
    """Run checks in order and return their results.

    If the first one fails, which checks the class itself, the others are not run: they would fail for the same reason.
    """
    results: list[CheckResult] = []
    for check in checks:
        results.append(run_check(check))
        if results[0].status == "failed":
            break
    return results


def require_all(checks: Sequence[Check], subject: str) -> None:
    """Run checks and require that none fails.

    Args:
        checks: the checks.
        subject: what is checked, for the error message.

    Raises:
        CheckFailure: checks failed. The message lists all of them.
    """
    failures = {result.check.name: result.message for result in run_checks(checks) if result.status == "failed"}
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
