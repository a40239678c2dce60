# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU process and its control socket (QMP)."""

import ctypes
import json
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1


class QemuError(Exception):
    pass


class Qemu:
    """
    Runs QEMU until close(), or until this process ends, however it ends.

    Sockets and the console's log lie in a short-lived folder under /tmp: a socket's path has at most 107 bytes.
    """

    PROGRAM = "qemu-system-aarch64"

    def __init__(self, arguments, interactive=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rig-"))
        self.console_log = self.folder / "console.log"
        self._errors = self.folder / "qemu.log"
        self._qmp = None
        console = f"logfile={self.console_log}"
        command = [
            self.PROGRAM, "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none",
            "-chardev", f"stdio,id=console,mux=on,signal=off,{console}" if interactive else f"null,id=console,{console}",
            "-serial", "chardev:console",
            "-chardev", f"socket,id=qmp,path={self.folder}/qmp,server=on,wait=off", "-mon", "chardev=qmp,mode=control",
            "-chardev", f"socket,id=agent,path={self.agent_socket},server=on,wait=off",
        ] + arguments
        with open(self._errors, "wb") as errors:
            self._process = subprocess.Popen(command, stdin=None if interactive else subprocess.DEVNULL,
                                             stdout=None if interactive else errors, stderr=errors,
                                             start_new_session=not interactive, preexec_fn=_die_with_parent)

    @property
    def agent_socket(self):
        return self.folder / "agent"

    def running(self):
        return self._process.poll() is None

    def wait(self, timeout=None):
        return self._process.wait(timeout)

    def errors(self):
        return self._errors.read_text(errors="replace").strip()

    def console(self):
        try:
            return self.console_log.read_text(errors="replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def command(self, name, **arguments):
        """Runs one QMP command and returns its answer; events in between are dropped."""
        if not self._qmp:
            self._qmp = self.connect(self.folder / "qmp").makefile("rw")
            self._qmp.readline()                        # the greeting
            self.command("qmp_capabilities")
        try:
            json.dump({"execute": name, "arguments": arguments}, self._qmp)
            self._qmp.flush()
            while True:
                line = self._qmp.readline()
                if not line:
                    raise QemuError(f"QEMU ended during {name}: {self.errors()}")
                answer = json.loads(line)
                if "error" in answer:
                    raise QemuError(f"{name}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]
        except OSError as error:
            raise QemuError(f"{name}: {error}: {self.errors()}") from error

    def connect(self, path, timeout=10):
        """Connects to one of QEMU's sockets, which appear a moment after its start."""
        deadline = time.monotonic() + timeout
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(path))
                return connection
            except OSError as error:
                connection.close()
                if not self.running():
                    raise QemuError(f"QEMU ended: {self.errors()}") from error
                if time.monotonic() > deadline:
                    raise QemuError(f"QEMU opens no {path}") from error
                time.sleep(0.01)

    def save_state(self, path):
        """Writes all but RAM that is shared with a file; the machine stands still afterwards."""
        self.command("stop")
        self._leave_shared_ram()
        self.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.command("migrate", uri=f"exec:cat >{shlex.quote(str(path))}")
        self._finish_migration()

    def load_state(self, path):
        """Goes on where save_state() stopped, in a process that was told to wait for it (-incoming defer)."""
        self._leave_shared_ram()
        self.command("migrate-incoming", uri=f"exec:cat {shlex.quote(str(path))}")
        self._finish_migration()
        self.command("cont")

    def _leave_shared_ram(self):
        self.command("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])

    def _finish_migration(self):
        while (state := self.command("query-migrate").get("status")) != "completed":
            if state in ("failed", "cancelled"):
                raise QemuError(f"the machine's state, saved or loaded: {state}: {self.errors()}")
            time.sleep(0.01)

    def close(self):
        if self.running():
            self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
