# SPDX-License-Identifier: GPL-2.0-or-later
"""A zone's console, driven through `hvisor console` on a terminal inside root Linux, or through another program that connects to it."""

import re
import shlex
import time

POLL = 0.1
ESCAPES = re.compile(r"\r|\x1b\[[0-9;?]*[A-Za-z]")


class ZoneConsole:
    def __init__(self, vm, zone, relay=None):
        """@relay: a command that copies its input to the console, and what comes from there to its output; None for `hvisor console`."""
        self._vm = vm
        self._zone = zone
        self._at = 0                                    # what expect() has consumed, characters
        folder = vm.out("mktemp -d /tmp/console.XXXXXX")
        self._input = f"{folder}/input"
        self._log = f"{folder}/log"
        # The pipe is opened both ways, so that it has no end of file between two send()s.
        self.pid = vm.background(f"mkfifo {self._input}; exec {_attach(zone, relay, self._log)} <>{self._input}")
        vm.wait(f"test -p {self._input} -a -e {self._log}", what=f"a terminal for the console of {zone}")
        self._takes_input = relay is not None

    def text(self):
        """All that was seen so far, without the terminal's control sequences."""
        return ESCAPES.sub("", self._vm.read(self._log))

    def send(self, text):
        if not self._takes_input:                       # until then a terminal drops what was typed
            self._vm.wait(f"grep -q 'Connected to console' {self._log}", timeout=60, what=f"the console of {self._zone}")
            self._takes_input = True
        self._vm.run(f"printf %s {shlex.quote(text)} >{self._input}")

    def expect(self, pattern, timeout=120):
        """Waits for a pattern behind what was expected before. Return: the match."""
        deadline = time.monotonic() + timeout
        while True:
            text = self.text()
            found = re.compile(pattern, re.M).search(text, self._at)
            if found:
                self._at = found.end()
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"console of {self._zone}: no {pattern!r} within {timeout} s after:\n{text[self._at:][-2000:]}")
            time.sleep(POLL)

    def wait_shell(self):
        """Until the shell of a Linux that the rig made asks for the first time."""
        self.expect("^zone: ready$", timeout=240)
        self.expect("zone# ")

    def command(self, text, timeout=120):
        """Runs a command in the zone's shell. Return: what it printed. A status other than 0 is an error."""
        self.send(f"{text}; echo \"[$?]\"\n")
        # first the echo of the line itself, then the output, then the status
        self.expect(re.escape('echo "[$?]"') + r"\n", timeout)
        before = self._at
        found = self.expect(r"^(?P<rest>.*)\[(?P<status>\d+)\]$", timeout)
        if found["status"] != "0":
            raise AssertionError(f"console of {self._zone}: {text}: status {found['status']}")
        return self.text()[before:found.start()] + found["rest"]

    def close(self):
        self._vm.run(f"kill -- -{self.pid}", check=False)


def _attach(zone, relay, log):
    """Return: shell text."""
    if relay:
        return f"{shlex.join(relay)} >{log}"
    return f"script -qfec {shlex.quote(f'hvisor console {shlex.quote(zone)}')} {log}"
