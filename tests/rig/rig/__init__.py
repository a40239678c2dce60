# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig: root Linux on QEMU under a hypervisor, driven from the host. Standard library only."""
