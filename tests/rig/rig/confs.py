# SPDX-License-Identifier: GPL-2.0-or-later
"""
Zone files for cases. A zone has one of three places on the board: "whole" (all that root Linux holds back for zones), or
"lower" and "upper" (two at once).
"""

import dataclasses

from . import image, paths

IMAGES = "/" + image.ZONES_FOLDER


@dataclasses.dataclass(frozen=True)
class Place:
    id: int
    cpus: str
    memory: int
    size: int
    console: tuple                      # address, interrupt
    block: tuple
    net: tuple
    rng: tuple
    device_tree: str
    payload_suffix: str
    ivc_interrupt: int = 66

    @property
    def kernel(self):
        return self.memory + 0x400000

    @property
    def initrd(self):
        return self.memory + 0x3000000


PLACES = {
    "whole": Place(1, "2-3", 0x50000000, 0x30000000, (0xA003800, 76), (0xA003C00, 78), (0xA003600, 75), (0xA003400, 74), "whole.dtb", ""),
    "lower": Place(1, "2", 0x50000000, 0x18000000, (0xA003800, 76), (0xA003C00, 78), (0xA003000, 72), (0xA002E00, 71), "lower.dtb", ""),
    "upper": Place(2, "3", 0x68000000, 0x18000000, (0xA003400, 74), (0xA003600, 75), (0xA003200, 73), (0xA002C00, 70), "upper.dtb", "-upper", 68),
}


def example():
    """The shipped example, as a user would copy it: a Linux with a console, a disk, a network card on tap0 and entropy."""
    return (paths.TOP / "zones.d/linux2.conf").read_text()


IVC_TABLE, IVC_MEMORY = 0xD0000000, 0xD0001000      # where every zone, and root, has it; no RAM of the board


def ivc(peer, place="whole", name="talk", **keys):
    """Text of a section to be added to a zone's: its end of IVC 0. @keys are added, or replace what is there."""
    section = {"Id": 0, "Peer": peer, "MaxPeers": 3, "ControlTableAddress": f"{IVC_TABLE:#x}",
               "SharedMemoryAddress": f"{IVC_MEMORY:#x}", "ReadWriteSize": "4K", "OutputSize": "4K",
               "Interrupt": PLACES[place].ivc_interrupt, **keys}
    return f"[IVC {name}]\n" + "".join(f"{key}={value}\n" for key, value in section.items())


def linux(place="whole", disk=f"{IMAGES}/rootfs2.ext4", tap=None, net=None, **keys):
    """
    @disk: None for none. @tap: one for a network card, with a device tree that has it (and on "whole" a source of
    entropy). @net are added to [Net], @keys to [Zone], or replace what is there; None takes a key away.
    """
    at = PLACES[place]
    if tap:
        at = dataclasses.replace(at, device_tree="linux2.dtb" if place == "whole" else f"{place}-net.dtb")
    zone = {"Kernel": f"{IMAGES}/Image", "DeviceTree": f"{IMAGES}/{at.device_tree}", "DeviceTreeAddress": f"{at.memory:#x}",
            "Initrd": f"{IMAGES}/initrd.img", "InitrdAddress": f"{at.initrd:#x}"}
    return _text(at, {**zone, **keys}, disk, tap, net, rng=tap and place == "whole")


def payload(name, place="whole", disk=None, tap=None, net=None, rng=False, **keys):
    """A bare-metal guest of tests/payload; each boots in no time."""
    at = PLACES[place]
    return _text(at, {"Kernel": f"{IMAGES}/payload/{name}{at.payload_suffix}.bin", **keys}, disk, tap, net, rng)


def _text(at, keys, disk, tap, net, rng=False):
    zone = {"Id": at.id, "CPUs": at.cpus, "KernelAddress": f"{at.kernel:#x}", "EntryPoint": f"{at.kernel:#x}", **keys}
    zone = {key: value for key, value in zone.items() if value is not None}
    sections = {"Zone": zone, "Memory ram": {"PhysicalAddress": f"{at.memory:#x}", "Size": f"{at.size:#x}"}}
    if disk:
        sections["Block disk"] = {"Image": disk, "Address": f"{at.block[0]:#x}", "Interrupt": at.block[1]}
    if tap:
        sections["Net lan"] = {"Tap": tap, "Address": f"{at.net[0]:#x}", "Interrupt": at.net[1], **(net or {})}
    sections["Console main"] = {"Address": f"{at.console[0]:#x}", "Interrupt": at.console[1]}
    if rng:
        sections["Rng entropy"] = {"Address": f"{at.rng[0]:#x}", "Interrupt": at.rng[1]}
    return "\n".join(f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in section.items())
                     for name, section in sections.items())
