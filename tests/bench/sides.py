# SPDX-License-Identifier: GPL-2.0-or-later
"""
Who is measured: we, and with PEER= another implementation. Each has a board of its own, on which the same parts do the same work
with the same guests; what they can ask of either is here. README.md tells what a peer has to bring.
"""

import contextlib
import pathlib

from report import OURS
from rig import console, knobs, machine, paths, vm

STOPWATCH = "/tmp/stopwatch"
CANNOT = 77                             # a peer's status: it has no such thing
PEER_AT, ZONES_AT = "/run/peer", "/run/peer-zones"
LIMIT = 120                             # seconds that one of a peer's programs may take


class Cannot(Exception):
    """The peer says that it has nothing of the kind."""


class Side:
    """@root: its board's root Linux. What is asked of a zone's name was told of it by put() before."""

    name = None

    def __init__(self, root):
        self.root = root
        root.write(STOPWATCH, (paths.BUILD / "stopwatch").read_bytes(), 0o755)
        self._frequency = int(self.stopwatch("frequency"))

    def stopwatch(self, *words):
        """Return: what stopwatch.c prints."""
        return self.root.out([STOPWATCH, *words], timeout=LIMIT)

    def ms(self, ticks):
        return int(ticks) * 1000 / self._frequency

    # ---- zones ---------------------------------------------------------------------------------------------

    def put(self, zone, text):
        """Makes ready whatever has to be there before a zone can be started: @text is a .conf. Takes no part in a time."""
        raise NotImplementedError

    def start(self, zone):
        """Starts it, and waits until that is done. Return: the counter when it was asked for, ticks."""
        raise NotImplementedError

    def stop(self, zone):
        """And waits until it is gone."""
        raise NotImplementedError

    def console(self, zone):
        raise NotImplementedError

    def processes(self, zone):
        """Return: {what: pid}, who works for the zone's devices; of ours, its workers by their devices' names."""
        raise NotImplementedError

    def boot(self, zone, text):
        self.put(zone, text)
        self.start(zone)

    def boot_linux(self, zone, text):
        """A Linux of confs.linux(), until its shell asks. Return: its console, to be closed by who has asked for it."""
        self.boot(zone, text)
        opened = self.console(zone)
        opened.wait_shell()
        return opened

    @contextlib.contextmanager
    def runs(self, zone, text):
        """While a block is executed."""
        self.boot(zone, text)
        try:
            yield
        finally:
            self.stop(zone)

    def standing(self):
        """Return: {what: pid}, what runs whether there are zones or not."""
        raise NotImplementedError


class Ours(Side):
    name = OURS

    def put(self, zone, text):
        self.root.write(f"/tmp/{zone}.new", text)

    def start(self, zone):
        asked = int(self.stopwatch("rename", f"/tmp/{zone}.new", f"{vm.ZONES_D}/{zone}.conf"))
        self.root.wait_zone(zone, "running")
        return asked

    def start_all(self, zones):
        """Asks for them as fast as can be, and does not wait. Return: the counter before the first."""
        return int(self.root.out(" && ".join(f"{STOPWATCH} rename /tmp/{zone}.new {vm.ZONES_D}/{zone}.conf" for zone in zones)).split()[0])

    def stop(self, zone):
        self.root.remove(zone)
        self.root.wait_zone(zone, None)

    def console(self, zone):
        return console.ZoneConsole(self.root, zone)

    def processes(self, zone):
        return self.root.workers(zone)

    def standing(self):
        return {"daemon": int(self.root.out("systemctl show -P MainPID hvisor-reconciler"))}


class Peer(Side):
    """What PEER= names: its programs are executed in root Linux as README.md tells."""

    name = "peer"

    def __init__(self, root, folder):
        super().__init__(root)
        folder = pathlib.Path(folder)
        layout = folder / "zone_config"
        if layout.exists() and machine.on_monitor():
            magic, size = (int(word, 0) for word in layout.read_text().split())
            knobs.become(root, magic, size)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            place = f"{PEER_AT}/{path.relative_to(folder)}"
            root.run(["mkdir", "-p", str(pathlib.PurePath(place).parent)])
            root.write(place, path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)
        root.run("systemctl stop hvisor-reconciler")
        self._program("setup")

    def put(self, zone, text):
        at = self._at(zone)
        self.root.run(["mkdir", "-p", at])
        self.root.write(f"{at}/zone.conf", text)
        self.root.run(f"cd {at} && hvisor check --json zone.conf >zone.json")
        self._program("prepare", at)

    def start(self, zone):
        return int(self._checked("start", self.root.run([STOPWATCH, "begin", f"{PEER_AT}/start", self._at(zone)], LIMIT, check=False)))

    def stop(self, zone):
        self._program("stop", self._at(zone))
        self.root.run(["rm", "-r", self._at(zone)])

    def console(self, zone):
        return console.ZoneConsole(self.root, zone, [f"{PEER_AT}/console", self._at(zone)])

    def processes(self, zone):
        return self._pids(self._at(zone))

    def standing(self):
        return self._pids()

    def _pids(self, *at):
        lines = (line.split(None, 1) for line in self._program("processes", *at).splitlines())
        return {what: int(pid) for pid, what in lines}

    def _at(self, zone):
        return f"{ZONES_AT}/{zone}"

    def _program(self, name, *words):
        return self._checked(name, self.root.run([f"{PEER_AT}/{name}", *words], LIMIT, check=False))

    def _checked(self, name, result):
        if result.status == CANNOT:
            raise Cannot(f"{name}: {result.err.strip() or result.out.strip()}")
        if not result.ok:
            raise vm.CommandFailed(f"the peer's {name} ended with {result.status}:\n{result.out}{result.err}".rstrip())
        return result.out.strip()
