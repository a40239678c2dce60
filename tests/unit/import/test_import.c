/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor-tool's JSON files: what becomes of each field, old and new variants, and what no zone can be made of. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "import/import.h"

#define FOLDER "tests/unit/import/"

/* A zone's file with nothing but what it has to have; %s: more fields. */
#define ZONE(more)                                                                                                     \
        "{\"zone_id\":1,\"name\":\"a\",\"cpus\":[2],\"kernel_filepath\":\"/k\",\"kernel_load_paddr\":\"0x50400000\","  \
        "\"entry_point\":1346371584,\"memory_regions\":[{\"type\":\"ram\",\"physical_start\":\"0x50000000\","          \
        "\"virtual_start\":\"0x50000000\",\"size\":\"0x1000000\"}]" more "}"
#define DEVICE(fields) "{\"zones\":[{\"id\":1,\"devices\":[" fields "]}]}"
#define PLACE          "\"addr\":\"0xa003c00\",\"len\":512,\"irq\":78"

static json_t *load(const char *text) {
        json_error_t e;
        json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &e);

        if (!root)
                fail_msg("%s: %s", e.text, text);
        return root;
}

/* Return: the .conf, free(); NULL: none can be made. @ret_told: all that was said, free(). */
static char *import(const char *zone, const char *devices, char **ret_told) {
        struct diagnostics d = {};
        struct import i = { .d = &d };
        json_t *root = load(zone);
        char *text = NULL;
        size_t size;
        FILE *f;
        int r = import_zone(&i, FOLDER "zone.json", root);

        json_decref(root);
        if (r >= 0 && devices) {
                root = load(devices);
                assert_true(import_is_devices(root));
                r = import_devices(&i, FOLDER "virtio.json", root);
                json_decref(root);
        }
        if (r >= 0)
                r = import_text(&i, &text);
        assert_int_equal(r<0, d.errors> 0);
        assert_int_equal(r < 0, !text);
        f = open_memstream(ret_told, &size);
        diagnostics_print(&d, f, false);
        fclose(f);
        diagnostics_clear(&d);
        import_clear(&i);
        return text;
}

static char *file(const char *name) {
        char *text, *path;

        assert_true(asprintf(&path, FOLDER "%s", name) > 0);
        assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
        free(path);
        return text;
}

static char *replace(const char *text, const char *old, const char *new) {
        const char *at = strstr(text, old);
        char *all;

        assert_non_null(at);
        assert_true(asprintf(&all, "%.*s%s%s", (int) (at - text), text, new, at + strlen(old)) > 0);
        return all;
}

/* The two files of hvisor-tool's own notes: the whole text, for images that are beside them. */
static void test_import_documented_example(void **state _unused_) {
        char *zone = file("zone.json"), *devices = file("virtio.json"), *wanted = file("linux2.conf"), *here, *told,
             *text, *placed;

        text = import(zone, devices, &told);
        assert_non_null(text);
        here = realpath(FOLDER, NULL);
        for (placed = strdup(wanted); strstr(placed, "@HERE@");) {
                char *next = replace(placed, "@HERE@", here);

                free(placed);
                placed = next;
        }
        assert_string_equal(text, placed);
        assert_non_null(strstr(told, "gits_base is not carried over"));
        free(zone);
        free(devices);
        free(wanted);
        free(here);
        free(told);
        free(text);
        free(placed);
}

struct row {
        const char *zone, *devices;
        const char *told; /* has this in it; NULL: nothing is said */
        const char *text; /* has this in it; NULL: no zone can be made of it */
};

static void check_rows(const struct row *rows, size_t count) {
        for (size_t i = 0; i < count; i++) {
                char *told, *text = import(rows[i].zone, rows[i].devices, &told);

                if (rows[i].told ? !strstr(told, rows[i].told) : told[0] != '\0')
                        fail_msg("row %zu says: %s", i, told);
                if (rows[i].text ? !text || !strstr(text, rows[i].text) : text != NULL)
                        fail_msg("row %zu gives: %s\nand says: %s", i, text ? text : "nothing", told);
                free(text);
                free(told);
        }
}

#define IVC                                                                                                            \
        "\"ivc_id\":0,\"peer_id\":1,\"control_table_ipa\":\"0xd0000000\",\"shared_mem_ipa\":\"0xd0001000\","           \
        "\"rw_sec_size\":\"0\",\"out_sec_size\":\"0x1000\",\"max_peers\":2"

