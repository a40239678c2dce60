/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker as a vhost-user back-end, and a front-end that sends anything: messages as they should be but for some of
 * their bytes, in any order, with any descriptors, or no messages at all; while rings are full of rubbish and the
 * device holds requests. It answers in form, touches no byte that the front-end has not given it, keeps no
 * descriptor once the front-end is gone, and serves the next one.
 */
#include "fuzz/vhost_user_worker.h"

#define STEPS_MAX 100
#define PROTOCOL                                                                                                       \
        (VHOST_USER_PROTOCOL(MQ) | VHOST_USER_PROTOCOL(REPLY_ACK) | VHOST_USER_PROTOCOL(BACKEND_REQ) |                 \
         VHOST_USER_PROTOCOL(CONFIG) | VHOST_USER_PROTOCOL(INFLIGHT_SHMFD) | VHOST_USER_PROTOCOL(RESET_DEVICE))

enum step {
        STEP_MESSAGE,
        STEP_BYTES,
        STEP_KICK,
        STEP_POKE, /* the guest's memory */
        STEP_HOLD, /* requests, from now on or no longer */
        STEP_RETURN,
        STEP_CONFIG, /* the device's changes */
        STEP_DEAF,   /* answers are not read any more */
        STEP_FULL,   /* an eventfd takes no more */
        STEP_NEXT,   /* front-end */
        _STEP_MAX,
};

/* What a front-end may send along. */
enum descriptor {
        FD_RAM,
        FD_MORE,
        FD_KICK,
        FD_WAITS, /* an eventfd whose writer waits */
        FD_RECORD,
        FD_PIPE,
        FD_NULL,
        FD_SOCKET,
        _FD_MAX,
};

static struct {
        int socket;
        int fds[_FD_MAX];
        int record; /* FD_RECORD, until the back-end makes another */
        int reader; /* the other end of FD_SOCKET */
        uint8_t *ram;
        bool deaf, lost; /* lost: it is not known any more what an answer belongs to */
        struct vhost_user_receiver receiver;
        struct vhost_user_header asked;
} peer;

/* ---- answers ------------------------------------------------------------------------------------------ */

/* The device's, not what stands behind it. */
static void claim_config(const struct vhost_user_config *c) {
        CLAIM(c->offset <= VIRTIO_CONFIG_MAX && c->size <= VIRTIO_CONFIG_MAX - c->offset);
        CLAIM(memcmp(c->data, worker.device.config + c->offset, c->size) == 0);
}

static void claim_answer(const struct vhost_user_message *m) {
        const struct vhost_user_rule *rule = vhost_user_rule(peer.asked.request);
        struct err e = { 0 };

        if (peer.lost || m->header.request != peer.asked.request)
                return;
        CLAIM(rule);
        CLAIM(vhost_user_check_reply(rule, &peer.asked, m, &e) == 0);
        if (m->header.request == VHOST_USER_GET_CONFIG)
                claim_config(&m->payload.config);
}

static void hang_up(void) {
        vhost_user_receiver_done(&peer.receiver);
        if (peer.socket >= 0)
                close(peer.socket);
        peer.socket = -1;
}

static void keep_record(int fd) {
        if (peer.fds[FD_RECORD] != peer.record)
                close(peer.fds[FD_RECORD]);
        peer.fds[FD_RECORD] = fd;
}

/* Return: false once the connection has ended. */
static bool read_answers(void) {
        struct vhost_user_message *m = &peer.receiver.message;
        int r;

        while ((r = vhost_user_receive(&peer.receiver, peer.socket, NULL)) > 0) {
                claim_answer(m);
                if (m->header.request != VHOST_USER_GET_INFLIGHT_FD || m->num_fds != 1)
                        continue;
                keep_record(TAKE_FD(m->fds[0]));
        }
        return r == 0;
}

/* Return: false if nobody listens to this front-end any more. */
static bool settle(void) {
        run();
        if (peer.deaf || read_answers())
                return true;
        hang_up();
        run();
        return false;
}

/* ---- messages ----------------------------------------------------------------------------------------- */

/* As a good front-end would send it for that queue. */
static struct vhost_user_message good_message(uint32_t request, unsigned q, uint8_t value) {
        struct vhost_user_message m = { .header = { request, VHOST_USER_VERSION, 0 } };
        const struct vhost_user_rule *rule = vhost_user_rule(request);
        uint64_t user = USER_BASE + q * QUEUE_SPACE;

