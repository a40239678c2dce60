# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of a zone's CPUs once it has ended: they forget it at once, and not when the next zone wants them."""

import re

from foreign import OLD_ZONE, start_foreign
from rig import confs
from rig.cases import case


def cleaned(vm):
    """The CPUs that the module has cleaned so far, one after the other."""
    return re.findall(r"hvisor: CPU (\d) is clean", vm.dmesg())


def end_by_deletion(vm):
    """In the midst of its interrupt, which stays in the CPU."""
    vm.boot("held", confs.payload("held"))
    console = vm.console("held")
    console.expect("takes interrupts")
    console.send("x\n")
    console.expect("holds its interrupt")
    vm.remove("held")
    return ["2", "3"]


def end_by_itself(vm):
    vm.boot("off", confs.payload("poweroff-on-input", "lower", Restart="no"))
    console = vm.console("off")
    console.expect("powers off on input")
    console.send("x\n")
    vm.wait_zone("off", "exited")
    vm.remove("off")
    return ["2"]


def end_by_the_older_tool(vm):
    start_foreign(vm)
    vm.run(f"{OLD_ZONE} shutdown 3")
    return ["3"]


@case("clean-cpus-forget-a-zone-as-soon-as-it-has-ended")
def forget(vm):
    vm.run("echo 'file clean_cpus.c +p' >/proc/dynamic_debug/control")
    expected = []
    for end in (end_by_deletion, end_by_itself, end_by_the_older_tool):
        expected += end(vm)
        vm.wait(lambda: cleaned(vm) == expected, what=f"CPUs to be clean: {expected}")
    # nobody has to wait for it, and no interrupt is missed; it says nothing without
    vm.boot("next", confs.payload("console-irq"))
    console = vm.console("next")
    console.expect("hello from zone 1")
    console.send("still here\n")
    console.expect("echo: STILL HERE")
    assert cleaned(vm) == expected, (cleaned(vm), expected)
