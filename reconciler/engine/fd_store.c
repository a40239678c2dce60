/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/fd_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/fd.h"

static const char *const kinds[_FD_KIND_MAX] = {
        [FD_PTY] = "pty",
        [FD_TAP] = "tap",
        [FD_LOG] = "log",
};

/* ---- names ------------------------------------------------------------------------------------------ */

void fd_store_name(enum fd_kind kind, const char *zone, const char *device, char name[static FD_STORE_NAME_SIZE]) {
        snprintf(name, FD_STORE_NAME_SIZE, "%s/%s/%s", kinds[kind], zone, device);
}

/* Cuts the part before the next "/" off. NULL: there is none, or it is too long. */
static const char *cut_part(const char *text, char *part, size_t size) {
        const char *slash = strchrnul(text, '/');

        if ((size_t) (slash - text) >= size)
                return NULL;
        snprintf(part, size, "%.*s", (int) (slash - text), text);
        return *slash ? slash + 1 : slash;
}

bool fd_store_parse_name(const char *name, struct stored_fd *ret) {
        struct stored_fd s = { .fd = -1 };
        char kind[16];

        name = cut_part(name, kind, sizeof(kind));
        if (name)
                name = cut_part(name, s.zone, sizeof(s.zone));
        if (!name || strlen(name) >= sizeof(s.device))
                return false;
        strcpy(s.device, name);
        while (s.kind < _FD_KIND_MAX && strcmp(kinds[s.kind], kind) != 0)
                s.kind++;
        if (s.kind == _FD_KIND_MAX || !zone_name_valid(s.zone) || !zone_name_valid(s.device))
                return false;
        *ret = s;
        return true;
}

/* ---- the store -------------------------------------------------------------------------------------- */

/* What is in the store, by name, with copies of our own: systemd gives its ones to new processes only. */
static struct kept {
        char name[FD_STORE_NAME_SIZE];
        int fd;
} * kept;
static size_t num_kept;

static void forget(const char *name) {
        for (size_t i = num_kept; i-- > 0;)
                if (strcmp(kept[i].name, name) == 0) {
                        fd_close(kept[i].fd);
                        kept[i] = kept[--num_kept];
                }
}

/* One that cannot be kept is lost at hvisor upgrade alone. */
static void keep(const char *name, int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        struct kept *list;

        list = copy < 0 ? NULL : reallocarray(kept, num_kept + 1, sizeof(*kept));
        if (!list) {
                fd_close(copy);
                return;
        }
        kept = list;
        strcpy(kept[num_kept].name, name);
        kept[num_kept++].fd = copy;
}

/*
 * FDPOLL=0: a master whose slave nobody has open polls as hung up, and so does a
 * pipe whose writer has gone; systemd would throw either out at once.
 */
void fd_store_add(enum fd_kind kind, const char *zone, const char *device, int fd) {
        char name[FD_STORE_NAME_SIZE], message[sizeof(name) + 32];

        fd_store_name(kind, zone, device, name);
        keep(name, fd);
        snprintf(message, sizeof(message), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        (void) sd_pid_notify_with_fds(0, 0, message, &fd, 1);
}

void fd_store_remove(enum fd_kind kind, const char *zone, const char *device) {
        char name[FD_STORE_NAME_SIZE], message[sizeof(name) + 32];

        fd_store_name(kind, zone, device, name);
        forget(name);
        snprintf(message, sizeof(message), "FDSTOREREMOVE=1\nFDNAME=%s", name);
        (void) sd_notify(0, message);
}

int fd_store_take(struct stored_fds *ret) {
        struct stored_fds s = {};
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names);

        if (n <= 0) {
                *ret = s;
                return n == -ENOMEM ? n : 0;
        }
        s.list = calloc(n, sizeof(*s.list));
        for (int i = 0; i < n; i++) {
                if (s.list && fd_store_parse_name(names[i], &s.list[s.count])) {
                        s.list[s.count++].fd = SD_LISTEN_FDS_START + i;
                        keep(names[i], SD_LISTEN_FDS_START + i);
                }
                free(names[i]);
        }
        free(names);
        if (!s.list)
                return -ENOMEM;
        *ret = s;
        return 0;
}

/* Two steps: the places may be taken by those that are still to be moved. */
static int move_to_places(void) {
        for (size_t i = 0; i < num_kept; i++) {
                int high = fcntl(kept[i].fd, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START + (int) num_kept);

                if (high < 0)
                        return -errno;
                kept[i].fd = high;
        }
        for (size_t i = 0; i < num_kept; i++)
                if (dup2(kept[i].fd, SD_LISTEN_FDS_START + (int) i) < 0)
                        return -errno;
        return 0;
}

static int set_environment(void) {
        _cleanup_free_ char *names = calloc(num_kept + 1, FD_STORE_NAME_SIZE + 1);
        char number[24];
        size_t used = 0;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < num_kept; i++)
                used += (size_t) sprintf(names + used, "%s%s", i > 0 ? ":" : "", kept[i].name);
        if (setenv("LISTEN_FDNAMES", names, 1) < 0)
                return -errno;
        snprintf(number, sizeof(number), "%zu", num_kept);
        if (setenv("LISTEN_FDS", number, 1) < 0)
                return -errno;
        snprintf(number, sizeof(number), "%d", (int) getpid());
        return setenv("LISTEN_PID", number, 1) < 0 ? -errno : 0;
}

int fd_store_hand_over(void) {
        int r = set_environment();

        return r < 0 ? r : move_to_places();
}

void stored_fds_clear(struct stored_fds *s) {
        for (size_t i = 0; i < s->count; i++)
                fd_close(s->list[i].fd);
        free(s->list);
        *s = (struct stored_fds){};
}
