/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of ours from whoever writes them: a zone's, and behind a form feed each the board's and another zone's.
 * What is no zone is refused with a place in the file; what is one can be written and read again as the
 * same, and be held against board and neighbour.
 */
#include <errno.h>

#include "boot/booting.h"
#include "config/parse.h"
#include "config/settings.h"
#include "fuzz/board.h"
#include "fuzz/conf_mutator.h"

static const char neighbour_text[] =
        "[Zone]\nId=2\nCPUs=3\nKernel=/k\nKernelAddress=0x70000000\nEntryPoint=0x70000000\n"
        "Interrupts=40\n[Memory ram]\nPhysicalAddress=0x70000000\nSize=16M\n"
        "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n"
        "[Block root]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n"
        "[Net lan]\nTap=tap0\nAddress=0xa003600\nInterrupt=75\n";

/* ---- its device tree ---------------------------------------------------------------------------------- */

/* Made for it, a tree says what the zone has: there is nothing to warn of, but for real devices, which have no node. */
static bool is_real(const char *message) {
        return strncmp(message, "[IO ", 4) == 0 || strncmp(message, "[PCI ", 5) == 0;
}

/* Trees are made on arm64 only. */
static bool is_of_arm64(const struct zone_spec *z) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (z->devices[i].interrupt < 32)
                        return false;
        return true;
}

static void claim_tree(const struct zone_spec *z, const struct gic_spec *gic) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        struct booting b = {
                .f = { .zone = z, .d = &d },
                .gic = gic,
                .own_tree = true,
                .images = { { .spec = &z->kernel }, { .spec = &z->device_tree }, { .spec = &z->initrd } },
        };

        tree_make(&b);
        CLAIM(b.tree.blob && b.f.r == 0);
        tree_compare(&b);
        for (size_t i = 0; i < d.count; i++)
                CLAIM(d.items[i].severity == SEVERITY_WARNING && is_real(d.items[i].message));
        tree_clear(&b.tree);
}

/* ---- it among others ---------------------------------------------------------------------------------- */

/* Who is first makes no difference to whether there is a conflict. */
static void check_conflict(const struct zone_spec *z, const struct zone_spec *other) {
        struct conflict c;
        char text[512];
        bool there = zone_conflict_find(z, other, &c);

        CLAIM(there == zone_conflict_find(other, z, &c));
        if (!there)
                return;
        (void) zone_conflict_find(z, other, &c);
        zone_conflict_explain(&c, z, other, text, sizeof(text));
        CLAIM(text[0] != '\0');
}

static void parse_settings(const struct input *text) {
        struct diagnostics d = {};
        struct settings s = { .log_level = -1 };
        int r = settings_parse("hvisor.conf", (const char *) text->at, input_left(text), &d, &s);

        CLAIM(r == (d.errors > 0 ? -EBADMSG : 0));
        CLAIM(r == 0 || s.log_level == -1);
        claim_told(&d, &(struct told_file){ "hvisor.conf", *text }, 1);
}

/* What is not given is the same each time. */
static const struct zone_spec *usual_neighbour(void) {
        static struct zone_spec *z;
        struct input text = input_of(neighbour_text);

        return z ?: (z = parse_zone("y", &text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size };
        struct input zone_text = input_part(&in), board = input_part(&in), neighbour = input_part(&in);
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_zone("x", &zone_text), *other = NULL;
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;

        if (input_left(&board) > 0)
                b = parse_board(&board);
        if (input_left(&neighbour) > 0)
                other = parse_zone("y", &neighbour);
        if (!z) {
                parse_settings(&zone_text);
                return 0;
        }
        claim_round_trip(z);
        if (is_of_arm64(z))
                claim_tree(z, z->gic.version ? &z->gic : &usual_board()->gic);
        check_board(z, &(struct told_file){ "x.conf", zone_text }, 1, b ?: usual_board());
        check_conflict(z, z);
        check_conflict(z, other ?: usual_neighbour());
        return 0;
}
