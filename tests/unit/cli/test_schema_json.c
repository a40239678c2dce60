/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the JSON Schema takes is what the parser takes, as far as a schema can
 * tell: every good file's JSON form is valid, and for each key what lies beyond
 * its row is not. Another's validator judges (validate.py).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "../config/common.h"
#include "base/fd.h"
#include "cli/board_text.h"
#include "cli/keys_text.h"
#include "cli/schema_json.h"
#include "config/value.h"

#define GOLDEN "tests/unit/config/golden"

static char directory[] = "/tmp/hvisor-schema-XXXXXX";

static const char whole_zone[] =
        "[Zone]\nId=1\nCPUs=2-3\nKernel=/k\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"
        "DeviceTree=/d\nDeviceTreeAddress=0x50000000\nDeviceTreeFix=yes\nCommandLine=console=hvc0 "
        "quiet\nInitrd=/i\nInitrdAddress=0x53000000\n"
        "Interrupts=40\n"
        "[Memory ram]\nPhysicalAddress=0x50000000\nSize=768M\n"
        "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n"
        "[IVC talk]\nId=7\nPeer=1\nControlTableAddress=0xd0000000\nSharedMemoryAddress=0xd0001000\n"
        "ReadWriteSize=4K\nOutputSize=8K\nInterrupt=66\n"
        "[Block root]\nImage=/disk\nSerial=SN-1\nAddress=0xa003c00\nInterrupt=78\nCPUQuota=20%\nMemoryMax=32M\n"
        "[Net "
        "lan]\nTap=tap0\nBridge=br0\nMACAddress=02:00:5e:10:00:01\nAddress=0xa003600\nInterrupt=75\nCPUQuota=20%"
        "\nMemoryMax=32M\n"
        "[Console main]\nAddress=0xa003800\nInterrupt=76\nCPUQuota=20%\nMemoryMax=32M\n"
        "[VhostUser "
        "share]\nSocket=/s\nType=fs\nTag=home\nAddress=0xa003200\nInterrupt=73\nCPUQuota=20%\nMemoryMax=32M\n"
        "[Rng entropy]\nAddress=0xa003400\nInterrupt=74\nCPUQuota=20%\nMemoryMax=32M\n"
        "[GIC]\nVersion=3\nDistributorAddress=0x8000000\nDistributorSize=64K\n"
        "RedistributorAddress=0x80a0000\nRedistributorSize=15744K\nITSAddress=0x9100000\nITSSize=64K\n"
        "CPUInterfaceAddress=0x9200000\nCPUInterfaceSize=64K\nHypervisorAddress=0x9300000\nHypervisorSize=64K\n"
        "VirtualCPUAddress=0x9400000\nVirtualCPUSize=64K\n"
        "[PLIC]\nAddress=0x11000000\nSize=1M\n[APLIC]\nAddress=0x12000000\nSize=1M\n"
        "[Module m]\nFile=/m\nPhysicalAddress=0x54000000\n"
        "[PCI main]\nLastBus=31\nECAMAddress=0x4010000000\nECAMSize=256M\nIOAddress=0x3eff0000\nIOSize=64K\n"
        "Memory32Address=0x20000000\nMemory32Size=16M\nMemory64Address=0x8000000000\nMemory64Size=1G\n"
        "[PCIDevice card]\nAddress=0000:01:00.0\nGuestAddress=0000:00:01.0\n"
        "[UEFI]\nMemoryMapAddress=0x55000000\nMemoryMapSize=4K\nSystemTableAddress=0x55001000\n"
        "[Memory rsdp]\nPhysicalAddress=0x81000000\nGuestAddress=0xe0000\nSize=128K\n"
        "[Memory acpi]\nPhysicalAddress=0x82000000\nSize=1M\n[Memory uefi]\nPhysicalAddress=0x83000000\nSize=4K\n"
        "[X86]\nIOAPICAddress=0xfec00000\nIOAPICSize=4K\nKernelEntry=0x50400000\nSetup=/s\nSetupAddress=0x56000000\n"
        "CommandLine=quiet\nCommandLineAddress=0x56010000\nRSDP=rsdp\nACPI=acpi\nUEFI=uefi\nScreenAddress=0x40000000\n";

