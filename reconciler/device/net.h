/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net (virtio 1.2, 5.1) on a tap interface.
 *
 * Two queues (5.1.2): receiveq 0, transmitq 1. Features: MAC, STATUS (the link is up for as long as the device is
 * served) and those of the ring; no offload, no MRG_RXBUF, no control queue. So a frame is at most the MTU and
 * fits one receive buffer (5.1.6.3.1), and its header says nothing: what either side writes there is not
 * passed on (5.1.6.2, 5.1.6.4).
 *
 * The configuration (5.1.4) has the fields up to mtu, though mac and status alone mean something yet: a
 * zone that runs keeps its size when a later worker takes over.
 *
 * Frames are moved by vhost-net where it is given, see net_vhost.h; else by one readv(2) or writev(2) between the tap and guest memory. While the guest gives no
 * receive buffers, frames wait in the tap, as many as its queue holds. A frame that was being sent when
 * a worker was killed is sent again by its successor; one that was being received is lost, as on any wire.
 */
#pragma once

#include "base/err.h"
#include "base/mac.h"
#include "virtio/device_model.h"

#define NET_QUEUE_SIZE 256

#define NET_QUEUE_RECEIVE  0
#define NET_QUEUE_TRANSMIT 1

/* An Ethernet frame with a VLAN tag and the largest MTU that Linux knows. */
#define NET_FRAME_MAX (14 + 4 + 65535)

/**
 * net_new() - a network card
 * @tap_fd: a tap whose frames have a virtio_net_hdr_v1 (base/tap.h), non-blocking; owned by the card on success
 * @mac: its address
 * @name: who this is, in log lines
 * @ret: owned by the caller, virtio_device_free()
 *
 * Return: 0 or -errno with @e.
 */
int net_new(int tap_fd, const uint8_t mac[static MAC_SIZE], const char *name, struct virtio_device **ret,
            struct err *e);

/**
 * net_accelerate() - has vhost-net move the frames, before the card is served
 * @d: of net_new()
 * @vhost_fd: /dev/vhost-net, just opened; owned by the card on success
 * @links_fd: as tap_watch() gives it; owned by the card on success
 *
 * Return: 0 or -errno with @e.
 */
int net_accelerate(struct virtio_device *d, int vhost_fd, int links_fd, struct err *e);
