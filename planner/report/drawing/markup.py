"""Elements of HTML and SVG: text and attributes are escaped by the standard library."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, tostring

# What neither HTML nor XML may hold, and halves of surrogate pairs that no file can.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
SVG = "http://www.w3.org/2000/svg"


def clean(text: object) -> str:
    """Text that a document can hold; what it cannot becomes a replacement character."""
    return _FORBIDDEN.sub("\ufffd", str(text))


def el(tag: str, *children: Element | str, **attributes: object) -> Element:
    """An element. ``class_`` is the attribute class, ``font_size`` is font-size; floats are
    rounded to a tenth, None leaves an attribute out.
    """
    found = Element(tag)
    for name, value in attributes.items():
        if value is None:
            continue
        text = f"{value:.1f}" if isinstance(value, float) else clean(value)
        found.set(name.rstrip("_").replace("_", "-"), text)
    for child in children:
        add(found, child)
    return found


def add(parent: Element, child: Element | str) -> None:
    """Append an element or text."""
    if isinstance(child, Element):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + clean(child)
    else:
        parent.text = (parent.text or "") + clean(child)


def html_text(root: Element) -> str:
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def svg_text(root: Element, look: str | None = None) -> str:
    """A file of its own, with the colours of ``style`` in it, or this style sheet."""
    from copy import deepcopy

    from planner.report.drawing.style import CHARTS

    alone = deepcopy(root)
    alone.set("xmlns", SVG)
    alone.insert(2, el("style", look or CHARTS))
    return tostring(alone, encoding="unicode", method="xml") + "\n"
