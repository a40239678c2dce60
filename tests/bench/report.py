# SPDX-License-Identifier: GPL-2.0-or-later
"""
What one run has measured. A figure is a median of several values, with the shortest and the longest beside it; whatever it is
compared with was measured in the same run, and as often. README.md tells the shape of the JSON.

    report.part("Disk of a Linux zone")
    report.add("read, 1 MiB at a time", "MiB/s", [41.2, 40.8, 43.1], {"root Linux's own": [95.0, 93.2, 97.7]})

A part that is measured for a peer, too, is given report.of("peer"): what it adds goes beside what has the same name.
"""

import dataclasses
import json

import markdown
from plot import svg
from series import Series

VERSION = 1                             # of the JSON
OURS = "us"


@dataclasses.dataclass
class Taken:
    """A figure as one side has it. @beside: {what else was measured there: values}."""

    values: Series
    beside: dict
    note: str = ""


@dataclasses.dataclass
class Row:
    what: str
    unit: str
    sides: dict = dataclasses.field(default_factory=dict)       # {side: Taken}

    def against_peer(self, peer):
        """Ours to the peer's; None where one of them is missing."""
        ours, theirs = self.sides.get(OURS), self.sides.get(peer)
        return ours.values.ratio(theirs.values) if ours and theirs else None


@dataclasses.dataclass
class Part:
    title: str
    rows: dict = dataclasses.field(default_factory=dict)        # {what: Row}
    plots: list = dataclasses.field(default_factory=list)


class Report:
    def __init__(self, setting, runs):
        """@setting: {name: text}, what it ran on. @runs: how often each figure is to be taken."""
        self.runs = runs
        self.setting = setting
        self.parts = {}                 # {title: Part}
        self.left_out = []              # (side, part's name, why)
        self._side, self._part = OURS, None

    def of(self, side):
        """The same report, as the measures of another side fill it."""
        view = Report(self.setting, self.runs)
        view.parts, view.left_out, view._side = self.parts, self.left_out, side
        return view

    def part(self, title):
        """What is added from now on belongs here. A title is a part's name: said twice, it goes on."""
        if title not in self.parts:
            print(f"\n{title}", flush=True)
        self._part = self.parts.setdefault(title, Part(title))

    def add(self, what, unit, values, beside=None, note=""):
        """@values: one number, or one of each run, in @unit. @beside: {what it is compared with: likewise}, the first the foremost."""
        row = self._part.rows.setdefault(what, Row(what, unit))
        if row.unit != unit or self._side in row.sides:
            raise ValueError(f"{what} is in {row.unit}, or was there before")
        taken = Taken(Series.of(values), {name: Series.of(other) for name, other in (beside or {}).items()}, note)
        row.sides[self._side] = taken
        compared = taken.beside | {side: other.values for side, other in row.sides.items() if side != self._side}
        ratios = [f"{ratio:.2f} x {name}" for name, other in compared.items() if (ratio := taken.values.ratio(other)) is not None]
        name = what if self._side == OURS else f"{what} [{self._side}]"
        print(f"   {name:<52} {str(taken.values):>20} {unit:<7}{', '.join(ratios)}{f'  ({note})' if note else ''}", flush=True)

    def plot(self, plot):
        """A plot.Plot of figures of this part."""
        self._part.plots.append(plot)

    def drawings(self):
        """Return: {name of a file: SVG}, as Markdown and JSON name them."""
        return {plot.file(): svg(plot) for part in self.parts.values() for plot in part.plots}

    def leave_out(self, side, name, why):
        """The rest of that part is not measured for @side."""
        self.left_out.append((side, name, why))
        print(f"   {name} of {side} is left out: {why}", flush=True)

    def markdown(self):
        return markdown.text(self, OURS)

    def json(self):
        return json.dumps({"version": VERSION, "setting": self.setting, "runs": self.runs,
                           "parts": [_part(part) for part in self.parts.values()],
                           "left_out": [{"side": side, "part": name, "why": why} for side, name, why in self.left_out]},
                          indent=2, ensure_ascii=False) + "\n"


def _part(part):
    return {"title": part.title, "rows": [_row(row) for row in part.rows.values()], "plots": [_plot(plot) for plot in part.plots]}


def _plot(plot):
    lines = {name: [{"x": x, **series.facts()} for x, series in line] for name, line in plot.lines.items()}
    return {"file": plot.file(), "title": plot.title, "x": plot.x, "unit": plot.unit, "lines": lines}


def _row(row):
    ratios = {side: row.against_peer(side) for side in row.sides if side != OURS}
    return {"what": row.what, "unit": row.unit, "sides": {side: _taken(taken) for side, taken in row.sides.items()},
            "ratios": {side: ratio for side, ratio in ratios.items() if ratio is not None}}


def _taken(taken):
    beside = {name: {**other.facts(), "ratio": taken.values.ratio(other)} for name, other in taken.beside.items()}
    return {**taken.values.facts(), "beside": beside, "note": taken.note}
