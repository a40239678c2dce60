# SPDX-License-Identifier: GPL-2.0-or-later
"""
Workers and the daemon are killed at any moment, by a signal, by a mistake of their own or for want of memory, while a Linux
keeps many requests under way on its disk and a TCP stream both ways, and checks every byte. It sees no error, no wrong byte,
and nothing that never ends.

KILLS= of workers in all (make soak); SEED= for the same moments once more, as far as moments can be the same.
"""

import collections
import itertools
import os
import random

from rig import confs, lan, witness
from rig.cases import case

KILLS = int(os.environ.get("KILLS", 4))
SEED = os.environ.get("SEED") or str(random.randrange(1 << 32))
DISK, DEPTH = "/root/death.img", 16
PORT = 5003
DAEMON = "daemon"
FREE_FAILURES, HEALTH = 5, 31           # so often is a worker replaced at once, until it has lived for so long (engine/backoff.c)

# Who is killed in one go, over and over.
VICTIMS = (("disk",), ("lan",), (DAEMON, "disk", "lan"), ("disk", "lan"), (DAEMON,))


def end_of(pid, moment):
    """From outside, or by a mistake of its own."""
    if moment.random() < 0.3:
        return f"/usr/lib/rig/crash {pid}"
    return f"kill -KILL {pid}"


def killed_for_memory(pid):
    """By the kernel, which is told that it has none left (SysRq f) and whom to take. It takes one at a time."""
    return f"echo 1000 >/proc/{pid}/oom_score_adj; echo f >/proc/sysrq-trigger"


def strike(vm, victims, before, moment):
    pids = {name: before[name][0] for name in victims if name != DAEMON}
    ends = [end_of(pid, moment) for pid in pids.values()]
    if pids and moment.random() < 0.2:
        ends[0] = f"({killed_for_memory(*list(pids.values())[:1])})"
    if DAEMON in victims:
        ends.insert(0, f"kill -KILL {vm.out('systemctl show -P MainPID hvisor-reconciler')}")
    vm.run(f"sleep {moment.random() * 0.4:.3f}; {' & '.join(ends)} & wait")
    vm.wait(lambda: all(witness.attachments(vm, "linux")[name][1] > before[name][1] for name in pids), timeout=120,
            what=f"other workers for {', '.join(pids)}")
    if DAEMON in victims:
        vm.wait("systemctl is-active -q hvisor-reconciler", timeout=60, what="the daemon to be back")
    return witness.wait_ready(vm, "linux")


def begin(vm):
    vm.run(f"truncate -s 16M {DISK}")
    console = lan.boot(vm, disk=DISK)
    lan.up(console)
    listener = vm.background(f"exec /usr/lib/rig/verify-stream listen {PORT}", log="/tmp/stream")
    lan.wait_listening(vm, PORT)
    console.command(f"verify-stream connect {lan.ROOT} {PORT} >/tmp/stream 2>&1 & echo $! >/tmp/streaming")
    console.command(f"verify-disk /dev/vda {DEPTH} >/tmp/disk 2>&1 & echo $! >/tmp/writing")
    return console, listener


def carried(vm):
    """Kicks of the disk and bytes that have come through the tap: both go up for as long as the guest gets on."""
    kicks = next(d["kicks"] for d in vm.zone("linux")["devices"] if d["name"] == "disk")
    return kicks, int(vm.out("cat /sys/class/net/tap0/statistics/rx_bytes"))


def assert_gets_on(vm):
    before = carried(vm)
    vm.wait(lambda: all(now > then for now, then in zip(carried(vm), before)), what="disk and network to go on")


@case("death-for-want-of-memory-takes-others-first-and-then-a-worker-that-is-replaced")
def memory(vm):
    vm.run(f"truncate -s 1M {DISK}")
    vm.boot("guest", confs.payload("disk-loop", disk=DISK))
    console = vm.console("guest")
    console.expect("disk round .* ok")
    before = witness.wait_ready(vm, "guest")
    daemon = vm.out("systemctl show -P MainPID hvisor-reconciler")
    scores = {name: vm.read(f"/proc/{pid}/oom_score_adj").strip() for name, (pid, _) in {**before, DAEMON: (daemon, 0)}.items()}
    assert scores == {DAEMON: "-900", "disk": "-500", "main": "-500"}, scores
    # larger than all others of root Linux, any of which would be as right a choice
    vm.write("/tmp/other.sh", "memory=$(head -c 16777216 /dev/zero | tr '\\0' x)\n: >/tmp/large\nsleep 1000\n")
    vm.run("systemd-run -q --unit=other bash /tmp/other.sh")
    vm.wait("[ -e /tmp/large ]", what="a program that takes much memory")
    vm.run("grep -q 'VmRSS:.*[0-9]\\{5,\\} kB' /proc/$(systemctl show -P MainPID other)/status")
    vm.run("echo f >/proc/sysrq-trigger")
    vm.wait("[ $(systemctl show -P Result other) = oom-kill ]", what="an ordinary program to be taken first")
    assert witness.attachments(vm, "guest") == before
    for device in before:
        pid, generation = witness.wait_ready(vm, "guest")[device]
        vm.run(killed_for_memory(pid))
        vm.wait(lambda: witness.attachments(vm, "guest")[device][1] > generation, what=f"another worker of {device}")
    witness.wait_ready(vm, "guest")
    assert vm.dmesg().count("Out of memory: Killed process") == 3, vm.dmesg()
    assert vm.out("systemctl show -P MainPID hvisor-reconciler") == daemon and vm.zone("guest")["restarts"] == 0
    console.expect("disk round .* ok")


@case("death-of-workers-and-daemon-at-any-moment-is-not-noticed")
def death(vm):
    moment = random.Random(SEED)
    print(f"SEED={SEED}")
    console, listener = begin(vm)
    now = witness.wait_ready(vm, "linux")
    killed, deaths = collections.Counter(), collections.Counter()
    for victims in itertools.cycle(VICTIMS):
        if killed.total() - killed[DAEMON] >= KILLS:
            break
        if any(deaths[name] == FREE_FAILURES for name in victims):
            vm.run(f"sleep {HEALTH}", timeout=120)
            deaths.clear()
        now = strike(vm, victims, now, moment)
        killed.update(victims)
        deaths.update(name for name in victims if name != DAEMON)
        assert_gets_on(vm)
    print(f"killed: {dict(killed)}")
    # a worker that is replaced at once serves before it is in its scope, and is put there all the same
    for device, (pid, _) in now.items():
        vm.wait(f"grep -q 'hvisor-linux-{device}.scope' /proc/{pid}/cgroup", what=f"the worker of {device} to be in its scope")
    console.command("kill -TERM $(cat /tmp/writing /tmp/streaming); "
                    "while kill -0 $(cat /tmp/writing) 2>/dev/null || kill -0 $(cat /tmp/streaming) 2>/dev/null; do usleep 50000; done")
    vm.wait(f"! kill -0 {listener} 2>/dev/null", what="the stream's other end")
    for where, said in (("disk", console.command("cat /tmp/disk")), ("zone", console.command("cat /tmp/stream")),
                        ("root", vm.read("/tmp/stream"))):
        assert " 0 wrong" in said and "lost" not in said and (where != "disk" or " 0 failed" in said), f"SEED={SEED} {where}: {said}"
    assert vm.zone("linux")["restarts"] == 0
    assert "error" not in console.command("dmesg | grep -E 'vda|eth0'").lower()
