/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-net (linux/vhost.h): root Linux' kernel moves the frames between a tap
 * and a card's queues. hvisor.ko's kicks go straight to it and its calls straight
 * back: no process runs while frames flow. What is left to the worker is to
 * start and stop it as the driver comes and goes, and to hear of its errors.
 *
 * It copies by the worker's own mapping of guest memory, which its thread borrows:
 * no page is pinned, and what hvisor.ko takes away is away for it, too. It ends
 * with the worker: it holds the address space, so the device's descriptor, which that
 * space maps, is let go of only after the last copy, and no successor meets it at work.
 *
 * Where a queue stands can be read from its used ring alone, as everywhere here
 * (virtqueue.h): it returns chains in the order in which it took them, and without
 * its zero-copy sending, which is off by default and does not work on this memory, it
 * returns what it has taken before it ends. A frame that was on its way when the worker was
 * killed may be sent twice, or not received: as on any wire.
 */
#pragma once

#include "base/err.h"
#include "device/cage.h"
#include "virtio/device_model.h"

struct net_vhost;

/**
 * net_vhost_new() - makes this process the owner of one pair of queues' worth of vhost-net
 * @vhost_fd: /dev/vhost-net, just opened; taken over on success
 * @tap_fd: of the same pair; borrowed, as long as it lives
 * @first: the pair's receive queue, its transmit queue is the next
 * @ret: owned by the caller, net_vhost_free()
 *
 * Return: 0, or -errno with @e.
 */
int net_vhost_new(int vhost_fd, int tap_fd, unsigned first, struct net_vhost **ret, struct err *e);

/** net_vhost_free() - ends it; it has let go of every queue and of guest memory when this returns */
void net_vhost_free(struct net_vhost *v);
DEFINE_CLEANUP(struct net_vhost *, net_vhost_free);

/** net_vhost_offer() - what is left of @features: those that it has no part in, or can serve */
uint64_t net_vhost_offer(const struct net_vhost *v, uint64_t features);

/** net_vhost_error_fd() - an eventfd, to be watched for edges: something in its queues made no sense to it */
int net_vhost_error_fd(const struct net_vhost *v);

/**
 * net_vhost_start() - gives @queue of @d away, from where its used ring stands
 *
 * To be called by queue_started(). Return: 0, -errno.
 */
int net_vhost_start(struct net_vhost *v, const struct virtio_device *d, unsigned queue);

/** net_vhost_stop() - has it back: not one access to it after this returns */
void net_vhost_stop(struct net_vhost *v, unsigned queue);

/* The ioctls that are made after net_vhost_new(). */
#define NET_VHOST_RULES                                                                                                \
        { __NR_ioctl, true, VHOST_SET_FEATURES }, { __NR_ioctl, true, VHOST_SET_MEM_TABLE },                           \
                { __NR_ioctl, true, VHOST_SET_VRING_NUM }, { __NR_ioctl, true, VHOST_SET_VRING_BASE },                 \
                { __NR_ioctl, true, VHOST_SET_VRING_ADDR }, { __NR_ioctl, true, VHOST_SET_VRING_KICK },                \
                { __NR_ioctl, true, VHOST_SET_VRING_CALL }, { __NR_ioctl, true, VHOST_SET_VRING_ERR }, {               \
                __NR_ioctl, true, VHOST_NET_SET_BACKEND                                                                \
        }
