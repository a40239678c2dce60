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
#include "base/log.h"
#include "config/file_name.h"
#include "daemon/pending.h"

#define THE_FILE "/" /* in struct pending: no entry of a directory has such a name */
#define WAY_MAX  64  /* directories on the way of one path */

#define DIRECTORY_EVENTS                                                                                               \
        (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |           \
         IN_MOVE_SELF)
#define PARENT_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ATTRIB)

#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

#define RETRY_TIME (1000 * 1000) /* µs */

/* One directory above, whose entry @child leads to what we watch. */
struct parent {
        int wd;
        bool is_files; /* @child is the file itself: nothing lies behind it */
        bool is_link;
        char child[NAME_MAX + 1];
};

struct place {
        dev_t device;
        ino_t inode; /* 0: nothing is there */
};

/* All that is watched, as the paths lead just now; made anew when they may lead elsewhere. */
struct view {
        int fd;
        sd_event_source *source;
        int directory_wd; /* -1: not there */
        struct parent parents[2 * WAY_MAX];
        size_t num_parents;
        struct place directory, file; /* where the paths led */
};

struct watch {
        sd_event *event;
        sd_event_source *timer;  /* enabled: something is pending */
        sd_event_source *retry;  /* enabled: no new view could be made */
        sd_event_source *mounts; /* NULL: no /proc */
        int mounts_fd;
        const char *directory, *file;
        uint64_t settling; /* µs */
        watch_fn changed;
        void *userdata;
        struct pending pending;
        struct view *view; /* NULL: there was never room for one */
        bool is_deaf;      /* the view may show what was, not what is */
};

static struct view *view_free(struct view *v) {
        if (v) {
                sd_event_source_disable_unref(v->source);
                fd_close(v->fd);
                free(v);
        }
        return NULL;
}
DEFINE_CLEANUP(struct view *, view_free);

/* ---- judging ---------------------------------------------------------------------------------------- */

enum watch_urgency watch_judge(uint32_t mask, const char *name) {
        if (mask & (IN_Q_OVERFLOW | SELF_EVENTS))
                return WATCH_GONE;
        if (!name || !name[0])
                return mask & IN_ATTRIB ? WATCH_SETTLE : WATCH_IGNORE; /* its permissions, perhaps */
        if (strcmp(name, "..data") == 0)
                return mask & IN_MOVED_TO ? WATCH_NOW : mask & IN_DELETE ? WATCH_GONE : WATCH_IGNORE;
        if (zone_file_stem(name) == 0)
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
        if (mask & (IN_Q_OVERFLOW | SELF_EVENTS | IN_MOVED_FROM | IN_DELETE))
                return WATCH_GONE;
        if (mask & IN_MOVED_TO)
                return WATCH_NOW;
        /* A directory that is made is filled in the next moment. */
        return mask & IN_CREATE && mask & IN_ISDIR ? WATCH_GONE : WATCH_SETTLE;
}

/* @file: NULL: all of them */
static void note(struct watch *w, const char *file, enum watch_urgency urgency, bool is_whole) {
        const uint64_t waits[] = { [WATCH_SETTLE] = w->settling, [WATCH_GONE] = RETURN_TIME, [WATCH_NOW] = 0 };
        uint64_t now = 0;

        if (urgency == WATCH_IGNORE)
                return;
        (void) sd_event_now(w->event, CLOCK_MONOTONIC, &now);
        pending_add(&w->pending, file, now, now + waits[urgency], urgency == WATCH_NOW || is_whole);
}

static void take_in(struct watch *w, const struct inotify_event *v) {
        const struct view *view = w->view;
        const char *name = v->len ? v->name : NULL;

        if (v->mask & IN_Q_OVERFLOW) {
                note(w, NULL, watch_judge(v->mask, NULL), false);
                return;
        }
        if (v->wd == view->directory_wd)
                note(w, name && zone_file_stem(name) ? name : NULL, watch_judge(v->mask, name),
                     v->mask & IN_CLOSE_WRITE);
        for (size_t i = 0; i < view->num_parents; i++) {
                const struct parent *p = &view->parents[i];

                if (v->wd == p->wd && (!name || strcmp(name, p->child) == 0))
                        note(w, p->is_files ? THE_FILE : NULL, judge_way(v->mask), v->mask & IN_CLOSE_WRITE);
        }
}

