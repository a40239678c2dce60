# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks: what the guest writes is in the image, what is in the image the guest reads, and nothing else happens to it."""

import hashlib
import os
import struct

from rig import confs, witness
from rig.cases import case

ROOTFS = f"{confs.IMAGES}/rootfs2.ext4"
DISK = "/root/disk.img"
MIB = 1 << 20

# tests/payload/disk.c, mode 0: word j of sector s
PATTERN = 0x5061796C6F616421
WRITTEN = b"".join(struct.pack("<Q", PATTERN ^ s << 16 ^ j) for s in range(8) for j in range(64))


def with_keys(text, **keys):
    """The disk with more keys."""
    return text.replace("[Block disk]\n", "[Block disk]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()))


def read_only(text):
    return with_keys(text, ReadOnly="yes")


@case("disk-a-linux-writes-syncs-unmounts-and-the-image-holds-it-and-is-clean")
def linux_writes(vm):
    console = vm.boot_linux("linux", confs.linux())
    console.command("mount /dev/vda /mnt")
    console.command("mkdir /mnt/a && seq 50000 >/mnt/a/numbers && rm /mnt/marker && mv /mnt/a /mnt/b")
    digest = console.command("sha256sum </mnt/b/numbers").split()[0]
    console.command("sync && umount /mnt")
    assert digest == hashlib.sha256("".join(f"{n}\n" for n in range(1, 50001)).encode()).hexdigest()

    vm.run(f"e2fsck -fn {ROOTFS}")
    assert vm.out(f"debugfs -R 'cat /b/numbers' {ROOTFS} 2>/dev/null | sha256sum").split()[0] == digest
    assert "marker" not in vm.out(f"debugfs -R 'ls /' {ROOTFS} 2>/dev/null")
    # a deletion is a power cut: what was synced is there all the same
    vm.remove("linux")
    vm.wait_zone("linux", None)
    vm.run(f"e2fsck -fn {ROOTFS}")
    assert vm.out(f"debugfs -R 'cat /b/numbers' {ROOTFS} 2>/dev/null | sha256sum").split()[0] == digest


@case("disk-megabytes-go-both-ways-unchanged")
def megabytes(vm):
    data = os.urandom(8 * MIB)
    vm.write(DISK, data)
    console = vm.boot_linux("linux", confs.linux(disk=DISK))
    assert console.command("sha256sum </dev/vda").split()[0] == hashlib.sha256(data).hexdigest()
    assert console.command("blockdev --getsize64 /dev/vda").strip() == str(8 * MIB)

    console.command("dd if=/dev/urandom of=/tmp/data bs=64k count=112 && dd if=/tmp/data of=/dev/vda bs=64k seek=16 && sync")
    digest = console.command("sha256sum </tmp/data").split()[0]
    now = vm.read_bytes(DISK)
    assert now[:MIB] == data[:MIB], "what was not written has changed"
    assert len(now) == 8 * MIB and hashlib.sha256(now[MIB:]).hexdigest() == digest


@case("disk-a-linux-cannot-write-a-read-only-disk")
def linux_read_only(vm):
    before = vm.out(f"sha256sum {ROOTFS}")
    vm.run(f"chmod 444 {ROOTFS}")
    console = vm.boot_linux("linux", read_only(confs.linux()))
    assert console.command("cat /sys/block/vda/ro").strip() == "1"
    console.command("mount -o ro /dev/vda /mnt && cat /mnt/marker && ! touch /mnt/x && umount /mnt")
    console.command("! mount -o rw /dev/vda /mnt || ! touch /mnt/x")
    console.command("! dd if=/dev/zero of=/dev/vda bs=4k count=1 conv=fsync")
    assert vm.out(f"sha256sum {ROOTFS}") == before


def run_payload(vm, text):
    """Return: what the payload "disk" said, line by line."""
    vm.boot("guest", text)
    console = vm.console("guest")
    console.expect("^payload: disk done$")
    return dict(line.removeprefix("payload: ").split(": ", 1) for line in console.text().splitlines()
                if line.startswith("payload: ") and ": " in line.removeprefix("payload: "))


@case("disk-a-bare-guest-gets-its-sectors-its-id-and-nothing-beyond-the-end")
def bare_guest(vm):
    rest = os.urandom(MIB)
    vm.write(DISK, rest)
    said = run_payload(vm, confs.payload("disk", disk=DISK))
    assert said == {"disk capacity": "2048 sectors, flush yes", "disk write, flush, read": "ok", "disk id": "guest.disk",
                    "disk read beyond the end": "refused"}, said
    assert vm.read_bytes(DISK) == WRITTEN + rest[len(WRITTEN):]


@case("disk-a-bare-guest-that-ignores-read-only-writes-nothing")
def bare_guest_read_only(vm):
    data = os.urandom(MIB)
    vm.write(DISK, data)
    said = run_payload(vm, read_only(confs.payload("disk", disk=DISK)))
    assert said["disk write, flush, read"] == "FAILED", said
    assert vm.read_bytes(DISK) == data
    assert witness.wait_ready(vm, "guest")


@case("disk-an-image-that-is-in-use-is-not-given-to-another-zone")
def in_use(vm):
    vm.run(f"truncate -s 1M {DISK}; ln {DISK} /root/same.img")
    vm.boot("lower", confs.payload("disk-loop", "lower", disk=DISK))
    vm.console("lower").expect("disk round")
    # by its own name the plan refuses it; by another name the lock does, or the plan
    vm.drop("upper", confs.payload("disk-loop", "upper", disk=DISK))
    refused = vm.wait_zone("upper", "refused")
    assert DISK in refused["message"] and "lower" in refused["message"], refused
    vm.drop("upper", confs.payload("disk-loop", "upper", disk="/root/same.img"))
    vm.wait(lambda: vm.zone("upper")["state"] in ("refused", "failed"), what="the same image by another name to be refused")
    assert list(vm.hypervisor_zones()) == [1]
    vm.console("lower").expect("disk round")


def queue_file(console, name):
    return console.command(f"cat /sys/block/vda/queue/{name}").strip()


@case("disk-a-linux-sees-what-its-disk-is-hears-that-it-grows-and-gives-room-back")
def linux_sees(vm):
    vm.run(f"truncate -s 8M {DISK}")
    console = vm.boot_linux("linux", with_keys(confs.linux(disk=DISK), Serial="SN-0001", BlockSize=4096))
    assert console.command("cat /sys/block/vda/serial").strip() == "SN-0001"
    assert queue_file(console, "logical_block_size") == "4096"
    assert queue_file(console, "write_cache") == "write back"
    assert len(console.command("ls /sys/block/vda/mq").split()) == 2, "a queue for each of the zone's CPUs"
    _, generation = witness.wait_ready(vm, "linux")["disk"]

    # sparse it stays: the guest reads all of it, writes 2 MiB, and takes one of them back
    console.command("dd if=/dev/vda of=/dev/null bs=64k && dd if=/dev/urandom of=/dev/vda bs=64k seek=32 count=32 && sync")
    assert int(vm.out(f"stat -c %b {DISK}")) * 512 == 2 * MIB
    console.command(f"blkdiscard -o {2 * MIB} -l {MIB} /dev/vda")
    assert int(vm.out(f"stat -c %b {DISK}")) * 512 == MIB
    assert vm.read_bytes(DISK)[2 * MIB:3 * MIB] == bytes(MIB)

    vm.run(f"truncate -s 16M {DISK}")
    vm.wait(lambda: console.command("blockdev --getsize64 /dev/vda").strip() == str(16 * MIB), what="the guest to see a larger disk")
    digest = console.command("dd if=/dev/urandom of=/tmp/end bs=64k count=16 && dd if=/tmp/end of=/dev/vda bs=64k seek=240 && sync && "
                             "sha256sum </tmp/end").split()[-2]
    assert hashlib.sha256(vm.read_bytes(DISK)[15 * MIB:]).hexdigest() == digest
    # by a worker that may write there: the one before could not have, whatever it was made to do
    assert witness.wait_ready(vm, "linux")["disk"][1] == generation + 1
    assert console.command("dmesg | grep -c 'I/O error' || true").strip() == "0"


@case("disk-a-full-file-system-is-an-error-for-the-guest-that-writes-and-for-no-other-request")
def full(vm):
    vm.run("mkdir /small && mount -t tmpfs -o size=2M none /small && truncate -s 8M /small/disk.img")
    console = vm.boot_linux("linux", confs.linux(disk="/small/disk.img"))
    console.command("dd if=/dev/urandom of=/tmp/data bs=64k count=16 && dd if=/tmp/data of=/dev/vda bs=64k conv=fsync")
    console.command("! dd if=/dev/urandom of=/dev/vda bs=64k seek=16 count=64 conv=fsync")
    assert "I/O error" in console.command("dmesg | grep 'I/O error'")
    console.command("echo 3 >/proc/sys/vm/drop_caches")
    assert console.command("head -c 1048576 /dev/vda | cmp - /tmp/data && echo same").strip() == "same"
    # room again, and all is well
    vm.run("mount -o remount,size=16M /small")
    console.command("dd if=/tmp/data of=/dev/vda bs=64k seek=64 conv=fsync")
    assert vm.zone("linux")["state"] == "running" and witness.wait_ready(vm, "linux")


@case("disk-a-block-device-past-the-page-cache-works-and-grows")
def block_device(vm):
    vm.run(f"modprobe loop; truncate -s 8M {DISK}; losetup /dev/loop0 {DISK}")
    conf = with_keys(confs.linux(disk="/dev/loop0"), Cache="none")
    console = vm.boot_linux("linux", conf)
    assert console.command("blockdev --getsize64 /dev/vda").strip() == str(8 * MIB)
    console.command("dd if=/dev/urandom of=/tmp/data bs=64k count=32 && dd if=/tmp/data of=/dev/vda bs=64k seek=8 conv=fsync && "
                    "echo 3 >/proc/sys/vm/drop_caches")
    assert console.command("tail -c +524289 /dev/vda | head -c 2097152 | cmp - /tmp/data && echo same").strip() == "same"
    digest = console.command("sha256sum </tmp/data").split()[0]
    assert hashlib.sha256(vm.read_bytes(DISK)[MIB // 2:MIB // 2 + 2 * MIB]).hexdigest() == digest
    # udev touches the node of a device that has changed
    vm.run(f"truncate -s 16M {DISK}; losetup -c /dev/loop0")
    vm.wait(lambda: console.command("blockdev --getsize64 /dev/vda").strip() == str(16 * MIB), what="the guest to see a larger disk")
