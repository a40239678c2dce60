/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test is a vhost-user front-end that sends anything. */
#include "virtio/fake_front_end.h"

#define ROUNDS      6000
#define NOT_OFFERED (VHOST_USER_PROTOCOL(CONFIGURE_MEM_SLOTS) | VHOST_USER_PROTOCOL(STATUS))

/* A number that some check lets through, more often than chance would. */
static uint64_t likely(uint64_t *seed) {
        static const uint64_t values[] = {
                0,          1,        2, 8, 16, 0xff, 0x100, 4096, RAM_SIZE, RAM_BASE, USER_BASE, USER_BASE + 0x5000,
                UINT64_MAX, FEATURES,
        };
        uint64_t v = values[next_random(seed) % ELEMENTSOF(values)];

        return next_random(seed) % 8 ? v : v + next_random(seed);
}

/* Rarely one that is not known: it ends the connection, and with it what others could have done. */
static uint32_t next_request(uint64_t *seed) {
        uint32_t request;

        do
                request = next_random(seed) % _VHOST_USER_REQUEST_MAX;
        while ((!vhost_user_rule(request) || (vhost_user_rule(request)->needs & NOT_OFFERED)) &&
               next_random(seed) % 32);
        return request;
}

static void mutate(struct vhost_user_message *m, uint64_t *seed) {
        uint64_t words[sizeof(m->payload) / 8];

        if (next_random(seed) % 3)
                return;
        memcpy(words, &m->payload, sizeof(words));
        for (unsigned n = 1 + next_random(seed) % 3; n > 0; n--)
                words[next_random(seed) % 6] = likely(seed);
        memcpy(&m->payload, words, sizeof(words));
        if (next_random(seed) % 8 == 0)
                m->header.size = next_random(seed) % 64;
        if (next_random(seed) % 16 == 0)
                m->header.flags ^= 1U << next_random(seed) % 6;
}

/* Whole messages in any order, wrong in a place or two, on rings full of rubbish: it serves on, and nothing stays open. */
static void test_any_messages_in_any_order_do_no_harm(void **state) {
        struct fixture *f = *state;
        uint64_t seed = (uint64_t) getpid();
        unsigned connections = 0;
        uint8_t *ram;
        int ram_fd = new_ram(&ram);
        const int fds[] = { ram_fd, f->kick_fds[0], f->call_fds[1], f->stop_fd };

        print_message("# seed %llu\n", (unsigned long long) seed);
        for (unsigned i = 0; i < ROUNDS; i++) {
                struct vhost_user_message m = make_request(next_request(&seed), 0), reply;
                const struct vhost_user_rule *rule = vhost_user_rule(m.header.request);
                unsigned index = next_random(&seed) % 8 ? next_random(&seed) % QUEUES : next_random(&seed);

                if (f->socket < 0) {
                        front_end_up(f);
                        connections++;
                }
                m.header.size = rule ? rule->size_max : 0;
                if (next_random(&seed) % 8)
                        m.header.flags |= VHOST_USER_FLAG_NEED_REPLY;
                m.payload.state = (struct vhost_user_vring_state){ index, next_random(&seed) % 20 };
                m.num_fds = rule ? rule->fds_max : 0;
                if (m.header.request == VHOST_USER_SET_MEM_TABLE) {
                        m.payload.memory.count = m.num_fds = 1;
                        m.header.size = 40;
                        m.payload.memory.regions[0] = (struct vhost_user_region){ RAM_BASE, RAM_SIZE, USER_BASE, 0 };
                }
                if (m.header.request == VHOST_USER_SET_VRING_ADDR)
                        m.payload.address = (struct vhost_user_vring_address){
                                .index = index % QUEUES,
                                .descriptors = USER_BASE,
                                .available = USER_BASE + 0x5000,
                                .used = USER_BASE + 0x8000,
                        };
                mutate(&m, &seed);
                for (size_t n = 0; n < m.num_fds; n++)
                        m.fds[n] = fds[next_random(&seed) % 3];
                for (unsigned n = 0; n < 8; n++)
                        f->guest.ram[next_random(&seed) % 0x9000] = (uint8_t) next_random(&seed);
                memcpy(ram, f->guest.ram, 0x9000);
                (void) eventfd_write(f->kick_fds[index % QUEUES], 1);
                if (m.header.size > sizeof(m.payload))
                        m.header.size = sizeof(m.payload);
                if (vhost_user_send(f->socket, &m) < 0)
                        fail();
                settle(f);
                if (receive_reply(f, &reply) < 0 || next_random(&seed) % 64 == 0) {
                        close(f->socket);
                        f->socket = -1;
                        settle(f);
                        for (unsigned q = 0; q < QUEUES; q++)
                                fake_queue_init(&f->queues[q], &f->guest, q, QUEUE_SIZE);
                }
                for (size_t n = 0; n < reply.num_fds; n++)
                        close(reply.fds[n]);
        }
        assert_true(connections > ROUNDS / 100 && connections < ROUNDS / 2);
        munmap(ram, RAM_SIZE);
        close(ram_fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                FRONT_END_TEST(test_any_messages_in_any_order_do_no_harm),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
