# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done to files, what follows from it (nothing, a worker replaced, a zone restarted), what hvisor check and plan say."""

import json

from rig import confs, witness
from rig.cases import case
from rig.vm import ZONES_D

CONF = f"{ZONES_D}/guest.conf"
ROOTFS = f"{confs.IMAGES}/rootfs2.ext4"
TEXT = confs.payload("console-irq")


def boot(vm, text=TEXT):
    vm.boot("guest", text)
    vm.write("/root/guest.conf", text)
    return witness.wait_ready(vm, "guest")


def reordered(text):
    """The same settings: sections and keys the other way round."""
    sections = text.strip().split("\n\n")
    return "\n\n".join("\n".join([s.splitlines()[0], *reversed(s.splitlines()[1:])]) for s in reversed(sections)) + "\n"


# What is done in zones.d; /root/guest.conf holds the same text.
HARMLESS = {
    "copied over": "cp /root/guest.conf .",
    "renamed over": "cp /root/guest.conf /root/new && mv /root/new guest.conf",
    "touched": "touch guest.conf",
    "its mode changed": "chmod 600 guest.conf; chmod 644 guest.conf",
    "a symlink to the same": "ln -s /root/guest.conf /root/new && mv /root/new guest.conf",
    "a hard link": "ln -f /root/guest.conf guest.conf",
}

# The same settings in other words.
OTHER_WORDS = {
    "comments and blank lines": "# a comment\n\n" + TEXT.replace("\n[", "\n\n; another\n[") + "\n# the end",
    "keys and sections the other way round": reordered(TEXT),
    "numbers written otherwise": TEXT.replace("Size=0x30000000", "Size=768M").replace("CPUs=2-3", "CPUs=3,2")
                                     .replace("Interrupt=76", "Interrupt=0x4c"),
    "a default spelt out": TEXT.replace("Id=1", "Id=1\nRestart=on-failure"),
}


@case("files-a-rewrite-that-changes-nothing-does-nothing")
def harmless(vm):
    boot(vm)
    with witness.nothing_happens(vm, "guest"):
        for name, command in HARMLESS.items():
            vm.run(f"cd {ZONES_D} && {command}")
            witness.settle(vm)
            assert vm.zone("guest")["file_state"] == "good", name
        for name, text in OTHER_WORDS.items():
            assert text != TEXT
            vm.drop("guest", text)
            witness.settle(vm)
            assert vm.zone("guest")["file_state"] == "good", name
    assert "echo: HELLO" in vm.out("echo hello | hvisor console guest --timeout=1")


# How editors save. Between the old file's going and the new one's coming there is only one process' work, as there: WRITE
# starts none.
WRITE = "echo \"$text\" >guest.conf"
EDITORS = {
    "vim": f"touch 4913 && rm 4913 && mv guest.conf guest.conf~ && {WRITE} && rm guest.conf~",
    "vim that keeps a backup": f"mv guest.conf guest.conf~ && {WRITE} && chmod 644 guest.conf",
    "vim that deletes first": f"cp guest.conf .guest.conf.swp; rm guest.conf && {WRITE}; rm .guest.conf.swp guest.conf~",
    "sed -i": "sed -i 's/nothing/nothing/' guest.conf",
    "nano": f"cp guest.conf .guest.conf.swp; {WRITE}; rm .guest.conf.swp",
    "nano on a slow disk": "{ sleep 0.3; echo \"$text\"; } >guest.conf",
    "emacs": f"ln -s root@root-linux.1:1 .#guest.conf; cp guest.conf '#guest.conf#'; mv guest.conf guest.conf~; {WRITE}; "
             "rm .#guest.conf '#guest.conf#' guest.conf~",
    "gedit": "cp /root/guest.conf .goutputstream-X1 && sync && mv .goutputstream-X1 guest.conf",
    "a real editor": "printf ':w\\n:q\\n' | script -qec 'vi guest.conf' /dev/null",
}


@case("files-an-editors-save-does-nothing-of-its-own")
def editors(vm):
    boot(vm)
    with witness.nothing_happens(vm, "guest"):
        for name, command in EDITORS.items():
            vm.run(f"cd {ZONES_D}; text=$(</root/guest.conf); {command}")
            assert vm.read(CONF) == TEXT, name
            witness.settle(vm)
            assert vm.zone("guest")["file_state"] == "good", name
    assert [z["name"] for z in vm.status()["zones"]] == ["guest"]


@case("files-a-file-being-rewritten-is-not-taken-in-the-middle-of-it")
def middle_of_rewrite(vm):
    boot(vm)
    cut = TEXT.index("[Console")
    vm.write("/root/first", TEXT[:cut])
    vm.write("/root/second", TEXT[cut:])
    with witness.nothing_happens(vm, "guest"):
        # what is there in between would be a zone of its own, without a console
        vm.run(f"{{ cat /root/first; sleep 0.3; cat /root/second; }} >{CONF}")


