# SPDX-License-Identifier: GPL-2.0-or-later
"""A vhost-user front-end of few lines, and the memory of a guest that is not there: a test is its driver."""

import array
import mmap
import os
import socket
import struct

from driver import AVAILABLE, DESCRIPTORS, GUEST, QUEUE_SIZE, QUEUE_SPACE, USED, Driver

USER, RAM = 0x7F1234000000, 1 << 20                             # where the memory is for this process, and how large
VERSION_1, PROTOCOL_FEATURES = 1 << 32, 1 << 30

(GET_FEATURES, SET_FEATURES, SET_MEM_TABLE, SET_NUM, SET_ADDRESS, SET_BASE, SET_KICK, SET_CALL, GET_PROTOCOL, SET_PROTOCOL,
 ENABLE, GET_INFLIGHT, SET_INFLIGHT) = 1, 2, 5, 8, 9, 10, 12, 13, 15, 16, 18, 31, 32


class FrontEnd(Driver):
    def __init__(self, queues=1):
        super().__init__(queues)
        self.memory_fd = os.memfd_create("ram")
        os.ftruncate(self.memory_fd, RAM)
        self.ram = mmap.mmap(self.memory_fd, RAM)
        self.record = None                                      # of what is in flight: (message, [descriptor])
        self._kicks, self._calls = ([os.eventfd(0, os.EFD_NONBLOCK) for _ in range(queues)] for _ in range(2))
        self._socket = None

    def connect(self, path):
        """A worker that is new, or the next one: sets all of it up, with the record of what is in flight."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(path))
        features, _ = self._ask(GET_FEATURES)
        assert struct.unpack("<Q", features)[0] & VERSION_1
        self._send(SET_FEATURES, struct.pack("<Q", VERSION_1 | PROTOCOL_FEATURES))
        protocol, _ = self._ask(GET_PROTOCOL)
        self._send(SET_PROTOCOL, protocol)
        if not self.record:
            self.record = self._ask(GET_INFLIGHT, struct.pack("<QQHHI", 0, 0, len(self.offered), QUEUE_SIZE, 0))
        self._do(SET_INFLIGHT, self.record[0], self.record[1])
        self._do(SET_MEM_TABLE, struct.pack("<IIQQQQ", 1, 0, GUEST, RAM, USER, 0), [self.memory_fd])
        for queue in range(len(self.offered)):
            self._start(queue)

    def _start(self, queue):
        space = USER + queue * QUEUE_SPACE
        self._do(SET_NUM, struct.pack("<II", queue, QUEUE_SIZE))
        self._do(SET_BASE, struct.pack("<II", queue, self.used(queue)))
        self._do(SET_ADDRESS, struct.pack("<IIQQQQ", queue, 0, space + DESCRIPTORS, space + USED, space + AVAILABLE, 0))
        self._do(SET_CALL, struct.pack("<Q", queue), [self._calls[queue]])
        self._do(SET_KICK, struct.pack("<Q", queue), [self._kicks[queue]])
        self._do(ENABLE, struct.pack("<II", queue, 1))

    def kick(self, queue):
        os.eventfd_write(self._kicks[queue], 1)

    def put(self, offset, data):
        self.ram[offset:offset + len(data)] = data

    def get(self, offset, size):
        return self.ram[offset:offset + size]

    def _send(self, request, payload=b"", fds=(), flags=1):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self._socket.sendmsg([struct.pack("<III", request, flags, len(payload)) + payload], ancillary)

    def _ask(self, request, payload=b"", fds=()):
        self._send(request, payload, fds, flags=9)              # an answer is wanted
        header, ancillary, _, _ = self._socket.recvmsg(12, socket.CMSG_SPACE(4))
        answered, _, size = struct.unpack("<III", header)
        assert answered == request
        received = array.array("i")
        for _, _, data in ancillary:
            received.frombytes(data)
        return self._socket.recv(size), list(received)

    def _do(self, request, payload, fds=()):
        answer, _ = self._ask(request, payload, fds)
        assert answer == bytes(8), f"request {request} was refused"
