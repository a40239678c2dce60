# SPDX-License-Identifier: GPL-2.0-or-later
"""hvisor.ko's calls, made wrongly. What they promise is in its header; tests/rig/tools/misuse*.c hold it to that."""

import collections
import os
import re

from rig import confs
from rig.cases import case

SLEEP = f"{confs.IMAGES}/payload/sleep.bin"

# Of the kernel's own checks (see machine.watched()), and of any.
COMPLAINT = r".*(?:BUG|WARNING|Object already free|Redzone|Poison overwritten|pagealloc:|refcount_t|hung_task|blocked for more than).*"


def alone(vm):
    """Nobody else uses the module."""
    vm.run("systemctl stop hvisor-reconciler")


def assert_nothing_left(vm):
    assert vm.out("/usr/lib/rig/kernel-objects") == ""
    assert vm.hypervisor_zones() == {}
    vm.check_taint()
    # and the module still does what it is for
    vm.run("systemctl start hvisor-reconciler")
    vm.boot("guest", confs.payload("console-hello"))
    vm.console("guest").expect("hello from zone 1")


def run_tool(vm, command, timeout=120):
    result = vm.run(f"/usr/lib/rig/{command}", timeout=timeout, check=False)
    assert result.ok and " 0 broken" in result.out, f"status {result.status}\n{result.out}{result.err}"
    return result.out


@case("misused-calls-get-the-errors-that-the-header-promises")
def misuse(vm):
    alone(vm)
    promises = int(run_tool(vm, f"misuse {SLEEP}").split()[-4])
    assert promises > 150, promises
    assert_nothing_left(vm)


@case("misused-device-descriptors-get-the-errors-that-the-header-promises")
def misuse_device(vm):
    alone(vm)
    run_tool(vm, "misuse-device")
    run_tool(vm, "misuse-neighbour")
    assert_nothing_left(vm)


# ---- random ones ----------------------------------------------------------------------------------------

SEED, SECONDS = int(os.environ.get("SEED", "1")), int(os.environ.get("SECONDS", "8"))

# What the calls have to have reached for the run to be worth anything.
REACHED = ("create", "device create", "attach", "state", "ack", "config", "map", "start", "stop", "destroy", "load", "withdraw", "receive")


def heap(vm):
    """Return: how many objects are allocated by each place in the modules, and for eventfds. (slub_debug=U, vmalloc)"""
    places = collections.Counter()
    for line in vm.out("cat /sys/kernel/debug/slab/kmalloc-*/alloc_traces; grep -F '[h' /proc/vmallocinfo || true").splitlines():
        found = re.match(r"\s*(\d+) (\S+ \[h(?:visor|ivc)\]|do_eventfd\S*) ", line)
        if found:
            places[found[2]] += int(found[1])
        elif found := re.match(r"0x\S+\s+\d+ (\S+ \[h(?:visor|ivc)\])", line):
            places[found[1]] += 1
    return places


def module_users(vm):
    return int(vm.read("/sys/module/hvisor/refcnt"))


def requests(vm):
    return vm.device("bystander", "disk")["kicks"]


@case("random-calls-leave-the-module-and-the-bystander-whole", machine="watched", fresh=True)
def random_calls(vm):
    """SECONDS= of them, by SEED=; `make fuzz FUZZ=ioctl`."""
    vm.run("modprobe hvisor; systemctl start hvisor-reconciler; truncate -s 1M /tmp/bystander.img /tmp/guest.img")
    vm.boot("bystander", confs.payload("disk-loop", "upper", "/tmp/bystander.img"))
    vm.wait(lambda: requests(vm), what="the bystander to use its disk")
    before, users, done = heap(vm), module_users(vm), requests(vm)
    assert any("[hvisor]" in place for place in before), before
    text = run_tool(vm, f"random-calls {SEED} {SECONDS} {confs.IMAGES}/payload/storm.bin", timeout=SECONDS + 120)
    counted = {name: int(number) for name, number in re.findall(r"^(.*): (\d+) of \d+$", text, re.M)}
    assert all(counted[name] for name in REACHED), text
    vm.wait(lambda: requests(vm) > done, what="the bystander to go on")

    # what was made is gone: objects, eventfds, mappings, descriptors
    vm.wait(lambda: module_users(vm) == users, what=f"the module's users to be {users} again")
    vm.wait(lambda: heap(vm) <= before, what=f"the heap to hold what it held before: {dict(heap(vm) - before)} is left")
    zone = vm.zone("bystander")
    assert (zone["state"], zone["restarts"]) == ("running", 0), zone
    assert {d["name"]: (d["state"], d["generation"]) for d in zone["devices"]} == {"disk": ("ready", 1), "main": ("ready", 1)}, zone
    assert "FAILED" not in vm.console("bystander").text()
    assert not re.search(COMPLAINT, vm.dmesg()), re.findall(COMPLAINT, vm.dmesg())

    # and the module still does what it is for
    vm.boot("guest", confs.payload("disk", "lower", disk="/tmp/guest.img"))
    vm.console("guest").expect("disk done")
