/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "virtio/fake_peer.h"

struct fixture {
        int ours, theirs;
        unsigned fds; /* that were open before */
        struct vhost_user_receiver receiver;
        struct err e;
};

static int set_up(void **state) {
        static struct fixture f;
        int pair[2];

        f = (struct fixture){ .fds = count_fds() };
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        f.ours = pair[0];
        f.theirs = pair[1];
        *state = &f;
        return 0;
}

/* Whatever a test received: no descriptor is left over. */
static int tear_down(void **state) {
        struct fixture *f = *state;

        vhost_user_receiver_done(&f->receiver);
        close(f->ours);
        close(f->theirs);
        assert_int_equal(count_fds(), f->fds);
        return 0;
}

static int receive(struct fixture *f) {
        f->e = (struct err){ 0 };
        return vhost_user_receive(&f->receiver, f->ours, &f->e);
}

static void test_message_comes_as_it_was_sent(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_SET_MEM_TABLE, 8 + 2 * 32);
        const struct vhost_user_message *got = &f->receiver.message;

        m.payload.memory.count = 2;
        m.payload.memory.regions[1] = (struct vhost_user_region){ 1, 2, 3, 4 };
        m.num_fds = 2;
        m.fds[0] = m.fds[1] = f->theirs;
        assert_int_equal(receive(f), 0);
        assert_int_equal(vhost_user_send(f->theirs, &m), 0);
        assert_int_equal(vhost_user_send(f->theirs, &m), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(receive(f), 1);
                assert_int_equal(vhost_user_check(vhost_user_rule(got->header.request), got, 0, &f->e), 0);
                assert_memory_equal(&got->header, &m.header, sizeof(m.header));
                assert_memory_equal(&got->payload, &m.payload, sizeof(m.payload));
                assert_int_equal(got->num_fds, 2);
        }
        assert_int_equal(receive(f), 0);
}

/* A descriptor that is taken outlives the message. */
static void test_descriptors_may_be_taken(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_SET_VRING_KICK, 8);
        int fd;

        m.num_fds = 1;
        m.fds[0] = f->theirs;
        assert_int_equal(vhost_user_send(f->theirs, &m), 0);
        assert_int_equal(receive(f), 1);
        fd = TAKE_FD(f->receiver.message.fds[0]);
        assert_int_equal(receive(f), 0);
        assert_int_equal(close(fd), 0);
}

/* Byte by byte, the descriptors with any of them: one message, and not one byte of the next. */
static void test_message_may_come_in_pieces(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_SET_VRING_ADDR, 40);
        uint8_t bytes[2 * (12 + 40)];

        m.payload.address.log = 0x1122334455667788;
        memcpy(bytes, &m.header, 12);
        memcpy(bytes + 12, &m.payload, 40);
        memcpy(bytes + 52, bytes, 52);
        for (size_t with = 0; with < 52; with++) {
                for (size_t i = 0; i < 52; i++) {
                        assert_int_equal(send_bytes(f->theirs, bytes + i, 1, f->theirs, i == with), 1);
                        assert_int_equal(receive(f), i == 51);
                }
                assert_int_equal(f->receiver.message.num_fds, 1);
                assert_int_equal(f->receiver.message.payload.address.log, m.payload.address.log);
        }
        assert_int_equal(send_bytes(f->theirs, bytes, sizeof(bytes), -1, 0), sizeof(bytes));
        assert_int_equal(receive(f), 1);
        assert_int_equal(receive(f), 1);
        assert_int_equal(receive(f), 0);
}

static void test_end_of_the_stream_is_told(void **state) {
        struct fixture *f = *state;

        assert_int_equal(send_bytes(f->theirs, "abc", 3, f->theirs, 3), 3);
        assert_int_equal(shutdown(f->theirs, SHUT_WR), 0);
        assert_int_equal(receive(f), -ECONNRESET);
        assert_non_null(strstr(f->e.text, "in the middle of a message"));
        vhost_user_receiver_done(&f->receiver);
        assert_int_equal(receive(f), -ECONNRESET);
        assert_null(strstr(f->e.text, "middle"));
}

