/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/transient_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "import/old_json.h"

#define FILES_MAX 64 /* of one zone; it has no more than a few devices */

/* One `virtio start`. */
struct bringer {
        pid_t pid;
        char file[NAME_MAX + 1];
        bool alive;
        json_t *zone;
};

struct bringers {
        struct bringer list[FILES_MAX];
        size_t count;
};

static void path_of(const char *folder, const char *file, char path[static PATH_MAX]) {
        (void) snprintf(path, PATH_MAX, "%s/%s", folder, file);
}

static void own_path_of(const char *folder, char path[static PATH_MAX]) {
        (void) snprintf(path, PATH_MAX, "%s/%d.json", folder, (int) getpid());
}

/* PID.json, or PID-N.json: whoever got the pid next moved it there. 0: no such name. */
static pid_t pid_of(const char *file) {
        char *end;
        long pid = strtol(file, &end, 10);

        if (end == file || pid <= 0 || pid > INT_MAX)
                return 0;
        if (*end == '-')
                (void) strtoul(end + 1, &end, 10);
        return strcmp(end, ".json") == 0 ? (pid_t) pid : 0;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static void bringers_clear(struct bringers *l) {
        for (size_t i = 0; i < l->count; i++)
                json_decref(l->list[i].zone);
        l->count = 0;
}

static json_t *devices_of(const json_t *zone) {
        return json_object_get(zone, "devices");
}

static uint64_t address_of(const json_t *device) {
        uint64_t address = UINT64_MAX;

        (void) old_json_value(json_object_get(device, "addr"), UINT64_MAX, &address);
        return address;
}

static bool has_address(const json_t *zone, uint64_t address) {
        const json_t *device;
        size_t i;

        json_array_foreach(devices_of(zone), i, device) if (address_of(device) == address) return true;
        return false;
}

static bool is_locked(int fd) {
        return flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static void bringer_read(const char *folder, const char *file, struct bringers *l) {
        struct bringer *b = &l->list[l->count];
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        json_t *zone;

        path_of(folder, file, path);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        zone = fd < 0 ? NULL : json_loadfd(fd, 0, NULL);
        if (!zone)
                return;
        *b = (struct bringer){ .pid = pid_of(file), .alive = is_locked(fd), .zone = zone };
        (void) snprintf(b->file, sizeof(b->file), "%s", file);
        l->count++;
}

static int compare_bringers(const void *left, const void *right) {
        const struct bringer *a = left, *b = right;

        return a->alive != b->alive ? b->alive - a->alive : (a->pid > b->pid) - (a->pid < b->pid);
}

/* Those that live come first. */
static void bringers_read(const char *folder, struct bringers *ret) {
        _cleanup_(closedirp) DIR *dir = opendir(folder);
        const struct dirent *entry;

        while (dir && (entry = readdir(dir)) && ret->count < FILES_MAX)
                if (pid_of(entry->d_name) > 0)
                        bringer_read(folder, entry->d_name, ret);
        qsort(ret->list, ret->count, sizeof(ret->list[0]), compare_bringers);
}

/* ---- all together ----------------------------------------------------------------------------------- */

/* Where it belongs among @devices; false: one with its address is there. */
static bool find_place(const json_t *devices, uint64_t address, size_t *ret) {
        const json_t *device;
        size_t i;

        *ret = json_array_size(devices);
        json_array_foreach(devices, i, device) {
                if (address_of(device) == address)
                        return false;
                if (address_of(device) > address) {
                        *ret = i;
                        break;
                }
        }
        return true;
}

static void merge_one(json_t *devices, json_t *regions, const json_t *zone) {
        json_t *device;
        size_t i, place;

        json_array_foreach(devices_of(zone), i, device) if (find_place(devices, address_of(device), &place))
                json_array_insert(devices, place, device);
        if (json_is_array(json_object_get(zone, "memory_region")))
                json_array_extend(regions, json_object_get(zone, "memory_region"));
}

json_t *transient_devices_merge(const char *folder, uint32_t id) {
        _cleanup_(bringers_clear) struct bringers l = {};
        json_t *devices = json_array(), *regions = json_array();

        bringers_read(folder, &l);
        for (size_t i = 0; i < l.count; i++)
                merge_one(devices, regions, l.list[i].zone);
        return json_pack("{s:[{s:I, s:o, s:o}]}", "zones", "id", (json_int_t) id, "memory_region", regions, "devices",
                         devices);
}

bool transient_devices_cover(const char *folder, const struct range *window) {
        _cleanup_(bringers_clear) struct bringers l = {};
        const json_t *device;
        size_t n;

        bringers_read(folder, &l);
        for (size_t i = 0; i < l.count && l.list[i].alive; i++)
                json_array_foreach(
                        devices_of(l.list[i].zone), n,
                        device) if (range_contains(window->base, window->size, address_of(device), 1)) return true;
        return false;
}

int transient_devices_claim(const char *folder, uint32_t id, const json_t *zone, struct diagnostics *d) {
        _cleanup_(bringers_clear) struct bringers l = {};
        char what[64];
        const json_t *device;
        size_t n;

        (void) snprintf(what, sizeof(what), "zone %" PRIu32, id);
        bringers_read(folder, &l);
        for (size_t i = 0; i < l.count; i++)
                json_array_foreach(devices_of(zone), n, device) {
                        if (!l.list[i].alive || !has_address(l.list[i].zone, address_of(device)))
                                continue;
                        (void) diagnostics_add(
                                d, SEVERITY_ERROR, what, 0, 0, 0, NULL, 0,
                                "another `hvisor virtio start`, process %d, brings the device at 0x%" PRIx64,
                                (int) l.list[i].pid, address_of(device));
                        return -EBUSY;
                }
        return 0;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

/* Locked before it can be seen. */
static int write_locked(const char *path, const json_t *zone, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        char beside[PATH_MAX];

        if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int) sizeof(beside))
                return -ENAMETOOLONG;
        (void) unlink(beside); /* of one that died */
        fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        if (json_dumpfd(zone, fd, JSON_INDENT(2)) < 0 || rename(beside, path) < 0) {
                int r = errno ? -errno : -ENOMEM;

                (void) unlink(beside);
                return r;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Of one that was killed and had this pid: its devices are the zone's as long as that is there. */
static int move_aside(const char *path) {
        for (unsigned i = 1; i <= FILES_MAX; i++) {
                char aside[PATH_MAX];

                if (snprintf(aside, sizeof(aside), "%.*s-%u.json", (int) (strlen(path) - strlen(".json")), path, i) >=
                    (int) sizeof(aside))
                        return -ENAMETOOLONG;
                if (link(path, aside) == 0 || errno == ENOENT)
                        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

int transient_devices_write(const char *folder, const json_t *zone, int *ret_fd) {
        char path[PATH_MAX];
        int r;

        own_path_of(folder, path);
        r = mkdir_parents(path);
        if (r >= 0)
                r = move_aside(path);
        return r < 0 ? r : write_locked(path, zone, ret_fd);
}

static int rewrite(const char *folder, const char *file, const json_t *zone) {
        _cleanup_close_ int fd = -1; /* nobody's any more */
        char path[PATH_MAX];

        path_of(folder, file, path);
        if (json_array_size(devices_of(zone)) == 0)
                return unlink(path) < 0 ? -errno : 0;
        return write_locked(path, zone, &fd);
}

int transient_devices_disable(const char *folder) {
        _cleanup_(bringers_clear) struct bringers l = {};
        json_t *device;
        size_t n;
        int r = 0;

        bringers_read(folder, &l);
        for (size_t i = 0; i < l.count; i++) {
                if (l.list[i].pid != getpid() || !l.list[i].alive)
                        continue;
                json_array_foreach(devices_of(l.list[i].zone), n, device)
                        json_object_set_new(device, "status", json_string("disable"));
                r = rewrite(folder, l.list[i].file, l.list[i].zone);
        }
        return r;
}

void transient_devices_remove(const char *folder) {
        char path[PATH_MAX];

        own_path_of(folder, path);
        (void) unlink(path);
}

static void drop_devices(json_t *from, const json_t *zone) {
        json_t *devices = devices_of(from);

        for (size_t i = json_array_size(devices); i-- > 0;)
                if (has_address(zone, address_of(json_array_get(devices, i))))
                        json_array_remove(devices, i);
}

void transient_devices_take_over(const char *folder, const json_t *zone) {
        _cleanup_(bringers_clear) struct bringers l = {};

        bringers_read(folder, &l);
        for (size_t i = 0; i < l.count; i++) {
                size_t before = json_array_size(devices_of(l.list[i].zone));

                if (l.list[i].alive)
                        continue;
                drop_devices(l.list[i].zone, zone);
                if (json_array_size(devices_of(l.list[i].zone)) < before)
                        (void) rewrite(folder, l.list[i].file, l.list[i].zone);
        }
}

/* Of terminals that were told by one that could not take it back. */
static void forget_terminals(const char *folder) {
        _cleanup_(closedirp) DIR *dir = opendir(folder);
        const struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                const char *end = strrchr(entry->d_name, '.');

                if (end && strcmp(end, ".tty") == 0)
                        (void) unlinkat(dirfd(dir), entry->d_name, 0);
        }
}

void transient_devices_forget(const char *folder) {
        _cleanup_(bringers_clear) struct bringers l = {};
        char path[PATH_MAX];

        bringers_read(folder, &l);
        for (size_t i = 0; i < l.count; i++)
                if (!l.list[i].alive) {
                        path_of(folder, l.list[i].file, path);
                        (void) unlink(path);
                }
        forget_terminals(folder);
}
