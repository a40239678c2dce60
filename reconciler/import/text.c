/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "config/parse.h"
#include "config/schema.h"

/* A window that no device uses: the guest's device tree promises one, and nobody answers. */
static void compare_windows(struct import *i, const char *path) {
        for (size_t w = 0; w < i->num_windows; w++) {
                bool used = false;

                for (size_t n = 0; n < i->zone->num_devices; n++)
                        used |= range_contains(i->windows[w].base, i->windows[w].size, i->zone->devices[n].address,
                                               DEVICE_WINDOW_SIZE);
                if (!used)
                        (void) diagnostics_add(i->d, SEVERITY_WARNING, path, 0, 0, 0, NULL, 0,
                                               "memory_regions lists virtio at 0x%" PRIx64
                                               ", and there is no device: import its virtio file, too",
                                               i->windows[w].base);
        }
}

static void write_head(const struct import *i, FILE *f) {
        fprintf(f,
                "# Zone %s, imported from JSON. `hvisor keys` says what each key means, and which there are besides.\n",
                i->zone->name);
        for (size_t n = 0; n < i->d->count; n++)
                if (i->d->items[n].severity != SEVERITY_NOTE)
                        fprintf(f, "# %s: %s\n", basename(i->d->items[n].file), i->d->items[n].message);
        fputs("#\n# The virtio windows and interrupts of the zone follow from its devices: Interrupts= and [IO] are "
              "for\n"
              "# real devices, passed through.\n",
              f);
}

static bool is_section_of(const char *line, const struct device_spec *d) {
        char header[2 * NAME_SIZE];

        (void) snprintf(header, sizeof(header), "[%s %s]\n", schema_sections[device_section(d)].name, d->name);
        return strncmp(line, header, strlen(header)) == 0;
}

/* What a reader would ask. */
static void write_comment(const struct import *i, const char *line, FILE *f) {
        if (strncmp(line, "[GIC]", 5) == 0)
                fputs("# As the board has it; may be left out where board.conf says so.\n", f);
        for (size_t n = 0; n < i->zone->num_devices; n++)
                if (!i->zone->devices[n].enabled && is_section_of(line, &i->zone->devices[n]))
                        fputs("# It was disabled: nothing serves it until Enabled=no goes.\n", f);
}

static void write_body(const struct import *i, const char *text, FILE *f) {
        for (const char *line = text, *end; *line; line = end) {
                end = strchr(line, '\n') + 1;
                if (*line == '[') {
                        fputc('\n', f);
                        write_comment(i, line, f);
                }
                (void) fwrite(line, 1, (size_t) (end - line), f);
        }
}

static int compose(const struct import *i, const char *plain, char **ret) {
        size_t size;
        FILE *f = open_memstream(ret, &size);

        if (!f)
                return -ENOMEM;
        write_head(i, f);
        write_body(i, plain, f);
        if (fclose(f) == 0)
                return 0;
        free(*ret);
        *ret = NULL;
        return -ENOMEM;
}

/* What is read from the text again is what was meant. */
static int check(struct import *i, const char *path, const char *text, const char *plain) {
        _cleanup_(zone_spec_freep) struct zone_spec *parsed = NULL;
        _cleanup_free_ char *again = NULL;
        int r = zone_spec_parse(i->zone->name, path, text, strlen(text), i->d, &parsed);

        if (r >= 0)
                r = zone_spec_format(parsed, &again);
        if (r < 0 || strcmp(again, plain) == 0)
                return r;
        (void) diagnostics_add(i->d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0,
                               "cannot say the same as the JSON: a path ends in a blank");
        return -EBADMSG;
}

int import_text(struct import *i, char **ret) {
        _cleanup_free_ char *text = NULL, *plain = NULL;
        char path[NAME_SIZE + sizeof(".conf")];
        int r = zone_spec_format(i->zone, &plain);

        (void) snprintf(path, sizeof(path), "%s.conf", i->zone->name);
        compare_windows(i, path);
        if (r >= 0)
                r = compose(i, plain, &text);
        if (r >= 0)
                r = check(i, path, text, plain);
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}
