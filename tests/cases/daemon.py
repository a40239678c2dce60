# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon as systemd and a person see it."""

import json

import jsonschema

from rig import confs
from rig.cases import case


def boot_guest(vm):
    vm.boot("guest", confs.payload("console-irq"))
    vm.console("guest").expect("hello from zone 1")
    vm.console("guest").close()
    return vm.workers("guest")


@case("daemon-stopped-status-tells-so-and-deletion-waits")
def daemon_stopped(vm):
    workers = boot_guest(vm)
    vm.run("systemctl stop hvisor-reconciler")
    status = vm.status()
    assert not status["daemon"]["running"]
    assert [z["state"] for z in status["zones"]] == ["running"]
    assert vm.workers("guest") == workers
    vm.remove("guest")
    assert list(vm.hypervisor_zones()) == [1]
    vm.run("systemctl start hvisor-reconciler")
    vm.wait_zone("guest", None)
    assert vm.hypervisor_zones() == {}


@case("daemon-tells-systemd-how-it-is")
def daemon_status_text(vm):
    vm.boot("guest", confs.payload("console-hello"))
    vm.wait("systemctl show -P StatusText hvisor-reconciler | grep '1 zone running'", timeout=20)
    record = vm.out("journalctl -q -u hvisor-reconciler -o verbose ZONE=guest")
    for field in ("ZONE=guest", "ACTION=", "RESULT=", "MESSAGE_ID="):
        assert field in record, record


