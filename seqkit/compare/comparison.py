"""Compare recipes: match widths, find and train runs, measure, and judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seqkit.compare.candidates import Candidate, seeds_of
from seqkit.compare.comparability import check_comparable
from seqkit.compare.latency import latency
from seqkit.compare.outcome import Comparison, Measurements, compare, mean_baseline
from seqkit.compare.probe import Costs, Probe, probe
from seqkit.compare.record import Record, key_of
from seqkit.compare.trials import StopContext, Trial, make_trials, train_trials
from seqkit.compare.variants import Variant, fold_variants, seed_variants
from seqkit.compare.widths import Match, matched_widths
from seqkit.errors import UsageError, suggest
from seqkit.messages import listed, message
from seqkit.recipe.plan import Plan
from seqkit.recipe.resolve import resolve
from seqkit.recipe.schema import HashSplit
from seqkit.registry.registry import Registry
from seqkit.reports.contents import RunContents, read_contents
from seqkit.runs.directory import RunDirectory
from seqkit.runs.numbers import numbers_of
from seqkit.stop import NO_STOP


@dataclass(frozen=True)
class Options:
    """The options of a comparison.

    Attributes:
        runs: the folder of run directories.
        seeds: the number of seeds.
        folds: whether each candidate is trained on each fold of `data.split` (cross-validation).
        first_seed: the first of them; None for that of the first recipe.
        match: what of the other candidates is made equal to the first; None for nothing.
        metric: the metric to compare; None for the one that the recipe chooses the best epoch by.
        split: the split to compare on; by default test with `folds`, otherwise valid, or train without a valid split.
        command: the command line, which is saved in the run directories; empty in Python.
    """

    runs: Path
    seeds: int = 5
    first_seed: int | None = None
    match: Match | None = None
    metric: str | None = None
    split: str | None = None
    folds: bool = False
    command: str = ""


@dataclass(frozen=True)
class Estimate:
    """A row of a dry run.

    Attributes:
        name: the name of the candidate.
        overrides: what differs from the recipe.
        costs: what a run costs.
        missing: the number of runs to train.
        found: the number of runs that exist.
        seconds: the estimated seconds of the missing ones.
    """

    name: str
    overrides: tuple[str, ...]
    costs: Costs
    missing: int
    found: int
    seconds: float


class Comparer:
    """Train and compare candidates.

    Args:
        candidates: the candidates; the first one is the reference.
        registry: the installed components.
        options: the options.
        report: receives a line about what is done.
        dry: whether nothing is written.

    Attributes:
        trials: each candidate with each seed, or with each fold.

    Raises:
        UsageError: the metric cannot be compared between the candidates, or their recipes have no folds.
        SeqkitError: a recipe or its data is invalid, or an encoder names no width to match.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        registry: Registry,
        options: Options,
        report: Callable[[str], None] = lambda line: None,
        *,
        dry: bool = False,
    ) -> None:
        self._registry = registry
        self._options = options
        self._report = report
        self._record = Record(options.runs, writes=not dry)
        plans = [resolve(candidate.recipe(), registry) for candidate in candidates]
        names = [candidate.name for candidate in candidates]
        check_comparable(list(zip(names, plans, strict=True)), options.metric)
        first = plans[0].seed if options.first_seed is None else options.first_seed
        seeds = seeds_of(options.seeds, first)
        self._variants = fold_variants(_count_folds(names, plans), seeds) if options.folds else seed_variants(seeds)
        self._candidates = self._match(candidates) if options.match else list(candidates)
        self.trials = make_trials(self._candidates, self._variants, registry, options.runs)

    def _match(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates with the widths that match the first one."""
        match = self._options.match
        assert match is not None
        recipes = [candidate.recipe(self._variants[0]) for candidate in candidates]
        reference, *others = [(resolve(recipe, self._registry), recipe) for recipe in recipes]
        matched = [candidates[0]]
        for candidate, other in zip(candidates[1:], others, strict=True):
            key = key_of(reference[0], other[0], extra=match)
            widths = self._record.get("widths", key, list[str], partial(matched_widths, match, reference, other))
            self._report(message("{name}: {widths}", name=candidate.name, widths=" ".join(widths)))
            matched.append(replace(candidate, widths=tuple(widths)))
        return matched

    def estimate(self) -> list[Estimate]:
        """Return what is missing, and how long it takes, from a few measured training steps."""
        rows = []
        for candidate in self._candidates:
            trials = self._trials_of(candidate)
            missing = sum(not trial.is_finished for trial in trials)
            costs = self._costs(trials[0]).costs
            overrides = (*candidate.overrides, *candidate.widths)
            rows.append(
                Estimate(candidate.name, overrides, costs, missing, len(trials) - missing, missing * costs.run_seconds)
            )
        return rows

    def compare(
        self, stop_context: StopContext = lambda: nullcontext(NO_STOP), callbacks: Sequence[object] = ()
    ) -> Comparison:
        """Train what is missing, measure, and return the outcome.

        Args:
            stop_context: handles signals during a run.
            callbacks: of every run, as for `seqkit.experiment.run_recipe`.

        Raises:
            Interrupted: a signal stopped a run; a second call continues.
            UsageError: the metric or the split does not exist.
            SeqkitError: the data or a component is invalid.
        """
        options = self._options
        train_trials(self.trials, self._registry, options.runs, self._report, stop_context, options.command, callbacks)
        contents = {
            (trial.candidate, trial.variant): read_contents(trial.run)
            for trial in self.trials
            if trial.run is not None and not trial.failure
        }
        reference = next(iter(contents.values()))
        split = self._choose_split(reference)
        metric = self._choose_metric(reference, split)
        measured = [self._measure(candidate, contents, metric, split) for candidate in self._candidates]
        higher = metric in reference.metric_names.higher_is_better
        data = {(variant, _data_of(found, split)) for (_, variant), found in contents.items()}
        same_data = len(data) == len({variant for variant, _ in data})
        ratio = _ratio_to_train(contents.values(), split) if options.folds else 0.0
        return compare(
            measured,
            metric,
            higher,
            split,
            self._variants,
            options.match or "",
            same_data=same_data,
            test_ratio=ratio,
        )

    def first_contents(self) -> list[RunContents]:
        """Return the contents of the first finished run of each candidate that has one."""
        found = [
            next((trial.run for trial in self._trials_of(each) if trial.run and not trial.failure), None)
            for each in self._candidates
        ]
        return [read_contents(run) for run in found if run is not None]

    def _trials_of(self, candidate: Candidate) -> list[Trial]:
        return [trial for trial in self.trials if trial.candidate == candidate]

    def _choose_split(self, run: RunContents) -> str:
        assert run.result is not None
        if (split := self._options.split) is None:
            wanted = () if self._options.folds else ("valid", "train")
            return next((name for name in wanted if name in run.result.metrics), "test")
        if split not in run.result.metrics:
            raise UsageError(
                message(
                    "--split {split}: {run} has no such split: it has {splits}",
                    split=split,
                    run=run.directory.path,
                    splits=listed(run.result.metrics),
                )
            )
        return split

    def _choose_metric(self, run: RunContents, split: str) -> str:
        assert run.result is not None
        scores = list(numbers_of(run.result.metrics.get(split, {})))
        names = [name for name in run.metric_names.names if name in scores]
        if (metric := self._options.metric) is None and names:
            return names[0]
        if metric not in scores:
            hint = suggest(metric or "", scores)
            raise UsageError(
                message(
                    "--metric {metric}: {run} has no such metric on the {split} split: it has {names}{hint}",
                    metric=metric,
                    run=run.directory.path,
                    split=split,
                    names=listed(scores),
                    hint=hint,
                )
            )
        return metric

    def _measure(
        self, candidate: Candidate, contents: dict[tuple[Candidate, Variant], RunContents], metric: str, split: str
    ) -> Measurements:
        trials = self._trials_of(candidate)
        values, seconds, runs, failures = {}, {}, {}, {}
        baselines = []
        for trial in trials:
            found = contents.get((candidate, trial.variant))
            if found is None or found.result is None:
                failures[trial.variant] = trial.failure
                continue
            runs[trial.variant] = str(found.directory.path)
            scores = found.result.metrics.get(split, {})
            if metric in (numbers := numbers_of(scores)):
                values[trial.variant] = float(numbers[metric])
            elif metric not in scores:
                failures[trial.variant] = message("it has no {metric} on the {split} split", metric=metric, split=split)
            else:
                failures[trial.variant] = message("{metric} is undefined", metric=metric)
            seconds[trial.variant] = float(found.result.timing.get("train_seconds", 0.0))
            recorded = found.result.baseline
            if recorded is None or recorded.get("split") != split:
                recorded = self._costs(trial).baseline if split == "valid" else None
            if recorded:
                baselines.append(recorded)
        probed = self._costs(trials[0])
        costs = {key: getattr(probed.costs, key) for key in ("weights", "multiply_adds", "memory")}
        if runs:
            run, plan = RunDirectory(Path(next(iter(runs.values())))), trials[0].plan
            costs["latency_ms"] = self._record.get("latency", key_of(plan), float | None, lambda: latency(run, plan))
        return Measurements(
            candidate.name,
            str(candidate.source),
            (*candidate.overrides, *candidate.widths),
            runs,
            values,
            mean_baseline(baselines),
            seconds,
            costs,
            failures,
        )

    def _costs(self, trial: Trial) -> Probe:
        """Return what a few training steps measure."""

        def measure() -> Probe:
            self._report(message("measures {name}", name=trial.candidate.name))
            return probe(trial.plan, trial.recipe)

        found: Probe = self._record.get("costs", key_of(trial.plan), Probe, measure)
        return found


def _count_folds(names: Sequence[str], plans: Sequence[Plan]) -> int:
    """Return the number of folds of recipes.

    Raises:
        UsageError: a recipe has none, or they have different numbers.
    """
    counts = {}
    for name, plan in zip(names, plans, strict=True):
        counts[name] = plan.split.folds if isinstance(plan.split, HashSplit) else None
        if counts[name] is None:
            raise UsageError(
                message(
                    "--folds: {name} has no folds: set `data.split: {{by: hash, folds: 5, fold: 0, valid: 0.1}}`, "
                    "without `test`",
                    name=name,
                )
            )
    if len(set(counts.values())) > 1:
        raise UsageError(
            message(
                "--folds: the number of folds differs: {counts}",
                counts=listed(f"{name} {count}" for name, count in counts.items()),
            )
        )
    return next(count for count in counts.values() if count)


def _ratio_to_train(runs: Iterable[RunContents], split: str) -> float:
    """Return the number of examples of a split, divided by that of the training split."""
    examples = [run.result.examples for run in runs if run.result]
    return sum(each.get(split, 0) for each in examples) / max(1, sum(each.get("train", 0) for each in examples))


def _data_of(run: RunContents, split: str) -> str:
    """Return what identifies the examples of a split, whatever the tokenizer: files, split, columns and number of
    examples; of a split in a file of its own, not the files of other splits."""
    files = run.plan.get("files_sha256")
    digests = {key: value for key, value in files.items() if key.startswith("data.")} if isinstance(files, dict) else {}
    data = run.plan["recipe"].get("data")
    section = data if isinstance(data, dict) else {}
    count = run.result.examples.get(split) if run.result else None
    if own := digests.get(f"data.{split}.path"):
        digests, section = {"path": own}, section | section.get(split, {}) | {"split": None}
    return str([sorted(digests.items()), section.get("split"), section.get("text"), section.get("label"), count])
