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
    vm.run("systemctl stop hvisor-reconciler")
    vm.write("/etc/hvisor/zones.d/guest.conf", text)
    planned = vm.run("hvisor plan", check=False)
    assert "start guest" in planned.out and "[Memory ram]: no memory node of lower.dtb" in planned.err, planned
    vm.run("systemctl start hvisor-reconciler")
    vm.wait_zone("guest", "running")
    said, checked = vm.journal(), vm.out("hvisor check 2>&1")
    for part in ("[Memory ram]: no memory node of lower.dtb has 0x68000000+0x18000000",
                 "/virtio_mmio@a003c00 of lower.dtb is a virtio device at 0xa003c00, where the zone has none",
                 "CPU 3: no CPU of lower.dtb has reg 0x3"):
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
    # what is shown is what the guest got, to the last byte
    vm.run("hvisor dtb linux2 --output /tmp/guest.dtb")
    shown = vm.out("sha256sum </tmp/guest.dtb").split()[0]
    for pipe in ("-", "/dev/stdout"):
        assert shown in vm.out(f"hvisor dtb linux2 -o {pipe} | sha256sum")
    assert shown in console.command("sha256sum </sys/firmware/fdt")
    assert "virtio_mmio@a003c00 {" in vm.out("hvisor dtb linux2") and vm.run("hvisor dtb none", check=False).status == 1


@case("device-tree-of-root-linux-has-what-the-zones-need")
def root(vm):
    vm.write("/etc/hvisor/zones.d/guest.conf", confs.payload("spin"))
    told = vm.run("hvisor dtb --root")
    assert "root Linux' device tree has all of it" in told.err, told.err
    for line in ("reg = <0x0 0x50000000 0x0 0x30000000>;", 'compatible = "hvisor";', "interrupts = <0x0 0x20 0x1>;"):
        assert line in told.out, told.out
    vm.write("/etc/hvisor/zones.d/guest.conf", confs.payload("spin").replace("0x50000000", "0x70000000").replace("0x50400000", "0x70400000"))
    assert "0x80000000+0x20000000 of zones@70000000 is not reserved (no-map)" in vm.run("hvisor dtb --root").err
