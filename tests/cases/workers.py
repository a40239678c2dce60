# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers that die, guests that end: what is repaired, when it is no longer tried at once, and what a person can do."""

import json
import re

from rig import confs, witness
from rig.cases import case

DISK = "/root/disk.img"


def kill_and_wait(vm, zone, device):
    """Return: the pids of the worker that was killed and of the one that took its place."""
    pid, generation = witness.attachments(vm, zone)[device]
    vm.run(f"kill -9 {pid}")
    vm.wait(lambda: witness.attachments(vm, zone)[device][1] > generation, what=f"another worker of {device}")
    return pid, witness.wait_ready(vm, zone)[device][0]


@case("workers-a-killed-idle-console-is-replaced-and-its-client-stays")
def killed_console(vm):
    vm.boot("guest", confs.payload("console-irq"))
    console = vm.console("guest")
    console.expect("hello from zone 1")
    for n in range(3):
        old, new = kill_and_wait(vm, "guest", "main")
        assert old != new
        # it goes ahead, and is put into its scope while it serves
        vm.wait(f"grep -q hvisor-guest-main.scope /proc/{new}/cgroup", what="the new worker to be in its scope")
        console.send(f"word {n}\n")
        console.expect(f"^echo: .*WORD {n}")
    told = witness.records(vm, "guest")
    assert [r[2] for r in told if r[3] == "begun"] == ["zone-start"]
    assert any(r[1] == "main" and r[3] == "failed" and "SIGKILL" in r[4] or "KILL" in r[4] for r in told), told
    assert vm.zone("guest")["restarts"] == 0


@case("workers-a-killed-idle-disk-is-replaced-and-the-guest-reads-and-writes-on")
def killed_disk(vm):
    console = vm.boot_linux("linux", confs.linux())
    console.command("mount /dev/vda /mnt && seq 1000 >/mnt/before && sync")
    for device in ("disk", "main"):
        kill_and_wait(vm, "linux", device)
    console.command("echo 3 >/proc/sys/vm/drop_caches")
    assert console.command("cat /mnt/marker").strip() == "this is the disk of the rig"
    assert console.command("wc -l </mnt/before").strip() == "1000"
    console.command("seq 2000 >/mnt/after && sync && umount /mnt")
    rootfs = f"{confs.IMAGES}/rootfs2.ext4"
    vm.run(f"e2fsck -fn {rootfs}")
    for name, lines in (("before", 1000), ("after", 2000)):
        assert vm.out(f"debugfs -R 'cat /{name}' {rootfs} 2>/dev/null | wc -l") == str(lines)
    assert console.command("dmesg | grep -ciE 'i/o error|remounting' || true").strip() == "0"


@case("workers-one-that-always-dies-is-not-tried-for-ever-and-comes-back-when-its-cause-is-gone")
def crash_loop(vm):
    vm.run(f"truncate -s 1M {DISK}")
    vm.boot("guest", confs.payload("disk", disk=DISK))
    console = vm.console("guest")
    console.expect("disk done")
    (_, generation), (main, _) = (witness.wait_ready(vm, "guest")[name] for name in ("disk", "main"))
    # too small for a disk: the worker refuses it each time that it is started
    vm.run(f"truncate -s 0 {DISK}; kill -9 {witness.attachments(vm, 'guest')['disk'][0]}")

    failed = vm.wait(lambda: (d := vm.device("guest", "disk"))["state"] == "failed" and d, what="the disk to have failed")
    assert failed["worker_pid"] is None and failed["message"], failed
    zone = vm.zone("guest")
    assert zone["state"] == "running" and zone["restarts"] == 0
    assert witness.attachments(vm, "guest")["main"][0] == main, "the other worker was not left alone"
    told = witness.records(vm, "guest")
    assert any(r[1] == "disk" and "fails too often" in r[4] for r in told), told
    tries = sum(1 for r in told if r[1] == "disk" and r[3] == "failed")
    assert 5 <= tries <= 8, told
    # between two tries
    vm.wait(lambda: re.search("^disk .* failed ", vm.out("hvisor status guest"), re.M), what="the status to say so")

    vm.run(f"truncate -s 1M {DISK}")
    back = vm.wait(lambda: (d := vm.device("guest", "disk"))["state"] == "ready" and d, what="the disk to be back")
    assert back["generation"] > generation
    assert witness.attachments(vm, "guest")["main"][0] == main


