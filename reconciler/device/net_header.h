/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header in front of each frame (virtio 1.2, 5.1.6), which says what is left to be done with it: a checksum to
 * fill in, a segment of TCP to cut. Pure.
 */
#pragma once

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_HEADER_SIZE sizeof(struct virtio_net_hdr_v1)

_Static_assert(NET_HEADER_SIZE == 12, "5.1.6: with VERSION_1 num_buffers is always there");

/* What one side may leave to the other. */
struct net_offloads {
        bool checksum; /* without it there is none of the others */
        bool tso4;
        bool tso6;
        bool ecn; /* of either */
};

/* The features of both directions. */
#define NET_OFFLOAD_FEATURES                                                                                           \
        (UINT64_C(1) << VIRTIO_NET_F_CSUM | UINT64_C(1) << VIRTIO_NET_F_HOST_TSO4 |                                    \
         UINT64_C(1) << VIRTIO_NET_F_HOST_TSO6 | UINT64_C(1) << VIRTIO_NET_F_HOST_ECN |                                \
         UINT64_C(1) << VIRTIO_NET_F_GUEST_CSUM | UINT64_C(1) << VIRTIO_NET_F_GUEST_TSO4 |                             \
         UINT64_C(1) << VIRTIO_NET_F_GUEST_TSO6 | UINT64_C(1) << VIRTIO_NET_F_GUEST_ECN)

/** net_offloads_sent() - what the guest may leave to the network; @features: negotiated. A feature without the one
 * that it requires (5.1.3.1) does not count. */
struct net_offloads net_offloads_sent(uint64_t features);

/** net_offloads_received() - what the network may leave to the guest */
struct net_offloads net_offloads_received(uint64_t features);

/** net_offloads_tap() - the same for TUNSETOFFLOAD: TUN_F_… */
unsigned net_offloads_tap(const struct net_offloads *o);

/**
 * net_header_check() - may the frame be passed on?
 * @h: little-endian, hostile; made clean: nothing stands in it but what is allowed and means something, and
 *     num_buffers is 0
 * @frame_size: bytes behind the header
 *
 * Return: false: it asks for what was not negotiated, or points outside of the frame.
 */
bool net_header_check(struct virtio_net_hdr_v1 *h, const struct net_offloads *o, uint64_t frame_size);
