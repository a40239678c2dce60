/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "device/device_type.h"
#include "device/rng.h"

/* How many requests are served before the loop looks at everything else again. */
#define BATCH 16

struct rng {
        struct virtio_device base;
        struct virtqueue_chain chain;
};

/* Fills the beginning, straight in guest memory. Return: bytes; -ESTALE: the guest's RAM was taken away; -errno. */
static ssize_t fill(const struct iov_span *buffer) {
        size_t done = 0;

        for (size_t i = 0; i < buffer->count && done < RNG_REQUEST_MAX; i++) {
                size_t wanted = MIN(buffer->iov[i].iov_len, RNG_REQUEST_MAX - done);
                ssize_t n = getrandom(buffer->iov[i].iov_base, wanted, 0);

                if (n < 0)
                        return errno == EFAULT ? -ESTALE : -errno;
                done += (size_t) n;
                if ((size_t) n < wanted)
                        break;
        }
        return (ssize_t) done;
}

static int rng_queue_notify(struct virtio_device *d, unsigned queue) {
        struct rng *g = (struct rng *) d;
        struct virtqueue *q = &d->queues[queue];

        virtqueue_suppress_kicks(q);
        for (unsigned budget = BATCH; budget > 0; budget--) {
                ssize_t n;
                int r = virtqueue_next(q, &g->chain);

                if (r == 0 && virtqueue_allow_kicks(q))
                        continue;
                if (r <= 0)
                        return r;
                /* 5.4.6.1: no buffer that the device reads; 5.4.6.2: it writes one byte or more. */
                if (g->chain.readable.size > 0 || g->chain.writable.size == 0)
                        return virtqueue_refuse(q, "request for entropy that is not one buffer to be written");
                n = fill(&g->chain.writable);
                if (n < 0)
                        return (int) n;
                virtqueue_return(q, g->chain.head, (uint32_t) n);
        }
        return 1;
}

static void rng_free(struct virtio_device *d) {
        free(d);
}

static const struct virtio_device_ops rng_ops = {
        .queue_notify = rng_queue_notify,
        .free = rng_free,
};

int rng_new(struct virtio_device **ret, struct err *e) {
        _cleanup_free_ struct rng *g = calloc(1, sizeof(*g));
        uint8_t byte;

        if (!g)
                return err_set(e, -ENOMEM, "out of memory");
        if (getrandom(&byte, sizeof(byte), 0) < 0)
                return err_set(e, -errno, "getrandom: %s", strerror(errno));
        g->base.ops = &rng_ops;
        g->base.features = VIRTIO_QUEUE_FEATURES;
        g->base.num_queues = 1;
        g->base.queue_size_max[0] = RNG_QUEUE_SIZE;
        *ret = &TAKE_PTR(g)->base;
        return 0;
}

/* ---- as a worker -------------------------------------------------------------------------------------- */

static const struct device_option rng_options[] = { { 0 } };

static const struct cage_rule rng_rules[] = {
        { __NR_getrandom, false, 0 },
};

static int rng_create(const struct device_arguments *a _unused_, struct virtio_device **ret, struct err *e) {
        return rng_new(ret, e);
}

const struct device_type rng_device_type = {
        .name = "rng",
        .comm = "virtio-rng",
        .options = rng_options,
        .rules = rng_rules,
        .num_rules = ELEMENTSOF(rng_rules),
        .create = rng_create,
};