#define BRIDGE(more)                                                                                                   \
        "\"pci_config\":[{" more                                                                                       \
        "\"ecam_base\":\"0x4010000000\",\"ecam_size\":\"0x10000000\",\"io_base\":\"0x3eff0000\","                      \
        "\"io_size\":65536,\"pci_io_base\":4096,\"mem32_base\":0,\"mem32_size\":0,\"pci_mem32_base\":0,"               \
        "\"mem64_base\":\"0x8000000000\",\"mem64_size\":\"0x8000000000\",\"pci_mem64_base\":\"0x8000000000\"}]"

static void test_import_fields(void **state _unused_) {
        static const struct row rows[] = {
                { ZONE(""), NULL, NULL, "EntryPoint=0x50400000\n" },
                { ZONE(",\"interrupts\":[\"0x28\",41,78]"), NULL, NULL, "Interrupts=40-41,78\n" },
                /* what a virtio device has is not passed through */
                { ZONE(",\"interrupts\":[40,78]"), DEVICE("{\"type\":\"console\"," PLACE "}"), NULL,
                  "Interrupts=40\n" },
                { ZONE(",\"arch\":\"arm64\",\"ivc_configs\":[],\"modules\":[],\"num_pci_devs\":0,\"alloc_pci_devs\":["
                       "]"),
                  NULL, NULL, "Id=1\n" },
                { ZONE(",\"dtb_filepath\":\"/d\",\"dtb_load_paddr\":\"0x50000000\""), NULL, NULL, "DeviceTree=/d\n" },
                /* older files: a GICv3 is one that has redistributors; sizes may be numbers */
                { ZONE(",\"arch_config\":{\"gicd_base\":\"0x8000000\",\"gicd_size\":65536,\"gicr_base\":\"0x80a0000\","
                       "\"gicr_size\":\"0xf60000\",\"gits_base\":0,\"gits_size\":0}"),
                  NULL, NULL, "Version=3\n" },
                { ZONE(",\"arch_config\":{\"gic_version\":\"v3\",\"is_aarch32\":false,\"gicd_base\":\"0x8000000\","
                       "\"gicd_size\":65536,\"gicr_base\":\"0x80a0000\",\"gicr_size\":\"0xf60000\"}"),
                  NULL, NULL, "Version=3\n" },
                { ZONE(",\"interrupts\":[40,66],\"ivc_configs\":[{" IVC ",\"interrupt_num\":66}]"), NULL,
                  "ivc_configs[0].max_peers is 2: once so many zones have joined, none of them can be restarted",
                  "Interrupts=40\n\n[Memory ram0]\nPhysicalAddress=0x50000000\nGuestAddress=0x50000000\nSize=16M\n\n"
                  "[IVC ivc0]\nId=0\nPeer=1\nMaxPeers=2\nControlTableAddress=0xd0000000\n"
                  "SharedMemoryAddress=0xd0001000\nOutputSize=4K\nInterrupt=66\n" },
                { ZONE(",\"ivc_configs\":[{" IVC ",\"interrupt_num\":66,\"colour\":1}]"), NULL,
                  "ivc_configs[0].colour is not known", "[IVC ivc0]\n" },
                { ZONE(",\"modules\":[{\"name\":\"ramdisk\",\"filepath\":\"/initrd\",\"load_paddr\":\"0x50800000\"}]"),
                  NULL, NULL, "[Module ramdisk]\nFile=/initrd\nPhysicalAddress=0x50800000\n" },
                { ZONE("," BRIDGE(
                          "\"domain\":\"0x1\",\"bus_range_begin\":0,\"bus_range_end\":\"0x1f\",") ",\"alloc_pci_devs\":"
                                                                                                  "[{"
                                                                                                  "\"domain\":1,"
                                                                                                  "\"bus\":6,"
                                                                                                  "\"device\":\"0x1\","
                                                                                                  "\"function\":2,\"v_"
                                                                                                  "bus\":1,\"v_"
                                                                                                  "device\":2,"
                                                                                                  "\"v_function\":3,"
                                                                                                  "\"dev_type\":\"1\"}"
                                                                                                  "]"),
                  NULL, NULL,
                  "[PCI pci0]\nDomain=1\nLastBus=31\nECAMAddress=0x4010000000\nECAMSize=256M\nIOAddress=0x3eff0000\n"
                  "IOSize=64K\nIOBusAddress=0x1000\nMemory64Address=0x8000000000\nMemory64Size=512G\n"
                  "Memory64BusAddress=0x8000000000\n\n"
                  "[PCIDevice device0]\nAddress=0001:06:01.2\nGuestAddress=0001:01:02.3\nType=virtual\n" },
                { ZONE("," BRIDGE("") ",\"num_pci_devs\":2,\"alloc_pci_devs\":[0,1563]"), NULL, NULL,
                  "[PCIDevice device0]\nAddress=0000:00:00.0\n\n[PCIDevice device1]\nAddress=0000:06:03.3\n" },
                { ZONE("," BRIDGE("\"colour\":1,")), NULL, "pci_config[0].colour is not known", "[PCI pci0]\n" },
                { ZONE(",\"arch_config\":{\"gic_version\":\"v2\",\"is_aarch32\":true,\"gicd_base\":\"0x8000000\","
                       "\"gicd_size\":65536,\"gicc_base\":\"0x8010000\",\"gicc_size\":65536,\"gicc_offset\":0,"
                       "\"gich_base\":\"0x8030000\",\"gich_size\":65536,\"gicv_base\":\"0x8040000\",\"gicv_size\":"
                       "65536}"),
                  NULL, NULL,
                  "[GIC]\nVersion=2\nDistributorAddress=0x8000000\nDistributorSize=64K\nCPUInterfaceAddress="
                  "0x8010000\n" },
                { ZONE(",\"arch\":\"riscv\",\"interrupts\":[7],\"arch_config\":{\"plic_base\":\"0xc000000\",\"plic_"
                       "size\":"
                       "\"0x4000000\",\"aplic_base\":0,\"aplic_size\":0}"),
                  NULL, "arch is riscv: board.conf has to say Architecture=riscv64",
                  "[PLIC]\nAddress=0xc000000\nSize=64M\n" },
                { ZONE(",\"colour\":\"red\""), NULL, "colour is not known and is not carried over",
                  "# zone.json: colour" },
                { ZONE(""), DEVICE("{\"type\":\"blk\",\"img\":\"/i\",\"status\":\"disable\"," PLACE "}"), NULL,
                  "# It was disabled: nothing serves it until Enabled=no goes.\n[Block disk0]\nImage=/i\n" },
                { ZONE(""), DEVICE("{\"type\":\"blk\",\"img\":\"/i\",\"status\":\"enable\",\"vendor\":7," PLACE "}"),
                  "devices[0].vendor is not known", "[Block disk0]\nImage=/i\nAddress=0xa003c00\nInterrupt=78\n" },
                { ZONE(""),
                  DEVICE("{\"type\":\"net\",\"tap\":\"tap0\",\"mac\":[0,\"0x16\",62,16,16,\"0x10\"]," PLACE "}"), NULL,
                  "[Net net0]\nTap=tap0\nMACAddress=00:16:3e:10:10:10\n" },
                { ZONE(""),
                  DEVICE("{\"type\":\"console\"," PLACE "},{\"type\":\"console\",\"addr\":\"0xa003800\",\"irq\":76}"),
                  NULL, "[Console console1]\nAddress=0xa003800\n" },
                { ZONE(""), DEVICE("{\"type\":\"console\",\"addr\":\"0xa003c00\",\"len\":\"0x400\",\"irq\":78}"),
                  "len is 0x400", "[Console console0]\n" },
                { ZONE(""),
                  "{\"zones\":[{\"id\":2},{\"id\":\"1\",\"memory_region\":[{\"zone0_ipa\":\"0x50000000\",\"zonex_ipa\":"
                  "\"0x50000000\",\"size\":\"0x1000000\"}]}]}",
                  "zones[0].id is 2: of another zone", "Id=1\n" },
                { ZONE(""),
                  "{\"zones\":[{\"id\":1,\"memory_region\":[{\"zone0_ipa\":\"0x60000000\",\"zonex_ipa\":\"0x50000000\","
                  "\"size\":\"0x1000000\"}]}]}",
                  "memory_region[0]. is no RAM of the zone file", "Id=1\n" },
                { ZONE(""),
                  DEVICE("{\"type\":\"gpu\"," PLACE "},{\"type\":\"console\",\"addr\":\"0xa003800\",\"irq\":76}"),
                  "type is \"gpu\": there is no such device here, it is not carried over",
                  "[Console console0]\nAddress=0xa003800\n" },
                { ZONE(",\"dtb_filepath\":\"\",\"dtb_load_paddr\":\"0x50000000\""), NULL,
                  "dtb_load_paddr is not carried over", "Id=1\n" },
        };

        check_rows(rows, ELEMENTSOF(rows));
}

