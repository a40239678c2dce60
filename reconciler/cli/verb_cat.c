/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor cat: what a zone is read from. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/sources_text.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "cli/zone_lookup.h"

int verb_cat(const struct arguments *a) {
        struct zone_sources sources = {};
        struct diagnostics d = {};
        struct zone_paths z;
        struct err e = {};
        int r = zone_lookup(&zone_dirs_default, a->words[0], &z, &e);

        if (r < 0) {
                log_error("%s", err_text(&e, r));
                return EXIT_FAILURE;
        }
        if (z.levels == 0) {
                zone_say_none(&zone_dirs_default, &z, a->words[0]);
                return EXIT_FAILURE;
        }
        if (z.masked) {
                printf("# %s masks the zone: there is none\n", z.path);
                return EXIT_SUCCESS;
        }
        r = zone_files_read(&zone_dirs_default, z.file, z.level, &sources, &d);
        sources_print(&sources, "", isatty(STDOUT_FILENO), colour_wanted(stdout), stdout);
        fflush(stdout);
        diagnostics_print(&d, stderr, colour_wanted(stderr));
        if (r == -ENOMEM)
                log_error("out of memory");
        zone_sources_clear(&sources);
        diagnostics_clear(&d);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
