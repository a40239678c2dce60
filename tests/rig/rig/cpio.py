# SPDX-License-Identifier: GPL-2.0-or-later
"""
Writer of "newc" cpio archives, the format of Linux' initial file systems
(Documentation/driver-api/early-userspace/buffer-format.rst).

Everything belongs to root and has no time, so that the same input gives the same bytes. Archives can be put one behind
another; a later file replaces an earlier one of the same name.
"""

import os
import stat


class Archive:
    def __init__(self, out):
        self._out = out                 # a binary file, open for writing
        self._count = 0
        self._directories = set()

    def directory(self, path, mode=0o755):
        path = _clean(path)
        if path in self._directories or not path:
            return
        self.directory(os.path.dirname(path))
        self._directories.add(path)
        self._entry(path, stat.S_IFDIR | mode)

    def file(self, path, data, mode=0o644):
        self.directory(os.path.dirname(_clean(path)))
        self._entry(path, stat.S_IFREG | mode, data)

    def symlink(self, path, target):
        self.directory(os.path.dirname(_clean(path)))
        self._entry(path, stat.S_IFLNK | 0o777, os.fsencode(target))

    def character_device(self, path, major, minor, mode=0o600):
        self.directory(os.path.dirname(_clean(path)))
        self._entry(path, stat.S_IFCHR | mode, device=(major, minor))

    def copy(self, source, path):
        """Adds one file, symlink or directory (not what is in it) of the host."""
        status = os.lstat(source)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            self.symlink(path, os.readlink(source))
        elif stat.S_ISDIR(status.st_mode):
            self.directory(path, mode)
        elif stat.S_ISREG(status.st_mode):
            with open(source, "rb") as f:
                self.file(path, f.read(), mode)
        else:
            raise ValueError(f"{source}: neither file, link nor directory")

    def tree(self, source, under=""):
        """Adds everything in a directory of the host."""
        for folder, folders, files in os.walk(source):
            folders.sort()
            inside = os.path.relpath(folder, source)
            for name in sorted(folders + files):
                path = os.path.join(folder, name)
                self.copy(path, os.path.normpath(os.path.join(under, inside, name)))

    def finish(self):
        self._entry("TRAILER!!!", 0)
        self._pad(512)

    def _entry(self, path, mode, data=b"", device=(0, 0)):
        self._count += 1
        name = os.fsencode(_clean(path)) + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, device[0], device[1], len(name), 0)
        self._out.write(b"070701" + b"".join(b"%08X" % n for n in fields) + name)
        self._pad(4)
        self._out.write(data)
        self._pad(4)

    def _pad(self, unit):
        self._out.write(b"\0" * (-self._out.tell() % unit))


def _clean(path):
    path = os.path.normpath(str(path)).strip("/")
    return "" if path == "." else path
