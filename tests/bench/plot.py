# SPDX-License-Identifier: GPL-2.0-or-later
"""
A plot as SVG: cost (or what it may be) over a number of something, both axes by powers of ten, each line named at its end. The
spread of the runs is a bar at each point. Colours are told apart also by who sees no red or green; text is the reader's own colour, so
that it can be read on light and on dark.
"""

import dataclasses
import math
import re
from html import escape

from series import short

WIDTH, HEIGHT = 820, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 280, 64, 56
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
STYLE = ("<style>text{font:13px sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}.grid{stroke:#8888;stroke-width:.6}"
         ".axis{stroke:#222}.ground{fill:#fff}"
         "@media(prefers-color-scheme:dark){text{fill:#ddd}.axis{stroke:#ddd}.ground{fill:#161b22}}</style>")


@dataclasses.dataclass
class Plot:
    title: str
    x: str                              # what is counted
    unit: str                           # of all values
    lines: dict                         # {name: [(x, Series)]}

    def file(self):
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") + ".svg"


@dataclasses.dataclass
class Axis:
    """From powers of ten to places; a value of 0 has no place."""
    low: int
    high: int
    begin: float
    end: float

    @classmethod
    def of(cls, values, begin, end):
        known = [v for v in values if v > 0] or [1]
        low, high = math.floor(math.log10(min(known)) + 1e-9), math.ceil(math.log10(max(known)) - 1e-9)
        return cls(low, max(high, low + 1), begin, end)

    def at(self, value):
        return self.begin + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.begin)

    def ticks(self):
        """Of one decade its parts, too."""
        values = [factor * 10.0 ** power for power in range(self.low, self.high + 1) for factor in ((1, 2, 5) if self.high - self.low == 1 else (1,))]
        return [(value, self.at(value)) for value in values if value <= 10.0 ** self.high]


def svg(plot):
    points = [point for line in plot.lines.values() for point in line]
    across = Axis.of([x for x, _ in points], LEFT, WIDTH - RIGHT)
    up = Axis.of([value for _, series in points for value in series.values], HEIGHT - BOTTOM, TOP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(plot.title)}">',
             STYLE, f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>', _text(LEFT, 24, plot.title, "title"), *_axes(plot, across, up)]
    ends = _apart([up.at(line[-1][1].median) for line in plot.lines.values() if _shown(line)])
    for colour, (name, line), end in zip(COLOURS, ((n, _shown(p)) for n, p in plot.lines.items() if _shown(p)), ends):
        parts += _line(line, colour, across, up)
        parts.append(_text(WIDTH - RIGHT + 12, end + 4, name, style=f"fill:{colour}"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _shown(line):
    return [(x, series) for x, series in line if x > 0 and series.median > 0]


def _axes(plot, across, up):
    for value, x in across.ticks():
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
        yield _text(x, HEIGHT - BOTTOM + 18, short(value), anchor="middle")
    for value, y in up.ticks():
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, short(value), anchor="end")
    yield f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, plot.x, anchor="middle")
    yield _text(LEFT - 8, TOP - 16, plot.unit, anchor="end")


def _line(line, colour, across, up):
    places = [(across.at(x), up.at(series.median)) for x, series in line]
    yield f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
    for (x, y), (_, series) in zip(places, line):
        low, high = (up.at(max(v, 10.0 ** up.low)) for v in (min(series.values), max(series.values)))
        yield f'<line stroke="{colour}" x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"/>'
        yield f'<circle fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(str(series))}</title></circle>'


def _apart(places, gap=16):
    """Labels that would lie on each other are moved down. Return: places in the same order."""
    moved, last = list(places), -math.inf
    for i in sorted(range(len(places)), key=places.__getitem__):
        moved[i] = last = max(places[i], last + gap)
    return moved


def _text(x, y, text, kind="", anchor="start", style=""):
    attributes = "".join(f' {name}="{value}"' for name, value in (("class", kind), ("text-anchor", anchor), ("style", style)) if value)
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(text)}</text>'
