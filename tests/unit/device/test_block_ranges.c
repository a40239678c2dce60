/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Discard and write zeroes. */
#include "device/block_fixture.h"

static uint64_t allocated(const struct fixture *f) {
        struct stat st;

        assert_int_equal(fdatasync(f->image), 0);
        assert_int_equal(fstat(f->image, &st), 0);
        return (uint64_t) st.st_blocks * 512;
}

/* A disk of ones, all of it allocated. */
static void start_full(struct fixture *f, uint64_t features) {
        static uint8_t ones[64 * 1024];

        memset(ones, 0xff, sizeof(ones));
        assert_int_equal(ftruncate(f->image, sizeof(ones)), 0);
        assert_int_equal(pwrite(f->image, ones, sizeof(ones), 0), sizeof(ones));
        start(f, false, features);
        assert_true(allocated(f) >= sizeof(ones));
}

static void test_block_discards(void **state) {
        struct fixture *f = *state;
        uint64_t before;

        start_full(f, UINT64_MAX);
        before = allocated(f);
        put_range(f, 0, 8, 8, 0);
        put_range(f, 1, 64, 32, 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, 2 * RANGE_SIZE, 0, NULL), VIRTIO_BLK_S_OK);
        assert_int_equal(before - allocated(f), 40 * 512);
        assert_bytes(f, 0, 8 * 512, 0xff);
        assert_bytes(f, 16 * 512, 64 * 512, 0xff);
        assert_bytes(f, 96 * 512, 128 * 512, 0xff);
}

static void test_block_writes_zeroes(void **state) {
        static const struct {
                uint32_t flags;
                uint64_t freed;
        } rows[] = {
                { VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP, 32 * 512 },
                { 0, 0 },
        };
        struct fixture *f = *state;

        start_full(f, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_BLK_F_WRITE_ZEROES)); /* through */
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t first = 32 * (i + 1), before = allocated(f);

                put_range(f, 0, first, 32, rows[i].flags);
                assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, RANGE_SIZE, 0, NULL), VIRTIO_BLK_S_OK);
                assert_bytes(f, (off_t) first * 512, (off_t) (first + 32) * 512, 0);
                assert_int_equal(before - allocated(f), rows[i].freed);
        }
        assert_bytes(f, 0, 32 * 512, 0xff);
        assert_bytes(f, 96 * 512, 128 * 512, 0xff);
}

static void test_block_checks_ranges(void **state) {
        enum { D = VIRTIO_BLK_T_DISCARD, Z = VIRTIO_BLK_T_WRITE_ZEROES };
        static const struct {
                uint32_t type;
                uint64_t sector;
                uint32_t sectors, flags, size;
                uint8_t status;
        } rows[] = {
                { D, SECTORS - 1, 1, 0, 16, VIRTIO_BLK_S_OK },
                { D, SECTORS - 1, 2, 0, 16, VIRTIO_BLK_S_IOERR },
                { D, UINT64_MAX, 1, 0, 16, VIRTIO_BLK_S_IOERR },
                { D, 0, UINT32_MAX, 0, 16, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 15, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 17, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 0, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 0, 17 * 16, VIRTIO_BLK_S_IOERR },
                { D, 0, 1, 1, 16, VIRTIO_BLK_S_UNSUPP }, /* 5.2.6.2: unmap is of write zeroes */
                { D, 0, 1, 2, 16, VIRTIO_BLK_S_UNSUPP },
                { Z, 0, 1, 1, 16, VIRTIO_BLK_S_OK },
                { Z, 0, 1, 3, 16, VIRTIO_BLK_S_UNSUPP },
                { Z, SECTORS, 1, 0, 16, VIRTIO_BLK_S_IOERR },
                { Z, 0, 0, 0, 16, VIRTIO_BLK_S_OK },
        };
        struct fixture *f = *state;

        start(f, false, UINT64_MAX);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                memset(fake_at(&f->t.guest, PAYLOAD), 0, 1024);
                put_range(f, 0, rows[i].sector, rows[i].sectors, rows[i].flags);
                assert_int_equal(request(f, rows[i].type, 0, rows[i].size, 0, NULL), rows[i].status);
        }
        assert_int_equal(lseek(f->image, 0, SEEK_END), SECTORS * 512 + 100);
        assert_int_equal(f->t.breaks, 0);
}

static void test_block_discards_only_if_it_was_agreed_on(void **state) {
        struct fixture *f = *state;

        start_full(f, VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH));
        put_range(f, 0, 0, 8, 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_bytes(f, 0, 4096, 0xff);
}

static void test_block_read_only_discards_nothing(void **state) {
        struct fixture *f = *state;
        uint8_t ones[4096];

        memset(ones, 0xff, sizeof(ones));
        assert_int_equal(pwrite(f->image, ones, sizeof(ones), 0), sizeof(ones));
        start(f, true, UINT64_MAX);
        put_range(f, 0, 0, 8, 0);
        assert_int_equal(request(f, VIRTIO_BLK_T_DISCARD, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_int_equal(request(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, NULL), VIRTIO_BLK_S_UNSUPP);
        assert_bytes(f, 0, 4096, 0xff);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_block_discards),
                TEST(test_block_writes_zeroes),
                TEST(test_block_checks_ranges),
                TEST(test_block_discards_only_if_it_was_agreed_on),
                TEST(test_block_read_only_discards_nothing),
        };

        return run_on_each_io("block, ranges", tests);
}
