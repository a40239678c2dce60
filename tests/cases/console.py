# SPDX-License-Identifier: GPL-2.0-or-later
"""Consoles: bytes both ways, recent output first, and a guest that never waits for a reader."""

import json
import re

from rig import confs, witness
from rig.cases import case
from rig.console import ZoneConsole

HELLO = "payload: hello from zone 1"


def boot_echo(vm):
    """A guest that answers each input with the same in capitals."""
    vm.boot("guest", confs.payload("console-irq"))


@case("console-carries-bytes-both-ways")
def both_ways(vm):
    boot_echo(vm)
    console = vm.console("guest")
    console.expect(f"^{HELLO}$")
    for word in ("one", "two", "three", "a somewhat longer line with ünïcödé in it"):
        console.send(word + "\n")
        console.expect("^echo: .*" + re.sub("[a-z]+", lambda m: m[0].upper(), word))
    device = vm.zone("guest")["devices"][0]
    assert device["type"] == "console" and device["state"] == "ready" and device["kicks"] > 0 and device["calls"] > 0, device


@case("console-of-a-linux-is-a-terminal")
def linux_terminal(vm):
    console = vm.boot_linux("guest", confs.linux())
    assert console.command("echo $((6 * 7)); tty").split() == ["42", "/dev/hvc0"]
    # what the terminal makes signals of is the guest's, not the client's
    console.send("echo off; sleep 1000\n")
    console.expect("^off$")
    console.send("\x03")
    console.expect(r"\^C\s+zone# ")
    assert console.command("pidof sleep || echo none").strip() == "none"
    # a long line of input arrives whole
    text = "0123456789" * 40
    assert console.command(f"echo {text}").strip() == text


@case("console-a-late-client-gets-recent-output-first")
def late_client(vm):
    console = vm.boot_linux("guest", confs.linux())
    console.command("seq 300")
    console.close()
    lines = vm.out("hvisor console guest --timeout=1 </dev/null").replace("\r", "").splitlines()
    assert [int(line) for line in lines if line.isdigit()] == list(range(1, 301)), lines
    assert any(line.startswith("zone: Linux ") for line in lines) and lines[-1].startswith("zone# "), lines


@case("console-output-before-any-client-is-not-lost")
def early_output(vm):
    boot_echo(vm)
    vm.wait(lambda: vm.zone("guest")["devices"][0]["kicks"] > 0, what="the guest to speak")
    assert HELLO in vm.out("hvisor console guest --timeout=1 </dev/null").replace("\r", "").splitlines()


def visit(vm, typed):
    """Attaches with a terminal, types a word, and leaves by Ctrl-] when it was answered. Return: the client's Result."""
    def seen(text):
        return f"until grep -q '{text}' /tmp/visit; do sleep 0.1; done"
    script = "script -qefc 'hvisor console guest' /tmp/visit"           # a terminal around the client; the status is the client's
    return vm.run(f"rm -f /tmp/visit; {{ {seen('Connected')}; printf '{typed}\\n'; {seen(f'echo: {typed.upper()}')}; "
                  f"printf '\\035'; {seen('Left')}; }} 2>/dev/null | timeout 50 {script}", check=False)


@case("console-leaving-it-leaves-the-zone-and-the-next-client-sees-what-was")
def leaving(vm):
    boot_echo(vm)
    before = witness.wait_ready(vm, "guest")
    first = visit(vm, "first")
    assert first.status == 0, first
    assert HELLO in first.out and "echo: FIRST" in first.out and "Left console main of guest" in first.out, first
    second = visit(vm, "second")
    assert second.status == 0, second
    assert HELLO in second.out and "echo: FIRST" in second.out and "echo: SECOND" in second.out, second
    assert vm.zone("guest")["state"] == "running" and witness.attachments(vm, "guest") == before


@case("console-a-client-that-is-killed-leaves-the-zone")
def killed_client(vm):
    boot_echo(vm)
    before = witness.wait_ready(vm, "guest")
    vm.console("guest").expect(HELLO)
    vm.run("pkill -9 -x hvisor")
    vm.console("guest").close()
    assert "echo: AGAIN" in vm.out("echo again | hvisor console guest --timeout=1")
    assert witness.attachments(vm, "guest") == before


@case("console-costs-nothing-while-nobody-talks")
def idle(vm):
    boot_echo(vm)
    (pid, _), = witness.wait_ready(vm, "guest").values()

    def assert_sleeps(when):
        vm.run("sleep 0.5")
        before = witness.switches(vm, pid)
        vm.run("sleep 2")
        assert witness.switches(vm, pid) - before <= 2, f"{when}: {witness.switches(vm, pid) - before} switches in 2 s"
    console = vm.console("guest")
    console.expect(HELLO)
    assert_sleeps("with a silent client")
    console.close()
    assert_sleeps("after the client has gone")


@case("console-says-why-there-is-none")
def none(vm):
    unknown = vm.run("hvisor console nobody </dev/null", check=False)
    assert unknown.status == 1 and "nobody" in unknown.err, unknown
    vm.boot("guest", confs.payload("sleep").split("[Console")[0])
    bare = vm.run("hvisor console guest --timeout=1 </dev/null", check=False)
    assert bare.status == 1 and "no [Console]" in bare.err, bare


