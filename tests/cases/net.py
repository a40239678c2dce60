# SPDX-License-Identifier: GPL-2.0-or-later
"""Network cards: frames both ways through a tap, unchanged, whatever becomes of the process between."""

import hashlib
import os

from rig import confs, witness
from rig.cases import case

ROOT, ZONE = "192.168.76.1", "192.168.76.2"                 # rig-tap.service gives tap0 the first
MIB = 1 << 20


def lan(vm, zone):
    return next(d for d in vm.zone(zone)["devices"] if d["name"] == "lan")


def wait_listening(vm, port):
    vm.wait(f"grep -q ':{port:04X} .* 0A ' /proc/net/tcp /proc/net/tcp6", what="nc to listen")


def receive(vm, console, size):
    """The zone gets so many bytes from root Linux, by TCP."""
    data = os.urandom(size)
    vm.write("/tmp/data", data)
    vm.background("exec nc -l -p 5000 </tmp/data")
    wait_listening(vm, 5000)
    console.command(f"nc {ROOT} 5000 >/tmp/received")
    assert console.command("sha256sum </tmp/received").split()[0] == hashlib.sha256(data).hexdigest()


# virtio 1.2, 5.1.3
CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_TSO4, HOST_TSO6, MRG_RXBUF = 0, 1, 7, 8, 11, 12, 15
OFFLOADS = {CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_TSO4, HOST_TSO6}


def features(console):
    """What the guest's driver and the card have agreed on."""
    bits = console.command("cat /sys/class/net/eth0/device/features").strip()
    return {n for n, bit in enumerate(bits) if bit == "1"}


def counted(vm, tap, direction):
    """Frames and bytes that the interface has seen in that direction, as root Linux sees it."""
    text = vm.out(f"cat /sys/class/net/{tap}/statistics/{direction}_packets /sys/class/net/{tap}/statistics/{direction}_bytes")
    return [int(n) for n in text.split()]


def mean_frame(vm, tap, direction, before):
    frames, size = (now - then for now, then in zip(counted(vm, tap, direction), before))
    return size / frames


def listen(vm, port):
    """Root Linux takes what comes, into /tmp/received. Its input never ends: nc would take that for the end of all."""
    vm.background(f"rm -f /tmp/received /tmp/open; mkfifo /tmp/open; exec nc -l -p {port} <>/tmp/open >/tmp/received")
    wait_listening(vm, port)


def received(vm):
    return int(vm.out("stat -c %s /tmp/received"))


def send_past_a_kill(vm, console, size):
    """Root Linux gets so many bytes from the zone, by TCP; in the middle of it the card's worker is no more. Return: the card with the next one."""
    console.command(f"head -c {size} /dev/urandom >/tmp/data")
    digest = console.command("sha256sum </tmp/data").split()[0]
    # no more than a window is on its way while nc is stopped, whatever the machine's speed
    vm.run("echo 4096 65536 65536 >/proc/sys/net/ipv4/tcp_rmem")
    listen(vm, 5001)
    vm.run("pkill -STOP -x nc")
    pid, generation = witness.attachments(vm, "linux")["lan"]
    console.send(f"nc {ROOT} 5001 </tmp/data; echo \"sent [$?]\"\n")
    sent = counted(vm, "tap0", "rx")[1]
    vm.run("pkill -CONT -x nc\n"
           f"while read n </sys/class/net/tap0/statistics/rx_bytes && [ $n -lt {sent + size // 4} ]; do :; done\n"
           f"kill -9 {pid}")
    assert received(vm) < size, "all was there before the worker was killed"
    console.expect(r"^sent \[0\]$")
    vm.wait("! pgrep -x nc", what="root Linux to have all")
    assert vm.out("sha256sum </tmp/received").split()[0] == digest
    device = vm.wait(lambda: (d := lan(vm, "linux"))["state"] == "ready" and d, what="another worker")
    assert device["generation"] == generation + 1 and vm.zone("linux")["restarts"] == 0, device
    return device


