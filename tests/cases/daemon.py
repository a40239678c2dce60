# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon dies, restarts, is stopped: zones and workers go on."""

from rig import confs
from rig.cases import case


def boot_guest(vm):
    vm.boot("guest", confs.payload("console-irq"))
    vm.console("guest").expect("hello from zone 1")
    vm.console("guest").close()
    return vm.workers("guest")


def main_pid(vm):
    return vm.out("systemctl show -P MainPID hvisor-reconciler")


def assert_adopted(vm, workers, old_pid):
    vm.wait(lambda: main_pid(vm) not in ("0", old_pid), what="another daemon")
    vm.wait("systemctl is-active hvisor-reconciler", what="the daemon to be ready")
    zone = vm.wait_zone("guest", "running")
    assert vm.workers("guest") == workers, zone
    assert zone["restarts"] == 0
    # the same guest, through the same worker, with what it said before
    said = vm.out("echo ping | hvisor console guest")
    assert "PING" in said and said.count("hello from zone 1") == 1, said


@case("daemon-killed-zones-and-workers-are-adopted")
def daemon_killed(vm):
    workers, pid = boot_guest(vm), main_pid(vm)
    vm.run(f"kill -9 {pid}")
    assert_adopted(vm, workers, pid)


@case("daemon-restarted-zones-and-workers-are-adopted")
def daemon_restarted(vm):
    workers, pid = boot_guest(vm), main_pid(vm)
    vm.run("systemctl restart hvisor-reconciler")
    assert_adopted(vm, workers, pid)


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


@case("pkill-hvisor-hits-nobody")
def pkill_hvisor(vm):
    workers, pid = boot_guest(vm), main_pid(vm)
    vm.wait("! pgrep -x hvisor", what="the command that showed the console to be gone")
    assert vm.run("pgrep -l hvisor", check=False).out == ""
    vm.run("pkill hvisor", check=False)
    assert main_pid(vm) == pid and vm.workers("guest") == workers


@case("daemon-tells-systemd-how-it-is")
def daemon_status_text(vm):
    vm.boot("guest", confs.payload("console-hello"))
    vm.wait("systemctl show -P StatusText hvisor-reconciler | grep '1 zone running'", timeout=20)
    record = vm.out("journalctl -q -u hvisor-reconciler -o verbose ZONE=guest")
    for field in ("ZONE=guest", "ACTION=", "RESULT=", "MESSAGE_ID="):
        assert field in record, record
