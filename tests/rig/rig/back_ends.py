# SPDX-License-Identifier: GPL-2.0-or-later
"""
Foreign vhost-user back-ends, virtiofsd and qemu-storage-daemon, for the cases that want them: an archive that is put into
root Linux when it is needed. In the root file system they would cost every boot their place.
"""

import io
import re
import subprocess
import tarfile

from . import paths
from .lean import TRIPLET

SOURCE = paths.CACHE / "back-ends"
PROGRAMS = ["usr/bin/qemu-storage-daemon", "usr/lib/qemu/virtiofsd"]
FOLDERS = [tree / folder for tree in (SOURCE, paths.DEBIAN_ROOT) for folder in (f"usr/lib/{TRIPLET}", f"lib/{TRIPLET}")]
EVERYWHERE = ("libc.so", "ld-linux")

INSIDE = "/opt/back-ends"


def needed(path):
    text = subprocess.run([f"{TRIPLET}-readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    return [name for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text) if not name.startswith(EVERYWHERE)]


def find_library(name):
    for folder in FOLDERS:
        if (folder / name).exists():
            return (folder / name).resolve()
    raise FileNotFoundError(f"library {name} is in none of the packages (tests/rig/setup)")


def closure():
    """Return: {place in the archive: file}."""
    files = {f"bin/{name.rsplit('/', 1)[1]}": SOURCE / name for name in PROGRAMS}
    todo = list(files.values())
    while todo:
        for name in needed(todo.pop()):
            if f"lib/{name}" not in files:
                files[f"lib/{name}"] = find_library(name)
                todo.append(files[f"lib/{name}"])
    return files


def make(target):
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        for place, path in sorted(closure().items()):
            info = tarfile.TarInfo(place)
            data = path.read_bytes()
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))


def install(vm):
    """Puts them into root Linux, below INSIDE."""
    target = paths.BUILD / "back-ends.tar.gz"
    paths.write_if_stale(target, paths.hash_of(paths.RIG / "rig/back_ends.py", (paths.CACHE / "back-ends.stamp").read_text()), make)
    vm.write("/tmp/back-ends.tar.gz", target.read_bytes())
    vm.run(f"mkdir -p {INSIDE} && busybox tar -xzf /tmp/back-ends.tar.gz -C {INSIDE} && rm /tmp/back-ends.tar.gz")


def command(program, arguments):
    return f"LD_LIBRARY_PATH={INSIDE}/lib exec {INSIDE}/bin/{program} {arguments}"
