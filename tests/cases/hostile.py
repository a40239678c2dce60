# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that do all that a guest can do to a device, and workers that do not let go of one."""

import os
import re

from isolation import patched
from rig import confs, paths
from rig.cases import case

# Modes of tests/payload/hostile.c: all attacks; after the one leave it at that; on the device at the address, not the console; its
# queue of commands
ALL, STAY, AIMED, COMMANDS = 0xff, 0x100, 0x200, 0x400
ATTACKS = re.findall(r"(?:BREAKS|OTHER)\((\w+)\)", (paths.TESTS / "payload/hostile.c").read_text().split("#define ATTACKS")[1]
                     .split("\n\n")[0])


def device(vm, zone, name="main"):
    return next(d for d in vm.zone(zone)["devices"] if d["name"] == name)


def assert_bystander_is_well(vm):
    vm.console("bystander").send("how are you\n")
    vm.console("bystander").expect("echo: .*HOW ARE YOU")


def begin(vm):
    vm.boot("bystander", confs.payload("console-irq", "upper"))
    vm.console("bystander").expect("hello from zone 2")
    return vm.workers("bystander")


@case("a-hostile-guest-hurts-only-itself")
def all_attacks(vm):
    bystander = begin(vm)
    vm.boot("hostile", confs.payload("hostile", "lower"))
    console = vm.console("hostile")
    console.expect("hostile starts")
    assert_bystander_is_well(vm)
    console.expect("hostile done", timeout=240)
    assert_bystander_is_well(vm)
    # each attack was made, and the device worked again after each
    assert re.findall(r"^payload: hostile (\w+): status", console.text(), re.M) == ATTACKS
    assert "UNNOTICED" not in console.text()
    assert vm.zone("hostile")["state"] in ("running", "error"), vm.zone("hostile")
    assert vm.workers("bystander") == bystander
    assert vm.zone("bystander")["state"] == "running" and vm.zone("bystander")["restarts"] == 0
    # told, but not once for each of tens of thousands of wrongs
    told = vm.journal().count("zone hostile, device main: the guest")
    assert 0 < told < 100, told


def attack(vm, name, target, window, mode=0, net=None):
    """A zone of this name attacks one of its devices in every way, which is as it was afterwards."""
    vm.run("truncate -s 1M /tmp/disk.img")
    kernel = patched(vm, "hostile", "lower", mode=ALL | AIMED | mode, address=window[0])
    vm.boot(name, confs.payload("hostile", "lower", "/tmp/disk.img", "tap0", net, rng=True, Kernel=kernel))
    console = vm.console(name)
    console.expect("hostile done", timeout=240)
    # each attack was made and noticed, the device worked again after each, and its worker is the one that it had
    assert re.findall(r"^payload: hostile (\w+): status", console.text(), re.M) == ATTACKS
    assert "UNNOTICED" not in console.text() and "DEAD" not in console.text(), console.text()
    assert vm.zone(name)["state"] == "running" and device(vm, name, target)["generation"] == 1, vm.zone(name)
    assert_bystander_is_well(vm)
    console.close()
    vm.remove(name)
    vm.wait_zone(name, None)


@case("a-hostile-guest-breaks-no-device-of-any-kind")
def every_device(vm):
    bystander = begin(vm)
    at = confs.PLACES["lower"]
    attack(vm, "blocks", "disk", at.block)
    attack(vm, "frames", "lan", at.net)
    attack(vm, "commands", "lan", at.net, COMMANDS, {"Tap": "auto", "Queues": 3})
    attack(vm, "noise", "entropy", at.rng)
    assert vm.workers("bystander") == bystander


@case("a-disk-refuses-what-it-must-and-is-as-it-was")
def wrong_requests(vm):
    content = os.urandom(1 << 20)
    vm.write("/tmp/disk.img", content)
    conf = confs.payload("wrong-disk", "lower", "/tmp/disk.img")
    vm.boot("wrong", conf.replace("[Block disk]\n", "[Block disk]\nDiscard=yes\n"))
    console = vm.console("wrong")
    console.expect("wrong done", timeout=120)
    said = re.findall(r"^payload: wrong (.*): (status \d+ \w+.*|\w+)$", console.text(), re.M)
    assert len(said) > 60 and said[-1] == ("reset", "clean"), said
    for what, answer in said[:-1]:
        wanted = "BROKEN" if what.startswith("transfer without") else "REFUSED"
        assert answer.endswith(" " + wanted), f"{what}: {answer}"
    assert vm.read_bytes("/tmp/disk.img") == content
    assert device(vm, "wrong", "disk")["generation"] == 1, "it took another worker"


