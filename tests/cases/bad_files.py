# SPDX-License-Identifier: GPL-2.0-or-later
"""A file that is wrong, in each way that a file can be, hurts only itself, and says where it is wrong."""

import json
import re

from rig import confs
from rig.cases import case
from rig.vm import ZONES_D

CONF = f"{ZONES_D}/guest.conf"
GOOD = confs.payload("console-hello")

# What is wrong, as a replacement in the text; the place that is told; words of the complaint.
BAD_TEXTS = [
    ("a section that is not closed", ("[Zone]", "[Zone"), ":1:1", "closing"),
    ("an unknown key", ("CPUs=", "CPUS="), ":3:1", 'did you mean "CPUs"?'),
    ("an unknown section", ("[Console main]", "[Konsole main]"), ":12:2", "did you mean [Console]?"),
    ("a key given twice", ("Id=1\n", "Id=1\nId=2\n"), ":3:1", "given twice"),
    ("a value out of range", ("Id=1\n", "Id=256\n"), ":2:4", "255"),
    ("a value of another kind", ("CPUs=2-3", "CPUs=two"), ":3:6", "two"),
    ("a key that is missing", ("EntryPoint=0x50400000\n", ""), ":1:1", "EntryPoint="),
    ("a zero byte", ("[Zone]", "# a comm\0ent\n[Zone]"), ":1:9", "NUL"),
    ("nothing at all", (GOOD, ""), "", "no [Zone] section"),
    ("a program", (GOOD, "\x7fELF\x02\x01\x01\0\0" * 40), "", "no [Zone] section"),
]

# What else can be put there by a rename: shell text that makes it as "new"; words of the complaint.
BAD_ENTRIES = [
    ("mkfifo new", "not a regular file"),
    ("ln -s /nowhere new", "symlink to nowhere"),
    ("ln -s /dev/zero new", "not a regular file"),
    ("truncate -s 1G new", "too large"),
]


def begin(vm):
    vm.boot("guest", GOOD)
    vm.console("guest").expect("hello from zone 1")
    return vm.workers("guest")


def wait_bad(vm, *words):
    """Until the status tells of the file what it should. The zone has to be running all the time."""
    def told():
        zone = vm.zone("guest")
        assert zone["state"] == "running", zone
        return zone["file_state"] == "bad" and all(w in zone["message"] for w in words) and zone
    return vm.wait(told, timeout=30, what=f"{words} in the status")


def wait_good(vm):
    vm.wait(lambda: (z := vm.zone("guest"))["file_state"] == "good" and not z["message"], timeout=30,
            what="the good file to be taken as one")


def assert_untouched(vm, workers):
    zone = vm.zone("guest")
    assert (zone["state"], zone["restarts"]) == ("running", 0) and vm.workers("guest") == workers, zone
    vm.console("guest").send("still there\n")
    vm.console("guest").expect("echo: .*STILL THERE")


def records(vm, *fields):
    return vm.out(["journalctl", "-q", "-o", "cat", "-u", "hvisor-reconciler", *fields])


def actions(vm):
    return records(vm, "ACTION=zone-start", "ACTION=zone-stop", "ACTION=zone-restart", "ACTION=zone-clean-up")


@case("bad-text-leaves-the-running-zone-alone-and-is-told-with-its-place")
def bad_text(vm):
    workers = begin(vm)
    before = actions(vm)
    for name, (old, new), place, words in BAD_TEXTS:
        assert old in GOOD, name
        vm.drop("guest", GOOD.replace(old, new, 1))
        wait_bad(vm, f"{CONF}{place}: ", words)
    assert f"{CONF}{place}: " in vm.out("hvisor status guest")
    vm.drop("guest", GOOD)
    wait_good(vm)
    assert_untouched(vm, workers)
    assert actions(vm) == before
    told = records(vm, "ZONE=guest", "PRIORITY=3")
    for name, _, place, words in BAD_TEXTS:
        assert any(f"{CONF}{place}: " in line and words in line for line in told.splitlines()), (name, told)


@case("hvisor-check-tells-every-mistake-with-its-place")
def check_tells(vm):
    vm.run("mkdir /tmp/files")
    for i, (_, (old, new), _, _) in enumerate(BAD_TEXTS):
        vm.write(f"/tmp/files/bad{i}.conf", GOOD.replace(old, new, 1))
    checked = vm.run("hvisor check /tmp/files", check=False)
    assert checked.status == 1
    for i, (name, _, place, words) in enumerate(BAD_TEXTS):
        assert any(f"/tmp/files/bad{i}.conf{place}: error: " in line and words in line
                   for line in checked.err.splitlines()), (name, checked.err)
    # the line itself, and a mark under it
    assert re.search(r"^ +3 \| CPUS=2-3\n +\| \^~~~$", checked.err, re.M), checked.err
    vm.write("/tmp/good.conf", GOOD)
    checked = vm.run("hvisor check /tmp/good.conf")
    assert "error" not in checked.err and ", 0 errors" in checked.out, checked

    # the same for programs: settings with their defaults, or what is wrong
    told = json.loads(vm.out("hvisor check --json /tmp/good.conf"))
    settings = next(f["settings"] for f in told["files"] if f["file"] == "/tmp/good.conf")
    assert told["errors"] == 0 and settings["Zone"]["CPUs"] == [2, 3] and settings["Zone"]["Restart"] == "on-failure", told
    told = json.loads(vm.run("hvisor check --json /tmp/files/bad1.conf", check=False).out)
    wrong = [d for d in told["diagnostics"] if d["severity"] == "error"]
    assert told["errors"] == len(wrong) == 1 and told["files"][0]["settings"] is None, told
    assert (wrong[0]["line"], wrong[0]["column"], wrong[0]["source"]) == (3, 1, "CPUS=2-3"), wrong
    # what the keys are is told by the program and by what was installed beside it
    assert "CPUs=  in [Zone]" in vm.out("hvisor keys cpus")
    assert json.loads(vm.out("hvisor keys --json")) == json.loads(vm.read("/usr/share/hvisor/hvisor.zone.schema.json"))