@case("net-frames-go-both-ways-and-tcp-survives-a-killed-worker")
def both_ways(vm):
    vm.boot("linux", confs.linux(tap="tap0"))
    console = vm.console("linux")
    console.expect("^zone: ready$")
    console.expect("zone# ")
    mac = console.command("cat /sys/class/net/eth0/address").strip()
    assert int(mac.split(":")[0], 16) & 3 == 2, f"{mac} is not a locally administered, single card's address"
    assert console.command("cat /sys/class/net/eth0/mtu").strip() == "1500"

    console.command(f"ip addr add {ZONE}/24 dev eth0 && ip link set eth0 up && ping -c 2 -s 1472 {ROOT}")
    vm.run(f"ping -c 2 -s 1472 {ZONE}")
    assert mac in vm.out("ip neigh show dev tap0")
    assert features(console) >= OFFLOADS | {MRG_RXBUF}, features(console)
    before = counted(vm, "tap0", "tx")
    receive(vm, console, 4 * MIB)
    assert mean_frame(vm, "tap0", "tx", before) > 2 * 1500, "segments are cut before they come to the guest"

    # the other way, and in the middle of it the worker is no more
    before = counted(vm, "tap0", "rx")
    device = send_past_a_kill(vm, console, 4 * MIB)
    assert mean_frame(vm, "tap0", "rx", before) > 2 * 1500, "the guest cuts segments itself"
    assert console.command("cat /sys/class/net/eth0/address").strip() == mac

    # what comes while there is no worker waits in the tap, which nobody sees change
    carrier = vm.read("/sys/class/net/tap0/carrier_changes")
    vm.run(f"kill -9 {device['worker_pid']}; ping -c 2 -W 10 {ZONE}")
    generation = device["generation"]
    device = vm.wait(lambda: (d := lan(vm, "linux"))["generation"] == generation + 1 and d["state"] == "ready" and d,
                     what="a third worker")
    assert vm.read("/sys/class/net/tap0/carrier_changes") == carrier

    # nothing to do: nobody wakes up
    vm.run("sleep 0.5")
    before = witness.switches(vm, device["worker_pid"])
    vm.run("sleep 1")
    assert witness.switches(vm, device["worker_pid"]) - before <= 4


@case("net-without-offload-every-frame-is-whole")
def no_offload(vm):
    vm.boot("linux", confs.linux(tap="tap0", net={"Offload": "no"}))
    console = vm.console("linux")
    console.expect("zone# ")
    assert not features(console) & OFFLOADS, features(console)
    console.command(f"ip addr add {ZONE}/24 dev eth0 && ip link set eth0 up")
    before = counted(vm, "tap0", "tx")
    receive(vm, console, MIB)
    assert mean_frame(vm, "tap0", "tx", before) <= 1514

    # the guest sees the interface go down and up, whoever serves it
    def carrier():
        return console.command("cat /sys/class/net/eth0/carrier").strip()
    for state in ("down", "up"):
        vm.run(f"ip link set tap0 {state}")
        vm.wait(lambda: carrier() == str(int(state == "up")), what=f"the link to be {state} in the guest")
        generation = lan(vm, "linux")["generation"]
        vm.run(f"kill -9 {lan(vm, 'linux')['worker_pid']}")
        vm.wait(lambda: lan(vm, "linux")["generation"] > generation, what="another worker")
        witness.wait_ready(vm, "linux")
        assert carrier() == str(int(state == "up"))
    vm.run(f"ping -c 1 -W 10 {ZONE}")


@case("net-a-tap-that-is-missing-is-told-before-the-start-and-one-that-goes-does-not-take-the-zone-along")
def missing_and_removed(vm):
    vm.drop("guest", confs.payload("console-irq", tap="tap7"))
    zone = vm.wait_zone("guest", "failed")
    assert "[Net lan]" in zone["message"] and "ip tuntap add dev tap7 mode tap" in zone["message"], zone
    assert vm.hypervisor_zones() == {}
    checked = vm.run("hvisor check /etc/hvisor/zones.d/guest.conf", check=False)
    assert checked.status == 1 and "tap7" in checked.err, checked

    vm.run("tunctl -t tap7 && ip link set tap7 up && hvisor restart guest")
    vm.wait_zone("guest", "running")
    first = witness.wait_ready(vm, "guest")
    console = vm.console("guest")
    console.expect("hello from zone 1")

    vm.run("ip link del tap7")
    vm.wait(lambda: "ip tuntap add dev tap7" in (lan(vm, "guest")["message"] or ""), what="a word about the tap")
    assert lan(vm, "guest")["worker_pid"] is None
    assert "its tap interface was removed" in vm.journal()
    console.send("still here\n")
    console.expect("^echo: .*STILL HERE")
    vm.run("tunctl -t tap7 && ip link set tap7 up")
    again = witness.wait_ready(vm, "guest")
    assert again["main"] == first["main"] and again["lan"][1] > first["lan"][1], (first, again)


