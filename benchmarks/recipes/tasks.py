"""The tasks of `quality.py`: recipes on public data, with published figures and the parts to take away."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.processes import run_seqkit

SEEDS = tuple(f"seed={seed}" for seed in (1, 2, 3))
EWT = tuple(
    f"{key}=DATA/ud_english_ewt/en_ewt-ud-{split}.form_upos_xpos.tsv"
    for key, split in (("data.path", "train"), ("data.valid.path", "dev"), ("data.test.path", "test"))
)
WNUT17 = (
    "data.path=DATA/wnut17/wnut17train.conll",
    "data.valid.path=DATA/wnut17/emerging.dev.conll",
    "data.test.path=DATA/wnut17/emerging.test.conll",
)
GLOVE = tuple(
    f"{key}=DATA/glove/glove.6B.100d.trimmed.txt.gz" for key in ("embedding.words.path", "tokenizer.extra_words")
)
WNUT17_PUBLISHED = (
    "0.42 on the adjudicated file emerging.test.annotated (best of the shared task, with outside vectors); the same "
    "predictions (submissions/uh_ritual of the data's repository) score 0.345 on this file"
)
NANOGPT = "1.470 (nanoGPT on an A100), 1.88 (nanoGPT with its CPU settings), on the last tenth"
LAST_OF_TRAINING = ("data.split={by: order, valid: 0.05, test: 0.1}",)
HOTEL_REVIEWS = "data.path=DATA/chnsenticorp_htl/ChnSentiCorp_htl_all.csv"
FOLDS = tuple(f"data.split.fold={fold}" for fold in range(5))


@dataclass(frozen=True)
class Task:
    """A recipe on a public data set.

    Attributes:
        command: the recipe and its overrides.
        metric: the metric to compare.
        published: published figures of the metric, with their source.
        variants: the override that distinguishes each run from the others.
        parts: for each part of the recipe, the overrides that take it away.
        ablation: the overrides of all runs of an ablation: those that set a validation split where the task has none.
        ensembles: whether three seeds are also scored as an ensemble: the runs themselves, or three seeds of each fold.
        pretraining: the recipe and its overrides of the run that each run begins with; both have the same variant.
        derive: writes files to the folder of the runs (the second argument), from the data (the first).
        examine: returns a fact about a run that its metrics do not show.
    """

    command: tuple[str, ...]
    metric: str
    published: str = ""
    variants: tuple[str, ...] = SEEDS
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ablation: tuple[str, ...] = ()
    ensembles: bool = False
    pretraining: tuple[str, ...] = ()
    derive: Callable[[Path, Path], None] | None = None
    examine: Callable[[Path], str] | None = None


def write_names(data: Path, runs: Path) -> None:
    """Write a table of surnames and their languages, from a file per language."""
    with (runs / "names.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "language"])
        for language in sorted((data / "names").glob("[A-Z]*.txt")):
            if language.stem.isalpha() and language.stem != "SOURCE":
                names = language.read_text(encoding="utf-8").split("\n")
                writer.writerows([name.strip(), language.stem] for name in names if name.strip())


def count_poems(run: Path) -> str:
    """Return the shares of 500 samples that have the form of a quatrain: four lines of five or of seven characters."""
    options = ["--samples", "500", "--temperature", "0.8", "--length", "60", "--seed", "1"]
    shares = []
    for nucleus in ((), ("--top-p", "0.9")):
        texts = [json.loads(line)["text"] for line in run_seqkit("generate", run, *options, *nucleus).splitlines()]
        lines = [re.split("[，。？！；、]", text.strip()) for text in texts]
        right = sum(len(each) == 5 and not each[4] and {*map(len, each[:4])} in ({5}, {7}) for each in lines)
        shares.append(f"{right / len(texts):.1%}")
    return (
        f"{shares[0]} of 500 samples at temperature 0.8 have four lines of 5 or of 7 characters, and {shares[1]} with "
        "`--top-p 0.9`"
    )


TASKS = {
    "tinyshakespeare": Task(
        (
            "recipes/shakespeare.yaml",
            "data.path=DATA/tinyshakespeare/input.txt",
            "data.split={by: order, valid: 0, test: 0.1}",
        ),
        "loss",
        NANOGPT,
        parts={
            "dropout": ("head.dropout=0",),
            "cosine schedule": ("train.schedule=constant",),
            "the state that windows carry over": ("train.carry_state=false",),
        },
        ablation=LAST_OF_TRAINING,
    ),
    "tinyshakespeare-large": Task(
        (
            "recipes/shakespeare_large.yaml",
            "data.path=DATA/tinyshakespeare/input.txt",
            "data.split={by: order, valid: 0, test: 0.1}",
            "train.precision=bf16",
        ),
        "loss",
        NANOGPT,
        parts={
            "weight dropout": ("encoder.weight_dropout=0",),
            "variational dropout": ("encoder.output_dropout=0", "encoder.variational=false"),
        },
        ablation=LAST_OF_TRAINING,
    ),
    "quatrains": Task(
        ("recipes/quatrains.yaml", "data.path=DATA/tang_quatrains/jueju.txt", "train.precision=bf16"),
        "loss",
        examine=count_poems,
    ),
    "names": Task(("recipes/names.yaml", "data.path=RUNS/names.csv"), "macro_f1", ensembles=True, derive=write_names),
    "names-random": Task(  # each seed has another split; a name can be in two splits, with another language
        (
            "recipes/names.yaml",
            "data.path=RUNS/names.csv",
            "data.split=null",
            "data.split={by: random, valid: 0.1, test: 0.1}",
        ),
        "macro_f1",
        derive=write_names,
    ),
    "hotel_reviews": Task(
        ("recipes/hotel_reviews.yaml", HOTEL_REVIEWS),
        "accuracy",
        "at most 0.89 with word2vec",
        FOLDS,
        ensembles=True,
        parts={
            "n-grams": ("head.ngrams=0", "head.ngram_ratios=false"),
            "log-count ratios of the n-grams": ("head.ngram_ratios=false",),
            "pooling by maximum and attention": ("head.pooling=final",),
            "variational dropout": ("encoder.input_dropout=0", "encoder.variational=false"),
        },
    ),
    "hotel_reviews-pretrained": Task(
        ("recipes/reviews_finetune.yaml", HOTEL_REVIEWS, "train.precision=bf16"),
        "accuracy",
        "at most 0.89 with word2vec",
        FOLDS,
        ensembles=True,
        pretraining=("recipes/reviews_pretrain.yaml", HOTEL_REVIEWS, "train.precision=bf16"),
    ),
    "ewt": Task(
        ("plugins/seqkit-tagging/recipes/upos_ewt.yaml", *EWT),
        "accuracy",
        "0.944 (UDPipe 2.3), 0.954 (Stanza)",
        ensembles=True,
        parts={"shape, prefixes and suffixes": ("tokenizer.features=[]",)},
    ),
    "ewt-glove": Task(
        ("plugins/seqkit-tagging/recipes/upos_vectors.yaml", *EWT, *GLOVE),
        "accuracy",
        "0.944 (UDPipe 2.3), 0.954 (Stanza)",
        ensembles=True,
    ),
    "wnut17": Task(
        ("plugins/seqkit-tagging/recipes/entities_wnut17.yaml", *WNUT17),
        "f1",
        WNUT17_PUBLISHED,
        ensembles=True,
        parts={
            "bias for entities": ("head.entity_bias=0",),
            "shape, prefixes and suffixes": ("tokenizer.features=[]",),
        },
    ),
    "wnut17-glove": Task(
        ("plugins/seqkit-tagging/recipes/entities_vectors.yaml", *WNUT17, *GLOVE),
        "f1",
        WNUT17_PUBLISHED,
        ensembles=True,
        parts={
            "bias for entities": ("head.entity_bias=0",),
            "variational dropout": ("encoder.output_dropout=0", "encoder.variational=false", "head.dropout=0.5"),
            "average of the weights": ("train.average=null",),
            "vectors of words that only later texts contain": ("tokenizer.extra_words=null",),
        },
    ),
    "etth1-96": Task(
        ("plugins/seqkit-forecast/recipes/etth1-published.yaml", "data.path=DATA/ett/ETTh1.csv"),
        "mse",
        "0.375 (DLinear), 0.370 (PatchTST)",
        ensembles=True,
    ),
    "etth1-24": Task(
        (
            "plugins/seqkit-forecast/recipes/etth1-published.yaml",
            "data.path=DATA/ett/ETTh1.csv",
            "head.horizon=24",
            "head.input_length=168",
            "head.share_linear=false",
        ),
        "mse",
        ensembles=True,
    ),
}
"""The tasks by name."""
