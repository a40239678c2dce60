# SPDX-License-Identifier: GPL-2.0-or-later
"""
Debian's programs that few want: vhost-user back-ends for some cases, loads for the benchmark. They are put into root Linux,
or into a zone, when they are needed; in the root file system they would cost every boot their place.
"""

import dataclasses
import io
import re
import subprocess
import tarfile

from . import paths
from .lean import TRIPLET

SOURCE = paths.CACHE / "programs"
TREES = (SOURCE, paths.DEBIAN_ROOT)
FOLDERS = [tree / folder for tree in TREES for folder in (f"usr/lib/{TRIPLET}", f"lib/{TRIPLET}")]
LOADER = "ld-linux-aarch64.so.1"
INSIDE = "/opt/programs"


@dataclasses.dataclass(frozen=True)
class Set:
    name: str
    files: tuple                        # in their packages
    hollow: tuple = ()                  # libraries that are needed for what nobody asks of them: empty ones do


BACK_ENDS = Set("back-ends", ("usr/bin/qemu-storage-daemon", "usr/lib/qemu/virtiofsd"))
# fio can load Ceph, GlusterFS and more: 75 MB
LOADS = Set("loads", ("usr/bin/fio", "usr/bin/iperf3"), ("libgfapi.so.0", "libnbd.so.0", "libibverbs.so.1", "librdmacm.so.1",
                                                         "librados.so.2", "librbd.so.1", "libpmemblk.so.1", "libpmem.so.1"))


# ---- what belongs together ------------------------------------------------------------------------------------


def _readelf(option, path):
    return subprocess.run([f"{TRIPLET}-readelf", "-W", option, str(path)], capture_output=True, text=True, check=True).stdout


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", _readelf("-d", path))


def find_library(name):
    for folder in FOLDERS:
        if (folder / name).exists():
            return (folder / name).resolve()
    raise FileNotFoundError(f"library {name} is in none of the packages (tests/rig/setup)")


def _functions(user, library):
    """Return: {version: [function]} of what @user takes from that library; what has no version could be from any."""
    wanted = re.search(rf"File: {re.escape(library)} .*\n((?:.* Name: .*\n)*)", _readelf("-V", user))
    found = {version: [] for version in re.findall(r"Name: (\S+)", wanted[1])} if wanted else {"": []}
    for name, version in re.findall(r" FUNC +GLOBAL DEFAULT +UND (\w+)(?:@(\S+))?", _readelf("--dyn-syms", user)):
        if version in found:
            found[version].append(name)
    return found


def hollow_library(name, user):
    """A library of that name with the functions that @user takes from it, but nothing in them."""
    functions = _functions(user, name)
    folder = paths.BUILD / "hollow"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "code.s").write_text("".join(f".globl {f}\n.type {f}, %function\n{f}: brk #1\n" for own in functions.values() for f in own))
    (folder / "versions").write_text("".join(f"{version} {{ global: {'; '.join(own)}; }};\n" for version, own in functions.items()))
    subprocess.run([f"{TRIPLET}-gcc", "-shared", "-nostdlib", f"-Wl,-soname,{name}", f"-Wl,--version-script={folder}/versions",
                    "-o", folder / name, folder / "code.s"], check=True)
    return folder / name


def closure(chosen):
    """Return: {place below INSIDE: file}."""
    files = {f"bin/{name.rsplit('/', 1)[1]}": SOURCE / name for name in chosen.files}
    todo = list(files.values())
    while todo:
        user = todo.pop()
        for name in needed(user):
            if f"lib/{name}" in files:
                continue
            if name in chosen.hollow:
                files[f"lib/{name}"] = hollow_library(name, user)
            else:
                files[f"lib/{name}"] = find_library(name)
                todo.append(files[f"lib/{name}"])
    return files


# ---- where they are wanted ------------------------------------------------------------------------------------


def _make(target, chosen):
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        for place, path in sorted(closure(chosen).items()):
            info = tarfile.TarInfo(place)
            data = path.read_bytes()
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))


def install(vm, chosen):
    """Puts them into root Linux, below INSIDE."""
    target = paths.BUILD / f"{chosen.name}.tar.gz"
    key = paths.hash_of(paths.RIG / "rig/programs.py", (paths.CACHE / "programs.stamp").read_text())
    paths.write_if_stale(target, key, lambda target: _make(target, chosen))
    vm.write(f"/tmp/{chosen.name}", target.read_bytes())
    vm.run(f"mkdir -p {INSIDE} && busybox tar -xzf /tmp/{chosen.name} -C {INSIDE} && rm /tmp/{chosen.name}")


def command(program, arguments):
    return f"LD_LIBRARY_PATH={INSIDE}/lib exec {INSIDE}/bin/{program} {arguments}"


def write_disk(vm, image):
    """What is installed in root Linux becomes the file system of a disk, an image that is there."""
    vm.run(f"mke2fs -q -F -t ext4 -E nodiscard -d {INSIDE} {image}")


def take_from_disk(console):
    """A zone copies it from such a disk, which it then does not need any more; its shell finds the programs."""
    console.command(f"mkdir -p {INSIDE} && mount -t ext4 -o ro /dev/vda /mnt && cp -a /mnt/bin /mnt/lib {INSIDE}/ && umount /mnt")
    console.command(f"ln -s {INSIDE}/lib/{LOADER} /lib/; export LD_LIBRARY_PATH={INSIDE}/lib PATH=$PATH:{INSIDE}/bin")
