// wrap: statx
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/common.h"
#include "check/conflict.h"

/* Two zones that have nothing in common but what lies in each one's own guest addresses. */
#define ZONE_A                                                                                                         \
        "[Zone]\nId=1\nCPUs=2-3\nKernel=/k\nKernelAddress=0x50400000\nEntryPoint=0x50400000\nInterrupts=44\n"          \
        "[Memory ram]\nPhysicalAddress=0x50000000\nSize=768M\n"                                                        \
        "[IO uart]\nPhysicalAddress=0x9000000\nSize=4K\n"                                                              \
        "[Block root]\nImage=/disk\nAddress=0xa003c00\nInterrupt=78\n"                                                 \
        "[Console main]\nAddress=0xa003800\nInterrupt=76\n"                                                            \
        "[Net lan]\nTap=tap0\nAddress=0xa003600\nInterrupt=82\n"
#define ZONE_B                                                                                                         \
        "[Zone]\nId=2\nCPUs=4\nKernel=/k\nKernelAddress=0x80400000\nEntryPoint=0x50400000\nInterrupts=45-50\n"         \
        "[Memory other]\nPhysicalAddress=0x80000000\nGuestAddress=0x50000000\nSize=768M\n"                             \
        "[IO timer]\nPhysicalAddress=0x9001000\nGuestAddress=0x9000000\nSize=4K\n"                                     \
        "[Block root]\nImage=/other\nAddress=0xa003c00\nInterrupt=78\n"                                                \
        "[Console main]\nAddress=0xa003800\nInterrupt=76\n"                                                            \
        "[Net wan]\nTap=tap1\nAddress=0xa003600\nInterrupt=82\n"

#define IVC(id, peer, sizes, interrupt)                                                                                \
        "[IVC talk]\nId=" id "\nPeer=" peer "\nControlTableAddress=0xd0000000\nSharedMemoryAddress=0xd0001000\n" sizes \
        "\nInterrupt=" interrupt "\n"
#define ZONE_A_TALKS ZONE_A IVC("7", "0", "OutputSize=4K", "100")
#define ADVICE       "a real interrupt belongs to one zone only, and a virtio device of another must not have its number"

static struct zone_spec *parse(const char *name, const char *text) {
        _cleanup_(diagnostics_clear) struct diagnostics d = {};
        struct zone_spec *z = NULL;
        char path[64];

        snprintf(path, sizeof(path), "/z/%s.conf", name);
        if (zone_spec_parse(name, path, text, strlen(text), &d, &z) < 0)
                diagnostics_print(&d, stderr, false);
        assert_non_null(z);
        return z;
}

