# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of hvisor-tool, as its documents and people's scripts have them: what starts, what is told, what is refused."""

import json
import re

from rig import confs, witness
from rig.cases import case

FOLDER = "/root/old"
IMAGES = confs.IMAGES

# The files of hvisor-tool's notes, but for the PCI devices that the rig's board does not have.
ZONE = {
    "arch": "arm64",
    "name": "linux2",
    "zone_id": 1,
    "cpus": [2, 3],
    "memory_regions": [
        {"type": "ram", "physical_start": "0x50000000", "virtual_start": "0x50000000", "size": "0x30000000"},
        {"type": "virtio", "physical_start": "0xa003800", "virtual_start": "0xa003800", "size": "0x200"},
        {"type": "virtio", "physical_start": "0xa003c00", "virtual_start": "0xa003c00", "size": "0x200"},
    ],
    "interrupts": [75, 76, 78, 35, 36, 37, 38],
    "ivc_configs": [],
    "kernel_filepath": "./Image",
    "dtb_filepath": "./linux2.dtb",
    "kernel_load_paddr": "0x50400000",
    "dtb_load_paddr": "0x50000000",
    "entry_point": "0x50400000",
    "arch_config": {
        "gicd_base": "0x8000000", "gicd_size": "0x10000",
        "gicr_base": "0x80a0000", "gicr_size": "0xf60000",
        "gits_base": "0x8080000", "gits_size": "0x20000",
    },
}
VIRTIO = {
    "zones": [{
        "id": 1,
        "memory_region": [{"zone0_ipa": "0x50000000", "zonex_ipa": "0x50000000", "size": "0x30000000"}],
        "devices": [
            {"type": "blk", "addr": "0xa003c00", "len": "0x200", "irq": 78, "img": "rootfs2.ext4", "status": "enable"},
            {"type": "console", "addr": "0xa003800", "len": "0x200", "irq": 76, "status": "enable"},
            {"type": "net", "addr": "0xa003600", "len": "0x200", "irq": 75, "tap": "tap0",
             "mac": ["0x00", "0x16", "0x3e", "0x10", "0x10", "0x10"], "status": "disable"},
        ],
    }],
}

HEAD = "|     zone_id     |       cpus        |      name       |     status |"
ROOT = r"\| {15}0 \| {14}0, 1 \| +\S+ \|    running \|"
LINUX2 = "|               1 |              2, 3 |          linux2 |    running |"


# As its notes give devices on the command line; one `virtio start` may have them all.
DEVICES = {
    "blk": "blk,addr=0xa003c00,len=0x200,irq=78,zone_id=1,img=rootfs2.ext4",
    "net": "net,addr=0xa003600,len=0x200,irq=75,zone_id=1,tap=tap0",
    "console": "console,addr=0xa003800,len=0x200,irq=76,zone_id=1",
}


def prepare(vm, payload="disk-loop"):
    """A folder as people have it: ./hvisor, and all files beside it."""
    vm.run(f"mkdir -p {FOLDER} && cd {FOLDER} && ln -s /usr/bin/hvisor hvisor && ln -s {IMAGES}/payload/{payload}.bin Image && "
           f"ln -s {IMAGES}/linux2.dtb linux2.dtb && truncate -s 1M rootfs2.ext4 && cp /lib/modules/$(uname -r)/extra/hvisor.ko .")
    vm.write(f"{FOLDER}/linux2.json", json.dumps(ZONE, indent=4))
    vm.write(f"{FOLDER}/virtio_cfg.json", json.dumps(VIRTIO, indent=4))


def old(vm, text, check=True):
    """A line of a script, run in that folder."""
    return vm.run(f"cd {FOLDER} || exit\n{text}", check=check)


def refused(vm, text, *words):
    result = old(vm, f"timeout 50 {text}", check=False)
    assert result.status == 1, result
    for word in words:
        assert word in result.err, result


def states(vm, name):
    zone = vm.zone(name)
    return {f"{d['type']} {d['address']}": d["state"] for d in zone["devices"]}


def wait_states(vm, name, expected):
    vm.wait(lambda: states(vm, name) == expected, what=f"the devices of {name} to be {expected}")


def ended(vm):
    """Every hvisor that people started has ended, and nothing else."""
    vm.wait("! pgrep hvisor", what="all of hvisor's commands to have ended")


