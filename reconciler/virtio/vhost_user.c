/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/macros.h"
#include "virtio/vhost_user.h"

_Static_assert(sizeof(struct vhost_user_header) == 12, "as the protocol has it");
_Static_assert(sizeof(struct vhost_user_vring_state) == 8, "as the protocol has it");
_Static_assert(sizeof(struct vhost_user_vring_address) == 40, "as the protocol has it");
_Static_assert(sizeof(struct vhost_user_memory) == 8 + 8 * 32, "as the protocol has it");
_Static_assert(sizeof(struct vhost_user_single_region) == 40, "as the protocol has it");
_Static_assert(sizeof(struct vhost_user_config) == VHOST_USER_CONFIG_HEADER + 256, "as the protocol has it");
_Static_assert(sizeof(struct vhost_user_inflight) == 24, "as the protocol has it");

#define FLAGS_KNOWN (VHOST_USER_VERSION_MASK | VHOST_USER_FLAG_REPLY | VHOST_USER_FLAG_NEED_REPLY)

#define SIZE_U64      sizeof(uint64_t)
#define SIZE_STATE    sizeof(struct vhost_user_vring_state)
#define SIZE_ADDRESS  sizeof(struct vhost_user_vring_address)
#define SIZE_SINGLE   sizeof(struct vhost_user_single_region)
#define SIZE_INFLIGHT sizeof(struct vhost_user_inflight)
#define MEMORY_HEADER offsetof(struct vhost_user_memory, regions)
#define REGION_SIZE   sizeof(struct vhost_user_region)
#define SIZE_MEMORY   sizeof(struct vhost_user_memory)
#define SIZE_CONFIG   sizeof(struct vhost_user_config)

/* ---- the table ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define REQUEST(id) [VHOST_USER_##id] = { .name = #id
#define CARRIES(least, most) .size_min = (least), .size_max = (most)
#define FDS(least, most) .fds_min = (least), .fds_max = (most)
#define NEEDS(feature) .needs = VHOST_USER_PROTOCOL(feature)
#define REPLIES(least, most) .replies = true, .reply_min = (least), .reply_max = (most)

static const struct vhost_user_rule requests[_VHOST_USER_REQUEST_MAX] = {
        REQUEST(GET_FEATURES), REPLIES(SIZE_U64, SIZE_U64) },
        REQUEST(SET_FEATURES), CARRIES(SIZE_U64, SIZE_U64) },
        REQUEST(SET_OWNER) },
        REQUEST(SET_MEM_TABLE), CARRIES(MEMORY_HEADER, SIZE_MEMORY), FDS(0, VHOST_USER_REGIONS_MAX) },
        REQUEST(SET_VRING_NUM), CARRIES(SIZE_STATE, SIZE_STATE) },
        REQUEST(SET_VRING_ADDR), CARRIES(SIZE_ADDRESS, SIZE_ADDRESS) },
        REQUEST(SET_VRING_BASE), CARRIES(SIZE_STATE, SIZE_STATE) },
        REQUEST(GET_VRING_BASE), CARRIES(SIZE_STATE, SIZE_STATE), REPLIES(SIZE_STATE, SIZE_STATE) },
        REQUEST(SET_VRING_KICK), CARRIES(SIZE_U64, SIZE_U64), FDS(0, 1) },
        REQUEST(SET_VRING_CALL), CARRIES(SIZE_U64, SIZE_U64), FDS(0, 1) },
        REQUEST(SET_VRING_ERR), CARRIES(SIZE_U64, SIZE_U64), FDS(0, 1) },
        REQUEST(GET_PROTOCOL_FEATURES), REPLIES(SIZE_U64, SIZE_U64) },
        REQUEST(SET_PROTOCOL_FEATURES), CARRIES(SIZE_U64, SIZE_U64) },
        REQUEST(GET_QUEUE_NUM), NEEDS(MQ), REPLIES(SIZE_U64, SIZE_U64) },
        REQUEST(SET_VRING_ENABLE), CARRIES(SIZE_STATE, SIZE_STATE) },
        REQUEST(SET_BACKEND_REQ_FD), FDS(1, 1), NEEDS(BACKEND_REQ) },
        REQUEST(GET_CONFIG), CARRIES(VHOST_USER_CONFIG_HEADER, SIZE_CONFIG), NEEDS(CONFIG), REPLIES(0, SIZE_CONFIG) },
        REQUEST(SET_CONFIG), CARRIES(VHOST_USER_CONFIG_HEADER, SIZE_CONFIG), NEEDS(CONFIG) },
        REQUEST(GET_INFLIGHT_FD), CARRIES(VHOST_USER_INFLIGHT_MIN, SIZE_INFLIGHT), NEEDS(INFLIGHT_SHMFD),
                REPLIES(VHOST_USER_INFLIGHT_MIN, SIZE_INFLIGHT), .reply_fds = 1 },
        REQUEST(SET_INFLIGHT_FD), CARRIES(VHOST_USER_INFLIGHT_MIN, SIZE_INFLIGHT), FDS(1, 1), NEEDS(INFLIGHT_SHMFD) },
        REQUEST(RESET_DEVICE), NEEDS(RESET_DEVICE) },
        REQUEST(GET_MAX_MEM_SLOTS), NEEDS(CONFIGURE_MEM_SLOTS), REPLIES(SIZE_U64, SIZE_U64) },
        REQUEST(ADD_MEM_REG), CARRIES(SIZE_SINGLE, SIZE_SINGLE), FDS(1, 1), NEEDS(CONFIGURE_MEM_SLOTS) },
        REQUEST(REM_MEM_REG), CARRIES(SIZE_SINGLE, SIZE_SINGLE), FDS(0, 1), NEEDS(CONFIGURE_MEM_SLOTS) },
        REQUEST(SET_STATUS), CARRIES(SIZE_U64, SIZE_U64), NEEDS(STATUS) },
        REQUEST(GET_STATUS), NEEDS(STATUS), REPLIES(SIZE_U64, SIZE_U64) },
};

static const struct vhost_user_rule backend_requests[_VHOST_USER_BACKEND_REQUEST_MAX] = {
        REQUEST(BACKEND_CONFIG_CHANGE_MSG), NEEDS(CONFIG) },
};
/* clang-format on */