static void test_too_much_is_refused_as_it_comes(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_SET_CONFIG, sizeof(m.payload) + 1);

        assert_int_equal(send_bytes(f->theirs, &m.header, 12, f->theirs, 2), 12);
        assert_int_equal(receive(f), -EPROTO);
        vhost_user_receiver_done(&f->receiver);

        m.header.size = 0;
        assert_int_equal(send_bytes(f->theirs, &m.header, 12, f->theirs, 9), 12);
        assert_int_equal(receive(f), -EPROTO);
        vhost_user_receiver_done(&f->receiver);

        /* Five and five, in two pieces of one message. */
        assert_int_equal(send_bytes(f->theirs, &m.header, 6, f->theirs, 5), 6);
        assert_int_equal(receive(f), 0);
        assert_int_equal(send_bytes(f->theirs, (uint8_t *) &m.header + 6, 6, f->theirs, 5), 6);
        assert_int_equal(receive(f), -EPROTO);
}

/* Whoever asks again: what follows a message that is too long has no place. */
static void test_nothing_is_read_after_an_error(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_SET_CONFIG, UINT32_MAX);
        uint8_t rest[2 * sizeof(m)] = { 0xff };

        assert_int_equal(send_bytes(f->theirs, &m.header, 12, -1, 0), 12);
        assert_int_equal(send_bytes(f->theirs, rest, sizeof(rest), -1, 0), sizeof(rest));
        assert_int_equal(receive(f), -EPROTO);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(receive(f), -EPROTO);
        assert_int_equal(f->receiver.message.num_fds, 0);
        assert_int_equal(recv(f->ours, rest, sizeof(rest), MSG_DONTWAIT), sizeof(rest));
}

static void test_sender_is_held_to_the_same_limits(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_SET_CONFIG, sizeof(m.payload) + 1);

        assert_int_equal(vhost_user_send(f->theirs, &m), -EMSGSIZE);
        m.header.size = 0;
        m.num_fds = VHOST_USER_FDS_MAX + 1;
        assert_int_equal(vhost_user_send(f->theirs, &m), -EMSGSIZE);
        m.num_fds = 0;
        for (int i = 0; i < 100000; i++) { /* nobody reads: it does not block */
                int r = vhost_user_send(f->theirs, &m);

                if (r == -EAGAIN)
                        return;
                assert_int_equal(r, 0);
        }
        fail();
}

/* ---- form --------------------------------------------------------------------------------------------- */

#define ALL UINT64_MAX
#define V   VHOST_USER_VERSION

static int check(struct fixture *f, struct vhost_user_message *m, uint64_t features) {
        f->e = (struct err){ 0 };
        return vhost_user_check(vhost_user_rule(m->header.request), m, features, &f->e);
}

/* Each known request passes with the least and the most that its row allows, and with nothing beyond it. */
static void test_every_row_holds_its_borders(void **state) {
        struct fixture *f = *state;
        unsigned known = 0;

        for (uint32_t request = 0; request < _VHOST_USER_REQUEST_MAX + 10; request++) {
                const struct vhost_user_rule *rule = vhost_user_rule(request);
                struct vhost_user_message m = make_request(request, 0);

                if (!rule) {
                        assert_int_equal(check(f, &m, ALL), -EPROTO);
                        continue;
                }
                known++;
                m.header.size = rule->size_min;
                m.num_fds = rule->fds_min;
                if (rule->fds_max == 1 && rule->fds_min == 0 && rule->size_min == 8) /* SET_VRING_KICK … */
                        m.payload.u64 = VHOST_USER_VRING_NO_FD;
                assert_int_equal(check(f, &m, ALL), 0);
                if (rule->needs)
                        assert_int_equal(check(f, &m, ALL & ~rule->needs), -EPROTO);
                if (rule->size_min > 0) {
                        m.header.size = rule->size_min - 1U;
                        assert_int_equal(check(f, &m, ALL), -EPROTO);
                }
                m.header.size = rule->size_max + 1U;
                assert_int_equal(check(f, &m, ALL), -EPROTO);
                m.header.size = rule->size_min;
                m.num_fds = rule->fds_max + 1U;
                assert_int_equal(check(f, &m, ALL), -EPROTO);
                if (rule->fds_min > 0) {
                        m.num_fds = rule->fds_min - 1U;
                        assert_int_equal(check(f, &m, ALL), -EPROTO);
                }
                assert_true(rule->size_max <= sizeof(m.payload) && rule->reply_max <= sizeof(m.payload));
                assert_true(rule->fds_max <= VHOST_USER_FDS_MAX && rule->reply_fds <= VHOST_USER_FDS_MAX);
        }
        assert_true(known > 20);
}

