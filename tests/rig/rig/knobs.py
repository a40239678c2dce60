# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be changed of the monitor from outside, where the monitor is the hypervisor (tests/monitor/control.h)."""

import struct

CONTROL = 0x403FF000                    # magic, then config_size, config_magic
KNOBS = CONTROL + 8


def become(vm, magic, size):
    """The monitor's CONFIG_CHECK and ZONE_START from now on."""
    vm.set_physical(KNOBS, struct.pack("<QQ", size, magic))