static int make_directory(void **state _unused_) {
        setenv("HVISOR_BOARDS", "zones.d/boards", 1);
        return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state _unused_) {
        struct dirent **entries;
        int n = scandir(directory, &entries, NULL, NULL);
        char path[512];

        for (int i = 0; i < n; i++) {
                snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
                (void) unlink(path);
                free(entries[i]);
        }
        free(entries);
        return rmdir(directory);
}

static const char *kind_name(enum file_kind kind) {
        return kind == ZONE_FILE ? "zone" : "board";
}

/* Each document gets a name that tells what it is. */
_printf_(3, 4) static void put(enum file_kind kind, json_t *document, const char *name, ...) {
        char base[128], path[512];
        va_list ap;

        va_start(ap, name);
        vsnprintf(base, sizeof(base), name, ap);
        va_end(ap);
        snprintf(path, sizeof(path), "%s/%s-%s.json", directory, kind_name(kind), base);
        assert_non_null(document);
        assert_int_equal(json_dump_file(document, path, 0), 0);
}

static json_t *zone_document(const char *text) {
        _cleanup_(zone_spec_freep) struct zone_spec *z = parse_good("x", text);

        return zone_spec_to_json(z);
}

static json_t *board_document(const char *text) {
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(text);

        return board_spec_to_json(b);
}

static const char whole_board[] = "[Board]\n"
                                  "Board=qemu-gicv3\n"
                                  "MPIDR=0x0,0x1\n"
                                  "WakeupInterrupt=64\n"
                                  "[PLIC]\nAddress=0x11000000\nSize=1M\n[APLIC]\nAddress=0x12000000\nSize=1M\n"
                                  "[GIC]\nVersion=3\nITSAddress=0x9100000\nITSSize=64K\n"
                                  "CPUInterfaceAddress=0x9200000\nCPUInterfaceSize=64K\nHypervisorAddress=0x9300000\n"
                                  "HypervisorSize=64K\nVirtualCPUAddress=0x9400000\nVirtualCPUSize=64K\n";

static json_t *whole_document(enum file_kind kind) {
        return kind == ZONE_FILE ? zone_document(whole_zone) : board_document(whole_board);
}

/* ---- good ones -------------------------------------------------------------------------------------- */

static int is_conf(const struct dirent *d) {
        const char *dot = strrchr(d->d_name, '.');

        return dot && strcmp(dot, ".conf") == 0;
}

static size_t put_golden(void) {
        struct dirent **entries;
        int n = scandir(GOLDEN, &entries, is_conf, alphasort);
        size_t good = 0;

        assert_true(n > 0);
        for (int i = 0; i < n; i++) {
                _cleanup_(diagnostics_clear) struct diagnostics d = {};
                _cleanup_(zone_spec_freep) struct zone_spec *z = NULL;
                char path[512];

                snprintf(path, sizeof(path), GOLDEN "/%s", entries[i]->d_name);
                if (strncmp(entries[i]->d_name, "board-", 6) != 0 && zone_spec_load(path, &d, &z) >= 0) {
                        json_t *j = zone_spec_to_json(z);

                        put(ZONE_FILE, j, "good-%s", entries[i]->d_name);
                        json_decref(j);
                        good++;
                }
                free(entries[i]);
        }
        free(entries);
        return good;
}

