# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest finds in its device tree what its file gives it, whoever writes the tree."""

import subprocess

from rig import confs, paths
from rig.cases import case

COMMAND_LINE = "console=hvc0 quiet panic=-1 cryptomgr.notests nokaslr mitigations=off audit=0"

# Neither memory nor virtio devices, no command line, and one device too many.
BARE = """/dts-v1/;
/include/ "board.dtsi"
/ {
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@2 { device_type = "cpu"; compatible = "arm,cortex-a72"; reg = <2>; enable-method = "psci"; };
		cpu@3 { device_type = "cpu"; compatible = "arm,cortex-a72"; reg = <3>; enable-method = "psci"; };
	};
	virtio_mmio@a000000 { compatible = "virtio,mmio"; reg = <0 0xa000000 0 0x200>; interrupts = <0 16 1>; dma-coherent; };
};
"""


def expect_linux(console):
    assert COMMAND_LINE in console.command("cat /proc/cmdline")
    assert "on 2 CPUs, " in console.text() and "zone: disk: this is the disk of the rig" in console.text()


@case("device-tree-that-differs-is-warned-of")
def differs(vm):
    text = confs.payload("console-irq", DeviceTree=f"{confs.IMAGES}/lower.dtb", DeviceTreeAddress="0x50000000")
    vm.boot("guest", text)
    said, checked = vm.journal(), vm.out("hvisor check 2>&1")
    for part in ("[Memory ram]: no memory node of lower.dtb has 0x68000000+0x18000000",
                 "/virtio_mmio@a003c00 of lower.dtb is a virtio device at 0xa003c00, where the zone has none",
                 "/cpus of lower.dtb has 1 CPU, the zone has 2"):
        assert part in said, (part, said)
        assert part in checked, (part, checked)
    assert "virtio_mmio@a003800" not in said


@case("device-tree-that-is-bare-is-fixed-and-linux-boots")
def fixed(vm):
    tree = subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-i", str(paths.TOP / "tests/rig/dts")],
                          input=BARE.encode(), capture_output=True, check=True).stdout
    vm.write("/tmp/bare.dtb", tree)
    console = vm.boot_linux("linux2", confs.linux(DeviceTree="/tmp/bare.dtb", DeviceTreeAddress=None, InitrdAddress=None,
                                                  DeviceTreeFix="yes", CommandLine=COMMAND_LINE))
    expect_linux(console)
    assert "of bare.dtb" not in vm.journal()
    assert vm.read_bytes("/tmp/bare.dtb") == tree


@case("device-tree-that-is-made-boots-linux")
def made(vm):
    console = vm.boot_linux("linux2", confs.linux(DeviceTree="auto", DeviceTreeAddress=None, InitrdAddress=None,
                                                  CommandLine=COMMAND_LINE))
    expect_linux(console)
    assert "warning" not in vm.run("hvisor check 2>&1").out
