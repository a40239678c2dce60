/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A console's worker gets the pty, the history and the input that outlive it. */
#include <string.h>

#include "base/worker.h"
#include "engine/prepare.h"

/* What each worker gets of its own. */
static const struct {
        const char *option, *what;
        int (*open)(const struct console *c);
} parts[] = {
        { WORKER_OPTION_PTY_EVENTS_FD, "watching its terminal", console_watch },
        { WORKER_OPTION_HISTORY_FD, "history", console_history },
        { WORKER_OPTION_INPUT_FD, "input", console_input },
};

static int console_prepare(struct launcher_stock *s, const struct launch_request *q, struct command *c, struct err *e) {
        const struct console *console;
        int r = consoles_get(s->consoles, q->zone, q->device->name, &console, e);

        if (r < 0)
                return r;
        command_add_fd(c, WORKER_OPTION_PTY_FD, console->master);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                int fd = parts[i].open(console);

                if (fd < 0)
                        return err_set(e, fd, "the console: %s: %s", parts[i].what, strerror(-fd));
                command_add_owned_fd(c, parts[i].option, fd);
        }
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
