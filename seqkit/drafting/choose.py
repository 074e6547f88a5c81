"""Choose the task that a data file suits, among those that plugins register."""

from __future__ import annotations

from dataclasses import dataclass

from seqkit.contracts import DataFile, Draft
from seqkit.drafting.plugins import missing_plugin
from seqkit.errors import DataError, UsageError, suggest
from seqkit.messages import listed, message
from seqkit.registry.records import RegisteredTask
from seqkit.registry.registry import Registry
from seqkit.tasks.columns import written_numbers

_LIKELY = 0.3
"""The smallest fit of a task that the user may mean."""


@dataclass(frozen=True)
class Choice:
    """The task of a file.

    Attributes:
        task: the task.
        draft: the recipe that it drafts.
        others: the names of the other tasks that the file fits, the best first.
        likely: those of them that the user may mean.
    """

    task: RegisteredTask
    draft: Draft
    others: list[str]
    likely: list[str]


def choose(file: DataFile, registry: Registry, name: str | None) -> Choice:
    """Return the task with the best fit, or the one that the user names.

    Raises:
        UsageError: there is no task of that name.
        DataError: the file fits no task, or not the one that the user names.
    """
    if name is not None and name not in registry.tasks:
        known = sorted(registry.tasks)
        raise UsageError(
            message(
                "--task {name}: no such task{hint}",
                name=name,
                hint=suggest(name, known) or message("; known: {known}", known=listed(known)),
            )
        )
    drafts: dict[str, Draft] = {}
    reasons: dict[str, str] = {}
    for each, task in registry.tasks.items():
        found = task.draft(file)
        if isinstance(found, str):
            reasons[each] = found
        else:
            drafts[each] = found
    ranked = sorted(drafts, key=lambda each: -drafts[each].fit)
    chosen = name if name is not None else next((each for each in ranked if drafts[each].fit > 0), None)
    if name is None and (hint := missing_plugin(file, chosen, registry)):
        raise DataError(message("{path}: {hint}", path=file.path, hint=hint))
    if chosen in reasons:
        raise DataError(
            message(
                "{path}: does not fit the task {task}: {reason}", path=file.path, task=chosen, reason=reasons[chosen]
            )
        )
    if chosen is None:
        raise DataError(_no_task(file, ranked, reasons))
    others = [each for each in ranked if each != chosen]
    likely = [each for each in others if drafts[each].fit >= _LIKELY]
    return Choice(registry.tasks[chosen], drafts[chosen], others, likely)


def _no_task(file: DataFile, possible: list[str], reasons: dict[str, str]) -> str:
    """Return the message with each reason that says what to do, or the first one, and the tasks that it concerns."""
    if (written := written_numbers(file.columns)) and written in reasons.values():  # other columns are no remedy
        return message("{path}: fits no task: {reasons}", path=file.path, reasons=written)
    tasks: dict[str, list[str]] = {}  # those that concern few tasks say most
    first = next(iter(reasons.values()))
    for task, reason in reasons.items():
        if reason == first or ": " in reason:
            tasks.setdefault(reason, []).append(task)
    remedy = message("name the columns with --text and --label, or a task with --task")
    if possible:
        remedy = message("name the columns with --text and --label, or pass --task {task}", task=possible[0])
    described = message("; ").join(
        message("{reason} ({tasks})", reason=reason, tasks=listed(names))
        for reason, names in sorted(tasks.items(), key=lambda item: len(item[1]))
    )
    if not file.columns and (file.text is not None or file.label is not None):
        return message("{path}: fits no task: {reasons}", path=file.path, reasons=described)
    return message("{path}: fits no task: {reasons}: {remedy}", path=file.path, reasons=described, remedy=remedy)
