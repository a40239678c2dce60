# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case compares before and after: what the daemon did, who serves a zone, and all that zones leave in root Linux."""

import contextlib
import json

SETTLED = 0.3                           # seconds; a good deal longer than the settling time


def records(vm, zone=None):
    """What the daemon has told about its actions, oldest first, as (zone, device, action, result, text)."""
    vm.run("journalctl --sync")
    lines = vm.out("journalctl -q --no-pager -o json -u hvisor-reconciler")
    entries = [json.loads(line) for line in lines.splitlines()]
    told = [tuple(e.get(key) for key in ("ZONE", "DEVICE", "ACTION", "RESULT", "MESSAGE")) for e in entries if "ACTION" in e]
    return [r for r in told if zone in (None, r[0])]


def records_since(vm, before, zone=None):
    """@before: an earlier records(vm, zone)."""
    now = records(vm, zone)
    assert now[:len(before)] == before, "the journal forgot something"
    return now[len(before):]


def began(told):
    """The actions on zones and workers among records, adoption left out."""
    return [r[2] for r in told if r[3] == "begun" or r[2] in ("worker-start", "worker")]


def settle(vm):
    """Until the daemon has seen whatever happened to files, and has made its plan."""
    vm.run(f"sleep {SETTLED}; hvisor plan", check=False)


def attachments(vm, zone):
    """Who serves each device, and the how manieth worker it is: {device: (pid, generation)}."""
    return {d["name"]: (d["worker_pid"], d["generation"]) for d in vm.zone(zone)["devices"]}


def wait_ready(vm, zone, timeout=120):
    """Waits until the zone runs and every device has a worker. Return: attachments()."""
    def ready():
        seen = vm.zone(zone)
        return seen and seen["state"] == "running" and all(d["state"] == "ready" for d in seen["devices"])
    vm.wait(ready, timeout, f"{zone} to run with all its devices ready")
    return attachments(vm, zone)


@contextlib.contextmanager
def nothing_happens(vm, zone):
    """Whatever is done inside must leave the zone, its workers and the daemon's record of actions as they are."""
    before, told = attachments(vm, zone), records(vm)
    yield
    settle(vm)
    assert vm.zone(zone)["state"] == "running", vm.zone(zone)
    assert records_since(vm, told) == []
    assert attachments(vm, zone) == before
    assert vm.run("hvisor plan", check=False).status == 0


# What zones may leave behind in root Linux, and the shell text that shows it.
REMAINS = {
    "files in /run/hvisor": "find /run/hvisor -mindepth 1 | sort",
    "scopes": "systemctl --no-legend --plain --all list-units 'hvisor-*.scope'",
    "workers": "pgrep -l '^virtio-(block|conso|net)'",
    "users of the module": "awk '$1 == \"hvisor\" { print $3 }' /proc/modules",
    "pseudo-terminals": "ls /dev/pts",
    "descriptors kept by systemd": "systemctl show -P NFileDescriptorStore hvisor-reconciler",
    # its connections to systemd and the journal are made when first needed, and stay
    "the daemon's descriptors": "ls -l /proc/$(systemctl show -P MainPID hvisor-reconciler)/fd | grep -vc socket:",
    "the hypervisor's zones": "/usr/lib/rig/old-zone list",
    "zones in the status": "hvisor status",
}


def remains(vm):
    """Equal before and after, or something has leaked. Return: {what: as text}."""
    text = vm.out("; echo =; ".join(REMAINS.values()))
    return dict(zip(REMAINS, (part.strip() for part in (text + "\n").split("=\n"))))


def wait_remains(vm, expected, what):
    """What ends by itself may need a moment; what does not is a leak, and is told."""
    try:
        vm.wait(lambda: remains(vm) == expected, 20)
    except AssertionError:
        now = remains(vm)
        raise AssertionError(f"{what}: " + "; ".join(
            f"{key}: {expected[key]!r} became {now[key]!r}" for key in now if now[key] != expected[key])) from None


def switches(vm, pid):
    """How often the process has gone to sleep and been woken so far."""
    fields = dict(line.split(":\t", 1) for line in vm.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    return int(fields["voluntary_ctxt_switches"]) + int(fields["nonvoluntary_ctxt_switches"])
