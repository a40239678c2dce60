/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver over vhost-user, as a guest's would be but for the guest: one or more split virtqueues (virtio 1.2, 2.7) in memory
 * that a back-end shares, ours or anybody's. It sleeps until it is interrupted and notifies when it has to
 * (VIRTIO_F_EVENT_IDX), as Linux does. Whatever fails ends the program with a message.
 */
#pragma once

#include <stdint.h>
#include <stdnoreturn.h>
#include <time.h>

#include "virtio/vhost_user_front.h"

#define DRIVER_QUEUE_SIZE 128 /* requests, each of one descriptor that leads to a table of its own */
#define DRIVER_TABLE_SIZE 32  /* buffers of one request */

/* Where one queue has got to. */
struct driver_queue {
        struct vring ring;
        struct vring_desc *tables; /* DRIVER_TABLE_SIZE for each request */
        uint16_t offered, told;    /* put into the available ring; as of the last notification */
        uint16_t reaped;
};

struct driver {
        struct virtio_device device; /* what the connection knows of us */
        struct vhost_user_front *front;
        struct driver_queue queues[VIRTIO_QUEUES_MAX];
        int call_read_fd;
        uint8_t *data; /* the rest of the memory, for the user */
};

/**
 * driver_connect() - sets a device up
 * @path: where the back-end listens
 * @features: of the device, that are accepted where they are offered; those of the ring are
 * @data_size: bytes of memory for the user
 */
void driver_connect(struct driver *d, const char *path, unsigned num_queues, uint64_t features, size_t data_size);

/** driver_done() - takes it all back */
void driver_done(struct driver *d);

/**
 * driver_describe() - the @i-th buffer of request @id; readable ones come first
 * @host: in data
 * @last: the request ends with it
 */
void driver_describe(struct driver *d, unsigned queue, uint16_t id, unsigned i, void *host, uint32_t size,
                     bool writable, bool last);

/** driver_offer() - one that was described, with @count buffers */
void driver_offer(struct driver *d, unsigned queue, uint16_t id, unsigned count);

/** driver_publish() - the device may look at what was offered, and is notified if it wants to be */
void driver_publish(struct driver *d, unsigned queue);

/** driver_reap() - a request that came back. Return: its id, with its length in *ret_written; -1: none, and an interrupt
 * will tell of the next one */
int driver_reap(struct driver *d, unsigned queue, uint32_t *ret_written);

/** driver_wait() - sleeps until there is an interrupt; @timeout_ms: at most so long. Return: false: there was none */
bool driver_wait(struct driver *d, int timeout_ms);

/* How long something has gone on, and what a process and its threads have run meanwhile, ns. */
struct driver_clock {
        clockid_t process;
        uint64_t begin, begin_cpu;
};

void driver_clock_start(struct driver_clock *c, pid_t process);
uint64_t driver_clock_elapsed(const struct driver_clock *c);
uint64_t driver_clock_cpu(const struct driver_clock *c);
uint64_t driver_now(void);

noreturn void driver_die(const char *what);
