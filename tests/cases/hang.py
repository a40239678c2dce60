# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers that hang: whatever their guest does or waits for, they are noticed, replaced and told of."""

import contextlib

from rig import confs, witness
from rig.cases import case

DISK = "/root/hang.img"
HANG_MS = "/sys/module/hvisor/parameters/worker_hang_ms"


def disk_kicks(vm):
    return vm.device("linux", "disk")["kicks"]


@case("a-worker-that-hangs-under-load-shows-no-sign-of-life-and-is-replaced")
def under_load(vm):
    vm.run(f"echo 1500 >{HANG_MS}; truncate -s 8M {DISK}")
    console = vm.boot_linux("linux", confs.linux(disk=DISK))
    console.command("verify-disk /dev/vda 8 >/tmp/verified 2>&1 & echo $! >/tmp/pid")
    before = witness.wait_ready(vm, "linux")
    kicks = disk_kicks(vm)
    vm.wait(lambda: disk_kicks(vm) > kicks + 50, what="the disk to be busy")

    hung = {device: before[device][0] for device in ("disk", "main")}
    vm.run(f"kill -STOP {' '.join(map(str, hung.values()))}")
    console.send("echo typed at nobody\n")
    vm.wait(lambda: all(witness.attachments(vm, "linux")[device][1] > before[device][1] for device in hung),
            timeout=120, what="other workers")
    for device, pid in hung.items():
        vm.wait(f"! kill -0 {pid} 2>/dev/null", timeout=20, what=f"the hung worker of {device} to be dead")
    witness.wait_ready(vm, "linux")

    # why, for whoever asks; and the guest has noticed nothing
    assert "showed no sign of life" in vm.dmesg()
    told = [r for r in witness.records(vm, "linux") if r[2] == "worker-restart" or "no sign of life" in (r[4] or "")]
    assert any("no sign of life" in r[4] for r in told), told
    console.expect("typed at nobody")
    console.command("kill -TERM $(cat /tmp/pid); while kill -0 $(cat /tmp/pid) 2>/dev/null; do usleep 100000; done")
    assert " 0 wrong, 0 failed" in console.command("cat /tmp/verified")
    assert vm.zone("linux")["restarts"] == 0


@case("a-worker-whose-storage-does-not-answer-is-no-hung-one")
def frozen(vm):
    vm.run(f"echo 1500 >{HANG_MS}; truncate -s 64M /root/frozen && mke2fs -q -t ext4 /root/frozen && modprobe loop && "
           f"mkdir -p /root/mnt && mount -o loop /root/frozen /root/mnt && truncate -s 8M /root/mnt/disk.img")
    console = vm.boot_linux("linux", confs.linux(disk="/root/mnt/disk.img"))
    before = witness.wait_ready(vm, "linux")

    with contextlib.ExitStack() as thawed:
        vm.run("busybox fsfreeze --freeze /root/mnt")
        thawed.callback(vm.run, "busybox fsfreeze --unfreeze /root/mnt")
        console.command("verify-disk /dev/vda 8 >/tmp/verified 2>&1 & echo $! >/tmp/pid")
        vm.wait(f"grep -q '^State:.D' /proc/{before['disk'][0]}/status", timeout=60, what="the worker to wait for its file system")
        vm.run("sleep 4")               # longer than a worker may be silent
    kicks = disk_kicks(vm)
    vm.wait(lambda: disk_kicks(vm) > kicks + 50, what="the disk to be busy")
    assert witness.attachments(vm, "linux")["disk"] == before["disk"]
    assert "no sign of life" not in vm.dmesg()
    console.command("kill -TERM $(cat /tmp/pid); while kill -0 $(cat /tmp/pid) 2>/dev/null; do usleep 100000; done")
    assert " 0 wrong, 0 failed" in console.command("cat /tmp/verified")
