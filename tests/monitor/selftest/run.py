#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the monitor's self-test: the tests, then every panic on a machine of its own.

usage: run.py BUILD-DIRECTORY    (where monitor.bin, shim.bin and selftest.bin are)
"""
import re
import subprocess
import sys
import threading

TIMEOUT = 40
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
    14: "zone 1: UEFI tag 0",
    15: "zone 1: 3 IVC regions",
    16: "zone 1: IVC memory 0x50000000 + 0x1000 overlaps a region",
    17: "zone 1: IVC memory 0xd0001200 is not page-aligned",
    18: "IVC 7: no 0x8001000 bytes of memory",
    19: "zone 1: IVC memory 0xd0001000 + 0x1000 overlaps a region",
    22: "root accesses 0xd0000014, outside its regions",
}


RUNS = {  # the number that root is given: what else is different
    0: [],
    20: ["entry=0x40400000"],  # without the shim
    21: ["knob0=3296", "knob1=6"],
}
CONTROL, CONTROL_MAGIC = 0x403FF000, 0x31424E4B4E4F4D48


def loader(**properties):
    return ["-device", "loader," + ",".join(f"{key.replace('_', '-')}={value}" for key, value in properties.items())]


def qemu(build, number, options=()):
    """The output up to a final line. The machine is gone when this returns."""
    options = dict(option.split("=") for option in options)
    argv = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72", "-smp", "4",
            "-m", "2G", "-display", "none", "-nic", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"]
    for image, address in (("monitor", 0x40400000), ("shim", 0x403FE000), ("selftest", 0xA0400000)):
        argv += loader(file=f"{build}/{image}.bin", addr=hex(address), force_raw="on")
    argv += loader(addr=options.pop("entry", "0x403fe000"), cpu_num=0)
    argv += loader(addr="0xa0000000", data=number, data_len=8)
    if options:
        argv += loader(addr=CONTROL, data=CONTROL_MAGIC, data_len=8)
    for knob, value in options.items():
        argv += loader(addr=CONTROL + 8 + 8 * int(knob.removeprefix("knob")), data=value, data_len=8)
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
    return lines or [""]


def run_tests(build, number, options):
    """Root's own verdicts. Returns how many passed and how many failed."""
    lines = qemu(build, number, options)
    passed = sum(line.startswith("PASS") for line in lines)
    failed = sum(line.startswith("FAIL") for line in lines)
    if failed or not re.match(rf"SELFTEST {passed} passed, 0 failed", lines[-1]):
        print("\n".join(lines))
        failed = max(failed, 1)
    return passed, failed


def run_panic(build, number, message):
    last = qemu(build, number)[-1]
    if last.startswith("MONITOR PANIC: " + message):
        return 1, 0
    print(f"FAIL panic {number}, {message!r}: got {last!r}")
    return 0, 1


def main():
    build = sys.argv[1]
    results = [run_tests(build, number, options) for number, options in RUNS.items()]
    results += [run_panic(build, number, message) for number, message in PANICS.items()]
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
