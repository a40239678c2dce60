/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-rng (virtio 1.2, 5.4): a source of entropy for the guest, fed from the kernel's own, getrandom(2).
 *
 * One queue (5.4.2), no configuration, no feature but those of the ring. A request is a buffer to be filled; of
 * a large one only the beginning is used (5.4.6.2 allows it, and the driver asks again). A guest that asks without
 * end costs what any busy device costs: between two batches the loop sees to everything else.
 */
#pragma once

#include "base/err.h"
#include "virtio/device_model.h"

#define RNG_QUEUE_SIZE 64

/* What one request gets at most, bytes. */
#define RNG_REQUEST_MAX 4096

/**
 * rng_new() - a source of entropy
 * @ret: owned by the caller, virtio_device_free()
 *
 * Waits, early after root Linux's boot, until its kernel has entropy itself: from then on getrandom(2) never waits
 * (random(7)). Return: 0 or -errno with @e.
 */
int rng_new(struct virtio_device **ret, struct err *e);
