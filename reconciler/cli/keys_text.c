/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/keys_text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "config/spec.h"
#include "config/suggest.h"

static const char *const costs[_CHANGE_COST_MAX] = {
        [COST_NOTHING] = "nothing is restarted",
        [COST_WORKER] = "the device's worker is replaced",
        [COST_ZONE] = "the zone is restarted",
};

/* How a value is written. */
static const char *const forms[_VALUE_TYPE_MAX] = {
        [VALUE_NUMBER] = "number",
        [VALUE_ADDRESS] = "address",
        [VALUE_PLACE] = "address",
        [VALUE_SIZE] = "size",
        [VALUE_PERCENT] = "percentage",
        [VALUE_CPUS] = "list of CPUs",
        [VALUE_INTERRUPTS] = "list of interrupts",
        [VALUE_PATH] = "absolute path",
        [VALUE_PATH_OR_AUTO] = "absolute path or auto",
        [VALUE_LINE] = "text",
        [VALUE_NAME] = "name",
        [VALUE_INTERFACE] = "network interface",
        [VALUE_MAC] = "address as 02:00:5e:10:00:01",
        [VALUE_YES_NO] = "yes or no",
        [VALUE_RESTART] = "no, on-failure or always",
        [VALUE_ON_CHANGE] = "restart or hold",
        [VALUE_CACHE] = "writeback or none",
        [VALUE_SERIAL] = "text without blanks",
        [VALUE_ACCELERATOR] = "auto, vhost or none",
        [VALUE_OUTPUT_LOG] = "no or journal",
        [VALUE_VIRTIO_TYPE] = "type of device",
        [VALUE_ARCHITECTURE] = "architecture",
        [VALUE_PCI_ADDRESS] = "PCI address as 0000:01:00.0",
        [VALUE_PCI_DEVICE_TYPE] = "type of PCI device",
        [VALUE_TAG] = "1 to 36 letters, digits and signs",
        [VALUE_AFFINITIES] = "list of numbers",
        [VALUE_REGIONS] = "BASE+SIZE …",
        [VALUE_LOG_LEVEL] = LOG_LEVELS,
        [VALUE_TIME] = "time",
};

static bool is_hex(const struct key_schema *k) {
        return k->type == VALUE_ADDRESS || k->type == VALUE_PLACE || k->type == VALUE_SIZE ||
               k->type == VALUE_REGIONS || k->type == VALUE_AFFINITIES;
}

/* The row of a time has µs, which nobody writes. */
void keys_write_form(FILE *f, const struct key_schema *k) {
        fputs(forms[k->type], f);
        if (k->type == VALUE_TIME)
                fprintf(f, ", %" PRIu64 " to %" PRIu64 "s", k->min / 1000000, k->max / 1000000);
        else if (k->type == VALUE_PERCENT)
                fprintf(f, ", %" PRIu64 "%% to %" PRIu64 "%%", k->min, k->max);
        else if (k->max > 0 && k->min == k->max)
                fprintf(f, ", only %" PRIu64, k->max);
        else if (k->max > 0)
                fprintf(f, is_hex(k) ? ", 0x%" PRIx64 " to 0x%" PRIx64 : ", %" PRIu64 " to %" PRIu64, k->min, k->max);
        if (k->align > 1)
                fprintf(f, ", a multiple of 0x%" PRIx64, k->align);
}

void keys_write_presence(FILE *f, const struct key_schema *k) {
        const char *d = k->default_value;

        if (k->presence != PRESENCE_OPTIONAL)
                fprintf(f, "required%s%s", k->section == SECTION_BOARD ? ", but with Board=" : "",
                        k->presence == PRESENCE_LIST ? "; several lines add up" : "");
        else if (d && d[0] == '=')
                fprintf(f, "default: as %s=", d + 1);
        else if (d)
                fprintf(f, "default: %s", d);
        else if (k->with)
                fprintf(f, "optional, with %s=", k->with);
        else
                fputs("optional", f);
}

const char *keys_cost(const struct key_schema *k) {
        return schema_sections[k->section].files & ZONE_FILE ? costs[k->cost] : NULL;
}

const char *keys_file(const struct section_schema *s) {
        return s->files == ZONE_FILE       ? "a zone's file"
               : s->files == BOARD_FILE    ? "board.conf"
               : s->files == SETTINGS_FILE ? "hvisor.conf"
                                           : "a zone's file or in board.conf";
}

