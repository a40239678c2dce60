/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parser knows of a file, and of those that are read after it, beside the values: which section and key
 * stood where. Shared by parse.c (text → spec), parse_section.c and
 * zone_rules.c (is the zone possible?), nobody else.
 */
#pragma once

#include "config/sections.h"
#include "config/text.h"

/* One section, of one file or several. */
struct section_use {
        const struct section_schema *schema;
        char name[NAME_SIZE];
        struct place header;                 /* where it stood first */
        struct place again;                  /* where it stood last */
        void *object;                        /* of the spec; what its keys write to */
        struct place given[SCHEMA_KEYS_MAX]; /* by index into schema_keys; line 0: not given */
        bool good[SCHEMA_KEYS_MAX];          /* given and right, or rightly left to its default */
        bool meant[SCHEMA_KEYS_MAX];         /* misspelt, most likely: not called missing as well */
        bool taken[SCHEMA_KEYS_MAX];         /* not given, and has its value from the board's description */
};

struct parser {
        struct source source;
        const char *path; /* of the file that came first: what is about none of them is said of this one */
        bool merges;      /* more than one file */
        enum file_kind kind;
        struct zone_spec *zone;    /* of a zone's file */
        struct board_spec *board;  /* of a board's file */
        bool is_description;       /* of a board's: it stands alone */
        struct settings *settings; /* of hvisor.conf */
        struct section_use uses[SPEC_SECTIONS_MAX];
        size_t num_uses;
        struct section_use *current; /* NULL: before the first section, or in a bad one */
        bool skipping;               /* in a bad section: its keys mean nothing */
        bool bad_sections;           /* there were some: which are missing cannot be said */
};

/** parser_section() - begins the section that the line @l names; what is wrong with it is reported, and it is skipped */
void parser_section(struct parser *p, const struct line *l);

/** parser_count() - how many sections of that kind there are so far */
unsigned parser_count(const struct parser *p, enum section_id id);

/** parser_use() - the section that @object came from; NULL if there is none */
const struct section_use *parser_use(const struct parser *p, const void *object);

/** parser_good() - true if that key of the section has a right value */
bool parser_good(const struct section_use *u, const char *key);

/** parser_absent() - true if the key was neither given nor meant, nor taken from a description */
bool parser_absent(const struct section_use *u, const char *key);

/** parser_place() - where a key's value stands; the section's header if it was not given */
const struct place *parser_place(const struct section_use *u, const char *key);

/** board_describe() - gives the board what its file leaves to the description that it names; reports what is wrong with it */
void board_describe(struct parser *p);

struct where {
        char text[300];
};

/** parser_where() - "line 4", with its file's name where there are several; @buffer */
const char *parser_where(const struct parser *p, const struct place *at, struct where *buffer);

/* For an argument of source_error(). */
#define WHERE(p, at) parser_where(p, at, &(struct where){})

/** ivc_rules() - what its [IVC] sections must hold; for zone_rules() */
void ivc_rules(struct parser *p);

/** gic_rules() - what a [GIC] must have by its version */
void gic_rules(struct parser *p);

/** zone_rules() - what one zone must hold by itself; reports, using right values only */
void zone_rules(struct parser *p);

/** memory_known() - true if every [Memory] is right: only then can something be said to lie outside; zone_rules.c's */
bool memory_known(const struct parser *p);

/** zone_rules_parts() - the same for PCI, and for what boots a zone of one architecture; part of zone_rules() */
void zone_rules_parts(struct parser *p);
