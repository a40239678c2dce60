# SPDX-License-Identifier: GPL-2.0-or-later
"""What workers say, whatever becomes of the daemon meanwhile. The guest makes its console's worker warn, at every input."""

import json

from rig import confs
from rig.cases import case

WARNING = "zone guest, device main: the guest broke queue 1"
DROP_IN = "/run/systemd/system/hvisor-reconciler.service.d/slow.conf"


def provoke(vm):
    """Through the pty itself: `hvisor console` and the daemon are not asked. Nothing else runs until the guest has done it."""
    vm.run("printf x >/run/hvisor/consoles/guest/main/tty; sleep 1")


def records(vm, selection="-u"):
    lines = vm.out(f"journalctl -q {selection} hvisor-reconciler -o json").splitlines()
    return [r for r in map(json.loads, lines) if str(r["MESSAGE"]).startswith(WARNING)]


def wait_records(vm, count, selection="-u"):
    found = vm.wait(lambda: (r := records(vm, selection)) and len(r) >= count and r, what=f"{count} warnings of the worker")
    assert len(found) == count, found
    return found


def show(vm, what):
    return vm.out(f"systemctl show -P {what} hvisor-reconciler")


def stored(vm):
    return int(show(vm, "NFileDescriptorStore"))


def assert_record_of_daemon(vm, record):
    wanted = {"ZONE": "guest", "DEVICE": "main", "PRIORITY": "4", "ACTION": "worker-log",
              "SYSLOG_IDENTIFIER": "hvisor-reconciler", "_PID": show(vm, "MainPID")}
    assert {key: record.get(key) for key in wanted} == wanted, record


@case("worker-logs-are-records-of-the-daemon-whatever-becomes-of-it")
def worker_logs(vm):
    vm.run(f"mkdir -p $(dirname {DROP_IN})")
    vm.write(DROP_IN, "[Service]\nRestartSec=10\n")
    vm.run("systemctl daemon-reload")
    vm.boot("guest", confs.payload("break-queue"))
    workers = vm.workers("guest")
    provoke(vm)
    assert_record_of_daemon(vm, wait_records(vm, 1)[0])
    assert stored(vm) == 2, stored(vm)      # the console's pty and the worker's log

    # killed: what is said meanwhile waits in the pipe
    pid = show(vm, "MainPID")
    vm.run(f"kill -9 {pid}")
    vm.wait(lambda: show(vm, "MainPID") == "0", what="the daemon to be gone")
    provoke(vm)
    vm.wait(lambda: vm.run("hvisor console guest </dev/null").out.count("broke it, 2") == 1, what="the second time")
    assert len(records(vm, "-t")) == 1 and show(vm, "MainPID") == "0"
    second = wait_records(vm, 2)[1]
    vm.wait("systemctl is-active hvisor-reconciler", what="the daemon to be ready")
    assert_record_of_daemon(vm, second)

    # restarted: the same pipe again
    vm.run("systemctl restart hvisor-reconciler")
    provoke(vm)
    assert_record_of_daemon(vm, wait_records(vm, 3)[2])
    assert stored(vm) == 2, stored(vm)

    # stopped, which lets go of the pipe: under the worker's own scope from now on
    vm.run("systemctl stop hvisor-reconciler")
    provoke(vm)
    alone = wait_records(vm, 4, "-t")[3]
    assert alone["PRIORITY"] == "4" and alone["_SYSTEMD_UNIT"] == "hvisor-guest-main.scope", alone
    assert vm.out("hvisor logs guest main -n1").endswith(WARNING + alone["MESSAGE"].removeprefix(WARNING))
    assert WARNING in vm.out("hvisor logs guest") and "start:" not in vm.out("hvisor logs guest main")
    unknown = vm.run("hvisor logs gest", check=False)
    assert unknown.status == 1 and 'did you mean "guest"' in unknown.err, unknown
    assert json.loads(vm.out("hvisor logs guest main --json --number 1"))["MESSAGE"] == alone["MESSAGE"]
    vm.run("systemctl start hvisor-reconciler")
    vm.wait_zone("guest", "running")
    provoke(vm)
    wait_records(vm, 5, "-t")
    assert vm.workers("guest") == workers

    # a new worker has a pipe again, which goes with it
    vm.run(f"kill {workers['main']}")
    vm.wait(lambda: vm.workers("guest")["main"] not in (None, workers["main"]), what="a new worker")
    provoke(vm)
    assert_record_of_daemon(vm, wait_records(vm, 4)[3])
    assert stored(vm) == 2, stored(vm)
    vm.remove("guest")
    vm.wait_zone("guest", None)
    vm.wait(lambda: stored(vm) == 0, timeout=10, what="the store to be empty")


@case("worker-logs-come-out-on-stderr-where-there-is-no-journal")
def worker_logs_on_stderr(vm):
    vm.run("systemctl stop hvisor-reconciler")
    pid = vm.background("exec env -u JOURNAL_STREAM /usr/libexec/hvisor/reconciler", log="/tmp/stderr")
    vm.wait("hvisor status --json | grep -q '\"running\": *true'", what="the daemon to answer")
    vm.boot("guest", confs.payload("break-queue"))
    provoke(vm)
    vm.wait(f"grep '^hvisor-reconciler: {WARNING}' /tmp/stderr", timeout=20)
    # its end of the pipe goes with it
    vm.run(f"kill -9 {pid}")
    provoke(vm)
    vm.wait(f"grep '^virtio-console: {WARNING}' /tmp/stderr", timeout=20)
    assert records(vm, "-t") == []
