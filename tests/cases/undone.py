# SPDX-License-Identifier: GPL-2.0-or-later
"""A start that fails midway is undone: nothing is left of it, the status says why, and it succeeds once the cause is gone."""

from rig import confs
from rig.cases import case

WORKER = "/usr/libexec/hvisor/device"

# What prints nothing once nothing is left.
LEFT = {
    "objects": "/usr/lib/rig/kernel-objects",
    "zones": "/usr/lib/rig/old-zone list | grep -v '^0 '",
    "processes": "pgrep -f libexec/hvisor/device",
    "scopes": "systemctl --no-legend --plain --all list-units 'hvisor-*.scope'",
    "files": "ls -A /run/hvisor/zones /run/hvisor/consoles | grep -v -e '^/run' -e '^$'",
}


def assert_undone(vm):
    """No kernel object, no process, no scope, no zone. It is tried again after a while: looked at in between."""
    def looked():
        before = vm.zone("guest")
        left = {what: vm.run(command, check=False).out for what, command in LEFT.items()}
        after = vm.zone("guest")
        if before["state"] != "failed" or after["state"] != "failed" or before["restarts"] != after["restarts"]:
            return False                                # it was tried in the midst of it
        scopes = left.pop("scopes")                     # systemd takes its time
        assert not any(left.values()), left
        return not scopes
    vm.wait(looked, what="nothing to be left")


def fails(vm, *words):
    """The zone is failed, says why, and will be tried again."""
    zone = vm.wait_zone("guest", "failed")
    assert all(w in zone["message"] for w in words), zone
    assert zone["retry_in"] is not None, zone
    journal = vm.out("journalctl -q -o cat -u hvisor-reconciler ZONE=guest RESULT=failed")
    assert all(w in journal for w in words), journal


def runs(vm):
    vm.wait_zone("guest", "running")
    vm.console("guest").expect("hello from zone 1")


@case("a-missing-kernel-is-told-and-the-zone-starts-once-it-is-there")
def missing_kernel(vm):
    vm.drop("guest", confs.payload("console-hello", Kernel="/tmp/kernel.bin"))
    fails(vm, "/tmp/kernel.bin", "No such file")
    assert_undone(vm)
    vm.run(f"cp {confs.IMAGES}/payload/console-hello.bin /tmp/kernel.bin")
    runs(vm)


@case("a-kernel-that-does-not-fit-its-ram-is-refused")
def large_kernel(vm):
    vm.run(f"cp {confs.IMAGES}/payload/console-hello.bin /tmp/kernel.bin; truncate -s 1G /tmp/kernel.bin")
    vm.drop("guest", confs.payload("console-hello", Kernel="/tmp/kernel.bin"))
    fails(vm, "/tmp/kernel.bin", "guest.conf:")
    assert_undone(vm)
    vm.run("truncate -s 64K /tmp/kernel.bin")
    runs(vm)


@case("a-disk-without-its-image-is-told-and-the-zone-starts-once-it-is-there")
def missing_disk(vm):
    vm.drop("guest", confs.payload("console-hello", disk="/tmp/disk.img"))
    fails(vm, "/tmp/disk.img", "No such file")
    assert_undone(vm)
    vm.run("truncate -s 1M /tmp/disk.img")
    runs(vm)


@case("a-locked-image-fails-the-start-until-it-is-free")
def locked_image(vm):
    vm.run("truncate -s 1M /tmp/disk.img")
    holder = vm.background("exec /usr/lib/rig/hold-lock /tmp/disk.img", log="/tmp/holder")
    vm.wait("grep locked /tmp/holder", what="the lock")
    vm.drop("guest", confs.payload("console-hello", disk="/tmp/disk.img"))
    fails(vm, "device disk", "before it served")
    assert "zone guest, device disk: image is locked by another process" in vm.out("journalctl -q -o cat -t hvisor-reconciler")
    assert_undone(vm)
    vm.run(f"kill {holder}")
    runs(vm)


@case("a-worker-that-ends-at-once-fails-the-start")
def worker_ends(vm):
    vm.write("/tmp/device", "#!/bin/sh\nexit 7\n", mode=0o755)
    vm.run(f"mount --bind /tmp/device {WORKER}")
    vm.drop("guest", confs.payload("console-hello"))
    fails(vm, "device main", "status 7", "before it served")
    assert_undone(vm)
    vm.run(f"umount -l {WORKER}")
    runs(vm)


@case("a-worker-that-never-serves-fails-the-start")
def worker_hangs(vm):
    """Neither does it mind SIGTERM. The second device's worker is a good one, and ends with the first."""
    vm.write("/tmp/device", f"#!/bin/bash\n[ $1 = block ] && exec -a \"$0\" /tmp/good \"$@\"\ntrap '' TERM\nexec sleep 1000\n", mode=0o755)
    vm.run(f"cp {WORKER} /tmp/good && truncate -s 1M /tmp/disk.img && mount --bind /tmp/device {WORKER}")
    vm.drop("guest", confs.payload("console-hello", disk="/tmp/disk.img"))
    fails(vm, "device main", "did not attach")
    assert_undone(vm)


@case("ram-that-another-zone-has-fails-the-start-until-it-is-free")
def foreign_ram(vm):
    """Where a foreign zone's RAM is nobody but the module knows."""
    vm.run(f"/usr/lib/rig/old-zone start 3 stranger 0x8 0x50000000 0x1000000 {confs.IMAGES}/payload/sleep.bin")
    vm.drop("guest", confs.payload("console-hello", "lower"))
    fails(vm, "RAM", "another zone")
    assert vm.hypervisor_zones() == {3: "0x8 stranger"}
    assert vm.out("/usr/lib/rig/kernel-objects") == ""
    vm.run("/usr/lib/rig/old-zone shutdown 3")
    runs(vm)