@case("a-device-that-its-guest-broke-is-shown-until-the-zone-is-restarted")
def broken(vm):
    begin(vm)
    kernel = patched(vm, "hostile", "lower", mode=ATTACKS.index("address_of_root") | STAY)
    vm.boot("hostile", confs.payload("hostile", "lower", Kernel=kernel))
    vm.console("hostile").expect("hostile starts")
    vm.wait(lambda: device(vm, "hostile")["state"] == "broken", timeout=30, what="the device to be shown as broken")
    worker = vm.workers("hostile")["main"]
    assert worker and vm.zone("hostile")["state"] == "running"
    assert " broken " in vm.out("hvisor status hostile")
    vm.wait(lambda: "zone hostile, device main: the guest broke queue 1" in vm.journal(), timeout=20, what="a word about it")
    assert_bystander_is_well(vm)

    # another guest on the same device
    vm.drop("hostile", confs.payload("console-hello", "lower"))
    vm.wait(lambda: device(vm, "hostile")["state"] == "ready", what="the device to work again")
    vm.console("hostile").expect("hello from zone 1")


def longest_reset(vm, name="storm"):
    """Of the newest line of the guest's: (round, microseconds)."""
    found = re.findall(r"storm round (\d+), longest reset (\d+) us$", vm.console(name).text(), re.M)
    return tuple(map(int, found[-1])) if found else (0, 0)


def wait_rounds(vm, count, name="storm"):
    start, _ = longest_reset(vm, name)
    vm.wait(lambda: longest_reset(vm, name)[0] >= start + count, what=f"{count} more rounds of the guest's")


@case("a-worker-that-hangs-while-its-guest-resets-the-device-is-replaced")
def hung(vm):
    begin(vm)
    vm.boot("storm", confs.payload("storm", "lower"))
    wait_rounds(vm, 3)
    for _ in range(2):
        worker = vm.workers("storm")["main"]
        vm.run(f"kill -STOP {worker}")
        assert_bystander_is_well(vm)
        vm.wait(lambda: vm.workers("storm")["main"] not in (None, worker), what="another worker")
        vm.wait(f"! kill -0 {worker} 2>/dev/null", timeout=20, what="the hung worker to be dead")
        wait_rounds(vm, 3)
    zone = vm.zone("storm")
    assert (zone["state"], zone["restarts"]) == ("running", 0), zone
    assert device(vm, "storm")["generation"] >= 3
    assert "let go of its queues" in vm.dmesg()
    assert "let go" in vm.journal()
    # the guest was not kept waiting for a worker that would never answer
    assert longest_reset(vm)[1] < 2_000_000, longest_reset(vm)


@case("a-worker-killed-while-its-guest-resets-the-device-is-replaced")
def killed_in_reset(vm):
    begin(vm)
    vm.boot("storm", confs.payload("storm", "lower"))
    wait_rounds(vm, 3)
    for pause in ("0", "0.01", "0.03", "0.06"):
        worker = vm.workers("storm")["main"]
        vm.run(f"kill -STOP {worker}; sleep {pause}; kill -KILL {worker}", check=False)
        vm.wait(lambda: vm.workers("storm")["main"] not in (None, worker), what="another worker")
        wait_rounds(vm, 2)
    assert vm.zone("storm")["state"] == "running" and vm.zone("storm")["restarts"] == 0
    assert longest_reset(vm)[1] < 2_000_000, longest_reset(vm)
    assert_bystander_is_well(vm)


@case("a-guest-that-resets-its-device-without-end-hurts-only-itself")
def reset_storm(vm):
    bystander = begin(vm)
    vm.boot("storm", confs.payload("storm", "lower", Kernel=patched(vm, "storm", "lower", mode=0)))
    kicks = vm.wait(lambda: device(vm, "storm")["kicks"], what="the storm to begin")
    for _ in range(3):
        assert_bystander_is_well(vm)
    assert device(vm, "storm")["kicks"] > kicks
    assert vm.workers("bystander") == bystander
    # and can be ended in the midst of it
    vm.remove("storm")
    vm.wait_zone("storm", None)
    assert list(vm.hypervisor_zones()) == [2]
    assert_bystander_is_well(vm)
