# SPDX-License-Identifier: GPL-2.0-or-later
"""Values of one figure, one of each run."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Series:
    values: tuple                       # as they were measured, one or more

    @classmethod
    def of(cls, values):
        """@values: a number, or several."""
        return cls((float(values),) if isinstance(values, (int, float)) else tuple(float(v) for v in values))

    def __post_init__(self):
        if not self.values:
            raise ValueError("a figure without a value")

    @property
    def median(self):
        return statistics.median(self.values)

    def ratio(self, other):
        """
        To another of the same unit; None where that is nothing. As many values were measured in turn, and what the machine did
        meanwhile was the same for each two: it is the median of their ratios.
        """
        if len(self.values) == len(other.values) and all(other.values):
            return statistics.median(a / b for a, b in zip(self.values, other.values))
        return self.median / other.median if other.median else None

    def facts(self):
        """For JSON."""
        return {"median": self.median, "min": min(self.values), "max": max(self.values), "values": list(self.values)}

    def __str__(self):
        if len(self.values) == 1:
            return short(self.median)
        return f"{short(self.median)} ({short(min(self.values))}–{short(max(self.values))})"


def short(number):
    """Three digits that count."""
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"
