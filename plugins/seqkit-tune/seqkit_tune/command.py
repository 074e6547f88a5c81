"""The command `seqkit tune`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit.errors import UsageError
from seqkit.messages import counted, listed, message, translate
from seqkit.recipe.recipe import parse_override
from seqkit_tune.space import parse_search

if TYPE_CHECKING:
    import optuna


@click.command(short_help="Search the values of a recipe with Optuna.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--search",
    "searched",
    multiple=True,
    required=True,
    metavar="KEY=LO..HI[:log]",
    help="Search a range, or a list KEY=A,B. Can be repeated.",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Number of trials of the study, those of other processes included.",
)
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Number of seeds of each trial.")
@click.option("--study", "name", help="Name of the study.  [default: the name of the recipe's file]")
@click.option(
    "--storage",
    metavar="FILE|URL",
    help="Where the study is saved: a file, or a URL such as sqlite:///tune.db. Several processes can share it.  "
    "[default: STUDY.journal in the folder of runs]",
)
@click.option("--no-pruning", is_flag=True, help="Train every trial to its end.")
@click.option("--sampler-seed", type=click.IntRange(0), help="Seed of the sampler.  [default: random]")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Create run directories in this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tune(
    recipe: Path,
    overrides: tuple[str, ...],
    searched: tuple[str, ...],
    trials: int,
    seeds: int,
    name: str | None,
    storage: str | None,
    no_pruning: bool,
    sampler_seed: int | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Search the values of a recipe that are best on the validation split.

    Each trial is a run of seqkit with values that Optuna suggests (TPE). A trial that is worse than the median of the
    others after an epoch is pruned. The same command continues a study, and so do other processes that share it.

    \b
        seqkit tune recipes/sentiment_zh.yaml --search encoder.hidden_size=16..128:log \\
            --search train.optimizer.lr=0.0005..0.02:log --trials 20
    """
    space = dict(map(parse_search, searched))
    if len(space) < len(searched):
        raise UsageError(message("--search: a key is searched twice"))
    given = dict(_override(text) for text in overrides)
    if both := given.keys() & space.keys():
        raise UsageError(message("{key} is searched, and set too: remove one of them", key=min(both)))
    from seqkit_tune.search import Search, open_study, optimize, optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a warning has the traceback of a failed trial
    search = Search(recipe, given, space, runs, seeds)
    study = open_study(search, name or recipe.stem, storage, prunes=not no_pruning, seed=sampler_seed, report=_report)
    optimize(study, search, trials, _report)
    _show(study, recipe, overrides, as_json)


def _override(text: str) -> tuple[str, Any]:
    path, value = parse_override(text)
    return ".".join(path), value


def _report(line: str) -> None:
    click.echo(translate(line), err=True)


def _show(study: optuna.Study, recipe: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    from seqkit_tune.search import SPLIT, STATES, TrialState, shown

    metric, reference = study.user_attrs["metric"], study.user_attrs["reference"]
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = study.best_trial if complete else None
    chosen = [f"{key}={shown(value)}" for key, value in best.params.items()] if best else []
    if as_json:
        document = {
            "study": study.study_name,
            "metric": metric,
            "split": SPLIT,
            "direction": study.direction.name.lower(),
            "recipe_as_it_is": reference,
            "best": None if best is None else {"value": best.value, "values": best.params, "overrides": chosen},
            "trials": [
                {
                    "number": trial.number + 1,
                    "state": trial.state.name.lower(),
                    "value": trial.value,
                    "values": trial.params,
                    "runs": trial.user_attrs.get("runs", []),
                }
                for trial in trials
            ],
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    states = [trial.state for trial in trials]
    counts = listed(
        message("{count} {state}", count=states.count(state), state=STATES[state]) for state in dict.fromkeys(states)
    )
    count = counted(len(trials), "{count} trial", "{count} trials")
    _print(message("{trials}: {counts}; {metric} on the validation split", trials=count, counts=counts, metric=metric))
    _print(message("the recipe as it is: {value:.4f}", value=reference))
    if best is None:
        _print(message("no trial has a result"))
        return
    _print(
        message(
            "the best trial ({number}): {value:.4f}: {values}",
            number=best.number + 1,
            value=best.value,
            values=" ".join(chosen),
        )
    )
    _print(message("The best of several trials is partly luck. Compare it with the recipe over several seeds:"))
    # The run directory has the complete recipe of the best trial.
    run = best.user_attrs["runs"][0]
    click.echo(f"  {shlex.join(['seqkit', 'compare', str(recipe), run, '--first-seed', '1000', *overrides])}")


def _print(text: str) -> None:
    click.echo(translate(text))
