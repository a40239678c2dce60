# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts the extracted Debian packages down to the rig's root file system, as one cpio archive."""

import configparser
import os
import re
import subprocess

from . import cpio, paths

TRIPLET = "aarch64-linux-gnu"
LIBRARY_FOLDERS = [f"lib/{TRIPLET}", f"usr/lib/{TRIPLET}", f"usr/lib/{TRIPLET}/systemd", "lib/systemd", "usr/lib/systemd"]
EMPTY_FOLDERS = ["proc", "sys", "dev", "run", "tmp", "root", "mnt", "var/tmp", "var/lib", "var/log/journal"]


class LeanTree:
    """Collects paths of the big tree; each ELF file pulls in the libraries that it names."""

    def __init__(self, source, archive):
        self._source = str(source)
        self._archive = archive
        self._done = set()

    def add(self, path):
        """Adds a file, link (and what it points to) or folder. False if the big tree has none."""
        path = path.lstrip("/")
        source = os.path.join(self._source, path)
        if not os.path.lexists(source):
            return False
        if path in self._done:
            return True
        self._done.add(path)
        if os.path.isdir(source) and not os.path.islink(source):
            return all([self.add(f"{path}/{name}") for name in sorted(os.listdir(source))])
        self._archive.copy(source, merged_usr(path))
        if os.path.islink(source):
            self.add(os.path.normpath(os.path.join("/" + os.path.dirname(path), os.readlink(source))))
        elif is_elf(source):
            self._add_needed(source)
        return True

    def add_library(self, name):
        if not any(self.add(f"{folder}/{name}") for folder in LIBRARY_FOLDERS):
            raise FileNotFoundError(f"library {name} is in none of the packages")

    def _add_needed(self, source):
        text = subprocess.run([f"{TRIPLET}-readelf", "-dl", source], capture_output=True, text=True, check=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            self.add_library(name)
        for loader in re.findall(r"interpreter: (.*)\]", text):
            self.add(loader)


def merged_usr(path):
    return "usr/" + path if path.split("/")[0] in ("bin", "sbin", "lib") else path


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def read_list(path):
    lists = configparser.ConfigParser(allow_no_value=True, delimiters=("\t",), interpolation=None, strict=True)
    lists.optionxform = str
    with open(path) as f:
        lists.read_file(f)
    return {section: list(lists[section]) for section in lists.sections()}


def write(source, wanted, overlay, out):
    """@source: the big tree; @wanted: root.list's sections; @overlay: our own files; @out: binary file."""
    archive = cpio.Archive(out)
    for folder in EMPTY_FOLDERS:
        archive.directory(folder)
    for name in ("bin", "sbin", "lib"):
        archive.directory("usr/" + name)
        archive.symlink(name, "usr/" + name)
    archive.symlink("var/run", "/run")
    archive.symlink("init", "/usr/lib/systemd/systemd")
    archive.character_device("dev/console", 5, 1)
    archive.character_device("dev/null", 1, 3, 0o666)

    tree = LeanTree(source, archive)
    for path in wanted["files"] + [f"/lib/systemd/system/{unit}" for unit in wanted["units"]]:
        if not tree.add(path):
            raise FileNotFoundError(f"{path} is in none of the packages")
    for name in wanted["libraries"]:
        tree.add_library(name)
    for name in wanted["applets"]:
        archive.symlink(f"usr/bin/{name}", "busybox")
    archive.tree(overlay)
    archive.finish()


def make_base():
    """Brings .cache/root.cpio up to date."""
    key = paths.hash_of(paths.RIG / "root.list", paths.RIG / "root", paths.RIG / "rig" / "lean.py",
                        paths.RIG / "rig" / "cpio.py", (paths.CACHE / "root.stamp").read_text())

    def make(target):
        temporary = target.with_suffix(".new")
        with open(temporary, "wb") as out:
            write(paths.DEBIAN_ROOT, read_list(paths.RIG / "root.list"), paths.RIG / "root", out)
        temporary.rename(target)

    return paths.write_if_stale(paths.BASE_CPIO, key, make)
