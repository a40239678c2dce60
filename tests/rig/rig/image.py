# SPDX-License-Identifier: GPL-2.0-or-later
"""
What root Linux boots from: the base (Debian's packages, made once) and, behind it in the same file, a second archive with all
that changes from build to build: the product, its modules beside the kernel's, the agent, the images for zones.
"""

import configparser
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import cpio, lean, paths

STAGE = pathlib.Path(os.environ.get("RIG_STAGE", paths.BUILD / "stage"))        # `make install DESTDIR=` puts the product here
MODULES = [paths.TOP / "kmod/hvisor.ko", paths.TOP / "kmod/hivc.ko"]

TOOLS = paths.RIG / "tools"             # a program for cases each

# The shipped examples are written for this board.
EXAMPLES = {
    "etc/hvisor/board.conf": paths.TOP / "zones.d/board.conf.example",
    "root/linux2.conf": paths.TOP / "zones.d/linux2.conf",
}

INITRD_ADDRESS = 0xA8000000
ZONES_FOLDER = "var/lib/hvisor"

ZONE_IMAGES = {
    "Image": paths.KERNEL / "Image",
    "initrd.img": paths.BUILD / "zone-initrd.img",
    "linux2.dtb": paths.BUILD / "linux2.dtb",
    "whole.dtb": paths.BUILD / "whole.dtb",
    "lower.dtb": paths.BUILD / "lower.dtb",
    "upper.dtb": paths.BUILD / "upper.dtb",
    "lower-net.dtb": paths.BUILD / "lower-net.dtb",
    "upper-net.dtb": paths.BUILD / "upper-net.dtb",
    "rootfs2.ext4": paths.BUILD / "rootfs.ext4",
}


def make_root_cpio():
    """Brings what root Linux boots from up to date. Return: its path."""
    subprocess.run(["make", "-s", "-C", str(paths.RIG)], check=True)
    lean.make_base()
    sources = [paths.RIG / "rig", *programs(), paths.BASE_CPIO.with_name("root.cpio.key"), paths.KERNEL / "version"]
    sources += [STAGE] if STAGE.is_dir() else []
    sources += [f for f in (*hvisor_modules(), *ZONE_IMAGES.values(), *EXAMPLES.values(), *payloads()) if f]

    def make(target):
        with open(target, "wb") as out, open(paths.BASE_CPIO, "rb") as base:
            shutil.copyfileobj(base, out)
            write_overlay(out)

    target = paths.BUILD / "root.cpio"
    paths.write_if_stale(target, paths.hash_of(*sources), make)
    return target


def make_root_dtb(target, cpio_path, bootargs):
    """Writes root Linux' device tree, which tells the initrd's size and the command line."""
    shutil.copyfile(paths.BUILD / "root.dtb", target)
    end = INITRD_ADDRESS + cpio_path.stat().st_size
    subprocess.run(["fdtput", "-t", "x", str(target), "/chosen", "linux,initrd-end", "0", f"{end:x}"], check=True)
    subprocess.run(["fdtput", "-t", "s", str(target), "/chosen", "bootargs", bootargs], check=True)


def add_hypervisor_node(dtb):
    """The node by which root Linux knows that it is under hvisor, into another machine's device tree."""
    node = "/hvisor_virtio_device"
    gic = subprocess.run(["fdtget", "-t", "x", str(dtb), "/", "interrupt-parent"], capture_output=True, text=True, check=True)
    subprocess.run(["fdtput", "-c", str(dtb), node], check=True)
    subprocess.run(["fdtput", "-t", "s", str(dtb), node, "compatible", "hvisor"], check=True)
    subprocess.run(["fdtput", "-t", "x", str(dtb), node, "interrupt-parent", gic.stdout.strip()], check=True)
    subprocess.run(["fdtput", "-t", "x", str(dtb), node, "interrupts", "0", "20", "1"], check=True)


def hvisor_modules():
    return [module for module in MODULES if module.exists()]


def programs():
    return [paths.BUILD / "agent", paths.BUILD / "old-zone"] + [paths.BUILD / "tools" / p.stem for p in sorted(TOOLS.glob("*.c"))]


def payloads():
    return sorted(paths.BUILD.glob("payload-*.bin"))


def write_overlay(out):
    archive = cpio.Archive(out)
    for path in programs():
        archive.copy(path, f"usr/lib/rig/{path.name}")
    for name, path in ZONE_IMAGES.items():
        archive.copy(path, f"{ZONES_FOLDER}/{name}")
    for name, path in EXAMPLES.items():
        archive.copy(path, name)
    for path in payloads():
        archive.copy(path, f"{ZONES_FOLDER}/payload/{path.name.removeprefix('payload-')}")
    add_modules(archive)
    if STAGE.is_dir():
        add_product(archive)
    archive.finish()


def add_modules(archive):
    """The kernel's modules and ours, with the tables that modprobe reads."""
    release = (paths.KERNEL / "version").read_text().strip()
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "lib/modules" / release
        shutil.copytree(paths.KERNEL / "modules/lib/modules" / release, tree)
        (tree / "extra").mkdir()
        for module in hvisor_modules():
            shutil.copy(module, tree / "extra")
        subprocess.run(["/sbin/depmod", "-b", folder, release], check=True)
        archive.tree(tree, f"usr/lib/modules/{release}")


def add_product(archive):
    """The product as `make install` left it, its units enabled as a package would do it."""
    for folder, folders, files in os.walk(STAGE):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            archive.copy(path, lean.merged_usr(os.path.relpath(path, STAGE)))
    for unit in sorted(STAGE.rglob("systemd/system/*.*")):
        for target in wanted_by(unit):
            inside = lean.merged_usr(str(unit.relative_to(STAGE)))
            archive.symlink(f"etc/systemd/system/{target}.wants/{unit.name}", "/" + inside)


def wanted_by(unit):
    text = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), allow_no_value=True)
    text.optionxform = str
    text.read(unit)
    return text.get("Install", "WantedBy", fallback="").split()
