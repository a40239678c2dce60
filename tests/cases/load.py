# SPDX-License-Identifier: GPL-2.0-or-later
"""Zones that are deleted in the midst of what they do: no CPU is lost, nobody else is hurt, no byte is wrong."""

import os
import struct

from disk import PATTERN
from rig import confs
from rig.cases import case
from rig.vm import ZONES_D

ROUNDS = int(os.environ.get("ROUNDS", 2))
DISK, OTHER = "/root/busy.img", "/root/bystander.img"
SECTOR = 512
EVENTS, FIRST_CPU = 0x403FF290, 2       # the monitor's queues (tests/monitor/control.h); of the zone's CPUs

# tests/payload: what a guest may be doing, and how to see that it does
BUSY = {
    "disk-loop": "disk round",
    "kicks": "flood begins",
    "registers-flood": "flood begins",
    "resets": "storm round",
}


def assert_sectors_whole(data):
    """What payload "disk-loop" wrote is there a sector at a time: no half of one, no other bytes."""
    for sector in range(len(data) // SECTOR):
        words = struct.unpack_from("<64Q", data, sector * SECTOR)
        if any(words):
            first = words[0] ^ PATTERN ^ sector << 16
            assert first and first >> 32 << 32 == first, f"sector {sector} begins with {words[0]:#x}"
            assert all(word == words[0] ^ j for j, word in enumerate(words)), f"sector {sector} is of two rounds"


def said(vm, zone, words):
    return words in vm.run(f"hvisor console {zone} --timeout=0 </dev/null", check=False).out


def disk_kicks(vm, zone):
    return next(d["kicks"] for d in vm.zone(zone)["devices"] if d["name"] == "disk")


def assert_bystander_works(vm):
    """It goes on for as long as it reads what it wrote. (Its console may have more to show than --timeout=0 waits for.)"""
    before = disk_kicks(vm, "bystander")
    vm.wait(lambda: disk_kicks(vm, "bystander") > before + 200, what="the bystander's disk to be written and read")


def assert_no_cpu_lost(vm):
    assert "cannot be shut down" not in vm.serial(), "the hypervisor has given a CPU up"
    assert "is lost until" not in vm.journal()


@case("load-a-zone-deleted-whatever-it-does-leaves-its-cpu-to-the-next")
def bare_guests(vm):
    vm.run(f"truncate -s 1M {DISK} {OTHER}")
    vm.boot("bystander", confs.payload("disk-loop", "upper", disk=OTHER))
    assert_bystander_works(vm)
    for i in range(ROUNDS):
        for name, words in BUSY.items():
            # that it starts shows that the one before has left the CPU as it was
            vm.drop("busy", confs.payload(name, "lower", disk=DISK))
            vm.wait(lambda: said(vm, "busy", words), what=f"{name} to be busy")
            vm.run(f"sleep 0.0{i * 7 % 10}; rm {ZONES_D}/busy.conf")
            vm.wait_zone("busy", None)
        assert_no_cpu_lost(vm)
        assert_bystander_works(vm)
    assert_sectors_whole(vm.read_bytes(DISK))
    assert vm.zone("bystander")["restarts"] == 0
    vm.boot("busy", confs.payload("console-hello", "lower"))
    vm.console("busy").expect("hello from zone 1")


@case("load-a-guest-stopped-in-the-midst-of-its-interrupt-leaves-it-to-nobody")
def in_an_interrupt(vm):
    """The hypervisor leaves that interrupt active in the CPU: the next guest would never get it, nor any of its priority."""
    for i in range(2):
        vm.boot(f"held{i}", confs.payload("held"))
        console = vm.console(f"held{i}")
        console.expect("takes interrupts")
        console.send("x\n")
        console.expect("holds its interrupt")
        console.close()
        vm.remove(f"held{i}")
        vm.wait_zone(f"held{i}", None)
        # it says nothing without its interrupts
        vm.boot(f"next{i}", confs.payload("console-irq"))
        console = vm.console(f"next{i}")
        console.expect("hello from zone 1")
        console.send("still here\n")
        console.expect("echo: STILL HERE")
        console.close()
        vm.remove(f"next{i}")
        vm.wait_zone(f"next{i}", None)


@case("load-a-linux-deleted-while-disk-and-console-are-busy-harms-nobody")
def linux(vm):
    size, half = 4 << 20, 2 << 20
    first = os.urandom(half)
    vm.write(DISK, first + b"\xaa" * half)
    for i in range(2):
        name = f"linux{i}"
        vm.boot(name, confs.linux(disk=DISK))
        console = vm.console(name)
        console.expect("zone# ", timeout=240)
        # all of the second half, over and over; on two CPUs, and the console beside it
        console.send(f"tr '\\0' '\\{61 + i}' </dev/zero | head -c {half} >/tmp/d; "
                     "for i in 1 2; do while :; do dd if=/tmp/d of=/dev/vda bs=64k seek=32 oflag=direct 2>/dev/null; done & done; "
                     "yes flood\n")
        console.expect("flood\nflood\n")
        kicks = disk_kicks(vm, name)
        vm.wait(lambda: disk_kicks(vm, name) > kicks + 20, what="the disk to be busy")
        console.close()
        vm.remove(name)
        vm.wait_zone(name, None)
        assert_no_cpu_lost(vm)
        data = vm.read_bytes(DISK)
        assert len(data) == size and data[:half] == first, "what the guest did not write has changed"
        assert set(data[half:]) <= set(b"\xaa" + b"12"[:i + 1]), set(data[half:])
    # both CPUs serve the next
    vm.boot("linux", confs.linux(disk=DISK))
    vm.console("linux").expect("^zone: Linux .* on 2 CPUs", timeout=240)


@case("load-interrupts-of-two-devices-leave-no-event-behind", monitor_only="it shows its queues of events")
def events(vm):
    vm.run(f"truncate -s 4M {DISK}")
    vm.boot("linux", confs.linux(disk=DISK))
    console = vm.console("linux")
    console.expect("zone# ", timeout=240)
    console.send("while :; do dd if=/dev/vda of=/dev/null bs=4k iflag=direct 2>/dev/null; done & yes flood\n")
    vm.wait(lambda: disk_kicks(vm, "linux") > 500, what="the disk to be busy")
    # A guest that waits for an answer takes one SGI for two interrupts: that would leave one event for each kick. A few are
    # left where an emulated CPU was not run for so long that it seemed to have taken its interrupt: not all the time.
    def leaves_few():
        stretches.append((struct.unpack("<4Q", vm.physical(EVENTS, 32))[FIRST_CPU], disk_kicks(vm, "linux")))
        (queued, kicks), (queued_now, kicks_now) = stretches[-2:]
        return kicks_now > kicks + 100 and queued_now - queued < (kicks_now - kicks) / 4
    stretches = [(0, 0)]
    vm.wait(leaves_few, 90, "kicks that leave no event behind")
