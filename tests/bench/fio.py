# SPDX-License-Identifier: GPL-2.0-or-later
"""What fio is asked for, and what it answers."""

import dataclasses

SECONDS = 1


@dataclasses.dataclass(frozen=True)
class Answer:
    operations: float                   # in one second
    count: int                          # at least 1
    median: float                       # µs that one took
    longest: float                      # but one in a hundred


def words(work, target, direct):
    """@direct: past the page cache of who is asked, with many requests under way."""
    engine = f"--ioengine=libaio --direct=1 --iodepth={work.depth}" if direct else "--ioengine=psync"
    return (f"--name=b --filename={target} --rw={work.rw} --bs={work.size} {engine} --time_based --runtime={SECONDS} --thread "
            "--norandommap --minimal --lat_percentiles=1 --clat_percentiles=0")


def parse(said):
    """Of what it prints the third version of its terse lines, see "Terse output" in fio(1)."""
    line = next(line for line in said.splitlines() if line.startswith("3;"))
    fields = line.split(";")
    first = 5 if int(fields[5]) else 46                         # of reads, of writes
    operations, milliseconds = float(fields[first + 2]), int(fields[first + 3])
    percentiles = dict(field.split("=") for field in fields[first + 12:first + 32])
    return Answer(operations, max(round(operations * milliseconds / 1000), 1), float(percentiles["50.000000%"]), float(percentiles["99.000000%"]))
