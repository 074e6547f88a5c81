"""The report of a run: one page, written from the files of the run alone. Neither data nor torch is needed."""

from __future__ import annotations

from seqkit.messages import message, translate_stored
from seqkit.reports.contents import RunContents, read_contents
from seqkit.reports.curves import curves
from seqkit.reports.data_section import data_section
from seqkit.reports.facts import facts_section, recipe_section
from seqkit.reports.markup import Markup, element
from seqkit.reports.model_section import model_section
from seqkit.reports.page import Section, labelled_number, page
from seqkit.reports.results import outputs_section, results_section
from seqkit.reports.verdict import judge
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import write_file
from seqkit.training.result_lines import format_number, format_two_numbers


def write_report(run: RunDirectory) -> None:
    """Write report.html of a run directory.

    Raises:
        DataError: a file of the run is corrupt.
        UsageError: the page cannot be written.
    """
    write_file(run.report, run_page(read_contents(run)))


def run_page(run: RunContents) -> str:
    """Return the page of a run as HTML."""
    sections: list[Section] = [
        ("curves", message("Curves"), curves(run)),
        ("results", message("Results"), results_section(run)),
        ("outputs", message("Samples and predictions"), outputs_section(run)),
        ("data", message("Data"), data_section(run)),
        ("model", message("Model"), model_section(run)),
        ("recipe", message("Recipe"), recipe_section(run)),
        ("run", message("Timing and versions"), facts_section(run)),
    ]
    return page(run.name, head_line(run), sections)


def head_line(run: RunContents) -> Markup:
    """Return the metric beside its baseline, and the verdict."""
    verdict = judge(run)
    numbers = []
    texts = ["", ""]
    if verdict.comparison:
        texts = list(format_two_numbers(verdict.metric, verdict.comparison.value, verdict.comparison.baseline))
    elif verdict.value is not None:
        texts[0] = format_number(verdict.metric, verdict.value)
    if verdict.value is not None:
        is_higher = verdict.metric in run.metric_names.higher_is_better
        direction = message("higher is better") if is_higher else message("lower is better")
        label = message("{metric}, {split} split", metric=verdict.metric, split=verdict.split)
        numbers.append(
            labelled_number(
                texts[0], message("{label} ({direction})", label=label, direction=direction) if run.recorded else label
            )
        )
    if verdict.comparison:
        name = translate_stored(verdict.comparison.name)
        numbers.append(labelled_number(texts[1], message("baseline: {name}", name=name)))
    kind = {True: "verdict good", False: "verdict bad", None: "verdict"}[verdict.is_good]
    return element(
        "div",
        element("div", *numbers, class_="numbers") if numbers else None,
        element("p", verdict.text, class_=kind),
        *(element("p", warning, class_="warning") for warning in verdict.warnings),
        class_="head",
    )
