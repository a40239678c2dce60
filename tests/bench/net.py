# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a Linux zone gets of its network card, moved by the worker and by vhost-net. The limit beside it is root Linux's own: the
same programs, one of them in a network namespace behind a pair of veth interfaces.
"""

import contextlib

import cpu
from rig import lan, witness

SIZE = 32                               # MiB
SMALL, COUNT, WINDOW = 40, 4000, 32     # bytes; datagrams; how many of them are on their way
ROUNDS = 1000
PEER = "192.168.78.2"
VETH = "the same over a veth pair"


def measure(root, report):
    lan.serve(root)
    with _namespace(root) as inside:
        limit = _limit(root, inside)
    root.run("modprobe vhost_net")
    for accelerator, who in (("none", "its worker moves the frames"), ("vhost", "vhost-net moves the frames")):
        report.part(f"A network card of a Linux zone: {who}")
        for what, (value, unit, note) in _card(root, accelerator).items():
            report.add(what, unit, value, {VETH: limit[what][0]}, note)


@contextlib.contextmanager
def _namespace(root):
    """Return: what to put before a command that is to run there."""
    pid = root.background("exec busybox unshare -n sleep 100000")
    inside = f"busybox nsenter -t {pid} -n"
    root.wait(f"[ $(readlink /proc/{pid}/ns/net) != $(readlink /proc/self/ns/net) ]", what="a network namespace")
    root.run("ip link add bench0 type veth && ip addr add 192.168.78.1/24 dev bench0 && ip link set bench0 up\n"
             f"ip link set veth0 netns {pid} && {inside} ip addr add {PEER}/24 dev veth0 && {inside} ip link set veth0 up")
    root.run([*inside.split(), "sh", "-c", lan.LARGE_SEGMENTS])
    yield inside
    root.run(f"ip link del bench0; pkill -x udp; kill {pid}")


def _limit(root, inside):
    root.background(f"exec {inside} {lan.TOOLS}/udp serve 1")

    def transfer(way):
        return lan.microseconds(root.out(f"{inside} {lan.TOOLS}/transfer {way} 192.168.78.1 {lan.PORT} {SIZE * lan.MIB}", timeout=600),
                                SIZE * lan.MIB)
    return _figures(root, transfer, PEER, [])


def _card(root, accelerator):
    console = lan.boot(root, {"Accelerator": accelerator, "Queues": 1})
    lan.up(console)
    console.command("(udp serve 1 &)")
    worker = witness.attachments(root, "linux")["lan"][0]
    ways = {"get": lan.receive, "put": lan.send}
    figures = _figures(root, lambda way: ways[way](console, SIZE * lan.MIB), lan.ZONE,
                       [worker, *root.run(f"pgrep -x vhost-{worker}", check=False).out.split()])
    root.close_console("linux")
    root.remove("linux")
    root.wait_zone("linux", None)
    return figures


def _figures(root, transfer, address, movers):
    """Return: {what: (value, unit, note)}. @movers: the processes between the two ends."""
    found = {}
    for way, what in (("get", "TCP to the zone"), ("put", "TCP from the zone")):
        all_before, before = cpu.of_all(root), cpu.of(root, *movers) if movers else 0
        seconds = transfer(way) / 1e6
        spent = (cpu.of_all(root) - all_before) / SIZE
        note = f"{(cpu.of(root, *movers) - before) / SIZE:.0f} of it to move the frames" if movers else ""
        found[what] = SIZE / seconds, "MiB/s", ""
        found[f"{what}: CPU of root Linux"] = spent, "µs/MiB", note
    before = cpu.of_all(root)
    us, = lan.ask(root, [1], COUNT, WINDOW, SMALL, address)
    found[f"UDP, {SMALL} bytes there and back, {WINDOW} on their way"] = COUNT * 1e6 / us, "/s", ""
    found["UDP: CPU of root Linux"] = (cpu.of_all(root) - before) / COUNT, "µs", "for one there and back"
    us, = lan.ask(root, [1], ROUNDS, 1, SMALL, address)
    found["UDP, one on its way: round trip"] = us / ROUNDS, "µs", ""
    return found
