/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include "device/block_image.h"
#include "device/block_request.h"

_Static_assert(sizeof(struct virtio_blk_outhdr) == 16, "request header, 5.2.6");
_Static_assert(sizeof(struct virtio_blk_discard_write_zeroes) == 16, "segment of discard and write zeroes, 5.2.6");

/* True if [sector, sector + size) lies on the disk and consists of whole blocks. */
static bool range_on_disk(const struct block_limits *l, uint64_t sector, uint64_t size) {
        uint32_t block = l->block_size / BLOCK_SECTOR_SIZE;

        return size % l->block_size == 0 && sector % block == 0 && sector <= l->sectors &&
               size / BLOCK_SECTOR_SIZE <= l->sectors - sector;
}

/* ---- read, write, serial ------------------------------------------------------------------------------ */

static uint8_t parse_transfer(const struct block_limits *l, uint64_t sector, const struct iov_span *data, bool write,
                              struct block_request *r) {
        if ((write && l->read_only) || !range_on_disk(l, sector, data->size))
                return VIRTIO_BLK_S_IOERR;
        if (data->size > 0)
                r->kind = write ? BLOCK_REQUEST_WRITE : BLOCK_REQUEST_READ;
        r->data = *data;
        r->offset = sector * BLOCK_SECTOR_SIZE;
        return VIRTIO_BLK_S_OK;
}

static uint8_t answer_serial(const struct block_limits *l, struct iov_span *to) {
        bool whole = iov_put(to, l->serial, VIRTIO_BLK_ID_BYTES) == VIRTIO_BLK_ID_BYTES;

        return whole ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* ---- discard, write zeroes ---------------------------------------------------------------------------- */

/* 5.2.6.2: a flag that is not known, or unmap where there is nothing else, is not supported. */
static uint8_t parse_range(const struct block_limits *l, const struct virtio_blk_discard_write_zeroes *s, bool discard,
                           struct block_range *ret) {
        uint32_t sectors = le32toh(s->num_sectors), flags = le32toh(s->flags);
        uint64_t sector = le64toh(s->sector), size = (uint64_t) sectors * BLOCK_SECTOR_SIZE;
        bool unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

        if ((flags & ~(uint32_t) VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) || (discard && unmap))
                return VIRTIO_BLK_S_UNSUPP;
        if (sectors > BLOCK_RANGE_SECTORS_MAX || !range_on_disk(l, sector, size))
                return VIRTIO_BLK_S_IOERR;
        *ret = (struct block_range){
                .offset = sector * BLOCK_SECTOR_SIZE,
                .size = size,
                .kind = discard             ? BLOCK_RANGE_DISCARD
                        : unmap && l->unmap ? BLOCK_RANGE_UNMAP
                                            : BLOCK_RANGE_ZERO,
        };
        return VIRTIO_BLK_S_OK;
}

/* All of them are looked at before the first is done. */
static uint8_t parse_ranges(const struct block_limits *l, struct iov_span *from, bool discard, struct block_request *r,
                            struct block_range ranges[static BLOCK_RANGES_MAX]) {
        struct virtio_blk_discard_write_zeroes s;
        uint64_t count = from->size / sizeof(s);
        uint8_t result = VIRTIO_BLK_S_OK;

        if (!(discard ? l->discard : l->write_zeroes))
                return VIRTIO_BLK_S_UNSUPP;
        if (l->read_only || count == 0 || from->size % sizeof(s) != 0 || count > BLOCK_RANGES_MAX)
                return VIRTIO_BLK_S_IOERR;
        while (result == VIRTIO_BLK_S_OK && iov_take(from, &s, sizeof(s)) == sizeof(s)) {
                result = parse_range(l, &s, discard, &ranges[r->num_ranges]);
                if (result == VIRTIO_BLK_S_OK && ranges[r->num_ranges].size > 0)
                        r->num_ranges++;
        }
        if (result == VIRTIO_BLK_S_OK && r->num_ranges > 0)
                r->kind = BLOCK_REQUEST_RANGES;
        return result;
}

/* ---- the request -------------------------------------------------------------------------------------- */

/* 5.2.6: type by type. @c holds the data alone; header and status byte are off. */
static uint8_t parse_type(const struct block_limits *l, const struct virtio_blk_outhdr *h, struct virtqueue_chain *c,
                          struct block_request *r, struct block_range ranges[static BLOCK_RANGES_MAX]) {
        uint64_t sector = le64toh(h->sector);

        switch (le32toh(h->type)) {
        case VIRTIO_BLK_T_IN:
                return parse_transfer(l, sector, &c->writable, false, r);
        case VIRTIO_BLK_T_OUT:
                return parse_transfer(l, sector, &c->readable, true, r);
        case VIRTIO_BLK_T_FLUSH:
                r->kind = l->read_only ? BLOCK_REQUEST_NONE : BLOCK_REQUEST_FLUSH;
                return VIRTIO_BLK_S_OK;
        case VIRTIO_BLK_T_GET_ID:
                return answer_serial(l, &c->writable);
        case VIRTIO_BLK_T_DISCARD:
                return parse_ranges(l, &c->readable, true, r, ranges);
        case VIRTIO_BLK_T_WRITE_ZEROES:
                return parse_ranges(l, &c->readable, false, r, ranges);
        default:
                return VIRTIO_BLK_S_UNSUPP;
        }
}

/* Header first, status byte last, wherever the driver has cut them (2.7.4, 5.2.6). */
int block_request_parse(const struct block_limits *l, struct virtqueue *q, struct virtqueue_chain *c,
                        struct block_request *ret, struct block_range ret_ranges[static BLOCK_RANGES_MAX]) {
        struct virtio_blk_outhdr header;

        *ret = (struct block_request){ .room = c->writable.size };
        if (iov_take(&c->readable, &header, sizeof(header)) != sizeof(header))
                return virtqueue_refuse(q, "disk request without a whole header");
        ret->status = iov_take_last_byte(&c->writable);
        if (!ret->status)
                return virtqueue_refuse(q, "disk request without room for its status");
        ret->result = parse_type(l, &header, c, ret, ret_ranges);
        ret->unwritten = c->writable.size;
        return 0;
}

/* All of the bytes, or those from the start that come before a gap. */
uint32_t block_request_written(const struct block_request *r) {
        return (uint32_t) (r->unwritten == 0 ? r->room : r->room - 1 - r->unwritten);
}