const struct vhost_user_rule *vhost_user_rule(uint32_t request) {
        return request < ELEMENTSOF(requests) && requests[request].name ? &requests[request] : NULL;
}

const struct vhost_user_rule *vhost_user_backend_rule(uint32_t request) {
        return request < ELEMENTSOF(backend_requests) && backend_requests[request].name ? &backend_requests[request]
                                                                                        : NULL;
}

/* ---- form --------------------------------------------------------------------------------------------- */

static int check_memory(const struct vhost_user_message *m, struct err *e) {
        uint32_t count = m->payload.memory.count;

        if (count > VHOST_USER_REGIONS_MAX || m->header.size != MEMORY_HEADER + count * REGION_SIZE)
                return err_set(e, -EPROTO, "SET_MEM_TABLE of %u regions in %u bytes", count, m->header.size);
        if (m->num_fds != count)
                return err_set(e, -EPROTO, "SET_MEM_TABLE of %u regions with %zu descriptors", count, m->num_fds);
        return 0;
}

static int check_config(const struct vhost_user_message *m, const char *name, struct err *e) {
        const struct vhost_user_config *c = &m->payload.config;

        if (c->size > VHOST_USER_CONFIG_MAX || m->header.size != VHOST_USER_CONFIG_HEADER + c->size)
                return err_set(e, -EPROTO, "%s of %u bytes in %u", name, c->size, m->header.size);
        if (c->offset > VHOST_USER_CONFIG_MAX - c->size)
                return err_set(e, -EPROTO, "%s beyond the end of any configuration, at %u", name, c->offset);
        return 0;
}

/* "No descriptor" and none must go together. */
static int check_vring_fd(const struct vhost_user_message *m, const char *name, struct err *e) {
        bool none = m->payload.u64 & VHOST_USER_VRING_NO_FD;

        if (m->payload.u64 & ~(VHOST_USER_VRING_INDEX | VHOST_USER_VRING_NO_FD))
                return err_set(e, -EPROTO, "%s has unknown bits", name);
        if (none == (m->num_fds > 0))
                return err_set(e, -EPROTO, "%s %s a descriptor", name, none ? "that says it has none has" : "lacks");
        return 0;
}

