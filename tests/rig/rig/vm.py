# SPDX-License-Identifier: GPL-2.0-or-later
"""Root Linux as a test case sees it."""

import dataclasses
import json
import os
import re
import shlex
import time

from . import gdb, snapshot
from .agent import Agent
from .console import ZoneConsole

# What must never appear on the serial console, whoever prints it: the monitor, hvisor, Linux.
DISASTER = re.compile(r"^.*(MONITOR PANIC:|panic occurred:|EL2 Exception:|"
                      r"Kernel panic|Internal error:|Oops|Unable to handle kernel).*$", re.M)

# Bits of /proc/sys/kernel/tainted that a case must not set: died, warned, locked up.
TAINTS = {7: "the kernel died (Oops or BUG)", 9: "the kernel warned", 14: "a soft lockup"}

POLL = 0.1
ZONES_D = "/etc/hvisor/zones.d"


class RigError(AssertionError):
    """The case has failed for a reason that lies outside its own assertions."""


class CommandFailed(RigError):
    pass


@dataclasses.dataclass
class Result:
    out: str
    err: str
    status: int                         # as a shell tells it: 128 + n for a signal

    @property
    def ok(self):
        return self.status == 0


class VM:
    def __init__(self, qemu, disaster_wanted=False):
        """@disaster_wanted: the case is about a panic and looks at the console itself."""
        self._qemu = qemu
        self._disaster_wanted = disaster_wanted
        self._agent = Agent(qemu.connect(qemu.agent_socket), self.check_alive)
        self._consoles = {}
        self.off = False                # set by a case that ends with the machine going down: nothing more is asked of it

    # ---- commands and files --------------------------------------------------------------------------------

    def run(self, command, timeout=60, check=True):
        """Runs shell text (or a list of words) in root Linux. With @check a status other than 0 fails the case."""
        text = command if isinstance(command, str) else shlex.join(map(str, command))
        answer = self._agent.run(text, timeout)
        self.check_alive()
        if answer is None:
            raise CommandFailed(f"not done after {timeout} s: {text}")
        result = Result(answer.out.decode(errors="replace"), answer.err.decode(errors="replace"), _shell_status(answer.status))
        if check and not result.ok:
            raise CommandFailed(f"status {result.status}: {text}\n{result.out}{result.err}".rstrip())
        return result

    def out(self, command, timeout=60):
        """What a command prints, without the last newline."""
        return self.run(command, timeout).out.rstrip("\n")

    def background(self, command, log="/dev/null"):
        """Starts shell text that goes on by itself. Return: its pid, which is its process group, too."""
        words = f"setsid bash -c {shlex.quote(command)} </dev/null >{shlex.quote(log)} 2>&1 & echo $!"
        return int(self.out(words))

    def write(self, path, data, mode=0o644, timeout=60):
        """Writes in place, as an editor without a temporary would: open (truncating), write, close."""
        self._agent.write(path, data.encode() if isinstance(data, str) else data, mode, timeout)

    def read(self, path, timeout=60):
        return self._agent.read(path, timeout).decode(errors="replace")

    def read_bytes(self, path, timeout=60):
        return self._agent.read(path, timeout)

    def exists(self, path):
        return self.run(["test", "-e", path], check=False).ok

    # ---- waiting -------------------------------------------------------------------------------------------

    def wait(self, condition, timeout=60, what=None):
        """
        Waits until @condition holds: shell text that ends with 0, or a function that returns something true, which is
        returned. Emulation is slow and machines differ: time limits are there to end, not to measure.
        """
        deadline = time.monotonic() + timeout
        last = None
        while True:
            if callable(condition):
                last = condition()
            else:
                result = self.run(condition, timeout, check=False)
                last = result.ok
            if last:
                return last
            if time.monotonic() > deadline:
                raise RigError(f"waited {timeout} s in vain for {what or condition}")
            time.sleep(POLL)

    # ---- the product ---------------------------------------------------------------------------------------

    def status(self, *arguments):
        """`hvisor status --json`, parsed."""
        return json.loads(self.out(["hvisor", "status", "--json", *arguments]))

    def zone(self, name):
        """The zone's part of the status; None if there is no such zone."""
        return next((z for z in self.status()["zones"] if z["name"] == name), None)

    def drop(self, name, text):
        """Puts a zone's file in place by a rename, whole at once."""
        self.write(f"/tmp/{name}.new", text)
        self.run(["mv", f"/tmp/{name}.new", f"{ZONES_D}/{name}.conf"])

    def remove(self, name):
        self.run(["rm", f"{ZONES_D}/{name}.conf"])

    def wait_zone(self, name, state, timeout=120):
        """Waits until the zone is in this state; None for: gone. Return: its status."""
        def reached():
            zone = self.zone(name)
            seen.append(zone)
            return (zone["state"] if zone else None) == state
        seen = []
        try:
            self.wait(reached, timeout, f"zone {name} to be {state or 'gone'}")
        except RigError as error:
            raise RigError(f"{error}; its status is {seen[-1]}") from error
        return seen[-1]

    def boot(self, name, text):
        """Drops the file and waits until the zone runs. Return: its status."""
        self.drop(name, text)
        return self.wait_zone(name, "running")

    def boot_linux(self, name, text):
        """The same of a Linux that the rig made (confs.linux()), until its shell asks. Return: its console."""
        self.boot(name, text)
        console = self.console(name)
        console.wait_shell()
        return console

    def device(self, zone, name):
        """The device's part of its zone's status."""
        return next(d for d in self.zone(zone)["devices"] if d["name"] == name)

    def workers(self, name):
        """The worker's pid of each of a zone's devices."""
        return {d["name"]: d["worker_pid"] for d in self.zone(name)["devices"]}

    def hypervisor_zones(self):
        """What the hypervisor itself lists, root Linux left out: {id: rest of the line}."""
        lines = self.out("/usr/lib/rig/old-zone list").splitlines()
        zones = dict(line.split(" ", 1) for line in lines)
        return {int(number): rest for number, rest in zones.items() if number != "0"}

    def journal(self, unit="hvisor-reconciler", *arguments):
        return self.out(["journalctl", "--no-pager", "-q", "-o", "short-monotonic", "-u", unit, *arguments])

    def dmesg(self):
        return self.out("dmesg")

    def console(self, zone):
        """The zone's console through `hvisor console`, opened at the first use."""
        if zone not in self._consoles:
            self._consoles[zone] = ZoneConsole(self, zone)
        return self._consoles[zone]

    def close_console(self, zone):
        """The next console() opens it anew."""
        self._consoles.pop(zone).close()

    def consoles(self):
        return dict(self._consoles)

    # ---- the machine ---------------------------------------------------------------------------------------

    def serial(self):
        """All that was printed on the board's UART since this machine was started or resumed."""
        return self._qemu.console()

    def disaster(self):
        found = DISASTER.search(self.serial())
        return found.group(0).strip() if found else None

    def running(self):
        return self._qemu.running()

    def wait_off(self):
        """Waits until the machine has powered off."""
        self._qemu.wait()

    def physical(self, address, size):
        """Bytes of the board's memory, whoever they belong to."""
        path = self._qemu.folder / "memory"
        self._qemu.command("pmemsave", val=address, size=size, filename=str(path))
        return path.read_bytes()

    def set_physical(self, address, data):
        """Changes the board's memory, behind everybody's back."""
        gdb.write_physical(self._qemu, address, data)

    def check_alive(self):
        line = None if self._disaster_wanted else self.disaster()
        if line:
            raise RigError(f"on the serial console: {line}")
        if not self._qemu.running():
            raise RigError("the machine has gone: " + (self._qemu.errors() or "it powered off"))

    def check_taint(self):
        """Fails if the kernel has complained since its start, also where nothing reached the serial console."""
        bits = int(self.read("/proc/sys/kernel/tainted"))
        said = [text for bit, text in TAINTS.items() if bits >> bit & 1]
        if said:
            raise RigError(f"{', '.join(said)} (see dmesg)")

    def pause(self):
        """Its CPUs and its clock stand still until resume()."""
        self._qemu.command("stop")

    def resume(self):
        self._qemu.command("cont")

    def save(self, path):
        """Saves all of the machine but RAM that is shared with a file; it stands still afterwards."""
        self._qemu.save_state(path)

    def close(self):
        self._qemu.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _shell_status(wait_status):
    return 128 + os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else os.WEXITSTATUS(wait_status)


def start(machine, fresh=False, disaster_wanted=False, interactive=False):
    """
    Return: a VM whose root Linux is up; from the machine's snapshot unless @fresh.
    @interactive: this terminal becomes the board's serial console.
    """
    return snapshot.start(machine, lambda qemu: VM(qemu, disaster_wanted), fresh, interactive)
