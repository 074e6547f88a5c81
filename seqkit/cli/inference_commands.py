"""The commands for runs: generate text, predict, evaluate and combine. Each imports what it needs when it is called."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import completed_by, run_argument, seqkit
from seqkit.cli.output import STANDARD_OUTPUT, check_output, print_json, print_json_lines, write_predictions
from seqkit.cli.reader_options import data_files, open_data, reader_parameters
from seqkit.errors import UsageError
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.contracts import Example
    from seqkit.inference.run import Run

_LINES = 4096
"""The number of lines of a file that are predicted together."""

text_option = click.option(
    "--text", metavar="COLUMN", help="The column of the texts in --data.  [default: the recipe's]"
)
set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Read --data with another parameter of the reader: --set encoding=gb18030. Can be repeated.",
)


@seqkit.command(short_help="Generate text from a prompt.")
@run_argument
@click.option("--prompt", help="The text to continue.  [default: the recipe's]")
@click.option(
    "--prompts",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Continue each line of a file; - for standard input. Prints JSON Lines.",
)
@click.option("--samples", type=Checked("PositiveInt"), metavar="N", help="Number of samples. Prints JSON Lines.")
@click.option(
    "--length", type=Checked("PositiveInt"), help="Maximum number of tokens.  [default: the recipe's, else 100]"
)
@click.option(
    "--temperature",
    type=Checked("NonNegativeFloat", "float"),
    help="Divide the logits by this; 0 always takes the most likely token.  [default: the recipe's, else 0]",
)
@click.option("--top-k", type=Checked("PositiveInt"), metavar="K", help="Sample from the K most likely tokens.")
@click.option(
    "--top-p",
    type=Checked("Probability", "float"),
    metavar="P",
    help="Nucleus sampling: the smallest set of tokens whose probability reaches P.",
)
@click.option("--seed", type=Checked("NonNegativeInt"), help="Random seed.  [default: the recipe's]")
@click.option("--stop", multiple=True, metavar="TEXT", help="End before this text. Can be repeated.")
@click.option("--stream", is_flag=True, help="Print the text while it is generated.")
def generate(run: Path, prompts: Path | None, samples: int | None, stream: bool, **options: Any) -> None:
    """Generate text from a prompt with a trained run; prints the prompt and its continuation.

    With --prompts or --samples, prints a JSON object per text: {"prompt": ..., "text": ...}, where the text is the
    continuation.
    """
    from seqkit.api import load

    for given, option in ((prompts is not None, "--prompts"), (samples is not None, "--samples")):
        if given and stream:
            raise UsageError(
                message("--stream prints a single text: pass --stream or {option}, not both", option=option)
            )
    if prompts and options["prompt"] is not None:
        raise UsageError(message("pass --prompt or --prompts, not both"))
    if prompts and samples is not None:
        raise UsageError(message("--samples needs a single prompt: pass --samples or --prompts, not both"))
    trained = load(run)
    options["stop"] = list(options["stop"]) or None
    if prompts:
        print_json_lines(_continue_lines(trained, prompts, options))
        return
    (prompt,) = trained.generation_config(**options).prompts
    if samples is not None:
        texts = trained.generate(**options, samples=samples)
        print_json_lines({"prompt": prompt, "text": text} for text in texts)
        return
    if not stream:
        click.echo(prompt + trained.generate(**options))
        return
    pieces = trained.stream(**options)
    click.echo(prompt, nl=False)
    for piece in pieces:
        click.echo(piece, nl=False)
        sys.stdout.flush()
    click.echo()


def _continue_lines(trained: Run, prompts: Path, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the prompt and the continuation of each line of a file; a blank line has none."""
    from seqkit.cli.lines import check_is_text, read_lines

    check_is_text(prompts, message("write one prompt per line into a text file"))
    lines = list(read_lines(prompts, "utf-8"))
    texts = iter(trained.generate(**{**options, "prompt": [line for line in lines if line.strip()]}))
    for line in lines:
        yield {"prompt": line, "text": next(texts) if line.strip() else None}