static void put_good(void) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        _cleanup_(zone_spec_freep) struct zone_spec *z = NULL, *network = NULL, *ivc = NULL;
        _cleanup_(board_spec_freep) struct board_spec *b = NULL;
        json_t *j[6];

        assert_int_equal(zone_spec_load("zones.d/linux2.conf", &d, &z), 0);
        assert_int_equal(zone_spec_load("zones.d/network.conf", &d, &network), 0);
        assert_int_equal(zone_spec_load("zones.d/ivc.conf", &d, &ivc), 0);
        assert_int_equal(load_board("zones.d/board.conf.example", &d, &b), 0);
        put(ZONE_FILE, j[0] = zone_spec_to_json(z), "good-example");
        put(BOARD_FILE, j[1] = board_spec_to_json(b), "good-example");
        put(ZONE_FILE, j[2] = zone_document(good_zone), "good-brief");
        put(ZONE_FILE, j[3] = whole_document(ZONE_FILE), "good-whole");
        put(BOARD_FILE, j[4] = whole_document(BOARD_FILE), "good-whole");
        put(ZONE_FILE, j[5] = zone_spec_to_json(network), "good-network");
        for (size_t i = 0; i < ELEMENTSOF(j); i++)
                json_decref(j[i]);
        assert_true(put_golden() > 0);
}

/* ---- bad ones --------------------------------------------------------------------------------------- */

/* The object in the document that holds the section's keys. */
static json_t *section_of(json_t *document, const struct section_schema *s) {
        json_t *section = json_object_get(document, s->name);

        return s->named ? json_object_iter_value(json_object_iter(section)) : section;
}

/* The whole document with one key's value replaced (@value, which is taken), or left out (NULL). */
static void put_with(enum file_kind kind, const struct key_schema *k, json_t *value, const char *what) {
        json_t *document = whole_document(kind);
        const struct section_schema *s = &schema_sections[k->section];
        json_t *section = section_of(document, s);

        if (!json_object_get(section, k->name))
                fail_msg("the whole document lacks %s= of [%s]", k->name, s->name);
        if (value)
                json_object_set_new(section, k->name, value);
        else
                json_object_del(section, k->name);
        put(kind, document, "bad-%s-%s-%s", s->name, k->name, what);
        json_decref(document);
}

/* The parser must think the same of it. */
static void put_number(enum file_kind kind, const struct key_schema *k, uint64_t n, const char *what) {
        struct value_error e;
        char text[32], object[16384] __attribute__((aligned(8))) = "";

        snprintf(text, sizeof(text), "%" PRIu64, n);
        assert_true(sizeof(struct zone_spec) <= sizeof(object));
        assert_int_equal(value_parse(k, (struct slice){ text, strlen(text) }, object, &e), -EINVAL);
        if (k->type == VALUE_CPUS || k->type == VALUE_INTERRUPTS)
                put_with(kind, k, json_pack("[I]", (json_int_t) n), what);
        else
                put_with(kind, k, json_integer((json_int_t) n), what);
}

static void put_bad_numbers(enum file_kind kind, const struct key_schema *k) {
        put_number(kind, k, k->max + 1, "large");
        if (k->min > 0)
                put_number(kind, k, k->min - 1, "small");
        if (k->align > 1)
                put_number(kind, k, k->min + 1, "misaligned");
}

