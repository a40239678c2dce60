/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/worker.h"
#include "engine/log_lines.h"

#define SECOND    UINT64_C(1000000) /* µs */
#define READ_SIZE 4096              /* bytes in one wake-up */
#define READS_MAX 40                /* wake-ups in a second, then the rest of it is a pause */
#define PIPE_SIZE (64 * 1024)       /* pipe(7), "Pipe capacity" */

struct worker_log {
        struct worker_logs *all;
        char zone[NAME_SIZE], device[NAME_SIZE];
        int fd;
        sd_event_source *source, *timer;
        struct log_lines lines;
};

struct worker_logs {
        sd_event *event;
        void (*record)(const struct record *r);
        struct worker_log **list;
        size_t count;
};

/* ---- one -------------------------------------------------------------------------------------------- */

/* Fields say what the worker calls itself. */
static const char *skip_name(const struct worker_log *w, const char *text) {
        char name[2 * NAME_SIZE + sizeof(WORKER_NAME_FORMAT)];
        int n = snprintf(name, sizeof(name), WORKER_NAME_FORMAT ": ", w->zone, w->device);

        return strncmp(text, name, n) == 0 ? text + n : text;
}

static void on_line(void *userdata, int level, const char *text) {
        const struct worker_log *w = userdata;
        const struct record record = {
                .level = level,
                .message_id = MESSAGE_WORKER_SAID,
                .zone = w->zone,
                .device = w->device,
                .action = "worker-log",
                .result = "said",
                .text = skip_name(w, text),
        };

        w->all->record(&record);
}

/* Return: how much was read, 0 where nothing will come any more, -EAGAIN where nothing is there. */
static ssize_t read_some(struct worker_log *w) {
        char data[READ_SIZE];
        ssize_t n;

        do
                n = read(w->fd, data, sizeof(data));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        log_lines_feed(&w->lines, data, n);
        return n;
}

/* At most what the pipe holds: somebody may be writing. */
static void read_rest(struct worker_log *w) {
        for (size_t i = 0; i < PIPE_SIZE / READ_SIZE; i++)
                if (read_some(w) <= 0)
                        break;
        log_lines_end(&w->lines);
}

static struct worker_log *worker_log_free(struct worker_log *w) {
        if (w) {
                sd_event_source_disable_unref(w->source);
                sd_event_source_disable_unref(w->timer);
                fd_close(w->fd);
                free(w);
        }
        return NULL;
}
DEFINE_CLEANUP(struct worker_log *, worker_log_free);

/* Its worker has gone. */
static void worker_log_close(struct worker_log *w) {
        struct worker_logs *l = w->all;
        size_t i = 0;

        read_rest(w);
        while (l->list[i] != w)
                i++;
        l->list[i] = l->list[--l->count];
        fd_store_remove(FD_LOG, w->zone, w->device);
        worker_log_free(w);
}

/* ---- the loop --------------------------------------------------------------------------------------- */

static int on_report_time(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct worker_log *w = userdata;

        w->timer = sd_event_source_disable_unref(w->timer);
        log_lines_report(&w->lines);
        return 0;
}

static int on_input(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
        struct worker_log *w = userdata;
        ssize_t n = read_some(w);

        if (n == 0 || (n < 0 && n != -EAGAIN))
                worker_log_close(w);
        else if (w->lines.limit.dropped > 0 && !w->timer)
                (void) sd_event_add_time_relative(w->all->event, &w->timer, CLOCK_MONOTONIC, LOG_LINES_TIME * SECOND,
                                                  SECOND, on_report_time, w);
        return 0;
}

/* Before all else, so that a worker's last words come before the news of its end. The rate leaves time for the rest. */
static int watch(struct worker_log *w) {
        int r = sd_event_add_io(w->all->event, &w->source, w->fd, EPOLLIN, on_input, w);

        if (r >= 0)
                r = sd_event_source_set_priority(w->source, SD_EVENT_PRIORITY_NORMAL - 1);
        return r < 0 ? r : sd_event_source_set_ratelimit(w->source, SECOND, READS_MAX);
}

/* ---- all -------------------------------------------------------------------------------------------- */

static struct worker_log *find(struct worker_logs *l, const char *zone, const char *device) {
        for (size_t i = 0; i < l->count; i++)
                if (strcmp(l->list[i]->zone, zone) == 0 && strcmp(l->list[i]->device, device) == 0)
                        return l->list[i];
        return NULL;
}

/* Takes @fd over, also on error. */
static int add(struct worker_logs *l, const char *zone, const char *device, int fd) {
        _cleanup_(worker_log_freep) struct worker_log *w = calloc(1, sizeof(*w));
        struct worker_log **list = reallocarray(l->list, l->count + 1, sizeof(*list));
        int r;

        if (list)
                l->list = list;
        if (w)
                w->fd = fd;
        else
                fd_close(fd);
        if (!w || !list)
                return -ENOMEM;
        w->all = l;
        snprintf(w->zone, sizeof(w->zone), "%s", zone);
        snprintf(w->device, sizeof(w->device), "%s", device);
        log_lines_init(&w->lines, on_line, w);
        r = watch(w);
        if (r < 0)
                return r;
        list[l->count++] = TAKE_PTR(w);
        return 0;
}

int worker_logs_open(struct worker_logs *l, const char *zone, const char *device) {
        struct worker_log *before = find(l, zone, device);
        int ends[2], r;

        if (before)
                worker_log_close(before);
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        r = add(l, zone, device, ends[0]);
        if (r < 0) {
                close(ends[1]);
                return r;
        }
        fd_store_add(FD_LOG, zone, device, ends[0]);
        return ends[1];
}

int worker_logs_new(sd_event *event, void (*record)(const struct record *r), struct stored_fds *stored,
                    struct worker_logs **ret) {
        struct worker_logs *l = calloc(1, sizeof(*l));
        int r = 0;

        if (!l)
                return -ENOMEM;
        *l = (struct worker_logs){ .event = sd_event_ref(event), .record = record };
        for (size_t i = 0; i < stored->count && r == 0; i++) {
                struct stored_fd *s = &stored->list[i];

                if (s->kind == FD_LOG)
                        r = add(l, s->zone, s->device, TAKE_FD(s->fd));
        }
        if (r < 0) {
                worker_logs_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

struct worker_logs *worker_logs_free(struct worker_logs *l) {
        if (!l)
                return NULL;
        for (size_t i = 0; i < l->count; i++) {
                read_rest(l->list[i]);
                worker_log_free(l->list[i]);
        }
        free(l->list);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}