@case("files-another-image-replaces-that-disks-worker-and-nothing-else")
def other_image(vm):
    vm.run(f"cp {ROOTFS} /root/other.ext4; echo another disk >/root/marker")
    vm.run("debugfs -w -R 'rm marker' /root/other.ext4; debugfs -w -R 'write /root/marker marker' /root/other.ext4")
    before = boot(vm, confs.linux())
    console = vm.console("guest")
    console.expect("zone# ")
    look = "echo 3 >/proc/sys/vm/drop_caches; mount /dev/vda /mnt && cat /mnt/marker && echo seen >/mnt/seen && umount /mnt"
    assert console.command(look).strip() == "this is the disk of the rig"
    told, digest = witness.records(vm), vm.out(f"sha256sum {ROOTFS}")

    vm.drop("guest", confs.linux(disk="/root/other.ext4"))
    vm.wait(lambda: witness.attachments(vm, "guest")["disk"][1] > before["disk"][1], what="another worker of the disk")
    after = witness.wait_ready(vm, "guest")
    assert after["main"] == before["main"], (before, after)
    assert not vm.exists(f"/proc/{before['disk'][0]}")
    told = witness.records_since(vm, told)
    assert {r[:3] for r in told} == {("guest", "disk", "worker-restart"), ("guest", "disk", "worker-start")}, told
    # the same guest goes on, on the other disk
    assert console.command(look).strip() == "another disk"
    vm.run("e2fsck -fn /root/other.ext4")
    assert vm.out(f"sha256sum {ROOTFS}") == digest
    vm.run(f"! fuser {ROOTFS}")


@case("files-a-change-that-the-guest-would-see-restarts-its-zone")
def guest_visible(vm):
    before = boot(vm)
    console = vm.console("guest")
    console.expect("hello from zone 1")
    told = witness.records(vm)
    vm.drop("guest", TEXT.replace("Size=0x30000000", "Size=256M"))
    console.expect("hello from zone 1")
    after = witness.wait_ready(vm, "guest")
    assert after["main"][0] != before["main"][0]
    told = witness.records_since(vm, told, "guest")
    assert [r[2:4] for r in told if "zone" in r[2]] == [("zone-restart", "begun"), ("zone-restart", "done")], told
    assert "changed from" in told[0][4], told
    assert "Size=256M" in vm.read("/run/hvisor/zones/guest.conf"), vm.read("/run/hvisor/zones/guest.conf")
    with witness.nothing_happens(vm, "guest"):
        vm.run(f"touch {CONF}")


@case("files-a-change-of-the-restart-policy-alone-restarts-nothing")
def restart_policy(vm):
    boot(vm)
    with witness.nothing_happens(vm, "guest"):
        vm.drop("guest", TEXT.replace("Id=1", "Id=1\nRestart=always"))


@case("files-hvisor-check-tells-good-from-bad-and-where")
def check(vm):
    vm.write("/root/good.conf", TEXT)
    good = vm.run("hvisor check /root/good.conf")
    assert "0 errors" in good.out and good.err == "", good
    vm.write("/root/bad.conf", TEXT.replace("EntryPoint", "EntryPiont").replace("CPUs=2-3", "CPUs=2-9"))
    bad = vm.run("hvisor check /root/bad.conf", check=False)
    said = bad.out + bad.err
    lines = TEXT.splitlines()
    entry, cpus = (1 + next(i for i, line in enumerate(lines) if line.startswith(key)) for key in ("EntryPoint", "CPUs"))
    assert bad.status == 1 and f"/root/bad.conf:{entry}:" in said and "EntryPoint" in said, said
    assert vm.run("hvisor check /root/good.conf /root/bad.conf", check=False).status == 1
    # what the board lacks, an image that is not there, a file that is not there
    vm.write("/root/bad.conf", TEXT.replace("CPUs=2-3", "CPUs=2-9"))
    bad = vm.run("hvisor check /root/bad.conf", check=False)
    assert bad.status == 1 and "CPU" in bad.out + bad.err and f"/root/bad.conf:{cpus}:" in bad.out + bad.err, bad
    vm.write("/root/bad.conf", TEXT.replace(".bin", ".nib"))
    bad = vm.run("hvisor check /root/bad.conf", check=False)
    assert bad.status == 1 and "console-irq.nib" in bad.out + bad.err, bad
    assert vm.run("hvisor check /root/nowhere.conf", check=False).status == 1
    # none of it was taken for more than a question
    assert vm.status()["zones"] == [] and witness.records(vm) == []


@case("files-hvisor-plan-says-by-its-status-whether-there-is-something-to-do")
def plan(vm):
    assert vm.run("hvisor plan", check=False).status == 0
    boot(vm)
    assert vm.run("hvisor plan", check=False).status == 0
    vm.run("systemctl stop hvisor-reconciler")
    assert vm.run("hvisor plan", check=False).status == 0
    vm.remove("guest")
    stop = vm.run("hvisor plan", check=False)
    assert stop.status == 2 and "stop guest" in stop.out, stop
    vm.write(CONF, TEXT.replace("Size=0x30000000", "Size=256M"))
    restart = vm.run("hvisor plan --json", check=False)
    actions = json.loads(restart.out)["actions"]
    assert restart.status == 2 and [(a["action"], a["zone"]) for a in actions] == [("zone-restart", "guest")], restart
    # a look changes nothing
    assert vm.hypervisor_zones() == {1: "0xc guest"} and vm.zone("guest")["state"] == "running"


@case("files-hvisor-plan-and-status-fail-where-there-is-no-hypervisor", machine="bare")
def no_hypervisor(vm):
    for command in ("plan", "plan --json", "status", "status --json"):
        result = vm.run(f"hvisor {command}", check=False)
        assert result.status == 1 and result.out == "" and "hvisor" in result.err, (command, result)
    assert "systemctl start hvisor-reconciler" in result.err or "modprobe" in result.err, result