/* Of a type: JSON that no value of it looks like. */
static const struct {
        enum value_type type;
        const char *json, *what;
} bad_values[] = {
        { VALUE_NUMBER, "\"1\"", "text" },
        { VALUE_ADDRESS, "\"1\"", "text" },
        { VALUE_PLACE, "\"1\"", "text" },
        { VALUE_SIZE, "\"1\"", "text" },
        { VALUE_ARCHITECTURE, "\"mips\"", "word" },
        { VALUE_PCI_DEVICE_TYPE, "\"real\"", "word" },
        { VALUE_PCI_ADDRESS, "\"01:00.0\"", "without-domain" },
        { VALUE_PCI_ADDRESS, "\"0100:01:00.0\"", "domain" },
        { VALUE_PCI_ADDRESS, "\"0000:01:20.0\"", "device" },
        { VALUE_PCI_ADDRESS, "\"0000:01:00.8\"", "function" },
        { VALUE_PCI_ADDRESS, "1", "number" },
        { VALUE_CPUS, "[]", "empty" },
        { VALUE_CPUS, "[33, 33]", "twice" },
        { VALUE_INTERRUPTS, "[]", "empty" },
        { VALUE_INTERRUPTS, "[33, 33]", "twice" },
        { VALUE_PERCENT, "\"20\"", "number" },
        { VALUE_PERCENT, "\"0%\"", "small" },
        { VALUE_PERCENT, "\"10001%\"", "large" },
        { VALUE_PATH, "\"relative\"", "relative" },
        { VALUE_PATH, "\"/directory/\"", "directory" },
        { VALUE_PATH_OR_AUTO, "\"relative\"", "relative" },
        { VALUE_LINE, "\"\"", "empty" },
        { VALUE_LINE, "\"two\\nlines\"", "lines" },
        { VALUE_NAME, "\"a name\"", "blank" },
        { VALUE_NAME, "\".hidden\"", "hidden" },
        { VALUE_INTERFACE, "\"/dev/net/tun\"", "path" },
        { VALUE_INTERFACE, "\"sixteen--letters\"", "long" },
        { VALUE_INTERFACE, "\"..\"", "dots" },
        { VALUE_TAG, "\"two words\"", "words" },
        { VALUE_TAG, "\"a-tag-that-is-longer-than-36-bytes-is\"", "long" },
        { VALUE_MAC, "\"02:00:5e:10:00\"", "short" },
        { VALUE_MAC, "\"03:00:5e:10:00:01\"", "group" },
        { VALUE_MAC, "\"00:00:00:00:00:00\"", "nobody" },
        { VALUE_YES_NO, "\"sometimes\"", "word" },
        { VALUE_RESTART, "\"sometimes\"", "word" },
        { VALUE_ON_CHANGE, "\"sometimes\"", "word" },
        { VALUE_CACHE, "\"sometimes\"", "word" },
        { VALUE_ACCELERATOR, "\"sometimes\"", "word" },
        { VALUE_OUTPUT_LOG, "\"sometimes\"", "word" },
        { VALUE_VIRTIO_TYPE, "\"sometimes\"", "word" },
        { VALUE_SERIAL, "\"a blank\"", "blank" },
        { VALUE_SERIAL, "\"twenty-one-characters\"", "long" },
        { VALUE_SERIAL, "\"\"", "empty" },
        { VALUE_AFFINITIES, "[]", "empty" },
        { VALUE_AFFINITIES, "[1, 1]", "twice" },
        { VALUE_REGIONS, "[]", "empty" },
        { VALUE_REGIONS, "[{\"Base\": 0, \"Size\": 0}]", "of-size-0" },
        { VALUE_REGIONS, "[{\"Base\": 1, \"Size\": 4096}]", "misaligned" },
        { VALUE_REGIONS, "[{\"Base\": 0}]", "without-size" },
};

static bool has_limits(enum value_type type) {
        return type == VALUE_NUMBER || type == VALUE_ADDRESS || type == VALUE_PLACE || type == VALUE_SIZE ||
               type == VALUE_CPUS || type == VALUE_INTERRUPTS;
}

static void put_bad_values(enum file_kind kind, const struct key_schema *k) {
        unsigned rows = 0;

        put_with(kind, k, json_null(), "null");
        if (k->presence != PRESENCE_OPTIONAL)
                put_with(kind, k, NULL, "missing");
        if (k->with)
                put_with(kind, schema_find_key(k->section, k->with, strlen(k->with)), NULL, "missing");
        if (has_limits(k->type))
                put_bad_numbers(kind, k);
        for (size_t i = 0; i < ELEMENTSOF(bad_values); i++) {
                if (bad_values[i].type != k->type)
                        continue;
                put_with(kind, k, json_loads(bad_values[i].json, JSON_DECODE_ANY, NULL), bad_values[i].what);
                rows++;
        }
        assert_true(rows > 0); /* each type that has a JSON form */
}