def objects_in(value):
    """Every JSON object in @value, itself included."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from objects_in(part)


def follows_schema(vm, verb, text):
    """What `hvisor VERB … --json` printed, held to the schema that is installed for it, which knows every field. Return: it, parsed."""
    value, schema = json.loads(text), json.loads(vm.read(f"/usr/share/hvisor/{verb}.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(value)
    for part in objects_in(value):
        part["unknown"] = 1
        assert not validator.is_valid(value), f"{schema['title']}: a field more is not noticed in {part}"
        del part["unknown"]
    return value


def asked(vm, verb, *words):
    return follows_schema(vm, verb, vm.run(["hvisor", verb, *words, "--json"], check=False).out)


@case("daemon-json-of-every-verb-follows-its-schema-which-knows-every-field")
def json_of_verbs(vm):
    boot_guest(vm)
    vm.drop("bad", "[Zone]\nId=x\n")
    vm.run("mkdir -p /etc/hvisor/zones.d/guest.conf.d && echo '# nothing' >/etc/hvisor/zones.d/guest.conf.d/10.conf")
    vm.wait(lambda: (z := vm.zone("bad")) and z["state"] == "refused", what="a zone that is refused")
    told = asked(vm, "check")
    good = {f["file"].rsplit("/", 1)[1]: f["settings"] is not None for f in told["files"]}
    assert good.items() >= {"bad.conf": False, "guest.conf": True}.items() and told["errors"] > 0, told
    assert asked(vm, "check", "/etc/hvisor/board.conf")["files"][0]["settings"]["Board"]
    assert asked(vm, "board")["values"]
    assert any(b["board"] == "imx8mp" for b in asked(vm, "board", "--list"))
    records = [follows_schema(vm, "logs", line) for line in vm.out("hvisor logs guest --json").splitlines()]
    assert any(r.get("ACTION") == "zone-start" and r.get("RESULT") == "done" for r in records), records
    for option in ("", "--board"):
        jsonschema.Draft202012Validator.check_schema(json.loads(vm.out(f"hvisor keys --json {option}")))


@case("daemon-json-of-status-and-plan-follows-the-schemas-with-and-without-the-daemon")
def json_schemas(vm):
    vm.run("/usr/lib/rig/old-zone start 3 stranger 0x8 0x68000000 0x1000000 /var/lib/hvisor/payload/sleep-upper.bin")
    vm.boot("guest", confs.payload("console-irq", "lower"))
    vm.drop("waits", confs.payload("console-irq", "upper"))
    vm.drop("bad", "[Zone]\nId=x\n")
    vm.drop("lacks", confs.payload("console-irq", "lower", Id=3, Kernel="/tmp/none.bin"))
    vm.wait(lambda: (z := vm.zone("waits")) and z["state"] == "waiting", what="a zone that waits")
    vm.wait(lambda: (z := vm.zone("bad")) and z["state"] == "refused", what="a zone that is refused")
    states = {z["name"]: z["state"] for z in asked(vm, "status")["zones"]}
    assert states["guest"] == "running" and states["stranger"] == "foreign", states
    assert asked(vm, "status", "guest")["state"] == "running"
    assert {n["note"] for n in asked(vm, "plan")["notes"]} >= {"foreign", "waiting", "refused"}
    vm.run("systemctl stop hvisor-reconciler")
    vm.remove("guest")
    down = asked(vm, "status")
    assert not down["daemon"]["running"] and down["daemon"]["pid"] is None and down["hypervisor"]["name"] == "hvisor", down
    assert [a["action"] for a in asked(vm, "plan")["actions"]][0] == "zone-stop"


@case("daemon-down-status-sees-what-it-can-and-says-what-it-cannot")
def daemon_down(vm):
    """Each row: what is done to the daemon, who asks, exit status, what is printed."""
    vm.boot("guest", confs.payload("console-irq"))
    nobody = "systemd-run -q --uid=65534 --pipe --wait "
    rows = [
        ("true", "", 0, "running"),
        ("true", nobody, 1, "become root (sudo)"),
        ("systemctl stop hvisor-reconciler", "", 0, "The reconciler is not running (systemctl start hvisor-reconciler)"),
        ("true", nobody, 1, "run it as root"),
        ("systemctl start hvisor-reconciler && systemctl kill -s KILL hvisor-reconciler && systemctl stop hvisor-reconciler",
         "", 0, "The reconciler is not running (systemctl start hvisor-reconciler)"),
    ]
    for before, who, status, words in rows:
        vm.run(before)
        result = vm.run(f"{who}hvisor status", check=False)
        assert result.status == status and words in result.out + result.err, (before, who, result)
        assert status != 0 or "guest" in result.out, result
    # the socket of a daemon that was killed is still there, and no daemon
    assert vm.exists("/run/hvisor/bus") and vm.status()["zones"][0]["state"] == "running"


@case("daemon-down-status-without-a-module-says-so", machine="bare")
def no_module(vm):
    result = vm.run("hvisor status", check=False)
    assert result.status == 1 and "load the module (modprobe hvisor)" in result.err, result
    assert vm.run("hvisor stop-all").err == ""


@case("daemon-reloads-by-sighup-and-tells-systemd-when-it-has")
def reload(vm):
    vm.run("systemctl reload hvisor-reconciler")
    vm.wait("journalctl -q -o cat -u hvisor-reconciler | grep -q 'reading all files again'", timeout=20)
    assert vm.out("systemctl is-active hvisor-reconciler") == "active"


@case("daemon-that-stands-still-is-replaced-and-its-zones-go-on")
def watchdog(vm):
    workers = boot_guest(vm)
    vm.run("mkdir -p /run/systemd/system/hvisor-reconciler.service.d")
    vm.write("/run/systemd/system/hvisor-reconciler.service.d/soon.conf", "[Service]\nWatchdogSec=2\n")
    vm.run("systemctl daemon-reload && systemctl restart hvisor-reconciler")
    old = vm.out("systemctl show -P MainPID hvisor-reconciler")
    vm.run("sleep 5")
    assert vm.out("systemctl show -P MainPID hvisor-reconciler") == old         # one that goes on is let alone
    vm.run(f"kill -STOP {old}")
    vm.wait(f"[ $(systemctl show -P MainPID hvisor-reconciler) -ne {old} ] && systemctl -q is-active hvisor-reconciler",
            what="another daemon")
    assert "Watchdog timeout" in vm.journal()
    assert vm.workers("guest") == workers and vm.zone("guest")["state"] == "running"


@case("daemon-bus-is-introspectable-without-a-bus-daemon")
def bus(vm):
    busctl = "busctl --address=unix:path=/run/hvisor/bus"
    place = "org.hvisor.Reconciler /org/hvisor/Reconciler"
    vm.boot("guest", confs.payload("console-hello"))
    shown = vm.out(f"{busctl} introspect {place}")
    for name in (".Status", ".Plan", ".Restart", ".ZonesRunning", ".GetAll", ".Introspect", ".PropertiesChanged"):
        assert any(line.startswith(name + " ") for line in shown.splitlines()), shown
    assert vm.out(f"{busctl} get-property {place} org.hvisor.Reconciler ZonesRunning") == "u 1"
    vm.run(f"{busctl} call {place} org.freedesktop.DBus.Peer Ping")
    assert "/org/hvisor/Reconciler" in vm.out(f"{busctl} tree --list org.hvisor.Reconciler")
    answer = vm.run(f"{busctl} call {place} org.hvisor.Reconciler Restart s nothing", check=False)
    assert not answer.ok and "there is no zone nothing" in answer.err, answer
    assert '\\"name\\":\\"guest\\"' in vm.out(f"{busctl} call {place} org.hvisor.Reconciler Status")


@case("daemon-status-is-watched-through-starts-restarts-and-stops")
def watched(vm):
    vm.run("script -qfc 'stty rows 5; NO_COLOR=1 hvisor status --watch' /tmp/screen >/dev/null 2>&1 &\n"
           "hvisor status --watch --json >/tmp/watched &")
    vm.wait("grep -q 'No zones' /tmp/screen && grep -q zones /tmp/watched")
    vm.boot("guest", confs.payload("console-hello"))
    vm.wait("tail -n 1 /tmp/watched | grep -q '\"state\":\"running\"' && grep -q 'guest.*running' /tmp/screen")
    vm.run("systemctl restart hvisor-reconciler")
    vm.remove("guest")
    vm.wait("! tail -n 1 /tmp/watched | grep -q '\"name\":\"guest\"'")
    for line in vm.read("/tmp/watched").splitlines():
        json.loads(line)
    seen = vm.run("hvisor status guest --watch", check=False)
    assert not seen.ok and 'no zone "guest"' in seen.err, seen


@case("daemon-settings-are-taken-in-at-a-reload-and-bad-ones-are-not")
def settings(vm):
    def reload_with(text):
        vm.write("/etc/hvisor/hvisor.conf", text)
        vm.run("systemctl reload hvisor-reconciler")

    reload_with("[Reconciler]\nLogLevel=error\nSettleSec=1ms\n")
    vm.boot("guest", confs.payload("console-hello"))
    assert "ZONE=guest" not in vm.out("journalctl -q -o verbose -u hvisor-reconciler")
    reload_with("[Reconciler]\nLogLevel=loud\n")
    vm.wait("journalctl -q -o cat -u hvisor-reconciler ACTION=settings | grep -q 'hvisor.conf:2:10: .*loud'", timeout=20)
    vm.run("hvisor restart guest")
    vm.wait_zone("guest", "running")
    assert "ZONE=guest" not in vm.out("journalctl -q -o verbose -u hvisor-reconciler")      # errors only, still
    vm.run("rm /etc/hvisor/hvisor.conf; systemctl reload hvisor-reconciler; hvisor restart guest")
    vm.wait("journalctl -q -u hvisor-reconciler ZONE=guest RESULT=done | grep -q .", timeout=30, what="the default level again")
