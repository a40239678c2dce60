/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vhost-user protocol as a codec: layouts of messages, a table of what each
 * request carries, and their way over a stream socket, descriptors included.
 * Both ends use it: transport_vhost_user.c is the back-end. What a message does,
 * and whether it comes in its turn, is theirs to know.
 *
 * Everything is in this machine's byte order. A peer is hostile: nothing is
 * allocated by its numbers, a message has one fixed place, and each descriptor
 * that came with a refused one is closed. Names and numbers are those of the
 * "Vhost-user Protocol" document of QEMU.
 *
 * One thread a socket. Never blocks, never logs, never allocates.
 */
#pragma once

#include "base/err.h"

enum vhost_user_request {
        /* From the front-end. */
        VHOST_USER_GET_FEATURES = 1,
        VHOST_USER_SET_FEATURES = 2,
        VHOST_USER_SET_OWNER = 3,
        VHOST_USER_SET_MEM_TABLE = 5,
        VHOST_USER_SET_VRING_NUM = 8,
        VHOST_USER_SET_VRING_ADDR = 9,
        VHOST_USER_SET_VRING_BASE = 10,
        VHOST_USER_GET_VRING_BASE = 11,
        VHOST_USER_SET_VRING_KICK = 12,
        VHOST_USER_SET_VRING_CALL = 13,
        VHOST_USER_SET_VRING_ERR = 14,
        VHOST_USER_GET_PROTOCOL_FEATURES = 15,
        VHOST_USER_SET_PROTOCOL_FEATURES = 16,
        VHOST_USER_GET_QUEUE_NUM = 17,
        VHOST_USER_SET_VRING_ENABLE = 18,
        VHOST_USER_SET_BACKEND_REQ_FD = 21,
        VHOST_USER_GET_CONFIG = 24,
        VHOST_USER_SET_CONFIG = 25,
        VHOST_USER_GET_INFLIGHT_FD = 31,
        VHOST_USER_SET_INFLIGHT_FD = 32,
        VHOST_USER_RESET_DEVICE = 34,
        VHOST_USER_GET_MAX_MEM_SLOTS = 36,
        VHOST_USER_ADD_MEM_REG = 37,
        VHOST_USER_REM_MEM_REG = 38,
        VHOST_USER_SET_STATUS = 39,
        VHOST_USER_GET_STATUS = 40,
        _VHOST_USER_REQUEST_MAX,
};

/* From the back-end, on the channel of SET_BACKEND_REQ_FD. */
enum vhost_user_backend_request {
        VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2,
        _VHOST_USER_BACKEND_REQUEST_MAX,
};

/* Bits of GET_PROTOCOL_FEATURES. */
enum vhost_user_protocol_feature {
        VHOST_USER_PROTOCOL_F_MQ = 0,
        VHOST_USER_PROTOCOL_F_REPLY_ACK = 3,
        VHOST_USER_PROTOCOL_F_BACKEND_REQ = 5,
        VHOST_USER_PROTOCOL_F_CONFIG = 9,
        VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD = 12,
        VHOST_USER_PROTOCOL_F_RESET_DEVICE = 13,
        VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15,
        VHOST_USER_PROTOCOL_F_STATUS = 16,
};
#define VHOST_USER_PROTOCOL(feature) (UINT64_C(1) << VHOST_USER_PROTOCOL_F_##feature)

/* Of the virtio features: what follows it may be negotiated. No driver ever sees it. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

/* ---- layouts ------------------------------------------------------------------------------------------ */

#define VHOST_USER_VERSION         0x1U
#define VHOST_USER_VERSION_MASK    0x3U
#define VHOST_USER_FLAG_REPLY      BIT(2)
#define VHOST_USER_FLAG_NEED_REPLY BIT(3)

#define VHOST_USER_FDS_MAX     8
#define VHOST_USER_REGIONS_MAX 8
#define VHOST_USER_CONFIG_MAX  256

struct vhost_user_header {
        uint32_t request;
        uint32_t flags; /* version, VHOST_USER_FLAG_… */
        uint32_t size;  /* of the payload that follows, bytes */
};

struct vhost_user_vring_state {
        uint32_t index;
        uint32_t value;
};

/* Addresses are the front-end's own (region.user). */
struct vhost_user_vring_address {
        uint32_t index;
        uint32_t flags; /* 0: writes are not logged */
        uint64_t descriptors;
        uint64_t used;
        uint64_t available;
        uint64_t log;
};

struct vhost_user_region {
        uint64_t guest;  /* guest-physical address */
        uint64_t size;   /* bytes */
        uint64_t user;   /* where the front-end has it */
        uint64_t offset; /* in the descriptor that comes along */
};

struct vhost_user_memory {
        uint32_t count;
        uint32_t padding;
        struct vhost_user_region regions[VHOST_USER_REGIONS_MAX];
};

struct vhost_user_single_region {
        uint64_t padding;
        struct vhost_user_region region;
};

#define VHOST_USER_CONFIG_HEADER 12

