/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board and a root Linux for zones of fuzzers, and what is claimed of a zone on it. */
#pragma once

#include "check/check.h"
#include "fuzz/told.h"

static const char board_text[] = "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n"
                                 "[GIC]\nVersion=3\nDistributorAddress=0x8000000\nDistributorSize=0x10000\n"
                                 "RedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n";

static const struct root_facts root = {
        .known = true,
        .cpus = 0x1,
        .system_ram = { { 0x40000000, 0x10000000 } },
        .num_system_ram = 1,
        .interrupts = { [1] = 1, [2] = 1 },
};

static inline struct board_spec *parse_board(const struct input *text) {
        struct diagnostics d = {};
        struct board_spec *b = NULL;
        int r = board_spec_parse("board.conf", (const char *) text->at, input_left(text), &d, &b);

        CLAIM(r == 0 ? b && d.errors == 0 : r == -EBADMSG && !b && d.errors > 0);
        claim_told(&d, &(struct told_file){ "board.conf", *text }, 1);
        return b;
}

static inline const struct board_spec *usual_board(void) {
        static struct board_spec *b;
        struct input text = input_of(board_text);

        return b ?: (b = parse_board(&text));
}

/* What is wrong is said about one of the files that the zone is from. */
static inline void check_board(const struct zone_spec *z, const struct told_file *files, size_t count,
                               const struct board_spec *b) {
        struct diagnostics d = {};
        int r = zone_check_board(z, b, &root, &d);

        CLAIM(r == (d.errors > 0 ? -EBADMSG : 0));
        claim_told(&d, files, count);
}
