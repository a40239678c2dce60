/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A console's worker gets the pty, the history and the input that outlive it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/worker.h"
#include "engine/prepare.h"

/* What each worker gets of its own. */
static const struct {
        const char *option, *what;
        int (*open)(const struct console *c);
} parts[] = {
        { WORKER_OPTION_HISTORY_FD, "history", console_history },
        { WORKER_OPTION_INPUT_FD, "input", console_input },
};

/* A console without its log is better than none. */
static void add_journal(const struct launch_request *q, struct command *c) {
        static const struct sockaddr_un journal = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd >= 0 && connect(fd, (const struct sockaddr *) &journal, sizeof(journal)) == 0) {
                command_add_owned_fd(c, WORKER_OPTION_JOURNAL_FD, fd);
                return;
        }
        log_warning("zone %s, device %s: Log=journal: %s: %s; its output is not logged", q->zone, q->device->name,
                    journal.sun_path, strerror(errno));
        fd_close(fd);
}

static int console_prepare(struct launcher_stock *s, const struct launch_request *q, struct command *c, struct err *e) {
        const struct console *console;
        int r = consoles_get(s->consoles, q->zone, q->device->name, &console, e);

        if (r < 0)
                return r;
        command_add_fd(c, WORKER_OPTION_PTY_FD, console->master);
        r = console_watch(console);
        if (r < 0)
                return err_set(e, r, "the console: watching its terminal: %s", strerror(-r));
        command_add_watch(c, WORKER_OPTION_PTY_EVENTS_FD, s, q, r);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                int fd = parts[i].open(console);

                if (fd < 0)
                        return err_set(e, fd, "the console: %s: %s", parts[i].what, strerror(-fd));
                command_add_owned_fd(c, parts[i].option, fd);
        }
        if (q->device->log == OUTPUT_LOG_JOURNAL)
                add_journal(q, c);
        return 0;
}

static void console_adopt(struct launcher_stock *s, const struct adopted_worker *w) {
        consoles_regain(s->consoles, w->zone, w->device, w->pid, w->pidfd);
}

static void console_forget(struct launcher_stock *s, const char *zone, const struct zone_spec *keep) {
        consoles_drop(s->consoles, zone, keep);
}

const struct device_preparation console_preparation = {
        .prepare = console_prepare,
        .adopt = console_adopt,
        .forget = console_forget,
};