void keys_write_section_facts(FILE *f, const struct section_schema *s) {
        fprintf(f, "In %s", keys_file(s));
        if (s->max == 1)
                fprintf(f, ", %s.", s->min > 0 ? "once" : "at most once");
        else
                fprintf(f, ", %u to %u of them.", s->min, s->max);
}

/* ---- for a terminal --------------------------------------------------------------------------------- */

static void write_section_text(FILE *f, const struct section_schema *s) {
        fprintf(f, "[%s%s]\n    %s\n    ", s->name, s->named ? " NAME" : "", s->help);
        keys_write_section_facts(f, s);
        fputs("\n\n", f);
}

static void write_key_text(FILE *f, const struct key_schema *k) {
        fprintf(f, "  %s=  in [%s]\n      %s\n      ", k->name, schema_sections[k->section].name, k->help);
        keys_write_form(f, k);
        fputs("; ", f);
        keys_write_presence(f, k);
        if (keys_cost(k))
                fprintf(f, "; when it changes, %s", keys_cost(k));
        fputs(".\n\n", f);
}

static bool is_word(const char *name, const char *word) {
        return !word || strcasecmp(name, word) == 0;
}

bool keys_write_text(FILE *f, unsigned files, const char *word) {
        bool found = false;

        for (size_t i = 0; i < _SECTION_MAX; i++) {
                const struct section_schema *s = &schema_sections[i];
                bool whole = is_word(s->name, word);

                if (!(s->files & files))
                        continue;
                if (whole)
                        write_section_text(f, s);
                for (size_t j = 0; j < schema_num_keys; j++) {
                        const struct key_schema *k = &schema_keys[j];

                        if (k->section != s->id || (!whole && !is_word(k->name, word)))
                                continue;
                        write_key_text(f, k);
                        found = true;
                }
        }
        return found;
}

const struct section_schema *keys_find_section(const char *word) {
        for (size_t i = 0; i < _SECTION_MAX; i++)
                if (is_word(schema_sections[i].name, word))
                        return &schema_sections[i];
        for (size_t i = 0; i < schema_num_keys; i++)
                if (is_word(schema_keys[i].name, word))
                        return &schema_sections[schema_keys[i].section];
        return NULL;
}

const char *keys_suggest(unsigned files, const char *word) {
        struct suggestion s = {};

        for (size_t i = 0; i < _SECTION_MAX; i++)
                if (schema_sections[i].files & files)
                        suggestion_offer(&s, word, strlen(word), schema_sections[i].name);
        for (size_t i = 0; i < schema_num_keys; i++)
                if (schema_sections[schema_keys[i].section].files & files)
                        suggestion_offer(&s, word, strlen(word), schema_keys[i].name);
        return s.word;
}

/* ---- as a document ---------------------------------------------------------------------------------- */

/* A cell of a table: what would end it, or begin something, is quoted. */
static void write_cell(FILE *f, const char *text) {
        for (; *text; text++) {
                if (strchr("|<*_", *text))
                        fputc('\\', f);
                fputc(*text, f);
        }
}

static void write_key_row(FILE *f, const struct key_schema *k) {
        fprintf(f, "| `%s=` | ", k->name);
        write_cell(f, k->help);
        fputs(" | ", f);
        keys_write_form(f, k);
        fputs(" | ", f);
        keys_write_presence(f, k);
        fprintf(f, " | %s |\n", keys_cost(k) ?: "");
}

void keys_write_markdown(FILE *f) {
        fputs("<!-- Made from schema/keys.def by the build; `hvisor keys` shows the same. -->\n"
              "# The keys of a zone's file, of board.conf and of hvisor.conf\n"
              "\n"
              "Numbers are decimal or `0x` hex; sizes take `K`, `M`, `G` (1024). Lists are written as `2-3,5`.\n",
              f);
        for (size_t i = 0; i < _SECTION_MAX; i++) {
                const struct section_schema *s = &schema_sections[i];

                fprintf(f, "\n## [%s%s]\n\n%s ", s->name, s->named ? " NAME" : "", s->help);
                keys_write_section_facts(f, s);
                fputs("\n\n| key | | value | | when it changes |\n|---|---|---|---|---|\n", f);
                for (size_t j = 0; j < schema_num_keys; j++)
                        if (schema_keys[j].section == s->id)
                                write_key_row(f, &schema_keys[j]);
        }
}
