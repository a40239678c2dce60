# SPDX-License-Identifier: GPL-2.0-or-later
"""
QEMU's virtio-mmio device over a worker of ours, its registers written by a test (qtest; the machine's CPU is switched
off): QEMU's own vhost-user front-end, and no guest.
"""

from driver import AVAILABLE, DESCRIPTORS, GUEST, QUEUE_SIZE, QUEUE_SPACE, USED, Driver
from rig.qemu import Qemu

WINDOW = 0xA000000 + 31 * 0x200                     # the first device takes the last one


class Machine(Driver):
    def __init__(self, folder, worker, device_id, queues, arguments):
        """@arguments: of the device, by QEMU's chardev "worker", which connects anew when the worker has gone."""
        super().__init__(queues)
        self._id = device_id
        self._qemu = Qemu([
            "-accel", "tcg,thread=single", "-cpu", "cortex-a72,start-powered-off=on",
            "-qtest", f"unix:{folder}/qtest,server=on,wait=off",
            "-M", "virt,memory-backend=ram", "-m", "64M", "-object", "memory-backend-memfd,id=ram,size=64M,share=on",
            "-global", "virtio-mmio.force-legacy=false",
            "-chardev", f"socket,id=worker,path={worker.socket},reconnect=1", *arguments])
        self._wire = self._qemu.connect(folder / "qtest").makefile("rw")

    def _command(self, *words):
        self._wire.write(" ".join(words) + "\n")
        self._wire.flush()
        while True:
            answer = self._wire.readline().split()
            assert answer, f"QEMU ended: {self._qemu.errors()}"
            if answer[0] != "IRQ":
                assert answer[0] == "OK", answer
                return answer[1] if len(answer) > 1 else None

    def register(self, offset, value=None):
        if value is None:
            return int(self._command("readl", hex(WINDOW + offset)), 16)
        return self._command("writel", hex(WINDOW + offset), hex(value))

    def put(self, offset, data):
        self._command("write", hex(GUEST + offset), hex(len(data)), "0x" + data.hex())

    def get(self, offset, size):
        return bytes.fromhex(self._command("read", hex(GUEST + offset), hex(size))[2:])

    def kick(self, queue):
        self.register(0x050, queue)

    def driver_up(self):
        """virtio 1.2, 3.1.1 and 4.2.3: a driver that takes no feature but VERSION_1."""
        assert (self.register(0x000), self.register(0x004), self.register(0x008)) == (0x74726976, 2, self._id)
        self.register(0x070, 0)
        for status in (1, 3):
            self.register(0x070, status)
        for word, features in enumerate((0, 1)):
            self.register(0x024, word)
            self.register(0x020, features)
        self.register(0x070, 11)
        assert self.register(0x070) == 11
        for queue in range(len(self.offered)):
            self._queue_up(queue)
        self.register(0x070, 15)

    def _queue_up(self, queue):
        space = queue * QUEUE_SPACE
        self.offered[queue] = 0
        self.put(space + AVAILABLE, bytes(64))
        self.put(space + USED, bytes(256))
        self.register(0x030, queue)
        self.register(0x038, QUEUE_SIZE)
        for offset, part in ((0x080, DESCRIPTORS), (0x090, AVAILABLE), (0x0A0, USED)):
            self.register(offset, GUEST + space + part)
            self.register(offset + 4, 0)
        self.register(0x044, 1)

    def close(self):
        self._qemu.close()
