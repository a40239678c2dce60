# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux zone with a network card, and what goes back and forth between it and root Linux."""

import re

from . import confs, witness

ROOT, ZONE = "192.168.76.1", "192.168.76.2"             # rig-tap.service gives tap0 the first
TOOLS = "/usr/lib/rig"
PORT = 5000
MIB = 1 << 20

# TCP makes small segments where a connection is slow, and with small segments it is slow under emulation: without this
# chance decides, by a factor of ten.
LARGE_SEGMENTS = "echo 16 >/proc/sys/net/ipv4/tcp_min_tso_segs"


def boot(vm, net=None, **keys):
    """Boots zone "linux" with the card "lan" (on tap0, where @net does not name another). Return: its console."""
    console = vm.boot_linux("linux", confs.linux(tap=(net or {}).get("Tap", "tap0"), net=net, **keys))
    witness.wait_ready(vm, "linux")
    return console


def up(console):
    """The card has its address, and is known to root Linux."""
    console.command(f"{LARGE_SEGMENTS}; ip addr add {ZONE}/24 dev eth0 && ip link set eth0 up && ping -c 2 -s 1472 {ROOT}")


def wait_listening(vm, port):
    vm.wait(f"grep -q ':{port:04X} .* 0A ' /proc/net/tcp", what=f"somebody to listen on port {port}")


def serve(vm, port=PORT):
    """Root Linux gives and takes what receive() and send() ask for."""
    vm.run(LARGE_SEGMENTS)
    vm.background(f"exec {TOOLS}/transfer serve {port}")
    wait_listening(vm, port)


def microseconds(said, size):
    """What "transfer" has said of so many bytes, all of them right."""
    found = re.search(r"(\d+) bytes, (\d+) wrong, (\d+) us", said)
    assert found and (int(found[1]), int(found[2])) == (size, 0), said
    return int(found[3])


def receive(console, size):
    """The zone gets so many bytes from root Linux, each of them right. Return: µs."""
    return microseconds(console.command(f"transfer get {ROOT} {PORT} {size}", timeout=600), size)


def send(console, size):
    """The other way."""
    return microseconds(console.command(f"transfer put {ROOT} {PORT} {size}", timeout=600), size)


def counted(vm, tap, direction):
    """Frames and bytes that the interface has seen in that direction, as root Linux sees it."""
    text = vm.out(f"cat /sys/class/net/{tap}/statistics/{direction}_packets /sys/class/net/{tap}/statistics/{direction}_bytes")
    return [int(n) for n in text.split()]


def mean_frame(vm, tap, direction, before):
    frames, size = (now - then for now, then in zip(counted(vm, tap, direction), before))
    return size / frames


def send_past_a_kill(vm, console, size):
    """As send(), but in the middle of it the card's worker is no more. Return: the card with the next one."""
    pid, generation = witness.attachments(vm, "linux")["lan"]
    sent = counted(vm, "tap0", "rx")[1]
    console.send(f"transfer put {ROOT} {PORT} {size}; echo \"status [$?]\"\n")
    at = int(vm.out(f"while read n </sys/class/net/tap0/statistics/rx_bytes && [ $n -lt {sent + size // 4} ]; do sleep 0.01; done\n"
                    f"kill -9 {pid}; cat /sys/class/net/tap0/statistics/rx_bytes"))
    assert at - sent < size, "all was there before the worker was killed"
    microseconds(console.expect(r"^\d+ bytes, .*$").group(), size)
    console.expect(r"^status \[0\]$")
    found = vm.wait(lambda: (d := vm.device("linux", "lan"))["state"] == "ready" and d["generation"] == generation + 1 and d, what="another worker")
    assert vm.zone("linux")["restarts"] == 0
    return found


def ask(vm, ports, count, window, size, address=ZONE):
    """Datagrams to "udp serve" on these ports at the same time, each of which comes back as it was. Return: µs, for each."""
    text = " ".join(f"{TOOLS}/udp ask {address} {port} {count} {window} {size} &" for port in ports)
    answers = vm.out(f"{text} wait", timeout=600).splitlines()
    assert len(answers) == len(ports) and all(a.startswith(f"0 of {count} lost, 0 wrong") for a in answers), answers
    return [int(a.split()[-2]) for a in answers]
