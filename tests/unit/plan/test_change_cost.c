/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a change of each key costs a zone that runs, and how the plan tells it: a
 * row for every key of schema/keys.def. A key without a row fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/status_text.h"
#include "config/parse.h"
#include "config/schema.h"
#include "plan/plan.h"

static const struct row {
        enum section_id section;
        const char *key;
        const char *from, *to; /* to: NULL: the key has one value only */
        const char *plan;
} rows[] = {
#define NOTHING              "Nothing to do.\n"
#define WORKER(device, text) "worker restart one." device ": " text "\n"
#define ZONE(text)           "restart one: " text "\n"
        { SECTION_ZONE, "Id", "1", "2", ZONE("Id changed from 1 to 2") },
        { SECTION_ZONE, "CPUs", "2-3", "2", ZONE("CPUs changed from 2-3 to 2") },
        { SECTION_ZONE, "Kernel", "/a", "/b", ZONE("Kernel changed from /a to /b") },
        { SECTION_ZONE, "KernelAddress", "0x50400000", "0x50600000",
          ZONE("KernelAddress changed from 0x50400000 to 0x50600000") },
        { SECTION_ZONE, "EntryPoint", "0x50400000", "0x50400004",
          ZONE("EntryPoint changed from 0x50400000 to 0x50400004") },
        { SECTION_ZONE, "DeviceTree", "/a.dtb", "/b.dtb", ZONE("DeviceTree changed from /a.dtb to /b.dtb") },
        { SECTION_ZONE, "DeviceTreeAddress", "0x50000000", "0x50000008",
          ZONE("DeviceTreeAddress changed from 0x50000000 to 0x50000008") },
        { SECTION_ZONE, "DeviceTreeFix", "yes", "no", ZONE("DeviceTreeFix changed from yes to no") },
        { SECTION_ZONE, "CommandLine", "quiet", "console=hvc0 quiet",
          ZONE("CommandLine changed from quiet to console=hvc0 quiet") },
        { SECTION_ZONE, "Initrd", "/a.img", "/b.img", ZONE("Initrd changed from /a.img to /b.img") },
        { SECTION_ZONE, "InitrdAddress", "0x53000000", "0x54000000",
          ZONE("InitrdAddress changed from 0x53000000 to 0x54000000") },
        { SECTION_ZONE, "Restart", "no", "always", NOTHING },
        { SECTION_ZONE, "OnChange", "hold", "restart", NOTHING },
        { SECTION_ZONE, "Interrupts", "40", "40-42", ZONE("Interrupts changed from 40 to 40-42") },
        { SECTION_MEMORY, "PhysicalAddress", "0x50000000", "0x4f000000",
          ZONE("[Memory ram] PhysicalAddress changed from 0x50000000 to 0x4f000000") },
        { SECTION_MEMORY, "GuestAddress", "0x50000000", "0x48000000",
          ZONE("[Memory ram] GuestAddress changed from 0x50000000 to 0x48000000") },
        { SECTION_MEMORY, "Size", "256M", "128M", ZONE("[Memory ram] Size changed from 256M to 128M") },
        { SECTION_IO, "PhysicalAddress", "0xc000000", "0xc001000",
          ZONE("[IO io] PhysicalAddress changed from 0xc000000 to 0xc001000") },
        { SECTION_IO, "GuestAddress", "0xb000000", "0xb001000",
          ZONE("[IO io] GuestAddress changed from 0xb000000 to 0xb001000") },
        { SECTION_IO, "Size", "4K", "8K", ZONE("[IO io] Size changed from 4K to 8K") },
        { SECTION_IVC, "Id", "7", "8", ZONE("[IVC ivc] Id changed from 7 to 8") },
        { SECTION_IVC, "Peer", "0", "1", ZONE("[IVC ivc] Peer changed from 0 to 1") },
        { SECTION_IVC, "MaxPeers", "2", "4", ZONE("[IVC ivc] MaxPeers changed from 2 to 4") },
        { SECTION_IVC, "ControlTableAddress", "0xd0000000", "0xcffff000",
          ZONE("[IVC ivc] ControlTableAddress changed from 0xd0000000 to 0xcffff000") },
        { SECTION_IVC, "SharedMemoryAddress", "0xd0001000", "0xd0002000",
          ZONE("[IVC ivc] SharedMemoryAddress changed from 0xd0001000 to 0xd0002000") },
        { SECTION_IVC, "ReadWriteSize", "4K", "8K", ZONE("[IVC ivc] ReadWriteSize changed from 4K to 8K") },
        { SECTION_IVC, "OutputSize", "4K", "64K", ZONE("[IVC ivc] OutputSize changed from 4K to 64K") },
        { SECTION_IVC, "Interrupt", "66", "67", ZONE("[IVC ivc] Interrupt changed from 66 to 67") },
        { SECTION_BLOCK, "Image", "/a.ext4", "/b.ext4", WORKER("block", "Image changed from /a.ext4 to /b.ext4") },
        { SECTION_BLOCK, "ReadOnly", "no", "yes", ZONE("[Block block] ReadOnly changed from no to yes") },
        { SECTION_BLOCK, "Cache", "writeback", "none", ZONE("[Block block] Cache changed from writeback to none") },
        { SECTION_BLOCK, "Discard", "yes", "no", ZONE("[Block block] Discard changed from yes to no") },
        { SECTION_BLOCK, "BlockSize", "0", "4096", ZONE("[Block block] BlockSize changed from 0 to 4096") },
        { SECTION_BLOCK, "Queues", "0", "1", ZONE("[Block block] Queues changed from 0 to 1") },
        { SECTION_BLOCK, "Serial", "SN1", "SN2", ZONE("[Block block] Serial changed from SN1 to SN2") },
        { SECTION_BLOCK, "Address", "0xa003c00", "0xa003a00",
          ZONE("[Block block] Address changed from 0xa003c00 to 0xa003a00") },
        { SECTION_BLOCK, "Interrupt", "78", "77", ZONE("[Block block] Interrupt changed from 78 to 77") },
        { SECTION_NET, "Tap", "tap0", "tap1", WORKER("net", "Tap changed from tap0 to tap1") },
        { SECTION_NET, "Accelerator", "vhost", "none", WORKER("net", "Accelerator changed from vhost to none") },
        { SECTION_NET, "MACAddress", "02:00:5e:10:00:01", "02:00:5e:10:00:02",
          ZONE("[Net net] MACAddress changed from 02:00:5e:10:00:01 to 02:00:5e:10:00:02") },
        { SECTION_NET, "Bridge", "br0", "br1", WORKER("net", "Bridge changed from br0 to br1") },
        { SECTION_NET, "MTU", "1400", "9000", ZONE("[Net net] MTU changed from 1400 to 9000") },
        { SECTION_NET, "Queues", "2", "4", ZONE("[Net net] Queues changed from 2 to 4") },
        { SECTION_NET, "Offload", "yes", "no", ZONE("[Net net] Offload changed from yes to no") },
        { SECTION_NET, "Address", "0xa003600", "0xa003400",
          ZONE("[Net net] Address changed from 0xa003600 to 0xa003400") },
        { SECTION_NET, "Interrupt", "75", "74", ZONE("[Net net] Interrupt changed from 75 to 74") },
        { SECTION_CONSOLE, "Log", "no", "journal", WORKER("console", "Log changed from no to journal") },
        { SECTION_CONSOLE, "Address", "0xa003800", "0xa003a00",
          ZONE("[Console console] Address changed from 0xa003800 to 0xa003a00") },
        { SECTION_CONSOLE, "Interrupt", "76", "77", ZONE("[Console console] Interrupt changed from 76 to 77") },
        { SECTION_RNG, "Address", "0xa003000", "0xa002e00",
          ZONE("[Rng rng] Address changed from 0xa003000 to 0xa002e00") },
        { SECTION_RNG, "Interrupt", "72", "71", ZONE("[Rng rng] Interrupt changed from 72 to 71") },
        { SECTION_VHOST_USER, "Socket", "/run/a", "/run/b",
          WORKER("vhostuser", "Socket changed from /run/a to /run/b") },
        { SECTION_VHOST_USER, "Type", "fs", NULL, NULL },
        { SECTION_VHOST_USER, "Queues", "1", "2", ZONE("[VhostUser vhostuser] Queues changed from 1 to 2") },
        { SECTION_VHOST_USER, "Tag", "home", "away", ZONE("[VhostUser vhostuser] Tag changed from home to away") },
        { SECTION_VHOST_USER, "Address", "0xa002c00", "0xa002a00",
          ZONE("[VhostUser vhostuser] Address changed from 0xa002c00 to 0xa002a00") },
        { SECTION_VHOST_USER, "Interrupt", "70", "69", ZONE("[VhostUser vhostuser] Interrupt changed from 70 to 69") },
#define OF_EVERY_DEVICE(section, device)                                                                               \
        { section, "Enabled", "yes", "no", "worker stop one." device ": Enabled=no\n" },                               \
                { section, "CPUQuota", "20%", "150%", WORKER(device, "CPUQuota changed from 20% to 150%") }, {         \
                section, "MemoryMax", "32M", "64M", WORKER(device, "MemoryMax changed from 32M to 64M")                \
        }
        OF_EVERY_DEVICE(SECTION_BLOCK, "block"),
        OF_EVERY_DEVICE(SECTION_NET, "net"),
        OF_EVERY_DEVICE(SECTION_CONSOLE, "console"),
        OF_EVERY_DEVICE(SECTION_RNG, "rng"),
        OF_EVERY_DEVICE(SECTION_VHOST_USER, "vhostuser"),
        { SECTION_GIC, "Version", "3", NULL, NULL },
        { SECTION_GIC, "DistributorAddress", "0x8000000", "0x7000000",
          ZONE("[GIC] DistributorAddress changed from 0x8000000 to 0x7000000") },
        { SECTION_GIC, "DistributorSize", "64K", "4K", ZONE("[GIC] DistributorSize changed from 64K to 4K") },
        { SECTION_GIC, "RedistributorAddress", "0x80a0000", "0x80c0000",
          ZONE("[GIC] RedistributorAddress changed from 0x80a0000 to 0x80c0000") },
        { SECTION_GIC, "RedistributorSize", "15744K", "512K",
          ZONE("[GIC] RedistributorSize changed from 15744K to 512K") },
        { SECTION_BOARD, "Board", "qemu-gicv3", "rk3568", NOTHING },
        { SECTION_BOARD, "CPUs", "0-7", "0-3", NOTHING },
        { SECTION_BOARD, "Memory", "0x40000000+0x70000000", "0x48000000+0x68000000", NOTHING },
        { SECTION_BOARD, "MPIDR", "0x0,0x100", "0x0", NOTHING },
        { SECTION_BOARD, "MaxZoneId", "3", "7", NOTHING },
        { SECTION_BOARD, "WakeupInterrupt", "64", "65", NOTHING },
};