static void test_counts_in_the_payload_agree_with_its_size(void **state) {
        struct fixture *f = *state;
        static const struct {
                struct vhost_user_message m;
                int expected;
        } rows[] = {
        /* clang-format off */
#define MEMORY(size, n, with) .m = { .header = { VHOST_USER_SET_MEM_TABLE, V, size }, .payload.memory.count = (n), .num_fds = (with) }
                { MEMORY(8, 0, 0), 0 },
                { MEMORY(40, 1, 1), 0 },
                { MEMORY(264, 8, 8), 0 },
                { MEMORY(264, 9, 8), -EPROTO },
                { MEMORY(40, UINT32_MAX, 1), -EPROTO },
                { MEMORY(40, 0x8000001, 1), -EPROTO }, /* 8 + 32 n is 40 again, in 32 bits */
                { MEMORY(40, 1, 0), -EPROTO },
                { MEMORY(40, 1, 2), -EPROTO },
                { MEMORY(72, 1, 1), -EPROTO },
#define CONFIG(bytes, at, n) .m = { .header = { VHOST_USER_SET_CONFIG, V, bytes }, .payload.config = { .offset = (at), .size = (n) } }
                { CONFIG(12, 0, 0), 0 },
                { CONFIG(268, 0, 256), 0 },
                { CONFIG(268, 1, 256), -EPROTO },
                { CONFIG(13, 255, 1), 0 },
                { CONFIG(13, 256, 1), -EPROTO },
                { CONFIG(13, UINT32_MAX, 1), -EPROTO },
                { CONFIG(13, 0, 2), -EPROTO },
                { CONFIG(12, 0, UINT32_MAX), -EPROTO },
#define KICK(value, with) .m = { .header = { VHOST_USER_SET_VRING_KICK, V, 8 }, .payload.u64 = (value), .num_fds = (with) }
                { KICK(255, 1), 0 },
                { KICK(0x100, 0), 0 },
                { KICK(0x100, 1), -EPROTO },
                { KICK(0, 0), -EPROTO },
                { KICK(0x200, 1), -EPROTO },
                { KICK(UINT64_C(1) << 63, 1), -EPROTO },
#define FLAGS(value) .m = { .header = { VHOST_USER_GET_FEATURES, value, 0 } }
                { FLAGS(V), 0 },
                { FLAGS(V | VHOST_USER_FLAG_NEED_REPLY), 0 },
                { FLAGS(0), -EPROTO },
                { FLAGS(2), -EPROTO },
                { FLAGS(V | VHOST_USER_FLAG_REPLY), -EPROTO },
                { FLAGS(V | 0x10), -EPROTO },
                /* clang-format on */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct vhost_user_message m = rows[i].m;

                assert_int_equal(check(f, &m, ALL), rows[i].expected);
                assert_int_equal(f->e.code, rows[i].expected);
        }
}

static int check_reply(struct fixture *f, uint32_t request, struct vhost_user_message *m) {
        struct vhost_user_header h = { request, V, 0 };

        f->e = (struct err){ 0 };
        return vhost_user_check_reply(vhost_user_rule(request), &h, m, &f->e);
}

static void test_replies_are_checked_as_well(void **state) {
        struct fixture *f = *state;
        struct vhost_user_header h = { VHOST_USER_GET_FEATURES, V, 0 };
        struct vhost_user_message m;

        vhost_user_reply_u64(&m, &h, 42);
        assert_int_equal(check_reply(f, VHOST_USER_GET_FEATURES, &m), 0);
        assert_int_equal(check_reply(f, VHOST_USER_GET_QUEUE_NUM, &m), -EPROTO);
        m.num_fds = 1;
        assert_int_equal(check_reply(f, VHOST_USER_GET_FEATURES, &m), -EPROTO);
        m.num_fds = 0;
        m.header.size = 4;
        assert_int_equal(check_reply(f, VHOST_USER_GET_FEATURES, &m), -EPROTO);
        m.header.size = 8;
        m.header.flags = V;
        assert_int_equal(check_reply(f, VHOST_USER_GET_FEATURES, &m), -EPROTO);

        /* Asked for by NEED_REPLY: a number. */
        h.request = VHOST_USER_SET_MEM_TABLE;
        vhost_user_reply_u64(&m, &h, 0);
        assert_int_equal(check_reply(f, VHOST_USER_SET_MEM_TABLE, &m), 0);

        h.request = VHOST_USER_GET_CONFIG;
        vhost_user_reply(&m, &h);
        assert_int_equal(check_reply(f, VHOST_USER_GET_CONFIG, &m), 0);
        m.header.size = 11;
        assert_int_equal(check_reply(f, VHOST_USER_GET_CONFIG, &m), -EPROTO);
        m.header.size = 12 + 8;
        m.payload.config.size = 9;
        assert_int_equal(check_reply(f, VHOST_USER_GET_CONFIG, &m), -EPROTO);
        m.payload.config.size = 8;
        assert_int_equal(check_reply(f, VHOST_USER_GET_CONFIG, &m), 0);

        h.request = VHOST_USER_GET_INFLIGHT_FD;
        vhost_user_reply(&m, &h);
        m.header.size = sizeof(m.payload.inflight);
        m.num_fds = 1;
        assert_int_equal(check_reply(f, VHOST_USER_GET_INFLIGHT_FD, &m), 0);
}

