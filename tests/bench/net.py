# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a Linux zone gets of its network card, by iperf3 and by datagrams that are sent back: one whose frames our worker moves.
Beside it stands another such zone whose frames vhost-net moves, and the limit: the same programs in root Linux, one of them in a
network namespace behind a pair of veth interfaces. Every figure is taken in turn.
"""

import collections
import contextlib
import dataclasses

import cpu
import iperf
from report import OURS
from rig import confs, lan, programs

MIB = 1 << 20
SMALL, COUNT, ALONE, WINDOW = 40, 2000, 500, 32         # bytes; datagrams with several on their way, and with one; how many are
FOLDER = "/tmp/bench-net"
VHOST, VETH = "vhost-net", "a veth pair"


@dataclasses.dataclass(frozen=True)
class End:
    """Who answers, and the processes that move the frames between."""

    address: str
    movers: tuple = ()


def measure(side, report):
    root = side.root
    programs.install(root, programs.LOADS)
    root.run(f"mkdir -p {FOLDER}; {lan.LARGE_SEGMENTS}")
    keys = {"Accelerator": "none", "Queues": 1} if side.name == OURS else {}
    with _zone(side, "lower", "tap0", "192.168.76", keys) as own, _others(side) if side.name == OURS else contextlib.nullcontext({}) as others:
        report.part("A network card of a Linux zone")
        for what, unit, one, take in _works(root):
            found = collections.defaultdict(list)
            for _ in range(report.runs):
                for name, end in {"": own, **others}.items():
                    found[name].append(_spent(root, end, take))
                yield
            _report(report, what, unit, one, found)
    root.run(f"rm -r {FOLDER} {programs.INSIDE}")


# ---- the other ends ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _zone(side, name, tap, network, keys):
    image = f"{FOLDER}/{name}"
    side.root.run(f"truncate -s 32M {image}")
    programs.write_disk(side.root, image)
    console = side.boot_linux(name, confs.linux(name, image, tap=tap, net=keys))
    programs.take_from_disk(console)
    console.command(f"{lan.LARGE_SEGMENTS}; ip addr add {network}.2/24 dev eth0 && ip link set eth0 up && ping -c 2 -s 1472 {network}.1")
    console.command("(udp serve 1 &) && iperf3 -s -D")
    found = side.processes(name)
    pids = [found["lan"]] if "lan" in found else list(found.values())
    threads = [thread for pid in pids for thread in side.root.run(f"pgrep -x vhost-{pid}", check=False).out.split()]
    yield End(f"{network}.2", (*pids, *threads))
    console.close()
    side.stop(name)


@contextlib.contextmanager
def _others(side):
    """Return: who is asked beside, {name: End}."""
    side.root.run("modprobe vhost_net; tunctl -t tap1 && ip addr add 192.168.77.1/24 dev tap1 && ip link set tap1 up")
    with _zone(side, "upper", "tap1", "192.168.77", {"Accelerator": "vhost", "Queues": 1}) as vhost, _behind_veth(side.root) as veth:
        yield {VHOST: vhost, VETH: veth}
    side.root.run("ip link del tap1")


@contextlib.contextmanager
def _behind_veth(root):
    pid = root.background("exec busybox unshare -n sleep 100000")
    inside = f"busybox nsenter -t {pid} -n"
    root.wait(f"[ $(readlink /proc/{pid}/ns/net) != $(readlink /proc/self/ns/net) ]", what="a network namespace")
    root.run("ip link add bench0 type veth && ip addr add 192.168.78.1/24 dev bench0 && ip link set bench0 up\n"
             f"ip link set veth0 netns {pid} && {inside} ip addr add 192.168.78.2/24 dev veth0 && {inside} ip link set veth0 up")
    root.run([*inside.split(), "sh", "-c", lan.LARGE_SEGMENTS])
    servers = [root.background(f"exec {inside} {lan.TOOLS}/udp serve 1"),
               root.background(f"exec {inside} sh -c '{programs.command('iperf3', '-s')}'")]
    root.wait(f"grep -qs ':{iperf.PORT:04X} .* 0A ' /proc/{pid}/net/tcp /proc/{pid}/net/tcp6", what="iperf3 behind the veth pair")
    yield End("192.168.78.2")
    root.run(f"kill {' '.join(map(str, servers))}; ip link del bench0; kill {pid}")


# ---- figures ----------------------------------------------------------------------------------------------------


def _works(root):
    """Return: (what, unit, what its CPU is told for, (address) -> (value, how much of that was done)) each."""
    def stream(work):
        def take(address):
            size, seconds = iperf.received(root.out(programs.command("iperf3", iperf.words(work, address)), timeout=120))
            return size / MIB / seconds, max(size / MIB, 0.01)
        return work.name, "MiB/s", "for one MiB", take

    def answers(count, window, what):
        def take(address):
            us, = lan.ask(root, [1], count, window, SMALL, address)
            return count * 1e6 / us, count
        return f"UDP, {SMALL} bytes there and back, {what}", "1/s", "for one there and back", take

    return [*map(stream, iperf.WORKS), answers(COUNT, WINDOW, f"{WINDOW} on their way"), answers(ALONE, 1, "one on its way")]


def _spent(root, end, take):
    """Return: value, µs of CPU for one of it: of root Linux, and of who moves the frames."""
    all_before, before = cpu.of_all(root), cpu.of(root, *end.movers) if end.movers else 0
    value, done = take(end.address)
    return value, (cpu.of_all(root) - all_before) / done, (cpu.of(root, *end.movers) - before) / done if end.movers else 0


def _report(report, what, unit, one, found):
    def add(what, unit, index, *others):
        report.add(what, unit, [run[index] for run in found[""]], {other: [run[index] for run in found[other]] for other in others if other in found})
    add(what, unit, 0, VHOST, VETH)
    add(f"{what}: CPU of root Linux, {one}", "µs", 1, VHOST, VETH)
    add(f"{what}: of it to move the frames", "µs", 2, VHOST)
