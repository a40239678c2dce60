# SPDX-License-Identifier: GPL-2.0-or-later
"""
What zones and devices cost by their number. The rig's board has four CPUs and root Linux has two of them: two zones is all there
can be at once, each with a console. A zone has up to seven devices, here consoles, as hvisor takes no more; its guest does not
look at them. (What many files of zones cost, running or not, is in files.py.)
"""

import struct
import time

import usage
from isolation import patched
from plot import Plot
from rig import confs, vm, witness
from series import Series

DEVICES = (1, 2, 4, 7)                  # of one zone
PLACES = ("lower", "upper")             # of zones with a console each
FIRST, WINDOW, INTERRUPT = 0xA002C00, 0x200, 70
STAMP = 0x800000                        # from where the zone's memory begins: where payload "began" leaves its time
IDLE = 4                                # seconds
TIMES = 5                               # what the daemon's CPU is divided by
PAUSE = 0.3                             # seconds, longer than what it waits for more to come

# {what is shown: unit}. The first instruction is that of the last zone; the edit changes nothing; a reload reads all files again
UNITS = {"from .conf to first instruction": "ms", "one .conf is edited: the daemon's CPU": "ms", "hvisor-reconciler is reloaded: its CPU": "ms",
         "idle: CPU of all": "ms/s", "idle: wake-ups": "1/s", "the daemon, PSS": "MiB", "all workers, PSS": "MiB"}
PLOTS = {"time": "ms", "memory": "MiB", "wake-ups while idle": "1/s"}


def measure(side, report):
    guests = {place: _guest(side.root, place) for place in ("whole", *PLACES)}
    by_zones = {n: {place: guests[place] for place in PLACES[:n]} for n in range(1, len(PLACES) + 1)}
    by_devices = {n: {"whole": _with_devices(guests["whole"], n)} for n in DEVICES}
    _start(side, by_zones[1])           # the first is slower: the emulator has not translated the code yet
    _stop(side, by_zones[1])
    for title, what, confs_of in (("By the number of zones, with a console each", "zone", by_zones),
                                  ("By the number of devices of one zone", "device", by_devices)):
        report.part(title)
        taken = {number: _figures(side, zones, report.runs) for number, zones in confs_of.items()}
        _report(report, what, taken)
        if what == "device":
            _plot(report, title, taken)


def _report(report, what, taken):
    for name, unit in UNITS.items():
        for number, figures in taken.items():
            report.add(f"{number} {what}{'s' * (number > 1)}: {name}", unit, figures[name], {f"one {what}": taken[1][name]} if number > 1 else None)


def _plot(report, title, taken):
    for of, unit in PLOTS.items():
        lines = {name: [(number, Series.of(figures[name])) for number, figures in taken.items()]
                 for name in UNITS if UNITS[name] == unit}
        report.plot(Plot(f"{title}: {of}", "devices", unit, lines))


def _guest(root, place):
    """Return: its .conf."""
    return confs.payload("began", place, Kernel=patched(root, "began", place, mode=0, address=confs.PLACES[place].memory + STAMP))


def _with_devices(conf, number):
    return conf.partition("[Console")[0] + "".join(
        f"[Console c{i}]\nAddress={FIRST + i * WINDOW:#x}\nInterrupt={INTERRUPT + i}\n" for i in range(number))


def _figures(side, zones, runs):
    """@zones: {place: .conf}. Return: {what: values}."""
    rounds = [_round(side, zones) for _ in range(runs)]
    return {name: [taken[name] for taken in rounds] for name in UNITS}


def _round(side, zones):
    root = side.root
    started = _start(side, zones)
    daemon = side.standing()
    workers = {f"{place} {name}": pid for place in zones for name, (pid, _) in witness.wait_ready(root, place).items()}
    first = f"{vm.ZONES_D}/{next(iter(zones))}.conf"
    edit = _cpu_of(root, daemon, f"echo '#' >>{first}")
    reload = _cpu_of(root, daemon, "systemctl reload hvisor-reconciler")

    before = usage.total(root, {**daemon, **workers})
    time.sleep(IDLE)
    idle = usage.total(root, {**daemon, **workers}) - before
    sizes = [sum(usage.memory(root, pid).pss for pid in processes.values()) / 1024 for processes in (daemon, workers)]
    _stop(side, zones)
    return dict(zip(UNITS, (started, edit, reload, idle.cpu_us / 1e3 / IDLE, idle.wake_ups / IDLE, *sizes)))


def _start(side, zones):
    """All at once. Return: ms to the first instruction of the last of them."""
    stamps = [confs.PLACES[place].memory + STAMP for place in zones]
    for stamp, (place, conf) in zip(stamps, zones.items()):
        side.root.set_physical(stamp, bytes(8))
        side.put(place, conf)
    asked = side.start_all(zones)
    began = side.root.wait(lambda: all(found := [struct.unpack("<Q", side.root.physical(stamp, 8))[0] for stamp in stamps]) and found,
                           what="the zones' first instructions")
    return side.ms(max(began) - asked)


def _stop(side, zones):
    for place in zones:
        side.root.wait_zone(place, "running")
        side.stop(place)


def _cpu_of(root, processes, command):
    """Return: ms, of one."""
    before = usage.total(root, processes)
    root.run(f"for i in $(seq {TIMES}); do {command}; sleep {PAUSE}; done")
    return (usage.total(root, processes) - before).cpu_us / 1e3 / TIMES