static void test_import_no_zone_of_ours(void **state _unused_) {
        static const struct row rows[] = {
                { "{}", NULL, "entry_point is missing", NULL },
                { ZONE(",\"arch\":\"mips\""), NULL, "arch is mips", NULL },
                { ZONE(",\"modules\":[{}]"), NULL, "modules[0].filepath is missing", NULL },
                { ZONE(",\"pci_config\":[{\"ecam_base\":1}]"), NULL, "pci_config[0].ecam_size is missing", NULL },
                { ZONE(",\"alloc_pci_devs\":[65536]"), NULL, "alloc_pci_devs has at 0 what is no PCI device", NULL },
                { ZONE(",\"alloc_pci_devs\":[24]"), NULL, "no [PCI] of the zone has Domain=0", NULL },
                { ZONE(",\"ivc_configs\":[7]"), NULL, "ivc_configs[0] is no object", NULL },
                { ZONE(",\"ivc_configs\":[{}]"), NULL, "ivc_configs[0].ivc_id is missing", NULL },
                { ZONE(",\"ivc_configs\":[{" IVC ",\"interrupt_num\":1024}]"), NULL, "interrupt_num", NULL },
                { ZONE(",\"ivc_configs\":[{" IVC ",\"interrupt_num\":66},{},{}]"), NULL,
                  "ivc_configs[2]. is one more than the 2 that a zone may have", NULL },
                { ZONE(",\"arch_config\":{\"gicd_base\":1,\"gicc_base\":2}"), NULL, "gicd_size is missing", NULL },
                { ZONE(",\"arch_config\":{\"gic_version\":\"v4\",\"gicr_base\":2}"), NULL, "gic_version is 4", NULL },
                { ZONE(",\"arch\":\"x86_64\",\"arch_config\":{\"setup_filepath\":\"/"
                       "s\",\"setup_load_hpa\":\"0x50000000\","
                       "\"setup_load_gpa\":1}"),
                  NULL, "setup_load_gpa is 0x1, and what lies at 0x50000000 is at 0x50000000 for the guest", NULL },
                { ZONE(",\"arch\":\"x86_64\",\"arch_config\":{\"acpi_memory_region_id\":1}"), NULL,
                  "acpi_memory_region_id is 1: there is no region of memory with that number", NULL },
                { ZONE(",\"arch_config\":7"), NULL, "arch_config is no object", NULL },
                { ZONE(",\"interrupts\":[1024]"), NULL, "interrupts has at 0", NULL },
                { ZONE(",\"interrupts\":[-1]"), NULL, "interrupts has at 0", NULL },
                { ZONE(",\"arch\":\"arm64\",\"interrupts\":[32,{}]"), NULL, "interrupts has at 1", NULL },
                { ZONE(",\"interrupts\":\"78\""), NULL, "interrupts is no list", NULL },
                { ZONE(",\"interrupts\":[0]"), NULL, "Interrupts", NULL }, /* as `hvisor check` has it */
                { ZONE(""), DEVICE("{\"type\":\"blk\"," PLACE "}"), "devices[0].img is missing", NULL },
                { ZONE(""), DEVICE("{\"type\":\"blk\",\"img\":[]," PLACE "}"), "devices[0].img is no text", NULL },
                { ZONE(""), DEVICE("{\"type\":\"blk\",\"img\":\"/a\\nReadOnly=yes\"," PLACE "}"), "control characters",
                  NULL },
                { ZONE(""), DEVICE("{\"type\":\"blk\",\"img\":\"/a \"," PLACE "}"), "a path ends in a blank", NULL },
                { ZONE(""), DEVICE("{\"type\":\"net\",\"tap\":\"tap0123456789abc\"," PLACE "}"), "too long", NULL },
                { ZONE(""), DEVICE("{\"type\":\"net\",\"tap\":\"t\",\"mac\":[1]," PLACE "}"), "mac is no list of six",
                  NULL },
                { ZONE(""), DEVICE("{\"type\":\"net\",\"tap\":\"t\",\"mac\":[0,0,0,0,0,256]," PLACE "}"), "mac is no",
                  NULL },
                { ZONE(""), DEVICE("{\"type\":\"console\",\"addr\":\"0x\",\"irq\":78}"), "addr is no number", NULL },
                { ZONE(""), DEVICE("{\"type\":\"console\",\"addr\":\" 1\",\"irq\":78}"), "addr is no number", NULL },
                { ZONE(""), DEVICE("{\"type\":\"console\",\"addr\":1.5,\"irq\":78}"), "addr is no number", NULL },
                { ZONE(""), DEVICE("{\"type\":\"console\",\"addr\":\"0x10000000000000000\",\"irq\":78}"), "addr is no",
                  NULL },
                { ZONE(""), DEVICE("{\"type\":\"console\",\"status\":\"on\"," PLACE "}"), "status is \"on\"", NULL },
                { ZONE(""), DEVICE("{\"type\":\"console\"," PLACE "},7"), "zones[0].devices[1] is no object", NULL },
                { ZONE(""), DEVICE("{\"type\":\"console\"," PLACE "},{\"type\":\"console\"," PLACE "}"), "0xa003c00",
                  NULL },
                { ZONE(""), "{\"zones\":[{\"id\":2}]}", "zones has no zone with id 1", NULL },
                { ZONE(""), "{\"zones\":[3]}", "zones[0] is no object", NULL },
        };

        check_rows(rows, ELEMENTSOF(rows));
}

