"""The recipes that are shipped do what their comments say."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import seqkit
from helpers.recipes import RECIPES, SENTENCE
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

SHIPPED = sorted(path.name for path in RECIPES.glob("*.yaml"))
TAKE_A_FILE = {
    "shakespeare.yaml",
    "shakespeare_large.yaml",
    "quatrains.yaml",
    "hotel_reviews.yaml",
    "names.yaml",
    "sentences.yaml",
    "reviews_pretrain.yaml",
}
TAKE_A_RUN = {"reviews_finetune.yaml"}


def train_losses(run: seqkit.Run) -> dict[int, float]:
    return {row["step"]: row["loss"] for row in run.metrics if row["split"] == "train"}


def torch_alone(bidirectional: bool, steps: int) -> list[float]:
    """Returns the losses of the tutorial's model, written with nothing but torch."""
    characters = sorted(set(SENTENCE))
    ids = torch.tensor([characters.index(character) for character in SENTENCE])
    inputs = torch.nn.functional.one_hot(ids[:-1], len(characters)).float()[None]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        lstm = torch.nn.LSTM(len(characters), 32, batch_first=True, bidirectional=bidirectional)
        linear = torch.nn.Linear(32 * (1 + bidirectional), len(characters))
    optimizer = torch.optim.Adam([*lstm.parameters(), *linear.parameters()], lr=0.01)
    losses = []
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(linear(lstm(inputs)[0])[0], ids[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", SHIPPED)
def test_every_recipe_says_what_to_expect(name: str) -> None:
    text = (RECIPES / name).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "What to expect" in text
    assert f"seqkit run recipes/{name}" in text


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in TAKE_A_RUN])
def test_every_recipe_passes_its_checks(name: str) -> None:
    plan = resolve(read_recipe(RECIPES / name, ["data.path=some.csv"] if name in TAKE_A_FILE else []), load_registry())
    assert plan.name == name.removesuffix(".yaml").replace("_", "-")
    assert plan.notes == []


@pytest.mark.parametrize("name", sorted(TAKE_A_FILE))
def test_recipe_without_its_file_is_an_error(name: str, run_command) -> None:
    refused = run_command("run", RECIPES / name)
    assert refused.code == 2
    assert "data.path: is required" in refused.err
    assert "data.path=FILE" in refused.err


def test_fine_tuning_begins_with_the_pretrained_run(tmp_path: Path) -> None:
    """The two recipes fit together with nothing but `data.*` and the run changed, on data of the same kind."""
    data = {"path": str(RECIPES / "data" / "sentiment_zh" / "valid.csv"), "text": "text"}
    short = {"epochs": None, "steps": 2, "threads": 1}
    pretrained = seqkit.run(
        RECIPES / "reviews_pretrain.yaml", runs=tmp_path, quiet=True, data=data, train=short, baseline=False
    )
    begin = {key: {"init_from": str(pretrained.path)} for key in ("tokenizer", "embedding", "encoder")}
    recipe = RECIPES / "reviews_finetune.yaml"
    run = seqkit.run(recipe, runs=tmp_path, quiet=True, data=data, train=short, baseline=False, **begin)
    splits = [each.recipe["data"]["split"] for each in (pretrained, run)]
    assert splits[0] == splits[1]
    plans = [json.loads((each.path / "plan.json").read_text()) for each in (pretrained, run)]
    assert plans[1]["init_from"][0]["data_sha256"] == plans[0]["data_sha256"]
    assert run.result["examples"] == pretrained.result["examples"]
    with pytest.raises(seqkit.errors.RecipeError, match=r"data.split.fold is 1 here, and was 0 there"):
        seqkit.run(recipe, runs=tmp_path, quiet=True, data=data | {"split": {"fold": 1}}, train=short, **begin)


