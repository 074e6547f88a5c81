"""What commands print in Chinese besides help and errors: tables, results and progress, aligned in a terminal."""

from __future__ import annotations

import ast
import gettext
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from catalogue import CATALOGUE, ENGLISH, read_translations
from helpers.commands import CommandResult, run_forked
from helpers.recipes import PROJECT
from seqkit.cli import group, translated_help
from seqkit.messages import message, translate, use_translation
from seqkit.terminal import display_width
from seqkit.training.progress_line import Status, progress_line

Cli = Callable[..., CompletedProcess[str]]

TEXTS = {
    "物流": ["快递显示已签收，但是我没收到{}", "请问{}发的是哪家快递", "麻烦帮我催一下{}的物流"],
    "售后": ["{}用了三天就坏了，我要退货", "收到的{}有划痕，可以换一个吗", "{}的退款还没有到账"],
    "咨询": ["{}有没有优惠券", "请问{}还有别的颜色吗", "{}的尺寸是多少，适合送人吗"],
}
GOODS = ["耳机", "充电宝", "运动鞋", "羽绒服", "电饭煲", "台灯", "行李箱", "保温杯", "键盘", "窗帘"]


def messages_csv() -> str:
    rows = [
        (text.format(goods) + end, label)
        for goods in GOODS
        for label, texts in TEXTS.items()
        for text in texts
        for end in ("", "！", "，谢谢")
    ]
    lines = [f'"{text}",{label},2024-{1 + n % 12:02}-{1 + n % 9:02}' for n, (text, label) in enumerate(rows)]
    return "\n".join(["内容,类别,日期", *lines]) + "\n"


@pytest.fixture
def run_chinese(
    run_command: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., CommandResult]]:
    """Return a function that runs a command in Chinese, in this process, which is English again afterwards.

    Help stays English: it would be translated in the commands themselves.
    """
    monkeypatch.setattr(translated_help, "translate_help", lambda *_: None)
    monkeypatch.setattr(group.seqkit, "lookup", None)
    monkeypatch.setenv("SEQKIT_LANG", "zh")
    monkeypatch.setenv("LANGUAGE", "")
    yield run_command
    use_translation(None)
    gettext.textdomain("messages")


@pytest.fixture
def chinese(run_chinese: Callable[..., CommandResult]) -> Callable[..., str]:
    """Return a function that runs a command in Chinese, and returns its standard output."""

    def run(*arguments: str) -> str:
        done = run_chinese(*arguments)
        assert done.code == 0, done.err
        return done.out

    return run


def widths(lines: Sequence[str]) -> set[int]:
    return set(map(display_width, lines))


