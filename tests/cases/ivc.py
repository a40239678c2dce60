# SPDX-License-Identifier: GPL-2.0-or-later
"""Inter-VM communication: zones that share memory and interrupt each other, and /dev/hivcN of a zone's Linux and of root."""

import struct

from rig.cases import case

KNOB_ROOT_IVC = 0x403FF038              # the monitor's (tests/monitor/control.h)
ROOT_ONLY_HERE = "hvisor's published boards are built without an IVC for root Linux"


def checked(vm, device="/dev/hivc0"):
    result = vm.run(f"/usr/lib/rig/ivc {device} check", check=False)
    assert result.ok and " 0 broken" in result.out, result


@case("ivc-device-of-root-keeps-its-promises-and-is-there-only-if-the-hypervisor-has-an-ivc", monitor_only=ROOT_ONLY_HERE)
def device_of_root(vm):
    tried = vm.run("modprobe hivc", check=False)
    assert tried.status and "No such device" in tried.err, tried
    assert "hivc: the hypervisor has no IVC for this zone" in vm.dmesg(), vm.dmesg()
    vm.set_physical(KNOB_ROOT_IVC, struct.pack("<Q", 1))
    vm.run("modprobe hivc")
    assert "hivc: /dev/hivc0: peer 0 of 3, interrupt 65, 16384 bytes of memory" in vm.dmesg(), vm.dmesg()
    assert vm.out("stat -c %a%u /dev/hivc0") == "6000"
    checked(vm)
    vm.run("rmmod hivc")
    assert not vm.exists("/dev/hivc0")
    vm.run("modprobe hivc")
    checked(vm)
