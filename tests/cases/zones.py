# SPDX-License-Identifier: GPL-2.0-or-later
"""Files come, change and go; zones follow."""

from rig import confs
from rig.cases import case
from rig.vm import ZONES_D

HELLO = "hello from zone 1"

# The old version is moved aside and the new one written at once, as one program does it: no process is started in between.
SAVE = "text=$(cat /tmp/text) && mv guest.conf guest.conf~ && printf '%s\\n' \"$text\" >guest.conf"


def expect_hello(vm, name="guest"):
    vm.console(name).expect(HELLO)


@case("boot-by-rename")
def boot_by_rename(vm):
    assert vm.status()["zones"] == []
    vm.boot("guest", confs.payload("console-hello"))
    expect_hello(vm)
    assert list(vm.hypervisor_zones()) == [1]


@case("boot-by-write-then-close")
def boot_by_write_then_close(vm):
    text = confs.payload("console-hello")
    vm.write("/tmp/first", text[:len(text) // 2])
    vm.write("/tmp/second", text[len(text) // 2:])
    vm.background(f"{{ cat /tmp/first; sleep 2; cat /tmp/second; }} >{ZONES_D}/guest.conf; touch /tmp/closed")
    vm.wait(f"test -s {ZONES_D}/guest.conf", what="the first half to be written")
    while not vm.exists("/tmp/closed"):
        zone = vm.zone("guest")
        assert vm.exists("/tmp/closed") or not zone, f"a half-written file was taken: {zone}"
    vm.wait_zone("guest", "running")
    expect_hello(vm)
    assert "error" not in vm.journal()


@case("deletion-tears-everything-down")
def deletion(vm):
    vm.run("truncate -s 1M /tmp/disk.img")
    vm.boot("guest", confs.payload("disk-loop", disk="/tmp/disk.img"))
    vm.console("guest").expect("disk round")
    vm.console("guest").close()
    pids = vm.workers("guest").values()
    assert len(pids) == 2 and all(pids)
    vm.remove("guest")
    vm.wait_zone("guest", None)
    assert vm.hypervisor_zones() == {}
    for pid in pids:
        vm.wait(f"! kill -0 {pid} 2>/dev/null", what=f"worker {pid} to be gone")
    vm.wait("! systemctl --no-legend --plain --all list-units 'hvisor-*.scope' | grep .", what="no scope to be left")
    assert vm.status()["zones"] == []
    # nothing is left in the way of the same zone
    vm.boot("guest", confs.payload("disk-loop", disk="/tmp/disk.img"))


@case("unchanged-rewrite-does-nothing")
def unchanged_rewrite(vm):
    text = confs.payload("console-hello")
    vm.boot("guest", text)
    workers, actions = vm.workers("guest"), actions_so_far(vm)
    vm.write(f"{ZONES_D}/guest.conf", text)                         # in place
    vm.drop("guest", text)                                          # by rename
    vm.run(f"touch {ZONES_D}/guest.conf")
    vm.drop("guest", "# a comment\n" + text)                        # other bytes, the same meaning
    settle(vm)
    assert actions_so_far(vm) == actions
    assert vm.workers("guest") == workers


@case("an-editors-save-does-nothing-of-its-own")
def editors_save(vm):
    text = confs.payload("console-hello")
    vm.boot("guest", text)
    workers, actions = vm.workers("guest"), actions_so_far(vm)
    # vim: a test file, a swap file, the old version aside, the new one written, the rest removed
    vm.write("/tmp/text", text)
    vm.run(f"""cd {ZONES_D} && touch 4913 && rm 4913 && cp guest.conf .guest.conf.swp && {SAVE} &&
               rm guest.conf~ .guest.conf.swp""")
    # emacs: an autosave and a lock that points nowhere, the old version kept
    vm.run(f"""cd {ZONES_D} && ln -s root@root-linux.1:1 '.#guest.conf' && cp guest.conf '#guest.conf#' &&
               {SAVE} && rm '.#guest.conf' '#guest.conf#'""")
    # a temporary, renamed
    vm.run(f"cd {ZONES_D} && cp guest.conf .guest.conf.Xq3 && mv .guest.conf.Xq3 guest.conf")
    settle(vm)
    assert actions_so_far(vm) == actions
    assert vm.workers("guest") == workers
    assert [z["name"] for z in vm.status()["zones"]] == ["guest"]


@case("bad-file-leaves-the-running-zone-alone")
def bad_file(vm):
    text = confs.payload("console-hello")
    vm.boot("guest", text)
    workers = vm.workers("guest")
    vm.drop("guest", text.replace("CPUs=", "CPU="))
    zone = vm.wait(lambda: (z := vm.zone("guest"))["file_state"] == "bad" and z, what="the file to be seen as bad")
    assert zone["state"] == "running" and vm.workers("guest") == workers

    checked = vm.run(f"hvisor check {ZONES_D}/guest.conf", check=False)
    line = 1 + text.split("CPUs=")[0].count("\n")
    for words in (checked.out + checked.err, vm.out("hvisor status guest"), vm.journal()):
        assert f"guest.conf:{line}:" in words and "CPUs" in words, words
    assert checked.status == 1

    # another zone's bad file hurts nobody, and the good one comes back
    vm.drop("other", "[Zone\n")
    vm.drop("guest", text)
    vm.wait(lambda: vm.zone("guest")["file_state"] == "good", what="the file to be good again")
    assert vm.zone("guest")["state"] == "running" and vm.workers("guest") == workers
    assert vm.zone("other")["state"] == "refused"


@case("a-change-that-the-guest-sees-restarts-the-zone")
def change_restarts(vm):
    vm.boot("guest", confs.payload("console-hello"))
    workers = vm.workers("guest")
    vm.drop("guest", confs.payload("console-hello", CPUs="2"))
    vm.wait(lambda: (z := vm.zone("guest"))["cpus"] == "2" and z["state"] == "running", what="the zone to run on CPU 2 only")
    assert not set(vm.workers("guest").values()) & set(workers.values())
    assert list(vm.hypervisor_zones().values())[0].startswith("0x4 ")


def actions_so_far(vm):
    """Every line of the daemon's that says what it does or did."""
    return [line.split("]: ", 1)[1] for line in vm.journal().splitlines() if "zone guest" in line]


def settle(vm):
    """Longer than the daemon's settling time, and a plan made after it."""
    vm.run("sleep 1")
    vm.wait("hvisor plan", timeout=30, what="nothing to be left to do")
