"""Colours of charts: told apart by the colour-blind (Okabe and Ito), in light, dark and in print.

Series differ in dash or mark as well, and every chart has its figures in a table beside it.
"""

from __future__ import annotations

import re

SERIES = 7

_LIGHT = (
    "--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#fff;--panel:#f6f8fa;"
    "--s0:#0072b2;--s1:#c44e00;--s2:#007a5a;--s3:#b05a8a;--s4:#8a6d00;--s5:#2f7fb5;--s6:#555"
)
_DARK = (
    "--ink:#e6edf3;--soft:#9aa4af;--line:#3a424c;--paper:#0f1318;--panel:#181e26;"
    "--s0:#56b4e9;--s1:#ff9a52;--s2:#3ecf9f;--s3:#e79ac3;--s4:#e6c84f;--s5:#9cc9ea;--s6:#b5b5b5"
)
COLOURS = (
    f":root{{color-scheme:light dark;{_LIGHT}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
)
_SHAPES = (
    "svg{font:12px system-ui,sans-serif;background:var(--paper)}"
    "svg text{fill:var(--ink)}svg .soft{fill:var(--soft)}"
    "svg .grid{stroke:var(--line);stroke-width:1}svg .axis{stroke:var(--soft);stroke-width:1}"
    "svg .rule{stroke:var(--ink);stroke-width:1.5}svg .strong{font-weight:600}"
    "svg .dash1{stroke-dasharray:7 3}svg .dash2{stroke-dasharray:2 3}"
    "svg .dash3{stroke-dasharray:9 3 2 3}"
    "svg .end{text-anchor:end}svg .mid{text-anchor:middle}"
    "svg .thin{stroke-width:1.5;fill:none}svg .line{stroke-width:2;fill:none}"
    "svg .hollow{fill:var(--paper)!important;stroke-width:1.5}svg .faint{opacity:.35}"
)
_SERIES = "".join(
    f"svg .f{n}{{fill:var(--s{n})}}svg .l{n}{{stroke:var(--s{n})}}" for n in range(SERIES)
)
CHARTS = COLOURS + _SHAPES + _SERIES
# The light colours alone, for what knows neither variables nor what the reader prefers.
_LIGHT_OF = dict(pair.split(":") for pair in _LIGHT.split(";"))
PAPER = _LIGHT_OF["--paper"]
PRINTED = re.sub(r"var\((--\w+)\)", lambda found: _LIGHT_OF[found[1]], _SHAPES + _SERIES)
