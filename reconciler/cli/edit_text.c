/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/edit_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sources_text.h"

#define MARK "### What is below this line is for reading, and not kept."

char *edit_text_new_zone(const char *name) {
        char *text;
        int r = asprintf(&text,
                         "# Zone %s: hvisor keys, or hvisor.zone(5), tells all that may stand here.\n"
                         "#[Zone]\n"
                         "#Id=1\n"
                         "#CPUs=2-3\n"
                         "#Kernel=/var/lib/hvisor/Image\n"
                         "#KernelAddress=0x50400000\n"
                         "#EntryPoint=0x50400000\n"
                         "#DeviceTree=/var/lib/hvisor/%s.dtb\n"
                         "#DeviceTreeAddress=0x50000000\n"
                         "#Restart=on-failure\n"
                         "\n"
                         "#[Memory ram]\n"
                         "#PhysicalAddress=0x50000000\n"
                         "#Size=768M\n"
                         "\n"
                         "#[Block root]\n"
                         "#Image=/var/lib/hvisor/%s.ext4\n"
                         "#Address=0xa003c00\n"
                         "#Interrupt=78\n"
                         "\n"
                         "#[Console main]\n"
                         "#Address=0xa003800\n"
                         "#Interrupt=76\n",
                         name, name, name);

        return r < 0 ? NULL : text;
}

char *edit_text_drop_in(const char *text, const struct zone_sources *s) {
        char *all = NULL;
        size_t size;
        FILE *f = open_memstream(&all, &size);

        if (!f)
                return NULL;
        fputs(text ?: "# What is given here counts before what the files below say.\n\n", f);
        fputs("\n" MARK "\n\n", f);
        sources_print(s, "# ", false, false, f);
        if (fclose(f) == 0)
                return all;
        free(all);
        return NULL;
}

static const char *next_line(const char *p, const char *end) {
        const char *newline = memchr(p, '\n', (size_t) (end - p));

        return newline ? newline + 1 : end;
}

size_t edit_text_kept(const char *text, size_t size) {
        const char *end = text + size, *stop = end;

        for (const char *p = text; p < end; p = next_line(p, end))
                if ((size_t) (end - p) >= strlen(MARK) && strncmp(p, MARK, strlen(MARK)) == 0) {
                        stop = p;
                        break;
                }
        while (stop - text >= 2 && stop[-1] == '\n' && stop[-2] == '\n')
                stop--;
        return stop - text == 1 && text[0] == '\n' ? 0 : (size_t) (stop - text);
}

bool edit_text_says_nothing(const char *text, size_t size) {
        const char *end = text + size;

        for (const char *p = text; p < end; p = next_line(p, end)) {
                const char *stop = next_line(p, end);

                while (p < stop && strchr(" \t\r\n", *p))
                        p++;
                if (p < stop && *p != '#' && *p != ';')
                        return false;
                if (p == stop)
                        p = stop - 1;
        }
        return true;
}
