/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "config/file_name.h"
#include "daemon/pending.h"
#include "daemon/watch_view.h"

#define THE_FILE   "/"           /* in struct pending: no entry of a directory has such a name */
#define RETRY_TIME (1000 * 1000) /* µs */

struct watch {
        sd_event *event;
        sd_event_source *timer;  /* enabled: something is pending */
        sd_event_source *retry;  /* enabled: no new view could be made */
        sd_event_source *mounts; /* NULL: no /proc */
        int mounts_fd;
        struct watch_paths paths;
        uint64_t settling; /* µs */
        watch_fn changed;
        void *userdata;
        struct pending pending;
        struct view *view; /* NULL: there was never room for one */
        bool is_deaf;      /* the view may show what was, not what is */
};

/* ---- judging ---------------------------------------------------------------------------------------- */

enum watch_urgency watch_judge(uint32_t mask, const char *name) {
        if (mask & (IN_Q_OVERFLOW | VIEW_SELF_EVENTS))
                return WATCH_GONE;
        if (!name || !name[0])
                return mask & IN_ATTRIB ? WATCH_SETTLE : WATCH_IGNORE; /* its permissions, perhaps */
        if (strcmp(name, "..data") == 0)
                return mask & IN_MOVED_TO ? WATCH_NOW : mask & IN_DELETE ? WATCH_GONE : WATCH_IGNORE;
        if (zone_file_length(name) == 0)
                return WATCH_IGNORE;
        if (mask & IN_MOVED_TO)
                return WATCH_NOW;
        /* An editor moves the old file aside, or deletes it, and writes the new one in the next moment. */
        if (mask & (IN_MOVED_FROM | IN_DELETE))
                return WATCH_GONE;
        /* A creation may be all there is (a link); what is still being written then, its reader knows (file_read()). */
        return mask & (IN_CLOSE_WRITE | IN_CREATE | IN_ATTRIB) ? WATCH_SETTLE : WATCH_IGNORE;
}

/* What an event in a directory above means: something came, went or changed on the way to what we watch. */
static enum watch_urgency judge_way(uint32_t mask) {
        if (mask & (IN_Q_OVERFLOW | VIEW_SELF_EVENTS | IN_MOVED_FROM | IN_DELETE))
                return WATCH_GONE;
        if (mask & IN_MOVED_TO)
                return WATCH_NOW;
        /* A directory that is made is filled in the next moment. */
        return mask & IN_CREATE && mask & IN_ISDIR ? WATCH_GONE : WATCH_SETTLE;
}

/* @file: NULL: all of them; @part: which of those that make its zone */
static void note(struct watch *w, const char *file, unsigned part, enum watch_urgency urgency, bool is_whole) {
        const uint64_t waits[] = { [WATCH_SETTLE] = w->settling, [WATCH_GONE] = RETURN_TIME, [WATCH_NOW] = 0 };
        uint64_t now = 0;

        if (urgency == WATCH_IGNORE)
                return;
        (void) sd_event_now(w->event, CLOCK_MONOTONIC, &now);
        pending_add(&w->pending, file, part, now, now + waits[urgency], urgency == WATCH_NOW || is_whole);
}

static void note_all(struct watch *w, enum watch_urgency urgency, bool is_whole) {
        note(w, NULL, 0, urgency, is_whole);
}

/* Each file and directory by itself: what happens to one says nothing of another. */
static unsigned part_of(const struct inotify_event *v, const char *name) {
        return (unsigned) hash_bytes(hash_string(name ?: ""), &v->wd, sizeof(v->wd));
}

/* Something in a directory of zones' files: a file, or a directory of drop-ins. */
static void note_entry(struct watch *w, const struct inotify_event *v, const char *name) {
        char file[NAME_MAX + 1] = "";

        if (name)
                snprintf(file, sizeof(file), "%.*s", (int) zone_file_length(name), name);
        note(w, file[0] ? file : NULL, part_of(v, name), watch_judge(v->mask, name), v->mask & IN_CLOSE_WRITE);
}

/* Something in a directory of drop-ins: of that zone, whatever it is. */
static void note_drop_in(struct watch *w, const struct inotify_event *v, const char *name) {
        const struct view_drop_ins *d;
        size_t n;

        d = view_drop_ins(w->view, v->wd, &n);
        for (size_t i = 0; i < n; i++)
                note(w, d[i].file, part_of(v, name), watch_judge(v->mask, name), v->mask & IN_CLOSE_WRITE);
}

/* A directory of drop-ins that comes or goes is watched from now on, or no more. True: a new view has to be made. */
static bool renew_drop_ins(struct watch *w, const struct inotify_event *v) {
        bool stale = false;

        if (!v->len || !(v->mask & (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM)))
                return false;
        for (unsigned i = 0; w->paths.dirs.paths[i]; i++)
                if (w->view->directories[i].wd == v->wd)
                        stale |= view_renew_drop_ins(w->view, i, v->name) < 0;
        return stale;
}

static void take_in(struct watch *w, const struct inotify_event *v) {
        const struct view *view = w->view;
        const char *name = v->len ? v->name : NULL;

        if (v->mask & IN_Q_OVERFLOW) {
                note_all(w, watch_judge(v->mask, NULL), false);
                return;
        }
        if (view_is_zones(view, v->wd))
                note_entry(w, v, name);
        if (view_is_boards(view, v->wd))
                note(w, THE_FILE, part_of(v, name), watch_judge(v->mask, name), v->mask & IN_CLOSE_WRITE);
        note_drop_in(w, v, name);
        for (size_t i = 0; i < view->num_parents; i++) {
                const struct view_parent *p = &view->parents[i];

                if (v->wd == p->wd && (!name || strcmp(name, p->child) == 0))
                        note(w, p->is_file ? THE_FILE : NULL, 0, judge_way(v->mask), v->mask & IN_CLOSE_WRITE);
        }
}

