# SPDX-License-Identifier: GPL-2.0-or-later
"""What a disk is asked for, whoever asks."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    rw: str                             # as fio calls it
    size: int                           # bytes of one request
    depth: int                          # how many are under way

    @property
    def unit(self):
        """Of how many in a second."""
        return "MiB/s" if self.size == 1 << 20 else "1/s"


WORKS = [Work(f"4 KiB random {rw}s, {'one' if depth == 1 else depth} at a time", f"rand{rw}", 4096, depth)
         for depth in (1, 32) for rw in ("read", "write")]
WORKS += [Work(f"1 MiB {rw}s in sequence, 4 at a time", rw, 1 << 20, 4) for rw in ("read", "write")]
