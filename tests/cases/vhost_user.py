# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that foreign vhost-user back-ends serve; a back-end may die, and so may the worker that speaks to it."""

import hashlib
import os

from rig import confs, programs, witness
from rig.cases import case

DISK, DISK_SOCKET = "/root/foreign.img", "/run/foreign-disk"
SHARE, SHARE_SOCKET = "/srv/share", "/run/foreign-share"
MODULES = "/root/modules.img"
MIB = 1 << 20
IDLE = 40                               # time slices of a worker that gives no more than signs of life
REQUESTS = 512


def with_disk():
    """In the place of the zone's own disk."""
    return confs.linux(disk=None) + f"[VhostUser foreign]\nType=block\nSocket={DISK_SOCKET}\nAddress=0xa003c00\nInterrupt=78\n"


def with_share():
    """In the place of the network card; the disk has what its driver needs."""
    text = confs.linux(disk=MODULES, tap="tap0").replace("[Net lan]\nTap=tap0\n",
                                                         f"[VhostUser foreign]\nType=fs\nTag=home\nSocket={SHARE_SOCKET}\n")
    assert "VhostUser" in text, text
    return text


def foreign(vm):
    return vm.device("linux", "foreign")


def wait_next(vm, generation):
    return vm.wait(lambda: (d := foreign(vm))["state"] == "ready" and d["generation"] > generation and d, what="another worker")


def storage_daemon(vm):
    pid = vm.background(programs.command("qemu-storage-daemon", f"--blockdev driver=file,node-name=f,filename={DISK} --export "
                        f"type=vhost-user-blk,id=e,node-name=f,writable=on,addr.type=unix,addr.path={DISK_SOCKET}"), "/tmp/qsd.log")
    vm.wait(f"test -S {DISK_SOCKET}", what="the storage daemon")
    return pid


@case("vhost-user-a-foreign-disk-works-and-neither-side-of-it-is-missed-when-it-dies")
def disk(vm):
    data = os.urandom(8 * MIB)
    programs.install(vm, programs.BACK_ENDS)
    vm.write(DISK, data)
    daemon = storage_daemon(vm)
    console = vm.boot_linux("linux", with_disk())
    assert foreign(vm)["type"] == "block", foreign(vm)
    worker, generation = witness.attachments(vm, "linux")["foreign"]

    before = witness.switches(vm, worker)
    console.command(f"dd if=/dev/vda of=/dev/null bs=4k count={REQUESTS} iflag=direct")
    assert console.command("sha256sum </dev/vda").split()[0] == hashlib.sha256(data).hexdigest()
    assert witness.switches(vm, worker) - before <= IDLE, "the worker ran while requests were served"

    # written in pieces, synced each, with everybody killed in between
    console.command("dd if=/dev/urandom of=/tmp/data bs=64k count=64")
    digest = console.command("sha256sum </tmp/data").split()[0]
    console.send("for i in $(seq 0 63); do dd if=/tmp/data of=/dev/vda bs=64k count=1 skip=$i seek=$i conv=fsync 2>/dev/null "
                 "|| break; done; echo \"written [$i]\"\n")
    vm.run(f"kill -9 {worker}")
    generation = wait_next(vm, generation)["generation"]
    vm.run(f"kill -9 {daemon}; rm {DISK_SOCKET}")
    vm.wait(lambda: DISK_SOCKET in (foreign(vm)["message"] or ""), what="a word about the back-end")
    assert foreign(vm)["worker_pid"] is None and vm.zone("linux")["state"] == "running"
    storage_daemon(vm)
    wait_next(vm, generation)
    console.expect(r"^written \[63\]$")
    assert vm.out(f"head -c {4 * MIB} {DISK} | sha256sum").split()[0] == digest
    assert console.command("head -c 4194304 /dev/vda | sha256sum").split()[0] == digest
    assert vm.zone("linux")["restarts"] == 0


def file_system_daemon(vm):
    """It ends with each connection: somebody has to start it again."""
    once = programs.command("virtiofsd", f"--socket-path={SHARE_SOCKET} -o source={SHARE} -o sandbox=chroot -f")
    vm.background(f"mkdir -p /var/run/virtiofsd; while :; do ({once}); done", "/tmp/virtiofsd.log")
    vm.wait(f"test -S {SHARE_SOCKET}", what="virtiofsd")


@case("vhost-user-a-zone-mounts-a-folder-of-root-linux-and-again-when-virtiofsd-or-the-worker-died")
def folder(vm):
    data = os.urandom(2 * MIB)
    programs.install(vm, programs.BACK_ENDS)
    vm.run(f"mkdir -p {SHARE} /tmp/modules && cp $(find /lib/modules/ -name fuse.ko -o -name virtiofs.ko) /tmp/modules && "
           f"touch /tmp/modules/marker && truncate -s 4M {MODULES} && mke2fs -q -t ext4 -d /tmp/modules {MODULES}")
    vm.write(f"{SHARE}/data", data)
    file_system_daemon(vm)
    console = vm.boot_linux("linux", with_share())
    console.command("mount -o ro /dev/vda /mnt && insmod /mnt/fuse.ko && insmod /mnt/virtiofs.ko && mkdir /tmp/share")
    mount = "mount -t virtiofs home /tmp/share"

    console.command(mount)
    assert console.command("sha256sum </tmp/share/data").split()[0] == hashlib.sha256(data).hexdigest()
    # busybox writes each number for itself: not to the share, where each is a request
    console.command("seq 100000 >/tmp/numbers && dd if=/tmp/numbers of=/tmp/share/numbers bs=64k && umount /tmp/share")
    numbers = hashlib.sha256("".join(f"{n}\n" for n in range(1, 100001)).encode()).hexdigest()
    assert vm.out(f"sha256sum <{SHARE}/numbers").split()[0] == numbers

    for victim in ("virtiofsd", "worker"):
        console.command(mount)
        device = foreign(vm)
        vm.run(f"kill -9 {device['worker_pid']}" if victim == "worker" else "pkill -9 -x virtiofsd")
        wait_next(vm, device["generation"])
        console.command(f"umount /tmp/share; {mount}")
        assert console.command("sha256sum </tmp/share/numbers").split()[0] == numbers
        console.command("umount /tmp/share")
    assert vm.zone("linux")["restarts"] == 0
