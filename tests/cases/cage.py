# SPDX-License-Identifier: GPL-2.0-or-later
"""What a worker that runs is locked up in, seen from outside, and what becomes of one whose code was taken over."""

import errno
import re

from rig import confs, witness
from rig.cases import case

DISK = "/root/disk.img"
# of the daemon; capabilities(7)
CAPABILITIES = {"DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8, "NET_ADMIN": 12, "SYS_PTRACE": 19, "SYS_ADMIN": 21,
                "LEASE": 28}
NAMESPACES = ("mnt", "net", "ipc", "uts", "pid", "cgroup")
UIDS = range(0x7a000000, 0x7a040000)
SIGSYS = 31

# arm64's numbers
CALLS = {
    "disk": {
        "open a file": "56 -100 text:/etc/passwd 0",
        "use /dev/hvisor": "56 -100 text:/dev/hvisor 2",
        "make an io_uring": "425 1 text:123456789012345678901234567890123456789012345678901234567890",
        "map RAM anew": "222 0 4096 3 1 {device} 0",
        "take room that its image does not have": "47 {image} 1 0x100000 0x100000",
    },
    "lan": {
        "make a socket": "198 2 1 0",
        "trace a process": "117 16 1 0 0",
        "signal a process": "129 {main} 0",
        "serve another device": "29 {device} 0xc1a8b740 0",
        "connect to somebody": "203 0 text:/run/hvisor/bus 16",
    },
    "main": {
        "run a program": "221 text:/bin/busybox 0 0",
        "make a namespace": "97 0x10000000",
        "become root": "146 0",
        "make a process": "220 17 0 0 0 0",
        "take hold of a process": "434 {lan} 0",
    },
    "entropy": {
        "map another zone's RAM": "222 0 4096 3 1 {device} {neighbour}",
        "stop its zone": "29 {device} 0xb726 0",
        "take another's descriptor": "438 0 0 0",
        "read another's memory": "270 {lan} 0 0 0 0 0",
        "have a program of its own": "226 0 4096 5",
    },
}


def boot(vm):
    vm.run(f"truncate -s 1M {DISK}")
    vm.boot("guest", confs.payload("console-irq", "lower", DISK, "tap0", rng=True))
    return witness.wait_ready(vm, "guest")


def descriptor(vm, pid, option):
    """The number that a worker was given with this option."""
    return vm.out(f"tr '\\0' ' ' </proc/{pid}/cmdline | sed 's/.*--{option}=\\([0-9]*\\).*/\\1/'")


def inject(vm, pid, call):
    """What becomes of a worker, or of its system call, if its code was taken over to make that."""
    return vm.out(f"/usr/lib/rig/inject {pid} {call}")


def status_of(vm, pid):
    return dict(line.split(":\t", 1) for line in vm.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)


@case("cage-every-worker-is-locked-up-and-each-by-itself")
def locked_up(vm):
    workers = {name: pid for name, (pid, _) in boot(vm).items()}
    assert set(workers) == {"disk", "lan", "main", "entropy"}, workers
    users, seen = set(), {kind: {vm.out(f"readlink /proc/1/ns/{kind}")} for kind in NAMESPACES}
    for name, pid in workers.items():
        status = status_of(vm, pid)
        ids = status["Uid"].split() + status["Gid"].split()
        assert len(set(ids)) == 1 and int(ids[0]) in UIDS, (name, ids)
        users.add(ids[0])
        assert status["Groups"].split() == [], (name, status["Groups"])
        for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[key], 16) == 0, (name, key, status[key])
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", (name, status)
        assert status["Threads"] == ("2" if name == "disk" else "1"), (name, status)
        assert status["NSpid"].split() == [str(pid), "1"], (name, status["NSpid"])
        for kind in NAMESPACES:
            seen[kind].add(vm.out(f"readlink /proc/{pid}/ns/{kind}"))
        # no file system but an empty, read-only one; no network but a loopback that is down
        mounts = vm.read(f"/proc/{pid}/mountinfo").splitlines()
        assert len(mounts) == 1 and " / / ro," in mounts[0] and " - tmpfs " in mounts[0], (name, mounts)
        assert vm.out(f"ls -A /proc/{pid}/root/") == "", name
        assert re.findall(r"^ *(\w+):", vm.read(f"/proc/{pid}/net/dev"), re.M) == ["lo"], name
        limits = vm.read(f"/proc/{pid}/limits")
        for limit in ("Max core file size +0 +0", "Max open files +1 +1", "Max processes +64 +64", "Max locked memory +0 +0"):
            assert re.search(limit, limits), (name, limit, limits)
        assert f"hvisor-guest-{name}.scope" in vm.read(f"/proc/{pid}/cgroup"), name
    assert len(users) == len(workers), users
    for kind, found in seen.items():
        assert len(found) == len(workers) + 1, f"a {kind} namespace is shared: {found}"
    assert not vm.out("journalctl -q -b --no-pager -g 'its cage lacks' || true"), "a wall is missing"