/* ---- files: the first value of every row, but for the row that is changed --------------------------- */

static const char *left_out = "";

/* Another key of the section, which goes with one of the row's two values only. */
static const char *goes_without(const struct row *r) {
        return strcmp(r->key, "DeviceTreeFix") == 0 ? "CommandLine" : "";
}

static void write_section(FILE *f, enum section_id section, const struct row *changed) {
        const struct section_schema *s = &schema_sections[section];

        fprintf(f, "[%s", s->name);
        if (s->named) {
                fputc(' ', f);
                if (section == SECTION_MEMORY)
                        fputs("ram", f);
                else
                        for (const char *c = s->name; *c; c++)
                                fputc(*c | ' ', f);
        }
        fputs("]\n", f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].section == section && strcmp(rows[i].key, left_out) != 0)
                        fprintf(f, "%s=%s\n", rows[i].key, &rows[i] == changed ? rows[i].to : rows[i].from);
}

static char *write_file(enum file_kind kind, const struct row *changed) {
        char *text;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        for (enum section_id s = 0; s < _SECTION_MAX; s++)
                if (schema_sections[s].files & kind)
                        write_section(f, s, changed);
        fclose(f);
        return text;
}

static void fail_parse(const struct diagnostics *d, const char *text) {
        char first[400];

        diagnostics_first_error(d, first, sizeof(first));
        fail_msg("%s\n%s", first, text);
}