static void test_import_names(void **state _unused_) {
        static const struct {
                const char *name, *becomes;
        } c[] = {
                { "linux2", "linux2" },
                { "a b/c", "a_b_c" },
                { "../x", "_._x" },
                { "", "zone1" },
                { "0123456789012345678901234567890123", "0123456789012345678901234567890" },
        };

        for (size_t n = 0; n < ELEMENTSOF(c); n++) {
                char *told, *text, *zone, *name, *first;

                assert_true(asprintf(&name, "\"name\":\"%s\"", c[n].name) > 0);
                assert_true(asprintf(&first, "# Zone %s, imported", c[n].becomes) > 0);
                zone = replace(ZONE(""), "\"name\":\"a\"", name);
                text = import(zone, NULL, &told);
                assert_non_null(text);
                assert_memory_equal(text, first, strlen(first));
                free(told);
                free(text);
                free(zone);
                free(name);
                free(first);
        }
}

/* Too many of what a zone may have only so many of: said, and no further than the arrays. */
static void test_import_too_many(void **state _unused_) {
        json_t *devices = json_array(), *regions = json_array(), *root = load(ZONE(""));
        char *told, *text, *zone, *virtio;

        for (int n = 0; n <= ZONE_DEVICES_MAX; n++)
                json_array_append_new(devices, json_pack("{s:s, s:i, s:i}", "type", "console", "addr",
                                                         0xa000000 + n * 0x200, "irq", 40 + n));
        for (int n = 0; n < 200; n++)
                json_array_append_new(regions, json_pack("{s:s, s:i, s:i, s:i}", "type", n % 2 ? "ram" : "virtio",
                                                         "physical_start", 0x50000000 + n * 0x1000, "virtual_start",
                                                         0x50000000 + n * 0x1000, "size", 0x1000));
        root = json_object_update_new(root, json_pack("{s:o}", "memory_regions", regions)) == 0 ? root : NULL;
        zone = json_dumps(root, 0);
        json_decref(root);
        root = json_pack("{s:[{s:i, s:o}]}", "zones", "id", 1, "devices", devices);
        virtio = json_dumps(root, 0);
        json_decref(root);

        text = import(zone, virtio, &told);
        assert_null(text);
        assert_non_null(strstr(told, "memory_regions[33]. is one ram region more than a zone may have"));
        free(told);
        text = import(ZONE(""), virtio, &told);
        assert_null(text);
        assert_non_null(strstr(told, "devices[7]. is one device more than a zone may have"));
        free(told);
        free(zone);
        free(virtio);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_import_documented_example), cmocka_unit_test(test_import_fields),
                cmocka_unit_test(test_import_no_zone_of_ours),    cmocka_unit_test(test_import_names),
                cmocka_unit_test(test_import_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
