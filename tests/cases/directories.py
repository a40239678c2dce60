# SPDX-License-Identifier: GPL-2.0-or-later
"""Three directories of zones' files, one over the other."""

from rig import confs, witness
from rig.cases import case
from rig.vm import ZONES_D

RUN_D = "/run/hvisor/zones.d"
LIB_D = "/usr/lib/hvisor/zones.d"
TEXT = confs.payload("console-hello")


def wait_file(vm, path, *hides):
    vm.wait(lambda: (z := vm.zone("guest")) and (z["file"], z["hides"]) == (path, list(hides)), what=f"{path} to count")


@case("directories-the-highest-file-counts-and-a-mask-ends-the-zone")
def precedence(vm):
    etc, run, lib = (f"{d}/guest.conf" for d in (ZONES_D, RUN_D, LIB_D))
    # the lowest was made after the daemon had started, as by a package that is installed
    vm.run(f"rm -rf {LIB_D}; sleep 1; mkdir -p {LIB_D}")
    vm.write(lib, TEXT)
    vm.wait_zone("guest", "running")
    before = witness.wait_ready(vm, "guest")
    with witness.nothing_happens(vm, "guest"):
        wait_file(vm, lib)
        vm.run(f"cp {lib} {run}")
        wait_file(vm, run, lib)
        vm.run(f"cp {lib} {etc}")
        wait_file(vm, etc, run, lib)
        vm.run(f"mv {etc} {ZONES_D}/away")
        wait_file(vm, run, lib)

    # what is there no more to be read is not gone; nor does a daemon that starts meanwhile take it for that
    vm.run(f"mv {RUN_D} /run/hvisor/away")
    vm.wait(lambda: RUN_D in (vm.status()["message"] or ""), what="the directory to be missed")
    vm.run("systemctl restart hvisor-reconciler")
    vm.wait(lambda: RUN_D in (vm.status()["message"] or ""), what="the directory to be missed")
    assert witness.wait_ready(vm, "guest") == before
    vm.run(f"mv /run/hvisor/away {RUN_D}")
    wait_file(vm, run, lib)
    assert witness.attachments(vm, "guest") == before

    vm.run(f"ln -s /dev/null {etc}")
    masked = vm.wait_zone("guest", "masked")
    assert (masked["file"], masked["file_state"], masked["hides"]) == (etc, "masked", [run, lib]), masked
    assert f"masked by {etc}" in vm.out("journalctl -u hvisor-reconciler -o cat")
    assert "masked by" in vm.run("hvisor restart guest", check=False).err
    checked = vm.run("hvisor check")
    assert ", 0 errors" in checked.out and f"{etc}: note: masks" in checked.err, checked
    vm.run(f"rm {etc} {run}")
    vm.wait_zone("guest", "running")
    wait_file(vm, lib)
    vm.run(f"rm {lib}")
    vm.wait_zone("guest", None)
    assert vm.status()["message"] is None


def swap(vm, folder, number, files):
    """As the kubelet does it: a new tree beside the old one, then ..data is renamed onto it. @files: {path: text}."""
    tree = f"{folder}/..{number}"
    for path, text in files.items():
        vm.run(f"mkdir -p $(dirname {tree}/{path})")
        vm.write(f"{tree}/{path}", text)
    tops = {path.split("/")[0] for path in files}
    vm.run(f"cd {folder} && ln -s ..{number} ..data_tmp && mv -T ..data_tmp ..data && "
           + " && ".join(f"{{ [ -L {top} ] || ln -s ..data/{top} {top}; }}" for top in sorted(tops)))


