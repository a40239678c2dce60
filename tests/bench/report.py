# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of one run, side by side with what they are measured against; as Markdown for people and JSON for machines."""

import dataclasses
import json


@dataclasses.dataclass
class Row:
    what: str
    value: float
    unit: str
    against: str = ""                   # what the ratio is to, measured in the same run
    other: float = 0.0
    note: str = ""

    @property
    def ratio(self):
        return self.value / self.other if self.against and self.other else None


class Report:
    def __init__(self, setting):
        self._setting = setting         # {name: text}: what it ran on
        self._parts = []                # (title, [Row])

    def part(self, title):
        print(f"\n{title}", flush=True)
        self._parts.append((title, []))

    def add(self, row):
        self._parts[-1][1].append(row)
        ratio = f"  {row.ratio:8.2f} x {row.against}" if row.ratio is not None else ""
        note = f"  ({row.note})" if row.note else ""
        print(f"   {row.what:<52} {_short(row.value):>9} {row.unit:<6}{ratio}{note}", flush=True)

    def markdown(self):
        lines = ["# Benchmark", ""] + [f"- {name}: {text}" for name, text in self._setting.items()]
        for title, rows in self._parts:
            lines += ["", f"## {title}", "", "| | | ratio | to | |", "|---|---:|---:|---|---|"]
            for row in rows:
                ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
                against = f"{row.against} ({_short(row.other)} {row.unit})" if row.against else ""
                lines.append(f"| {row.what} | {_short(row.value)} {row.unit} | {ratio} | {against} | {row.note} |")
        return "\n".join(lines) + "\n"

    def json(self):
        parts = [{"title": title, "rows": [dataclasses.asdict(row) | {"ratio": row.ratio} for row in rows]}
                 for title, rows in self._parts]
        return json.dumps({"setting": self._setting, "parts": parts}, indent=2) + "\n"


def _short(number):
    return f"{number:.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"
