# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines that a case can ask for, and what QEMU is told to be one."""

import dataclasses
import os
import pathlib
import subprocess

from . import image, paths
from .qemu import Qemu

# cryptomgr.notests is the largest gain of all in booting, norandmaps afterwards: QEMU translates code anew for each address
# that it is run at, so that a program costs a third where it is always at the same. An Oops or a panic is printed whatever
# the level.
BOOTARGS = ("console=ttyAMA0 quiet loglevel=1 panic=-1 cryptomgr.notests nokaslr norandmaps mitigations=off audit=0 "
            "systemd.show_status=0")

# Red zones, poison, who has allocated, double frees; pages that are written to after they were freed.
WATCHED = "slub_debug=FZPU,kmalloc-* page_poison=1"

SHIM_ADDRESS = 0x403FE000
HYPERVISOR_ADDRESS = 0x40400000
ROOT_KERNEL_ADDRESS = 0xA0400000
ROOT_DTB_ADDRESS = 0xA0000000

COMMON = [
    "-cpu", "cortex-a72", "-global", "virtio-mmio.force-legacy=false",
    "-device", "virtio-serial-device,bus=virtio-mmio-bus.29,max_ports=2",
    "-device", "virtserialport,chardev=agent,name=rig,nr=1",
]


UIMAGE_MAGIC, UIMAGE_HEADER = b"\x27\x05\x19\x56", 64


def hypervisor_image():
    """
    The hypervisor under test: the monitor, or the real one that HVISOR= names. hvisor's own build ends with a U-Boot
    header before the image (mkimage); it is left out.
    """
    given = os.environ.get("HVISOR")
    if not given:
        return paths.BUILD / "monitor.bin"
    data = pathlib.Path(given).read_bytes()
    if not data.startswith(UIMAGE_MAGIC):
        return pathlib.Path(given)
    raw = paths.BUILD / "hvisor-raw.bin"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(data[UIMAGE_HEADER:])
    return raw


def on_monitor():
    return not os.environ.get("HVISOR")


@dataclasses.dataclass
class Machine:
    """@base: arguments of the machine itself; @loads: (file, address) and what starts it, left out when a snapshot is resumed."""

    name: str
    base: list
    boot: list
    inputs: list

    def key(self):
        version = subprocess.run([Qemu.PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
        return paths.hash_of(self.name, *self.base, *(a for a in self.boot if "/" not in a), version, *self.inputs)


def _load(path, address):
    return ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]


def board():
    """hvisor's board: a hypervisor at EL2, root Linux on CPUs 0 and 1."""
    return _board("board", BOOTARGS)


def unprobed():
    """The board with hvisor.ko not loaded yet: a case can make another hypervisor of the monitor first."""
    return _board("unprobed", f"{BOOTARGS} modprobe.blacklist=hvisor")


def watched():
    """As unprobed(), with a root Linux that checks its heap at every step, and knows who has allocated what: for fresh cases only."""
    return _board("watched", f"{BOOTARGS} {WATCHED} modprobe.blacklist=hvisor")


def _board(name, bootargs):
    root = image.make_root_cpio()
    hypervisor, shim, dtb = hypervisor_image(), paths.BUILD / "shim.bin", paths.BUILD / f"root-{name}.dtb"
    for path in (hypervisor, shim):
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there (make rig)")
    image.make_root_dtb(dtb, root, bootargs)
    # hvisor's qemu-gicv3 board has an SMMU, and a hypervisor built for it does not start without.
    smmu = "" if on_monitor() else ",iommu=smmuv3"
    return Machine(
        name=name,
        base=["-M", f"virt,virtualization=on,gic-version=3{smmu}", "-smp", "4", "-m", "2G"] + COMMON,
        boot=_load(hypervisor, HYPERVISOR_ADDRESS) + _load(paths.KERNEL / "Image", ROOT_KERNEL_ADDRESS)
        + _load(dtb, ROOT_DTB_ADDRESS) + _load(root, image.INITRD_ADDRESS)
        + _load(shim, SHIM_ADDRESS) + ["-device", f"loader,addr={SHIM_ADDRESS:#x},cpu-num=0"],
        inputs=[hypervisor, shim, dtb, root, paths.KERNEL / "Image"])


def bare():
    """The same Linux with no hypervisor below it."""
    root = image.make_root_cpio()
    return Machine(
        name="bare",
        base=["-M", "virt,gic-version=3", "-smp", "2", "-m", "1G"] + COMMON,
        boot=["-kernel", str(paths.KERNEL / "Image"), "-initrd", str(root), "-append", BOOTARGS],
        inputs=[root, paths.KERNEL / "Image"])


def orphan():
    """A device tree that promises a hypervisor, and none below: Linux itself is at EL2, as after a boot that went wrong."""
    root, dtb = image.make_root_cpio(), paths.BUILD / "orphan.dtb"
    base = ["-M", "virt,virtualization=on,gic-version=3", "-smp", "2", "-m", "1G"] + COMMON
    agent = ["-chardev", "null,id=agent"]       # stands in for the one that every machine gets
    subprocess.run([Qemu.PROGRAM, "-nodefaults", "-display", "none", *agent, *base, "-machine", f"dumpdtb={dtb}"],
                   check=True, stderr=subprocess.DEVNULL)
    image.add_hypervisor_node(dtb)
    return Machine(
        name="orphan", base=base,
        boot=["-kernel", str(paths.KERNEL / "Image"), "-initrd", str(root), "-append", BOOTARGS, "-dtb", str(dtb)],
        inputs=[root, dtb, paths.KERNEL / "Image"])


MACHINES = {"board": board, "unprobed": unprobed, "watched": watched, "bare": bare, "orphan": orphan}
