# SPDX-License-Identifier: GPL-2.0-or-later
"""What zones see of their devices, and what is left of it in root Linux."""

from rig import confs
from rig.cases import case

ROOTFS = f"{confs.IMAGES}/rootfs2.ext4"


@case("linux-boots-with-disk-and-console")
def linux_boots(vm):
    """The shipped example. The guest writes, syncs and unmounts; the image holds the bytes and is clean."""
    vm.boot("linux2", confs.example())
    console = vm.console("linux2")
    console.expect("^zone: Linux .* on 2 CPUs")
    console.expect("^zone: disk: this is the disk of the rig$")
    console.expect("^zone: ready$")
    console.expect("zone# ")
    console.command("mount /dev/vda /mnt")
    console.command("seq 20000 >/mnt/numbers")
    digest = console.command("sha256sum </mnt/numbers").split()[0]
    console.command("sync")
    console.command("umount /mnt")
    vm.run(f"e2fsck -fn {ROOTFS}")
    assert vm.out(f"debugfs -R 'cat /numbers' {ROOTFS} 2>/dev/null | sha256sum").split()[0] == digest

    # on disk is on disk: also after the power cut that a deletion is
    vm.remove("linux2")
    vm.wait_zone("linux2", None)
    vm.run(f"e2fsck -fn {ROOTFS}")


@case("linux-powers-off-and-is-not-restarted")
def linux_powers_off(vm):
    vm.boot("guest", confs.linux(disk=None))
    console = vm.console("guest")
    console.expect("zone# ")
    console.send("poweroff -f\n")
    vm.wait_zone("guest", "exited")
    assert vm.hypervisor_zones() == {}


@case("console-both-ways")
def console_both_ways(vm):
    vm.boot("guest", confs.payload("console-irq"))
    console = vm.console("guest")
    console.expect("hello from zone 1")
    console.send("attach me\n")
    console.expect("echo: .*ATTACH ME")
    # who attaches later gets what was said before
    console.close()
    later = vm.out("echo again | hvisor console guest")
    assert "hello from zone 1" in later and "ATTACH ME" in later and "AGAIN" in later, later


@case("disk-as-a-bare-guest-sees-it")
def disk_bare(vm):
    vm.run("truncate -s 1M /tmp/disk.img")
    vm.boot("guest", confs.payload("disk", disk="/tmp/disk.img"))
    console = vm.console("guest")
    console.expect("disk done")
    text = console.text()
    assert "2048 sectors" in text, text
    # sector 1, word 2: the pattern that tests/payload/disk.c tells
    words = vm.read_bytes("/tmp/disk.img")
    pattern = 0x5061796C6F616421 ^ 1 << 16 ^ 2
    assert words[512 + 16:512 + 24] == pattern.to_bytes(8, "little")
    assert len(words) == 1 << 20


@case("killed-idle-worker-is-replaced-and-the-zone-goes-on")
def killed_worker(vm):
    vm.boot("linux2", confs.example())
    console = vm.console("linux2")
    console.expect("zone# ")
    before = vm.workers("linux2")
    for device, pid in before.items():
        vm.run(f"kill -9 {pid}")
        vm.wait(lambda: vm.workers("linux2")[device] not in (None, pid), what=f"a new worker of {device}")
    assert not set(vm.workers("linux2").values()) & set(before.values())
    assert vm.zone("linux2")["state"] == "running"
    # the same guest, which has seen nothing of it
    console = vm.console("linux2")
    console.command("mount /dev/vda /mnt")
    assert console.command("cat /mnt/marker").strip() == "this is the disk of the rig"
    console.command("umount /mnt")
    vm.run(f"e2fsck -fn {ROOTFS}")


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
