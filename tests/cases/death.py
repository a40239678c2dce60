# SPDX-License-Identifier: GPL-2.0-or-later
"""
Workers and the daemon are killed at any moment, while a Linux keeps many requests under way on its disk and a TCP stream
both ways, and checks every byte. It sees no error, no wrong byte, and nothing that never ends.

KILLS= of them in all (make soak); SEED= for the same moments once more, as far as moments can be the same.
"""

import os
import random

from rig import lan, witness
from rig.cases import case

KILLS = int(os.environ.get("KILLS", 5))
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


def strike(vm, victims, before, moment):
    pids = {name: before[name][0] for name in victims if name != DAEMON}
    ends = [end_of(pid, moment) for pid in pids.values()]
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


@case("death-of-workers-and-daemon-at-any-moment-is-not-noticed")
def death(vm):
    moment = random.Random(SEED)
    print(f"SEED={SEED}")
    console, listener = begin(vm)
    now = witness.wait_ready(vm, "linux")
    killed, deaths, i = 0, 0, 0
    while killed < KILLS:
        victims = VICTIMS[i % len(VICTIMS)]
        i += 1
        if deaths + 1 > FREE_FAILURES:
            vm.run(f"sleep {HEALTH}", timeout=120)
            deaths = 0
        now = strike(vm, victims, now, moment)
        killed += len(victims)
        deaths += victims != (DAEMON,)
        assert_gets_on(vm)
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