@seqkit.command(short_help="Predict labels for texts.")
@run_argument
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file of texts, one per line; - for standard input. A blank line gets a prediction of nulls.",
)
@click.option("--encoding", help="Encoding of --file.  [default: utf-8]")
@click.option(
    "--data",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file in the format that the recipe reads, with or without labels; - for standard input.",
)
@text_option
@set_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write to a .csv, .tsv or .jsonl file, with the row number and the other columns of --data. An existing file "
    "is replaced when all predictions are written; - prints JSON Lines.",
)
def predict(
    run: Path,
    texts: tuple[str, ...],
    file: Path | None,
    encoding: str | None,
    data: Path | None,
    text: str | None,
    changes: tuple[str, ...],
    output: Path | None,
) -> None:
    """Predict labels for texts with a trained run; prints a JSON object per text: text, label, probabilities.

    Any number of texts needs the same memory: predictions are printed while the file is read.
    """
    from seqkit.api import load
    from seqkit.contracts import Example
    from seqkit.data.notes import report_notes

    given = [option for option, value in (("texts", texts), ("--file", file), ("--data", data)) if value]
    if len(given) > 1:
        raise UsageError(message("pass {options}, not both", options=" or ".join(given)))
    if not given:
        raise UsageError(
            message(
                "no texts: pass texts, --file with one text per line, or --data in the format that the recipe reads"
            )
        )
    if not data and (text is not None or changes):
        raise UsageError(message("--text and --set describe a file of --data: pass --data"))
    if not file and encoding is not None:
        raise UsageError(message("--encoding is that of --file: for --data, pass --set encoding={name}", name=encoding))
    trained = load(run)
    if output:
        check_output(output, [path for path in (file, data, trained.directory.metrics) if path])
    with report_notes(), nullcontext() if data is None else open_data(trained, data) as opened:
        pairs: Iterable[tuple[Example, dict[str, Any]]]
        if opened:
            parameters = reader_parameters(trained, changes, text=text)
            pairs = trained.predict_examples(trained.read_file(opened, **parameters))
        elif file:
            pairs = _predict_lines(trained, file, encoding or "utf-8")
        else:
            examples = (Example(item, row=number) for number, item in enumerate(texts, start=1))
            pairs = zip(examples, trained.predict(texts), strict=True)
        if output:
            write_predictions(output, pairs)
        else:
            print_json_lines(prediction for _, prediction in pairs)


def _predict_lines(trained: Run, file: Path, encoding: str) -> Iterator[tuple[Example, dict[str, Any]]]:
    """Yield each line of a file with its prediction; a blank line has nulls, so that the lines stay aligned."""
    from seqkit.cli.lines import check_is_text, read_lines
    from seqkit.contracts import Example

    check_is_text(file, message("pass it with --data"))
    source = message("standard input") if str(file) == "-" else file
    lines = (
        Example(line, location=f"{source}:{number}", row=number)
        for number, line in enumerate(read_lines(file, encoding), start=1)
    )
    nulls: dict[str, Any] = {}  # of a prediction, known from the first line that is not blank
    block: list[Example] = []
    while new := list(islice(lines, _LINES)):
        block += new
        predictions = list(trained.predict_examples(line for line in block if line.input.strip()))
        if predictions:
            nulls = _nulls(predictions[0][1])
        if nulls:
            following = iter(predictions)
            for line in block:
                yield next(following) if line.input.strip() else (line, {**nulls, "text": line.input})
            block = []


def _nulls(value: Any) -> Any:
    """Return a prediction with null in place of each value."""
    return {key: _nulls(item) for key, item in value.items()} if isinstance(value, dict) else None