struct vhost_user_config {
        uint32_t offset;
        uint32_t size; /* of data, bytes */
        uint32_t flags;
        uint8_t data[VHOST_USER_CONFIG_MAX];
};

/* Peers send it with the padding behind it or without. */
#define VHOST_USER_INFLIGHT_MIN 20

struct vhost_user_inflight {
        uint64_t size;   /* of the region, bytes */
        uint64_t offset; /* in the descriptor that comes along */
        uint16_t num_queues;
        uint16_t queue_size;
        uint32_t padding;
};

/* SET_VRING_KICK, _CALL, _ERR: u64. */
#define VHOST_USER_VRING_INDEX UINT64_C(0xff)
#define VHOST_USER_VRING_NO_FD UINT64_C(0x100)

union vhost_user_payload {
        uint64_t u64;
        struct vhost_user_vring_state state;
        struct vhost_user_vring_address address;
        struct vhost_user_memory memory;
        struct vhost_user_single_region single;
        struct vhost_user_config config;
        struct vhost_user_inflight inflight;
};

struct vhost_user_message {
        struct vhost_user_header header;
        union vhost_user_payload payload; /* header.size bytes of it count, the rest is zero */
        size_t num_fds;
        int fds[VHOST_USER_FDS_MAX]; /* who takes one puts -1 in its place (TAKE_FD) */
};

/* ---- what a request carries ------------------------------------------------------------------------------ */

struct vhost_user_rule {
        const char *name;
        uint16_t size_min, size_max; /* of the payload, bytes */
        uint8_t fds_min, fds_max;
        uint64_t needs; /* protocol features without which it must not come */
        /* True if it is answered always; else only where FLAG_NEED_REPLY asks for it, with a u64: 0 is success. */
        bool replies;
        uint16_t reply_min, reply_max; /* of the answer's payload */
        uint8_t reply_fds;             /* most that come with the answer */
};

/** vhost_user_rule() - what @request of a front-end carries; NULL for one that is not known here */
const struct vhost_user_rule *vhost_user_rule(uint32_t request);

/** vhost_user_backend_rule() - the same for one of a back-end, on its channel */
const struct vhost_user_rule *vhost_user_backend_rule(uint32_t request);

/**
 * vhost_user_check() - a request has the form that its row says
 * @rule: of vhost_user_rule() or vhost_user_backend_rule(), may be NULL
 * @protocol_features: what was negotiated
 *
 * Version, flags, payload's size (also against counts in it), number of descriptors.
 * Return: 0, or -EPROTO with @e.
 */
int vhost_user_check(const struct vhost_user_rule *rule, const struct vhost_user_message *m, uint64_t protocol_features,
                     struct err *e);

/**
 * vhost_user_check_reply() - @m is an answer to @request, and has its form
 * @request: as it was sent
 *
 * Return: 0, or -EPROTO with @e.
 */
int vhost_user_check_reply(const struct vhost_user_rule *rule, const struct vhost_user_header *request,
                           const struct vhost_user_message *m, struct err *e);

/**
 * vhost_user_replies() - an answer is due: always for some requests, for others if FLAG_NEED_REPLY asks for it
 *
 * Whether REPLY_ACK was negotiated is the asker's to mind: one that asks without waits, and would for ever. QEMU does,
 * where it connects anew to a back-end whose predecessor had it.
 */
bool vhost_user_replies(const struct vhost_user_rule *rule, const struct vhost_user_header *request);

/* ---- over the socket -------------------------------------------------------------------------------------- */

/* Zero it before its first use. */
struct vhost_user_receiver {
        struct vhost_user_message message;
        size_t have; /* bytes of it, header included */
        bool whole;
        int failed; /* nothing more is read after it */
};

/**
 * vhost_user_receive() - reads up to the end of one message, never beyond
 * @socket: a SOCK_STREAM one, of AF_UNIX
 *
 * With 1 the message is in r->message; descriptors that are not taken from it are closed by the next call
 * or by vhost_user_receiver_done(). Return: 1, 0 (not all of it is there yet), -ECONNRESET (the peer has
 * closed it), -EPROTO (larger than any message, or too many descriptors), -errno. Below 0 with @e: no
 * further message can be had.
 */
int vhost_user_receive(struct vhost_user_receiver *r, int socket, struct err *e);

/** vhost_user_receiver_done() - closes what is left of a message; ready for another socket */
void vhost_user_receiver_done(struct vhost_user_receiver *r);

/**
 * vhost_user_send() - sends a whole message with copies of its descriptors, which stay the caller's
 *
 * Return: 0 or -errno: -EAGAIN if the peer has not read for very long. After an error nothing more can be sent.
 */
int vhost_user_send(int socket, const struct vhost_user_message *m);

/** vhost_user_reply() - makes @reply an answer to @request, still without a payload */
void vhost_user_reply(struct vhost_user_message *reply, const struct vhost_user_header *request);

/** vhost_user_reply_u64() - makes @reply an answer to @request that is one number */
void vhost_user_reply_u64(struct vhost_user_message *reply, const struct vhost_user_header *request, uint64_t value);
