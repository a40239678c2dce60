/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone and a board that are right, and parsing from strings. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/parse.h"

static const char good_zone[] _unused_ = "[Zone]\n"
                                         "Id=1\n"
                                         "CPUs=2-3\n"
                                         "Kernel=/k\n"
                                         "KernelAddress=0x50400000\n"
                                         "EntryPoint=0x50400000\n"
                                         "[Memory ram]\n"
                                         "PhysicalAddress=0x50000000\n"
                                         "Size=768M\n"
                                         "[Block root]\n"
                                         "Image=/disk\n"
                                         "Address=0xa003c00\n"
                                         "Interrupt=78\n"
                                         "[Console main]\n"
                                         "Address=0xa003800\n"
                                         "Interrupt=76\n";

static const char good_board[] _unused_ = "[Board]\n"
                                          "CPUs=0-3\n"
                                          "Memory=0x50000000+0x70000000\n"
                                          "[GIC]\n"
                                          "Version=3\n"
                                          "DistributorAddress=0x8000000\n"
                                          "DistributorSize=0x10000\n"
                                          "RedistributorAddress=0x80a0000\n"
                                          "RedistributorSize=0xf60000\n";

/* What the diagnostics say, as one text; free(). */
static inline char *diagnostics_text(const struct diagnostics *d) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        diagnostics_print(d, f, false);
        fclose(f);
        return text;
}

static inline struct zone_spec *parse_good(const char *name, const char *text) {
        struct diagnostics d = {};
        struct zone_spec *z = NULL;
        int r = zone_spec_parse(name, "x.conf", text, strlen(text), &d, &z);

        if (r < 0)
                diagnostics_print(&d, stderr, false);
        assert_int_equal(r, 0);
        assert_int_equal(d.count, 0);
        return z;
}

static inline struct board_spec *parse_good_board(const char *text) {
        struct diagnostics d = {};
        struct board_spec *b = NULL;
        int r = board_spec_parse("board.conf", text, strlen(text), &d, &b);

        if (r < 0)
                diagnostics_print(&d, stderr, false);
        assert_int_equal(r, 0);
        return b;
}

/* As the programs read board.conf. */
static inline int load_board(const char *path, struct diagnostics *d, struct board_spec **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = config_text_load(path, d, &text, &size);

        return r < 0 ? r : board_spec_parse(path, text, size, d, ret);
}

/* @text with the first @from replaced by @to; free(). */
static inline char *replaced(const char *text, const char *from, const char *to) {
        const char *at = strstr(text, from);
        char *copy = NULL;

        assert_non_null(at);
        assert_true(asprintf(&copy, "%.*s%s%s", (int) (at - text), text, to, at + strlen(from)) >= 0);
        return copy;
}
