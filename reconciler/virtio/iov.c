/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "virtio/iov.h"

static void drop_front(struct iov_span *s, size_t n) {
        struct iovec *v = s->iov;

        s->size -= n;
        if (n < v->iov_len) {
                v->iov_base = (uint8_t *) v->iov_base + n;
                v->iov_len -= n;
                return;
        }
        s->iov++;
        s->count--;
}

uint64_t iov_skip(struct iov_span *s, uint64_t size) {
        uint64_t done = 0;

        while (s->count > 0 && done < size) {
                size_t n = (size_t) MIN((uint64_t) s->iov->iov_len, size - done);

                drop_front(s, n);
                done += n;
        }
        return done;
}

size_t iov_take(struct iov_span *s, void *ret, size_t size) {
        size_t done = 0;

        while (s->count > 0 && done < size) {
                size_t n = MIN(s->iov->iov_len, size - done);

                memcpy((uint8_t *) ret + done, s->iov->iov_base, n);
                drop_front(s, n);
                done += n;
        }
        return done;
}

size_t iov_put(struct iov_span *s, const void *data, size_t size) {
        size_t done = 0;

        while (s->count > 0 && done < size) {
                size_t n = MIN(s->iov->iov_len, size - done);

                memcpy(s->iov->iov_base, (const uint8_t *) data + done, n);
                drop_front(s, n);
                done += n;
        }
        return done;
}

uint8_t *iov_take_last_byte(struct iov_span *s) {
        struct iovec *last;
        uint8_t *byte;

        if (s->count == 0)
                return NULL;
        last = &s->iov[s->count - 1];
        byte = (uint8_t *) last->iov_base + last->iov_len - 1;
        s->size--;
        if (--last->iov_len == 0)
                s->count--;
        return byte;
}