@case("what-is-no-file-of-text-leaves-the-running-zone-alone")
def bad_entry(vm):
    workers = begin(vm)
    before = actions(vm)
    for make, words in BAD_ENTRIES:
        vm.run(f"cd {ZONES_D} && {make} && mv -T new guest.conf")
        wait_bad(vm, CONF, words)
        assert vm.run(["hvisor", "check", CONF], check=False).status == 1, make
    vm.drop("guest", GOOD)
    wait_good(vm)
    assert_untouched(vm, workers)
    assert actions(vm) == before


@case("a-file-that-is-bad-when-the-daemon-starts-leaves-the-running-zone-alone")
def bad_at_start(vm):
    workers = begin(vm)
    before = actions(vm)
    vm.run(f"systemctl stop hvisor-reconciler && cp /etc/passwd {CONF} && systemctl start hvisor-reconciler")
    wait_bad(vm, CONF)
    assert_untouched(vm, workers)

    # its settings are those of /run/hvisor now: enough to give it a new worker
    vm.run(f"kill -9 {workers['main']}")
    vm.wait(lambda: vm.workers("guest")["main"] not in (None, workers["main"]), what="a new worker")
    workers = vm.workers("guest")
    wait_bad(vm, CONF)
    assert_untouched(vm, workers)

    vm.drop("guest", GOOD)
    wait_good(vm)
    assert_untouched(vm, workers)
    assert actions(vm) == before


@case("a-bad-file-of-a-zone-that-is-down-is-refused-until-it-is-mended")
def bad_before(vm):
    vm.drop("guest", GOOD.replace("Id=1", "Id=one"))
    zone = vm.wait_zone("guest", "refused")
    assert f"{CONF}:2:4: " in zone["message"] and zone["file_state"] == "bad" and zone["file"] == CONF, zone
    assert vm.hypervisor_zones() == {}
    vm.drop("guest", GOOD)
    vm.wait_zone("guest", "running")
    vm.console("guest").expect("hello from zone 1")


@case("a-file-whose-name-is-no-zones-is-shown-and-nothing-else")
def bad_name(vm):
    names = ("a" * 32, "my zone", "ünder")
    for name in names:
        vm.write(f"{ZONES_D}/{name}.conf", GOOD)
    vm.boot("guest", GOOD)
    others = [z for z in vm.status()["zones"] if z["name"] != "guest"]
    assert sorted(z["file"] for z in others) == sorted(f"{ZONES_D}/{name}.conf" for name in names), others
    assert all(z["state"] == "refused" and "a zone's name is" in z["message"] for z in others), others
    assert list(vm.hypervisor_zones()) == [1]


def assert_lost(vm, workers, *words):
    status = vm.wait(lambda: (s := vm.status())["message"] and all(w in s["message"] for w in words) and s, timeout=30,
                     what=f"{words} in the status")
    assert [z["state"] for z in status["zones"]] == ["running"], status
    assert vm.workers("guest") == workers
    assert all(w in vm.out("hvisor status") for w in words)


@case("zones.d-renamed-away-shuts-nothing-down")
def directory_gone(vm):
    workers = begin(vm)
    before = actions(vm)
    vm.run(f"mv {ZONES_D} /etc/hvisor/away")
    assert_lost(vm, workers, ZONES_D, "No such file")
    assert ZONES_D in records(vm, "RESULT=lost")

    # neither does a daemon that starts without it, and workers are replaced all the same
    vm.run("systemctl restart hvisor-reconciler")
    assert_lost(vm, workers, ZONES_D)
    vm.run(f"kill -9 {workers['main']}")
    vm.wait(lambda: vm.workers("guest")["main"] not in (None, workers["main"]), what="a new worker")
    workers = vm.workers("guest")

    vm.run(f"mv /etc/hvisor/away {ZONES_D}")
    vm.wait(lambda: vm.status()["message"] is None, timeout=30, what="the directory to be seen again")
    assert_untouched(vm, workers)
    assert actions(vm) == before
    vm.remove("guest")
    vm.wait_zone("guest", None)


@case("zones.d-that-cannot-be-read-shuts-nothing-down")
def directory_unreadable(vm):
    workers = begin(vm)
    before = actions(vm)
    # the file is away, but nobody can know: a file, a loop where the directory was
    for make, words in ((f"touch {ZONES_D}", "Not a directory"), (f"ln -s zones.d {ZONES_D}", "symbolic links")):
        vm.run(f"mv {ZONES_D} /etc/hvisor/away && {make}")
        assert_lost(vm, workers, ZONES_D, words)
        vm.run(f"rm {ZONES_D} && mv /etc/hvisor/away {ZONES_D}")
        vm.wait(lambda: vm.status()["message"] is None, timeout=30, what="the directory to be seen again")
    # the directory is another one now: seen, and acted upon
    vm.run(f"mv {ZONES_D} /etc/hvisor/elsewhere && ln -s elsewhere {ZONES_D}")
    assert_untouched(vm, workers)
    assert actions(vm) == before
    vm.remove("guest")
    vm.wait_zone("guest", None)
