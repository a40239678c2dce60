# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes to the board's memory from outside, through QEMU's debugger port: QMP can only read it."""


def write_physical(qemu, address, data):
    """The machine stands still meanwhile. @qemu: a qemu.Qemu."""
    path = qemu.folder / "gdb"
    if not path.exists():
        qemu.command("human-monitor-command", **{"command-line": f"gdbserver unix:{path},server=on,wait=off"})
    with qemu.connect(path) as connection:
        connection.settimeout(10)
        port = _Port(connection)
        try:
            port.ask("Qqemu.PhyMemMode:1")
            port.ask(f"M{address:x},{len(data):x}:{data.hex()}")
        finally:
            port.ask("D")                                       # connecting has stopped it, this lets it go on


class _Port:
    """gdb's remote protocol: $text#checksum, acknowledged by a +."""

    def __init__(self, connection):
        self._connection = connection
        self._received = b""

    def ask(self, packet):
        self._connection.sendall(f"${packet}#{sum(packet.encode()) % 256:02x}".encode())
        while (answer := self._next()).startswith("T"):         # it has stopped, when it likes to say so
            pass
        if answer != "OK":
            raise OSError(f"QEMU's debugger port: {packet}: {answer!r}")

    def _next(self):
        while (end := self._received.find(b"#")) < 0 or len(self._received) < end + 3:
            data = self._connection.recv(4096)
            if not data:
                raise OSError("QEMU's debugger port was closed")
            self._received += data
        text = self._received[self._received.index(b"$") + 1:end].decode()
        self._received = self._received[end + 3:]
        self._connection.sendall(b"+")
        return text
