/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reconciler's control socket, from the outside: sd-bus, peer to peer, one
 * call for each connection. Blocks for at most CLIENT_TIMEOUT_S.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "base/err.h"

#define CLIENT_OBJECT    "/org/hvisor/Reconciler"
#define CLIENT_INTERFACE "org.hvisor.Reconciler"
#define CLIENT_TIMEOUT_S 15

#define CLIENT_NOT_RUNNING "the reconciler is not running; start it: systemctl start hvisor-reconciler"

/** client_daemon_runs() - true if somebody listens on the socket */
bool client_daemon_runs(void);

/**
 * client_call() - one method
 * @argument: its one string, or NULL for none
 * @ret: its answer, one string, owned by the caller; NULL if it has none
 *
 * Return: 0; -ENOTCONN: the reconciler is not running; -EACCES: not allowed; -errno; @e tells the story.
 */
int client_call(const char *method, const char *argument, char **ret, struct err *e);

/**
 * client_call_long() - one method that takes its time and tells how it gets on by signals
 * @flag: its argument
 * @progress: called for each @signal
 *
 * Else as client_call().
 */
int client_call_long(const char *method, bool flag, const char *signal, sd_bus_message_handler_t progress, char **ret,
                     struct err *e);

/* Who wants to know when anything changes. All zero at first. */
struct client_watch {
        sd_bus *bus; /* NULL: not connected */
        bool changed;
};

/** client_watch_begin() - from now on no change is missed; if the reconciler is down: not yet. Twice does no harm. */
void client_watch_begin(struct client_watch *w);

/** client_watch_wait() - until something changed, or the reconciler came or went, or for @timeout µs */
void client_watch_wait(struct client_watch *w, uint64_t timeout);
void client_watch_end(struct client_watch *w);

/** client_call_json() - a method without argument whose answer is JSON; @ret owned by the caller,
 * json_decref() */
int client_call_json(const char *method, json_t **ret, struct err *e);
