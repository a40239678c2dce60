# SPDX-License-Identifier: GPL-2.0-or-later
"""Zones that are real Linuxes, and the processes that serve them."""

from rig import confs
from rig.cases import case


@case("linux-powers-off-and-is-not-restarted")
def linux_powers_off(vm):
    console = vm.boot_linux("linux2", confs.example())
    console.send("poweroff -f\n")
    vm.wait_zone("linux2", "exited")
    assert vm.hypervisor_zones() == {}


@case("workers-have-no-privileges")
def worker_privileges(vm):
    vm.run("truncate -s 1M /tmp/disk.img")
    vm.boot("guest", confs.payload("disk-loop", disk="/tmp/disk.img"))
    for device, pid in vm.workers("guest").items():
        status = dict(line.split(":\t", 1) for line in vm.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
        assert status["Uid"].split()[0] != "0", (device, status["Uid"])
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0, (device, status)
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", (device, status)
        assert f"hvisor-guest-{device}.scope" in vm.read(f"/proc/{pid}/cgroup")
        assert "hvisor" not in status["Name"]
