"""The style of a page: light and dark by the reader's preference, readable on a phone, printable."""

COLORS = """
:root { color-scheme: light dark;
  --page: #fff; --panel: #f6f7f9; --ink: #1c1f24; --soft: #555c66; --rule: #d5d9e0; --link: #0b57a4; --heat: #08306b;
  --cold: #7f2704; --on-heat: #fff; --good: #14652f; --bad: #a4161a; --mark: #ffe8a3; --cut: #f6c7c7; --new: #c6ecd0;
  --c0: #0067a8; --c1: #c04f00; --c2: #007a5a; --c3: #a83e78; --c4: #6b5b00; --c5: #5b4bb5; --c6: #30839c;
  --c7: #70707a; }
@media screen and (prefers-color-scheme: dark) { :root {
  --page: #14161a; --panel: #1d2026; --ink: #e7e9ed; --soft: #a9b0bb; --rule: #383d47; --link: #86bdff;
  --heat: #9ecbff; --cold: #ffb38a; --on-heat: #0c1420; --good: #7fd69b; --bad: #ff9a9a; --mark: #5c4a10;
  --cut: #642c2f; --new: #1e4f31; --c0: #5db2f2; --c1: #f59a57; --c2: #47c9a2; --c3: #e58bbb; --c4: #d3c04f;
  --c5: #aca0f5; --c6: #7fcbe2; --c7: #b3b3bd; } }
"""
"""The colors, light and dark."""

FONTS = """system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif"""
"""The fonts of texts, some of which have Chinese characters."""

MARKS = """
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
svg text { fill: var(--ink); font-size: 11px; font-family: inherit; } svg text.name { fill: var(--soft); }
svg .grid { stroke: var(--rule); stroke-width: .6; } svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
svg .line.dashed { stroke-dasharray: 5 3; } svg .band { fill: currentColor; stroke: none; opacity: .16; }
svg .point, svg .bar { fill: currentColor; } svg .best { fill: var(--page); stroke: currentColor; stroke-width: 2; }
svg .level { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 6 4; }
svg .at { stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: 2 3; }
svg .heat { fill: var(--heat); stroke: var(--rule); } svg .cold { fill: var(--cold); stroke: var(--rule); }
svg text.value.strong { fill: var(--on-heat); }
svg .unit { stroke: none; shape-rendering: crispEdges; } svg .frame { fill: none; stroke: var(--rule); }
"""
"""The style of what is drawn."""

