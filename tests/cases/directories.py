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
