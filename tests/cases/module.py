# SPDX-License-Identifier: GPL-2.0-or-later
"""hvisor.ko where there is no hypervisor, and what root Linux must not do to itself where there is one."""

import re

from rig import confs
from rig.cases import case


def assert_says_what_to_do(vm):
    """Without the module nothing can be done: the command says so, the daemon says so, and neither pretends."""
    status = vm.run("hvisor status", check=False)
    assert status.status == 1 and "modprobe hvisor" in status.err, status
    vm.wait(lambda: "modprobe hvisor" in vm.journal(), timeout=30, what="the daemon's word about it")
    assert not vm.run("systemctl is-active --quiet hvisor-reconciler", check=False).ok


def assert_refuses_to_load(vm, why):
    tried = vm.run("modprobe hvisor", check=False)
    assert tried.status != 0 and "No such device" in tried.err, tried
    assert not vm.exists("/dev/hvisor") and not vm.exists("/sys/module/hvisor")
    assert f"hvisor: {why}" in vm.dmesg(), vm.out("dmesg | grep hvisor")
    vm.check_taint()


@case("module-refuses-a-machine-that-is-not-under-hvisor", machine="bare")
def not_under_hvisor(vm):
    assert_refuses_to_load(vm, "the device tree has no node compatible with")
    assert_says_what_to_do(vm)
    # what needs no hypervisor works all the same
    vm.run("hvisor check /root/linux2.conf")


@case("module-refuses-a-device-tree-that-promises-a-hypervisor-where-none-answers", machine="orphan")
def no_answer(vm):
    assert vm.exists("/proc/device-tree/hvisor_virtio_device")
    assert_refuses_to_load(vm, "no hypervisor answered the version call")
    assert_says_what_to_do(vm)


@case("module-cannot-be-taken-away")
def cannot_be_unloaded(vm):
    vm.boot("guest", confs.payload("console-hello"))
    vm.run("systemctl stop hvisor-reconciler")
    for command in ("rmmod hvisor", "modprobe -r hvisor"):
        tried = vm.run(command, check=False)
        assert tried.status != 0 and "in use" in tried.err, tried
    assert re.search("hvisor: stays until root Linux restarts, rmmod is refused: .*page", vm.dmesg())
    assert vm.exists("/sys/module/hvisor")
    vm.run("systemctl start hvisor-reconciler")
    vm.console("guest").expect("hello from zone 1")
    vm.console("guest").send("ping\n")
    vm.console("guest").expect("echo: .*PING")


@case("root-linuxs-cpus-stay-online")
def cpus_stay_online(vm):
    """The hypervisor cannot take a CPU of root's off: asking it for that is the end of the board."""
    vm.boot("guest", confs.payload("console-hello"))
    tried = vm.run("echo 0 >/sys/devices/system/cpu/cpu1/online", check=False)
    assert tried.status != 0 and "not permitted" in tried.err, tried
    assert vm.read("/sys/devices/system/cpu/online").strip() == "0-1"
    assert "hvisor: CPU 1 stays online" in vm.dmesg()
    # the other way round: the last one but this goes neither
    vm.run("echo 0 >/sys/devices/system/cpu/cpu0/online", check=False)
    assert vm.read("/sys/devices/system/cpu/online").strip() == "0-1"
    vm.console("guest").expect("hello from zone 1")


@case("root-linux-stays-awake")
def stays_awake(vm):
    """Asleep it answers no zone, and nothing would wake it."""
    vm.boot("guest", confs.payload("console-hello"))
    tried = vm.run("echo freeze >/sys/power/state", check=False)
    assert tried.status != 0 and "not permitted" in tried.err, tried
    assert "hvisor: root Linux stays awake" in vm.dmesg()
    vm.console("guest").expect("hello from zone 1")
