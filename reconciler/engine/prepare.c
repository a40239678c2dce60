/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/prepare.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

/* ---- the types -------------------------------------------------------------------------------------- */

static const struct device_preparation nothing;

/* A type that needs nothing has no row. */
static const struct device_preparation *const preparations[_DEVICE_TYPE_MAX] = {
        [DEVICE_BLOCK] = &block_preparation,
        [DEVICE_CONSOLE] = &console_preparation,
        [DEVICE_NET] = &net_preparation,
        [DEVICE_VHOST_USER] = &vhost_user_preparation,
};

const struct device_preparation *device_preparation(enum device_type type) {
        return preparations[type] ?: &nothing;
}

void device_adopt(struct launcher_stock *s, const struct adopted_worker *w) {
        for (size_t i = 0; i < _DEVICE_TYPE_MAX; i++)
                if (device_preparation(i)->adopt)
                        device_preparation(i)->adopt(s, w);
}

void device_forget(struct launcher_stock *s, const char *zone, const struct zone_spec *keep) {
        for (size_t i = 0; i < _DEVICE_TYPE_MAX; i++)
                if (device_preparation(i)->forget)
                        device_preparation(i)->forget(s, zone, keep);
}

/* ---- the command ------------------------------------------------------------------------------------ */

static void failed(struct command *c, int error) {
        c->error = c->error ?: error;
}

void command_add_argument(struct command *c, const char *format, ...) {
        va_list ap;
        char *s;
        int r;

        if (c->num_arguments == COMMAND_ARGUMENTS_MAX) {
                failed(c, -E2BIG);
                return;
        }
        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        if (r < 0)
                failed(c, -ENOMEM);
        else
                c->arguments[c->num_arguments++] = s;
}

void command_add_fd(struct command *c, const char *option, int fd) {
        if (c->num_fds == COMMAND_DESCRIPTORS_MAX) {
                failed(c, -E2BIG);
                return;
        }
        command_add_argument(c, "--%s=%d", option, fd);
        c->fds[c->num_fds++] = fd;
}

void command_add_fds(struct command *c, const char *option, const int *fds, unsigned count) {
        char list[COMMAND_DESCRIPTORS_MAX * 12] = "";
        size_t length = 0;

        if (count > COMMAND_DESCRIPTORS_MAX - c->num_fds) {
                failed(c, -E2BIG);
                return;
        }
        for (unsigned i = 0; i < count; i++) {
                length += (size_t) snprintf(list + length, sizeof(list) - length, "%s%d", i > 0 ? "," : "", fds[i]);
                c->fds[c->num_fds++] = fds[i];
        }
        command_add_argument(c, "--%s=%s", option, list);
}

void command_own_fd(struct command *c, int fd) {
        if (c->num_owned == COMMAND_DESCRIPTORS_MAX) {
                failed(c, -E2BIG);
                fd_close(fd);
                return;
        }
        c->owned[c->num_owned++] = fd;
}

void command_add_owned_fd(struct command *c, const char *option, int fd) {
        command_add_fd(c, option, fd);
        command_own_fd(c, fd);
}

void command_add_watch(struct command *c, const char *option, struct launcher_stock *s, const struct launch_request *q,
                       int fd) {
        if (watches_keep(s->watches, q->zone, q->device->name, fd) == 0)
                command_add_fd(c, option, fd);
        else
                command_add_owned_fd(c, option, fd);
}

int command_check(const struct command *c, struct err *e) {
        return c->error < 0 ? err_set(e, c->error, "its command line: %s", strerror(-c->error)) : 0;
}

void command_clear(struct command *c) {
        for (size_t i = 0; i < c->num_arguments; i++)
                free(c->arguments[i]);
        for (size_t i = 0; i < c->num_owned; i++)
                fd_close(c->owned[i]);
        c->error_fd = fd_close(c->error_fd);
}