@case("old-commands-start-list-and-shut-down-as-documented")
def documented(vm):
    prepare(vm)
    again = old(vm, "insmod hvisor.ko", check=False)
    assert again.status == 1 and "File exists" in again.err, again
    gone = old(vm, "rmmod hvisor.ko", check=False)
    assert gone.status == 1 and "in use" in gone.err, gone
    # the two lines stand one below the other in scripts: whichever comes first
    old(vm, "nohup ./hvisor virtio start virtio_cfg.json >nohup.out 2>&1 &")
    started = old(vm, "./hvisor zone start linux2.json && cat nohup.out | grep 'char device'")
    assert re.search(r"^char device redirected to /dev/pts/\d+$", started.out, re.M) and "has started" in started.out, started
    assert "gits_base is not carried over" in started.err, started
    lines = old(vm, "./hvisor zone list").out.splitlines()
    assert lines[0] == HEAD and re.fullmatch(ROOT, lines[1]) and lines[2:] == [LINUX2], lines
    zone = vm.zone("linux2")
    assert zone["file"] == "/run/hvisor/zones.d/linux2.conf", zone
    served = {"console 0xa003800": "ready", "block 0xa003c00": "ready", "net 0xa003600": "disabled"}
    assert states(vm, "linux2") == served, zone
    conf = vm.read(zone["file"])
    assert "Interrupts=35-38\n" in conf and "Restart=no\n" in conf and "MACAddress=00:16:3e:10:10:10\n" in conf, conf
    seen = "hvisor console linux2 --timeout=0 </dev/null | grep -c 'disk round'"
    vm.wait(seen, what="the disk to be used")

    # the devices go, the guest waits for them, nobody else minds; the next has them again
    daemon, told = vm.out("systemctl show -P MainPID hvisor-reconciler"), witness.records(vm)
    old(vm, "pkill hvisor")
    ended(vm)
    assert set(states(vm, "linux2").values()) == {"disabled"} and vm.zone("linux2")["state"] == "running"
    assert vm.out("systemctl show -P MainPID hvisor-reconciler") == daemon
    before = int(vm.run(seen, check=False).out)
    old(vm, "nohup ./hvisor virtio start virtio_cfg.json >nohup.out 2>&1 &")
    wait_states(vm, "linux2", served)
    vm.wait(lambda: int(vm.run(seen, check=False).out) > before, what="the guest to go on")
    assert "are served again" in vm.read(f"{FOLDER}/nohup.out")
    assert "zone-restart" not in witness.began(witness.records_since(vm, told))

    old(vm, "./hvisor zone shutdown -id 1")
    assert [line.split()[1] for line in old(vm, "./hvisor zone list").out.splitlines()] == ["zone_id", "0"]
    assert vm.zone("linux2") is None and vm.out("ls /run/hvisor/zones.d") == ""
    # whatever runs on has its devices wait for the next zone
    old(vm, f"ln -sf {IMAGES}/payload/sleep.bin Image")
    assert old(vm, "./hvisor zone start linux2.json").ok
    wait_states(vm, "linux2", served)
    old(vm, "./hvisor zone shutdown -id 1; pkill hvisor")
    ended(vm)
    assert vm.out("ls /run/hvisor/transient") == "lock"


@case("old-commands-devices-on-the-command-line")
def command_line(vm):
    prepare(vm, "console-irq")
    for device in DEVICES.values():
        old(vm, f"nohup ./hvisor virtio start \\\n\t--device {device} >>nohup.out 2>&1 &")
    vm.wait(lambda: len(vm.read(f"{FOLDER}/nohup.out").splitlines()) == 3, what="three of them to wait")
    old(vm, "./hvisor zone start linux2.json")
    served = {"console 0xa003800": "ready", "block 0xa003c00": "ready", "net 0xa003600": "ready"}
    assert states(vm, "linux2") == served
    assert re.search(r"^char device redirected to /dev/pts/\d+$", vm.read(f"{FOLDER}/nohup.out"), re.M)

    # by the pid of one, and all in one
    old(vm, "kill $(pgrep -f 'device[ ]console')")
    wait_states(vm, "linux2", {**served, "console 0xa003800": "disabled"})
    old(vm, "pkill hvisor")
    ended(vm)
    all_of_them = " ".join(f"--device {device}" for device in DEVICES.values())
    old(vm, f"nohup ./hvisor virtio start {all_of_them} >nohup.out 2>&1 &")
    wait_states(vm, "linux2", served)
    assert "echo: AGAIN" in vm.out("echo again | hvisor console linux2 --timeout=1")


