/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor zone list: to the byte what hvisor-tool prints. */
#include "cli/zone_list.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "cli/verb.h"
#include "config/printable.h"

static const char *cpu_list(uint64_t cpus, char text[static 256]) {
        size_t n = 0;

        (void) snprintf(text, 256, "none");
        for (unsigned i = 0; i < CPUS_MAX; i++)
                if (cpus >> i & 1)
                        n += (size_t) snprintf(text + n, 256 - n, "%s%u", n > 0 ? ", " : "", i);
        return text;
}

void zone_list_print(const struct zone_listed *zones, size_t count, FILE *f) {
        fprintf(f, "| %11s     | %10s        | %9s       | %10s |\n", "zone_id", "cpus", "name", "status");
        for (size_t i = 0; i < count; i++) {
                _cleanup_free_ char *name = utf8_printable_copy(zones[i].name, strlen(zones[i].name));
                char cpus[256];

                fprintf(f, "| %15" PRIu32 " | %17s | %15s | %10s |\n", zones[i].id, cpu_list(zones[i].cpus, cpus),
                        name ? name : "", zones[i].in_error ? "error" : "running");
        }
}

int verb_zone_list(const struct arguments *a _unused_) {
        _cleanup_(hypervisor_closep) struct hypervisor *h = NULL;
        struct zone_listed *zones = NULL;
        struct err e = {};
        int n = hypervisor_hvisor_open(&h, &e);

        if (n >= 0)
                n = hypervisor_list(h, &zones, &e);
        if (n < 0) {
                log_error("%s", err_text(&e, n));
                return EXIT_FAILURE;
        }
        zone_list_print(zones, (size_t) n, stdout);
        free(zones);
        return EXIT_SUCCESS;
}
