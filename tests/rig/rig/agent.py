# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness' end of the channel to ../agent.c in root Linux. The messages are described there."""

import dataclasses
import os
import socket
import struct
import time

RUN, WRITE, READ = 1, 2, 3
STDOUT, STDERR, EXIT = 16, 17, 18
TIMED_OUT = 0xFFFFFFFF

HEADER = struct.Struct("<III")          # type, id, length
LATE = 15                               # seconds that an answer may take beyond the agent's own time limit


class AgentError(Exception):
    """Root Linux did not answer, or answered nonsense."""


@dataclasses.dataclass
class Answer:
    out: bytes
    err: bytes
    status: int


class Agent:
    def __init__(self, connection, watch):
        """@watch is called several times a second during waits and raises when the machine has died."""
        self._connection = connection
        self._connection.settimeout(0.2)
        self._watch = watch
        self._buffer = bytearray()
        self._id = 0

    def run(self, text, timeout):
        """Return: the Answer, with a wait status; None if the command was killed after @timeout seconds."""
        answer = self._request(RUN, struct.pack("<I", int(timeout * 1000)) + text.encode(), timeout)
        return None if answer.status == TIMED_OUT else answer

    def write(self, path, data, mode, timeout):
        name = os.fsencode(path)
        answer = self._request(WRITE, struct.pack("<II", mode, len(name)) + name + data, timeout)
        if answer.status:
            raise OSError(answer.status, os.strerror(answer.status), path)

    def read(self, path, timeout):
        answer = self._request(READ, os.fsencode(path), timeout)
        if answer.status:
            raise OSError(answer.status, os.strerror(answer.status), path)
        return answer.out

    def _request(self, kind, payload, timeout):
        deadline = time.monotonic() + timeout + LATE
        self._id += 1
        self._send(HEADER.pack(kind, self._id, len(payload)) + payload, deadline)
        streams = {STDOUT: bytearray(), STDERR: bytearray()}
        while True:
            answer, number, length = HEADER.unpack(self._receive(HEADER.size, deadline))
            body = self._receive(length, deadline)
            if number != self._id:
                raise AgentError(f"answer {number} to request {self._id}")
            if answer == EXIT:
                return Answer(bytes(streams[STDOUT]), bytes(streams[STDERR]), struct.unpack("<I", body)[0])
            streams[answer] += body

    def _send(self, data, deadline):
        view = memoryview(data)
        while view:
            try:
                view = view[self._connection.send(view):]
            except socket.timeout:
                self._still_alive(deadline)

    def _receive(self, length, deadline):
        while len(self._buffer) < length:
            try:
                data = self._connection.recv(1 << 20)
            except socket.timeout:
                self._still_alive(deadline)
                continue
            if not data:
                self._watch()
                raise AgentError("QEMU closed the channel")
            self._buffer += data
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    def _still_alive(self, deadline):
        self._watch()
        if time.monotonic() > deadline:
            raise AgentError("root Linux does not answer")
