# SPDX-License-Identifier: GPL-2.0-or-later
"""Network cards: frames both ways through a tap, unchanged, whatever becomes of the process between."""

from rig import confs, lan, witness
from rig.cases import case
from rig.lan import MIB, ROOT, ZONE, counted, mean_frame

# virtio 1.2, 5.1.3
CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_TSO4, HOST_TSO6, MRG_RXBUF = 0, 1, 7, 8, 11, 12, 15
WHOLE = 1514                            # the longest frame that is no segment left to be cut; how long those are is up to the speed
OFFLOADS = {CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_TSO4, HOST_TSO6}


def features(console):
    """What the guest's driver and the card have agreed on."""
    bits = console.command("cat /sys/class/net/eth0/device/features").strip()
    return {n for n, bit in enumerate(bits) if bit == "1"}


def of_card(console, attribute):
    return console.command(f"cat /sys/class/net/eth0/{attribute}").strip()


@case("net-frames-go-both-ways-and-tcp-survives-a-killed-worker")
def both_ways(vm):
    console = lan.boot(vm)
    mac = of_card(console, "address")
    assert int(mac.split(":")[0], 16) & 3 == 2, f"{mac} is not a locally administered, single card's address"
    assert of_card(console, "mtu") == "1500"

    lan.up(console)
    vm.run(f"ping -c 2 -s 1472 {ZONE}")
    assert mac in vm.out("ip neigh show dev tap0")
    assert features(console) >= OFFLOADS | {MRG_RXBUF}, features(console)
    lan.serve(vm)
    before = counted(vm, "tap0", "tx")
    lan.receive(console, 4 * MIB)
    assert mean_frame(vm, "tap0", "tx", before) > WHOLE, "segments are cut before they come to the guest"

    # the other way, and in the middle of it the worker is no more
    before = counted(vm, "tap0", "rx")
    device = lan.send_past_a_kill(vm, console, 8 * MIB)
    assert mean_frame(vm, "tap0", "rx", before) > WHOLE, "the guest cuts segments itself"
    assert of_card(console, "address") == mac

    # what comes while there is no worker waits in the tap, which nobody sees change
    carrier = vm.read("/sys/class/net/tap0/carrier_changes")
    vm.run(f"kill -9 {device['worker_pid']}; ping -c 2 -W 10 {ZONE}")
    generation = device["generation"]
    device = vm.wait(lambda: (d := vm.device("linux", "lan"))["generation"] == generation + 1 and d["state"] == "ready" and d,
                     what="a third worker")
    assert vm.read("/sys/class/net/tap0/carrier_changes") == carrier

    # nothing to do: nobody wakes up
    vm.run("sleep 0.5")
    before = witness.switches(vm, device["worker_pid"])
    vm.run("sleep 1")
    assert witness.switches(vm, device["worker_pid"]) - before <= 4


@case("net-as-it-is-set-up-every-frame-whole-and-the-link-as-the-tap's")
def no_offload(vm):
    mac = "02:00:5e:10:00:01"
    console = lan.boot(vm, {"Offload": "no", "MTU": 1400, "MACAddress": mac})
    assert (of_card(console, "address"), of_card(console, "mtu")) == (mac, "1400")
    assert vm.read("/sys/class/net/tap0/mtu").strip() == "1400"
    assert not features(console) & OFFLOADS, features(console)
    lan.up(console)
    lan.serve(vm)
    before = {way: counted(vm, "tap0", way) for way in ("tx", "rx")}
    lan.receive(console, MIB)
    lan.send(console, MIB)
    for way in before:
        assert MIB / 1400 / 2 < counted(vm, "tap0", way)[0] - before[way][0]
        assert mean_frame(vm, "tap0", way, before[way]) <= 1414

    # the guest sees the interface go down and up, whoever serves it
    for state in ("down", "up"):
        link(vm, console, state)
        generation = vm.device("linux", "lan")["generation"]
        vm.run(f"kill -9 {vm.device('linux', 'lan')['worker_pid']}")
        vm.wait(lambda: vm.device("linux", "lan")["generation"] > generation, what="another worker")
        witness.wait_ready(vm, "linux")
        assert of_card(console, "carrier") == str(int(state == "up"))
    vm.run(f"ping -c 1 -W 10 {ZONE}")


