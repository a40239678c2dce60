# SPDX-License-Identifier: GPL-2.0-or-later
"""Zones side by side: each its own memory, CPU and console, and none of root Linux's."""

import struct

from rig import confs, paths
from rig.cases import case

MODE, ADDRESS = 4, 32                   # in a payload's parameter block (tests/payload/payload.h)
READ, WRITE = 0, 1


def patched(vm, name, place, **fields):
    """Puts a payload with other parameters into root Linux. Return: its path."""
    suffix = confs.PLACES[place].payload_suffix
    data = bytearray((paths.BUILD / f"payload-{name}{suffix}.bin").read_bytes())
    assert data[0x10:0x14] == b"PAYL"
    for field, value in fields.items():
        offset, form = {"mode": (MODE, "<I"), "address": (ADDRESS, "<Q")}[field]
        struct.pack_into(form, data, 0x10 + offset, value)
    path = f"/tmp/{name}-{place}-{'-'.join(f'{v:x}' for v in fields.values())}.bin"
    vm.write(path, bytes(data))
    return path


def spy(vm, place, address, mode):
    """A zone that looks at an address which is not its own. Return: what it says."""
    name = f"spy-{address:x}-{mode}"
    kernel = patched(vm, "spy", place, address=address, mode=mode)
    vm.drop(name, confs.payload("spy", place, Kernel=kernel, Restart="no"))
    vm.wait(lambda: (vm.zone(name) or {}).get("state") in ("running", "error"), what=f"{name} to run")
    found = vm.console(name).expect(r"spy saw (.*)$")[1]
    zone = vm.wait_zone(name, "error")
    assert "outside its regions" in zone["message"], zone
    vm.remove(name)
    vm.wait_zone(name, None)
    return found


@case("a-zone-neither-reads-nor-writes-what-is-not-its-own")
def sees_nothing(vm):
    vm.boot("victim", confs.payload("console-hello", "lower"))
    vm.console("victim").expect("hello from zone 1")
    assert spy(vm, "upper", 0x40400000, READ).startswith("nothing at"), "it reads the hypervisor"
    # written and then read: what does not change of itself, root's device tree and the other zone's parameters
    for address, magic in ((0xA0000000, b"\xd0\x0d\xfe\xed"), (confs.PLACES["lower"].kernel + 0x10, b"PAYL")):
        before = vm.physical(address, 8)
        assert before.startswith(magic), before
        assert spy(vm, "upper", address, WRITE).startswith("nothing at"), f"it reads {address:#x}"
        assert vm.physical(address, 8) == before, f"it writes {address:#x}"
    vm.console("victim").send("ping\n")
    vm.console("victim").expect("echo: .*PING")


@case("two-zones-run-at-once-each-with-its-own-console-and-disk")
def two_zones(vm):
    vm.run("truncate -s 1M /tmp/lower.img /tmp/upper.img")
    vm.drop("lower", confs.payload("console-irq", "lower", disk="/tmp/lower.img"))
    vm.drop("upper", confs.payload("console-irq", "upper", disk="/tmp/upper.img"))
    for name, number in (("lower", 1), ("upper", 2)):
        vm.wait_zone(name, "running")
        vm.console(name).expect(f"hello from zone {number}")
    assert vm.hypervisor_zones() == {1: "0x4 lower", 2: "0x8 upper"}
    assert len(set(vm.workers("lower").values()) | set(vm.workers("upper").values())) == 4
    for word in ("one", "two", "three"):
        for name in ("lower", "upper"):
            vm.console(name).send(f"{word} to {name}\n")
    for name in ("lower", "upper"):
        vm.console(name).expect(f"THREE TO {name.upper()}")
    assert "UPPER" not in vm.console("lower").text() and "LOWER" not in vm.console("upper").text()

    # the end of one is nothing to the other
    workers = vm.workers("upper")
    vm.remove("lower")
    vm.wait_zone("lower", None)
    vm.console("upper").send("still there\n")
    vm.console("upper").expect("STILL THERE")
    assert vm.workers("upper") == workers