@case("net-a-tap-serves-one-zone-and-can-be-exchanged-while-it-runs")
def exchanged(vm):
    vm.run("tunctl -t tap8")
    vm.boot("lower", confs.payload("console-irq", "lower", tap="tap0"))
    before = witness.wait_ready(vm, "lower")
    vm.drop("upper", confs.payload("sleep", "upper", tap="tap0"))
    refused = vm.wait_zone("upper", "refused")
    assert "zone lower uses the tap tap0" in refused["message"], refused

    # another tap is the worker's business alone; the first is free then
    vm.drop("lower", confs.payload("console-irq", "lower", tap="tap8"))
    vm.wait_zone("upper", "running")
    now = witness.wait_ready(vm, "lower")
    assert now["lan"][0] != before["lan"][0] and now["main"] == before["main"], (before, now)
    assert [r[2] for r in witness.records(vm, "lower") if r[3] == "begun"].count("zone-restart") == 0
    assert "tap8 is down" in vm.journal()


def interface(vm, name):
    """What root Linux knows of it: {attribute: text}; None if there is none."""
    text = vm.run(f"cd /sys/class/net/{name} && grep -s . ifindex mtu carrier carrier_changes flags; readlink master", check=False)
    if text.status != 0 and not text.out:
        return None
    found = dict(line.split(":", 1) for line in text.out.splitlines() if ":" in line)
    return {**found, "master": next((line.rsplit("/", 1)[1] for line in text.out.splitlines() if "/" in line), None)}


@case("net-a-tap-of-our-own-comes-and-goes-with-its-zone-whoever-dies-between")
def tap_auto(vm):
    before = witness.remains(vm)
    text = confs.payload("console-irq", tap="auto", net={"Bridge": "br0", "MTU": 1400})
    vm.drop("guest", text)
    zone = vm.wait_zone("guest", "failed")
    assert "ip link add br0 type bridge" in zone["message"] and not interface(vm, "guest+lan"), zone
    vm.run("ip link add br0 type bridge && ip link set br0 up && hvisor restart guest")
    vm.wait_zone("guest", "running")
    witness.wait_ready(vm, "guest")
    first = interface(vm, "guest+lan")
    assert (first["master"], first["mtu"], first["carrier"]) == ("br0", "1400", "1"), first

    def replaced(kill):
        generation = lan(vm, "guest")["generation"]
        vm.run(kill)
        vm.wait(lambda: vm.zone("guest") and lan(vm, "guest")["generation"] > generation, what="another worker")
        witness.wait_ready(vm, "guest")
        assert interface(vm, "guest+lan") == first
    daemon = "$(systemctl show -P MainPID hvisor-reconciler)"
    replaced(f"kill -9 {lan(vm, 'guest')['worker_pid']}")
    replaced(f"kill -9 {daemon} {lan(vm, 'guest')['worker_pid']}")
    replaced("hvisor upgrade --all")
    # systemd closes what it has kept for a daemon that is stopped: the worker alone has the tap
    vm.run("systemctl stop hvisor-reconciler; systemctl start hvisor-reconciler")
    witness.wait_ready(vm, "guest")
    replaced(f"kill -9 {lan(vm, 'guest')['worker_pid']}")

    # a restart of the zone is no reason either; another tap is, and so is a card that is no longer wanted
    vm.run("hvisor restart guest")
    witness.wait_ready(vm, "guest")
    assert interface(vm, "guest+lan") == first
    vm.drop("guest", text.replace("Tap=auto", "Tap=tap0"))
    vm.wait(lambda: interface(vm, "guest+lan") is None, what="the tap to go")
    vm.wait(lambda: interface(vm, "tap0")["master"] == "br0", what="tap0 to be a port of the bridge")
    witness.wait_ready(vm, "guest")
    vm.drop("guest", text)
    vm.wait(lambda: (i := interface(vm, "guest+lan")) and i["carrier"] == "1", what="the tap to come back")
    witness.wait_ready(vm, "guest")
    vm.drop("guest", confs.payload("console-irq"))
    vm.wait(lambda: interface(vm, "guest+lan") is None, what="the tap to go with its card")
    vm.drop("guest", text)
    vm.wait(lambda: interface(vm, "guest+lan"), what="the tap to come with its card")
    witness.wait_ready(vm, "guest")
    vm.remove("guest")
    vm.wait_zone("guest", None)
    assert interface(vm, "guest+lan") is None and interface(vm, "tap0")
    witness.wait_remains(vm, before, "left behind")


