# SPDX-License-Identifier: GPL-2.0-or-later
"""
What would panic the hypervisor, and with it lose the whole board, is refused before it is asked; what two files both
claim has one owner.
"""

import re

from rig import confs
from rig.cases import case
from rig.vm import ZONES_D

SLEEP = f"{confs.IMAGES}/payload/sleep.bin"
BOARD = "/etc/hvisor/board.conf"
GOOD = confs.payload("console-hello")
ALL_OF_IT = "PhysicalAddress=0x50000000\nSize=0x30000000\n"


def _memory(*regions):
    return "\n".join(f"[Memory m{i}]\nPhysicalAddress={physical}\nSize={size}\n" + (f"GuestAddress={guest}\n" if guest else "")
                     for i, (physical, guest, size) in enumerate(regions))


def _regions(*regions):
    return ("[Memory ram]\n" + ALL_OF_IT, _memory(*regions))


def _gic(version=3, distributor="0x8000000"):
    return ("[Console main]", f"""[GIC]
Version={version}
DistributorAddress={distributor}
DistributorSize=0x10000
RedistributorAddress=0x80a0000
RedistributorSize=0xf60000

[Console main]""")


def _io(physical, guest, size="0x1000"):
    return ("[Console main]", f"[IO io]\nPhysicalAddress={physical}\nGuestAddress={guest}\nSize={size}\n\n[Console main]")


GIC_2 = """[GIC]
Version=2
DistributorAddress=0x8000000
DistributorSize=0x10000
CPUInterfaceAddress=0x8010000
CPUInterfaceSize=0x10000
HypervisorAddress=0x8030000
HypervisorSize=0x10000
VirtualCPUAddress=0x8040000
VirtualCPUSize=0x10000

[Console main]"""
PCI = "[PCI main]\nECAMAddress={ecam}\nECAMSize=1M\n\n[PCIDevice card]\nAddress={device}\n\n[Console main]"

RAM = ("0x50000000", None, "0x10000000")

# Zone's name, as a replacement in the good text; words of the reason.
REFUSED = {
    "cpu-4": (("CPUs=2-3", "CPUs=2-4"), "the board has no CPU 4"),
    "cpu-31": (("CPUs=2-3", "CPUs=31"), "the board has no CPU 31"),
    "cpu-63": (("CPUs=2-3", "CPUs=63"), "CPUs above 31"),
    "cpu-64": (("CPUs=2-3", "CPUs=64"), "64 is larger than 63"),
    "cpu-none": (("CPUs=2-3", "CPUs="), "CPUs="),
    "cpu-of-root": (("CPUs=2-3", "CPUs=1-2"), "root Linux itself runs on CPU 1"),
    "id-0": (("Id=1", "Id=0"), "smaller than 1"),
    "id-4": (("Id=1", "Id=4"), "4 is larger than 3"),
    "ram-physical-unaligned": (_regions(("0x50000800", "0x50000000", "0x10000000")), "0x50000800 is not a multiple of 0x1000"),
    "ram-guest-unaligned": (_regions(("0x50000000", "0x50000004", "0x10000000")), "0x50000004 is not a multiple of 0x1000"),
    "ram-size-unaligned": (_regions(("0x50000000", None, "0x10000001")), "0x10000001 is not a multiple of 0x1000"),
    "ram-size-0": (_regions(("0x50000000", None, "0")), "Size="),
    "ram-overlap": (_regions(RAM, ("0x58000000", None, "0x10000000")), "overlaps [Memory m0]"),
    "ram-overlap-in-guest": (_regions(RAM, ("0x60000000", "0x50001000", "0x1000")), "overlaps [Memory m0]"),
    "ram-wraps": (_regions(RAM, ("0xfffffffff000", "0x70000000", "0x2000")), "reaches beyond"),
    "ram-none": (("[Memory ram]\n" + ALL_OF_IT, ""), "no [Memory NAME] section"),
    "ram-65-regions": (_regions(RAM, *((hex(0x60000000 + i * 0x2000), None, "0x1000") for i in range(64))), "more than"),
    "ram-of-root": (_regions(RAM, ("0x90000000", None, "0x1000")), "root Linux itself uses"),
    "ram-not-of-the-board": (_regions(RAM, ("0xc0000000", None, "0x1000")), "not all RAM of the board"),
    "ram-of-the-hypervisor": (_regions(RAM, ("0x40400000", None, "0x1000")), "not all RAM of the board"),
    "ram-beyond-the-tables": (_regions(RAM, ("0x60000000", "0x7ffffff000", "0x2000")), "reaches beyond guest address"),
    "region-unknown": (("[Console main]", "[Region x]\nType=7\n\n[Console main]"), "unknown section [Region]"),
    "io-unaligned": (_io("0x9000800", "0x9000000"), "not a multiple of 0x1000"),
    "io-over-its-ram": (_io("0x9000000", "0x50001000"), "overlaps [Memory ram]"),
    "io-of-ram": (_io("0x80000000", "0x9000000"), "is RAM of the board"),
    "io-of-the-gic": (_io("0x8000000", "0x9000000"), "cannot be passed through"),
    "gic-2": (("[Console main]", GIC_2), "version 2, but the board's is 3"),
    "gic-2-without-its-parts": (_gic(version=2), "[GIC] has no CPUInterfaceAddress="),
    "pci-in-ram": (("[Console main]", PCI.format(ecam="0x60000000", device="0000:00:00.0")), "overlaps [Memory ram]"),
    "pci-without-a-bridge": (("[Console main]", PCI.format(ecam="0x4010000000", device="0001:00:00.0")), "no [PCI] of the zone has Domain=1"),
    "of-another-architecture": (("[Console main]", "[PLIC]\nAddress=0xc000000\nSize=64M\n\n[Console main]"), "[PLIC] is for riscv64"),
    "gic-in-ram": (_gic(distributor="0x50000000"), "overlaps"),
    "gic-0": (_gic(distributor="0"), "DistributorAddress="),
    "kernel-outside": (("KernelAddress=0x50400000", "KernelAddress=0x80000000"), "in no [Memory]"),
    "device-tree-outside": (("EntryPoint=", f"DeviceTree={confs.IMAGES}/linux2.dtb\nDeviceTreeAddress=0x80000000\nEntryPoint="),
                            "in no [Memory]"),
    "entry-unaligned": (("EntryPoint=0x50400000", "EntryPoint=0x50400002"), "not a multiple of 0x4"),
    "entry-outside": (("EntryPoint=0x50400000", "EntryPoint=0x80000000"), "in no [Memory]"),
    "device-in-ram": (("Address=0xa003800", "Address=0x50000000"), "overlaps"),
    "device-in-gic": (("Address=0xa003800", "Address=0x8000000"), "overlaps"),
    "device-unaligned": (("Address=0xa003800", "Address=0xa003804"), "not a multiple of 0x200"),
    "interrupt-of-a-cpu": (("Interrupt=76", "Interrupt=31"), "smaller than 32"),
    "interrupt-none": (("Interrupt=76", "Interrupt=1020"), "larger than 1019"),
    "interrupt-of-root": (("Interrupt=76", "Interrupt=33"), "root Linux itself uses interrupt 33"),
    "interrupt-that-wakes-root": (("[Memory ram]", "Interrupts=64\n\n[Memory ram]"), "root Linux itself uses interrupt 64"),
    "interrupt-twice": (("[Console main]", "[Console b]\nAddress=0xa003a00\nInterrupt=76\n\n[Console main]"), "76"),
    "devices-8": (("[Console main]", "".join(f"[Console c{i}]\nAddress={0xa000000 + i * 0x200:#x}\nInterrupt={90 + i}\n\n"
                                             for i in range(7)) + "[Console main]"), "more than 7"),
}


