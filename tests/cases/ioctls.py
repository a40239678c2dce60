# SPDX-License-Identifier: GPL-2.0-or-later
"""hvisor.ko's calls, made wrongly. What they promise is in its header; tests/rig/tools/misuse*.c hold it to that."""

from rig import confs
from rig.cases import case

SLEEP = f"{confs.IMAGES}/payload/sleep.bin"


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


def run_tool(vm, command):
    result = vm.run(f"/usr/lib/rig/{command}", timeout=120, check=False)
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


@case("random-calls-leave-the-module-whole")
def random_calls(vm):
    alone(vm)
    text = run_tool(vm, "random-calls 1 4000")
    # it must have reached what it wants to shake
    for name in ("create", "device create", "attach", "state", "ack", "config", "map", "destroy", "load"):
        succeeded = int(next(line for line in text.splitlines() if line.startswith(f"{name}: ")).split()[-3])
        assert succeeded > 0, text
    assert_nothing_left(vm)
