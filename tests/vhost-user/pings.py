# SPDX-License-Identifier: GPL-2.0-or-later
"""Pings through a network card of ours to this machine, in a network namespace of the test's own."""

import pathlib
import struct

import common
import driver

TAP, HERE, THERE, MAC = "tap0", "10.9.8.1", "10.9.8.2", "02:00:00:00:00:09"
RECEIVE, SEND = 0, 1
HEADER, BUFFER, LARGEST = 12, 2048, 1472            # bytes: of virtio_net_hdr_v1, of each place for a frame, of a ping
ETHERNET, IP, ICMP = 14, 20, 8
ECHO, ECHO_REPLY = 8, 0


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def address_bytes(text):
    return bytes(map(int, text.split(".")))


def make_ping(number, data):
    icmp = struct.pack(">BBHHH", ECHO, 0, 0, 1, number) + data
    icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, IP + len(icmp), 0, 0, 64, 1, 0) + address_bytes(THERE) + address_bytes(HERE)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    own = pathlib.Path(f"/sys/class/net/{TAP}/address").read_text().strip()
    return mac_bytes(own) + mac_bytes(MAC) + b"\x08\x00" + ip + icmp


class Card:
    """On a driver of two queues."""

    def __init__(self, its_driver):
        self._driver = its_driver
        self._seen = 0                              # frames received, of the used ring

    def receive_buffer(self):
        head = self._driver.offered[RECEIVE] % driver.QUEUE_SIZE
        self._driver.offer(RECEIVE, head, [(driver.DATA + head * BUFFER, BUFFER, driver.WRITE)])

    def send(self, frame):
        head = self._driver.offered[SEND] % driver.QUEUE_SIZE
        at = driver.DATA + (driver.QUEUE_SIZE + head) * BUFFER
        self._driver.put(at, bytes(HEADER) + frame)
        self._driver.offer(SEND, head, [(at, HEADER + len(frame), 0)])

    def received(self):
        """Return: the frames that have come and were not looked at; their buffers go back."""
        frames = []
        while self._seen & 0xFFFF != self._driver.used(RECEIVE):
            head, size = self._driver.used_element(RECEIVE, self._seen)
            at = driver.DATA + head * BUFFER
            frames.append(self._driver.get(at + HEADER, size - HEADER))
            self._seen += 1
            self.receive_buffer()
        return frames

    def _has_answered(self, number, data):
        wanted = struct.pack(">HH", 1, number) + data

        def is_answer(frame):
            icmp = frame[ETHERNET + IP:]
            return frame[12:14] == b"\x08\x00" and frame[ETHERNET + 9] == 1 and icmp[0] == ECHO_REPLY and icmp[4:] == wanted

        return any(is_answer(frame) for frame in self.received())

    def expect_answer(self, number, data, details):
        """To that ping: others, and what this machine says by itself, are passed over."""
        common.wait_for(lambda: self._has_answered(number, data), f"ping {number} is answered", details, 30)

    def reach(self, number, details):
        """Sends a ping until it is answered: those that are sent without a link are lost."""
        def try_once():
            if self._driver.used(SEND) == self._driver.offered[SEND] & 0xFFFF:
                self.send(make_ping(number, b""))
            return self._has_answered(number, b"")

        common.wait_for(try_once, "this machine is reached", details, 30)

    def fill(self):
        """Gives it all the receive buffers that there are."""
        while self._driver.offered[RECEIVE] < driver.QUEUE_SIZE - 1:
            self.receive_buffer()


def set_up():
    common.have_a_network_of_its_own()
    common.make_tap(TAP, f"{HERE}/24")
    common.call("ip", "neigh", "add", THERE, "lladdr", MAC, "dev", TAP)