@case("workers-an-image-that-has-gone-is-told-and-waited-for")
def image_gone(vm):
    vm.run(f"truncate -s 1M {DISK}")
    vm.boot("guest", confs.payload("disk", disk=DISK))
    vm.console("guest").expect("disk done")
    vm.run(f"mv {DISK} {DISK}.away; kill -9 {witness.attachments(vm, 'guest')['disk'][0]}")
    vm.wait(lambda: DISK in (vm.zone("guest")["devices"][0]["message"] or ""), what="a word about the image")
    assert vm.zone("guest")["state"] == "running"
    vm.run(f"mv {DISK}.away {DISK}")
    witness.wait_ready(vm, "guest")


@case("workers-a-zone-whose-image-is-not-there-does-not-start-and-starts-once-it-is")
def no_image(vm):
    before = witness.remains(vm)
    vm.drop("guest", confs.payload("disk", disk=DISK))
    zone = vm.wait_zone("guest", "failed")
    assert DISK in zone["message"] and zone["retry_in"] is not None, zone
    assert vm.hypervisor_zones() == {}
    vm.run(f"truncate -s 1M {DISK}")
    vm.run("hvisor restart guest")
    vm.wait_zone("guest", "running")
    vm.console("guest").expect("disk done")
    vm.console("guest").close()
    vm.remove("guest")
    vm.wait_zone("guest", None)
    witness.wait_remains(vm, before, "left behind")


def power_off(vm, life=1):
    """
    The guest, in its how manieth life, is told to power off once it says that it listens. (One that did so with its
    first instruction would take the hypervisor along, which has not listed it by then.)
    """
    def lives():
        return vm.run("hvisor console guest --timeout=0 </dev/null", check=False).out.count("powers off on input")
    vm.wait(lambda: lives() == life, what=f"the guest to listen in its life {life}")
    vm.run("echo x | hvisor console guest --timeout=0")


@case("workers-a-guest-that-powers-off-stays-off-until-a-person-restarts-it")
def powers_off(vm):
    before = witness.remains(vm)
    vm.boot("guest", confs.payload("poweroff-on-input", Restart="on-failure"))
    power_off(vm)
    vm.wait_zone("guest", "exited")
    zone = vm.wait(lambda: (z := vm.zone("guest"))["message"] and z, what="a word about its end")
    assert "powered off" in zone["message"] and "on-failure" in zone["message"] and zone["restarts"] == 0, zone
    vm.run("sleep 1.5")
    assert vm.zone("guest")["state"] == "exited" and vm.hypervisor_zones() == {}
    vm.run("hvisor restart guest")
    vm.wait_zone("guest", "running")
    power_off(vm, 2)
    vm.wait_zone("guest", "exited")
    vm.remove("guest")
    vm.wait_zone("guest", None)
    witness.wait_remains(vm, before, "left behind by a zone that powered off")


@case("workers-a-guest-that-powers-off-comes-back-with-restart-always-later-and-later")
def restart_always(vm):
    vm.drop("guest", confs.payload("poweroff-on-input", Restart="always"))
    for n in range(3):
        zone = vm.wait(lambda: (z := vm.zone("guest")) and (z["state"], z["restarts"]) == ("running", n) and z, what=f"start {n}")
        power_off(vm, n + 1)
    starts = [int(json.loads(line)["__MONOTONIC_TIMESTAMP"]) for line in vm.out(
        "journalctl -q --no-pager -o json ZONE=guest ACTION=zone-restart RESULT=begun").splitlines()]
    assert starts[1] - starts[0] >= 2_000_000, starts
    waiting = vm.wait(lambda: (z := vm.zone("guest"))["retry_in"] and z, what="the next try to be announced")
    assert waiting["state"] == "exited" and waiting["retry_in"] <= 4, waiting
    # no longer wanted: no longer tried
    vm.remove("guest")
    vm.wait_zone("guest", None)
    told = witness.records(vm, "guest")
    vm.run("sleep 2")
    assert witness.records(vm, "guest") == told
    assert vm.hypervisor_zones() == {}


