# SPDX-License-Identifier: GPL-2.0-or-later
"""A deleted file: the zone, its workers and all that was made for it are gone, and the next zone finds the board free."""

from rig import confs, witness
from rig.cases import case
from rig.vm import ZONES_D

DISK = "/root/disk.img"


def text(vm):
    """A guest with a console and a disk that it writes to all the time."""
    vm.run(f"truncate -s 1M {DISK}")
    return confs.payload("disk-loop", disk=DISK)


@case("teardown-a-deleted-zone-leaves-nothing-behind")
def nothing_left(vm):
    before = witness.remains(vm)
    vm.boot("guest", text(vm))
    vm.console("guest").expect("disk round")
    serving = witness.wait_ready(vm, "guest")
    there = witness.remains(vm)
    assert there["scopes"].count(".scope") == 2 and int(there["descriptors kept by systemd"]) >= 2, there
    assert all(there[key] != before[key] for key in before if key != "pseudo-terminals"), (before, there)
    vm.console("guest").close()

    vm.remove("guest")
    vm.wait_zone("guest", None)
    assert vm.hypervisor_zones() == {}
    for pid, _ in serving.values():
        assert not vm.exists(f"/proc/{pid}"), f"worker {pid} outlived its zone"
    witness.wait_remains(vm, before, "left behind")
    told = [r[2:4] for r in witness.records(vm, "guest")]
    assert told[-2:] == [("zone-stop", "begun"), ("zone-stop", "done")], told
    # nobody has the image any more
    vm.run(f"! fuser {DISK}")


@case("teardown-a-zone-starts-and-goes-ten-times-in-a-row")
def ten_times(vm):
    vm.run(f"truncate -s 1M {DISK}")
    content = confs.payload("disk", disk=DISK)
    before = witness.remains(vm)
    for _ in range(10):
        vm.drop("guest", content)
        vm.wait(lambda: "disk done" in vm.run("hvisor console guest --timeout=0 </dev/null", check=False).out,
                what="the guest to be done with its disk")
        vm.remove("guest")
        vm.wait_zone("guest", None)
    witness.wait_remains(vm, before, "left behind by ten zones")
    begun = [r[2] for r in witness.records(vm, "guest") if r[3] == "begun"]
    assert begun == ["zone-start", "zone-stop"] * 10, begun


@case("teardown-a-running-linux-goes-and-its-memory-and-cpus-serve-the-next")
def linux_goes(vm):
    console = vm.boot_linux("first", confs.linux())
    vm.remove("first")
    vm.wait_zone("first", None)
    vm.boot("second", confs.linux())
    console = vm.console("second")
    console.expect("^zone: Linux .* on 2 CPUs")
    console.expect("^zone: disk: this is the disk of the rig$")
    console.expect("^zone: ready$")


@case("teardown-one-of-two-zones-goes-and-the-other-stays")
def one_of_two(vm):
    vm.drop("lower", confs.payload("console-irq", "lower"))
    vm.drop("upper", confs.payload("console-irq", "upper"))
    witness.wait_ready(vm, "lower")
    serving = witness.wait_ready(vm, "upper")
    vm.remove("lower")
    vm.wait_zone("lower", None)
    assert vm.hypervisor_zones() == {2: "0x8 upper"}
    assert witness.attachments(vm, "upper") == serving
    assert "echo: STILL" in vm.out("echo still here | hvisor console upper --timeout=1")


@case("teardown-a-file-that-goes-before-its-zone-has-quite-started-leaves-nothing")
def gone_at_once(vm):
    content = text(vm)
    before = witness.remains(vm)
    vm.write("/root/guest.conf", content)
    for pause in ("0", "0.02", "0.05", "0.1", "0.2", "0.3"):
        vm.run(f"cp /root/guest.conf /root/new && mv /root/new {ZONES_D}/guest.conf && sleep {pause} && rm {ZONES_D}/guest.conf")
        witness.settle(vm)
        vm.wait_zone("guest", None)
    witness.wait_remains(vm, before, "left behind by a zone that was not wanted long")


@case("teardown-a-file-that-goes-and-comes-back-ends-in-one-running-zone")
def there_and_back(vm):
    content = confs.payload("console-irq")
    vm.write("/root/guest.conf", content)
    vm.run(f"for i in 1 2 3 4 5; do cp /root/guest.conf {ZONES_D}/; sleep 0.1; rm {ZONES_D}/guest.conf; sleep 0.1; done")
    vm.run(f"cp /root/guest.conf {ZONES_D}/")
    witness.settle(vm)
    witness.wait_ready(vm, "guest")
    vm.wait("hvisor plan", what="nothing to be left to do")
    assert vm.hypervisor_zones() == {1: "0xc guest"}
    assert "echo: HELLO" in vm.out("echo hello | hvisor console guest --timeout=1")
