/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are on a running system. One place for each path. */
#pragma once

#define ZONES_DIR         "/etc/hvisor/zones.d"     /* the administrator's, over RUN_ZONES_DIR, over LIB_ZONES_DIR */
#define RUN_ZONES_DIR     RUN_DIR "/zones.d"        /* until the next boot */
#define LIB_ZONES_DIR     "/usr/lib/hvisor/zones.d" /* packages' */
#define BOARD_CONF        "/etc/hvisor/board.conf"
#define OWN_BOARDS_DIR    "/etc/hvisor/boards"      /* NAME.conf: descriptions of boards, before those of BOARDS_DIR */
#define SETTINGS_CONF     "/etc/hvisor/hvisor.conf" /* the reconciler's own; may be missing */
#define RUN_DIR           "/run/hvisor"
#define RUN_BUS           RUN_DIR "/bus"       /* control socket: sd-bus, peer to peer */
#define RUN_SPECS_DIR     RUN_DIR "/zones"     /* NAME.conf: readable copy of the spec last applied */
#define RUN_CONSOLES_DIR  RUN_DIR "/consoles"  /* ZONE/DEVICE/: what makes a console, see base/console_dir.h */
#define RUN_TRANSIENT_DIR RUN_DIR "/transient" /* what zone start and virtio start were given: cli/transient.h */
#define DEVICE_NODE       "/dev/hvisor"
#ifndef BOARDS_DIR
#define BOARDS_DIR "/usr/lib/hvisor/boards" /* descriptions that come with the programs */
#endif
#ifndef LIBEXEC_DIR
#define LIBEXEC_DIR "/usr/libexec/hvisor"
#endif
#define WORKER_BINARY LIBEXEC_DIR "/device"