        if (rule) {
                m.header.size = rule->size_max;
                m.num_fds = rule->fds_max;
        }
        m.payload.u64 = q;
        switch (request) {
        case VHOST_USER_SET_FEATURES:
                m.payload.u64 = (uint64_t) value << 28 | VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
                break;
        case VHOST_USER_SET_PROTOCOL_FEATURES:
                m.payload.u64 = value == 0 ? PROTOCOL : value;
                break;
        case VHOST_USER_SET_MEM_TABLE:
                m.num_fds = m.payload.memory.count = 1 + (value & 1);
                m.header.size = (uint32_t) offsetof(struct vhost_user_memory, regions[m.num_fds]);
                m.payload.memory.regions[0] = (struct vhost_user_region){ RAM_BASE, RAM_SIZE, USER_BASE, 0 };
                m.payload.memory.regions[1] =
                        (struct vhost_user_region){ RAM_BASE + RAM_SIZE, MORE_SIZE, USER_BASE + RAM_SIZE, 0 };
                break;
        case VHOST_USER_SET_VRING_NUM:
                m.payload.state.value = QUEUE_SIZE;
                break;
        case VHOST_USER_SET_VRING_ADDR:
                m.payload.address = (struct vhost_user_vring_address){
                        .index = q, .descriptors = user, .available = user + 0x1000, .used = user + 0x1800
                };
                break;
        case VHOST_USER_SET_VRING_ENABLE:
                m.payload.state.value = value != 1;
                break;
        case VHOST_USER_GET_CONFIG:
        case VHOST_USER_SET_CONFIG:
                m.payload.config = (struct vhost_user_config){ .offset = value, .size = 8 };
                m.header.size = VHOST_USER_CONFIG_HEADER + 8;
                break;
        case VHOST_USER_GET_INFLIGHT_FD:
        case VHOST_USER_SET_INFLIGHT_FD:
                m.payload.inflight = (struct vhost_user_inflight){ .size = inflight_part_size(QUEUE_SIZE) * QUEUES,
                                                                   .num_queues = QUEUES,
                                                                   .queue_size = QUEUE_SIZE };
                break;
        }
        return m;
}

/* Which descriptors a good front-end would send; FD_RAM, then FD_MORE, with a table of memory. */
static enum descriptor good_descriptor(uint32_t request, unsigned n) {
        if (request == VHOST_USER_SET_INFLIGHT_FD)
                return FD_RECORD;
        if (request == VHOST_USER_SET_BACKEND_REQ_FD)
                return FD_SOCKET;
        return request == VHOST_USER_SET_MEM_TABLE ? FD_RAM + n : FD_KICK;
}

static void patch(struct input *in, struct vhost_user_message *m) {
        static const uint64_t edges[] = { 0,          1,
                                          2,          0xff,
                                          0x100,      0x1000,
                                          RAM_BASE,   RAM_SIZE,
                                          USER_BASE,  UINT64_MAX,
                                          UINT32_MAX, RAM_BASE + RAM_SIZE,
                                          MORE_SIZE,  0x40000000000 };
        uint8_t at = input_u8(in), kind = input_u8(in);
        uint64_t value = kind & 0x80 ? input_u64(in) : edges[kind % ELEMENTSOF(edges)];
        size_t size = kind & 0x40 ? 4 : sizeof(value);

        if (at == 0xff)
                m->header.size = (uint32_t) value;
        else if (at == 0xfe)
                m->header.flags = (uint32_t) value;
        else if (at == 0xfd)
                m->num_fds = value % (VHOST_USER_FDS_MAX + 1);
        else
                memcpy((uint8_t *) &m->payload + at * 4 % (sizeof(m->payload) - sizeof(value)), &value, size);
}

/* "how": bit 0: no answer is asked for; bit 1: other descriptors; from bit 2 on: how many patches. */
static void send_message(struct input *in, unsigned q) {
        uint32_t request = input_u8(in);
        uint8_t how = input_u8(in);
        struct vhost_user_message m = good_message(request, q, input_u8(in));

        if (!(how & 1))
                m.header.flags |= VHOST_USER_FLAG_NEED_REPLY;
        for (unsigned n = (how >> 2) % 8; n > 0; n--)
                patch(in, &m);
        for (unsigned n = 0; n < m.num_fds; n++)
                m.fds[n] = peer.fds[(how & 2 ? input_u8(in) : good_descriptor(request, n)) % _FD_MAX];
        if (m.header.size > sizeof(m.payload))
                m.header.size = sizeof(m.payload);
        peer.asked = m.header;
        if (vhost_user_send(peer.socket, &m) < 0)
                peer.lost = true;
}

