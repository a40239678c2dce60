# SPDX-License-Identifier: GPL-2.0-or-later
"""A report for people."""

from series import short


def text(report, ours):
    lines = ["# Benchmark", "", *(f"- {name}: {said}" for name, said in report.setting.items()),
             f"- each figure: the median of {report.runs} runs (shortest–longest); a ratio: of what was measured in the same run"]
    for part in report.parts.values():
        lines += ["", f"## {part.title}", "", *_table(list(part.rows.values()), ours)]
        lines += [line for plot in part.plots for line in ("", f"![{plot.title}]({plot.file()})")]
    if report.left_out:
        lines += ["", "## Left out", "", *(f"- {name} of {side}: {why}" for side, name, why in report.left_out)]
    return "\n".join(lines) + "\n"


def _table(rows, ours):
    peers = list(dict.fromkeys(side for row in rows for side in row.sides if side != ours))
    names = ["", ours, *(cell for peer in peers for cell in (peer, f"{ours} ÷ {peer}")), "beside it, and the ratio to it", ""]
    return [_line(names), _line(["---", "---:", *(["---:"] * (2 * len(peers))), "---", "---"]),
            *(_line(_cells(row, ours, peers)) for row in rows)]


def _cells(row, ours, peers):
    taken = row.sides.get(ours)
    cells = [row.what, _value(row, ours)]
    for peer in peers:
        ratio = row.against_peer(peer)
        cells += [_value(row, peer), f"**{ratio:.2f}**" if ratio is not None else ""]
    return [*cells, "; ".join(_beside(row, taken)) if taken else "", taken.note if taken else ""]


def _value(row, side):
    return f"{row.sides[side].values} {row.unit}" if side in row.sides else "–"


def _beside(row, taken):
    for name, other in taken.beside.items():
        ratio = taken.values.ratio(other)
        yield f"{name}: {short(other.median)} {row.unit}" + (f", **{ratio:.2f}**" if ratio is not None else "")


def _line(cells):
    return "| " + " | ".join(cells) + " |"
