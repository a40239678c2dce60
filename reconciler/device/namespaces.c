/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macros.h"
#include "base/system_calls.h"

/* ---- namespaces --------------------------------------------------------------------------------------- */

static const struct {
        int flag;
        const char *name;
} namespaces[] = {
        { CLONE_NEWNS, "mount" },      { CLONE_NEWNET, "network" },   { CLONE_NEWIPC, "IPC" },
        { CLONE_NEWUTS, "host name" }, { CLONE_NEWCGROUP, "cgroup" },
};

static void add_missing(char *missing, const char *name) {
        size_t used = strlen(missing);

        (void) snprintf(missing + used, MISSING_WALLS_SIZE - used, "%s%s", used > 0 ? ", " : "", name);
}

/* An empty directory that nobody may write to: the root of a file system that has nothing else. Return: a descriptor. */
static int make_empty_root(void) {
        _cleanup_close_ int context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
        int fd;

        if (context < 0 || sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "0", 0) < 0 ||
            sys_fsconfig(context, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 ||
            sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = sys_fsmount(context, FSMOUNT_CLOEXEC,
                         MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        return fd < 0 ? -errno : fd;
}

/*
 * It comes to lie over the old root, takes its place, and the old one goes with all that was mounted in it. A root that
 * is the initramfs itself cannot be moved (pivot_root(2)): it stays beneath, where no path leads.
 */
static int leave_file_systems(void) {
        _cleanup_close_ int root = -1;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        root = make_empty_root();
        if (root < 0)
                return root;
        if (sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(root) < 0)
                return -errno;
        if (syscall(__NR_pivot_root, ".", ".") == 0)
                return umount2(".", MNT_DETACH) < 0 ? -errno : 0;
        return errno == EINVAL && chroot(".") == 0 ? 0 : -errno;
}

int namespaces_enter(char missing[static MISSING_WALLS_SIZE]) {
        int why = 0, all = 0;

        missing[0] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(namespaces); i++)
                all |= namespaces[i].flag;
        all = unshare(all) == 0 ? all : 0;
        for (size_t i = 0; i < ELEMENTSOF(namespaces); i++) {
                int r = 0;

                if (!all && unshare(namespaces[i].flag) < 0)
                        r = -errno;
                else if (namespaces[i].flag == CLONE_NEWNS)
                        r = leave_file_systems();
                if (r < 0) {
                        add_missing(missing, namespaces[i].name);
                        why = -r;
                }
        }
        if (getpid() != 1) {
                add_missing(missing, "PID");
                why = why ?: EPERM;
        }
        return why;
}

/* ---- Landlock ----------------------------------------------------------------------------------------- */

/* struct landlock_ruleset_attr of the newest kernel; an older one takes it where what it does not know is 0. */
struct ruleset {
        uint64_t fs, net, scoped;
};

/* What each version of it has learned to deny (landlock(7)); bits, from the lowest. */
static const struct {
        unsigned fs, net, scoped;
} versions[] = {
        { 13, 0, 0 }, { 14, 0, 0 }, { 15, 0, 0 }, { 15, 2, 0 }, { 16, 2, 0 }, { 16, 2, 2 },
};

int landlock_enter(void) {
        _cleanup_close_ int fd = -1;
        struct ruleset all = {};
        long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        if (version < 1)
                return version < 0 ? -errno : -ENOSYS;
        version = MIN(version, (long) ELEMENTSOF(versions));
        all.fs = BIT(versions[version - 1].fs) - 1;
        all.net = BIT(versions[version - 1].net) - 1;
        all.scoped = BIT(versions[version - 1].scoped) - 1;
        fd = (int) syscall(__NR_landlock_create_ruleset, &all, sizeof(all), 0);
        if (fd < 0)
                return -errno;
        return syscall(__NR_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}