TTY = "/run/hvisor/consoles/guest/main/tty"


@case("console-shows-all-of-its-history-to-who-does-not-wait")
def whole_history(vm):
    console = vm.boot_linux("guest", confs.linux())
    console.command("seq 1500")
    lines = vm.out("hvisor console guest --timeout=0 </dev/null").replace("\r", "").splitlines()
    assert [int(line) for line in lines if line.isdigit()] == list(range(1, 1501)), (lines[:5], lines[-5:])


@case("console-one-writes-and-all-others-see")
def one_writes(vm):
    boot_echo(vm)
    writer = vm.console("guest")
    writer.expect(f"^{HELLO}$")
    watcher = ZoneConsole(vm, "guest")
    watcher.expect(r"Process \d+ writes to this console")
    watcher.send("intruder\n")
    watcher.expect("Another client writes")
    # nor does a pipe, which says so, or a program at the terminal itself
    pipe = vm.run("echo intruder | hvisor console guest --timeout=1", check=False)
    assert pipe.status == 1 and "another client writes" in pipe.err, pipe
    vm.run(f"printf 'intruder\\n' >{TTY}")
    writer.send("owner\n")
    for client in (writer, watcher):
        client.expect("^echo: .*OWNER")
        assert "INTRUDER" not in client.text(), client.text()

    # the worker is killed: each goes on where it was, the writer writes
    pid = vm.workers("guest")["main"]
    vm.run(f"kill -9 {pid}")
    writer.send("survivor\n")
    for client in (writer, watcher):
        client.expect("^echo: .*SURVIVOR")
        assert client.text().count(HELLO) == 1

    writer.close()
    watcher.expect("You write to this console now")
    watcher.send("heir\n")
    watcher.expect("^echo: .*HEIR")
    # who comes while a program has the terminal open does not write beside it
    watcher.close()
    vm.wait("echo free | hvisor console guest --timeout=1", what="the watcher to be gone")
    holder = vm.background(f"exec 3<>{TTY}; sleep 1000")
    late = ZoneConsole(vm, "guest")
    late.expect("Another program has the console's terminal open")
    vm.run(f"kill -- -{holder}")
    late.expect("You write to this console now")
    late.close()


@case("console-of-a-linux-has-the-size-of-its-clients-window")
def window_size(vm):
    vm.drop("guest", confs.linux())
    vm.wait(f"test -e {TTY}", what="the console's terminal")
    vm.run(f"stty -F {TTY} cols 400 rows 41")
    console = vm.console("guest")
    console.expect("zone# ")
    assert console.command("stty size").split() == ["41", "400"]    # before its driver came up
    terminal = vm.out("ps -o tty= -C hvisor").split()[0]
    vm.run(f"stty -F /dev/{terminal} cols 300 rows 33")             # the client's own window
    vm.wait(lambda: console.command("stty size").split() == ["33", "300"], what="the guest to have the new size")
    console.send("sleep 1000\n")
    pid = vm.workers("guest")["main"]
    vm.run(f"kill -9 {pid}; stty -F /dev/{terminal} cols 200 rows 22")
    console.send("\x03")
    vm.wait(lambda: console.command("stty size").split() == ["22", "200"], what="the guest to have the size of meanwhile")


@case("console-names-with-dots-are-names-of-their-own")
def dots(vm):
    vm.boot("a", confs.payload("console-hello", "lower").replace("[Console main]", "[Console b.c]"))
    vm.boot("a.b", confs.payload("console-hello", "upper").replace("[Console main]", "[Console c]"))
    for zone, device, number in (("a", "b.c", 1), ("a.b", "c", 2)):
        vm.wait(lambda: f"hello from zone {number}" in vm.out(f"hvisor console {zone} {device} --timeout=0 </dev/null"),
                what=f"the hello of {zone}")
    vm.remove("a")
    vm.wait_zone("a", None)
    assert vm.out("ls /run/hvisor/consoles") == "a.b"


@case("console-output-goes-to-the-journal-line-by-line")
def to_journal(vm):
    def lines():
        return [json.loads(line) for line in vm.out("journalctl -q --no-pager -o json -t guest/main").splitlines()]

    def wait_line(text):
        return vm.wait(lambda: [e for e in lines() if text in e["MESSAGE"]], what=f"the line {text!r} in the journal")
    vm.boot("guest", confs.payload("console-irq") + "Log=journal\n")
    entry, = wait_line("hello from zone 1")
    assert (entry["ZONE"], entry["DEVICE"], entry["_SYSTEMD_UNIT"]) == ("guest", "main", "hvisor-guest-main.scope"), entry
    assert "hello from zone 1" in vm.out("hvisor logs guest main")
    # without the daemon, and across workers, each line once
    vm.run("systemctl stop hvisor-reconciler; echo alone | hvisor console guest --timeout=1")
    wait_line("ALONE")
    vm.run("systemctl start hvisor-reconciler")
    worker = vm.workers("guest")["main"]
    vm.run(f"kill -9 {worker}")
    vm.run("echo successor | hvisor console guest --timeout=1")
    wait_line("SUCCESSOR")
    for text in ("hello from zone 1", "ALONE", "SUCCESSOR"):
        assert len([e for e in lines() if text in e["MESSAGE"]]) == 1, lines()