static void send_bytes(struct input *in) {
        uint8_t bytes[64];
        size_t size = input_u8(in) % sizeof(bytes);

        input_take(in, bytes, size);
        if (size > 0)
                (void) send(peer.socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        peer.lost = true;
}

static void poke(struct input *in) {
        uint64_t value;
        size_t at = input_u16(in) % (RAM_SIZE - sizeof(value));

        value = input_u64(in);
        memcpy(peer.ram + at, &value, 1 + input_u8(in) % sizeof(value));
}

static void return_held(unsigned q, unsigned which) {
        uint16_t *held = worker.held[q], head;

        if (worker.num_held[q] == 0)
                return;
        which %= worker.num_held[q];
        head = held[which];
        memmove(&held[which], &held[which + 1], (--worker.num_held[q] - which) * sizeof(*held));
        virtqueue_return(&worker.device.queues[q], head, 0);
}

/* ---- one input ---------------------------------------------------------------------------------------- */

static void call_in(void) {
        peer.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CLAIM(connect(peer.socket, (struct sockaddr *) &worker.address, sizeof(worker.address)) == 0);
        peer.deaf = peer.lost = false;
        run();
}

static void one_step(struct input *in) {
        uint8_t byte = input_u8(in);
        unsigned q = byte >> 7;

        switch ((enum step)(byte % 0x80 % _STEP_MAX)) {
        case STEP_MESSAGE:
                send_message(in, q);
                break;
        case STEP_BYTES:
                send_bytes(in);
                break;
        case STEP_KICK:
                CLAIM(eventfd_write(peer.fds[FD_KICK], 1) == 0);
                break;
        case STEP_POKE:
                poke(in);
                return;
        case STEP_HOLD:
                worker.holds = !worker.holds;
                break;
        case STEP_RETURN:
                return_held(q, input_u8(in));
                break;
        case STEP_CONFIG:
                CLAIM(eventfd_write(worker.source_fd, 1) == 0);
                break;
        case STEP_DEAF:
                peer.deaf = true;
                break;
        case STEP_FULL: /* what is full already stays so */
                (void) fcntl(peer.fds[FD_WAITS], F_SETFL, O_NONBLOCK);
                (void) eventfd_write(peer.fds[FD_WAITS], UINT64_MAX - 1);
                (void) fcntl(peer.fds[FD_WAITS], F_SETFL, 0);
                break;
        case STEP_NEXT:
                hang_up();
                run();
                break;
        case _STEP_MAX:
                break;
        }
        if (peer.socket < 0 || !settle())
                call_in();
}

static int memory(size_t size) {
        int fd = memfd_create("shared", MFD_CLOEXEC);

        CLAIM(fd >= 0 && ftruncate(fd, (off_t) size) == 0);
        return fd;
}

static void make_descriptors(void) {
        int pipes[2], sockets[2];

        if (peer.ram)
                return;
        peer.fds[FD_RAM] = memory(RAM_SIZE);
        peer.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, peer.fds[FD_RAM], 0);
        CLAIM(peer.ram != MAP_FAILED);
        peer.fds[FD_MORE] = memory(MORE_SIZE);
        peer.record = memory(inflight_part_size(QUEUE_SIZE) * QUEUES);
        peer.fds[FD_KICK] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        peer.fds[FD_WAITS] = eventfd(0, EFD_CLOEXEC);
        CLAIM(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
        peer.fds[FD_PIPE] = pipes[1];
        close(pipes[0]);
        peer.fds[FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
        CLAIM(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
        peer.fds[FD_SOCKET] = sockets[0];
        peer.reader = sockets[1];
}

static void empty_eventfd(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        eventfd_t n;

        if (poll(&p, 1, 0) > 0)
                (void) eventfd_read(fd, &n);
}

/* As they were for the input before: each is to be seen by itself. */
static void empty_descriptors(void) {
        static const uint8_t zeroes[MORE_SIZE];
        uint8_t bytes[4096];

        memset(peer.ram, 0, RAM_SIZE);
        CLAIM(pwrite(peer.fds[FD_MORE], zeroes, MORE_SIZE, 0) == MORE_SIZE);
        CLAIM(ftruncate(peer.record, 0) == 0);
        CLAIM(ftruncate(peer.record, (off_t) inflight_part_size(QUEUE_SIZE) * QUEUES) == 0);
        peer.fds[FD_RECORD] = peer.record;
        empty_eventfd(peer.fds[FD_KICK]);
        empty_eventfd(peer.fds[FD_WAITS]);
        empty_eventfd(worker.source_fd);
        while (recv(peer.reader, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
                ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct vhost_user_message m = good_message(VHOST_USER_GET_FEATURES, 0, 0);
        struct input in = { data, data + size };
        unsigned before;

        set_up_once();
        make_descriptors();
        before = count_fds();
        empty_descriptors();
        worker.holds = false;
        call_in();
        for (unsigned n = 0; n < STEPS_MAX && input_left(&in) > 0; n++)
                one_step(&in);
        hang_up();
        run();

        call_in(); /* the next front-end is served */
        peer.asked = m.header;
        CLAIM(vhost_user_send(peer.socket, &m) == 0);
        run();
        CLAIM(vhost_user_receive(&peer.receiver, peer.socket, NULL) == 1);
        claim_answer(&peer.receiver.message);
        hang_up();
        run();
        keep_record(-1);
        CLAIM(count_fds() == before);
        return 0;
}
