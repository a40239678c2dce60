/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/net_header.h"

#include <endian.h>
#include <linux/if_tun.h>

static bool has(uint64_t features, unsigned bit) {
        return features & (UINT64_C(1) << bit);
}

struct net_offloads net_offloads_sent(uint64_t features) {
        struct net_offloads o = { .checksum = has(features, VIRTIO_NET_F_CSUM) };

        o.tso4 = o.checksum && has(features, VIRTIO_NET_F_HOST_TSO4);
        o.tso6 = o.checksum && has(features, VIRTIO_NET_F_HOST_TSO6);
        o.ecn = (o.tso4 || o.tso6) && has(features, VIRTIO_NET_F_HOST_ECN);
        return o;
}

struct net_offloads net_offloads_received(uint64_t features) {
        struct net_offloads o = { .checksum = has(features, VIRTIO_NET_F_GUEST_CSUM) };

        o.tso4 = o.checksum && has(features, VIRTIO_NET_F_GUEST_TSO4);
        o.tso6 = o.checksum && has(features, VIRTIO_NET_F_GUEST_TSO6);
        o.ecn = (o.tso4 || o.tso6) && has(features, VIRTIO_NET_F_GUEST_ECN);
        return o;
}

unsigned net_offloads_tap(const struct net_offloads *o) {
        return (o->checksum ? TUN_F_CSUM : 0) | (o->tso4 ? TUN_F_TSO4 : 0) | (o->tso6 ? TUN_F_TSO6 : 0) |
               (o->ecn ? TUN_F_TSO_ECN : 0);
}

/* 5.1.6.2: where the checksum begins, and where in what follows it is put. */
static bool checksum_inside(const struct virtio_net_hdr_v1 *h, uint64_t frame_size) {
        return (uint64_t) le16toh(h->csum_start) + le16toh(h->csum_offset) + sizeof(uint16_t) <= frame_size;
}

/* 5.1.6.2.1: a frame to be cut has its checksum left to be filled in, and a size to be cut to. */
static bool segments_right(const struct virtio_net_hdr_v1 *h, const struct net_offloads *o, uint64_t frame_size) {
        uint8_t type = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
        bool allowed = type == VIRTIO_NET_HDR_GSO_TCPV4 ? o->tso4 : type == VIRTIO_NET_HDR_GSO_TCPV6 && o->tso6;

        if (!allowed || ((h->gso_type & VIRTIO_NET_HDR_GSO_ECN) && !o->ecn))
                return false;
        return (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && h->gso_size != 0 && le16toh(h->hdr_len) <= frame_size;
}

bool net_header_check(struct virtio_net_hdr_v1 *h, const struct net_offloads *o, uint64_t frame_size) {
        struct virtio_net_hdr_v1 clean = { 0 };

        if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
                if (!o->checksum || !checksum_inside(h, frame_size))
                        return false;
                clean.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
                clean.csum_start = h->csum_start;
                clean.csum_offset = h->csum_offset;
        } else if (o->checksum) {
                clean.flags = h->flags & VIRTIO_NET_HDR_F_DATA_VALID;
        }
        if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
                if (!segments_right(h, o, frame_size))
                        return false;
                clean.gso_type = h->gso_type;
                clean.gso_size = h->gso_size;
                clean.hdr_len = h->hdr_len;
        }
        *h = clean;
        return true;
}
