/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the daemon starts a worker (hvisor-device): the one place that both
 * sides take it from. A worker opens nothing itself: all that it uses comes as
 * descriptors, named by options.
 *
 *   device TYPE --zone=NAME --device=NAME --cookie=HEX --device-fd=N [--uid=N] [--log-fd=N]
 *       block:    --image-fd=N [--image-events-fd=N] [--read-only] [--direct] [--discard]
 *                 --block-size=N --queues=N --serial=TEXT
 *       console:  --pty-fd=N --pty-events-fd=N --history-fd=N --input-fd=N [--journal-fd=N]
 *       net:      --tap-fds=N,N… --link-fd=N --mac-address=XX:XX:XX:XX:XX:XX --queues=PAIRS --mtu=N [--offload]
 *                 [--vhost-fds=N,N…]
 *       front:    --socket-fd=N --virtio-type=WORD --queues=N --tag=TEXT
 *
 *   device TYPE --vhost-user=SOCKET …
 *       block:    --image=PATH instead of --image-fd=N; the rest may be left out
 *       net:      --tap=NAME instead of --tap-fds=N; without --mac-address it is the front-end that tells
 *                 the guest of address, link and MTU
 *
 * is no worker of the daemon's, but one that serves any vhost-user front-end.
 *
 * A worker of the daemon's attaches to the device object (that is how the daemon sees it is ready),
 * serves until SIGTERM or until the object is destroyed or revoked (POLLHUP),
 * then exits with 0. Exit status 1: it said why on stderr.
 *
 * With --log-fd its stderr is a pipe to the daemon, non-blocking; each line begins
 * with its level ("<4>") and WORKER_NAME_FORMAT with a colon. What the pipe does
 * not take goes to that descriptor.
 */
#pragma once

#define WORKER_OPTION_ZONE          "zone"
#define WORKER_OPTION_DEVICE        "device"
#define WORKER_OPTION_COOKIE        "cookie"    /* 16 hex digits, handed to HVISOR_DEVICE_ATTACH */
#define WORKER_OPTION_DEVICE_FD     "device-fd" /* of hvisor.ko, not attached yet */
#define WORKER_OPTION_VHOST_USER    "vhost-user"
#define WORKER_OPTION_UID           "uid"      /* WORKER_UID(); nobody where it is not given */
#define WORKER_OPTION_LOG_FD        "log-fd"   /* the daemon's own stderr */
#define WORKER_OPTION_IMAGE_FD      "image-fd" /* opened anew for each worker: its OFD lock is the fence */
#define WORKER_OPTION_IMAGE         "image"
#define WORKER_OPTION_IMAGE_EVENTS  "image-events-fd" /* inotify on the image, non-blocking: its size may have changed */
#define WORKER_OPTION_READ_ONLY     "read-only"
#define WORKER_OPTION_DIRECT        "direct" /* the image is open with O_DIRECT */
#define WORKER_OPTION_DISCARD       "discard"
#define WORKER_OPTION_BLOCK_SIZE    "block-size" /* 0: the smallest that can be had */
#define WORKER_OPTION_QUEUES        "queues"
#define WORKER_OPTION_SERIAL        "serial"        /* empty: made of both names */
#define WORKER_OPTION_PTY_FD        "pty-fd"        /* the master, non-blocking; the slave is raw */
#define WORKER_OPTION_PTY_EVENTS_FD "pty-events-fd" /* inotify on the slave's node: IN_OPEN, IN_CLOSE */
#define WORKER_OPTION_HISTORY_FD    "history-fd"    /* recent output: base/history.h */
#define WORKER_OPTION_INPUT_FD      "input-fd"      /* a FIFO, non-blocking: base/console_dir.h */
#define WORKER_OPTION_TAP_FDS       "tap-fds"       /* as tap_open() gives them: base/tap.h */
#define WORKER_OPTION_TAP           "tap"
#define WORKER_OPTION_MAC_ADDRESS   "mac-address"
#define WORKER_OPTION_LINK_FD       "link-fd" /* as link_watch() gives it: base/rtnetlink.h */
#define WORKER_OPTION_MTU           "mtu"
#define WORKER_OPTION_OFFLOAD       "offload"
#define WORKER_OPTION_VHOST_FDS     "vhost-fds"   /* /dev/vhost-net, for each pair opened anew: they move the frames */
#define WORKER_OPTION_SOCKET_FD     "socket-fd"   /* connected to the back-end */
#define WORKER_OPTION_VIRTIO_TYPE   "virtio-type" /* base/virtio_types.h */
#define WORKER_OPTION_TAG           "tag"         /* empty: none */
#define WORKER_OPTION_JOURNAL_FD                                                                                       \
        "journal-fd" /* a socket connected to journald, non-blocking: the output goes there, too */

/*
 * The user, and group, that a worker is: nobody else's on this machine, neither another worker's. It is computed and not
 * allotted, so that a successor is the same one and nothing has to be remembered. The range, 0x7a000000 to 0x7a03ffff,
 * lies where systemd's users and containers are not (its UIDS-GIDS leaves 0x70000000 to 0x7ffdffff free), and above
 * what directory services hand out (up to 2000200000). A zone's id is below 256, and so are a zone's
 * devices' interrupts distinct and below 1024.
 */
#define WORKER_UID_FIRST                0x7a000000U
#define WORKER_UID_COUNT                0x40000U
#define WORKER_UID(zone_id, interrupt_) (WORKER_UID_FIRST + (zone_id) *1024U + (interrupt_))
#define WORKER_UID_NOBODY               65534U

/* How a worker calls itself in its lines: zone, device. */
#define WORKER_NAME_FORMAT "zone %s, device %s"

/* Size of the history's file: a page of header, then the ring. */
#define WORKER_HISTORY_HEADER 4096
#define WORKER_HISTORY_RING   (64 * 1024)
#define WORKER_HISTORY_SIZE   (WORKER_HISTORY_HEADER + WORKER_HISTORY_RING)

/* The daemon's process name (comm), not with "hvisor" in it, as those of workers: people's scripts say "pkill hvisor". */
#define DAEMON_COMM "reconciler"
