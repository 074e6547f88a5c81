"""Draw the gates of one LSTM cell while it reads a sentence: python docs/draw_gates.py RUN [FILE.svg]

The run is one of recipes/char_gen.yaml. The cell is that whose memory differs most between the two cities, just
before `apples` and `bananas`. Prints the numbers that docs/en/tutorial/lstm-cell.md quotes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

import seqkit

FIRST = "In Beijing Sarah bought a basket of"
SECOND = " apples In Guangzhou Sarah bought a basket of"
SIZE = 16  # of a square of the picture, in pixels
LEFT = 24  # of the first square
STYLE = """
text { font: 12px ui-monospace, monospace; fill: #333; text-anchor: middle }
.more { fill: #1f6feb } .less { fill: #d9730d } .frame { fill: none; stroke: #888 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .more { fill: #58a6ff } .less { fill: #f0a050 } }
"""


def read(run: seqkit.Run, text: str) -> dict[str, Tensor]:
    """Return the gates, the cell states and the hidden states for each character, each (time, hidden_size)."""
    lstm = run.model.encoder.layers.cells[0]
    w_ih, w_hh, b_ih, b_hh = (weights.detach() for weights in lstm.parameters())
    ids = torch.tensor(run.tokenizer.encode(text))
    h = c = torch.zeros(lstm.hidden_size)
    columns: dict[str, list[Tensor]] = {name: [] for name in "ifgoch"}
    for x in torch.nn.functional.one_hot(ids, lstm.input_size).float():
        i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).chunk(4)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        for name, value in zip("ifgoch", (i, f, g, o, c, h), strict=True):
            columns[name].append(value)
    return {name: torch.stack(values) for name, values in columns.items()}


def draw(panels: list[tuple[str, dict[str, Tensor]]]) -> str:
    """Return an SVG with a line of squares per row: blue is positive, orange negative, pale near zero.

    Args:
        panels: a text and its rows of values, one number per character. Cell states are divided by 4.
    """
    parts, top = [], 0
    for text, rows in panels:
        for n, character in enumerate(text.replace(" ", "·")):
            parts.append(f'<text x="{LEFT + SIZE * (n + 0.5)}" y="{top + 14}">{character}</text>')
        for name, values in rows.items():
            top += SIZE + 4
            parts.append(f'<text x="12" y="{top + 13}">{name}</text>')
            for n, value in enumerate(values.tolist()):
                kind, strength = ("more" if value > 0 else "less"), min(abs(value) / (4 if name == "c" else 1), 1)
                square = f'x="{LEFT + SIZE * n}" y="{top}" width="{SIZE - 1}" height="{SIZE}"'
                parts.append(f'<rect class="{kind}" {square} opacity="{strength:.2f}"/>')
            parts.append(f'<rect class="frame" x="{LEFT}" y="{top}" width="{SIZE * len(text)}" height="{SIZE}"/>')
        top += 2 * SIZE
    width = LEFT + SIZE * max(len(text) for text, _ in panels) + 8
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}">'
    return f"{head}<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"


def main() -> None:
    """Print the numbers, and write the picture."""
    run = seqkit.load(sys.argv[1])
    text = FIRST + SECOND
    values = read(run, text)
    ends = [len(FIRST), len(text)]
    cell = int((values["c"][ends[0] - 1] - values["c"][ends[1] - 1]).abs().argmax())
    print(f"cell {cell}")
    panels = []
    for city, end in zip(("Beijing", "Guangzhou"), ends, strict=True):
        rows = {name: column[:end, cell] for name, column in values.items()}
        forget, states = rows["f"][text.index(city) + len(city) :], rows["c"]
        print(f"{city}: mean forget gate {forget.mean():.2f}, cell state before the fruit {states[-1]:.1f}")
        start = text.rindex("In ", 0, end)
        panels.append((text[start:end], {name: column[start:] for name, column in rows.items()}))
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(draw(panels), encoding="utf-8")


if __name__ == "__main__":
    main()
