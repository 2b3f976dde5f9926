"""Calibration and residuals of a cross-validation as SVG, readable without scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from planner.performance.learned.report import DESCRIPTIONS

_COLOURS = ("#0072b2", "#d55e00", "#009e73")  # told apart by the colour-blind (Okabe and Ito)
_MOST_POINTS = 300  # a class, evenly thinned: the file stays small
_LEAST = 0.3  # where the axes of the calibration plot begin
_RANGE = math.log(4.0)  # residuals beyond are drawn on the border


def calibration_svg(nominal: Sequence[float], observed: Mapping[str, Sequence[float]]) -> str:
    """Share of rows inside intervals of several nominal widths, one line a scheme."""
    left, top, size = 60.0, 40.0, 360.0

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (x - _LEAST) / (1 - _LEAST) * size, top + size - (y - _LEAST) / (
            1 - _LEAST
        ) * size

    parts = [_label(left, 22, "Do the intervals hold? Share of rows inside, by nominal share")]
    for tick in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        x, y = place(tick, tick)
        parts += [
            _line(x, top, x, top + size, "#ddd"),
            _line(left, y, left + size, y, "#ddd"),
            _label(x, top + size + 16, f"{tick:.0%}", "middle"),
            _label(left - 6, y + 4, f"{tick:.0%}", "end"),
        ]
    parts.append(_line(*place(_LEAST, _LEAST), *place(1.0, 1.0), "#888"))
    for number, (name, shares) in enumerate(observed.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [place(x, max(_LEAST, y)) for x, y in zip(nominal, shares, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
        line = top + size - 60 + 18 * number
        parts += [
            _line(left + 160, line - 4, left + 180, line - 4, colour),
            _label(left + 186, line, DESCRIPTIONS.get(name, name)),
        ]
    return _document(left + size + 30, top + size + 30, parts)


def residuals_svg(scheme: str, by_class: Mapping[str, Sequence[float]]) -> str:
    """log(predicted / measured) of every class: points, median, and where 80% of rows lie."""
    left, top, width, step = 170.0, 50.0, 460.0, 26.0
    height = step * len(by_class)

    def place(value: float) -> float:
        clipped = min(max(value, -_RANGE), _RANGE)
        return left + (clipped + _RANGE) / (2 * _RANGE) * width

    title = f"Predicted / measured on {DESCRIPTIONS.get(scheme, scheme)}"
    parts = [_label(left, 22, title)]
    for ratio in (0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0):
        x = place(math.log(ratio))
        parts += [
            _line(x, top, x, top + height, "#888" if ratio == 1.0 else "#ddd"),
            _label(x, top - 6, f"{ratio:g}x", "middle"),
        ]
    for number, (name, values) in enumerate(by_class.items()):
        y = top + step * (number + 0.5)
        parts.append(_label(left - 8, y + 4, f"{name} ({len(values):,})", "end"))
        ordered = sorted(values)
        if not ordered:
            continue
        every = max(1, len(ordered) // _MOST_POINTS)
        for i, value in enumerate(ordered[::every]):
            shift = (i * 7 % 13 - 6) * 0.8  # spread over the row's height, the same every time
            parts.append(
                f'<circle cx="{place(value):.1f}" cy="{y + shift:.1f}" r="1.2" fill="#0072b2" '
                'fill-opacity="0.4"/>'
            )
        low, middle, high = (ordered[int(q * (len(ordered) - 1))] for q in (0.1, 0.5, 0.9))
        parts += [
            _line(place(low), y, place(high), y, "#d55e00"),
            _line(place(middle), y - 8, place(middle), y + 8, "#d55e00"),
        ]
    return _document(left + width + 20, top + height + 20, parts)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        'stroke-width="2"/>'
    )


def _label(x: float, y: float, words: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222">{escape(words)}</text>'
    )


def _document(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