static void test_conflict_names_both_places_and_what_to_do(void **state _unused_) {
        static const struct {
                const char *changes[4]; /* in the second zone: from, to … */
                const char *want;       /* of the second, which gives way; NULL: no conflict */
        } c[] = {
                { { "Id=2", "Id=3" }, NULL },
                { { "Id=2", "Id=1" },
                  "/z/b.conf:2:4: Id 1 belongs to zone a (a.conf:2:4); take an Id= that no other zone has" },
                { { "CPUs=4", "CPUs=1,3-4" },
                  "/z/b.conf:3:6: CPU 3 belongs to zone a (a.conf:3:6); a CPU belongs to one zone only: take "
                  "others" },
                { { "PhysicalAddress=0x80000000", "PhysicalAddress=0x70000000" },
                  "/z/b.conf:9:17: [Memory other]: RAM of zone a (a.conf:9:17); move it, or make one of them "
                  "smaller" },
                { { "[IO", "[Memory more]\nPhysicalAddress=0x7ffff000\nGuestAddress=0x1000\nSize=4K\n[IO" },
                  "/z/b.conf:13:17: [Memory more]: RAM of zone a (a.conf:9:17); move it, or make one of them "
                  "smaller" },
                { { "[IO", "[Memory more]\nPhysicalAddress=0x4ffff000\nGuestAddress=0x1000\nSize=4K\n[IO" }, NULL },
                { { "PhysicalAddress=0x9001000", "PhysicalAddress=0x9000000" },
                  "/z/b.conf:13:17: [IO timer]: I/O of zone a (a.conf:12:17); a device belongs to one zone only" },
                { { "PhysicalAddress=0x9001000", "PhysicalAddress=0x7ffff000" },
                  "/z/b.conf:13:17: [IO timer]: RAM of zone a (a.conf:9:17); a device belongs to one zone only" },
                { { "[IO", "[Memory more]\nPhysicalAddress=0x9000000\nGuestAddress=0x1000\nSize=4K\n[IO" },
                  "/z/b.conf:13:17: [Memory more]: I/O of zone a (a.conf:12:17); RAM and the registers of a device "
                  "cannot be the same: one of the addresses is wrong" },
                { { "Interrupts=45-50", "Interrupts=40-44" },
                  "/z/b.conf:7:12: interrupt 44 belongs to zone a (a.conf:7:12); " ADVICE },
                { { "Interrupt=76", "Interrupt=44" },
                  "/z/b.conf:22:11: interrupt 44 belongs to zone a (a.conf:7:12); " ADVICE },
                { { "Interrupts=45-50", "Interrupts=45,70-77", "Interrupt=76", "Interrupt=81" },
                  "/z/b.conf:7:12: interrupt 76 belongs to zone a (a.conf:20:11); " ADVICE },
                { { "Image=/other", "Image=/disk" },
                  "/z/b.conf:17:7: zone a uses the image /disk (a.conf:15:7); give each its own copy, or "
                  "ReadOnly=yes to both" },
                { { "Image=/other", "Image=/disk\nReadOnly=yes" },
                  "/z/b.conf:17:7: zone a uses the image /disk (a.conf:15:7); give each its own copy, or "
                  "ReadOnly=yes to both" },
                { { "Tap=tap1", "Tap=tap0" },
                  "/z/b.conf:24:5: zone a uses the tap tap0 (a.conf:22:5); make a tap for each; a bridge connects "
                  "them" },
        };
        _cleanup_(zone_spec_freep) struct zone_spec *a = parse("a", ZONE_A);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *once = replaced(ZONE_B, c[i].changes[0], c[i].changes[1]);
                _cleanup_free_ char *text =
                        c[i].changes[2] ? replaced(once, c[i].changes[2], c[i].changes[3]) : strdup(once);
                _cleanup_(zone_spec_freep) struct zone_spec *b = parse("b", text), *copy = zone_spec_copy(b);
                char got[512] = "untouched", brief[512] = "untouched", of_copy[512] = "untouched";

                assert_int_equal(zone_conflict_tell(b, a, got, sizeof(got)), c[i].want != NULL);
                assert_string_equal(got, c[i].want ? c[i].want : "untouched");
                assert_int_equal(zone_conflict(b, a, brief, sizeof(brief)), c[i].want != NULL);
                assert_true(!c[i].want || strstr(got, brief));
                assert_int_equal(zone_conflict_tell(copy, a, of_copy, sizeof(of_copy)), c[i].want != NULL);
                assert_string_equal(of_copy, got);
                assert_int_equal(zone_conflict(a, b, brief, sizeof(brief)), c[i].want != NULL);
        }
}

