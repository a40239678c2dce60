# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon as systemd and a person see it."""

from rig import confs
from rig.cases import case


def boot_guest(vm):
    vm.boot("guest", confs.payload("console-irq"))
    vm.console("guest").expect("hello from zone 1")
    vm.console("guest").close()
    return vm.workers("guest")


@case("daemon-stopped-status-tells-so-and-deletion-waits")
def daemon_stopped(vm):
    workers = boot_guest(vm)
    vm.run("systemctl stop hvisor-reconciler")
    status = vm.status()
    assert not status["daemon"]["running"]
    assert [z["state"] for z in status["zones"]] == ["running"]
    assert vm.workers("guest") == workers
    vm.remove("guest")
    assert list(vm.hypervisor_zones()) == [1]
    vm.run("systemctl start hvisor-reconciler")
    vm.wait_zone("guest", None)
    assert vm.hypervisor_zones() == {}


@case("daemon-tells-systemd-how-it-is")
def daemon_status_text(vm):
    vm.boot("guest", confs.payload("console-hello"))
    vm.wait("systemctl show -P StatusText hvisor-reconciler | grep '1 zone running'", timeout=20)
    record = vm.out("journalctl -q -u hvisor-reconciler -o verbose ZONE=guest")
    for field in ("ZONE=guest", "ACTION=", "RESULT=", "MESSAGE_ID="):
        assert field in record, record
