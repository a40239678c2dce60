# SPDX-License-Identifier: GPL-2.0-or-later
"""Two zones at once, each a CPU and a half of the RAM: what happens to one is nothing to the other."""

import os

from rig import confs, witness
from rig.cases import case
from rig.vm import ZONES_D

RESTARTS = int(os.environ.get("RESTARTS", 10))
DISK = "/root/upper.img"

# In the zone: a megabyte, other bytes in each round, to the disk and back. /tmp/rounds counts those that were right.
IO = """dd if=/dev/urandom of=/tmp/data bs=64k count=15 2>/dev/null
n=0
while [ ! -e /tmp/stop ]; do
n=$((n + 1))
{ echo round $n; cat /tmp/data; } >/tmp/now
dd if=/tmp/now of=/dev/vda bs=64k conv=notrunc,fsync 2>/dev/null || break
echo 3 >/proc/sys/vm/drop_caches
head -c $(stat -c %s /tmp/now) /dev/vda | cmp -s - /tmp/now || break
echo $n >/tmp/rounds
done
echo ended after round $n >/tmp/end
"""

# In root Linux: $1 times there and gone again, without a look in between but for what the guest says.
COME_AND_GO = f"""set -e
listed() {{ /usr/lib/rig/old-zone list | grep -q lower; }}
said() {{ hvisor console lower --timeout=0 </dev/null 2>/dev/null | grep -q "disk round"; }}
gone() {{ ! listed && ! said; }}
wait_until() {{
        for try in $(seq 600); do $1 && return; sleep 0.05; done
        echo "round $i: not $1"
        exit 1
}}
for i in $(seq $1); do
        cp /root/lower.conf {ZONES_D}/
        wait_until said
        rm {ZONES_D}/lower.conf
        wait_until gone
done
"""


def start_io(vm, zone):
    console = vm.console(zone)
    console.expect("zone# ")
    for line in IO.splitlines():
        console.command(f"echo '{line}' >>/tmp/io")
    console.send("sh /tmp/io &\n")
    return console


def rounds(console):
    return int(console.command("cat /tmp/rounds 2>/dev/null || echo 0").split()[-1])


@case("two-linux-zones-side-by-side-and-one-comes-and-goes-while-the-other-works")
def two_linux(vm):
    vm.run(f"truncate -s 16M {DISK}")
    lower, upper = confs.linux("lower"), confs.linux("upper", disk=DISK)
    vm.drop("lower", lower)
    vm.drop("upper", upper)
    for name in ("lower", "upper"):
        vm.console(name).expect("^zone: ready$", timeout=240)
    assert vm.hypervisor_zones() == {1: "0x4 lower", 2: "0x8 upper"}
    serving = witness.wait_ready(vm, "upper")

    console = start_io(vm, "upper")
    vm.wait(lambda: rounds(console) > 0, what="the upper zone's disk to be written and read")

    # the one that comes and goes is a Linux twice, then something that starts at once and does nothing but I/O
    for _ in range(2):
        vm.run("hvisor restart lower")
        vm.console("lower").close()
        vm.wait(lambda: vm.run("hvisor console lower --timeout=0 </dev/null | grep -q '^zone: ready'", check=False).ok,
                timeout=240, what="the lower Linux to be up again")
    vm.remove("lower")
    vm.wait_zone("lower", None)
    before = rounds(console)
    vm.run("truncate -s 1M /root/lower.img")
    vm.write("/root/lower.conf", confs.payload("disk-loop", "lower", disk="/root/lower.img"))
    vm.write("/root/come-and-go", COME_AND_GO)
    vm.run(f"sh /root/come-and-go {RESTARTS}", timeout=20 * RESTARTS + 60)
    vm.wait_zone("lower", None)
    told = witness.records(vm, "lower")
    assert [r[2] for r in told if r[3] == "done"].count("zone-stop") == RESTARTS + 1, told
    assert not [r for r in told if r[3] == "failed"], told

    # the other has worked all the time, with the same workers, and without an error
    vm.wait(lambda: rounds(console) > before + 1, what="more rounds of the upper zone's")
    console.command("touch /tmp/stop; while [ ! -e /tmp/end ]; do sleep 0.1; done")
    assert console.command("cat /tmp/end").split()[-1] == console.command("cat /tmp/rounds").split()[-1], "a round went wrong"
    assert console.command("dmesg | grep -c -i 'error.*vd' || true").split()[-1] == "0"
    assert witness.attachments(vm, "upper") == serving
    assert vm.zone("upper")["restarts"] == 0
    written = vm.out(f"head -c 983040 {DISK} | head -n 1")
    assert written.startswith("round "), written