/* The second zone has another end of an IVC. */
static void test_conflict_of_the_ends_of_an_ivc(void **state _unused_) {
        static const struct {
                const char *ivc;
                const char *want;
        } c[] = {
                { IVC("7", "1", "OutputSize=4K", "101"), NULL },
                { IVC("8", "0", "OutputSize=8K", "101"), NULL },
                { IVC("7", "0", "OutputSize=4K", "101"), "/z/b.conf:29:6: [IVC talk]: peer 0 of IVC 7 is zone a "
                                                         "(a.conf:27:6); each zone of an IVC has a Peer= "
                                                         "of its own" },
                { IVC("7", "1", "OutputSize=8K", "101"), "/z/b.conf:32:12: [IVC talk]: zone a, which shares IVC 7, has "
                                                         "another OutputSize= (a.conf:30:12); the "
                                                         "ends of an IVC have the same sizes and MaxPeers=" },
                { IVC("7", "1", "OutputSize=4K\nReadWriteSize=4K", "101"),
                  "/z/b.conf:33:15: [IVC talk]: zone a, which shares IVC 7, has another ReadWriteSize= (a.conf:25:1); "
                  "the ends of an IVC have the same sizes and MaxPeers=" },
                { IVC("7", "1", "OutputSize=4K\nMaxPeers=2", "101"),
                  "/z/b.conf:33:10: [IVC talk]: zone a, which shares IVC 7, has another MaxPeers= (a.conf:25:1); the "
                  "ends of an IVC have the same sizes and MaxPeers=" },
                { IVC("7", "1", "OutputSize=4K", "100"),
                  "/z/b.conf:33:11: interrupt 100 belongs to zone a (a.conf:31:11); " ADVICE },
                { IVC("7", "1", "OutputSize=4K", "44"),
                  "/z/b.conf:33:11: interrupt 44 belongs to zone a (a.conf:7:12); " ADVICE },
                { IVC("7", "1", "OutputSize=4K", "101") "[Console more]\nAddress=0xa003000\nInterrupt=100\n",
                  "/z/b.conf:36:11: interrupt 100 belongs to zone a (a.conf:31:11); " ADVICE },
        };
        _cleanup_(zone_spec_freep) struct zone_spec *a = parse("a", ZONE_A_TALKS);

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_free_ char *text = NULL;
                _cleanup_(zone_spec_freep) struct zone_spec *b = NULL;
                char got[512] = "untouched", back[512];

                assert_true(asprintf(&text, "%s%s", ZONE_B, c[i].ivc) > 0);
                b = parse("b", text);
                assert_int_equal(zone_conflict_tell(b, a, got, sizeof(got)), c[i].want != NULL);
                assert_string_equal(got, c[i].want ? c[i].want : "untouched");
                assert_int_equal(zone_conflict(a, b, back, sizeof(back)), c[i].want != NULL);
        }
}

static void test_conflict_of_the_same_name(void **state _unused_) {
        _cleanup_(zone_spec_freep) struct zone_spec *a = parse("a", ZONE_A), *b = parse("a", ZONE_B);
        char got[512];

        assert_true(zone_conflict_tell(b, a, got, sizeof(got)));
        assert_string_equal(got, "/z/a.conf: /z/a.conf is a zone of the same name (a.conf); rename one of the files");
}

static void test_conflict_lets_images_be_read_by_many(void **state _unused_) {
        _cleanup_free_ char *one = replaced(ZONE_A, "Image=/disk", "Image=/disk\nReadOnly=yes");
        _cleanup_free_ char *two = replaced(ZONE_B, "Image=/other", "Image=/disk\nReadOnly=yes");
        _cleanup_(zone_spec_freep) struct zone_spec *a = parse("a", one), *b = parse("b", two);
        char got[512];

        assert_false(zone_conflict(a, b, got, sizeof(got)));
}

/* ---- images under other names ----------------------------------------------------------------------- */

static char directory[] = "/tmp/hvisor-conflict-XXXXXX";

static int enter_directory(void **state _unused_) {
        assert_non_null(mkdtemp(directory));
        return chdir(directory);
}

static int leave_directory(void **state _unused_) {
        static const char *const files[] = { "disk", "link", "hard", "other", "node" };

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void) unlink(files[i]);
        return chdir("/") < 0 ? -1 : rmdir(directory);
}

static struct zone_spec *with_image(const char *name, const char *zone, const char *from, const char *path) {
        _cleanup_free_ char *to = NULL, *text = NULL;
        struct zone_spec *z;

        assert_true(asprintf(&to, "Image=%s", path) > 0);
        text = replaced(zone, from, to);
        z = parse(name, text);
        zone_spec_identify(z);
        return z;
}