@case("workers-a-policy-changed-after-the-guest-powered-off-counts-at-once")
def policy_changed(vm):
    vm.boot("guest", confs.payload("poweroff-on-input", Restart="no"))
    power_off(vm)
    vm.wait_zone("guest", "exited")
    vm.drop("guest", confs.payload("poweroff-on-input", Restart="always"))
    vm.wait(lambda: (z := vm.zone("guest"))["state"] == "running" and z["restarts"] == 1, what="another start")


@case("workers-hvisor-restart-is-a-new-life-for-a-running-zone")
def restart(vm):
    vm.boot("guest", confs.payload("console-irq"))
    console = vm.console("guest")
    console.expect("hello from zone 1")
    old = witness.wait_ready(vm, "guest")
    vm.run("hvisor restart guest")
    console.expect("hello from zone 1")
    new = witness.wait_ready(vm, "guest")
    assert old["main"][0] != new["main"][0]
    console.send("hello\n")
    console.expect("^echo: .*HELLO")
    told = [r for r in witness.records(vm, "guest") if r[2] == "zone-restart"]
    assert [r[3] for r in told] == ["begun", "done"] and re.search("by hand", told[0][4]), told
    unknown = vm.run("hvisor restart nobody", check=False)
    assert unknown.status == 1 and "nobody" in unknown.err, unknown


@case("workers-of-a-disabled-device-go-and-come-back-and-its-guest-waits")
def disabled(vm):
    def state():
        return vm.device("linux", "disk")["state"]
    window = confs.PLACES["whole"].block[0]
    text = confs.linux()
    rootfs = f"Image={confs.IMAGES}/rootfs2.ext4\n"
    without = text.replace(rootfs, rootfs + "Enabled=no\n")
    console = vm.boot_linux("linux", text)
    before = witness.wait_ready(vm, "linux")
    console.command("mount /dev/vda /mnt")
    # a driver that is bound to it waits, and sees nothing but that
    vm.drop("linux", without)
    vm.wait(lambda: state() == "disabled", what="the disk to be disabled")
    assert vm.run("hvisor plan", check=False).status == 0
    assert vm.zone("linux")["state"] == "running" and witness.attachments(vm, "linux")["main"] == before["main"]
    console.send("echo 3 >/proc/sys/vm/drop_caches; cat /mnt/marker\n")
    vm.run("sleep 1")
    vm.drop("linux", text)
    console.expect("this is the disk of the rig")
    witness.wait_ready(vm, "linux")
    console.command("umount /mnt")
    # one that lets go of it finds no device any more, and the device again once it is back
    vm.drop("linux", without)
    vm.wait(lambda: state() == "disabled", what="the disk to be disabled again")
    driver, name = "/sys/bus/platform/drivers/virtio-mmio", f"{window:x}.virtio_mmio"
    console.command(f"echo {name} >{driver}/unbind; echo {name} >{driver}/bind; true")
    assert console.command("test -e /dev/vda && echo there || echo gone").strip() == "gone"
    vm.drop("linux", text)
    vm.wait(lambda: state() == "ready", what="the disk to be back")
    console.command(f"echo {name} >{driver}/bind; true")
    console.command("mount /dev/vda /mnt && cat /mnt/marker && umount /mnt")
    assert console.command("dmesg | grep -ciE 'i/o error|remounting' || true").strip() == "0"
    # a zone that starts with it so has an empty window
    vm.drop("linux", without)
    vm.wait(lambda: state() == "disabled", what="the disk to be disabled once more")
    vm.run("hvisor restart linux")
    console.expect("zone: ready")
    console.expect("zone# ")
    assert console.command("test -e /dev/vda && echo there || echo gone").strip() == "gone"
