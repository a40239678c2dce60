# SPDX-License-Identifier: GPL-2.0-or-later
"""What iperf3 is asked for, and what it answers."""

import dataclasses
import json

SECONDS = 2
DATAGRAM = 1400
PORT = 5201                             # its own


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    options: str                        # without any, the client sends


WORKS = (Work("TCP to the zone", ""), Work("TCP from the zone", "-R"),
         Work("UDP to the zone", f"-u -b 0 -l {DATAGRAM}"), Work("UDP from the zone", f"-u -b 0 -l {DATAGRAM} -R"))


def words(work, address):
    return f"-c {address} -t {SECONDS} -J {work.options}"


def received(said):
    """Return: bytes, seconds; of UDP what has arrived."""
    end = json.loads(said)["end"]
    if "sum_received" in end:
        return end["sum_received"]["bytes"], end["sum_received"]["seconds"]
    return end["sum"]["bytes"] * (1 - end["sum"]["lost_percent"] / 100), end["sum"]["seconds"]