@case("old-commands-a-linux-on-screen")
def on_screen(vm):
    """Its initrd, which such a file cannot name, comes by a drop-in."""
    prepare(vm)
    old(vm, f"ln -sf {IMAGES}/Image Image; ln -sf {IMAGES}/whole.dtb linux2.dtb; cp {IMAGES}/rootfs2.ext4 .")
    vm.run("mkdir /etc/hvisor/zones.d/linux2.conf.d")
    vm.write("/etc/hvisor/zones.d/linux2.conf.d/initrd.conf", f"[Zone]\nInitrd={IMAGES}/initrd.img\nInitrdAddress=0x53000000\n")
    old(vm, "nohup ./hvisor virtio start virtio_cfg.json >nohup.out 2>&1 &")
    terminal = old(vm, "./hvisor zone start linux2.json && sed -n 's/^char device redirected to //p' nohup.out").out.splitlines()[-1]
    # nobody is at it: what it shows goes to a file, what is typed comes by its -X
    vm.run(f"mkdir -m 777 -p /run/screen; cd /tmp && TERM=vt100 SHELL=/bin/sh screen -L -Logfile /tmp/screen.log -dmS zone {terminal}")
    vm.run("screen -S zone -X logfile flush 0")
    vm.wait("grep -q '^zone: disk: this is the disk of the rig' /tmp/screen.log && grep -q '^zone# ' /tmp/screen.log", timeout=240,
            what="the guest's shell in screen")
    vm.run("screen -S zone -X stuff 'echo $((6 * 7)) on $(tty)\\n'")
    vm.wait("grep -q '^42 on /dev/hvc0' /tmp/screen.log", what="the guest's answer in screen")
    old(vm, "./hvisor zone shutdown -id 1")
    assert vm.hypervisor_zones() == {}


def placed(place, **more):
    """A zone's file for one of the board's two places, and the devices that belong to it."""
    at = confs.PLACES[place]

    def window(pair):
        return {"type": "virtio", "physical_start": hex(pair[0]), "virtual_start": hex(pair[0]), "size": "0x200"}
    zone = {**ZONE, "name": place, "zone_id": at.id, "cpus": [int(at.cpus)], "interrupts": [at.console[1], at.block[1]],
            "kernel_filepath": f"{IMAGES}/payload/console-irq{at.payload_suffix}.bin", "kernel_load_paddr": hex(at.kernel),
            "entry_point": hex(at.kernel), "dtb_filepath": f"{IMAGES}/{at.device_tree}", "dtb_load_paddr": hex(at.memory),
            "memory_regions": [{"type": "ram", "physical_start": hex(at.memory), "virtual_start": hex(at.memory), "size": hex(at.size)},
                               window(at.console), window(at.block)], **more}
    devices = [{"type": kind, "addr": hex(pair[0]), "len": 512, "irq": pair[1], "status": "enable", **more}
               for kind, pair, more in (("console", at.console, {}), ("blk", at.block, {"img": f"{place}.img"}))]
    return zone, {"id": at.id, "devices": devices}


@case("old-commands-two-zones-of-one-virtio-file")
def two_zones(vm):
    prepare(vm)
    old(vm, "truncate -s 1M lower.img upper.img")
    both = {place: placed(place) for place in ("lower", "upper")}
    for place, (zone, _) in both.items():
        vm.write(f"{FOLDER}/{place}.json", json.dumps(zone))
    vm.write(f"{FOLDER}/both.json", json.dumps({"zones": [devices for _, devices in both.values()]}))
    old(vm, "nohup ./hvisor virtio start both.json >nohup.out 2>&1 &")
    for place in both:
        old(vm, f"./hvisor zone start {place}.json")
    assert vm.hypervisor_zones() == {1: "0x4 lower", 2: "0x8 upper"}
    assert set(states(vm, "lower").values()) == set(states(vm, "upper").values()) == {"ready"}
    assert vm.read(f"{FOLDER}/nohup.out").count("char device redirected to ") == 2
    old(vm, "./hvisor shutdown -id 1")
    assert vm.hypervisor_zones() == {2: "0x8 upper"}
    assert "echo: STILL" in vm.out("echo still | hvisor console upper --timeout=1")
    # an id in a second file, and a file whose image cannot be had: refused, and nothing of it stays
    vm.write(f"{FOLDER}/second.json", json.dumps({**both["upper"][0], "name": "second"}))
    refused(vm, "./hvisor zone start second.json", "id 2 belongs to zone upper, /run/hvisor/zones.d/upper.conf")
    refused(vm, "./hvisor zone start upper.json", "zone upper is running already", "hvisor zone shutdown -id 2")
    vm.write(f"{FOLDER}/lower.json", json.dumps({**both["lower"][0], "kernel_filepath": "/nowhere"}))
    refused(vm, "./hvisor zone start lower.json", "zone lower is not started", "lower.conf:7:8: error: Kernel=: /nowhere")
    assert vm.zone("lower") is None and vm.out("ls /run/hvisor/zones.d") == "upper.conf"
    # a CPU that the other zone has
    vm.write(f"{FOLDER}/lower.json", json.dumps({**both["lower"][0], "cpus": [3]}))
    refused(vm, "./hvisor zone start lower.json", "zone lower is not started", "CPU 3")
    # names are labels: the second of one name is told by its id, too
    vm.write(f"{FOLDER}/lower.json", json.dumps({**both["lower"][0], "name": "upper"}))
    assert "zone upper-1 (id 1) has started" in old(vm, "./hvisor zone start lower.json").out
    assert vm.hypervisor_zones() == {1: "0x4 upper-1", 2: "0x8 upper"}
    old(vm, "./hvisor zone shutdown -id 1")
    assert vm.hypervisor_zones() == {2: "0x8 upper"}
    assert "hvisor zone shutdown" in old(vm, "./hvisor zone --help").out