@case("directories-drop-ins-change-one-zone-and-a-configmap-swaps-all-of-them-at-once")
def drop_ins(vm):
    before = vm.boot("guest", TEXT) and witness.wait_ready(vm, "guest")
    drop_in = f"{ZONES_D}/guest.conf.d/50-mine.conf"
    with witness.nothing_happens(vm, "guest"):
        # what only the reconciler sees, and what hides it again
        vm.run(f"mkdir -p {RUN_D}/guest.conf.d $(dirname {drop_in})")
        vm.write(drop_in, "[Zone]\nRestart=no\n")
        vm.wait(lambda: vm.zone("guest")["drop_ins"] == [drop_in], what="the drop-in to be read")
        vm.run(f"cp {drop_in} {RUN_D}/guest.conf.d/50-mine.conf && ln -sf /dev/null {drop_in}")
        vm.wait(lambda: vm.zone("guest")["drop_ins"] == [], what="the mask to be seen")
        vm.run(f"rm {drop_in}")
        vm.wait(lambda: vm.zone("guest")["drop_ins"] == [f"{RUN_D}/guest.conf.d/50-mine.conf"], what="the lower one")
        vm.run(f"rm -r {RUN_D}/guest.conf.d")
        vm.wait(lambda: vm.zone("guest")["drop_ins"] == [], what="the drop-in to be gone")

    # a wrong one hurts its zone alone, which goes on
    vm.write(drop_in, "[Zone]\nCPUs=2\nRestrat=no\n")
    bad = vm.wait(lambda: (z := vm.zone("guest"))["file_state"] == "bad" and z, what="the mistake to be told")
    assert f"{drop_in}:3:1: " in bad["message"] and 'did you mean "Restart"?' in bad["message"], bad
    checked = vm.run("hvisor check", check=False)
    assert checked.status == 1 and f"{drop_in}:3:1: error" in checked.err and "^~~~~~~" in checked.err, checked
    assert witness.attachments(vm, "guest") == before

    # one that the guest would see restarts it, and says what changed
    vm.write(drop_in, "[Zone]\nCPUs=2\n")
    vm.wait(lambda: vm.zone("guest")["cpus"] == "2" and vm.zone("guest")["state"] == "running", what="one CPU")
    assert "CPUs changed from 2-3 to 2" in vm.out("journalctl -u hvisor-reconciler -o cat")

    # without its file the zone goes; what is left is told
    vm.remove("guest")
    left = vm.wait_zone("guest", "stopped")
    assert "drop-ins for no zone" in left["message"], left
    vm.run(f"rm -r $(dirname {drop_in})")
    vm.wait_zone("guest", None)

    # a ConfigMap with a zone and a drop-in: both change in one step
    swap(vm, ZONES_D, 1, {"guest.conf": TEXT, "guest.conf.d/1.conf": "[Zone]\nCPUs=3\n"})
    vm.wait(lambda: (z := vm.zone("guest")) and (z["state"], z["cpus"]) == ("running", "3"), what="the first tree")
    told = witness.records(vm)
    swap(vm, ZONES_D, 2, {"guest.conf": TEXT.replace("CPUs=2-3", "CPUs=3"), "guest.conf.d/1.conf": "[Zone]\nCPUs=2\n"})
    vm.wait(lambda: (z := vm.zone("guest")) and (z["state"], z["cpus"]) == ("running", "2"), what="the second tree")
    witness.wait_ready(vm, "guest")
    assert [a for a in witness.began(witness.records_since(vm, told)) if a.startswith("zone-")] == ["zone-restart"]
    assert vm.zone("guest")["drop_ins"] == [f"{ZONES_D}/guest.conf.d/1.conf"]


@case("directories-hvisor-edit-checks-before-it-counts-and-cat-shows-all-that-is-read")
def edit_and_cat(vm):
    def edit(text, arguments="guest", answer=""):
        vm.write("/root/editor", f"#!/bin/sh\nprintf '{text}' >\"$1\"\n", 0o755)
        vm.write("/root/answers", answer)
        return vm.run(f"EDITOR=/root/editor script -qec 'hvisor edit {arguments}' /dev/null </root/answers", check=False)

    before = vm.boot("guest", TEXT) and witness.wait_ready(vm, "guest")
    override = f"{ZONES_D}/guest.conf.d/override.conf"
    done = edit("[Zone]\\nRestart=no\\n")
    assert done.ok and f"{override} is written" in done.out, done
    vm.wait(lambda: vm.zone("guest")["drop_ins"] == [override], what="the drop-in to be read")
    assert vm.out("hvisor cat guest") == f"# {ZONES_D}/guest.conf\n{TEXT}\n# {override}\n[Zone]\nRestart=no"

    wrong = edit("[Zone]\\nCPUs=2,9\\n", answer="e\nd\n")
    assert not wrong.ok and wrong.out.count(f"{override}:2:6: ") == 2 and "no CPU 9" in wrong.out, wrong
    assert vm.read(override) == "[Zone]\nRestart=no\n"
    assert "terminal" in vm.run("hvisor edit guest </dev/null", check=False).err
    assert vm.out("ls -d /tmp/hvisor-edit* 2>/dev/null || true") == ""

    # a package's zone is changed as a copy; one that there is not is a new file
    vm.run(f"mkdir -p {LIB_D} && mv {ZONES_D}/guest.conf {LIB_D}/ && rm -r {ZONES_D}/guest.conf.d")
    wait_file(vm, f"{LIB_D}/guest.conf")
    assert edit(TEXT.replace("\n", "\\n") + "# mine\\n", "--full guest").ok
    wait_file(vm, f"{ZONES_D}/guest.conf", f"{LIB_D}/guest.conf")
    assert vm.read(f"{LIB_D}/guest.conf") == TEXT and vm.read(f"{ZONES_D}/guest.conf") == TEXT + "# mine\n"
    assert witness.attachments(vm, "guest") == before
    assert "Nothing is changed" in edit("# only a comment\\n", "other").out and vm.zone("other") is None
