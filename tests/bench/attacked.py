# SPDX-License-Identifier: GPL-2.0-or-later
"""
A guest attacks a device of its own, in one way after the other: what is left for another zone's disk, for another device of the
same zone, and for a program in root Linux. Beside each stands what there was while the same guest just kept its CPU busy.
"""

import bystander

MILLISECONDS = 4000                     # of each way
# What a shell gets done in 2 s, on any CPU of root Linux
WORK = "timeout -s TERM 2 bash -c 'trap \"echo \\$i; exit\" TERM; i=0; while :; do i=$((i+1)); done'"


def measure(root, report):
    console = bystander.begin(root, MILLISECONDS)
    report.part("Left for others while a guest attacks one of its devices")
    spin = None
    for left in bystander.follow(root, console, MILLISECONDS, lambda: int(root.run(WORK, check=False).out)):
        if left.way == "spin":
            spin = left
            continue
        way, alone = left.way.replace("_", " "), "while it spins"
        report.add(f"{way}: another zone's disk", "req/s", left.bystander, {alone: spin.bystander})
        report.add(f"{way}: the zone's own disk", "req/s", left.attacker, {alone: spin.attacker})
        report.add(f"{way}: a shell in root Linux", "loops/s", left.during / 2, {alone: spin.during / 2})
    console.close()
    for zone in ("attacker", "bystander"):
        root.remove(zone)
        root.wait_zone(zone, None)