@case("net-two-zones-on-a-bridge-talk-to-each-other")
def bridge(vm):
    vm.run("ip link add br0 type bridge && ip link set br0 up")
    for place in ("lower", "upper"):
        vm.run(f"truncate -s 1M /root/{place}.img")
        vm.drop(place, confs.linux(place, disk=f"/root/{place}.img", tap="auto", net={"Bridge": "br0"}))
    consoles = {}
    for n, place in enumerate(("lower", "upper"), 1):
        witness.wait_ready(vm, place)
        consoles[place] = vm.console(place)
        consoles[place].expect("zone# ")
        consoles[place].command(f"ip addr add 192.168.77.{n}/24 dev eth0 && ip link set eth0 up")
    lower, upper = consoles["lower"], consoles["upper"]
    lower.command("ping -c 2 192.168.77.2")
    # segments that are left to be cut, from guest to guest
    lower.command(f"head -c {2 * MIB} /dev/urandom >/tmp/data; (nc -l -p 5000 </tmp/data >/dev/null &)")
    upper.command("until nc 192.168.77.1 5000 >/tmp/received; do usleep 100000; done")
    assert upper.command("sha256sum </tmp/received") == lower.command("sha256sum </tmp/data")


def queues(folder):
    return f"ls {folder}/queues | grep -c ^rx-"


@case("net-several-queues-carry-many-frames-and-survive-a-killed-worker")
def several_queues(vm):
    vm.boot("linux", confs.linux(tap="auto"))
    console = vm.console("linux")
    console.expect("zone# ")
    vm.run(f"ip addr flush dev tap0; ip addr add {ROOT}/24 dev linux+lan")
    console.command(f"ip addr add {ZONE}/24 dev eth0 && ip link set eth0 up")
    assert console.command(queues("/sys/class/net/eth0")).strip() == "2"
    assert vm.out(queues("/sys/class/net/linux+lan")) == "2", "the driver has said that it uses both pairs"

    # many small ones, each its own way
    vm.background("exec nc -l -p 5000 </usr/lib/rig/udp")
    wait_listening(vm, 5000)
    console.command(f"nc {ROOT} 5000 >/tmp/udp; chmod +x /tmp/udp")
    console.command("for port in 1 2 3 4; do /tmp/udp serve $port & done 2>/dev/null")
    ask = " ".join(f"/usr/lib/rig/udp ask {ZONE} {port} 1000 16 40 &" for port in (1, 2, 3, 4))
    answers = vm.out(f"{ask} wait").splitlines()
    assert len(answers) == 4 and all(a.startswith("0 of 1000 lost, 0 wrong") for a in answers), answers

    # the successor finds both queues of the tap in use, as the driver has said; it has vhost-net move the frames of each
    vm.run("modprobe vhost_net")
    for _ in range(2):
        pid, generation = witness.attachments(vm, "linux")["lan"]
        vm.run(f"kill -9 {pid}")
        vm.wait(lambda: lan(vm, "linux")["generation"] > generation, what="another worker")
        pid = witness.wait_ready(vm, "linux")["lan"][0]
        assert vm.out(f"ls -l /proc/{pid}/fd | grep -c /dev/vhost-net") == "2"
        assert vm.out(queues("/sys/class/net/linux+lan")) == "2"
        answers = vm.out(f"{ask} wait").splitlines()
        assert len(answers) == 4 and all(a.startswith("0 of 1000 lost, 0 wrong") for a in answers), answers
