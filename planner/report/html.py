"""A document as one HTML file: no script, nothing fetched; reads well aloud and on paper."""

from __future__ import annotations

import base64
import hashlib
import re
from xml.etree.ElementTree import Element

from planner.report.document import (
    CODE,
    Block,
    Bullets,
    Chart,
    Commands,
    Document,
    Paragraph,
    Table,
)
from planner.report.drawing.markup import el, html_text
from planner.report.drawing.style import CHARTS

_PAGE = (
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 4rem}"
    "h1{font-size:1.7rem;line-height:1.2;margin:0 0 .5rem;overflow-wrap:anywhere}"
    "h2{font-size:1.2rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}"
    ".lead{font-size:1.1rem;margin:.4rem 0 1.2rem;overflow-wrap:anywhere}"
    ".made{color:var(--soft);font-size:.85rem;margin-top:3rem;overflow-wrap:anywhere}"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.6rem;margin:0}"
    "dl div{background:var(--panel);border:1px solid var(--line);border-radius:6px;"
    "padding:.6rem .8rem}"
    "dt{color:var(--soft);font-size:.82rem}dd{margin:0;font-weight:600;overflow-wrap:anywhere}"
    "figure{margin:1rem 0}figcaption{color:var(--soft);font-size:.9rem;margin-bottom:.3rem}"
    "svg{max-width:100%;min-width:26rem;height:auto}"
    "details{margin:.3rem 0}summary{cursor:pointer;color:var(--soft);font-size:.9rem}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;margin:.4rem 0}"
    "th,td{text-align:left;padding:.28rem .7rem .28rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top;overflow-wrap:break-word}"
    "th{font-weight:600;vertical-align:bottom}"
    ".num{text-align:right;font-variant-numeric:tabular-nums}"
    ".short,td.num{white-space:nowrap}tr.best td{font-weight:600}"
    ".long{min-width:8rem}"
    "code{font-size:.92em}"
    "li{overflow-wrap:anywhere}"
    "pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;"
    "padding:.7rem .9rem;"
    "overflow-x:auto;font-size:.85rem}"
    "@page{margin:16mm}"
    "@media print{body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}"
    "figcaption,summary{break-after:avoid}svg,tr,dl div{break-inside:avoid}"
    "details:not([open])>*{display:block}"
    "details::details-content{display:block;content-visibility:visible}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}.wide{overflow:visible}"
    "table{font-size:8.5pt}summary{display:none!important}}"
)


# Cells up to so many characters are not broken: dates, regions, ways to pay.
SHORT = 13
# Longer ones may be broken within names, rather than let the table grow beyond the page.
LONG = 20
_BREAKS = re.compile(r"(?<=[/_.,+=:;])(?=\w)")
# Longer tables beside a chart are folded up on a screen.
MANY = 9


def to_html(document: Document) -> str:
    """The whole file as text."""
    style = CHARTS + _PAGE
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        _meta("Content-Security-Policy", policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", document.title),
        el("style", style),
    )
    main = el("main", el("h1", document.title), el("p", *_inline(document.lead), class_="lead"))
    if document.facts:
        pairs = [el("div", el("dt", name), el("dd", value)) for name, value in document.facts]
        main.append(el("dl", *pairs))
    for section in document.sections:
        blocks = [_block(block) for block in section.blocks]
        main.append(el("section", el("h2", section.title), *blocks))
    main.append(el("p", document.made, class_="made"))
    return html_text(el("html", head, el("body", main), lang="en"))


def _meta(name: str, content: str) -> Element:
    found = el("meta", content=content)
    found.set("http-equiv", name)
    return found


def _block(block: Block) -> Element:
    if isinstance(block, Paragraph):
        return el("p", *_inline(block.text))
    if isinstance(block, Bullets):
        return el("ul", *(el("li", *_inline(line)) for line in block.lines))
    if isinstance(block, Commands):
        return el("pre", el("code", "\n".join(block.lines)))
    if isinstance(block, Chart):
        figures = el("details", el("summary", "The figures as a table"), _table(block.table))
        if len(block.table.rows) <= MANY:
            figures.set("open", "")
        return el(
            "figure",
            el("figcaption", *_inline(block.caption)),
            el("div", block.svg, class_="wide"),
            figures,
        )
    return _table(block)


def _table(table: Table) -> Element:
    side = ["num" if name in table.right else None for name in table.columns]
    head = el(
        "tr",
        *(
            el("th", name, scope="col", class_=look)
            for name, look in zip(table.columns, side, strict=True)
        ),
    )
    body = [
        el(
            "tr",
            *(_cell(cell, look) for cell, look in zip(row, side, strict=True)),
            class_="best" if number == table.strong else None,
        )
        for number, row in enumerate(table.rows)
    ]
    return el("div", el("table", el("thead", head), el("tbody", *body)), class_="wide")


def _cell(text: str, look: str | None) -> Element:
    if look is None:
        look = "short" if len(text) <= SHORT else "long" if len(text) > LONG else None
    parts = _BREAKS.split(text) if look == "long" else [text]
    broken = [child for part in parts for child in (el("wbr"), part)][1:]
    return el("td", *broken, class_=look)


def _inline(text: str) -> list[Element | str]:
    """Text with its commands as code."""
    parts = CODE.split(text)
    return [el("code", part) if number % 2 else part for number, part in enumerate(parts) if part]