@case("cage-a-worker-whose-code-was-taken-over-is-killed-at-once-and-its-guest-goes-on")
def taken_over(vm):
    vm.boot("neighbour", confs.payload("console-irq", "upper"))
    boot(vm)
    console = vm.console("guest")
    console.expect("hello from zone 1")
    # one call of each device's in a round, then all are replaced
    for calls in zip(*(calls.items() for calls in CALLS.values()), strict=True):
        workers = witness.wait_ready(vm, "guest")
        for device, (what, call) in zip(CALLS, calls):
            pid, _ = workers[device]
            words = {"device": descriptor(vm, pid, "device-fd"), "main": workers["main"][0], "lan": workers["lan"][0],
                     "neighbour": hex(confs.PLACES["upper"].memory)}
            if "{image}" in call:
                words["image"] = descriptor(vm, pid, "image-fd")
            said = inject(vm, pid, call.format(**words))
            assert said == f"killed by {SIGSYS}", f"{device} can {what}: {said}"
        vm.wait(lambda: all(now[1] > workers[name][1] for name, now in witness.attachments(vm, "guest").items()), what="other workers")
    # what a worker does all the time is no more than what it is let do
    pid = witness.wait_ready(vm, "guest")["main"][0]
    assert inject(vm, pid, "113 1 0") == "returned -14"
    assert witness.wait_ready(vm, "guest")["main"][0] == pid
    # a disk writes, but not beyond the image's end
    pid = witness.wait_ready(vm, "guest")["disk"][0]
    image = descriptor(vm, pid, "image-fd")
    assert inject(vm, pid, f"62 {image} {1 << 20} 0") == f"returned {1 << 20}"
    assert inject(vm, pid, f"64 {image} text:more 4") == f"returned -{errno.EFBIG}"
    assert vm.out(f"stat -c '%s %b' {DISK}") == f"{1 << 20} 0"
    # its ring does what a disk does, and that with its image
    assert vm.out(f"/usr/lib/rig/hijack-ring {pid} /etc/passwd").splitlines() == ["returned 1", f"openat through the ring: -{errno.EACCES}"]
    vm.run(f"kill -9 {pid}")
    witness.wait_ready(vm, "guest")
    assert vm.zone("neighbour")["restarts"] == 0
    console.send("still here\n")
    console.expect("^echo: .*STILL HERE")


@case("cage-a-worker-that-takes-too-much-is-killed-and-its-guest-sees-nothing")
def limits(vm):
    vm.run(f"truncate -s 64M {DISK}")
    text = confs.linux(disk=DISK)
    limited = text.replace(f"Image={DISK}\n", f"Image={DISK}\nCPUQuota=50%\nMemoryMax=24M\n")
    vm.boot("guest", limited)
    console = vm.console("guest")
    console.expect("zone# ")
    pid, _ = witness.wait_ready(vm, "guest")["disk"]
    scope = "hvisor-guest-disk.scope"
    shown = dict(line.split("=", 1) for line in vm.out(f"systemctl show {scope} -p CPUQuotaPerSecUSec -p MemoryMax").splitlines())
    assert shown == {"CPUQuotaPerSecUSec": "500ms", "MemoryMax": str(24 << 20)}, shown
    # the image is in root Linux's RAM here, so what is written beyond the limit gets the worker killed: to the guest that is nothing
    assert console.command("dd if=/dev/zero of=/dev/vda bs=1M count=48 2>/dev/null; echo $?").strip() == "0"
    vm.wait(lambda: witness.attachments(vm, "guest")["disk"][0] not in (None, 0, pid), what="another worker")
    pid, _ = witness.wait_ready(vm, "guest")["disk"]
    assert "oom-kill:constraint=CONSTRAINT_MEMCG" in vm.out("dmesg")
    assert console.command("dd if=/dev/vda of=/dev/null bs=1M count=48 2>/dev/null; dmesg | grep -c 'I/O error' || true").strip() == "0"
    disk = next(d for d in vm.zone("guest")["devices"] if d["name"] == "disk")
    assert 0 < disk["memory"] <= 24 << 20 and disk["cpu_time"] > 0, disk
    assert re.search(r"^disk .* \d+\.\d+M +\d+\.\d\ds", vm.out("hvisor status guest"), re.M), vm.out("hvisor status guest")
    # another limit is another worker, and nothing to the guest
    vm.drop("guest", limited.replace("MemoryMax=24M", "MemoryMax=32M"))
    vm.wait(lambda: witness.attachments(vm, "guest")["disk"][0] not in (None, 0, pid), what="another worker")
    witness.wait_ready(vm, "guest")
    assert vm.out(f"systemctl show -P MemoryMax {scope}") == str(32 << 20)
    assert console.command("dd if=/dev/vda of=/dev/null bs=1M count=1 2>/dev/null && echo read").strip() == "read"


@case("cage-the-daemon-has-no-more-privileges-than-it-uses")
def daemon_privileges(vm):
    boot(vm)
    pid = vm.out("systemctl show -P MainPID hvisor-reconciler")
    status = status_of(vm, pid)
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == sum(1 << n for n in CAPABILITIES.values()), status
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
