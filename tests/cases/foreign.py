# SPDX-License-Identifier: GPL-2.0-or-later
"""Zones that others start by the older tool's calls, and what those calls may do to ours."""

from rig import confs
from rig.cases import case
from rig.vm import ZONES_D

OLD_ZONE = "/usr/lib/rig/old-zone"
SLEEP = f"{confs.IMAGES}/payload/sleep.bin"


def start_foreign(vm, number=3, name="stranger", cpus="0x8", ram="0x68000000"):
    vm.run(f"{OLD_ZONE} start {number} {name} {cpus} {ram} 0x1000000 {SLEEP}")


@case("a-foreign-zone-is-in-nobodys-way-and-nobody-in-its")
def beside(vm):
    start_foreign(vm)
    zone = vm.wait_zone("stranger", "foreign", timeout=30)
    assert (zone["id"], zone["cpus"], zone["file"], zone["file_state"], zone["devices"]) == (3, "3", None, None, []), zone
    assert "foreign" in vm.out("hvisor status") and "left alone" in vm.out("hvisor status stranger")
    refused = vm.run("hvisor restart stranger", check=False)
    assert refused.status != 0 and "leaves it alone" in refused.err, refused

    # ours come, change, break and go beside it
    vm.boot("guest", confs.payload("console-hello", "lower"))
    vm.drop("guest", confs.payload("console-irq", "lower"))
    vm.wait(lambda: "Kernel changed from" in vm.journal() and vm.zone("guest")["state"] == "running", what="the zone to be restarted")
    vm.drop("guest", "[Zone\n")
    vm.wait(lambda: vm.zone("guest")["file_state"] == "bad", timeout=30, what="the bad file to be seen")
    vm.remove("guest")
    vm.wait_zone("guest", None)
    vm.run("systemctl restart hvisor-reconciler")
    assert vm.wait_zone("stranger", "foreign")["id"] == 3
    assert vm.hypervisor_zones() == {3: "0x8 stranger"}
    assert "begun" not in vm.out("journalctl -q -o json -u hvisor-reconciler ZONE=stranger")

    vm.run(f"{OLD_ZONE} shutdown 3")
    vm.wait_zone("stranger", None, timeout=30)
    assert vm.hypervisor_zones() == {}


@case("a-file-of-a-foreign-zones-name-never-touches-it")
def same_name(vm):
    start_foreign(vm)
    vm.drop("stranger", confs.payload("console-hello", "lower"))
    vm.wait(lambda: any(z["file"] and z["message"] for z in vm.status()["zones"] if z["name"] == "stranger"), timeout=30,
            what="a word about the file")
    states = sorted(z["state"] for z in vm.status()["zones"])
    assert states in (["foreign", "waiting"], ["foreign", "refused"]), vm.status()
    vm.run("systemctl restart hvisor-reconciler")
    vm.remove("stranger")
    vm.wait(lambda: [z["state"] for z in vm.status()["zones"]] == ["foreign"], timeout=30, what="the file to be forgotten")
    assert vm.hypervisor_zones() == {3: "0x8 stranger"}

    vm.drop("stranger", confs.payload("console-hello", "lower"))
    vm.run(f"{OLD_ZONE} shutdown 3")
    vm.wait_zone("stranger", "running")
    assert vm.hypervisor_zones() == {1: "0x4 stranger"}


@case("the-older-tools-start-is-checked-like-ours")
def old_start_refused(vm):
    vm.boot("guest", confs.payload("console-hello", "lower"))
    for what, arguments, error in (
            ("id 0", "0 x 0x8 0x68000000 0x1000000", "Invalid"),
            ("no CPU", "3 x 0 0x68000000 0x1000000", "Invalid"),
            ("root's CPU", "3 x 0xa 0x68000000 0x1000000", "busy"),
            ("our zone's CPU", "3 x 0xc 0x68000000 0x1000000", "busy"),
            ("our zone's id", "1 x 0x8 0x68000000 0x1000000", "exists"),
            ("our zone's RAM", "3 x 0x8 0x60000000 0x10000000", "busy"),
            ("root's RAM", "3 x 0x8 0x70000000 0x20000000", "busy"),
            ("a size that is no multiple of a page", "3 x 0x8 0x68000000 0x1000001", "Invalid"),
            ("RAM too small for its kernel", "3 x 0x8 0x68000000 0x400000", "Invalid")):
        refused = vm.run(f"{OLD_ZONE} start {arguments} {SLEEP}", check=False)
        assert refused.status == 1 and error in refused.err, (what, refused)
    assert vm.hypervisor_zones() == {1: "0x4 guest"}
    # an image loads only where no zone's RAM is, and the running one is none the worse
    refused = vm.run(f"{OLD_ZONE} start 3 x 0x8 0x50000000 0x1000000 {SLEEP}", check=False)
    assert refused.status == 1 and refused.err.startswith("load:") and "busy" in refused.err, refused
    vm.console("guest").send("ping\n")
    vm.console("guest").expect("echo: .*PING")
    start_foreign(vm)
    assert vm.hypervisor_zones() == {1: "0x4 guest", 3: "0x8 stranger"}


@case("a-zone-that-the-older-tool-shuts-down-is-started-again")
def old_shutdown_of_ours(vm):
    vm.boot("guest", confs.payload("console-hello"))
    workers = vm.workers("guest")
    vm.run(f"{OLD_ZONE} shutdown 1")
    vm.wait(lambda: (z := vm.zone("guest"))["state"] == "running" and z["devices"][0]["worker_pid"] not in (None, workers["main"]),
            what="the zone to be back with another worker")
    vm.wait(lambda: "hello from zone 1" in vm.out("hvisor console guest </dev/null").rsplit("shut", 1)[-1], what="the guest's hello")
    assert vm.hypervisor_zones() == {1: "0xc guest"}
    vm.run(f"rm {ZONES_D}/guest.conf")
    vm.wait_zone("guest", None)
