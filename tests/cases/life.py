# SPDX-License-Identifier: GPL-2.0-or-later
"""A zone's life: a change that is held back, ends and beginnings, and the daemon dying at each step of both."""

import json

from rig import confs, witness
from rig.cases import case
from rig.vm import ZONES_D

from isolation import READ, patched

UNIT = "hvisor-reconciler"
DROP_INS = f"/run/systemd/system/{UNIT}.service.d"
DEEDS_MAX = 30                          # far more than a start or a stop has


# ---- the daemon is killed at each deed ---------------------------------------------------------------------------------

class Victim:
    """
    One change after another, each with a daemon that is killed at its nth deed (see tools/kill-at.c), for n = 1, 2, 3 …
    until one is done before its daemon has come to so many.
    """

    def __init__(self, vm, change, done):
        """@change: shell text that gives the daemon something to do; @done: whether it is"""
        self._vm, self._change, self._done = vm, change, done
        self.deeds = []
        self.survived = False

    def _deed(self, tries=1):
        """None if there is none yet; otherwise systemd has seen its daemon's end by now."""
        said = self._vm.out(f"for i in $(seq {tries}); do grep -q killed /tmp/deed && break; sleep 0.02; done; cat /tmp/deed; "
                            "! grep -q killed /tmp/deed || while [ -e /proc/$(cat /tmp/victim) ]; do sleep 0.02; done").splitlines()
        return said[1] if len(said) > 1 else None

    def next(self):
        vm = self._vm
        if self.survived:
            vm.run(self._change)
            return
        assert len(self.deeds) < DEEDS_MAX, self.deeds
        n = len(self.deeds) + 1
        vm.run(f"rm -f /tmp/deed; systemctl show -P MainPID {UNIT} >/tmp/victim; "
               f"/usr/lib/rig/kill-at $(cat /tmp/victim) {n} >/tmp/deed & echo $! >/tmp/tracer; "
               f"until grep -qs attached /tmp/deed; do sleep 0.02; done; {self._change}")
        # a daemon that is watched answers slowly: it is asked only where the deed does not come
        deed = vm.wait(lambda: self._deed(tries=50) or self._done(), what="a deed")
        if deed is True:
            vm.run("kill $(cat /tmp/tracer)", check=False)
            deed = self._deed()
        if deed:
            assert deed.startswith("killed at "), deed
            self.deeds.append(deed.removeprefix("killed at "))
        else:
            self.survived = True


def zone(vm, asks="hvisor status --json"):
    """Its status; an empty one if there is no such zone, None while there is nobody who could be asked."""
    said = vm.run(asks, check=False)
    return next((z for z in json.loads(said.out)["zones"] if z["name"] == "guest"), {}) if said.ok else None


def is_running(seen):
    return bool(seen) and seen["state"] == "running"


def is_gone(seen):
    return seen == {}


def wait_until(vm, done):
    """Return: the zone's status, told by a daemon that lives."""
    def reached():
        seen = zone(vm, f"systemctl is-active -q {UNIT} && hvisor status --json")
        return (seen,) if done(seen) else None
    return vm.wait(reached, what=done.__name__)[0]


