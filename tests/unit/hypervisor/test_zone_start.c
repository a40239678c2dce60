/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A start that the hypervisor refuses with EBUSY: whether a listed zone has the
 * CPU, or nobody has and it is lost, only the list tells, asked before and after.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "hypervisor/hvisor_driver.h"

/* What hvisor.ko answers. */
static struct {
        uint64_t cpus[2]; /* of another zone, in the first list and in the second; 0: it is not listed */
        int list_error;   /* of the second list */
        int start;        /* 0, -errno */
        unsigned lists, starts;
} module;

/* The libc's own, but for the module. */
int open(const char *path, int flags, ...) {
        return (int) syscall(SYS_openat, AT_FDCWD, strcmp(path, "/dev/hvisor") == 0 ? "/dev/null" : path, flags, 0600);
}

static int answer_error(int error) {
        errno = error;
        return -1;
}

static int list(struct hvisor_old_zone_list *l) {
        struct hvisor_old_zone_info *zones = (void *) (uintptr_t) l->zones;
        unsigned i = module.lists++;
        uint64_t cpus = module.cpus[i > 0];

        if (i > 0 && module.list_error)
                return answer_error(module.list_error);
        zones[0] = (struct hvisor_old_zone_info){ .zone_id = 0, .cpus = 3, .name = "root-linux" };
        if (!cpus)
                return 1;
        zones[1] = (struct hvisor_old_zone_info){ .zone_id = 2, .cpus = cpus, .name = "other" };
        return 2;
}

int ioctl(int fd _unused_, unsigned long request, ...) {
        va_list ap;
        void *argument;

        va_start(ap, request);
        argument = va_arg(ap, void *);
        va_end(ap);
        if (request == HVISOR_INFO) {
                *(struct hvisor_info *) argument = (struct hvisor_info){ .abi_version = HVISOR_ABI_VERSION };
                return 0;
        }
        if (request == HVISOR_OLD_ZONE_LIST)
                return list(argument);
        if (request != HVISOR_ZONE_START)
                return answer_error(ENOTTY);
        module.starts++;
        return module.start < 0 ? answer_error(-module.start) : 0;
}

static void test_zone_start_tells_a_busy_cpu_from_a_lost_one(void **state _unused_) {
        static const struct {
                uint64_t cpus[2];
                int list_error, start;
                int result;
                unsigned starts;
                const char *message;
        } c[] = {
                { { 0, 0 }, 0, 0, 0, 1, "" },
                { { 0x10, 0x10 }, 0, 0, 0, 1, "" }, /* another's CPU, but none of ours */
                /* Known before: the call, which might make a ghost of the zone, is not made. */
                { { 0x8, 0x8 }, 0, -EBUSY, -EBUSY, 0, "CPU 3 belongs to zone other" },
                { { 0x2, 0x2 }, 0, -EBUSY, HYPERVISOR_CPUS_LOST, 1, "" },
                /* It came in between. */
                { { 0, 0x4 }, 0, -EBUSY, -EBUSY, 1, "CPU 2 belongs to zone other" },
                { { 0, 0 }, 0, -EBUSY, HYPERVISOR_CPUS_LOST, 1, "" },
                /* Nothing is taken for lost that is not known to be. */
                { { 0, 0 }, EIO, -EBUSY, -EIO, 1, "list of zones" },
                { { 0, 0 }, 0, -EINVAL, -EINVAL, 1, "refused" },
        };
        const struct zone_spec zone = { .name = "one", .id = 1, .cpus = 0xc };
        struct hypervisor *h;

        assert_int_equal(hypervisor_hvisor_open(&h, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                struct err e = {};
                int r;

                memset(&module, 0, sizeof(module));
                memcpy(module.cpus, c[i].cpus, sizeof(module.cpus));
                module.list_error = c[i].list_error;
                module.start = c[i].start;
                r = hypervisor_zone_start(h, -1, &zone, &e);
                if (r != c[i].result || module.starts != c[i].starts || !strstr(e.text, c[i].message))
                        fail_msg("row %zu: %d after %u calls: %s", i, r, module.starts, e.text);
        }
        hypervisor_close(h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zone_start_tells_a_busy_cpu_from_a_lost_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
