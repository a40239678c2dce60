# SPDX-License-Identifier: GPL-2.0-or-later
"""Consoles: bytes both ways, recent output first, and a guest that never waits for a reader."""

import re

from rig import confs, witness
from rig.cases import case

HELLO = "payload: hello from zone 1"
SCRIPT = "script -qec 'hvisor console guest' /dev/null"       # a terminal around the client; the status is the client's


def boot_echo(vm):
    """A guest that answers each input with the same in capitals."""
    vm.boot("guest", confs.payload("console-irq"))


def boot_linux(vm):
    vm.boot("guest", confs.linux())
    console = vm.console("guest")
    console.expect("^zone: ready$")
    console.expect("zone# ")
    return console


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
    console = boot_linux(vm)
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
    console = boot_linux(vm)
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
    """Attaches with a terminal, types, and leaves by Ctrl-]. Return: the client's Result."""
    return vm.run(f"{{ sleep 0.5; printf '{typed}'; sleep 1; printf '\\035'; sleep 1; }} | timeout 20 {SCRIPT}", check=False)


@case("console-leaving-it-leaves-the-zone-and-the-next-client-sees-what-was")
def leaving(vm):
    boot_echo(vm)
    before = witness.wait_ready(vm, "guest")
    first = visit(vm, "first\\n")
    assert first.status == 0, first
    assert HELLO in first.out and "echo: FIRST" in first.out and "Left console main of guest" in first.out, first
    second = visit(vm, "second\\n")
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
