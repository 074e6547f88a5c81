"""The model of a run: its components, and each layer with its shapes and weights."""

from __future__ import annotations

import math
from typing import Any

from seqkit.messages import message
from seqkit.reports.contents import RunContents
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.tables import table

_COMPONENTS = ("tokenizer", "embedding", "encoder", "head")


def model_section(run: RunContents) -> Markup | None:
    """Return the components from the plan, and the layers from the header of the file of weights."""
    recipe = run.plan["recipe"]
    sizes = run.recorded.model.sizes if run.recorded else {}
    rows = [
        (kind, _name(recipe.get(kind)), sizes.get(kind)) for kind in _COMPONENTS if isinstance(recipe.get(kind), dict)
    ]
    columns = (message("component"), message("type"), message("size of its output"))
    parts = [table(columns, rows, caption=message("the components"), row_headers=True)]
    if run.recorded:
        model = run.recorded.model
        direction = message("causal: a time step sees earlier ones alone") if model.causal else message("not causal")
        text = message("{weights:,} weights. The encoder is {direction}.", weights=model.weights, direction=direction)
        parts.append(element("p", text))
    if run.shapes:
        parts.append(_layers(run))
    return join(parts)


def _layers(run: RunContents) -> Markup:
    types = run.recorded.model.layers if run.recorded else {}
    products = run.recorded.model.multiply_adds if run.recorded else {}
    layers: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for name, shape in run.shapes.items():
        layer, _, tensor = name.rpartition(".")
        layers.setdefault(layer, []).append((tensor, shape))
    order = {kind: place for place, kind in enumerate(_COMPONENTS)}
    names = sorted(layers, key=lambda name: order.get(name.partition(".")[0], len(order)))
    rows: list[tuple[Any, ...]] = []
    for name in names:
        tensors = sorted(layers[name])
        shapes = ", ".join(f"{tensor} {' × '.join(map(str, shape)) or '1'}" for tensor, shape in tensors)
        rows.append((name, types.get(name), shapes, sum(math.prod(shape) for _, shape in tensors), products.get(name)))
    total = sum(math.prod(shape) for shape in run.shapes.values())
    rows.append((message("all"), None, None, total, sum(products.values()) if products else None))
    columns = (
        message("layer"),
        message("class"),
        message("shapes"),
        message("weights"),
        message("multiply-adds for one token"),
    )
    return table(columns, rows, caption=message("the layers"), row_headers=True)


def _name(section: Any) -> str:
    """Return the type of a component, and its parameters that are short."""
    kind = str(section.get("type", ""))
    values = [
        f"{key} {str(value).lower() if isinstance(value, bool) else value}"
        for key, value in section.items()
        if key != "type" and isinstance(value, int | float | str)
    ]
    text = f"{kind} ({', '.join(values)})" if values else kind
    return text if len(text) <= 200 else text[:199] + "…"
