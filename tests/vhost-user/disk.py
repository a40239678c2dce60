# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk's driver of few lines (virtio 1.2, 5.2.6), in the memory of a guest that is not there."""

import mmap
import os
import struct

import common
import driver
import front_end

SECTOR = 512
HEADER, STATUS, DATA = (driver.DATA + n for n in (0, 0x1000, 0x2000))
READ, WRITE = 0, 1
OK, IO_ERROR = 0, 1
HEADS = range(0, driver.QUEUE_SIZE - 2, 3)                      # a request has three descriptors


class Disk(front_end.FrontEnd):
    def submit(self, kind, sector, data=bytes(SECTOR), head=0):
        header, buffer, status = HEADER + 16 * head, DATA + SECTOR * head, STATUS + head
        self.put(header, struct.pack("<IIQ", kind, 0, sector))
        self.put(status, b"\xff")
        self.put(buffer, data)
        self.offer(0, head, [(header, 16, 0), (buffer, SECTOR, 0 if kind == WRITE else driver.WRITE),
                             (status, 1, driver.WRITE)])

    def pretend_overtaking(self, head, other):
        """What a worker leaves that had @head and @other in its hands, and was killed when it had returned @other."""
        used = self.used(0)
        self.put(driver.USED + 4 + 8 * (used % driver.QUEUE_SIZE), struct.pack("<II", other, 1))
        self.put(driver.USED + 2, struct.pack("<H", used + 1 & 0xFFFF))
        with mmap.mmap(self.record[1][0], 0) as record:         # "Inflight I/O tracking", of a split ring
            record[14:16] = struct.pack("<H", used + 1 & 0xFFFF)
            record[16 + 16 * head:32 + 16 * head] = struct.pack("<B5xHQ", 1, 0, 1 << 32)

    def wait_returned(self, details):
        common.wait_for(lambda: self.used(0) == self.offered[0] & 0xFFFF, "the request is returned", details, 10)

    def finish(self, details, heads=(0,)):
        """All is returned, and these are good. Return: the data of the request with head 0."""
        self.wait_returned(details)
        statuses = {head: self.ram[STATUS + head] for head in heads}
        assert not any(statuses.values()), statuses
        return self.ram[DATA:DATA + SECTOR]

    def ask(self, kind, sector, details, data=bytes(SECTOR)):
        """One request. Return: its status."""
        self.submit(kind, sector, data)
        self.wait_returned(details)
        return self.ram[STATUS]

    def take_memory_away(self):
        os.ftruncate(self.memory_fd, mmap.PAGESIZE)
        self.kick(0)