@case("what-would-panic-the-hypervisor-is-refused-with-the-reason")
def refused(vm):
    vm.run("mkdir /tmp/new")
    for name, ((old, new), _) in REFUSED.items():
        assert old in GOOD, name
        vm.write(f"/tmp/new/{name}.conf", GOOD.replace(old, new, 1))
    vm.run(f"mv /tmp/new/*.conf {ZONES_D}/")
    zones = vm.wait(lambda: len(z := vm.status()["zones"]) == len(REFUSED) and {x["name"]: x for x in z},
                    what="all files to be seen")
    for name, (_, words) in REFUSED.items():
        zone = zones[name]
        assert zone["state"] == "refused" and words in zone["message"] and f"{name}.conf" in zone["message"], (words, zone)
    assert vm.hypervisor_zones() == {}
    assert "zone-start" not in vm.out("journalctl -q -o json -u hvisor-reconciler")

    # the board is alive, and none of them is in the way of a good one
    vm.boot("guest", GOOD)
    vm.console("guest").expect("hello from zone 1")


@case("no-zone-starts-without-board.conf")
def no_board(vm):
    vm.run(f"mv {BOARD} /root/")
    vm.drop("guest", GOOD)
    zone = vm.wait_zone("guest", "refused")
    assert BOARD in zone["message"], zone
    assert BOARD in vm.status()["message"]
    assert vm.hypervisor_zones() == {}

    # one that is wrong is none
    vm.write(BOARD, "[Board]\nCPUs=0-three\nMemory=0x50000000+0x70000000\n")
    vm.wait(lambda: f"{BOARD}:2:8: " in vm.zone("guest")["message"], timeout=30, what="the mistake of board.conf in the status")
    assert vm.hypervisor_zones() == {}

    vm.run(f"mv /root/board.conf {BOARD}")
    vm.wait_zone("guest", "running")
    vm.console("guest").expect("hello from zone 1")

    # a zone that runs does so without it, too
    workers = vm.workers("guest")
    vm.run(f"mv {BOARD} /root/")
    vm.wait(lambda: BOARD in (vm.status()["message"] or ""), timeout=30, what="the missing board.conf in the status")
    assert vm.zone("guest")["state"] == "running" and vm.workers("guest") == workers