def test_lstm_continues_the_sentence(tmp_path: Path) -> None:
    run = seqkit.run(RECIPES / "char_gen.yaml", runs=tmp_path, quiet=True, train__threads=1)
    losses, reference = train_losses(run), torch_alone(bidirectional=False, steps=1000)
    assert losses[1000] == pytest.approx(reference[-1], rel=0.2)
    assert losses[1] == pytest.approx(reference[0], rel=1e-5)
    assert run.result["generated"][0]["text"].strip() == "apples In Guangzhou"
    assert run.result["baseline"]["loss"] > 10 * run.result["metrics"]["train"]["loss"]


def test_tutorial_model_reads_its_target(tmp_path: Path) -> None:
    run = seqkit.run(RECIPES / "char_gen_tutorial.yaml", runs=tmp_path, quiet=True, train__threads=1)
    losses, reference = train_losses(run), torch_alone(bidirectional=True, steps=1000)
    published = {200: 0.00252, 400: 0.00082, 600: 0.00041, 800: 0.00025, 1000: 0.00017}
    for step, loss in published.items():
        assert losses[step] == pytest.approx(loss, rel=0.02)
        assert losses[step] == pytest.approx(reference[step - 1], rel=0.02)
    prefix_loss = run.result["honest_loss"]
    assert prefix_loss["positions"] == len(SENTENCE) - 1
    assert prefix_loss["loss"] == pytest.approx(0.313, rel=0.02)
    assert prefix_loss["loss"] > 1000 * losses[1000]
    assert not run.result["generated"][0]["text"].startswith(" apples")


@pytest.mark.parametrize("name", ["char_gen_stacked.yaml", "char_gen_projected.yaml"])
def test_other_causal_encoders_continue_the_sentence(name: str, tmp_path: Path) -> None:
    run = seqkit.run(RECIPES / name, runs=tmp_path, quiet=True, train={"epochs": 300, "threads": 1})
    assert run.result["generated"][0]["text"] == " apples In Guangzhou"


@pytest.mark.slow
def test_bilstm_trained_on_prefixes_generates(tmp_path: Path) -> None:
    run = seqkit.run(RECIPES / "char_gen_prefix.yaml", runs=tmp_path, quiet=True)
    assert run.result["generated"][0]["text"] == " apples In Guangzhou Sarah bought a bask"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentiment_zh.yaml", "sentiment_zh_lstm.yaml"])
def test_sentiment_is_well_above_its_baseline(name: str, tmp_path: Path) -> None:
    run = seqkit.run(RECIPES / name, runs=tmp_path, quiet=True)
    assert run.result["metrics"]["test"]["accuracy"] > 0.9
    assert run.result["metrics"]["test"]["accuracy"] > run.result["baseline"]["accuracy"] + 0.1
    assert run.result["predictions"][0]["text"] == "我今天很开心，因为我考试考了 100 分"
    assert run.result["predictions"][0]["label"] == "正面"


@pytest.fixture(scope="module")
def short_sentiment(tmp_path_factory: pytest.TempPathFactory) -> seqkit.Run:
    """Return a run on the real corpus, trained for two epochs. The slow test checks the final accuracy."""
    runs = tmp_path_factory.mktemp("sentiment")
    return seqkit.run(RECIPES / "sentiment_zh.yaml", runs=runs, quiet=True, train={"epochs": 2, "threads": 1})


def test_sentiment_learns_in_its_first_epoch(short_sentiment: seqkit.Run) -> None:
    losses = [row["loss"] for row in short_sentiment.metrics if row["split"] == "valid"]
    assert losses[0] < math.log(2)
    result = short_sentiment.result
    assert result["baseline"]["split"] == "test"
    assert 0.6 < result["baseline"]["accuracy"] < 0.85
    assert set(result["predictions"][0]["probabilities"]) == {"正面", "负面"}


def minimal_pairs() -> list[tuple[str, str]]:
    """Return pairs of a positive and a negative sentence that differ in a few characters."""
    with (RECIPES / "data" / "sentiment_zh" / "minimal_pairs.csv").open(encoding="utf-8", newline="") as file:
        return [(row["positive"], row["negative"]) for row in csv.DictReader(file)]


