"""The command `explain`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from seqkit.cli.group import json_option, run_argument, seqkit
from seqkit.cli.output import PAGE, check_named, print_json
from seqkit.cli.stderr import print_note


@seqkit.command(short_help="Explain a prediction: what each token adds.")
@run_argument
@click.argument("text")
@click.option("--pair", "second", metavar="TEXT", help="The second text, if the run reads pairs of texts.")
@click.option("--label", metavar="NAME", help="The label to explain.  [default: the most probable one]")
@click.option(
    "--token",
    type=int,
    metavar="N",
    help="Explain the label of word N, from 1, if the head predicts one for each word.  [default: 1]",
)
@click.option("--trace", is_flag=True, help="Add the gates and states of each layer of the encoder.")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page with pictures as one HTML file, and print its path.",
)
@json_option
def explain(
    run: Path,
    text: str,
    second: str | None,
    label: str | None,
    token: int | None,
    trace: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """Explain the prediction of a run for a text: what each token adds to the score of the label, by integrated
    gradients and by occlusion, and what the model knows after each token and from each token on.

    Blue adds to the label, orange takes from it. For a head that generates, the label is the next token.
    """
    from seqkit.api import load
    from seqkit.cli.columns import terminal_width
    from seqkit.cli.explanation_lines import explanation_lines
    from seqkit.cli.predict_inputs import inputs_of_arguments

    if html is not None:
        check_named(html, "--html", *PAGE)
    trained = load(run)
    (value,) = inputs_of_arguments(trained, [text], [] if second is None else [second])
    explanation = trained.explain(value, label=label, token=token, trace=trace)
    if html is not None:
        from seqkit.explain.page import explanation_page
        from seqkit.runs.files import write_named

        write_named(html, explanation_page(explanation, trained.path.resolve().name))
    if as_json:
        print_json(explanation.as_json())
    elif html is None:
        for line in explanation_lines(explanation, sys.stdout, terminal_width()):
            print(line)
        for note in explanation.notes:
            print_note(note)
    else:
        click.echo(html)