def test_the_path_from_a_file_to_a_model_is_chinese(chinese: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "messages.csv").write_text(messages_csv(), encoding="utf-8")
    lines = chinese("init", "messages.csv", "--minutes", "0.05").splitlines()
    assert lines[:3] == [
        "messages.csv: csv，utf-8，270 行",
        "任务：classify，文本列是 '内容'，标签列是 '类别'（其他任务：generate）",
        "样本：train 162、valid 54、test 54",
    ]
    assert re.fullmatch(r"验证集上的基线：accuracy .*（1 到 3 个字符的 TF-IDF 加逻辑回归）", lines[3])
    assert lines[4:] == [
        "在这台机器上训练需要几秒钟",
        "已写出 messages.yaml；训练命令：seqkit run messages.yaml",
    ]
    recipe = (tmp_path / "messages.yaml").read_text("utf-8")
    head = "# 每段文本或每个序列一个标签：文本列是 '内容'，标签列是 '类别'。由 `seqkit init` 根据 messages.csv 生成。\n"
    assert head in recipe and "  # 3 种标签：咨询 (90)、售后 (90)、物流 (90)\n" in recipe
    comments = [line for line in recipe.splitlines()[1:] if line.lstrip().startswith("# ")]
    assert all(re.search("[\u4e00-\u9fff]", line) or "seqkit run" in line for line in comments)
    assert max(map(display_width, comments)) <= 120
    arguments = ("--minutes", "0.05", "--output", "english.yaml")
    assert run_forked("init", "messages.csv", *arguments, cwd=tmp_path, SEQKIT_LANG="en").code == 0
    english = (tmp_path / "english.yaml").read_text("utf-8")
    assert "# A label for each text or sequence: the text is '内容', the label '类别'. Written by" in english
    chinese_recipe, english_recipe = yaml.safe_load(recipe), yaml.safe_load(english)
    assert chinese_recipe["train"].pop("epochs") and english_recipe["train"].pop("epochs")  # they depend on the time
    assert chinese_recipe == english_recipe

    blocks = [block.splitlines() for block in chinese("data", "messages.yaml").split("\n\n")]
    sizes, labels, vocabulary, duplicates = blocks[:4]
    assert sizes[0] == "划分   样本数  行数  时间步数  长度中位数  最长"
    assert labels[0].split() == ["标签", "train", "valid", "test"]
    assert vocabulary[0].startswith("词表：") and vocabulary[1] == "划分   不同词元数  未知  不在 train 中"
    assert duplicates[0].split() == ["重复", "样本数"] and duplicates[1].startswith("train 内部重复")
    assert any(line.startswith("valid 与 train 逐字相同") for line in duplicates)
    assert all(len(widths(table)) == 1 for table in (sizes, labels, vocabulary[1:], duplicates[:8]))

    shown = chinese("run", "messages.yaml", "train.epochs=1", "encoder.hidden_size=8").splitlines()
    assert shown[0] == "messages，随机种子 1"
    assert shown[1].endswith(": train 162、valid 54、test 54 个样本")
    assert shown[6].startswith("  机器       ")
    assert any(line.endswith("：1 到 3 个字符的 TF-IDF 加逻辑回归，在同一 test 划分上") for line in shown)
    result = json.loads((tmp_path / "runs/messages-1/result.json").read_text("utf-8"))
    assert result["baseline"]["name"] == "TF-IDF of 1 to 3 characters, logistic regression"

    head, *_, total = chinese("summary", "runs/messages-1").splitlines()
    assert re.split(r" {2,}", head) == ["层", "类", "输出", "形状", "权重", "乘加次数"]
    assert total.startswith("权重：")

    explained = chinese("explain", "runs/messages-1", "键盘有没有优惠券", "--trace").splitlines()
    assert re.fullmatch(r"\S\S，概率 0\.\d{4}", explained[0]) and explained[1].startswith("对数几率 ")
    assert explained[3].split() == ["词元", "梯度", "遮挡", "权重", "止于此", "始于此", "正向", "反向"]
    table = explained[3 : explained.index("", 3)]
    assert len(widths(table[:-2])) == 1 and [line.split()[0] for line in table[-2:]] == ["总和", "余项"]
    assert [line.partition("：")[0] for line in explained[explained.index("", 4) + 1 :][:4]] == [
        "梯度",
        "遮挡",
        "权重",
        "止于此、始于此",
    ]
    trace = explained[explained.index("第 1 层，正向：8 个单元的平均幅度") + 1 :][:9]
    assert trace[0].split() == ["词元", "输入门", "遗忘门", "候选值", "输出门", "细胞状态", "隐藏状态"]
    assert len(widths(trace)) == 1

    listed = chinese("runs").splitlines()
    assert listed[0].split() == ["运行", "创建时间", "秒数", "指标", "值", "基线", "配方", "改动"]
    columns = [display_width(line[: line.index(text)]) for line, text in zip(listed, ("创建时间", "20"), strict=True)]
    assert columns[0] == columns[1]
    document = json.loads(chinese("data", "messages.yaml", "--json"))
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in "".join([*document, *document["labels"]]))


def test_a_comparison_is_chinese(
    chinese: Callable[..., str], run_chinese: Callable[..., CommandResult], tmp_path: Path
) -> None:
    recipe = str(PROJECT / "recipes/char_gen.yaml")
    command = ("compare", recipe, "--grid", "encoder.hidden_size=2,4", "--seeds", "2", "train.epochs=3")
    dry = chinese(*command, "--dry-run").splitlines()
    assert re.split(r" {2,}", dry[0])[:5] == ["候选", "已有", "待训练", "每次秒数", "秒数"]
    assert len(widths(dry[:3])) == 1 and re.fullmatch(r"要训练 4 个运行：(约 \d+|不到 1) 秒", dry[3])
    done = run_chinese(*command)
    assert "第 1 个，共 4 个：训练 hidden_size=2，随机种子 1\n" in done.err
    title, scores, costs, verdicts = [block.splitlines() for block in done.out.split("\n\n")]
    assert title == ["train 划分上的 loss，随机种子 1 到 2；越低越好"]
    assert re.split(r" {2,}", scores[0]) == ["候选", "种子数", "loss", "95% 区间", "基线", "差值", "95% 区间", "p"]
    assert display_width(scores[0]) == display_width(scores[2])
    assert re.split(r" {2,}", costs[0])[1:4] == ["权重", "乘加次数/词元", "训练秒数"] and len(widths(costs)) == 1
    assert verdicts[0] == "hidden_size=2：参照，不如基线"
    assert verdicts[-1] == "没有留出数据：在 train 划分上比较，模型会记住这些数据。"

    differing = chinese("diff", "runs/char-gen-1", "runs/char-gen-2").splitlines()
    assert differing[0] == "配方：" and {"数据：相同", "版本：相同", "权重：", "指标："} <= set(differing)
    assert any(line.split()[0] == "总数" for line in differing)
    shown = chinese("show", "encoder", "lstm").splitlines()
    assert shown[0] == "encoder lstm：单向 LSTM" and shown[1].startswith("由 seqkit ")
    assert any(re.fullmatch(r"  num_layers +1 到 100 的整数；默认 1", line) for line in shown)
    assert re.search(r"^  char +seqkit \S+ +每个字符一个词元$", chinese("list", "tokenizer"), re.MULTILINE)


