# SPDX-License-Identifier: GPL-2.0-or-later
"""hvisor's zone_config differs by magic version, and by size under one: the module finds out which it is, or does not load."""

from rig import confs
from rig.cases import case
from rig.knobs import become

MONITOR_ONLY = "a real hypervisor has one layout"


def load(vm):
    """Return: what modprobe said, and what the kernel's log has gained."""
    before = len(vm.dmesg())
    tried = vm.run("modprobe hvisor", check=False)
    return tried, vm.dmesg()[before:]


def refused_size(size, other):
    """What the monitor prints on its console when a ZONE_START comes with the wrong size."""
    return f"ZONE_START: a zone_config has {size} bytes here, not {other}"


def assert_zone_boots_and_stops(vm):
    vm.run("systemctl restart hvisor-reconciler")
    vm.boot("guest", confs.payload("console-hello"))
    vm.console("guest").expect("hello from zone 1")
    vm.remove("guest")
    vm.wait_zone("guest", None)
    assert vm.hypervisor_zones() == {}


def register(magic, size, wrong):
    """@wrong: sizes that the module tries before."""
    @case(f"layout-{magic:#x}-of-{size}-bytes-is-found-by-asking-and-boots-a-zone", machine="unprobed", monitor_only=MONITOR_ONLY)
    def boots(vm):
        become(vm, magic, size)
        tried, log = load(vm)
        assert tried.ok and f"hvisor: zone_config version {magic:#x} of {size} bytes" in log, (tried, log)
        assert [line for line in vm.serial().splitlines() if "ZONE_START" in line] == \
            [f"monitor: {refused_size(size, other)}" for other in wrong], vm.serial()
        # asking has left nothing behind
        assert vm.hypervisor_zones() == {}
        assert_zone_boots_and_stops(vm)
        assert vm.serial().count("ZONE_START") == len(wrong), vm.serial()


register(0x4, 2800, [])
register(0x5, 3136, [])
register(0x5, 3264, [3136])
register(0x6, 3296, [])


@case("layout-that-nobody-knows-keeps-the-module-out-and-is-named", machine="unprobed", monitor_only=MONITOR_ONLY)
def unknown(vm):
    rows = [
        (0x7, 3136, "zone_config has version 0x7; known on arm64: 0x4, 0x5, 0x6"),
        (1 << 32 | 5, 3136, "zone_config has version 0x100000005; known on arm64: 0x4, 0x5, 0x6"),
        (0x5, 3200, "zone_config has version 0x5, but not the size known on arm64 (3136, 3264 bytes)"),
        (0x6, 3264, "zone_config has version 0x6, but not the size known on arm64 (3296 bytes)"),
    ]
    for magic, size, words in rows:
        become(vm, magic, size)
        tried, log = load(vm)
        assert tried.status and "Protocol not supported" in tried.err, tried
        assert words in log, log
        assert not vm.exists("/dev/hvisor") and not vm.exists("/sys/module/hvisor")
    # nothing of that stays behind: with a layout that is known it loads
    become(vm, 0x5, 3264)
    tried, log = load(vm)
    assert tried.ok, (tried, log)
    assert_zone_boots_and_stops(vm)
