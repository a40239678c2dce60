# SPDX-License-Identifier: GPL-2.0-or-later
"""Front-ends of our workers on this machine: no rig, no hypervisor, no daemon."""

import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "rig"))

from rig import paths, scripts  # noqa: E402 (the path comes first)

WORKER = paths.TOP / "build/native/hvisor-device"


class Worker:
    """One of ours; what it says goes to a file. It ends with the test, whatever becomes of that."""

    all = []

    def __init__(self, folder, kind, *options):
        self.socket = folder / f"{kind}.sock"
        self._log = folder / f"{kind}.log"
        self._command = [str(WORKER), kind, f"--vhost-user={self.socket}", *options]
        self._process = None
        self.all.append(self)
        self.start()

    def start(self):
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: self._process.poll() is not None or self._listens(), "the worker listens", self.said)
        assert self._process.poll() is None, self.said()

    def _listens(self):
        """Bound it may be before: the flag says that connections are taken (__SO_ACCEPTCON)."""
        sockets = (line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines())
        return any(s[3] == "00010000" and s[-1] == str(self.socket) for s in sockets)

    def kill(self):
        if self._process:
            self._process.kill()
            self._process.wait()

    def end(self):
        """SIGTERM. Return: the exit status."""
        self._process.terminate()
        return self.wait()

    def wait(self):
        return self._process.wait(10)

    def said(self):
        return self._log.read_text(errors="replace")


def wait_for(condition, what, details, timeout=60):
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not in {timeout} s: {what}\n{details()}"
        time.sleep(0.002)


def call(*command):
    subprocess.run(command, check=True)


def skip(why):
    """This machine cannot show it."""
    print(why)
    sys.exit(scripts.SKIPPED)


CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000


def have_a_network_of_its_own():
    """This process, and who comes of it: interfaces that nobody else sees. Skips the test where there is none to be had."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) < 0:
        skip(f"no network namespace for this test (root can have one): {os.strerror(ctypes.get_errno())}")
    # /sys shows the interfaces of the namespace that it was mounted in.
    call("mount", "--make-rprivate", "/")
    call("mount", "-t", "sysfs", "sysfs", "/sys")


def make_tap(name, address):
    made = subprocess.run(["ip", "tuntap", "add", "dev", name, "mode", "tap", "vnet_hdr"], capture_output=True, text=True)
    if made.returncode:
        skip(f"no tap interface for this test: {made.stderr}")
    call("ip", "addr", "add", address, "dev", name)
    call("ip", "link", "set", name, "up")


def run(test):
    """test(folder): an exception is a failure, told with all there is."""
    with tempfile.TemporaryDirectory(prefix="vhost-user-") as name:
        os.chmod(name, 0o755)
        folder = pathlib.Path(name)
        try:
            test(folder)
        except Exception:
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}:\n{log.read_text(errors='replace')}")
            raise
        finally:
            for worker in Worker.all:
                worker.kill()