/* Counts inside the payload against its size. @m has the size and the descriptors that its row allows. */
static int check_counts(uint32_t request, const struct vhost_user_rule *rule, const struct vhost_user_message *m,
                        struct err *e) {
        switch (request) {
        case VHOST_USER_SET_MEM_TABLE:
                return check_memory(m, e);
        case VHOST_USER_GET_CONFIG:
        case VHOST_USER_SET_CONFIG:
                return check_config(m, rule->name, e);
        case VHOST_USER_SET_VRING_KICK:
        case VHOST_USER_SET_VRING_CALL:
        case VHOST_USER_SET_VRING_ERR:
                return check_vring_fd(m, rule->name, e);
        default:
                return 0;
        }
}

static int check_flags(const struct vhost_user_header *h, uint32_t reply, struct err *e) {
        if ((h->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION)
                return err_set(e, -EPROTO, "message %u of version %u", h->request, h->flags & VHOST_USER_VERSION_MASK);
        if ((h->flags & ~FLAGS_KNOWN) || (h->flags & VHOST_USER_FLAG_REPLY) != reply)
                return err_set(e, -EPROTO, "message %u with flags 0x%x", h->request, h->flags);
        return 0;
}

int vhost_user_check(const struct vhost_user_rule *rule, const struct vhost_user_message *m, uint64_t protocol_features,
                     struct err *e) {
        const struct vhost_user_header *h = &m->header;
        int r = check_flags(h, 0, e);

        if (r < 0)
                return r;
        if (!rule)
                return err_set(e, -EPROTO, "request %u, which is not known here", h->request);
        if (rule->needs & ~protocol_features)
                return err_set(e, -EPROTO, "%s without the protocol feature for it", rule->name);
        if (h->size < rule->size_min || h->size > rule->size_max)
                return err_set(e, -EPROTO, "%s of %u bytes", rule->name, h->size);
        if (m->num_fds < rule->fds_min || m->num_fds > rule->fds_max)
                return err_set(e, -EPROTO, "%s with %zu descriptors", rule->name, m->num_fds);
        return rule == vhost_user_rule(h->request) ? check_counts(h->request, rule, m, e) : 0;
}

int vhost_user_check_reply(const struct vhost_user_rule *rule, const struct vhost_user_header *request,
                           const struct vhost_user_message *m, struct err *e) {
        const struct vhost_user_header *h = &m->header;
        size_t least = rule->replies ? rule->reply_min : SIZE_U64, most = rule->replies ? rule->reply_max : SIZE_U64;
        int r = check_flags(h, VHOST_USER_FLAG_REPLY, e);

        if (r < 0)
                return r;
        if (h->request != request->request)
                return err_set(e, -EPROTO, "an answer to request %u instead of %s", h->request, rule->name);
        if (h->size < least || h->size > most)
                return err_set(e, -EPROTO, "an answer to %s of %u bytes", rule->name, h->size);
        if (m->num_fds > rule->reply_fds)
                return err_set(e, -EPROTO, "an answer to %s with %zu descriptors", rule->name, m->num_fds);
        /* An empty one: the back-end could not. */
        if (h->request == VHOST_USER_GET_CONFIG && rule == vhost_user_rule(h->request) && h->size > 0)
                return h->size < VHOST_USER_CONFIG_HEADER
                               ? err_set(e, -EPROTO, "an answer to GET_CONFIG of %u bytes", h->size)
                               : check_config(m, "an answer to GET_CONFIG", e);
        return 0;
}

bool vhost_user_replies(const struct vhost_user_rule *rule, const struct vhost_user_header *request) {
        return rule->replies || (request->flags & VHOST_USER_FLAG_NEED_REPLY);
}

/* ---- the socket --------------------------------------------------------------------------------------- */

union control {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(VHOST_USER_FDS_MAX * sizeof(int))];
};

/* Return: true if all of them had a place; the others are closed. */
static bool take_fds(struct vhost_user_message *m, struct msghdr *h) {
        bool all = !(h->msg_flags & MSG_CTRUNC);

        for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
                        if (m->num_fds < VHOST_USER_FDS_MAX) {
                                m->fds[m->num_fds++] = fd;
                        } else {
                                fd_close(fd);
                                all = false;
                        }
                }
        }
        return all;
}

