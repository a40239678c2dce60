/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What workers use, as the cgroups of their scopes tell it (cgroup v2). */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "live/live.h"

#define CGROUP_ROOT  "/sys/fs/cgroup"
#define SCOPE_PREFIX "/hvisor-" /* engine/scope.h */
#define SCOPE_SUFFIX ".scope"

/* One line of a file that begins with @key, without it; false: there is none. */
static bool read_line(const char *path, const char *key, char *ret, size_t size) {
        FILE *f = fopen(path, "re");
        bool found = false;

        while (f && !found && fgets(ret, (int) size, f))
                found = strncmp(ret, key, strlen(key)) == 0;
        if (f)
                fclose(f);
        if (!found)
                return false;
        memmove(ret, ret + strlen(key), strlen(ret) - strlen(key) + 1);
        ret[strcspn(ret, "\n")] = '\0';
        return true;
}

static bool read_number(const char *folder, const char *file, const char *key, uint64_t *ret) {
        char path[PATH_MAX], text[64];

        return snprintf(path, sizeof(path), CGROUP_ROOT "%s/%s", folder, file) < (int) sizeof(path) &&
               read_line(path, key, text, sizeof(text)) && sscanf(text, "%" SCNu64, ret) == 1;
}

/* A plain child of the daemon has the daemon's cgroup: what that uses is not the worker's. */
static bool is_scope(const char *folder) {
        const char *last = strrchr(folder, '/');
        size_t length = last ? strlen(last) : 0;

        return length > strlen(SCOPE_SUFFIX) && strncmp(last, SCOPE_PREFIX, strlen(SCOPE_PREFIX)) == 0 &&
               strcmp(last + length - strlen(SCOPE_SUFFIX), SCOPE_SUFFIX) == 0;
}

static struct usage measure(pid_t pid) {
        char path[64], folder[PATH_MAX];
        struct usage u = {};

        (void) snprintf(path, sizeof(path), "/proc/%d/cgroup", (int) pid);
        if (!read_line(path, "0::", folder, sizeof(folder)) || !is_scope(folder))
                return u;
        u.known = read_number(folder, "memory.current", "", &u.memory) &&
                  read_number(folder, "cpu.stat", "usage_usec ", &u.cpu_time);
        return u;
}

void live_measure(struct live *l) {
        for (size_t i = 0; i < l->num_zones; i++)
                for (size_t j = 0; j < l->zones[i].num_devices; j++) {
                        struct device_live *d = &l->zones[i].devices[j];

                        d->usage = d->worker_pid > 0 ? measure(d->worker_pid) : (struct usage){};
                }
}
