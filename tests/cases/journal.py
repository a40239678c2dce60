# SPDX-License-Identifier: GPL-2.0-or-later
"""Every action is one record of the journal, with its reason in fields, and the catalog has an entry for it."""

import json

from rig import confs
from rig.cases import case

CATALOG = "/usr/lib/systemd/catalog/hvisor.catalog"

# What the walk below leads to, in this order: device, ACTION=, RESULT=, priority, a part of REASON= (None: there is none).
EXPECTED = [
    (None, "zone-start", "begun", 5, "/etc/hvisor/zones.d/guest.conf asks for it"),
    (None, "zone-start", "done", 5, None),
    ("disk", "worker-restart", "begun", 5, "Image changed"),
    ("disk", "worker-start", "done", 6, None),
    ("disk", "worker", "failed", 4, "killed by signal 9"),
    (None, "plan", "bad-file", 3, "guest.conf:3:6"),
    ("disk", "worker-restart", "refused", 3, "/tmp/none.img"),
    (None, "zone-restart", "begun", 5, "asked for by hand"),
    (None, "zone-restart", "done", 5, None),
    (None, "zone-restart", "failed", 3, "/tmp/none.bin"),
    (None, "zone-stop", "begun", 5, "its file was removed"),
    (None, "zone-stop", "done", 5, None),
]


def records(vm):
    lines = vm.out("journalctl -q -o json -u hvisor-reconciler ZONE=guest").splitlines()
    return list(map(json.loads, lines))


def is_expected(record, row):
    device, action, result, priority, reason = row
    return ((record.get("DEVICE"), record["ACTION"], record["RESULT"], record["PRIORITY"]) == (device, action, result, str(priority))
            and (reason in record.get("REASON", "") if reason else "REASON" not in record))


def walk(vm):
    def conf(**keys):
        return confs.payload("disk-loop", **{"disk": "/tmp/two.img", **keys})

    def worker_other_than(old):
        return vm.wait(lambda: (pid := vm.workers("guest")["disk"]) not in (None, old) and pid, what="another worker")

    def wait_zone(key, value):
        vm.wait(lambda: value in str(vm.zone("guest")[key]), what=f"{key} to be {value}")

    vm.run("truncate -s 1M /tmp/one.img /tmp/two.img")
    vm.boot("guest", conf(disk="/tmp/one.img"))
    old = vm.workers("guest")["disk"]
    vm.drop("guest", conf())
    new = worker_other_than(old)
    vm.run(f"kill -9 {new}")
    worker_other_than(new)
    vm.drop("guest", conf(CPUs="nine"))
    wait_zone("file_state", "bad")
    vm.drop("guest", conf(disk="/tmp/none.img"))
    wait_zone("devices", "/tmp/none.img")
    vm.drop("guest", conf())
    vm.run("hvisor restart guest")
    vm.wait("journalctl -q ZONE=guest ACTION=zone-restart RESULT=done | grep -q .", what="the restart")
    vm.drop("guest", conf(Kernel="/tmp/none.bin"))
    wait_zone("message", "/tmp/none.bin")
    vm.remove("guest")
    vm.wait_zone("guest", None)
    vm.wait("journalctl -q ZONE=guest ACTION=zone-stop RESULT=done | grep -q .", what="the last record")


@case("journal-every-action-is-one-record-with-its-reason-and-an-entry-in-the-catalog")
def actions(vm):
    vm.run("journalctl --update-catalog")
    walk(vm)
    told, catalog = records(vm), vm.read(CATALOG)
    rest = iter(told)
    for row in EXPECTED:
        assert any(is_expected(record, row) for record in rest), (row, [(r["ACTION"], r["RESULT"], r["MESSAGE"]) for r in told])
    for record in told:
        assert {"ACTION", "RESULT", "ZONE"} <= record.keys() and f"-- {record['MESSAGE_ID']}\n" in catalog, record
        assert record["SYSLOG_IDENTIFIER"] == "hvisor-reconciler" and record["MESSAGE"].startswith("zone guest"), record
    zone_actions = [r["RESULT"] == "begun" for r in told if r["ACTION"].startswith("zone-")]
    assert zone_actions == [True, False] * (len(zone_actions) // 2), told       # begun, and one end each

    # journalctl -x prints the entry, with the record's own fields in it
    explained = vm.out("journalctl -q -x ZONE=guest RESULT=failed ACTION=zone-restart")
    for words in ("Subject: Zone guest: zone-restart failed", "Defined-By: hvisor", "/tmp/none.bin", "hvisor restart guest"):
        assert words in explained, explained
