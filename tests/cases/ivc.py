# SPDX-License-Identifier: GPL-2.0-or-later
"""Inter-VM communication: zones that share memory and interrupt each other, and /dev/hivcN of a zone's Linux and of root."""

import struct

from rig import confs
from rig.cases import case

KNOB_ROOT_IVC = 0x403FF038              # the monitor's (tests/monitor/control.h)
ROOT_ONLY_HERE = "hvisor's published boards are built without an IVC for root Linux"

QUESTIONS = 100
ALL_ANSWERED = f"payload: ivc: {QUESTIONS} of {QUESTIONS} questions were answered"


def payload(place, peer, name="ivc", **keys):
    return confs.payload(name, place=place) + confs.ivc(peer, place, **keys)


def checked(run, device="/dev/hivc0"):
    """What a program finds that tries what kmod/uapi/hivc.h forbids. @run: in root Linux, or on a zone's console."""
    said = run(f"ivc {device} check")
    assert " 0 broken" in said, said


def in_root(vm):
    return lambda command: vm.run(f"/usr/lib/rig/{command}", check=False).out


@case("ivc-two-zones-ask-and-answer-with-memory-and-interrupts-and-again-after-a-restart-of-each")
def two_zones(vm):
    vm.boot("upper", payload("upper", 1))
    vm.console("upper").expect("payload: ivc: 0, peer 1 of 3")
    vm.boot("lower", payload("lower", 0))
    vm.console("lower").expect(ALL_ANSWERED)
    assert "IVC: talk: number 0, peer 0 of 3, interrupt 66" in vm.out("hvisor status lower")
    for name, said in (("upper", "peer 1 of 3"), ("lower", ALL_ANSWERED)):
        vm.run(f"hvisor restart {name}")
        vm.console(name).close()
        vm.wait(lambda: said in vm.run(f"hvisor console {name} --timeout=0 </dev/null", check=False).out, what=f"{name}: {said}")
        vm.wait_zone(name, "running")   # a quick guest has said it before its start is told of


@case("ivc-zone-that-writes-everywhere-changes-nothing-for-its-peer")
def hostile(vm):
    vm.boot("upper", payload("upper", 1))
    vm.console("upper").expect("payload: ivc: 0, peer 1 of 3")
    vm.drop("lower", payload("lower", 0, name="ivc-hostile"))
    vm.console("lower").expect("payload: ivc: the control table tells the same")
    # what it wrote over the answers was not written: they are right
    vm.console("lower").expect(ALL_ANSWERED)
    zones = {zone["name"]: zone["state"] for zone in vm.status()["zones"]}
    assert zones["upper"] == "running", zones


@case("ivc-device-of-a-zones-linux-keeps-its-promises-and-talks-to-another-zone")
def device_of_zone(vm):
    vm.boot("upper", payload("upper", 1))
    console = vm.boot_linux("lower", confs.linux("lower") + confs.ivc(0, "lower"))
    console.command("insmod /lib/hivc.ko")
    assert "/dev/hivc0: peer 0 of 3, interrupt 66, 16384 bytes of memory" in console.command("dmesg | grep hivc:")
    checked(console.command)
    assert "50 of 50 questions were answered" in console.command("ivc /dev/hivc0 ask 1 50")
    # as programs for the older driver do it
    assert "was answered with" in console.command("ivc /dev/hivc0 raw 1")
    # the other zone comes again, while the device is open or not
    vm.run("hvisor restart upper")
    assert "50 of 50 questions were answered" in console.command("ivc /dev/hivc0 ask 1 50")


@case("ivc-device-of-root-keeps-its-promises-and-talks-to-a-zone", monitor_only=ROOT_ONLY_HERE)
def device_of_root(vm):
    tried = vm.run("modprobe hivc", check=False)
    assert tried.status and "No such device" in tried.err, tried
    assert "hivc: the hypervisor has no IVC for this zone" in vm.dmesg(), vm.dmesg()
    vm.set_physical(KNOB_ROOT_IVC, struct.pack("<Q", 1))
    vm.run("modprobe hivc")
    assert "hivc: /dev/hivc0: peer 0 of 3, interrupt 65, 16384 bytes of memory" in vm.dmesg(), vm.dmesg()
    assert vm.out("stat -c %a%u /dev/hivc0") == "6000"
    checked(in_root(vm))
    vm.run("rmmod hivc")
    assert not vm.exists("/dev/hivc0")
    vm.run("modprobe hivc")

    # to notify a zone that has not joined would be the end of the board
    asked = vm.run("/usr/lib/rig/ivc /dev/hivc0 notify 1", check=False)
    assert "Transport endpoint is not connected" in asked.out, asked
    vm.boot("lower", payload("lower", 1))
    vm.console("lower").expect("payload: ivc: 0, peer 1 of 3")
    assert f"{QUESTIONS} of {QUESTIONS} questions" in in_root(vm)(f"ivc /dev/hivc0 ask 1 {QUESTIONS}")
    # the control table is not for everybody who may open the device
    assert "Operation not permitted" in in_root(vm)("ivc /dev/hivc0 raw 1 nobody")
    assert "was answered with" in in_root(vm)("ivc /dev/hivc0 raw 1")


@case("ivc-that-hvisor-would-leave-out-of-a-zone-keeps-the-zone-from-starting-and-says-why")
def left_out(vm):
    vm.boot("upper", payload("upper", 1, MaxPeers=2))
    # one that does not agree with a zone that runs
    for keys, words in (({"MaxPeers": 3}, "has another MaxPeers="), ({"MaxPeers": 2, "OutputSize": "8K"}, "has another OutputSize="),
                        ({"MaxPeers": 2, "Peer": 1}, "peer 1 of IVC 0 is zone upper")):
        vm.drop("lower", payload("lower", 0, **keys))
        vm.wait(lambda: words in str(vm.zone("lower")), what=words)
    vm.drop("lower", payload("lower", 0, MaxPeers=2))
    vm.wait_zone("lower", "running")
    vm.console("lower").expect(ALL_ANSWERED)

    # now it is full, for as long as the board runs
    vm.remove("lower")
    vm.wait_zone("lower", None)
    vm.close_console("lower")
    vm.drop("lower", payload("lower", 0, MaxPeers=2) + "\n")
    vm.wait(lambda: "an IVC of it is full" in str(vm.zone("lower")), what="the reason")
    assert vm.hypervisor_zones() == {2: "0x8 upper"}
    # ... but another one can be made
    vm.remove("upper")
    vm.wait_zone("upper", None)
    vm.drop("lower", payload("lower", 0, Id=1))
    vm.wait_zone("lower", "running")
    vm.drop("upper", payload("upper", 1, Id=1))
    vm.wait_zone("upper", "running")
    vm.console("lower").expect(ALL_ANSWERED)
