# SPDX-License-Identifier: GPL-2.0-or-later
"""The initial file system of the rig's Linux zones: busybox, zone/init, what zone/modules and zone/tools name."""

import re
import subprocess
import sys

from . import cpio, paths


def module_files(names):
    """Files of the modules, each after what it needs. modprobe lists them in that order."""
    release = (paths.KERNEL / "version").read_text().strip()
    files = []
    for name in names:
        command = ["/sbin/modprobe", "-d", str(paths.KERNEL / "modules"), "-S", release, "--show-depends", name]
        text = subprocess.run(command, capture_output=True, text=True).stdout
        if not text:
            sys.exit(f"zone_initrd: .cache/kernel has no module {name}; make setup fetches it")
        files += [f for f in re.findall(r"^insmod (\S+)", text, re.M) if f not in files]
    return files


def words(name):
    return (paths.RIG / "zone" / name).read_text().split()


def write(out):
    archive = cpio.Archive(out)
    for folder in ("bin", "dev", "lib", "mnt", "proc", "sys", "tmp"):
        archive.directory(folder)
    archive.character_device("dev/console", 5, 1)
    archive.copy(paths.DEBIAN_ROOT / "bin/busybox", "bin/busybox")
    archive.symlink("bin/sh", "busybox")
    archive.copy(paths.RIG / "zone/init", "init")
    for tool in words("tools"):
        archive.copy(paths.BUILD / "tools" / tool, f"bin/{tool}")
    modules = module_files(words("modules"))
    inside = ["/lib/" + file.rsplit("/", 1)[1] for file in modules]
    for file, path in zip(modules, inside):
        archive.copy(file, path)
    archive.file("modules.list", "".join(path + "\n" for path in inside).encode())
    # for a zone whose device tree has the node; a case loads it
    archive.copy(paths.TOP / "kmod/hivc.ko", "lib/hivc.ko")
    archive.finish()


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as f:
        write(f)
