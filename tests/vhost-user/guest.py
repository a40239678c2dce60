# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux in QEMU whose devices are our workers: Debian's arm64 kernel, busybox, and the rig's agent, through which a test runs its commands."""

import common
from rig import cpio, paths, zone_initrd
from rig.agent import Agent, AgentError
from rig.qemu import Qemu, QemuError

MEMORY = "256M"
BOOTARGS = "console=ttyAMA0 quiet loglevel=1 panic=-1 cryptomgr.notests nokaslr mitigations=off audit=0 rdinit=/init"
TOOLS = ("verify-disk", "verify-stream")            # of tests/rig/tools
TIMEOUT = 120

INIT = """#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "$module"; done </modules.list
/bin/agent      # the shell stays: it takes leave of what commands have left behind
"""
SHELL = '#!/bin/sh\nexec sh "$@"\n'                 # what the agent calls


def write_initrd(target, modules):
    with open(target, "wb") as out:
        archive = cpio.Archive(out)
        for folder in ("dev", "proc", "sys", "tmp"):
            archive.directory(folder)
        archive.character_device("dev/console", 5, 1)
        archive.copy(paths.DEBIAN_ROOT / "bin/busybox", "bin/busybox")
        archive.symlink("bin/sh", "busybox")
        archive.file("bin/bash", SHELL.encode(), 0o755)
        archive.file("init", INIT.encode(), 0o755)
        for program in (paths.BUILD / "agent", *(paths.BUILD / "tools" / tool for tool in TOOLS)):
            archive.copy(program, f"bin/{program.name}")
        files = zone_initrd.module_files(("virtio_pci", "virtio_console", *modules))
        for file in files:
            archive.copy(file, file)
        archive.file("modules.list", "".join(f"{file}\n" for file in files).encode())
        archive.finish()


def device(worker, name, **settings):
    """QEMU's arguments for a device of that worker; it connects anew a second after the worker has gone."""
    options = "".join(f",{key.replace('_', '-')}={value}" for key, value in settings.items())
    return ["-chardev", f"socket,id={name},path={worker.socket},reconnect=1", "-device", f"{name}-pci,chardev={name}{options}"]


def card(worker, mac):
    """
    The same for a network card: its configuration is QEMU's. Without MSI-X: where there is no KVM, QEMU 7.2 crashes when
    a driver takes such interrupts of a card over vhost-user (it sets up a route for KVM).
    """
    return ["-chardev", f"socket,id=vhost-user-net,path={worker.socket},reconnect=1",
            "-netdev", "vhost-user,id=net,chardev=vhost-user-net", "-device", f"virtio-net-pci,netdev=net,mac={mac},romfile=,vectors=0"]


class Guest:
    def __init__(self, folder, devices, modules):
        initrd = folder / "initrd"
        write_initrd(initrd, modules)
        self._qemu = Qemu([
            "-accel", "tcg", "-cpu", "cortex-a72", "-smp", "2", "-no-reboot", "-preconfig",
            # The workers map it.
            "-M", "virt,gic-version=3,memory-backend=ram", "-m", MEMORY,
            "-object", f"memory-backend-memfd,id=ram,size={MEMORY},share=on",
            "-kernel", str(paths.KERNEL / "Image"), "-initrd", str(initrd), "-append", BOOTARGS,
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=rig", *devices])
        try:
            # Not each of QEMU's devices waits for its worker: some fail where it is not connected yet.
            common.wait_for(self._connected, "QEMU connects to the workers", self.said)
            self._qemu.command("x-exit-preconfig")
            self._agent = Agent(self._qemu.connect(self._qemu.agent_socket), self._watch)
            self.run("true")
        except Exception:
            self.close()
            raise

    def _connected(self):
        return not any(c["filename"].startswith("disconnected:") for c in self._qemu.command("query-chardev")
                       if c["label"].startswith("vhost-user-"))

    def _watch(self):
        if not self._qemu.running():
            raise QemuError(f"QEMU ended: {self.said()}")

    def run(self, text, timeout=TIMEOUT):
        """Return: what a command has printed, which ends with 0."""
        try:
            answer = self._agent.run(text, timeout)
        except (AgentError, OSError) as error:
            raise QemuError(f"{text}: {error}\n{self.said()}") from error
        assert answer, f"not done after {timeout} s: {text}\n{self.said()}"
        said = answer.out.decode(errors="replace")
        assert answer.status == 0, f"{text}: status {answer.status:#x}\n{said}{answer.err.decode(errors='replace')}\n{self.said()}"
        return said

    def said(self):
        """By QEMU, and on the guest's console."""
        return f"--- QEMU:\n{self._qemu.errors()}\n--- its console:\n{self._qemu.console()}"

    def close(self):
        self._qemu.close()
