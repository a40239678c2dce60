/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network card for fuzz_device.c, on taps that are pairs of sockets. */
#pragma once

#include <linux/virtio_net.h>

#include "base/tap.h"
#include "device/net.h"
#include "fuzz/device_outside.h"

int __wrap_tap_identify(int fd, struct tap_identity *ret);
int __wrap_tap_identify(int fd _unused_, struct tap_identity *ret) {
        *ret = (struct tap_identity){ .name = "tap", .multi_queue = true };
        return 0;
}

int __wrap_tap_queue_enable(int fd, bool on);
int __wrap_tap_queue_enable(int fd _unused_, bool on _unused_) {
        return 0;
}

int __wrap_tap_set_offloads(int fd, unsigned flags);
int __wrap_tap_set_offloads(int fd _unused_, unsigned flags _unused_) {
        return 0;
}

static struct virtio_device *make_card(uint8_t how, struct input *in _unused_) {
        struct net_settings s = { .name = "fuzz",
                                  .num_taps = 1 + (how & 1),
                                  .pairs = 1 + (how & 1),
                                  .link_fd = -1,
                                  .mac = { 2 },
                                  .mtu = how & 4 ? 1500 : 0,
                                  .offload = !(how & 2) };
        struct virtio_device *d = NULL;
        int ends[2];

        for (unsigned i = 0; i < s.num_taps; i++) {
                CLAIM(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
                s.taps[i] = ends[0];
                outside.peer[i] = ends[1];
        }
        CLAIM(net_new(&s, &d, NULL) == 0);
        return d;
}

/* A frame's header, or a command; the frame is what follows. */
static void ask_card(struct input *in, unsigned q, unsigned nth, uint8_t *to, size_t size) {
        struct virtio_net_hdr_v1 h = { 0 };
        uint8_t bytes[4];

        if (nth > 0 || q == 4) {
                input_take(in, bytes, sizeof(bytes));
                memset(to, 0x45, size);
                memcpy(to, bytes, MIN(size, sizeof(bytes)));
                return;
        }
        h.flags = input_u8(in);
        h.gso_type = input_u8(in);
        h.hdr_len = htole16(input_u8(in));
        h.gso_size = htole16(input_u8(in) * 16);
        h.csum_start = htole16(input_u8(in));
        h.csum_offset = htole16(input_u8(in));
        h.num_buffers = htole16(h.flags);
        memset(to, 0x08, size);
        memcpy(to, &h, MIN(size, sizeof(h)));
}

/* Frames come in. */
static void disturb_card(struct input *in) {
        static const size_t sizes[] = { 72, 13, 1526, 12, 9012, 1, 65535 + 30, 4096, 20000 };
        static uint8_t frame[0x10100];
        uint8_t what = input_u8(in);

        frame[0] = what >> 6;
        frame[1] = input_u8(in) & 5;
        for (unsigned n = 1 + (what >> 4) % 4; n > 0; n--)
                (void) send(outside.peer[outside.peer[1] >= 0 && (what & 8)], frame, sizes[what % ELEMENTSOF(sizes)],
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        run();
}

/* What goes out asks for nothing that the driver had not said it would, see net_header_check(). */
static void claim_frames(int fd) {
        static uint8_t frame[NET_FRAME_MAX + 64];
        ssize_t n;

        while ((n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
                struct virtio_net_hdr_v1 h;

                CLAIM((size_t) n >= sizeof(h) && (size_t) n <= sizeof(h) + NET_FRAME_MAX);
                memcpy(&h, frame, sizeof(h));
                CLAIM((h.flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0);
                if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
                        CLAIM((size_t) le16toh(h.csum_start) + le16toh(h.csum_offset) + 2 <= (size_t) n - sizeof(h));
                CLAIM(h.gso_type == VIRTIO_NET_HDR_GSO_NONE || (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM));
        }
}
