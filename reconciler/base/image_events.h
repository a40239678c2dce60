/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever gives a disk its image has it watched, too: the daemon for its workers, a worker without one for itself. */
#pragma once

/**
 * image_events_open() - tells when the size of an image may have changed
 * @image_fd: a file or a block device
 *
 * Not each write tells, but who makes a file larger closes it then, or changes its times; of a block device udev
 * touches the node. Wants /proc. Return: an inotify descriptor, non-blocking, owned by the caller; -errno.
 */
int image_events_open(int image_fd);
