# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness itself: what every other case relies on."""

import os

from rig.cases import case
from rig.vm import CommandFailed


@case("harness-runs-commands-and-moves-files")
def runs_commands_and_moves_files(vm):
    result = vm.run("echo out; echo err >&2; exit 3", check=False)
    assert (result.out, result.err, result.status) == ("out\n", "err\n", 3)
    data = os.urandom(300_000)
    vm.write("/tmp/data", data, mode=0o600)
    assert vm.read_bytes("/tmp/data") == data
    assert vm.out("stat -c %a /tmp/data") == "600"
    # more output than a pipe holds, on both streams
    result = vm.run("seq 100000; seq 100000 >&2")
    assert result.out == result.err and len(result.out.splitlines()) == 100000


@case("harness-ends-what-does-not-end")
def ends_what_does_not_end(vm):
    try:
        vm.run("sleep 1000; echo not reached", timeout=1)
    except CommandFailed:
        pass
    else:
        raise AssertionError("a command outlived its time limit")
    vm.wait("! pgrep -x sleep", timeout=10, what="the killed command to be gone")
    # what is left in the background on purpose goes on, and nobody waits for it
    pid = vm.background("sleep 1000")
    vm.run(f"kill -0 {pid}")


@case("harness-gives-each-case-its-own-machine")
def own_machine(vm):
    assert not vm.exists("/run/was-here")
    vm.write("/run/was-here", "")


@case("harness-gives-each-case-its-own-machine-again")
def own_machine_again(vm):
    assert not vm.exists("/run/was-here")


@case("root-linux-is-a-systemd-machine-on-two-cpus")
def systemd_machine(vm):
    assert vm.read("/proc/1/comm").strip() == "systemd"
    assert vm.out("nproc") == "2"
    assert vm.exists("/proc/device-tree/hvisor_virtio_device")
    # a transient scope, as the workers get one, and the journal with fields
    vm.run("systemd-run --scope --unit=probe.scope true")
    vm.run("systemd-cat -t probe echo hello")
    vm.wait("journalctl -q -t probe -o cat | grep -x hello", timeout=10)
    vm.run("busctl --no-pager call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.DBus.Peer Ping")


@case("root-linux-leaves-the-zones-memory-alone")
def zones_memory(vm):
    for line in vm.read("/proc/iomem").splitlines():
        first, name = line.strip().split(" : ", 1)
        if name == "System RAM":
            assert int(first.split("-")[0], 16) >= 0x80000000, line


@case("machine-without-hypervisor-boots", machine="bare")
def bare_machine(vm):
    assert vm.read("/proc/1/comm").strip() == "systemd"
    assert not vm.exists("/proc/device-tree/hvisor_virtio_device")
