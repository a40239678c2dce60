# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon dies, is restarted, stopped and started: zones and workers go on, and are taken over as they are."""

from rig import confs, witness
from rig.cases import case
from rig.vm import ZONES_D

UNIT = "hvisor-reconciler"
DISK = "/root/disk.img"
KEPT = "cd /run/hvisor && for link in consoles/*/*/tty; do readlink $link; done && sha256sum zones/*"


def boot(vm, guest="console-irq"):
    """A guest that answers on its console, or one whose disk is never idle; with a disk each."""
    vm.run(f"truncate -s 1M {DISK}")
    vm.boot("guest", confs.payload(guest, disk=DISK))
    return witness.wait_ready(vm, "guest")


def answers(vm, word):
    """Return: what the console shows after it was told a word and has answered."""
    said = vm.out(f"echo {word} | hvisor console guest --timeout=1")
    assert f"echo: {word.upper()}" in said, said
    return said


def main_pid(vm):
    return vm.out(f"systemctl show -P MainPID {UNIT}")


def wait_back(vm, old_pid):
    vm.wait(lambda: main_pid(vm) not in ("0", old_pid), what="another daemon")
    vm.wait(f"systemctl is-active {UNIT}", what="the daemon to be ready")


class GoesOn:
    """Inside, the daemon goes and comes back: nothing may happen to zones and workers but that they are adopted."""

    def __init__(self, vm):
        self._vm = vm

    def __enter__(self):
        vm = self._vm
        self._serving = boot(vm)
        answers(vm, "before")
        self._pid = main_pid(vm)
        self._kept = vm.out(KEPT)
        self._told = witness.records(vm)

    def __exit__(self, failure, *_):
        if failure:
            return
        vm = self._vm
        wait_back(vm, self._pid)
        assert witness.wait_ready(vm, "guest") == self._serving
        witness.settle(vm)
        told = witness.records_since(vm, self._told)
        assert sorted(r[1:4] for r in told) == [(device, "worker-adopt", "done") for device in ("disk", "main")], told
        assert vm.zone("guest")["restarts"] == 0
        assert vm.out(KEPT) == self._kept
        assert vm.run("hvisor plan", check=False).status == 0
        said = answers(vm, "after")
        assert "hello from zone 1" in said and "echo: BEFORE" in said, said
        # its terminal is the daemon's again: it outlives the worker
        pid, generation = self._serving["main"]
        vm.run(f"kill -9 {pid}")
        vm.wait(lambda: witness.attachments(vm, "guest")["main"][1] > generation, what="another worker of the console")
        assert "echo: AFTER" in answers(vm, "again")


@case("adoption-after-the-daemon-was-killed")
def killed(vm):
    with GoesOn(vm):
        vm.run(f"kill -9 {main_pid(vm)}")


@case("adoption-after-the-daemon-was-restarted-with-a-client-attached")
def restarted(vm):
    with GoesOn(vm):
        console = vm.console("guest")
        console.expect("echo: BEFORE")
        vm.run(f"systemctl restart {UNIT}")
        console.send("attached\n")
        console.expect("echo: .*ATTACHED")
        console.close()


@case("adoption-after-the-daemon-was-stopped-for-a-while")
def stopped(vm):
    with GoesOn(vm):
        vm.run(f"systemctl stop {UNIT}")
        status = vm.status()
        assert status["daemon"] == {"running": False, "pid": None, "version": status["daemon"]["version"]}
        assert {z["name"]: z["state"] for z in status["zones"]} == {"guest": "running"}
        text = vm.out("hvisor status")
        assert "not running" in text and "systemctl start hvisor-reconciler" in text and "guest" in text, text
        answers(vm, "meanwhile")
        restart = vm.run("hvisor restart guest", check=False)
        assert restart.status == 1 and "systemctl start hvisor-reconciler" in restart.err, restart
        vm.run(f"systemctl start {UNIT}")


@case("adoption-after-the-daemon-was-killed-time-and-again")
def killed_often(vm):
    serving = boot(vm, "disk-loop")
    for pause in (0, 0.2, 0.8):
        pid = main_pid(vm)
        vm.run(f"kill -9 {pid}")
        vm.wait(lambda: main_pid(vm) not in ("0", pid), what="another daemon")
        vm.run(f"sleep {pause}")
    vm.wait(f"systemctl is-active {UNIT}", what="the daemon to be ready")
    witness.settle(vm)
    assert witness.wait_ready(vm, "guest") == serving
    assert [r[2] for r in witness.records(vm) if r[3] == "begun"] == ["zone-start"]
    # the disk was served all the time, and still is
    console = vm.console("guest")
    console.expect("disk round")
    before = len(console.text())
    vm.wait(lambda: "disk round" in console.text()[before:], what="the guest to go on")
    assert "FAILED" not in console.text()