static struct zone_spec *make_zone(const struct row *changed) {
        _cleanup_free_ char *text = write_file(ZONE_FILE, changed);
        struct diagnostics d = {};
        struct zone_spec *z = NULL;

        if (zone_spec_parse("one", "one.conf", text, strlen(text), &d, &z) < 0)
                fail_parse(&d, text);
        diagnostics_clear(&d);
        return z;
}

static struct board_spec *make_board(const struct row *changed) {
        _cleanup_free_ char *text = write_file(BOARD_FILE, changed);
        struct diagnostics d = {};
        struct board_spec *b = NULL;

        if (board_spec_parse("board.conf", text, strlen(text), &d, &b) < 0)
                fail_parse(&d, text);
        diagnostics_clear(&d);
        return b;
}

/* ---- a zone that runs ------------------------------------------------------------------------------- */

static void make_live(struct live *l, const struct zone_spec *z, const struct board_spec *b) {
        struct zone_live *live = live_add(l);

        *live = (struct zone_live){
                .id = z->id,
                .cpus = z->cpus,
                .listed = true,
                .object = ZONE_OBJECT_STARTED,
                .owner_cookie = zone_owner_cookie(z->name),
                .spec_cookie = zone_spec_cookie(z, b),
                .num_devices = z->num_devices,
        };
        strcpy(live->name, z->name);
        for (size_t i = 0; i < z->num_devices; i++) {
                live->devices[i].attached = true;
                live->devices[i].worker_pid = 100 + i;
                live->devices[i].cookie = device_spec_cookie(&z->devices[i]);
                strcpy(live->devices[i].name, z->devices[i].name);
        }
}

