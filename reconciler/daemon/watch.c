/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/fd.h"

#define PARENTS_MAX 64

#define DIRECTORY_EVENTS                                                                                               \
        (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |           \
         IN_MOVE_SELF)
#define PARENT_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ATTRIB | IN_ONLYDIR)

/* One directory above, whose entry @child leads to what we watch. */
struct parent {
        int wd;
        bool is_files; /* @child is the file itself: nothing lies behind it */
        char child[NAME_MAX + 1];
};

struct watch {
        sd_event *event;
        sd_event_source *source, *timer;
        const char *directory, *file;
        void (*changed)(void *userdata);
        void *userdata;
        int fd;
        int directory_wd; /* -1: not there */
        struct parent parents[PARENTS_MAX];
        size_t num_parents;
};

/* ---- judging ---------------------------------------------------------------------------------------- */

static bool is_zone_file(const char *name) {
        size_t length = strlen(name);

        return name[0] != '.' && name[0] != '#' && length > 5 && strcmp(name + length - 5, ".conf") == 0;
}

enum watch_urgency watch_judge(uint32_t mask, const char *name) {
        if (mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
                return WATCH_NOW;
        if (!name || !name[0])
                return mask & IN_ATTRIB ? WATCH_NOW : WATCH_IGNORE; /* its permissions, perhaps */
        if (strcmp(name, "..data") == 0)
                return mask & (IN_MOVED_TO | IN_DELETE) ? WATCH_NOW : WATCH_IGNORE;
        if (!is_zone_file(name))
                return WATCH_IGNORE;
        if (mask & IN_MOVED_TO)
                return WATCH_NOW;
        /*
         * An editor moves the old file aside, or deletes it, and writes the new one in the next moment. A
         * creation may be all there is (a link); what is still being written then, its reader knows (file_read()).
         */
        return mask & (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB) ? WATCH_SETTLE
                                                                                           : WATCH_IGNORE;
}

/* What an event in a directory above means: something came, went or changed on the way to what we watch. */
static enum watch_urgency judge_way(const struct inotify_event *v) {
        return v->mask & (IN_CLOSE_WRITE | IN_CREATE | IN_ATTRIB) ? WATCH_SETTLE : WATCH_NOW;
}

static enum watch_urgency judge(const struct watch *w, const struct inotify_event *v) {
        const char *name = v->len ? v->name : NULL;
        enum watch_urgency worst = WATCH_IGNORE;

        if (v->mask & IN_Q_OVERFLOW)
                return WATCH_NOW;
        if (v->wd == w->directory_wd)
                worst = watch_judge(v->mask, name);
        for (size_t i = 0; i < w->num_parents; i++)
                if (v->wd == w->parents[i].wd && (!name || strcmp(name, w->parents[i].child) == 0))
                        worst = MAX(worst, judge_way(v));
        return worst;
}

/* ---- following the paths ---------------------------------------------------------------------------- */

static void add_parent(struct watch *w, const char *path, const char *child, bool is_files) {
        int wd = inotify_add_watch(w->fd, path, PARENT_EVENTS | IN_MASK_ADD | (is_files ? IN_CLOSE_WRITE : 0));

        if (wd < 0 || w->num_parents == PARENTS_MAX)
                return;
        w->parents[w->num_parents].wd = wd;
        w->parents[w->num_parents].is_files = is_files;
        snprintf(w->parents[w->num_parents].child, sizeof(w->parents[0].child), "%s", child);
        w->num_parents++;
}

/* Every directory above @path, each for the entry that leads on to it. */
static void follow(struct watch *w, const char *path, bool is_files) {
        char copy[PATH_MAX];
        char *slash;

        if (snprintf(copy, sizeof(copy), "%s", path) >= (int) sizeof(copy))
                return;
        while ((slash = strrchr(copy, '/'))) {
                char child[NAME_MAX + 1];

                snprintf(child, sizeof(child), "%s", slash + 1);
                *slash = '\0';
                if (child[0])
                        add_parent(w, copy[0] ? copy : "/", child, is_files);
                is_files = false;
        }
}

/* Anew after each change of the directory itself: its path may lead elsewhere now. */
static int watch_paths(struct watch *w) {
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0)
                return -errno;
        fd_close(w->fd);
        w->fd = fd;
        w->num_parents = 0;
        follow(w, w->directory, false);
        follow(w, w->file, true);
        w->directory_wd = inotify_add_watch(fd, w->directory, DIRECTORY_EVENTS | IN_ONLYDIR | IN_MASK_ADD);
        return 0;
}

static int on_event(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static int rewatch(struct watch *w) {
        int r;

        w->source = sd_event_source_disable_unref(w->source);
        r = watch_paths(w);
        if (r < 0)
                return r;
        return sd_event_add_io(w->event, &w->source, w->fd, EPOLLIN, on_event, w);
}

/* ---- events ----------------------------------------------------------------------------------------- */

static int on_settled(sd_event_source *s _unused_, uint64_t when _unused_, void *userdata) {
        struct watch *w = userdata;

        w->changed(w->userdata);
        return 0;
}

static void settle(struct watch *w) {
        sd_event_source_set_time_relative(w->timer, SETTLING_TIME);
        sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static bool moves_directory(const struct watch *w, const struct inotify_event *v) {
        if (v->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
                return true;
        for (size_t i = 0; i < w->num_parents; i++)
                if (v->wd == w->parents[i].wd && !w->parents[i].is_files && v->len &&
                    strcmp(v->name, w->parents[i].child) == 0)
                        return true;
        return false;
}

static int on_event(sd_event_source *s _unused_, int fd, uint32_t revents _unused_, void *userdata) {
        _Alignas(struct inotify_event) char buffer[16384];
        struct watch *w = userdata;
        enum watch_urgency worst = WATCH_IGNORE;
        bool moved = false;
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                for (char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *v = (const struct inotify_event *) p;

                        worst = MAX(worst, judge(w, v));
                        moved |= moves_directory(w, v);
                        p += sizeof(*v) + v->len;
                }
        /* What happened while nothing was watched is seen by reading. */
        if (moved)
                worst = MAX(worst, (enum watch_urgency)(rewatch(w) < 0 ? WATCH_NOW : WATCH_SETTLE));
        if (worst == WATCH_NOW) {
                sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
                w->changed(w->userdata);
        } else if (worst == WATCH_SETTLE) {
                settle(w);
        }
        return 0;
}

int watch_new(sd_event *event, const char *directory, const char *file, void (*changed)(void *userdata), void *userdata,
              struct watch **ret) {
        _cleanup_(watch_freep) struct watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (struct watch){
                .event = event,
                .directory = directory,
                .file = file,
                .changed = changed,
                .userdata = userdata,
                .fd = -1,
                .directory_wd = -1,
        };
        r = sd_event_add_time_relative(event, &w->timer, CLOCK_MONOTONIC, 0, 1000, on_settled, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = rewatch(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

struct watch *watch_free(struct watch *w) {
        if (w) {
                sd_event_source_disable_unref(w->source);
                sd_event_source_disable_unref(w->timer);
                fd_close(w->fd);
                free(w);
        }
        return NULL;
}
