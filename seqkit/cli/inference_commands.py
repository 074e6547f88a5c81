"""The commands for runs: generate text, predict and combine. Each imports what it needs when it is called."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.cli.checked import Checked
from seqkit.cli.group import run_argument, runs_argument, seqkit
from seqkit.cli.output import print_json_lines
from seqkit.cli.prediction_files import check_output, write_predictions
from seqkit.cli.reader_options import open_data, reader_parameters
from seqkit.errors import UsageError
from seqkit.messages import message

if TYPE_CHECKING:
    from seqkit.contracts import Example
    from seqkit.inference.run import Run

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
    "--pair",
    "second_texts",
    multiple=True,
    metavar="TEXT",
    help="The second text, if the run reads pairs of texts. Repeat it for each TEXT.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A file of texts, one per line; - for standard input. A blank line gets a prediction of nulls. Two texts of a "
    "pair are separated by a tab.",
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
    help="Write to a .csv, .tsv or .jsonl file, with the row number and the other columns of --data; a forecast has a "
    "row per time step in a .csv or .tsv file. An existing file is replaced when all predictions are written; - prints "
    "JSON Lines.",
)
def predict(
    run: Path,
    texts: tuple[str, ...],
    second_texts: tuple[str, ...],
    file: Path | None,
    encoding: str | None,
    data: Path | None,
    text: str | None,
    changes: tuple[str, ...],
    output: Path | None,
) -> None:
    """Predict labels for texts with a trained run; prints a JSON object per text: text, label, probabilities.

    If the run reads features, a TEXT names what its reader can read one input from, such as the path of a recording.
    Any number of texts needs the same memory: predictions are printed while the file is read.
    """
    from seqkit.api import load
    from seqkit.cli.predict_inputs import inputs_of_arguments, predict_lines
    from seqkit.data.notes import report_notes
    from seqkit.inference.inputs import examples_of_inputs

    given = [option for option, value in (("texts", texts), ("--file", file), ("--data", data)) if value]
    if len(given) > 1:
        raise UsageError(message("pass {options}, not both", options=message(" or ").join(given)))
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
    inputs = inputs_of_arguments(trained, texts, second_texts)
    if output:
        check_output(output, [path for path in (file, data, trained.directory.metrics) if path])
    with report_notes(), nullcontext() if data is None else open_data(trained, data) as opened:
        pairs: Iterable[tuple[Example, dict[str, Any]]]
        if opened:
            parameters = reader_parameters(trained, changes, text=text)
            pairs = trained.predict_examples(trained.read_file(opened, **parameters))
        elif file:
            pairs = predict_lines(trained, file, encoding or "utf-8")
        else:
            pairs = trained.predict_examples(examples_of_inputs(inputs, trained.reads_features))
        if output:
            write_predictions(output, pairs, trained.time_step_fields)
        else:
            print_json_lines(prediction for _, prediction in pairs)


@seqkit.command(short_help="Combine runs into one that predicts.")
@runs_argument
@click.option("--name", default="ensemble", show_default=True, help="Name of the ensemble.")
@click.option(
    "--runs",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Create the directory in this folder.",
)
def ensemble(runs: tuple[Path, ...], name: str, folder: Path) -> None:
    """Combine trained runs into an ensemble, whose directory predicts and evaluates like a run; prints the directory.

    The head averages the predictions of the members. They must have the same head and labels, and read the same kind of
    input; tokenizers, encoders, sizes and seeds may differ. The directory contains copies of the members.
    """
    from seqkit.inference.ensemble import create_ensemble

    click.echo(create_ensemble(runs, name, folder).path)
