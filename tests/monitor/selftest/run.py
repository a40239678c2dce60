#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the monitor's self-test: the tests in one go, then every panic on a machine of its own.

usage: run.py BUILD-DIRECTORY    (where monitor.bin, shim.bin and selftest.bin are)
"""
import re
import subprocess
import sys
import threading

TIMEOUT = 90
PANICS = {  # the number that root is given, as in provoke_panic(): what the monitor must say
    1: "zone 1: no CPUs",
    2: "zone 1: the board has no CPU 5",
    3: "zone 1: region 0x50000000 + 0x18000200 is not page-aligned",
    4: "zone 1: region 0x50000000 + 0x18000000 overlaps another",
    5: "zone 1: unknown memory region type 3",
    6: "zone 1: 65 memory regions",
    7: "zone 1: this board has no GIC of version tag 0",
    8: "zone id 4 is too large for a zone with an ITS",
    9: "FINISH_REQ before INIT_VIRTIO",
    10: "more than 7 virtio interrupts are pending for CPU 2",
    11: "PSCI CPU_OFF by CPU 0 of zone 0",
    12: "root accesses 0x9010000, outside its regions",
    13: "INIT_VIRTIO: page 0x",
}


def qemu(build, number):
    """The output until a final line. The machine is gone when this returns."""
    argv = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72", "-smp", "4",
            "-m", "2G", "-display", "none", "-nic", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"]
    for image, address in (("monitor", 0x40400000), ("shim", 0x403FE000), ("selftest", 0xA0400000)):
        argv += ["-device", f"loader,file={build}/{image}.bin,addr={address:#x},force-raw=on"]
    argv += ["-device", "loader,addr=0x403fe000,cpu-num=0",
             "-device", f"loader,addr=0xa0000000,data={number},data-len=8"]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    timer = threading.Timer(TIMEOUT, process.kill)
    timer.start()
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1].startswith(("SELFTEST", "MONITOR PANIC")):
            break
    timer.cancel()
    process.kill()
    process.wait()
    return lines


def main():
    build = sys.argv[1]
    lines = qemu(build, 0)
    print("\n".join(line for line in lines if line.startswith(("FAIL", "monitor:", "MONITOR"))))
    passed = sum(line.startswith("PASS") for line in lines)
    failed = sum(line.startswith("FAIL") for line in lines)
    if not lines or not re.match(rf"SELFTEST {passed} passed, {failed} failed", lines[-1]):
        print("FAIL the self-test did not reach its end; last line:", lines[-1] if lines else "(none)")
        failed += 1
    for number, message in PANICS.items():
        last = (qemu(build, number) or [""])[-1]
        if last.startswith("MONITOR PANIC: " + message):
            passed += 1
        else:
            failed += 1
            print(f"FAIL panic {number}, {message!r}: got {last!r}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