@case("old-commands-devices-that-come-late-or-died-early")
def late(vm):
    prepare(vm, "console-irq")
    # killed before the zone came: it waits for nothing
    old(vm, f"nohup ./hvisor virtio start --device {DEVICES['console']} >nohup.out 2>&1 &")
    vm.wait(f"grep -q wait {FOLDER}/nohup.out", what="the device to wait")
    old(vm, "pkill -9 hvisor")
    ended(vm)
    # who gives up waiting leaves nothing either
    old(vm, "./hvisor zone start linux2.json >out 2>&1 &")
    vm.wait(f"grep -q 'waiting for hvisor virtio start' {FOLDER}/out", what="the devices to be waited for")
    daemon = vm.out("systemctl show -P MainPID hvisor-reconciler")
    vm.run(f"kill -STOP {daemon}")
    vm.wait("test -e /run/hvisor/zones.d/linux2.conf", what="the zone's file")
    old(vm, "pkill hvisor")
    vm.run(f"kill -CONT {daemon}")
    ended(vm)
    assert "zone linux2 is not started: interrupted" in vm.read(f"{FOLDER}/out"), vm.read(f"{FOLDER}/out")
    vm.run("! test -e /run/hvisor/zones.d/linux2.conf")
    vm.wait_zone("linux2", None)
    started = old(vm, "./hvisor zone start linux2.json", check=False)
    assert "there is no device at 0xa003800" in started.err, started
    assert vm.out("ls /run/hvisor/transient/1") == "linux2.conf"
    # what the guest lacks is brought: it starts anew with it
    old(vm, "nohup ./hvisor virtio start virtio_cfg.json >nohup.out 2>&1 &")
    vm.wait(f"grep -q 'char device redirected to /dev/pts/' {FOLDER}/nohup.out", what="the console to be told")
    vm.wait_zone("linux2", "running")
    assert "zone linux2 (id 1) is restarted, for its guest to find the devices" in vm.read(f"{FOLDER}/nohup.out")
    assert "echo: LATE" in vm.out("echo late | hvisor console linux2 --timeout=1")
    # what another has is not taken from it; what is wrong is told, and nothing waits
    refused(vm, "./hvisor virtio start virtio_cfg.json", "another `hvisor virtio start`, process", "0xa003c00")
    refused(vm, "./hvisor virtio start --device blk,addr=0xa003000,irq=79,zone_id=2,img=nowhere.img", "nowhere.img")
    refused(vm, "./hvisor virtio start --device net,addr=0xa003000,irq=79,zone_id=2,tap=tap9", "ip tuntap add dev tap9")
    refused(vm, "./hvisor virtio start --device console,addr=0xa003000,irq=79,zone_id=2 --device console,addr=0xa003000,irq=80,zone_id=2",
            "zone 2 has two devices at 0xa003000")
    refused(vm, "./hvisor virtio start linux2.json", "it is no virtio file")
    refused(vm, "./hvisor zone start virtio_cfg.json", "hvisor virtio start virtio_cfg.json")
    assert vm.out("ls /run/hvisor/transient") == "1\nlock"
    # killed while the zone is there: it is served on, and forgotten with the zone
    old(vm, "pkill -9 hvisor")
    ended(vm)
    assert "echo: ON" in vm.out("echo on | hvisor console linux2 --timeout=1")
    # SIGHUP ends it where there is no nohup; what it says besides is a matter of LogLevel=, and before that of HVISOR_LOG
    old(vm, "./hvisor zone shutdown -id 1")
    vm.write("/etc/hvisor/hvisor.conf", "[Reconciler]\nLogLevel=debug\n")
    for before, signals, told in (("", ["HUP"], True), ("HVISOR_LOG=warn nohup", ["HUP", "TERM"], False)):
        old(vm, f"{before} ./hvisor virtio start --device {DEVICES['console']} >out 2>&1 &")
        vm.wait("grep -q wait /root/old/out", what="the device to wait")
        for signal in signals:
            old(vm, f"pkill -{signal} hvisor")              # that process is still there, or this fails
        ended(vm)
        assert ("told to end by signal" in vm.read(f"{FOLDER}/out")) == told, vm.read(f"{FOLDER}/out")
        assert vm.out("ls /run/hvisor/transient") == "lock"


