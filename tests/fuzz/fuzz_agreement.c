// wrap: open
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three that judge one zone: what checks a file, what makes the module's call of it, and the module. A zone's file, and
 * behind a form feed each the board's and another zone's. What `hvisor check` lets pass the module must not refuse: it would fail when it is
 * started. And what goes to the hypervisor, whichever it is, is that zone, see module_view.h.
 *
 * Whatever file the zone boots from is there, and is the same: a device tree without a node, which has at the right
 * place what a setup code must have.
 */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot.h"
#include "fuzz/board.h"
#include "fuzz/conf_mutator.h"
#include "fuzz/module_view.h"
#include "hypervisor/hvisor_describe.h"
#include "hypervisor/hypervisor.h"

#define FILE_SIZE 0x1000
#define WAKE_UP   64 /* of board.h's root Linux */

#define SETUP_VERSION 0x206 /* Linux, Documentation/arch/x86/boot.rst */

static int file_fd = -1;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

/* libFuzzer's own are created, or are its corpus' directories. */
int __wrap_open(const char *path, int flags, ...) {
        if (flags != (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK))
                return __real_open(path, flags, 0600);
        return fcntl(file_fd, F_DUPFD_CLOEXEC, 3);
}

static void set_up_once(void) {
        static uint8_t blob[FILE_SIZE];

        if (file_fd >= 0)
                return;
        file_fd = memfd_create("file", MFD_CLOEXEC);
        CLAIM(fdt_create_empty_tree(blob, sizeof(blob)) == 0);
        CLAIM(fdt_setprop_string(blob, 0, "compatible", "linux,dummy-virt") == 0);
        blob[SETUP_VERSION] = blob[SETUP_VERSION + 1] = 0xee; /* of what the tree does not use */
        CLAIM(file_fd >= 0 && write(file_fd, blob, sizeof(blob)) == sizeof(blob));
}

/* Return: false: a check has refused it. */
static bool is_checked(const struct zone_spec *z, const struct board_spec *b, const struct root_facts *facts,
                       struct boot *ret) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};

        return zone_check_board(z, b, facts, &d) == 0 && boot_prepare(z, b, &d, ret) == 0;
}

/* Return: true if both take it. */
static bool claim_agreement(const struct zone_spec *z, const struct board_spec *b) {
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;
        const struct zone_making making = { .spec = z, .board = b, .boot = &boot };
        const struct module_limits limits = { root.cpus, b->gic.version, WAKE_UP };
        struct module_device devices[ZONE_DEVICES_MAX];
        struct hvisor_zone_create c = {};
        const char *refusal;

        if (!is_checked(z, b, &root, &boot))
                return false;
        for (size_t i = 0; i < z->num_devices; i++)
                devices[i] = (struct module_device){ z->devices[i].address, z->devices[i].interrupt };
        hvisor_describe(&making, &c);
        refusal = module_refusal(&c, devices, z->num_devices, &limits);
        if (refusal)
                fprintf(stderr, "hvisor.ko refuses what was checked: %s\n", refusal);
        CLAIM(!refusal);
        return true;
}

static void claim_agreement_on_two(const struct zone_spec *z, const struct zone_spec *other) {
        struct conflict c;
        const char *both;

        if (zone_conflict_find(z, other, &c))
                return;
        both = module_conflict();
        if (both)
                fprintf(stderr, "hvisor.ko refuses one of two zones that were checked: %s\n", both);
        CLAIM(!both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size };
        struct input zone_text = input_part(&in), board_given = input_part(&in), other_text = input_part(&in);
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_zone("x", &zone_text), *other = NULL;
        _cleanup_(board_spec_freep) struct board_spec *own = NULL;
        const struct board_spec *b;
        unsigned before;

        set_up_once();
        if (input_left(&board_given) > 0)
                own = parse_board(&board_given);
        if (input_left(&other_text) > 0)
                other = parse_zone("y", &other_text);
        b = own ?: usual_board();
        before = count_fds();
        if (z && claim_agreement(z, b) && other && claim_agreement(other, b))
                claim_agreement_on_two(z, other);
        CLAIM(count_fds() == before);
        return 0;
}