static char *plan_text(const struct desired *desired, const struct live *live) {
        struct plan plan = {};
        char *text;
        size_t size;
        json_t *j;
        FILE *f = open_memstream(&text, &size);

        assert_int_equal(plan_make(desired, live, &plan), 0);
        j = plan_to_json(&plan);
        plan_text_print(j, f);
        json_decref(j);
        fclose(f);
        plan_clear(&plan);
        return text;
}

/* What is planned once @r's value has changed. */
static char *plan_of(const struct row *r) {
        struct board_spec *before = make_board(NULL);
        struct desired desired = { .board = make_board(r) };
        struct desired_zone *w = desired_add(&desired, "one");
        struct live live = {};
        char *text;

        left_out = goes_without(r);
        w->file_state = FILE_GOOD;
        w->path = strdup("one.conf");
        w->applied = make_zone(NULL);
        w->spec = make_zone(r);
        make_live(&live, w->applied, before);
        /* The other rows are of zones whose changes take effect. */
        if (w->applied->on_change == w->spec->on_change)
                w->spec->on_change = CHANGE_RESTART;
        text = plan_text(&desired, &live);
        live_clear(&live);
        desired_clear(&desired);
        board_spec_free(before);
        return text;
}

/* ---- the tests -------------------------------------------------------------------------------------- */

static const struct row *find_row(const struct key_schema *k) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].section == k->section && strcmp(rows[i].key, k->name) == 0)
                        return &rows[i];
        return NULL;
}

static void test_cost_of_each_key(void **state _unused_) {
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i];
                const struct row *r = find_row(k);
                _cleanup_free_ char *text = NULL;

                if (schema_sections[k->section].files == SETTINGS_FILE)
                        continue; /* concerns no zone */
                if (!r)
                        fail_msg("%s= of [%s] has no row here", k->name, schema_sections[k->section].name);
                if (!r->to) {
                        assert_int_equal(k->min, k->max);
                        continue;
                }
                text = plan_of(r);
                if (strcmp(text, r->plan) != 0)
                        fail_msg("%s=: the plan is\n%sbut should be\n%s", k->name, text, r->plan);
        }
}

static void test_cost_is_what_the_schema_says(void **state _unused_) {
        static const char *const words[_CHANGE_COST_MAX] = {
                [COST_NOTHING] = "Nothing", [COST_WORKER] = "worker restart ", [COST_ZONE] = "restart one:"
        };

        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct row *r = find_row(&schema_keys[i]);
                const char *word = words[schema_keys[i].cost];

                if (r && r->to && schema_keys[i].cost == COST_WORKER && strncmp(r->plan, "worker stop ", 12) == 0)
                        continue; /* a change to having none */
                if (r && r->to && strncmp(r->plan, word, strlen(word)) != 0)
                        fail_msg("%s=: \"%s…\" is not what a change costs", r->key, word);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cost_of_each_key),
                cmocka_unit_test(test_cost_is_what_the_schema_says),
        };

        setenv("HVISOR_BOARDS", "zones.d/boards", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
