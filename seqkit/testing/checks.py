"""What a check is, how checks are run, and how they become cases of pytest."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from seqkit.registry import reason
from seqkit.testing.surroundings import conditions


class Broken(AssertionError):
    """A check found a promise broken. The message says what is wrong, and after a colon how to mend it."""


class DoesNotApply(Exception):
    """A check has nothing to look at: an encoder that carries no state has none that could be wrong. Says why."""


class CheckFailure(AssertionError):
    """A component fails checks.

    Attributes:
        failures: what is wrong and how to mend it, by the name of the check.
    """

    def __init__(self, subject: str, failures: dict[str, str], tried: int) -> None:
        self.failures = failures
        fails = "fails" if len(failures) == 1 else "fail"
        lines = [f"{len(failures)} of {tried} checks of {subject} {fails}:"]
        super().__init__("\n  ".join(lines + [f"{name}: {message}" for name, message in failures.items()]))


@dataclass(frozen=True)
class Check:
    """One thing that a component owes, ready to be tried: call it.

    Attributes:
        kind: the kind of component.
        name: of the check.
        promise: what is owed, in a sentence.
        attempt: tries it.
    """

    kind: str
    name: str
    promise: str
    attempt: Callable[[], None]

    def __call__(self) -> None:
        """Tries the component.

        Raises:
            Broken: the promise is not kept.
            DoesNotApply: there is nothing to try.
        """
        try:
            with conditions():
                self.attempt()
        except (Broken, DoesNotApply):
            raise
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            raise Broken(f"raises {reason(error).rstrip(': ')} ({where}): {self.promise}") from error

    def named(self, variant: str) -> Check:
        """Returns the same check under a longer name, for one of several sets of values that are tried."""
        return Check(self.kind, f"{self.name} ({variant})", self.promise, self.attempt)


@dataclass(frozen=True)
class Outcome:
    """What came of a check.

    Attributes:
        message: what is wrong and how to mend it, or why the check does not apply.
    """

    check: Check
    status: Literal["ok", "skipped", "failed"]
    message: str = ""


class Checks:
    """The checks of one kind of component, in the order in which they are written: a decorator that gathers them.

    A check is a function of a case (what the author gave, and how to build it). Its name is the check's name and its
    docstring what the component owes.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._functions: list[Callable[[Any], None]] = []

    def __call__(self, function: Callable[[Any], None]) -> Callable[[Any], None]:
        self._functions.append(function)
        return function

    def of(self, case: Any) -> list[Check]:
        return [
            Check(
                self.kind,
                function.__name__,
                " ".join((inspect.getdoc(function) or "").split()),
                partial(function, case),
            )
            for function in self._functions
        ]


def outcome(check: Check) -> Outcome:
    """Tries one check."""
    try:
        check()
    except DoesNotApply as excuse:
        return Outcome(check, "skipped", str(excuse))
    except Broken as fault:
        return Outcome(check, "failed", str(fault))
    return Outcome(check, "ok")


def outcomes(checks: Sequence[Check]) -> list[Outcome]:
    """Tries checks in order. Where the first one fails, which is about the contract as a whole, it ends there."""
    done: list[Outcome] = []
    for check in checks:
        done.append(outcome(check))
        if done[0].status == "failed":
            break
    return done


def run(checks: Sequence[Check], subject: str) -> None:
    """Tries every check.

    Raises:
        CheckFailure: with each that failed.
    """
    failures = {each.check.name: each.message for each in outcomes(checks) if each.status == "failed"}
    if failures:
        raise CheckFailure(subject, failures, len(checks))


def parametrize_with_checks(checks: Sequence[Check]) -> Any:
    """Makes one case of pytest of each check, by its name.

        @seqkit.testing.parametrize_with_checks(seqkit.testing.checks_for_encoder(GRU))
        def test_gru(check):
            check()

    A check that does not apply is skipped with its reason.

    Args:
        checks: what a `checks_for_…` function returned, or several such lists together.

    Returns:
        A decorator for a test with one argument, `check`.
    """
    import pytest

    def case(check: Check) -> Callable[[], None]:
        def attempt() -> None:
            __tracebackhide__ = True
            try:
                check()
            except DoesNotApply as excuse:
                pytest.skip(str(excuse))

        return attempt

    return pytest.mark.parametrize("check", [pytest.param(case(check), id=check.name) for check in checks])