STYLE = (
    COLORS
    + """
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 """
    + FONTS
    + """; }
main { max-width: 1240px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 8px 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 40px 0 8px; padding-top: 8px; border-top: 1px solid var(--rule); }
h3 { font-size: 1.12rem; margin: 28px 0 4px; } h4 { font-size: 1rem; margin: 20px 0 4px; }
summary h3 { display: inline; font: inherit; }
p { margin: 4px 0 8px; overflow-wrap: anywhere; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: .9rem; }
.note { color: var(--soft); font-size: .9rem; max-width: 80ch; }
.head { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 12px 16px;
  margin: 12px 0; }
.head .numbers { display: flex; flex-wrap: wrap; gap: 8px 40px; }
.head .numbers .number { font-size: 2rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.head .label { color: var(--soft); font-size: .9rem; max-width: 46ch; }
.verdict { font-weight: 600; margin: 8px 0 0; } .good { color: var(--good); } .bad { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 360px), 1fr)); gap: 8px 24px;
  align-items: start; }
figure { margin: 8px 0; min-width: 0; } figcaption { font-weight: 600; }
.charts figure > .scroll > svg { width: 100%; height: auto; }
.charts figure > .scroll > svg:not(.wide) { max-width: 480px; }
figure svg { max-width: 100%; height: auto; } figure svg.wide { max-width: none; }
.scroll { overflow-x: auto; max-width: 100%; }
.legend { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 14px; font-size: .85rem; }
.legend li { overflow-wrap: anywhere; }
.legend i { display: inline-block; width: 20px; border-top: 3px solid currentColor; margin-right: 5px;
  vertical-align: middle; }
.legend i.dashed { border-top-style: dashed; }
.legend i.points { width: 6px; height: 6px; border: 0; border-radius: 50%; background: currentColor; }
.legend i.level { border-top: 2px dashed var(--ink); } .legend i.at { border-top: 2px dotted var(--soft); }
table { border-collapse: collapse; font-size: .92rem; margin: 4px 0 12px; }
th, td { padding: 3px 12px 3px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule);
  overflow-wrap: break-word; } th, td:not(.text) { word-break: keep-all; }
.text { min-width: 20ch; max-width: 60ch; } td.text { overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; } tbody th:not(.text) { white-space: nowrap; }
td:not(.number) bdi { white-space: pre-wrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } td.number { white-space: nowrap; }
pre { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 10px; overflow-x: auto;
  font-size: .88rem; line-height: 1.45; white-space: pre-wrap; overflow-wrap: anywhere; }
code, pre, .sample { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC",
  "WenQuanYi Micro Hei Mono", monospace; }
.sample { background: var(--panel); border-left: 3px solid var(--c0); padding: 8px 12px; margin: 6px 0;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .92rem; }
.prompt { color: var(--soft); }
.facts { color: var(--soft); font-size: .85rem; margin: 10px 0 0; }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--link); }
.spans { margin: 2px 0; line-height: 2.1; overflow-wrap: anywhere; } .spans .who { color: var(--soft);
  font-size: .8rem; display: inline-block; min-width: 5.5em; }
mark { background: var(--new); color: inherit; border-radius: 4px; padding: 1px 4px;
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
mark.wrong { background: var(--cut); outline: 1px dashed var(--bad); }
mark small { font-size: .72em; margin-left: 4px; }
ins { background: var(--new); text-decoration: underline; } del { background: var(--cut); }
.pair { display: grid; grid-template-columns: max-content 1fr; gap: 0 10px; margin: 2px 0 10px;
  overflow-wrap: anywhere; } .pair dt { color: var(--soft); font-size: .8rem; padding-top: 3px; }
.pair dd { margin: 0; white-space: pre-wrap; }
.pair bdi:empty::before { content: attr(data-empty); color: var(--soft); }
.tokens { font-size: 1.2rem; line-height: 2; margin: 12px 0 0; white-space: pre-wrap; }
.tokens span { border-radius: 4px; padding: 3px 1px; }
.adds1 { background: color-mix(in srgb, var(--heat) 14%, transparent); }
.adds2 { background: color-mix(in srgb, var(--heat) 34%, transparent); }
.adds3 { background: var(--heat); color: var(--on-heat); }
.takes1 { background: color-mix(in srgb, var(--cold) 14%, transparent); }
.takes2 { background: color-mix(in srgb, var(--cold) 34%, transparent); }
.takes3 { background: var(--cold); color: var(--on-heat); }
"""
    + MARKS
    + """
@supports selector(::details-content) { @media print, (min-width: 601px) {
  details.on-phone > summary { display: none; }
  details.on-phone::details-content { display: block; content-visibility: visible; } } }
@media (max-width: 600px) { th, td { padding-right: 9px; } table { font-size: .85rem; } .text { min-width: 18ch; } }
@media print { :root { --panel: #fff; --ink: #000; --soft: #444; --rule: #bbb; }
  main { max-width: none; padding: 0; } nav, details:not([open], .on-phone) { display: none; }
  h2, h3, h4, figcaption, h4 + .note { break-after: avoid; }
  .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); } figure svg:not(.tall) { max-height: 85vh; }
  figure, .head, .sample, tr { break-inside: avoid; } .scroll { overflow: visible; }
  svg .heat, svg .cold, .tokens span, mark, ins, del { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
)
"""The style sheet of a page."""