def _on_or_off(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Check the value of --calibrate. Before RUN, click takes the name of the run for it."""
    if value not in (None, "on", "off"):
        raise click.BadParameter(message("'{value}' is not on or off: write --calibrate on before RUN", value=value))
    return value


@seqkit.command(short_help="Evaluate a run.")
@run_argument
@click.option(
    "--data",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file in the format that the recipe reads; - for standard input.  [default: the data of the run]",
)
@click.option(
    "--split",
    type=click.Choice(["test", "valid", "train"]),
    help="A split of the data of the run.  [default: the first of these that it has]",
)
@click.option("--again", is_flag=True, help="Read the data of the run again, and evaluate it.")
@click.option(
    "--errors",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write the errors to a .csv, .tsv or .jsonl file, those that the run is surest of first; - prints them alone, "
    "as JSON Lines.",
)
@click.option("--all", "every", is_flag=True, help="Write what is right to --errors too, the least sure first.")
@click.option("--limit", type=Checked("PositiveInt"), metavar="N", help="Write the first N errors to --errors.")
@click.option("--by", metavar="COLUMN", help="Print the scores by group of another column of the data too.")
@click.option(
    "--samples",
    type=Checked("PositiveInt"),
    metavar="N",
    help="Of a language model: generate N samples at each of several temperatures, and print what they copy from the "
    "training text, how they repeat themselves, how they differ, and their loss.",
)
@click.option(
    "--calibrate",
    is_flag=False,
    flag_value="on",
    metavar="[on|off]",
    callback=_on_or_off,
    help="Fit the temperature of the probabilities on the validation split, and store it with the run; off removes it. "
    "Before RUN, write --calibrate on.",
)
@text_option
@click.option("--label", metavar="COLUMN", help="The column of the labels in --data.  [default: the recipe's]")
@set_option
def evaluate(
    run: Path,
    data: Path | None,
    split: str | None,
    again: bool,
    errors: Path | None,
    every: bool,
    limit: int | None,
    by: str | None,
    samples: int | None,
    calibrate: str | None,
    text: str | None,
    label: str | None,
    changes: tuple[str, ...],
) -> None:
    """Evaluate a trained run; prints the head's metrics as JSON.

    Without --data, prints what training has recorded for the test split. With --again, --errors or --by, and for an
    ensemble, the split is read again, and must be the recorded one; --set path=FILE names a file that has moved.

    After --calibrate, `predict` and `evaluate` divide the logits by the temperature that is stored with the run, until
    --calibrate off. It changes probabilities and no label.
    """
    from seqkit.api import load

    if samples is not None and (data or errors):
        raise UsageError(message("--samples continue the data of the run: pass no --data and no --errors"))
    if data and again:
        raise UsageError(message("--again reads the data of the run: pass --data or --again, not both"))
    if (every or limit is not None) and not errors:
        raise UsageError(message("--all and --limit describe --errors: pass --errors FILE"))
    trained = load(run)
    if errors:
        check_output(errors, [*data_files(trained), trained.directory.result, *([data] if data else [])], "--errors")
    with nullcontext() if data is None else open_data(trained, data) as file:
        parameters = reader_parameters(trained, changes, text=text, label=label)
        if calibrate:
            trained.calibrate(calibrate == "on", path=None if data else parameters.get("path"))
        if errors:
            from seqkit.inference.error_list import list_errors

            evaluation = trained.evaluation(file, split=split, by=by, **parameters)
            write_predictions(errors, list_errors(evaluation, every=every)[:limit])
            found = evaluation.as_data()
        else:
            found = trained.evaluate(file, split=split, again=again, by=by, samples=samples, **parameters)
        if str(errors) != STANDARD_OUTPUT:
            print_json(found)


@seqkit.command(short_help="Combine runs into one that predicts.")
@click.argument(
    "members",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="RUN...",
    shell_complete=completed_by("complete_run"),
)
@click.option("--name", default="ensemble", show_default=True, help="Name of the ensemble.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Create the directory in this folder.",
)
def ensemble(members: tuple[Path, ...], name: str, runs: Path) -> None:
    """Combine trained runs into an ensemble, whose directory predicts and evaluates like a run; prints the directory.

    The head averages the predictions of the members. They must have the same head and labels, and read the same kind of
    input; tokenizers, encoders, sizes and seeds may differ. The directory contains copies of the members.
    """
    from seqkit.inference.ensemble import create_ensemble

    click.echo(create_ensemble(members, name, runs).path)
