/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a vhost-user front-end has set up over one connection, and what each of
 * its messages does to that. It knows no socket and no event loop: those are
 * transport_vhost_user.c's.
 *
 * Messages come checked by vhost_user_check(). What they name is not: rings that
 * there are not, memory that is shorter than they say, descriptors that are none
 * to signal. All that is refused here, and nothing changes by it.
 *
 * Where a ring goes on is what the ring itself tells, and the record of requests
 * in flight (inflight.h) if the front-end keeps one. The index of SET_VRING_BASE
 * says the same, and is not believed: what lies between was never returned.
 */
#pragma once

#include "virtio/shared_memory.h"
#include "virtio/transport.h"
#include "virtio/vhost_user.h"

struct vhost_user_ring {
        uint16_t size; /* 0: not told yet */
        uint16_t base; /* as told */
        bool enabled;
        bool has_address;
        struct vhost_user_vring_address address; /* hostile */
        struct shared_eventfd kick, call, error;
};

struct vhost_user_backend {
        const struct virtio_device *device;
        struct guest_memory *memory;
        struct inflight_region inflight;

        bool has_features;
        uint64_t features; /* VHOST_USER_F_PROTOCOL_FEATURES among them */
        uint64_t protocol_features;
        unsigned num_regions;
        struct vhost_user_region regions[VHOST_USER_REGIONS_MAX]; /* checked, and in @memory */
        struct vhost_user_ring rings[VIRTIO_QUEUES_MAX];
        int channel_fd; /* for requests to the front-end; -1: none */
};

/** vhost_user_backend_new_peer() - closes and unmaps what was set up; as it is when a connection begins */
void vhost_user_backend_new_peer(struct vhost_user_backend *b);

/** vhost_user_backend_init() - @device, @memory: borrowed; @b is written as a whole */
void vhost_user_backend_init(struct vhost_user_backend *b, const struct virtio_device *device,
                             struct guest_memory *memory);

/** vhost_user_backend_stops() - a mask of queues that have to be let go of before @m is carried out */
uint32_t vhost_user_backend_stops(const struct vhost_user_backend *b, const struct vhost_user_message *m);

/**
 * vhost_user_backend_handle() - carries a message out
 * @m: checked; descriptors that are needed are taken from it
 * @reply: the answer; its descriptors are the caller's to close
 *
 * Return: 1 (@reply is to be sent), 0 (no answer is due), or -errno with @e: it was refused, and there is no
 * other way to tell the front-end than to close the connection. With 0 or 1, too, @e may say that it was
 * refused.
 */
int vhost_user_backend_handle(struct vhost_user_backend *b, struct vhost_user_message *m,
                              struct vhost_user_message *reply, struct err *e);

/** vhost_user_backend_ring_ready() - the front-end wants this queue served */
bool vhost_user_backend_ring_ready(const struct vhost_user_backend *b, unsigned queue);

/** vhost_user_backend_layout() - where a ring is for the guest; what is outside its memory is so here, too */
struct virtqueue_layout vhost_user_backend_layout(const struct vhost_user_backend *b, unsigned queue);
