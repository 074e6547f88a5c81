"""An explanation as one HTML file, from the parts of the reports."""

from __future__ import annotations

from seqkit.explain.charts import answer_chart, bar_chart, trace_map
from seqkit.explain.contents import ExplanationContents, shade
from seqkit.explain.tokens import place_tokens, visible
from seqkit.messages import message
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.page import Section, frame, labelled_number, page
from seqkit.reports.tables import table

_UNITS = {"log-odds": message("log-odds"), "value": message("value")}


def explanation_page(explanation: ExplanationContents, run: str = "") -> str:
    """Return an explanation as a page.

    Args:
        explanation: the explanation.
        run: the name of the run.
    """
    title = message("{label}: explained", label=visible(explanation.label))
    head = join(
        [element("p", run, class_="note") if run else None, element("div", _result(explanation), class_="head")]
    )
    sections: list[Section] = [
        ("tokens", message("Token by token"), _tokens(explanation)),
        ("trace", message("Gates and states"), _traces(explanation)),
        ("numbers", message("All numbers"), _numbers(explanation)),
    ]
    return page(title, head, sections)


def notebook_frame(explanation: ExplanationContents) -> str:
    """Return an explanation for a notebook."""
    return frame(explanation_page(explanation), min(420 + 24 * len(explanation.tokens), 900))


def _result(explanation: ExplanationContents) -> Markup:
    is_number = explanation.probability is None
    value = f"{explanation.score:.4g}" if is_number else f"{explanation.probability:.4f}"
    label = (
        visible(explanation.label) if is_number else message("probability of {label}", label=visible(explanation.label))
    )
    if explanation.token is not None:
        word = visible(explanation.word)
        label += message(", word {number} ({word})", number=explanation.token, word=word)
    if explanation.label != explanation.predicted:
        label += message(" (most probable: {label})", label=visible(explanation.predicted))
    numbers = [
        labelled_number(value, label),
        labelled_number(
            f"{explanation.baseline:+.3f}", message("{unit} without the tokens", unit=_UNITS[explanation.unit])
        ),
        labelled_number(f"{explanation.difference:+.3f}", message("added by the tokens")),
    ]
    return join([element("div", *numbers, class_="numbers"), _text(explanation)])


def _text(explanation: ExplanationContents) -> Markup:
    """Return the text, each token in the shade of what it adds."""
    values = explanation.attributions
    largest = max(map(abs, values), default=0.0)
    parts: list[object] = []
    placed = place_tokens(explanation.text, explanation.tokens)
    for number, ((gap, token), value) in enumerate(zip(placed, values, strict=True), start=1):
        level = shade(value, largest)
        kind = f"{'adds' if value > 0 else 'takes'}{level}" if level else None
        shown = token if token.strip() else visible(token)
        parts += [gap, element("span", shown, class_=kind, title=f"{number}: {value:+.4f}")]
    return element("p", *parts, class_="tokens", dir="auto")


def _tokens(explanation: ExplanationContents) -> Markup:
    columns = explanation.columns()
    names = {
        "gradients": message("integrated gradients"),
        "occlusion": message("occlusion"),
        "pooling_weights": message("pooling weight"),
    }
    shown = [(names[name], columns[name]) for name in names if name in columns]
    chart = bar_chart(
        [visible(token) for token in explanation.tokens],
        shown,
        title=message("{unit} of {label} by token", unit=_UNITS[explanation.unit], label=visible(explanation.label)),
    )
    sentences = []
    if explanation.gradients_remainder is not None:
        sentences.append(
            message(
                "Integrated gradients add up to {difference:+.3f}, what the tokens add together, with a remainder of "
                "{remainder:+.2g} ({steps} points).",
                difference=explanation.difference,
                remainder=explanation.gradients_remainder,
                steps=explanation.gradient_steps,
            )
        )
    sentences.append(
        message(
            "Occlusion is by how much the score is lower without the token; it leaves {remainder:+.3f} unexplained, "
            "since tokens also work together.",
            remainder=explanation.occlusion_remainder,
        )
    )
    if explanation.forward is not None and explanation.backward is not None:
        sentences.append(
            message(
                "When it has read the whole text, the forward half of the encoder alone gives {forward:.3f}, the "
                "backward half alone {backward:.3f}.",
                forward=explanation.forward[-1],
                backward=explanation.backward[0],
            )
        )
    notes = [element("p", join(sentences, " "), class_="note")]
    notes += [element("p", note, class_="warning") for note in explanation.notes]
    return join([*notes, element("div", chart, *_answers(explanation), class_="charts")])


def _answers(explanation: ExplanationContents) -> list[Markup]:
    """Return the charts of what the model knows after each token and from each token on."""
    is_number = explanation.probability is None
    what = message("score") if is_number else message("probability of {label}", label=visible(explanation.label))
    groups = [
        (
            message("The {what}, step by step", what=what),
            [
                (message("if the text ended after the token"), explanation.ended),
                (message("if the text began with the token"), explanation.began),
            ],
        )
    ]
    if explanation.forward is not None and explanation.backward is not None:
        groups.append(
            (
                message("The same from one half of the encoder"),
                [
                    (message("forward half, up to the token"), explanation.forward),
                    (message("backward half, from the token on"), explanation.backward),
                ],
            )
        )
    tokens = [visible(token) for token in explanation.tokens]
    return [answer_chart(tokens, lines, title=title, is_probability=not is_number) for title, lines in groups]


def _traces(explanation: ExplanationContents) -> Markup:
    parts: list[Markup] = []
    for trace in explanation.traces:
        maps = [
            trace_map(values.tolist(), [visible(token) for token in trace.time_steps], title=name)
            for name, values in trace.values.items()
        ]
        parts.append(join([element("h3", trace.name), element("div", *maps, class_="charts")]))
    return join(parts)


def _numbers(explanation: ExplanationContents) -> Markup:
    columns = explanation.columns()
    rows = [
        (
            number,
            visible(token),
            *(_number(name, values[number - 1]) for name, values in columns.items()),
        )
        for number, token in enumerate(explanation.tokens, start=1)
    ]
    names = {
        "gradients": message("gradients"),
        "occlusion": message("occlusion"),
        "pooling_weights": message("pooling weights"),
        "ended": message("ended"),
        "began": message("began"),
        "forward": message("forward"),
        "backward": message("backward"),
    }
    heads = ("", message("token"), *(names[name] for name in columns))
    return table(heads, rows, caption=message("all numbers"), numbers=heads[2:])


def _number(name: str, value: float | None) -> str | None:
    """Return a number of a token: what it adds has a sign, a probability or a weight has none."""
    if value is None:
        return None
    return f"{value:+z.4f}" if name in ("gradients", "occlusion") else f"{value:z.4f}"