static void put_bad_sections(enum file_kind kind, const struct section_schema *s) {
        json_t *document = whole_document(kind), *all = json_object_get(document, s->name);
        char name[64];

        json_object_set_new(section_of(document, s), "Colour", json_integer(1));
        put(kind, document, "bad-%s-unknown-key", s->name);
        json_object_del(section_of(document, s), "Colour");
        if (s->named) {
                for (unsigned i = 0; i < s->max; i++) {
                        snprintf(name, sizeof(name), "more%u", i);
                        json_object_set(all, name, json_object_iter_value(json_object_iter(all)));
                }
                put(kind, document, "bad-%s-too-many", s->name);
                json_object_clear(all);
                json_object_set_new(all, "not a name", json_object());
                put(kind, document, "bad-%s-name", s->name);
        }
        if (s->min > 0) {
                json_object_del(document, s->name);
                put(kind, document, "bad-%s-missing", s->name);
        }
        json_decref(document);
}

static void put_bad(enum file_kind kind) {
        json_t *document = whole_document(kind);

        json_object_set_new(document, "Zune", json_object());
        put(kind, document, "bad-unknown-section");
        json_decref(document);
        for (size_t i = 0; i < _SECTION_MAX; i++)
                if (schema_sections[i].files & kind)
                        put_bad_sections(kind, &schema_sections[i]);
        for (size_t i = 0; i < schema_num_keys; i++)
                if (schema_sections[schema_keys[i].section].files & kind)
                        put_bad_values(kind, &schema_keys[i]);
}

static void put_schema(enum file_kind kind) {
        char path[512];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s.schema.json", directory, kind_name(kind));
        f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(schema_write(kind, f), 0);
        assert_int_equal(fclose(f), 0);
}

static void validate(void) {
        char command[512];

        snprintf(command, sizeof(command), "ASAN_OPTIONS= python3 tests/unit/cli/validate.py %s", directory);
        assert_int_equal(system(command), 0);
}

static void test_schema_json_takes_what_the_parser_takes(void **state _unused_) {
        put_good();
        for (enum file_kind kind = ZONE_FILE; kind <= BOARD_FILE; kind <<= 1) {
                put_schema(kind);
                put_bad(kind);
        }
        validate();
}

/* ---- what verbs print ------------------------------------------------------------------------------- */

/* For validate.py: the schema as it stands, and documents that have to follow it. */
static void put_printed(const char *verb, const char *name, json_t *document) {
        char path[512], *schema;
        size_t size;

        snprintf(path, sizeof(path), "schema/%s.schema.json", verb);
        assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &schema, &size), 0);
        snprintf(path, sizeof(path), "%s/printed-%s.schema.json", directory, verb);
        assert_int_equal(file_write_atomic(path, schema, size), 0);
        free(schema);
        snprintf(path, sizeof(path), "%s/printed-%s-%s.json", directory, verb, name);
        assert_int_equal(json_dump_file(document, path, 0), 0);
        json_decref(document);
}

static json_t *board_printed(bool compared, size_t differences) {
        _cleanup_(board_spec_freep) struct board_spec *b = parse_good_board(whole_board);
        struct board_view view = {};
        struct diagnostics none = {};

        return board_to_json(&(struct board_report){ b, &view, 0, &none, compared, differences });
}

static json_t *zone_printed(void) {
        return json_pack("{s:s, s:n, s:s, s:s, s:s, s:s, s:n, s:i, s:n, s:[], s:[], s:[]}", "name", "spare", "id",
                         "state", "stopped", "cpus", "2-3", "file", "/spare.conf", "file_state", "good", "message",
                         "restarts", 0, "retry_in", "drop_ins", "hides", "devices");
}

static json_t *status_printed(void) {
        return json_pack("{s:{s:b, s:i, s:s}, s:n, s:n, s:[o]}", "daemon", "running", 1, "pid", 312, "version", "1",
                         "hypervisor", "message", "zones", zone_printed());
}

