# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmark asks of another implementation (tests/bench/README.md), asked of our own programs in the shape of one."""

import contextlib
import io
import pathlib
import sys
import tempfile

from rig import confs, machine, paths
from rig.cases import case

sys.path.append(str(paths.TESTS / "bench"))

import registers  # noqa: E402 (the path comes first)
import sides  # noqa: E402
import starts  # noqa: E402
import turns  # noqa: E402
from report import Report  # noqa: E402

WAIT = '''
wait_for() {
        while [ "$(hvisor status --json | grep -c '"state": "running"')" != "$1" ]; do sleep 0.05; done
}
'''

PROGRAMS = {
    "setup": "modprobe hvisor && systemctl start hvisor-reconciler",
    "prepare": 'grep -q ^.Rng "$1/zone.conf" && { echo "no entropy here" >&2; exit 77; }; test -s "$1/zone.json"',
    "start": WAIT + 'cp "$1/zone.conf" /tmp/peer.new && mv /tmp/peer.new "/etc/hvisor/zones.d/${1##*/}.conf" && wait_for 1',
    "stop": WAIT + 'rm "/etc/hvisor/zones.d/${1##*/}.conf" && wait_for 0',
    "console": 'exec script -qfec "hvisor console ${1##*/}" /dev/null',
    "processes": '[ -n "$1" ] || echo "$(systemctl show -P MainPID hvisor-reconciler) daemon"',
}


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory() as made:
        for name, text in PROGRAMS.items():
            path = pathlib.Path(made) / name
            path.write_text(f"#!/bin/bash\n{text}\n")
            path.chmod(0o755)
        if machine.on_monitor():
            (pathlib.Path(made) / "zone_config").write_text("0x6 3296\n")
        yield made


@case("peer-of-the-benchmark-is-measured-by-its-own-programs", machine="unprobed")
def measured(vm):
    with folder() as made:
        side = sides.Peer(vm, made)
    report = Report({}, 2)
    vm.pause()
    with contextlib.redirect_stdout(io.StringIO()):
        turns.take("registers", registers.measure, [side], report)
    vm.resume()
    rows = report.parts["One register read by a guest, answered in root Linux"].rows
    times, cpu = ("median", "99 %", "accesses"), ("CPU of root Linux for one", "of it the processes of who serves it")
    assert {name: list(row.sides) for name, row in rows.items()} == {name: ["peer"] for name in (*times, *cpu)}
    assert all(value > 0 for name in times for value in rows[name].sides["peer"].values.values)
    assert side.standing() == {"daemon": int(vm.out("systemctl show -P MainPID hvisor-reconciler"))}
    assert not vm.exists(f"{sides.ZONES_AT}/bench") and vm.hypervisor_zones() == {}

    # times, a console, and what it says it has not
    assert starts.first_instruction(side, confs.payload("began")) > 0
    side.boot("guest", confs.payload("console-hello"))
    side.console("guest").expect("hello from zone 1")
    side.stop("guest")
    try:
        side.put("guest", confs.payload("began", rng=True))
    except sides.Cannot as reason:
        assert "no entropy here" in str(reason)
    else:
        raise AssertionError("a peer without entropy was asked for it")