static bool is_symlink(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* May the paths lead elsewhere now? */
static bool moves_paths(const struct watch *w, const struct inotify_event *v) {
        if (v->mask & (IN_Q_OVERFLOW | SELF_EVENTS))
                return true;
        for (size_t i = 0; i < w->view->num_parents; i++) {
                const struct parent *p = &w->view->parents[i];

                if (v->wd != p->wd || !v->len || strcmp(v->name, p->child) != 0)
                        continue;
                if (!p->is_files || p->is_link || (v->mask & (IN_CREATE | IN_MOVED_TO) && is_symlink(w->file)))
                        return true;
        }
        return false;
}

/* ---- following the paths ---------------------------------------------------------------------------- */

/* @ret: -1 if there is nothing at @path that could be watched. Return: 0, -errno of the kernel's limits. */
static int add_watch(const struct view *v, const char *path, uint32_t events, int *ret) {
        *ret = inotify_add_watch(v->fd, path, events | IN_ONLYDIR | IN_MASK_ADD);
        return *ret < 0 && (errno == ENOSPC || errno == ENOMEM) ? -errno : 0;
}

/* A path on its way: @here was reached without a symlink ("" is the root), @rest is to go. */
struct walk {
        char here[PATH_MAX], rest[PATH_MAX];
};

static bool is_at_end(const struct walk *walk) {
        return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* Takes the first name off the rest; false: there is none. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1]) {
        char *start = walk->rest + strspn(walk->rest, "/");
        size_t length = strcspn(start, "/");

        if (length == 0 || length > NAME_MAX)
                return false;
        memcpy(name, start, length);
        name[length] = '\0';
        memmove(walk->rest, start + length, strlen(start + length) + 1);
        return true;
}

/* Goes on to @name; if that is a symlink its target is to go first. Return: false if that is too long. */
static bool enter(struct walk *walk, const char *name, bool *ret_is_link) {
        char path[PATH_MAX], rest[PATH_MAX], target[PATH_MAX];
        ssize_t n;

        if (snprintf(path, sizeof(path), "%s/%s", walk->here, name) >= (int) sizeof(path))
                return false;
        n = readlink(path, target, sizeof(target) - 1);
        *ret_is_link = n >= 0;
        if (n < 0) {
                strcpy(walk->here, path);
                return true;
        }
        target[n] = '\0';
        if (snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest) >= (int) sizeof(rest))
                return false;
        strcpy(walk->rest, rest);
        if (target[0] == '/')
                walk->here[0] = '\0';
        return true;
}

static void leave(struct walk *walk) {
        char *slash = strrchr(walk->here, '/');

        if (slash)
                *slash = '\0';
}

/*
 * Every directory on the way of @path, symlinks' targets included, each for the entry that leads on. It is
 * watched before the entry is looked at, so whatever becomes of that entry afterwards is told.
 */
static int follow(struct view *v, const char *path, bool to_file) {
        size_t end = v->num_parents + WAY_MAX; /* also the end of symlinks in a circle */
        struct walk walk = {};
        char name[NAME_MAX + 1];

        if (snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= (int) sizeof(walk.rest))
                return 0;
        while (v->num_parents < end && next_name(&walk, name)) {
                struct parent *p = &v->parents[v->num_parents];
                int r;

                if (strcmp(name, ".") == 0)
                        continue;
                if (strcmp(name, "..") == 0) {
                        leave(&walk);
                        continue;
                }
                p->is_files = to_file && is_at_end(&walk);
                r = add_watch(v, walk.here[0] ? walk.here : "/", PARENT_EVENTS | (p->is_files ? IN_CLOSE_WRITE : 0),
                              &p->wd);
                if (r < 0 || p->wd < 0)
                        return r;
                strcpy(p->child, name);
                v->num_parents++;
                if (!enter(&walk, name, &p->is_link))
                        return 0;
        }
        return 0;
}