/* What is still missing: of the header, then of the payload. */
static struct iovec missing(struct vhost_user_receiver *r) {
        struct vhost_user_message *m = &r->message;
        size_t have = r->have;

        if (have < sizeof(m->header))
                return (struct iovec){ (uint8_t *) &m->header + have, sizeof(m->header) - have };
        have -= sizeof(m->header);
        return (struct iovec){ (uint8_t *) &m->payload + have, m->header.size - have };
}

static int receive_some(struct vhost_user_receiver *r, int socket, struct err *e) {
        struct iovec iov = missing(r);
        union control control;
        struct msghdr h = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;

        do
                n = recvmsg(socket, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? 0 : err_set(e, -errno, "cannot read from the peer: %s", strerror(errno));
        if (!take_fds(&r->message, &h))
                return err_set(e, -EPROTO, "a message with more than %d descriptors, or more than can be open here",
                               VHOST_USER_FDS_MAX);
        if (n == 0)
                return err_set(e, -ECONNRESET,
                               r->have == 0 ? "the peer has closed the connection"
                                            : "the peer has closed the connection in the middle of a message");
        r->have += (size_t) n;
        return 1;
}

void vhost_user_receiver_done(struct vhost_user_receiver *r) {
        for (size_t i = 0; i < r->message.num_fds; i++)
                fd_close(r->message.fds[i]);
        *r = (struct vhost_user_receiver){ 0 };
}

static int receive(struct vhost_user_receiver *r, int socket, struct err *e) {
        const struct vhost_user_header *h = &r->message.header;

        while (r->have < sizeof(*h) || r->have - sizeof(*h) < h->size) {
                int n = receive_some(r, socket, e);

                if (n <= 0)
                        return n;
                if (r->have >= sizeof(*h) && h->size > sizeof(r->message.payload))
                        return err_set(e, -EPROTO, "message %u with a payload of %u bytes", h->request, h->size);
        }
        r->whole = true;
        return 1;
}

/* After an error it is not known where a message begins, nor that one has its place. */
int vhost_user_receive(struct vhost_user_receiver *r, int socket, struct err *e) {
        int n;

        if (r->failed < 0)
                return err_set(e, r->failed, "the connection has failed before");
        if (r->whole)
                vhost_user_receiver_done(r);
        n = receive(r, socket, e);
        r->failed = MIN(n, 0);
        return n;
}

int vhost_user_send(int socket, const struct vhost_user_message *m) {
        struct iovec iov[] = {
                { (void *) &m->header, sizeof(m->header) },
                { (void *) &m->payload, m->header.size },
        };
        union control control = { 0 };
        struct msghdr h = { .msg_iov = iov, .msg_iovlen = ELEMENTSOF(iov) };
        ssize_t n;

        if (m->header.size > sizeof(m->payload) || m->num_fds > VHOST_USER_FDS_MAX)
                return -EMSGSIZE;
        if (m->num_fds > 0) {
                h.msg_control = &control;
                h.msg_controllen = CMSG_SPACE(m->num_fds * sizeof(int));
                control.align.cmsg_level = SOL_SOCKET;
                control.align.cmsg_type = SCM_RIGHTS;
                control.align.cmsg_len = CMSG_LEN(m->num_fds * sizeof(int));
                memcpy(CMSG_DATA(&control.align), m->fds, m->num_fds * sizeof(int));
        }
        do
                n = sendmsg(socket, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        /* The kernel takes so few bytes as a whole, or none. */
        return (size_t) n == sizeof(m->header) + m->header.size ? 0 : -EAGAIN;
}

void vhost_user_reply(struct vhost_user_message *reply, const struct vhost_user_header *request) {
        *reply = (struct vhost_user_message){
                .header = { .request = request->request, .flags = VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY },
        };
}

void vhost_user_reply_u64(struct vhost_user_message *reply, const struct vhost_user_header *request, uint64_t value) {
        vhost_user_reply(reply, request);
        reply->header.size = sizeof(reply->payload.u64);
        reply->payload.u64 = value;
}
