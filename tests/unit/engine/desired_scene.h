/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories with zones' files, and what desired_load() makes of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/desired_load.h"

#define BOARD                                                                                                          \
        "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n[GIC]\nVersion=3\nDistributorAddress=0x8000000\n"            \
        "DistributorSize=0x10000\nRedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n"
#define ZONE                                                                                                           \
        "[Zone]\nId=1\nCPUs=2\nKernel=/Image\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"                       \
        "[Memory ram]\nPhysicalAddress=0x50000000\nSize=128M\n"

struct scene {
        char dir[64], zones[96], specs[96], board[96];
        struct desired desired;
};

int scene_setup(void **state);
int scene_teardown(void **state);
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

/** load() - of the one directory; what is known of zone "a" then, or NULL */
const struct desired_zone *load(struct scene *s);

/* ---- files ------------------------------------------------------------------------------------------ */
void put(const char *dir, const char *name, const char *text);
void put_drop_in(const char *dir, const char *name, const char *text); /* of a.conf */
void mask(const char *dir, const char *name);
void rm(const char *dir, const char *name);
void remove_file(const struct scene *s, const char *file);
void make_directory(const char *path);
void path_of(const struct scene *s, const char *file, char path[160]);

/** begin_writing() - a descriptor that is still open for writing */
int begin_writing(const char *path, const char *text);

/** next_tick() - the kernel's stamps are as coarse as its tick: what was written in this one is not trusted */
void next_tick(void);

/** expect_cpus() - the zone's files are good, and say that */
void expect_cpus(const struct desired_zone *z, uint64_t cpus, size_t drop_ins);

/* ---- directories one over the other ----------------------------------------------------------------- */
struct tree {
        struct scene *scene;
        char run[96], lib[96]; /* below scene.zones; neither is there at first */
};

struct tree tree_new(struct scene *s);

/** load_tree() - whatever way is taken to it, all that is known of "a" is the same */
const struct desired_zone *load_tree(struct tree *t, bool all);