def link(vm, console, state):
    vm.run(f"ip link set tap0 {state}")
    vm.wait(lambda: of_card(console, "carrier") == str(int(state == "up")), what=f"the link to be {state} in the guest")


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
    vm.wait(lambda: "ip tuntap add dev tap7" in (vm.device("guest", "lan")["message"] or ""), what="a word about the tap")
    assert vm.device("guest", "lan")["worker_pid"] is None
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
        generation = vm.device("guest", "lan")["generation"]
        vm.run(kill)
        vm.wait(lambda: vm.zone("guest") and vm.device("guest", "lan")["generation"] > generation, what="another worker")
        witness.wait_ready(vm, "guest")
        assert interface(vm, "guest+lan") == first
    daemon = "$(systemctl show -P MainPID hvisor-reconciler)"

    def bridge_made_again():
        said = vm.journal().count("guest+lan has lost its bridge")
        vm.run("ip link del br0")
        vm.wait(lambda: vm.journal().count("guest+lan has lost its bridge") > said, what="a word about the bridge")
        vm.run("ip link add br0 type bridge && ip link set br0 up")
        vm.wait(lambda: interface(vm, "guest+lan") == first, what="the tap to be a port again")
    bridge_made_again()
    replaced(f"kill -9 {vm.device('guest', 'lan')['worker_pid']}")
    replaced(f"kill -9 {daemon} {vm.device('guest', 'lan')['worker_pid']}")
    replaced("hvisor upgrade --all")
    # systemd closes what it has kept for a daemon that is stopped: the worker alone has the tap
    vm.run("systemctl stop hvisor-reconciler; systemctl start hvisor-reconciler")
    witness.wait_ready(vm, "guest")
    bridge_made_again()
    replaced(f"kill -9 {vm.device('guest', 'lan')['worker_pid']}")

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
        consoles[place].expect("zone# ", timeout=240)
        consoles[place].command(f"{lan.LARGE_SEGMENTS}; ip addr add 192.168.77.{n}/24 dev eth0 && ip link set eth0 up")
    lower, upper = consoles["lower"], consoles["upper"]
    lower.command("ping -c 2 192.168.77.2")
    # segments that are left to be cut, from guest to guest, both ways
    lower.command("transfer serve 5000 & sleep 0.1")
    before = counted(vm, "lower+lan", "rx")
    for way in ("get", "put"):
        assert f"{4 * MIB} bytes, 0 wrong" in upper.command(f"transfer {way} 192.168.77.1 5000 {4 * MIB}")
    assert mean_frame(vm, "lower+lan", "rx", before) > WHOLE


def queues(folder):
    return f"ls {folder}/queues | grep -c ^rx-"


@case("net-several-queues-carry-many-frames-and-survive-a-killed-worker")
def several_queues(vm):
    console = lan.boot(vm, {"Tap": "auto"})
    vm.run(f"ip addr flush dev tap0; ip addr add {ROOT}/24 dev linux+lan")
    lan.up(console)
    assert console.command(queues("/sys/class/net/eth0")).strip() == "2"
    assert vm.out(queues("/sys/class/net/linux+lan")) == "2", "the driver has said that it uses both pairs"

    # many small ones, each its own way
    ports = (1, 2, 3, 4)
    for port in ports:
        console.command(f"(udp serve {port} &)")
    lan.ask(vm, ports, 1000, 16, 40)

    # the successor finds both queues of the tap in use, as the driver has said; it has vhost-net move the frames of each
    vm.run("modprobe vhost_net")
    for _ in range(2):
        pid, generation = witness.attachments(vm, "linux")["lan"]
        vm.run(f"kill -9 {pid}")
        vm.wait(lambda: vm.device("linux", "lan")["generation"] > generation, what="another worker")
        pid = witness.wait_ready(vm, "linux")["lan"][0]
        assert vm.out(f"ls -l /proc/{pid}/fd | grep -c /dev/vhost-net") == "2"
        assert vm.out(queues("/sys/class/net/linux+lan")) == "2"
        lan.ask(vm, ports, 1000, 16, 40)
