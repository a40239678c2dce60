# SPDX-License-Identifier: GPL-2.0-or-later
"""The board by its name, and hvisor board: what is in force, where it comes from, what root Linux sees otherwise."""

import json

from rig import confs
from rig.cases import case

CONF = "/etc/hvisor/board.conf"
OWN = "/etc/hvisor/boards"
SHIPPED = "/usr/lib/hvisor/boards/qemu-gicv3.conf"
NAMED = "[Board]\nBoard=qemu-gicv3\n"


def shown(vm):
    return json.loads(vm.out("hvisor board --json"))


def value(board, key):
    return next(v for v in board["values"] if v["key"] == key)


def warnings(board):
    return [d["message"] for d in board["diagnostics"] if d["severity"] == "warning"]


@case("board-by-its-name-is-what-root-linux-sees")
def by_name(vm):
    vm.write(CONF, NAMED)
    board = shown(vm)
    assert (board["file"], board["description"], board["differences"]) == (CONF, SHIPPED, 0), board["diagnostics"]
    assert value(board, "Board")["file"] == CONF and value(board, "Board")["line"] == 2
    assert value(board, "CPUs") == {"section": "Board", "key": "CPUs", "value": "0-3", "file": SHIPPED,
                                    "line": value(board, "CPUs")["line"]}
    assert value(board, "MaxZoneId")["file"] is None
    root = board["root"]
    assert (root["cpus"], root["cpus_online"], root["wakeup_interrupt"]) == ([0, 1], 2, 64), root
    assert root["hvisor_node"] == "/hvisor_virtio_device" and root["magic"] >= 4
    assert root["interrupt_controller"]["kind"] == "GICv3"
    assert any(r["base"] == 0x50000000 and r["size"] == 0x30000000 for r in root["reserved"])
    assert f"{SHIPPED}:" in vm.out("hvisor board") and "qemu-gicv3" in vm.out("hvisor board --list")
    # and zones run on it
    vm.boot("guest", confs.payload("console-hello"))


@case("board-that-root-linux-sees-otherwise-is-told")
def otherwise(vm):
    vm.write(CONF, f"{NAMED}CPUs=1-3\nMemory=0x50000000+0x60000000\nWakeupInterrupt=65\n[GIC]\nDistributorAddress=0x8100000\n")
    board = shown(vm)
    told = "\n".join(warnings(board))
    for words in ("CPUs=: 1-3, but root Linux runs on CPU 0", "root Linux's System RAM (/proc/iomem)",
                  "WakeupInterrupt=: 65, but /hvisor_virtio_device of root Linux's device tree has 64",
                  "DistributorAddress=: 0x8100000, but in root Linux's device tree 0x8000000"):
        assert words in told, (words, told)
    assert board["differences"] == len(warnings(board)) == 4
    assert value(board, "DistributorAddress")["file"] == CONF and value(board, "DistributorSize")["file"] == SHIPPED
    result = vm.run("hvisor board")
    assert f"{CONF}:3:6: warning: CPUs=" in result.err and "4 differences" in result.out


@case("board-of-an-unknown-name-starts-no-zone-until-it-is-described")
def unknown(vm):
    vm.write(CONF, "[Board]\nBoard=qemu-gcv3\n")
    result = vm.run("hvisor board", check=False)
    assert result.status == 1 and 'did you mean "qemu-gicv3"?' in result.err, result.err
    vm.drop("guest", confs.payload("console-hello"))
    zone = vm.wait_zone("guest", "refused")
    assert 'no board "qemu-gcv3" is described' in zone["message"], zone
    # one of one's own
    vm.run(f"mkdir {OWN} && sed s/0-3/0,2-3/ {SHIPPED} > {OWN}/qemu-gcv3.conf && touch {CONF}")
    vm.wait_zone("guest", "running")
    # a description that changes is read again with the next change of board.conf
    vm.run(f"sed -i s/^CPUs=.*/CPUs=0/ {OWN}/qemu-gcv3.conf && touch {CONF}")
    vm.run("hvisor restart guest", check=False)
    vm.wait(lambda: "the board has no CPU 2-3" in (vm.zone("guest")["message"] or ""), timeout=30, what="the changed description to count")
