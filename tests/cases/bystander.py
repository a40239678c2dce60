# SPDX-License-Identifier: GPL-2.0-or-later
"""What is left for others while a guest attacks a device of its own: its other devices, another zone, root Linux."""

import dataclasses
import json
import re

from isolation import patched
from rig import confs, paths
from rig.cases import case

WAYS = re.findall(r"WAY\((\w+)\)", (paths.TESTS / "payload/attack.c").read_text().split("#define ATTACKS(WAY)")[1].split("\n")[0])


@dataclasses.dataclass
class Left:
    """Requests to a disk that were answered in a second."""
    way: str
    bystander: float
    attacker: float                     # its own other device
    during: object                      # what @during of follow() returned


def begin(vm, milliseconds):
    """A zone with a disk in use, and one that attacks its source of entropy so long in each way. Return: the attacker's console."""
    vm.run("truncate -s 1M /tmp/attacker.img /tmp/bystander.img")
    vm.boot("bystander", confs.payload("disk-loop", "upper", "/tmp/bystander.img"))
    vm.wait(lambda: _requests(vm)[1], what="the bystander to use its disk")
    target, _ = confs.PLACES["lower"].rng
    kernel = patched(vm, "attack", "lower", mode=milliseconds, address=target)
    vm.boot("attacker", confs.payload("attack", "lower", "/tmp/attacker.img", rng=True, Kernel=kernel))
    return vm.console("attacker")


def _requests(vm):
    """Return: root Linux's seconds, requests of the bystander's disk; each is notified of, and waited for before the next."""
    uptime, _, status = vm.out("cat /proc/uptime; hvisor status --json").partition("\n")
    zone = next(z for z in json.loads(status)["zones"] if z["name"] == "bystander")
    disk = next(d for d in zone["devices"] if d["name"] == "disk")
    return float(uptime.split()[0]), disk["kicks"]


def follow(vm, console, milliseconds, during=lambda: None):
    """Waits for each way of attacking, and calls @during in the midst of it. Yields: what is left meanwhile."""
    for way in WAYS:
        console.expect(f"attack {way} begins")
        start, before = _requests(vm)
        seen = during()
        end, after = _requests(vm)
        own, wrong = console.expect(rf"attack {way}: (\d+) requests, (\d+) wrong", timeout=120).groups()
        assert wrong == "0", f"{wrong} requests of the attacker's own disk went wrong under {way}"
        yield Left(way, (after - before) / (end - start), int(own) * 1000 / milliseconds, seen)


@case("a-hostile-guest-leaves-others-their-throughput")
def throughput(vm):
    console = begin(vm, 700)
    for left in follow(vm, console, 700, lambda: vm.run("sleep 0.3")):
        assert left.bystander > 0 and left.attacker > 0, left
    for zone in ("bystander", "attacker"):
        seen = vm.zone(zone)
        assert (seen["state"], seen["restarts"]) == ("running", 0), seen
        assert {d["name"]: (d["state"], d["generation"]) for d in seen["devices"]} == {d["name"]: ("ready", 1) for d in seen["devices"]}, seen
    assert "FAILED" not in vm.console("bystander").text()
    assert "zone attacker, device entropy: the guest broke queue 0" in vm.journal()
