# SPDX-License-Identifier: GPL-2.0-or-later
"""
Starting a machine: booted once, saved when its root Linux is up, resumed from there ever after.

A snapshot is a folder, named by the hash of all that went into the boot: the RAM as a file, which who resumes maps for
itself alone, so that it costs what is touched of it, and QEMU's migration stream with the rest. Root Linux is the same
afterwards to the last byte, so cases cannot see each other.
"""

import contextlib
import fcntl
import os
import shutil

from . import paths
from .qemu import Qemu, QemuError

BOOT_TIMEOUT = 180
KEEP = 4                                # snapshots in the cache


def start(machine, make_vm, fresh=False, interactive=False):
    path = paths.SNAPSHOTS / f"{machine.name}-{machine.key()}"
    if fresh:
        return _boot(machine, make_vm, interactive)
    with _alone():
        if not path.exists():
            _save(machine, make_vm, path)
    try:
        return _resume(machine, make_vm, path, interactive)
    except QemuError:
        shutil.rmtree(path, ignore_errors=True)     # not what this QEMU can read: boot instead
        return _boot(machine, make_vm, interactive)


@contextlib.contextmanager
def _alone():
    """One run at a time makes snapshots: others find it made."""
    with open(paths.CACHE / "snapshots.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _boot(machine, make_vm, interactive=False, ram=()):
    qemu = Qemu(machine.base + list(ram) + machine.boot, interactive)
    try:
        vm = make_vm(qemu)
        vm.run("systemctl is-system-running --wait", timeout=BOOT_TIMEOUT, check=False)
        return vm
    except BaseException:
        qemu.close()
        raise


def _ram(machine, path, shared):
    """Arguments that make a file the RAM; if @shared what is written there goes to the file."""
    size = machine.base[machine.base.index("-m") + 1]
    share = "on" if shared else "off"
    return ["-object", f"memory-backend-file,id=ram,size={size},mem-path={path / 'ram'},share={share}",
            "-machine", "memory-backend=ram"]


def _save(machine, make_vm, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    _forget_old(path.parent)
    temporary = path.with_suffix(".new")
    temporary.mkdir()
    with _boot(machine, make_vm, ram=_ram(machine, temporary, shared=True)) as vm:
        vm.save(temporary / "state")
    temporary.rename(path)


def _resume(machine, make_vm, path, interactive):
    os.utime(path)
    qemu = Qemu(machine.base + _ram(machine, path, shared=False) + ["-incoming", "defer"], interactive)
    try:
        vm = make_vm(qemu)
        qemu.load_state(path / "state")
        vm.run("true")
        return vm
    except BaseException:
        qemu.close()
        raise


def _forget_old(folder):
    """The least recently used go first; what was not finished, at once."""
    kept = sorted((p for p in folder.iterdir() if p.is_dir() and p.suffix != ".new"), key=lambda p: p.stat().st_mtime)
    for path in set(folder.iterdir()) - set(kept[-(KEEP - 1):]):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
