# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's side of split virtqueues (virtio 1.2, 2.7), in whatever memory: who has some derives from it."""

import struct

QUEUE_SIZE, QUEUE_SPACE = 16, 0x4000
GUEST = 0x40000000                                              # where the memory begins for the device
DESCRIPTORS, AVAILABLE, USED = 0x1000, 0x2000, 0x3000           # of each queue, in its space
DATA = 0x20000                                                  # from there on it is the test's
NEXT, WRITE = 1, 2


class Driver:
    """Derived classes have put(offset, data), get(offset, size) and kick(queue); offsets are from GUEST."""

    def __init__(self, queues):
        self.offered = [0] * queues                             # requests, so far

    def offer(self, queue, head, buffers):
        """@buffers: (offset, size, flags) each; they are descriptors from @head on."""
        space = queue * QUEUE_SPACE
        for i, (offset, size, flags) in enumerate(buffers, head):
            more = NEXT if i < head + len(buffers) - 1 else 0
            self.put(space + DESCRIPTORS + 16 * i, struct.pack("<QIHH", GUEST + offset, size, flags | more, i + 1))
        self.put(space + AVAILABLE + 4 + 2 * (self.offered[queue] % QUEUE_SIZE), struct.pack("<H", head))
        self.offered[queue] += 1
        self.put(space + AVAILABLE + 2, struct.pack("<H", self.offered[queue] & 0xFFFF))
        self.kick(queue)

    def used(self, queue):
        """How many requests were returned, as the ring has it."""
        return struct.unpack("<H", self.get(queue * QUEUE_SPACE + USED + 2, 2))[0]

    def used_element(self, queue, index):
        """Return: head, bytes written."""
        return struct.unpack("<II", self.get(queue * QUEUE_SPACE + USED + 4 + 8 * (index % QUEUE_SIZE), 8))