@case("old-commands-a-zone-that-powered-off-is-none-any-more")
def powered_off(vm):
    prepare(vm, "poweroff-on-input")
    old(vm, "nohup ./hvisor virtio start virtio_cfg.json >nohup.out 2>&1 &")
    old(vm, "./hvisor zone start linux2.json")
    vm.run("echo | hvisor console linux2 --timeout=1", check=False)
    vm.wait_zone("linux2", "exited")
    assert vm.hypervisor_zones() == {}
    # who brings its devices anew does not start it; who is told to does
    old(vm, "pkill hvisor")
    ended(vm)
    old(vm, "nohup ./hvisor virtio start virtio_cfg.json >nohup.out 2>&1 &")
    vm.wait(f"grep -q 'devices of zone 1 wait' {FOLDER}/nohup.out", what="the devices to wait")
    vm.wait_zone("linux2", None)
    old(vm, "./hvisor zone start linux2.json")
    assert vm.hypervisor_zones() == {1: "0xc linux2"}


@case("old-commands-leave-zones-of-others-and-say-whose-they-are")
def others(vm):
    prepare(vm)
    vm.boot("mine", confs.payload("sleep", "lower"))
    with witness.nothing_happens(vm, "mine"):
        refused(vm, "./hvisor zone shutdown -id 1", "/etc/hvisor/zones.d/mine.conf", "Remove that file")
        refused(vm, "./hvisor zone start linux2.json", "id 1 belongs to zone mine, /etc/hvisor/zones.d/mine.conf")
        refused(vm, f"./hvisor virtio start --device {DEVICES['blk']}", "/etc/hvisor/zones.d/mine.conf", "hvisor import")
        # in the directory of zone start, and not its own all the same
        vm.run("mv /etc/hvisor/zones.d/mine.conf /run/hvisor/zones.d/")
        vm.wait(lambda: vm.zone("mine")["file"] == "/run/hvisor/zones.d/mine.conf", what="the file to be found")
        refused(vm, "./hvisor zone shutdown -id 1", "/run/hvisor/zones.d/mine.conf", "Remove that file")
    vm.run(f"/usr/lib/rig/old-zone start 3 stranger 0x8 0x68000000 0x1000000 {IMAGES}/payload/sleep-upper.bin")
    refused(vm, "./hvisor zone shutdown -id 3", "zone stranger was not started by the reconciler")
    assert re.search(r"^\| +3 \| +3 \| +stranger \| +running \|$", old(vm, "./hvisor zone list").out, re.M)
    vm.run("rm /run/hvisor/zones.d/mine.conf")
    vm.wait_zone("mine", None)
    vm.run("ln -s /dev/null /etc/hvisor/zones.d/linux2.conf")
    refused(vm, "./hvisor zone start linux2.json", "/etc/hvisor/zones.d/linux2.conf", "masked")
    for id, words in {"2": "there is no zone with id 2", "0": "root Linux itself", "x": "-id x", "": "the id of a zone"}.items():
        refused(vm, f"./hvisor zone shutdown -id '{id}'", words)
    refused(vm, "./hvisor zone shutdown", "-id N")
    # the hypervisor is asked without the daemon, too; the rest says how to start it
    vm.run("systemctl stop hvisor-reconciler")
    assert "stranger" in old(vm, "./hvisor zone list").out
    for command in ("zone start linux2.json", "zone shutdown -id 1", "shutdown -id 1", "virtio start virtio_cfg.json"):
        refused(vm, f"./hvisor {command}", "systemctl start hvisor-reconciler")
    assert vm.out("ls /run/hvisor/transient 2>/dev/null || true") in ("", "lock")
