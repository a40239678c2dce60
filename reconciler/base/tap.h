/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tap interfaces of this machine (Linux' Documentation/networking/tuntap.rst):
 * one end is a network interface like any other, the other a descriptor with a
 * frame in each read(2) and write(2). The interface is the administrator's;
 * here none is made, and none is changed but for what its descriptor sees.
 */
#pragma once

#include "base/err.h"

/**
 * tap_check() - can this interface be a zone's network?
 * @name: of an interface; 1–15 characters without '/'
 *
 * Opens nothing, changes nothing. Return: 0, -ENODEV (there is none), -EINVAL (it is something else), with
 * @e, which tells what to do.
 */
int tap_check(const char *name, struct err *e);

/**
 * tap_open() - takes the descriptor's end of an existing tap
 * @ret: owned by the caller; non-blocking
 *
 * Each frame has a struct virtio_net_hdr_v1 (12 bytes, little-endian) in front of it. All offloads are off,
 * whoever had the tap before: frames come whole, checksummed, and no longer than the MTU.
 * Wants CAP_NET_ADMIN, or a tap of this user's. Return: 0, -EBUSY (another process has it), as tap_check(),
 * -errno, with @e.
 */
int tap_open(const char *name, int *ret, struct err *e);

/**
 * tap_set_offloads() - what may be left undone in frames that the descriptor's end reads
 * @offloads: TUN_F_…
 *
 * Outlasts the descriptor. What was queued before may still have more. Return: 0, -EBADFD (the interface was
 * removed), -errno.
 */
int tap_set_offloads(int fd, unsigned offloads);

/**
 * tap_watch() - tells when to ask tap_is_gone()
 * @ret: owned by the caller; a netlink socket, readable whenever an interface of this machine changes
 *
 * For who sleeps while frames flow: the tap's own descriptor would wake him up for each. What comes is to be read
 * and thrown away. Return: 0, -errno with @e.
 */
int tap_watch(int *ret, struct err *e);

/** tap_is_gone() - true if the interface behind a descriptor was removed; one system call */
bool tap_is_gone(int fd);

/** tap_is_down() - true if the administrator has not switched the interface on: no frame passes */
bool tap_is_down(const char *name);
