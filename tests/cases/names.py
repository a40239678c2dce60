# SPDX-License-Identifier: GPL-2.0-or-later
"""People's scripts say `pkill hvisor`: no process of ours, at no moment of its life, has hvisor in its name."""

from rig import confs
from rig.cases import case

TWO_DEVICES = {"disk": "/tmp/disk.img"}


def a_busy_life(vm):
    """Zones and workers come, die and go; the daemon, too. Nothing here runs the `hvisor` command, which may be killed."""
    def workers():
        lines = vm.out("/usr/lib/rig/kernel-objects").splitlines()
        return {w[2]: int(w[4]) for w in map(str.split, lines) if w[0] == "device" and int(w[4])}

    def replaced(old):
        new = workers()
        return new.keys() == old.keys() and not set(new.values()) & set(old.values()) and new

    vm.run("truncate -s 1M /tmp/disk.img")
    vm.drop("guest", confs.payload("disk-loop", **TWO_DEVICES))
    vm.wait(lambda: vm.hypervisor_zones() and len(workers()) == 2, what="the zone to run")
    before = workers()
    vm.run(["kill", "-9", *map(str, before.values())])
    vm.wait(lambda: replaced(before), what="other workers")
    vm.run("systemctl restart hvisor-reconciler")
    vm.drop("guest", confs.payload("disk-loop", CPUs="2", **TWO_DEVICES))
    vm.wait(lambda: vm.hypervisor_zones() == {1: "0x4 guest"} and len(workers()) == 2, what="the zone to run on one CPU")
    return workers()


@case("no-process-of-ours-has-hvisor-in-its-name-at-any-moment")
def names(vm):
    watcher = vm.background("exec /usr/lib/rig/watch-names hvisor /usr/bin/hvisor", log="/tmp/names")
    killer = vm.background("while :; do pkill hvisor && echo hit; done", log="/tmp/pkill")
    workers = a_busy_life(vm)
    vm.run(f"kill {watcher}; kill -- -{killer}")
    vm.wait("grep -q '^looked' /tmp/names", timeout=10)

    *found, times = vm.read("/tmp/names").splitlines()
    assert not found and int(times.split()[1]) > 20, (found, times)
    assert vm.read("/tmp/pkill") == "", vm.read("/tmp/pkill")
    assert vm.out("systemctl show -P NRestarts hvisor-reconciler") == "0"
    assert sorted(workers.values()) == sorted(vm.workers("guest").values())
    comms = sorted(vm.read(f"/proc/{pid}/comm").strip() for pid in workers.values())
    assert comms == ["virtio-block", "virtio-console"], comms
    vm.console("guest").expect("disk round")