@case("of-two-files-that-claim-the-same-the-running-zone-keeps-its-place")
def conflict_with_running(vm):
    vm.run("truncate -s 1M /tmp/disk.img")
    vm.boot("m-first", confs.payload("disk-loop", "lower", disk="/tmp/disk.img"))
    workers = vm.workers("m-first")
    vm.run("ln -s disk.img /tmp/link.img; ln /tmp/disk.img /tmp/hard.img; ln -s /proc/1/root/tmp/disk.img /tmp/proc.img")
    challengers = {
        "a-id": (confs.payload("console-hello", "upper", Id=1), "Id 1 belongs to zone m-first"),
        "b-cpu": (confs.payload("console-hello", "upper", CPUs="2-3"), "CPU 2 belongs to zone m-first"),
        "c-ram": (confs.payload("console-hello", "upper") + "\n[Memory more]\nPhysicalAddress=0x57fff000\nSize=0x1000\n",
                  "[Memory more]: RAM of zone m-first"),
        "d-image": (confs.payload("console-hello", "upper", disk="/tmp/disk.img"), "zone m-first uses the image /tmp/disk.img"),
        **{f"e-{name}": (confs.payload("console-hello", "upper", disk=f"/tmp/{name}.img"),
                         f"zone m-first uses the image /tmp/{name}.img, as /tmp/disk.img") for name in ("link", "hard", "proc")},
        "f-interrupt": (confs.payload("console-hello", "upper", Interrupts=76), "interrupt 76 belongs to zone m-first"),
    }
    for name, (text, _) in challengers.items():
        vm.drop(name, text)
    for name, (_, words) in challengers.items():
        zone = vm.wait_zone(name, "refused")
        assert words in zone["message"] and "(m-first.conf:" in zone["message"], zone
        assert re.match(rf"{ZONES_D}/{name}\.conf:[0-9]+:[0-9]+: ", zone["message"]), zone
    # the same of the files alone, where the first by name has the place; with the line that it is about
    checked = vm.run("hvisor check", check=False)
    assert checked.status == 1 and f", {len(challengers)} errors" in checked.out, checked
    assert re.search(r"m-first\.conf:2:4: error: Id 1 belongs to zone a-id \(a-id\.conf:2:4\).*\n +2 \| Id=1\n +\| +\^$",
                     checked.err, re.M), checked.err
    assert vm.zone("m-first")["state"] == "running" and vm.workers("m-first") == workers
    assert list(vm.hypervisor_zones()) == [1]

    # once it is gone, the first by name of the others has the place
    vm.remove("m-first")
    vm.wait_zone("a-id", "running")
    vm.wait_zone("m-first", None)
    vm.console("a-id").expect("hello from zone 2")
    for name in challengers.keys() - {"a-id"}:
        zone = vm.wait(lambda: "a-id" in (z := vm.zone(name))["message"] and z, timeout=30, what=f"{name} to name a-id")
        assert zone["state"] == "refused", zone
    assert list(vm.hypervisor_zones()) == [1]


@case("of-two-new-files-that-claim-the-same-the-first-by-name-has-it")
def conflict_of_new(vm):
    vm.run("systemctl stop hvisor-reconciler")
    for name in ("zebra", "ape", "horse"):
        vm.drop(name, GOOD)
    vm.run("systemctl start hvisor-reconciler")
    vm.wait_zone("ape", "running")
    for name in ("zebra", "horse"):
        zone = vm.wait_zone(name, "refused")
        assert "ape" in zone["message"], zone
    assert vm.hypervisor_zones() == {1: "0xc ape"}
    # horse is next, though zebra's file is older
    vm.remove("ape")
    vm.wait_zone("horse", "running")
    assert vm.hypervisor_zones() == {1: "0xc horse"}


@case("an-image-under-another-name-is-written-by-one-zone-only")
def image_under_two_names(vm):
    vm.run("truncate -s 1M /tmp/disk.img")
    vm.boot("first", confs.payload("disk-loop", "lower", disk="/tmp/disk.img"))
    vm.drop("second", confs.payload("disk-loop", "upper", disk="/tmp/other-name.img"))
    zone = vm.wait_zone("second", "failed")
    assert "No such file" in zone["message"], zone
    # it becomes the same only when the files have been compared: the lock is what nobody gets past
    vm.run("ln /tmp/disk.img /tmp/other-name.img")
    vm.wait(lambda: "zone second, device disk: image is locked by another process" in vm.out("journalctl -q -o cat -t hvisor-reconciler"),
            timeout=30, what="the lock to be told of")
    zone = vm.wait(lambda: "device disk" in (z := vm.zone("second"))["message"] and z, timeout=30, what="the failure in the status")
    assert zone["state"] == "failed", zone
    assert list(vm.hypervisor_zones()) == [1]
    # it is tried again, and has it as soon as the image is free
    vm.console("first").expect("disk round")
    vm.remove("first")
    vm.wait_zone("second", "running")
    vm.console("second").expect("disk round")