static void test_an_answer_is_due_if_asked_for(void **state) {
        const struct vhost_user_rule *get = vhost_user_rule(VHOST_USER_GET_FEATURES);
        const struct vhost_user_rule *set = vhost_user_rule(VHOST_USER_SET_FEATURES);
        struct vhost_user_header plain = { .flags = V }, asks = { .flags = V | VHOST_USER_FLAG_NEED_REPLY };

        (void) state;
        assert_true(vhost_user_replies(get, &plain));
        assert_false(vhost_user_replies(set, &plain));
        assert_true(vhost_user_replies(set, &asks));
}

static void test_the_back_ends_own_requests_have_rows(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, 0);
        const struct vhost_user_rule *rule = vhost_user_backend_rule(m.header.request);

        assert_non_null(rule);
        assert_int_equal(vhost_user_check(rule, &m, ALL, &f->e), 0);
        assert_int_equal(vhost_user_check(rule, &m, 0, &f->e), -EPROTO);
        assert_null(vhost_user_backend_rule(1));
        assert_null(vhost_user_backend_rule(UINT32_MAX));
}

/* ---- anything ----------------------------------------------------------------------------------------- */

#define ROUNDS 20000

/* Mutated requests, cut anywhere, with any number of descriptors: a message or a refusal, and nothing stays open. */
static void test_any_bytes_are_a_message_or_refused(void **state) {
        struct fixture *f = *state;
        uint64_t seed = (uint64_t) getpid();
        unsigned whole = 0, refused = 0;

        print_message("# seed %llu\n", (unsigned long long) seed);
        for (unsigned i = 0; i < ROUNDS; i++) {
                struct vhost_user_message m = make_request(next_random(&seed) % 48, 0);
                const struct vhost_user_rule *rule = vhost_user_rule(m.header.request);
                uint8_t bytes[sizeof(m.header) + sizeof(m.payload)];
                size_t size, n = 0;
                int r = 0;

                m.header.size = next_random(&seed) % 4 || !rule ? next_random(&seed) % 300 : rule->size_max;
                memcpy(bytes, &m.header, sizeof(m.header));
                for (size_t b = sizeof(m.header); b < sizeof(bytes); b++)
                        bytes[b] = next_random(&seed) % 3 ? 0 : (uint8_t) next_random(&seed);
                if (next_random(&seed) % 8 == 0)
                        bytes[next_random(&seed) % sizeof(m.header)] ^= (uint8_t) (1 << next_random(&seed) % 8);
                size = MIN(sizeof(bytes), sizeof(m.header) + m.header.size);
                while (n < size) {
                        size_t piece = MIN(size - n, (size_t) next_random(&seed) % 300 + 1);
                        size_t fds = next_random(&seed) % 4 ? 0 : next_random(&seed) % 12;

                        if (send_bytes(f->theirs, bytes + n, piece, f->theirs, fds) < 0)
                                break;
                        n += piece;
                        r = receive(f);
                        if (r > 0) {
                                whole++;
                                (void) vhost_user_check(vhost_user_rule(f->receiver.message.header.request),
                                                        &f->receiver.message, next_random(&seed), &f->e);
                        } else if (r < 0) {
                                refused++;
                                break;
                        }
                }
                if (next_random(&seed) % 4 == 0 || r < 0) { /* a new connection */
                        tear_down(state);
                        set_up(state);
                }
        }
        assert_true(whole > ROUNDS / 10 && refused > ROUNDS / 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_message_comes_as_it_was_sent),
                TEST(test_descriptors_may_be_taken),
                TEST(test_message_may_come_in_pieces),
                TEST(test_end_of_the_stream_is_told),
                TEST(test_too_much_is_refused_as_it_comes),
                TEST(test_nothing_is_read_after_an_error),
                TEST(test_sender_is_held_to_the_same_limits),
                TEST(test_every_row_holds_its_borders),
                TEST(test_counts_in_the_payload_agree_with_its_size),
                TEST(test_replies_are_checked_as_well),
                TEST(test_an_answer_is_due_if_asked_for),
                TEST(test_the_back_ends_own_requests_have_rows),
                TEST(test_any_bytes_are_a_message_or_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
