/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/tree_text.h"

#include <inttypes.h>
#include <libfdt.h>
#include <string.h>

#define INDENT_MAX TREE_DEPTH_MAX

static void indent(FILE *f, int depth) {
        for (int i = 0; i < MIN(depth, INDENT_MAX); i++)
                fputc('\t', f);
}

/* Names are of a few characters (specification, 2.2.1); of others, a terminal must not see them. */
static void write_name(FILE *f, const char *name) {
        for (; *name; name++)
                fputc(*name > ' ' && *name <= '~' && !strchr("\"\\;{}<>=", *name) ? *name : '?', f);
}

/* One or more strings that people would write. */
static bool is_text(const char *p, size_t size) {
        bool in_string = false;

        if (size == 0 || p[size - 1] != '\0')
                return false;
        for (size_t i = 0; i < size; i++) {
                if (p[i] == '\0' && !in_string)
                        return false;
                if (p[i] != '\0' && (p[i] < ' ' || p[i] > '~'))
                        return false;
                in_string = p[i] != '\0';
        }
        return true;
}

static void write_texts(FILE *f, const char *p, size_t size) {
        const char *separator = "";

        for (const char *s = p; s < p + size; s += strlen(s) + 1, separator = ", ") {
                fprintf(f, "%s\"", separator);
                for (const char *c = s; *c; c++)
                        fprintf(f, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
                fputc('"', f);
        }
}

static void write_value(FILE *f, const char *p, size_t size) {
        if (is_text(p, size)) {
                write_texts(f, p, size);
        } else if (size % sizeof(fdt32_t) == 0) {
                for (size_t i = 0; i < size; i += sizeof(fdt32_t))
                        fprintf(f, "%s0x%" PRIx32, i ? " " : "<", fdt32_ld((const fdt32_t *) (p + i)));
                fputc('>', f);
        } else {
                for (size_t i = 0; i < size; i++)
                        fprintf(f, "%s%02x", i ? " " : "[", (unsigned char) p[i]);
                fputc(']', f);
        }
}

static void write_properties(FILE *f, const void *blob, int node, int depth) {
        int property;

        fdt_for_each_property_offset(property, blob, node) {
                const char *name;
                int size;
                const void *p = fdt_getprop_by_offset(blob, property, &name, &size);

                if (!p)
                        return;
                indent(f, depth + 1);
                write_name(f, name);
                if (size > 0)
                        fputs(" = ", f);
                if (size > 0)
                        write_value(f, p, (size_t) size);
                fputs(";\n", f);
        }
}

static void close_to(FILE *f, int from, int to) {
        for (; from >= to; from--) {
                indent(f, from);
                fputs("};\n", f);
        }
}

void tree_write_text(const struct tree *t, FILE *f) {
        int depth = 0, before = -1;

        fputs("/dts-v1/;\n\n", f);
        for (int i = 0; i < fdt_num_mem_rsv(t->blob); i++) {
                uint64_t address, size;

                if (fdt_get_mem_rsv(t->blob, i, &address, &size) == 0)
                        fprintf(f, "/memreserve/ 0x%" PRIx64 " 0x%" PRIx64 ";\n", address, size);
        }
        for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(t->blob, node, &depth)) {
                close_to(f, before, depth);
                if (depth > 0)
                        fputc('\n', f);
                indent(f, depth);
                write_name(f, depth > 0 ? fdt_get_name(t->blob, node, NULL) : "/");
                fputs(" {\n", f);
                write_properties(f, t->blob, node, depth);
                before = depth;
        }
        close_to(f, before, 0);
}
