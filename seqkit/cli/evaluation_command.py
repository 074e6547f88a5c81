"""The command `evaluate`. It imports what it needs when it is called."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import run_argument, seqkit
from seqkit.cli.inference_commands import set_option, text_option
from seqkit.cli.output import echo, print_json
from seqkit.cli.prediction_files import STANDARD_OUTPUT, check_output, write_predictions
from seqkit.cli.reader_options import data_files, open_data, reader_parameters
from seqkit.errors import UsageError
from seqkit.messages import counted, message


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
@click.option(
    "--label",
    metavar="COLUMN",
    help="The column of the labels in --data, or several, separated by commas.  [default: the recipe's]",
)
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
    ensemble or a calibrated run, the split is read again, and must be the recorded one; --set path=FILE names a file
    that has moved.

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
            records = list_errors(evaluation, every=every)
            write_predictions(errors, records[:limit])
            found = evaluation.as_data()
            if str(errors) != STANDARD_OUTPUT:
                echo(_describe_errors(errors, [each.get("error", True) for _, each in records], limit), err=True)
        else:
            found = trained.evaluate(file, split=split, again=again, by=by, samples=samples, **parameters)
        if str(errors) != STANDARD_OUTPUT:
            print_json(found)


def _describe_errors(file: Path, are_errors: list[bool], limit: int | None) -> str:
    """Return a line on what was written to the file of --errors.

    Args:
        file: the file.
        are_errors: whether each line that could be written is an error; with --all, some are not.
        limit: the number of lines that are written; None for all.
    """
    total, written = sum(are_errors), sum(are_errors[:limit])
    if not all(are_errors):
        rows = counted(len(are_errors[:limit]), "1 row", "{count:,} rows")
        errors = counted(written, "1 error", "{count:,} errors")
        return message("wrote {rows} to {file}, with {errors} among them", rows=rows, file=file, errors=errors)
    errors = counted(total, "1 error", "{count:,} errors")
    if written < total:
        return message("wrote the first {count:,} of {errors} to {file}", count=written, errors=errors, file=file)
    return message("wrote {errors} to {file}", errors=errors, file=file)