/* All that there is in the view. True: a new one has to be made. */
static bool read_events(struct watch *w) {
        _Alignas(struct inotify_event) char buffer[16384];
        bool moved = false;
        ssize_t n;

        while ((n = read(w->view->fd, buffer, sizeof(buffer))) > 0)
                for (char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *v = (const struct inotify_event *) p;

                        take_in(w, v);
                        moved |= view_moves(w->view, v);
                        moved |= renew_drop_ins(w, v);
                        p += sizeof(*v) + v->len;
                }
        /* What cannot be read: another may be. */
        return moved || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Which of the kernel's limits it was: inotify(7) says ENOSPC and EMFILE for its own. */
static const char *lack(int error) {
        if (error == -ENOSPC)
                return "all inotify watches are in use: raise fs.inotify.max_user_watches (sysctl)";
        if (error == -EMFILE)
                return "all inotify instances or descriptors are in use: raise fs.inotify.max_user_instances (sysctl)";
        return strerror(-error);
}

static int on_event(sd_event_source *s, int fd, uint32_t revents, void *userdata);

/* The new view is there before the old one goes, which stays if there can be no new one. */
static void rewatch(struct watch *w) {
        struct view *v = NULL;
        int r = view_new(w->event, &w->paths, on_event, w, &v);

        if (r < 0) {
                if (!w->is_deaf)
                        log_error("watching %s and %s: %s; they are read again every second until it works",
                                  w->paths.dirs.paths[0], w->paths.file, lack(r));
                w->is_deaf = true;
                sd_event_source_set_time_relative(w->retry, RETRY_TIME);
                sd_event_source_set_enabled(w->retry, SD_EVENT_ONESHOT);
                return;
        }
        if (w->is_deaf)
                log_notice("watching %s and %s again", w->paths.dirs.paths[0], w->paths.file);
        w->is_deaf = false;
        sd_event_source_set_enabled(w->retry, SD_EVENT_OFF);
        if (w->view)
                (void) read_events(w); /* what only the old one was told */
        view_free(w->view);
        w->view = v;
}

/* ---- events ----------------------------------------------------------------------------------------- */

static void set_timer(struct watch *w) {
        uint64_t next = pending_next(&w->pending);

        if (next != UINT64_MAX)
                sd_event_source_set_time(w->timer, next);
        sd_event_source_set_enabled(w->timer, next == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* Tells what is due. */
static void tell(struct watch *w) {
        char names[PENDING_MAX][NAME_MAX + 1];
        const char *files[PENDING_MAX];
        struct watch_changes c = { .files = files };
        uint64_t now = 0;
        size_t n;

        (void) sd_event_now(w->event, CLOCK_MONOTONIC, &now);
        if (pending_next(&w->pending) <= now) {
                n = pending_take(&w->pending, now, names, &c.all);
                for (size_t i = 0; i < n; i++)
                        if (strcmp(names[i], THE_FILE) != 0)
                                files[c.num_files++] = names[i];
                if (w->changed(&c, w->userdata) < 0)
                        pending_add(&w->pending, NULL, 0, now, now + RETRY_TIME, false);
        }
        set_timer(w);
}

static int on_due(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        tell(userdata);
        return 0;
}

static int on_retry(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct watch *w = userdata;

        rewatch(w);
        note_all(w, WATCH_NOW, true);
        tell(w);
        return 0;
}

static int on_event(sd_event_source *s _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        struct watch *w = userdata;

        if (read_events(w)) {
                rewatch(w);
                note_all(w, WATCH_SETTLE, false); /* what is there now */
        }
        tell(w);
        return 0;
}

/* inotify says nothing of mounts: what is mounted over is still there, below. */
static int on_mounts(sd_event_source *s _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        struct watch *w = userdata;

        if (w->view && view_is_true(w->view))
                return 0;
        rewatch(w);
        note_all(w, WATCH_GONE, false);
        tell(w);
        return 0;
}

/* proc(5): the table of mounts is "ready" with a priority event when it changed. */
static void watch_mounts(struct watch *w) {
        w->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        if (w->mounts_fd >= 0)
                (void) sd_event_add_io(w->event, &w->mounts, w->mounts_fd, EPOLLPRI, on_mounts, w);
}

static int add_timer(struct watch *w, sd_event_source **ret, sd_event_time_handler_t handler) {
        int r = sd_event_add_time_relative(w->event, ret, CLOCK_MONOTONIC, 0, 1000, handler, w);

        return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int watch_new(sd_event *event, const struct watch_paths *paths, watch_fn changed, void *userdata, struct watch **ret) {
        _cleanup_(watch_freep) struct watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (struct watch){
                .event = event,
                .paths = *paths,
                .settling = SETTLING_TIME,
                .changed = changed,
                .userdata = userdata,
                .mounts_fd = -1,
        };
        r = add_timer(w, &w->timer, on_due);
        if (r >= 0)
                r = add_timer(w, &w->retry, on_retry);
        if (r < 0)
                return r;
        watch_mounts(w);
        rewatch(w);
        *ret = TAKE_PTR(w);
        return 0;
}

void watch_set_settling(struct watch *w, uint64_t time) {
        w->settling = time;
}

struct watch *watch_free(struct watch *w) {
        if (w) {
                view_free(w->view);
                sd_event_source_disable_unref(w->timer);
                sd_event_source_disable_unref(w->retry);
                sd_event_source_disable_unref(w->mounts);
                fd_close(w->mounts_fd);
                free(w);
        }
        return NULL;
}