def test_summaries_of_recipes_are_chinese(chinese: Callable[..., str]) -> None:
    lines = chinese("recipes").splitlines()
    assert [line for line in lines if line.startswith("  ") and not re.search("[\u4e00-\u9fff]", line)] == []


def test_reasons_of_init_are_chinese(cli: Cli, tmp_path: Path) -> None:
    rows = "".join(f"第{number}条留言,好\n" for number in range(60))
    (tmp_path / "one.csv").write_text(f"内容,标签\n{rows}", encoding="utf-8")
    line = cli("init", "one.csv", "--task", "classify", SEQKIT_LANG="zh").stderr
    assert line == "seqkit: one.csv: 不适合任务 classify：列 '标签' 只有一个标签 '好'：没有可学的内容\n"


def test_lists_in_sentences_are_chinese(tmp_path: Path) -> None:
    recipe = "data: {type: table, path: a.csv}\nencoder: {type: stacked}\nhead: {type: classify}\ntrain: {epochs: 1}\n"
    (tmp_path / "a.yaml").write_text(recipe, encoding="utf-8")
    (tmp_path / "a.csv").write_text("内容,类别\n好,1\n", encoding="utf-8")
    line = run_forked("check", "a.yaml", cwd=tmp_path, SEQKIT_LANG="zh").err.splitlines()[0]
    assert line == "seqkit: a.yaml:2:1: encoder.layers: 必须设置：由编码器组成的列表"
    arguments = ("encoder.type=lstm", "encoder.hidden_size=2")
    line = run_forked("run", "a.yaml", *arguments, cwd=tmp_path, SEQKIT_LANG="zh").err
    assert "；列有 内容、类别：" in line
    line = run_forked("list", "encoders", cwd=tmp_path, SEQKIT_LANG="zh").err
    assert line.endswith(
        "；可用的种类有 reader、tokenizer、embedding、encoder、head、optimizer、schedule、metric、tracker\n"
    )


@pytest.fixture
def in_chinese() -> Iterator[None]:
    translations = read_translations(CATALOGUE)
    use_translation(lambda text: translations.get(text) or text)
    yield
    use_translation(None)


@pytest.mark.usefixtures("in_chinese")
def test_the_progress_line_is_chinese() -> None:
    status = Status(3, 10, 1234, 10_000, 52.0, 0.4321, ("accuracy", 0.812))
    expected = "轮次 3/10  12%  步 1,234/10,000  52 步/秒  剩余 2:49  loss 0.43210  valid accuracy 0.8120"
    assert progress_line(status) == expected
    assert all(display_width(progress_line(status, width)) <= width for width in range(10, 120))


@pytest.mark.usefixtures("in_chinese")
def test_values_in_quotes_and_paths_get_no_space() -> None:
    text = message("the texts are in '{column}'", column="内容")
    assert translate(text) == "文本在 '内容' 列中"
    assert translate(message("{name}: {widths}", name="数据/a", widths="b")) == "数据/a: b"
    assert translate(message("/{_0}", _0="数据")) == "/数据"
    assert translate(message("{file}={value}", file="k", value="值")) == "k=值"


@pytest.mark.usefixtures("in_chinese")
def test_a_value_in_quotes_is_apart_from_the_words_around_it() -> None:
    choices = message("{first}, or {last}", first=message("an integer"), last="'auto'")
    assert translate(choices) == "整数，或 'auto'"
    assert translate(message("must be {wanted}, not {value}", wanted="'a'", value="'b'")) == "必须是 'a'，不能是 'b'"
    names = message("{noun} of names to {values}", noun=message("a mapping"), values="'x'")
    assert translate(names) == "从名称到 'x' 的映射"


def test_no_message_is_printed_without_its_translation() -> None:
    """A message that is formatted into a plain string, or printed by click, loses its translation."""

    def is_message(node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "message"

    def loses(node: ast.AST) -> bool:
        if isinstance(node, ast.FormattedValue):
            return is_message(node.value)
        if not isinstance(node, ast.Call):
            return False
        name = getattr(node.func, "id", "") or ast.unparse(node.func)
        return name in ("print", "click.echo", "click.secho") and any(map(is_message, node.args))

    found = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for path in sorted((PROJECT / "seqkit").rglob("*.py"))
        if not path.relative_to(PROJECT).as_posix().startswith(ENGLISH)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if loses(node)
    ]
    assert found == []
