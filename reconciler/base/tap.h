/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tap interfaces of this machine (Linux' Documentation/networking/tuntap.rst):
 * one end is a network interface like any other, the other a descriptor with a
 * frame in each read(2) and write(2), or several that share them. An interface that exists is the administrator's:
 * it is changed in what he asks for, and stays. One that is made here lives as long as somebody has its descriptors,
 * so that it is never left behind.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define TAP_NAME_SIZE  16 /* of an interface, with the NUL (IFNAMSIZ) */
#define TAP_QUEUES_MAX 7

/* The descriptors of one tap, non-blocking. */
struct tap {
        int fds[TAP_QUEUES_MAX];
        unsigned num_fds;
};

void tap_close(struct tap *t);

/**
 * tap_end() - closes it, and removes an interface that was made here: at once, whoever else still has a descriptor
 *
 * One that exists by itself stays.
 */
void tap_end(struct tap *t);

/**
 * tap_check() - can this interface be a zone's network?
 * @name: of an interface; 1–15 characters without '/'
 *
 * Opens nothing, changes nothing. Return: 0, -ENODEV (there is none), -EINVAL (it is something else), with
 * @e, which tells what to do.
 */
int tap_check(const char *name, struct err *e);

/** tap_check_bridge() - the same for a bridge that a tap is to be a port of */
int tap_check_bridge(const char *name, struct err *e);

/**
 * tap_open() - takes the descriptors' end of an existing tap
 * @queues: wanted, 1 … TAP_QUEUES_MAX; one that was made without multi_queue has one
 * @ret: owned by the caller, tap_close()
 *
 * Each frame has a struct virtio_net_hdr_v1 (12 bytes, little-endian) in front of it. All offloads are off,
 * whoever had the tap before: frames come whole, checksummed, and no longer than the MTU. Of several queues the first
 * alone gets frames: tap_queue_enable().
 * Wants CAP_NET_ADMIN, or a tap of this user's. Return: 0, -EBUSY (another process has it), as tap_check(),
 * -errno, with @e.
 */
int tap_open(const char *name, unsigned queues, struct tap *ret, struct err *e);

/** tap_create() - the same with a tap that is made for it; -EEXIST: there is such an interface */
int tap_create(const char *name, unsigned queues, struct tap *ret, struct err *e);

/** tap_auto_name() - the name of the tap that is made for a device: the same at every start */
void tap_auto_name(const char *zone, const char *device, char ret[static TAP_NAME_SIZE]);

/* What the interface is to be like. */
struct tap_wish {
        bool up;            /* false: as it is */
        uint32_t mtu;       /* 0: as it is */
        const char *bridge; /* its name; NULL: as it is; "": none */
};

/** tap_configure() - Return: 0, -errno with @e, which tells what to do */
int tap_configure(const char *name, const struct tap_wish *w, struct err *e);

/** tap_is_port_of() - Return: is it one of that bridge now? */
bool tap_is_port_of(const char *name, const char *bridge);

/* What a descriptor is of. */
struct tap_identity {
        char name[TAP_NAME_SIZE];
        bool made_here; /* ends with its descriptors */
        bool multi_queue;
        bool on; /* this queue gets frames */
};

/** tap_identify() - Return: 0, -EBADFD (the interface is gone), -errno */
int tap_identify(int fd, struct tap_identity *ret);

/**
 * tap_queue_enable() - has a queue of a tap of several get frames, or no longer
 *
 * What waits in one that goes off is lost. Outlasts the process: tap_identify() tells. Return: 0, -errno.
 */
int tap_queue_enable(int fd, bool on);

/**
 * tap_set_offloads() - what may be left undone in frames that the descriptor's end reads
 * @offloads: TUN_F_…
 *
 * Outlasts the descriptor. What was queued before may still have more. Return: 0, -EBADFD (the interface was
 * removed), -errno.
 */
int tap_set_offloads(int fd, unsigned offloads);

/** tap_is_elsewhere() - true if its interface was moved to another network namespace than this process's */
bool tap_is_elsewhere(int fd);

/** tap_is_gone() - true if the interface behind a descriptor was removed; one system call */
bool tap_is_gone(int fd);

/** tap_is_down() - true if the administrator has not switched the interface on: no frame passes */
bool tap_is_down(const char *name);