static void test_conflict_knows_an_image_by_any_name(void **state _unused_) {
        _cleanup_free_ char *disk = NULL, *link = NULL, *hard = NULL, *other = NULL, *proc = NULL, *around = NULL;
        const struct {
                char *const *path;
                bool same;
        } c[] = { { &disk, true }, { &link, true },   { &hard, true },
                  { &proc, true }, { &around, true }, { &other, false } };
        _cleanup_close_ int fd = open("disk", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        _cleanup_(zone_spec_freep) struct zone_spec *a = NULL;

        assert_true(fd >= 0 && symlink("disk", "link") == 0);
        assert_int_equal(linkat(AT_FDCWD, "disk", AT_FDCWD, "hard", 0), 0);
        fd_close(open("other", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        assert_true(asprintf(&disk, "%s/disk", directory) > 0 && asprintf(&link, "%s/link", directory) > 0 &&
                    asprintf(&hard, "%s/hard", directory) > 0 && asprintf(&other, "%s/other", directory) > 0 &&
                    asprintf(&around, "%s/../%s/disk", directory, directory + 5) > 0 &&
                    asprintf(&proc, "/proc/%d/fd/%d", (int) getpid(), fd) > 0);
        a = with_image("a", ZONE_A, "Image=/disk", disk);
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *b = with_image("b", ZONE_B, "Image=/other", *c[i].path);
                _cleanup_free_ char *want = NULL;
                char got[512] = "";

                assert_int_equal(zone_conflict(b, a, got, sizeof(got)), c[i].same);
                assert_true(asprintf(&want, "zone a uses the image %s, as %s", *c[i].path, disk) > 0);
                if (c[i].same && i > 0)
                        assert_string_equal(got, want);
        }
}

/* A file that came after one that is gone may have got its number. */
static void test_conflict_tells_a_new_file_from_an_old_one(void **state _unused_) {
        const struct file_identity old = { 1, 2, 100, true }, new = { 1, 2, 200, true };
        const struct file_identity timeless = { 1, 2, 0, true }, unknown = { 1, 2, 100, false };

        assert_true(file_identity_equal(&old, &old));
        assert_false(file_identity_equal(&old, &new));
        assert_true(file_identity_equal(&old, &timeless));
        assert_false(file_identity_equal(&old, &unknown));
        assert_false(file_identity_equal(&unknown, &unknown));
        assert_false(file_identity_get(AT_FDCWD, "/nonexistent").known);
}

/* ---- a file system that does not answer: every path with "hung" in it ------------------------------ */

static int hung[2] = { -1, -1 }; /* a pipe: it answers when somebody writes */

int __real_statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret);
int __wrap_statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret);

int __wrap_statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret) {
        char answer;

        if (strstr(path, "hung") && read(hung[0], &answer, 1) != 1)
                return -1;
        return __real_statx(fd, path, flags, mask, ret);
}

static int64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void test_conflict_does_not_wait_for_a_file_system_that_hangs(void **state _unused_) {
        _cleanup_free_ char *disk = NULL;
        int64_t begin = now_ms();
        bool known = false;

        assert_int_equal(pipe(hung), 0);
        assert_true(asprintf(&disk, "%s/disk", directory) > 0);
        for (int i = 0; i < 20; i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = with_image("a", ZONE_A, "Image=/disk", "/hung/disk");

                assert_false(z->devices[0].image_identity.known);
        }
        assert_true(now_ms() - begin < 3000); /* twenty times 200 ms would be more */

        /* once it answers, all goes on */
        assert_int_equal(write(hung[1], "x", 1), 1);
        for (int i = 0; i < 500 && !known; i++) {
                _cleanup_(zone_spec_freep) struct zone_spec *z = with_image("a", ZONE_A, "Image=/disk", disk);

                known = z->devices[0].image_identity.known;
                usleep(10000);
        }
        assert_true(known);
        close(hung[0]);
        close(hung[1]);
}

/* Two nodes of one block device: this needs root, who may make them. */
static void test_conflict_knows_a_block_device_by_its_number(void **state _unused_) {
        struct file_identity a, b, file = file_identity_get(AT_FDCWD, "disk");

        if (mknod("node", S_IFBLK | 0600, 0x703) < 0)
                skip();
        a = file_identity_get(AT_FDCWD, "node");
        assert_int_equal(rename("node", "other"), 0);
        assert_int_equal(mknod("node", S_IFBLK | 0600, 0x703), 0);
        b = file_identity_get(AT_FDCWD, "node");
        assert_true(file_identity_equal(&a, &b));
        assert_false(file_identity_equal(&a, &file));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conflict_names_both_places_and_what_to_do),
                cmocka_unit_test(test_conflict_of_the_ends_of_an_ivc),
                cmocka_unit_test(test_conflict_of_the_same_name),
                cmocka_unit_test(test_conflict_lets_images_be_read_by_many),
                cmocka_unit_test(test_conflict_knows_an_image_by_any_name),
                cmocka_unit_test(test_conflict_tells_a_new_file_from_an_old_one),
                cmocka_unit_test(test_conflict_knows_a_block_device_by_its_number),
                cmocka_unit_test(test_conflict_does_not_wait_for_a_file_system_that_hangs),
        };

        return cmocka_run_group_tests_name("conflict", tests, enter_directory, leave_directory);
}
