# SPDX-License-Identifier: GPL-2.0-or-later
"""What must not happen: zones that are not ours, CPUs that are taken, no hypervisor, another zone's memory."""

from rig import confs
from rig.cases import case

SLEEP = f"{confs.IMAGES}/payload/sleep.bin"


def start_foreign(vm, number=3, cpus="0x4", ram="0x50000000", size="0x10000000"):
    vm.run(f"/usr/lib/rig/old-zone start {number} stranger {cpus} {ram} {size} {SLEEP}")


@case("foreign-zone-is-shown-and-never-touched")
def foreign_zone(vm):
    start_foreign(vm)
    zone = vm.wait_zone("stranger", "foreign", timeout=30)
    assert zone["id"] == 3 and zone["cpus"] == "2" and zone["file"] is None
    # a file of its name, a restart of the daemon, another zone coming and going: it stays
    vm.drop("stranger", confs.payload("console-hello", "upper"))
    vm.run("systemctl restart hvisor-reconciler")
    vm.boot("guest", confs.payload("console-hello", "upper"))
    vm.remove("guest")
    vm.wait_zone("guest", None)
    vm.remove("stranger")
    vm.wait("hvisor plan", timeout=30, what="nothing to be left to do")
    assert vm.hypervisor_zones() == {3: "0x4 stranger"}
    assert vm.zone("stranger")["state"] == "foreign"


@case("cpu-of-a-foreign-zone-is-refused-with-the-reason")
def cpu_busy(vm):
    start_foreign(vm)
    vm.drop("guest", confs.payload("console-hello", "upper", CPUs="2-3"))
    zone = vm.wait(lambda: (z := vm.zone("guest")) and z["message"] and z, what="a word about the zone")
    assert zone["state"] in ("waiting", "refused"), zone
    assert "CPU" in zone["message"] and "2" in zone["message"] and "stranger" in zone["message"], zone
    assert vm.hypervisor_zones() == {3: "0x4 stranger"}
    # no ghost: once the CPU is free, the zone gets it
    vm.run("/usr/lib/rig/old-zone shutdown 3")
    vm.wait_zone("guest", "running")
    vm.console("guest").expect("hello from zone 2")


@case("module-refuses-to-load-without-a-hypervisor", machine="bare")
def no_hypervisor(vm):
    tried = vm.run("modprobe hvisor", check=False)
    assert tried.status != 0
    assert not vm.exists("/dev/hvisor")
    assert "hvisor: " in vm.dmesg(), "the module said nothing"
    status = vm.run("hvisor status", check=False)
    assert status.status == 1 and "hvisor" in status.err, status


@case("two-zones-cannot-read-each-others-memory", monitor_only="it is the monitor's isolation that is tested")
def spies(vm):
    """Each looks at the other's first instructions; that the attempt is an error of the zone is right."""
    for name in ("lower", "upper"):
        vm.drop(name, confs.payload("spy", name, Restart="no"))
        vm.wait(lambda: (z := vm.zone(name)) and z["state"] in ("running", "error"), what=f"{name} to be started")
        vm.console(name).expect("spy saw nothing at")


@case("two-linux-zones-side-by-side")
def two_linux(vm):
    vm.run(f"cp {confs.IMAGES}/rootfs2.ext4 /tmp/upper.ext4")
    vm.drop("lower", confs.linux("lower"))
    vm.drop("upper", confs.linux("upper", disk="/tmp/upper.ext4"))
    for name in ("lower", "upper"):
        vm.wait_zone(name, "running")
        vm.console(name).expect("^zone: ready$", timeout=240)
    assert sorted(vm.hypervisor_zones()) == [1, 2]
