# SPDX-License-Identifier: GPL-2.0-or-later
"""CPUs that are not to be had: another's for a while, or nobody's for good."""

import struct

from rig import confs
from rig.cases import case

OLD_ZONE = "/usr/lib/rig/old-zone"
SLEEP = f"{confs.IMAGES}/payload/sleep.bin"
CPUS_ALREADY_ON = 0x403FF018            # the monitor's knob (tests/monitor/control.h)


def starts(vm):
    """How often the daemon has begun to start a zone."""
    return vm.out("journalctl -q -o cat -u hvisor-reconciler ACTION=zone-start RESULT=begun").count("\n") + 1


@case("a-zone-waits-for-a-foreign-zones-cpu-and-makes-no-ghost-of-it")
def waits_for_cpu(vm):
    vm.run(f"{OLD_ZONE} start 3 stranger 0x8 0x68000000 0x1000000 {SLEEP}")
    vm.drop("guest", confs.payload("console-hello"))
    zone = vm.wait_zone("guest", "waiting")
    for words in ("CPU 3", "stranger", "not started by the reconciler"):
        assert words in zone["message"], zone
    assert zone["restarts"] == 0 and vm.out("/usr/lib/rig/kernel-objects") == ""
    assert "waiting: CPU 3" in vm.journal()
    # its other CPU was not touched: whoever wants just that one can have it
    vm.run(f"{OLD_ZONE} start 2 other 0x4 0x50000000 0x1000000 {SLEEP} && {OLD_ZONE} shutdown 2")
    assert vm.zone("guest")["state"] == "waiting"

    vm.run(f"{OLD_ZONE} shutdown 3")
    vm.wait_zone("guest", "running", timeout=20)
    vm.console("guest").expect("hello from zone 1")


@case("a-foreign-zones-id-is-waited-for")
def waits_for_id(vm):
    vm.run(f"{OLD_ZONE} start 1 stranger 0x8 0x68000000 0x1000000 {SLEEP}")
    vm.drop("guest", confs.payload("console-hello", "lower"))
    zone = vm.wait_zone("guest", "waiting")
    assert "id 1" in zone["message"].lower() and "stranger" in zone["message"], zone
    vm.run(f"{OLD_ZONE} shutdown 1")
    vm.wait_zone("guest", "running", timeout=20)
    vm.console("guest").expect("hello from zone 1")


@case("a-running-zone-does-not-grow-onto-a-foreign-zones-cpu")
def grows(vm):
    vm.boot("guest", confs.payload("console-hello", "lower"))
    vm.run(f"{OLD_ZONE} start 3 stranger 0x8 0x68000000 0x1000000 {SLEEP}")
    workers = vm.workers("guest")
    vm.drop("guest", confs.payload("console-hello", "lower", CPUs="2-3"))
    zone = vm.wait(lambda: "CPU 3" in ((z := vm.zone("guest"))["message"] or "") and z, timeout=30, what="a word about CPU 3")
    assert zone["state"] == "running" and vm.workers("guest") == workers, zone
    vm.console("guest").expect("hello from zone 1")
    vm.run(f"{OLD_ZONE} shutdown 3")
    vm.wait(lambda: vm.hypervisor_zones() == {1: "0xc guest"}, timeout=30, what="the zone to have both CPUs")


@case("a-cpu-that-nobody-has-and-that-is-on-is-lost-and-said-to-be",
      monitor_only="it takes a hypervisor that has lost a CPU")
def ghost(vm):
    vm.set_physical(CPUS_ALREADY_ON, struct.pack("<Q", 1 << 2))
    vm.drop("guest", confs.payload("console-hello"))
    zone = vm.wait_zone("guest", "failed")
    assert "CPU 2-3 is lost until the board restarts" in zone["message"], zone
    assert zone["retry_in"] is None, zone
    assert vm.hypervisor_zones() == {} and vm.out("/usr/lib/rig/kernel-objects") == ""
    assert "lost until the board restarts" in vm.out("hvisor status guest") and "lost until" in vm.journal()

    # nothing is tried again by itself: later than the first back-off would have
    assert starts(vm) == 1
    vm.run("sleep 3")
    assert vm.zone("guest")["state"] == "failed" and starts(vm) == 1
    # the hypervisor has given both CPUs away; asking by hand shows the same
    vm.run("hvisor restart guest")
    vm.wait(lambda: starts(vm) == 2, timeout=20, what="the start that was asked for")
    zone = vm.wait_zone("guest", "failed")
    assert "lost" in zone["message"] and vm.hypervisor_zones() == {}, zone
    # the daemon lives, and the file can go
    vm.remove("guest")
    vm.wait_zone("guest", None)
