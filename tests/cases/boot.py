# SPDX-License-Identifier: GPL-2.0-or-later
"""A file comes, a zone boots: however the file comes, and never from half of it."""

from rig import confs, witness
from rig.cases import case
from rig.vm import ZONES_D

TEXT = confs.payload("console-irq")
HELLO = "hello from zone 1"


def expect_boot(vm):
    vm.wait_zone("guest", "running")
    vm.console("guest").expect(HELLO)
    assert vm.hypervisor_zones() == {1: "0xc guest"}


@case("boot-a-file-renamed-onto-its-name-boots-and-its-temporary-does-not")
def renamed(vm):
    for temporary in ("guest.conf.new", ".guest.conf.tmp", "guest.conf~", "#guest.conf#"):
        vm.write(f"{ZONES_D}/{temporary}", TEXT)
    witness.settle(vm)
    assert vm.status()["zones"] == [] and witness.records(vm) == []

    vm.run(f"mv {ZONES_D}/guest.conf.new {ZONES_D}/guest.conf")
    expect_boot(vm)
    told = [r[2:4] for r in witness.records(vm, "guest")]
    assert told[0] == ("zone-start", "begun") and told[-1] == ("zone-start", "done"), told
    assert told[1:-1] == [("worker-start", "done")], told
    # what it runs with can be read, and is what the file said
    vm.run("hvisor check /run/hvisor/zones/guest.conf")
    assert vm.out("readlink /run/hvisor/consoles/guest/main/tty").startswith("/dev/pts/")


@case("boot-a-copied-file-boots")
def copied(vm):
    vm.write("/root/guest.conf", TEXT)
    vm.run(f"cp /root/guest.conf {ZONES_D}/")
    expect_boot(vm)


@case("boot-a-hard-link-and-a-symlink-boot-like-files")
def linked(vm):
    vm.write("/root/guest.conf", TEXT)
    vm.run(f"ln /root/guest.conf {ZONES_D}/")
    expect_boot(vm)
    vm.run(f"rm {ZONES_D}/guest.conf")
    vm.wait_zone("guest", None)
    vm.console("guest").close()
    vm.run(f"ln -s /root/guest.conf {ZONES_D}/guest.conf")
    vm.wait_zone("guest", "running")


def write_slowly(vm, first, second, between="sleep 1"):
    """Writes @first to the zone's file, runs @between with the file still open, writes @second, closes."""
    vm.write("/tmp/first", first)
    vm.write("/tmp/second", second)
    vm.run(f"{{ cat /tmp/first; {between}; cat /tmp/second; }} >{ZONES_D}/guest.conf")


# Cut between two sections: the first half alone would be a zone, without its console.
CUT = TEXT.index("[Console")


@case("boot-half-a-file-starts-no-zone")
def half_a_file(vm):
    vm.write("/tmp/valid.conf", TEXT[:CUT])
    vm.run("hvisor check /tmp/valid.conf")
    write_slowly(vm, TEXT[:CUT], TEXT[CUT:])
    expect_boot(vm)
    assert [r[2] for r in witness.records(vm) if r[3] == "begun"] == ["zone-start"]


@case("boot-half-a-file-starts-no-zone-when-another-file-comes-meanwhile")
def half_a_file_and_another(vm):
    vm.write("/tmp/other", "nonsense\n")
    write_slowly(vm, TEXT[:CUT], TEXT[CUT:], f"mv /tmp/other {ZONES_D}/other.conf; sleep 1")
    expect_boot(vm)
    assert vm.zone("other")["state"] == "refused"
    assert [r[2] for r in witness.records(vm) if r[3] == "begun"] == ["zone-start"]


@case("boot-the-shipped-example-is-a-linux-that-says-ready")
def shipped_example(vm):
    vm.run(f"hvisor check linux2.conf && cp linux2.conf {ZONES_D}/")
    vm.wait_zone("linux2", "running")
    console = vm.console("linux2")
    console.expect("^zone: Linux .* on 2 CPUs, 7[0-9][0-9] MiB$")
    console.expect("^zone: disk: this is the disk of the rig$")
    console.expect("^zone: ready$")
    console.expect("zone# ")
    assert console.command("echo $((6 * 7))").strip() == "42"
    # both its CPUs, its own interrupts, and no complaint of its kernel
    assert console.command("nproc").strip() == "2"
    assert console.command("dmesg | grep -ciE 'oops|bug:|call trace|nobody cared' || true").strip() == "0"