@case("life-the-daemon-is-killed-at-each-deed-of-a-start-and-a-stop")
def killed_at_each_deed(vm):
    vm.write("/root/guest.conf", confs.payload("console-irq"))
    vm.run(f"mkdir -p {DROP_INS} && printf '[Service]\\nRestartSec=10ms\\n' >{DROP_INS}/soon.conf && systemctl daemon-reload")
    remains = witness.remains(vm)
    start = Victim(vm, f"cp /root/guest.conf /root/new; mv /root/new {ZONES_D}/guest.conf", lambda: is_running(zone(vm)))
    stop = Victim(vm, f"rm {ZONES_D}/guest.conf", lambda: is_gone(zone(vm)))
    while not (start.survived and stop.survived):
        start.next()
        seen = wait_until(vm, is_running)
        assert vm.hypervisor_zones() == {1: "0xc guest"} and len(seen["devices"]) == 1, start.deeds
        if start.survived:
            assert "echo: HELLO" in vm.out("echo hello | hvisor console guest --timeout=1")
        stop.next()
        wait_until(vm, is_gone)
        assert vm.hypervisor_zones() == {} and vm.out("/usr/lib/rig/kernel-objects") == "", stop.deeds
    assert [d for d in start.deeds if d.startswith(("zone-", "device-", "clone"))] == \
        ["zone-create", "device-create", "clone", "zone-load", "zone-start"], start.deeds
    assert [d for d in stop.deeds if d != "unlink"] == ["zone-stop", "pidfd-send-signal", "zone-destroy"], stop.deeds
    witness.wait_remains(vm, remains, f"left behind by daemons that were killed at {start.deeds} and {stop.deeds}")


# ---- a change that waits -----------------------------------------------------------------------------------------------

@case("life-a-change-is-held-back-until-a-person-restarts-the-zone")
def held_back(vm):
    vm.boot("guest", confs.payload("console-irq", "lower", OnChange="hold"))
    with witness.nothing_happens(vm, "guest"):
        vm.drop("guest", confs.payload("console-irq", "lower"))
        witness.settle(vm)
        vm.drop("guest", confs.payload("console-irq", "lower", OnChange="hold"))
    serving, told = witness.wait_ready(vm, "guest"), witness.records(vm)

    vm.drop("guest", confs.payload("console-irq", "lower", OnChange="hold", CPUs="2-3"))
    zone = vm.wait(lambda: (z := vm.zone("guest"))["message"] and z, what="a word about the change")
    assert zone["state"] == "running" and zone["cpus"] == "2", zone
    assert "CPUs changed from 2 to 2-3" in zone["message"] and "hvisor restart guest" in zone["message"], zone
    plan = json.loads(vm.out("hvisor plan --json"))
    assert plan["actions"] == [] and [(n["note"], n["zone"]) for n in plan["notes"]] == [("held", "guest")], plan
    assert "held guest: CPUs changed from 2 to 2-3" in vm.out("hvisor plan")
    assert witness.began(witness.records_since(vm, told)) == []
    assert witness.attachments(vm, "guest") == serving and vm.hypervisor_zones() == {1: "0x4 guest"}

    vm.run("hvisor restart guest")
    vm.wait(lambda: vm.hypervisor_zones() == {1: "0xc guest"}, what="the zone to have both CPUs")
    assert witness.wait_ready(vm, "guest") != serving
    vm.wait(lambda: vm.zone("guest")["message"] is None, what="nothing to be left to say")


# ---- how it ends -------------------------------------------------------------------------------------------------------

@case("life-a-guest-that-goes-astray-is-started-again-later-and-later")
def goes_astray(vm):
    """It looks at an address outside its regions as soon as it runs."""
    content = confs.payload("spy", "lower", Kernel=patched(vm, "spy", "lower", address=0x40400000, mode=READ))
    vm.drop("guest", content)
    zone = vm.wait(lambda: (z := vm.zone("guest")) and z["restarts"] == 2 and z["retry_in"] and z, what="the third end")
    assert zone["state"] == "error" and zone["retry_in"] <= 4 and "outside its regions" in zone["message"], zone
    vm.wait(lambda: "next try in" in vm.out("hvisor status"), what="the status to tell of it")
    # a person may have another opinion: from the beginning, at once
    vm.run("hvisor restart guest")
    vm.wait(lambda: vm.zone("guest")["restarts"] == 0, what="its failures to be forgotten")
    vm.drop("guest", content.replace("[Zone]\n", "[Zone]\nRestart=no\n"))
    zone = vm.wait(lambda: "Restart=no" in ((z := vm.zone("guest"))["message"] or "") and z, what="the policy to count")
    assert zone["retry_in"] is None, zone
    vm.remove("guest")
    vm.wait_zone("guest", None)
    assert vm.hypervisor_zones() == {}