static struct place place_of(const char *path) {
        struct stat st;

        return stat(path, &st) < 0 ? (struct place){} : (struct place){ st.st_dev, st.st_ino };
}

static bool is_same(const struct place *a, const struct place *b) {
        return a->device == b->device && a->inode == b->inode;
}

static int on_event(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static int view_new(struct watch *w, struct view **ret) {
        _cleanup_(view_freep) struct view *v = calloc(1, sizeof(*v));
        int r;

        if (!v)
                return -ENOMEM;
        v->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (v->fd < 0)
                return -errno;
        r = follow(v, w->directory, false);
        if (r >= 0)
                r = follow(v, w->file, true);
        if (r >= 0)
                r = add_watch(v, w->directory, DIRECTORY_EVENTS, &v->directory_wd);
        if (r >= 0)
                r = sd_event_add_io(w->event, &v->source, v->fd, EPOLLIN, on_event, w);
        if (r < 0)
                return r;
        v->directory = place_of(w->directory);
        v->file = place_of(w->file);
        *ret = TAKE_PTR(v);
        return 0;
}

/* Which of the kernel's limits it was: inotify(7) says ENOSPC and EMFILE for its own. */
static const char *lack(int error) {
        if (error == -ENOSPC)
                return "all inotify watches are in use: raise fs.inotify.max_user_watches (sysctl)";
        if (error == -EMFILE)
                return "all inotify instances or descriptors are in use: raise fs.inotify.max_user_instances (sysctl)";
        return strerror(-error);
}

/* The new view is there before the old one goes, which stays if there can be no new one. */
static void rewatch(struct watch *w) {
        struct view *v = NULL;
        int r = view_new(w, &v);

        if (r < 0) {
                if (!w->is_deaf)
                        log_error("watching %s and %s: %s; they are read again every second until it works",
                                  w->directory, w->file, lack(r));
                w->is_deaf = true;
                sd_event_source_set_time_relative(w->retry, RETRY_TIME);
                sd_event_source_set_enabled(w->retry, SD_EVENT_ONESHOT);
                return;
        }
        if (w->is_deaf)
                log_notice("watching %s and %s again", w->directory, w->file);
        w->is_deaf = false;
        sd_event_source_set_enabled(w->retry, SD_EVENT_OFF);
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
                        pending_add(&w->pending, NULL, now, now + RETRY_TIME, false);
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
        note(w, NULL, WATCH_NOW, true);
        tell(w);
        return 0;
}

static int on_event(sd_event_source *s _unused_, int fd, uint32_t revents _unused_, void *userdata) {
        _Alignas(struct inotify_event) char buffer[16384];
        struct watch *w = userdata;
        bool moved = false;
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                for (char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *v = (const struct inotify_event *) p;

                        take_in(w, v);
                        moved |= moves_paths(w, v);
                        p += sizeof(*v) + v->len;
                }
        /* What only the old view was told after the last read is seen by reading the files. */
        if (moved) {
                rewatch(w);
                note(w, NULL, WATCH_SETTLE, false);
        }
        tell(w);
        return 0;
}

/* inotify says nothing of mounts: what is mounted over is still there, below. */
static int on_mounts(sd_event_source *s _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        struct watch *w = userdata;
        struct place directory = place_of(w->directory), file = place_of(w->file);

        if (w->view && is_same(&directory, &w->view->directory) && is_same(&file, &w->view->file))
                return 0;
        rewatch(w);
        note(w, NULL, WATCH_GONE, false);
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

int watch_new(sd_event *event, const char *directory, const char *file, watch_fn changed, void *userdata,
              struct watch **ret) {
        _cleanup_(watch_freep) struct watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (struct watch){
                .event = event,
                .directory = directory,
                .file = file,
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
