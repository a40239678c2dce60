# SPDX-License-Identifier: GPL-2.0-or-later
"""What only some zones have: modules; what this hypervisor's zone_config has no place for is refused by its name."""

from rig import confs
from rig.cases import case

MODULE = bytes(i * 7 % 251 for i in range(10001))        # no whole page
UEFI = "[UEFI]\nMemoryMapAddress=0x60000000\nMemoryMapSize=4K\nSystemTableAddress=0x60001000\n"
PCI = """[PCI main]
LastBus=31
ECAMAddress=0x4010000000
ECAMSize=256M

[PCIDevice bridge]
Address=0000:00:00.0
GuestAddress=0000:00:00.0
"""


@case("a-module-is-in-the-zone-s-ram-before-it-starts")
def module(vm):
    vm.write("/root/module", MODULE)
    text = confs.payload("console-hello")
    vm.boot("guest", f"{text}\n[Module blob]\nFile=/root/module\nPhysicalAddress=0x60000000\n")
    vm.console("guest").expect("hello from zone 1")
    assert vm.physical(0x60000000, len(MODULE)) == MODULE

    # another place is a change that the guest would see; one on the kernel is none
    vm.drop("guest", f"{text}\n[Module blob]\nFile=/root/module\nPhysicalAddress=0x50400800\n")
    zone = vm.wait(lambda: "overlaps" in (z := vm.zone("guest"))["message"] and z, what="the overlap in the status")
    assert "File=: /root/module (0x2711 bytes) overlaps the Kernel" in zone["message"], zone
    assert vm.physical(0x60000000, len(MODULE)) == MODULE


@case("what-zone_config-has-no-place-for-is-refused-by-name", monitor_only="a real hypervisor may have the place")
def no_place(vm):
    text = confs.payload("console-hello")
    for more, words in (UEFI, "UEFI"), (PCI, "guest address of PCI device (0)"):
        vm.drop("guest", f"{text}\n{more}")
        zone = vm.wait(lambda: words in (z := vm.zone("guest") or {"message": ""})["message"] and z, what=words)
        assert f"{words}" in zone["message"] and "has no place for it" in zone["message"], zone
        assert "zone_config 0x5 of 3136 bytes" in zone["message"], zone
        assert vm.hypervisor_zones() == {}
    vm.drop("guest", text)
    vm.wait_zone("guest", "running")
    vm.console("guest").expect("hello from zone 1")
