/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A console's worker gets the pty and the history that outlive it. */
#include <string.h>

#include "base/worker.h"
#include "engine/prepare.h"

static int console_prepare(struct launcher_stock *s, const struct launch_request *q, struct command *c, struct err *e) {
        const struct console *console;
        int r = consoles_get(s->consoles, q->zone, q->device->name, &console, e), events;

        if (r < 0)
                return r;
        events = console_watch(console);
        if (events < 0)
                return err_set(e, events, "watching %s: %s", console->slave, strerror(-events));
        command_add_fd(c, WORKER_OPTION_PTY_FD, console->master);
        command_add_owned_fd(c, WORKER_OPTION_PTY_EVENTS_FD, events);
        command_add_fd(c, WORKER_OPTION_HISTORY_FD, console->history);
        return 0;
}

static void console_adopt(struct launcher_stock *s, const char *zone, const char *device, pid_t worker, int pidfd) {
        consoles_regain(s->consoles, zone, device, worker, pidfd);
}

static void console_forget(struct launcher_stock *s, const char *zone) {
        consoles_drop(s->consoles, zone);
}

const struct device_preparation console_preparation = {
        .prepare = console_prepare,
        .adopt = console_adopt,
        .forget = console_forget,
};
