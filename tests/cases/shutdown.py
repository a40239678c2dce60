# SPDX-License-Identifier: GPL-2.0-or-later
"""Root Linux goes down: zones end before the file systems that their images lie on, and at no other time."""

import re

from rig import confs
from rig.cases import case

STRANGER = f"/usr/lib/rig/old-zone start 3 stranger 0x8 0x68000000 0x1000000 {confs.IMAGES}/payload/sleep-upper.bin"
DISKS = "/srv/disks"

# What stands on the serial console: when the zones are to have ended, and when the file system has gone.
TELL = "/tmp/tell"
TELL_TEXT = f"""#!/bin/sh
exec >/dev/ttyAMA0
mounted=$(grep -c ' {DISKS} ' /proc/mounts)
zones=$(/usr/lib/rig/old-zone list | grep -v '^0 ' | tr '\\n' ';')
workers=$(pgrep -c -f libexec/hvisor/device)
echo "$1: daemon $(systemctl is-active hvisor-reconciler), mounted $mounted, workers $workers, zones $zones"
"""
AFTER_ZONES = f"[Service]\nExecStopPost={TELL} after-zones\nExecStopPost=/bin/sh -c 'journalctl -q -o cat -u hvisor-zones >/dev/ttyAMA0'\n"
AFTER_MOUNT = ("[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target srv-disks.mount\n"
               f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop={TELL} after-mount\n")


@case("shutdown-ends-zones-before-their-file-systems-go")
def shutdown(vm):
    vm.run(f"mkdir -p {DISKS} && mount -t tmpfs disks {DISKS} && truncate -s 1M {DISKS}/disk.img")
    vm.write(TELL, TELL_TEXT, mode=0o755)
    vm.run("mkdir -p /run/systemd/system/hvisor-zones.service.d")
    vm.write("/run/systemd/system/hvisor-zones.service.d/tell.conf", AFTER_ZONES)
    vm.write("/run/systemd/system/tell-mount.service", AFTER_MOUNT)
    vm.run("systemctl daemon-reload && systemctl start tell-mount")
    vm.boot("guest", confs.payload("disk-loop", "lower", disk=f"{DISKS}/disk.img"))
    vm.run(STRANGER)
    vm.off = True
    vm.background("sleep 0.5; exec poweroff")        # its answer would race with the end
    vm.wait(lambda: re.search("after-mount:.*\n", vm.serial()), what="the file system to be unmounted")
    serial = vm.serial().replace("\r", "")
    zones, mount = serial.find("after-zones:"), serial.find("after-mount:")
    assert 0 <= zones < mount, serial
    assert "after-zones: daemon inactive, mounted 1, workers 0, zones 3 0x8 stranger;" in serial, serial
    assert "after-mount: daemon inactive, mounted 0, workers 0, zones 3 0x8 stranger;" in serial, serial
    assert "zone guest: stop: all zones are to end" in serial and "zone guest: is gone" in serial, serial


@case("stop-all-is-for-shutdown-only-and-leaves-foreign-zones")
def stop_all(vm):
    assert vm.out("systemctl is-active hvisor-zones") == "active"
    vm.boot("guest", confs.payload("console-irq", "lower"))
    vm.run(STRANGER)
    before = vm.hypervisor_zones()
    refused = vm.run("hvisor stop-all", check=False)
    assert refused.status == 1 and "systemctl stop hvisor-reconciler" in refused.err, refused
    refused = vm.run("systemctl stop hvisor-zones", check=False)
    assert refused.status != 0 and "refused" in refused.err, refused

    # what is done to the daemon does not reach the zones
    vm.run("systemctl restart hvisor-reconciler && systemctl stop hvisor-reconciler")
    assert vm.hypervisor_zones() == before and vm.out("systemctl is-active hvisor-zones") == "active"

    # a daemon that was killed leaves its socket, which is no daemon
    vm.run("systemctl start hvisor-reconciler; systemctl kill -s KILL hvisor-reconciler; systemctl stop hvisor-reconciler")
    done = vm.run("hvisor stop-all")
    assert "zone guest: stop: all zones are to end" in done.err and "zone guest: is gone" in done.err, done
    assert vm.hypervisor_zones() == {3: "0x8 stranger"} and not vm.run("pgrep -f libexec/hvisor/device", check=False).ok
    assert "guest" not in vm.run("hvisor stop-all").err
    vm.run("systemctl start hvisor-reconciler")
    vm.wait_zone("guest", "running")


@case("stop-all-tells-what-it-waits-for")
def stop_all_waits(vm):
    """A worker that minds no signal: it is stopped, and killed by nobody in time."""
    vm.boot("guest", confs.payload("console-irq"))
    vm.run("systemctl stop hvisor-reconciler")
    vm.run(f"kill -STOP {vm.workers('guest')['main']}")
    done = vm.run("hvisor stop-all")
    assert "waiting for zone guest: stopping, waiting for its workers to end" in done.err, done.err
    assert vm.hypervisor_zones() == {}
