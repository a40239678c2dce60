/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/sources_text.h"

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "config/printable.h"

static void print_line(const char *line, size_t size, bool terminal, FILE *f) {
        _cleanup_free_ char *printable = terminal ? utf8_printable_copy(line, size) : NULL;

        if (terminal)
                fputs(printable ?: "", f);
        else
                (void) fwrite(line, 1, size, f);
        fputc('\n', f);
}

static void print_text(const struct zone_source *s, const char *prefix, bool terminal, FILE *f) {
        const char *p = s->text, *end = s->text + s->size;

        while (p < end) {
                const char *newline = memchr(p, '\n', (size_t) (end - p)), *stop = newline ?: end;

                fputs(prefix, f);
                print_line(p, (size_t) (stop - p), terminal, f);
                p = newline ? newline + 1 : end;
        }
}

void sources_print(const struct zone_sources *s, const char *prefix, bool terminal, bool colour, FILE *f) {
        for (size_t i = 0; i < s->count; i++) {
                const struct zone_source *source = &s->items[i];

                if (!source->text)
                        continue;
                if (i > 0)
                        fprintf(f, "%s\n", prefix);
                fprintf(f, "%s%s# ", prefix, colour_begin(COLOUR_TITLE, colour));
                fprintf(f, "%s%s\n", source->path, colour_end(COLOUR_TITLE, colour));
                print_text(source, prefix, terminal, f);
        }
}