@case("adoption-what-happened-while-the-daemon-was-away-is-made-good")
def meanwhile(vm):
    vm.drop("other", confs.payload("console-irq", "upper"))
    vm.boot("guest", confs.payload("console-irq", "lower"))
    pid, generation = witness.wait_ready(vm, "guest")["main"]
    witness.wait_ready(vm, "other")
    vm.run(f"systemctl stop {UNIT}")
    vm.run(f"kill -9 {pid}")
    vm.remove("other")
    vm.run(f"systemctl start {UNIT}")
    vm.wait_zone("other", None)
    assert witness.wait_ready(vm, "guest")["main"][1] > generation
    answers(vm, "after")
    assert vm.hypervisor_zones() == {1: "0x4 guest"}
    assert [r[2] for r in witness.records(vm) if r[3] == "begun"] == ["zone-start", "zone-start", "zone-stop"]


@case("adoption-the-daemon-is-stopped-and-started-while-a-zone-starts")
def stopped_while_starting(vm):
    """At different moments: each time the zone runs in the end, whole. (Killed at each of its deeds: see life.py.)"""
    vm.write("/root/guest.conf", confs.payload("console-irq"))
    for pause in ("0.05", "0.25"):
        before = witness.remains(vm)
        vm.run(f"cp /root/guest.conf /root/new && mv /root/new {ZONES_D}/guest.conf && sleep {pause} && systemctl restart {UNIT}")
        vm.wait(f"systemctl is-active {UNIT}", what="the daemon to be back")
        witness.wait_ready(vm, "guest")
        assert vm.hypervisor_zones() == {1: "0xc guest"}
        answers(vm, "hello")
        vm.remove("guest")
        vm.wait_zone("guest", None)
        witness.wait_remains(vm, before, f"left behind by a start that was cut off after {pause} s")


PROGRAMS = "/usr/libexec/hvisor"


@case("adoption-after-an-upgrade")
def upgraded(vm):
    """New programs are put in place of those that run, by a rename as package managers do, and the daemon is restarted."""
    with GoesOn(vm):
        vm.run(f"for p in {PROGRAMS}/reconciler {PROGRAMS}/device; do cp -a $p $p.new && mv $p.new $p; done")
        old = vm.out(f"readlink /proc/{main_pid(vm)}/exe")
        assert old.endswith(" (deleted)"), old
        vm.run(f"systemctl restart {UNIT}")
    assert vm.out(f"readlink /proc/{main_pid(vm)}/exe") == f"{PROGRAMS}/reconciler"
    # the console's worker was replaced since, by the new program; the disk's goes on as it was
    # (by number: where a worker's program lies has no name in its empty mount namespace)
    programs = [vm.out(f"stat -L -c %i /proc/{vm.workers('guest')[device]}/exe") for device in ("main", "disk")]
    new = vm.out(f"stat -c %i {PROGRAMS}/device")
    assert programs[0] == new and programs[1] != new, (programs, new)


@case("adoption-by-hvisor-upgrade-under-load")
def hvisor_upgrade(vm):
    """Every worker of an older program is replaced while its guest writes, and the daemon takes its own new program's place."""
    def program(pid):
        return vm.out(f"stat -L -c %i /proc/{pid}/exe")
    console = vm.boot_linux("linux", confs.linux())
    before, daemon = witness.wait_ready(vm, "linux"), main_pid(vm)
    console.command("mount /dev/vda /mnt")
    console.send("i=0; while [ ! -e /tmp/enough ]; do i=$((i+1)); echo $i >>/mnt/count; sync; done; echo counted $i\n")
    vm.run(f"for p in {PROGRAMS}/reconciler {PROGRAMS}/device; do cp -a $p $p.new && mv $p.new $p; done")
    said = vm.out("hvisor upgrade")
    assert f"1 of {len(before)}: device" in said and f"{len(before)} workers replaced" in said and "goes on as version" in said, said
    assert main_pid(vm) == daemon and program(daemon) == vm.out(f"stat -c %i {PROGRAMS}/reconciler")
    after = witness.wait_ready(vm, "linux")
    for device, (pid, generation) in after.items():
        assert generation == before[device][1] + 1, f"{device} was replaced more often than once"
        assert program(pid) == vm.out(f"stat -c %i {PROGRAMS}/device"), device
    assert vm.out(f"systemctl show -P NRestarts {UNIT}") == "0" and vm.zone("linux")["restarts"] == 0
    # the guest has gone on, its console too; nothing of it is left to do
    console.send("\x03")
    console.expect(r"\^C\s+zone# ")
    lines = console.command("sync; echo 3 >/proc/sys/vm/drop_caches; wc -l </mnt/count; tail -n 1 /mnt/count").split()
    assert len(lines) == 2 and lines[0] == lines[1] and int(lines[0]) > 0, lines
    assert console.command("umount /mnt; dmesg | grep -ciE 'i/o error|remounting' || true").strip() == "0"
    assert "0 workers replaced" in vm.out("hvisor upgrade")
    assert witness.wait_ready(vm, "linux") == after
    # what the workers say still arrives, and a killed one is still replaced
    vm.run(f"kill -9 {after['disk'][0]}")
    vm.wait(lambda: witness.attachments(vm, "linux")["disk"][1] > after["disk"][1], what="another worker of the disk")
