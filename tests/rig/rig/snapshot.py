# SPDX-License-Identifier: GPL-2.0-or-later
"""
Starting a machine: booted once, saved when its root Linux is up, resumed from there ever after.

A snapshot is QEMU's migration stream in a file, named by the hash of all that went into the boot. Root Linux is the same
afterwards to the last byte, so cases cannot see each other.
"""

import os
import shlex
import time

from . import paths
from .qemu import Qemu, QemuError

BOOT_TIMEOUT = 180
KEEP = 4                                # snapshots in the cache


def start(machine, make_vm, fresh=False, interactive=False):
    path = paths.SNAPSHOTS / f"{machine.name}-{machine.key()}.state"
    if fresh:
        return _boot(machine, make_vm, interactive)
    if not path.exists():
        _save(machine, make_vm, path)
    try:
        return _resume(machine, make_vm, path, interactive)
    except QemuError:
        path.unlink(missing_ok=True)    # not what this QEMU can read: boot instead
        return _boot(machine, make_vm, interactive)


def _boot(machine, make_vm, interactive=False):
    qemu = Qemu(machine.base + machine.boot, interactive)
    try:
        vm = make_vm(qemu)
        vm.run("systemctl is-system-running --wait", timeout=BOOT_TIMEOUT, check=False)
        return vm
    except BaseException:
        qemu.close()
        raise


def _save(machine, make_vm, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    _forget_old(path.parent)
    temporary = path.with_suffix(".new")
    with _boot(machine, make_vm) as vm:
        vm.save(f"exec:cat >{shlex.quote(str(temporary))}")
    temporary.rename(path)


def _resume(machine, make_vm, path, interactive):
    os.utime(path)
    qemu = Qemu(machine.base + ["-incoming", f"exec:cat {shlex.quote(str(path))}"], interactive)
    try:
        vm = make_vm(qemu)
        while qemu.command("query-status")["status"] == "inmigrate":
            time.sleep(0.01)
        qemu.command("cont")
        vm.run("true")
        return vm
    except BaseException:
        qemu.close()
        raise


def _forget_old(folder):
    """The least recently used go first."""
    for path in sorted(folder.glob("*.state"), key=lambda p: p.stat().st_mtime)[:-(KEEP - 1)]:
        path.unlink()
    for path in folder.glob("*.new"):
        path.unlink()