def check_minimal_pairs(run: seqkit.Run) -> None:
    pairs = minimal_pairs()
    labels = iter(item["label"] for item in run.predict([text for pair in pairs for text in pair]))
    wrong = [pair for pair in pairs if (next(labels), next(labels)) != ("正面", "负面")]
    assert len(pairs) == 60
    assert len(wrong) <= 6, wrong


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sentiment_reads_minimal_pairs(seed: int, tmp_path: Path) -> None:
    check_minimal_pairs(seqkit.run(RECIPES / "sentiment_zh.yaml", runs=tmp_path, quiet=True, seed=seed))


def test_sentiment_reads_minimal_pairs_after_a_short_training(short_sentiment: seqkit.Run) -> None:
    check_minimal_pairs(short_sentiment)


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[dict[str, str]]]:
    splits = {}
    for side in ("train", "valid", "test"):
        with (RECIPES / "data" / "sentiment_zh" / f"{side}.csv").open(encoding="utf-8", newline="") as file:
            splits[side] = list(csv.DictReader(file))
    return splits


def test_the_corpus_is_large_distinct_and_balanced(corpus) -> None:
    texts = [row["text"] for rows in corpus.values() for row in rows]
    assert len(texts) == len(set(texts)) > 1000
    pairs = {text for pair in minimal_pairs() for text in pair}
    assert not {text.replace(" ", "") for text in pairs} & {text.replace(" ", "") for text in texts}
    for rows in corpus.values():
        positive = sum(row["label"] == "正面" for row in rows)
        assert 0.45 < positive / len(rows) < 0.55


def test_no_sentence_of_another_split_is_one_word_away(corpus) -> None:
    """Without what they share at the beginning and at the end, more than four characters of one of them remain.

    Four characters are a long Chinese word. Two sentences that close become the same when up to four characters are cut
    out of each at one place, so it is enough to look each cut up.
    """
    seen: dict[tuple[str, str], str] = {}
    for side, rows in corpus.items():
        for row in rows:
            text = "".join(filter(str.isalnum, row["text"]))
            for start in range(len(text) + 1):
                for removed in range(min(4, len(text) - start) + 1):
                    key = (text[:start], text[start + removed :])
                    assert seen.setdefault(key, side) == side, f"{row['text']} of {side}, and {seen[key]}"


def test_writing_the_corpus_again_gives_the_same_bytes(corpus, tmp_path: Path) -> None:
    folder = RECIPES / "data" / "sentiment_zh"
    for name in ("write_corpus.py", "clauses.py", "short_sentences.py", "minimal_pairs.csv"):
        shutil.copy(folder / name, tmp_path)
    subprocess.run([sys.executable, tmp_path / "write_corpus.py"], check=True)
    for side in corpus:
        assert (tmp_path / f"{side}.csv").read_bytes() == (folder / f"{side}.csv").read_bytes()


def test_scores_depend_on_the_order_of_clauses(tmp_path: Path) -> None:
    run = seqkit.run(
        RECIPES / "scores.yaml", runs=tmp_path, quiet=True, train={"epochs": 5, "threads": 1}, baseline="off"
    )
    assert run.result["metrics"]["test"]["r2"] > 0.75
    first, second = (prediction["value"] for prediction in run.result["predictions"])
    assert first < 0 < second


def test_topics_are_found(tmp_path: Path) -> None:
    run = seqkit.run(
        RECIPES / "topics.yaml", runs=tmp_path, quiet=True, train={"epochs": 3, "threads": 1}, baseline="off"
    )
    assert run.result["metrics"]["test"]["micro_f1"] > 0.95
    assert run.result["predictions"][0]["labels"] == ["food", "staff"]


def test_writing_the_notes_again_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = RECIPES / "data" / "notes"
    subprocess.run([sys.executable, folder / "write_corpus.py", tmp_path], check=True)
    assert (tmp_path / "notes.jsonl").read_bytes() == (folder / "notes.jsonl").read_bytes()
