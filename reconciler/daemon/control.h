/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: sd-bus, peer to peer, on RUN_BUS, for root only. No bus
 * daemon is needed; "busctl --address=unix:path=/run/hvisor/bus introspect"
 * shows it.
 *
 *   /org/hvisor/Reconciler, interface org.hvisor.Reconciler
 *     Status() → s   JSON, plan/status.h
 *     Plan() → s     JSON, plan/plan.h
 *     Restart(s)     a zone's name
 *     Upgrade(b) → s all workers, or those of older programs; answered at its end, after which the daemon
 *                    executes itself anew. Meanwhile, signals: UpgradeProgress(uuss) done, of how many, zone, device
 *     Version, ZonesRunning, ZonesFailed, ZonesOther: properties; the numbers tell when they change
 */
#pragma once

#include "base/err.h"
#include "engine/engine.h"

#define CONTROL_PATH      "/org/hvisor/Reconciler"
#define CONTROL_INTERFACE "org.hvisor.Reconciler"

struct control;

/**
 * control_new() - listens; takes the place of a socket that an earlier daemon left
 * @upgraded: called when an upgrade that a client asked for has replaced all workers
 */
int control_new(sd_event *event, struct engine *engine, const char *socket_path, void (*upgraded)(void *userdata),
                void *userdata, struct control **ret, struct err *e);

/** control_changed() - the properties' new values; clients are told what changed */
void control_changed(struct control *c, const struct status_counts *now);

struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free);