static void test_schema_json_takes_what_verbs_print(void **state _unused_) {
        put_printed("board", "good-compared", board_printed(true, 2));
        put_printed("board", "good-not-compared", board_printed(false, 0));
        put_printed("board", "bad-differences", json_pack("{s:s}", "differences", "none"));
        put_printed("status", "good-all", status_printed());
        put_printed("status", "good-zone", zone_printed());
        put_printed("status", "bad-zones", json_pack("[o]", zone_printed()));
        validate();
}

static void test_keys_text_has_every_row(void **state _unused_) {
        _cleanup_free_ char *text = NULL, *markdown = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_true(keys_write_text(f, ZONE_FILE | BOARD_FILE | SETTINGS_FILE, NULL));
        fclose(f);
        f = open_memstream(&markdown, &size);
        keys_write_markdown(f);
        fclose(f);
        for (size_t i = 0; i < schema_num_keys; i++) {
                assert_non_null(strstr(text, schema_keys[i].help));
                assert_non_null(strstr(markdown, schema_keys[i].name));
        }
        for (enum restart_policy p = 0; p < _RESTART_POLICY_MAX; p++)
                assert_non_null(strstr(text, restart_policy_to_string(p)));
        for (enum change_policy p = 0; p < _CHANGE_POLICY_MAX; p++)
                assert_non_null(strstr(text, change_policy_to_string(p)));
        for (enum accelerator a = 0; a < _ACCELERATOR_MAX; a++)
                assert_non_null(strstr(text, accelerator_to_string(a)));
        assert_null(strstr(text, "(null)"));
        assert_null(strstr(markdown, "(null)"));
}

static void test_keys_text_finds_by_name(void **state _unused_) {
        static const struct {
                const char *word, *has, *lacks; /* has: NULL: there is none */
        } c[] = {
                { "Image", "Image=  in [Block]\n", "Kernel=" },
                { "image", "Image=  in [Block]\n", "Kernel=" },
                { "gic", "[GIC]\n", "Kernel=" },
                { "Interrupt", "Interrupt=  in [Console]\n", "Interrupts=  in" },
                { "DistributorSize", "size, 0x1000 to 0xffffffffffff, a multiple of 0x1000; required",
                  "[GIC]\n    The" },
                { "Restart", "no, on-failure or always; default: on-failure; when it changes, nothing is restarted.",
                  "Kernel=" },
                { "SettleSec", "time, 0 to 10s; default: 50ms.", "when it changes" },
                { "Imago", NULL, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text = NULL;
                size_t size;
                FILE *f = open_memstream(&text, &size);

                assert_int_equal(keys_write_text(f, ZONE_FILE | BOARD_FILE | SETTINGS_FILE, c[i].word),
                                 c[i].has != NULL);
                fclose(f);
                if (c[i].has && (!strstr(text, c[i].has) || strstr(text, c[i].lacks)))
                        fail_msg("%s: %s", c[i].word, text);
        }
        assert_string_equal(keys_suggest(ZONE_FILE, "Imago"), "Image");
        assert_null(keys_suggest(ZONE_FILE, "something-else"));
        assert_null(keys_suggest(BOARD_FILE, "Zone"));
        assert_string_equal(keys_suggest(BOARD_FILE, "Boart"), "Board");
        assert_string_equal(keys_file(keys_find_section("zone")), "a zone's file");
        assert_string_equal(keys_file(keys_find_section("SettleSec")), "hvisor.conf");
        assert_null(keys_find_section("Imago"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_schema_json_takes_what_the_parser_takes),
                cmocka_unit_test(test_schema_json_takes_what_verbs_print),
                cmocka_unit_test(test_keys_text_has_every_row),
                cmocka_unit_test(test_keys_text_finds_by_name),
        };

        return cmocka_run_group_tests_name("schema_json", tests, make_directory, remove_directory);
}
