/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker that is killed at any instruction. It runs in a process of its own, on memory that is shared as the guest's and
 * the record of requests in flight are, and is stepped through instruction by instruction. What lies in that memory after
 * each step is what a kill would leave there: a successor, on a copy of it, must find each request that was not returned,
 * once, in order. And a successor that is killed while it mends what it has found must itself have one.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "virtio/fake_guest.h"

#define QUEUE_SIZE 8
#define PART_SIZE  192
#define IDX_START  65533 /* both rings' idx: it wraps around meanwhile */
#define LOG_MAX    64

/* What two processes share: an old worker and a new one, or a worker and who looks on. */
struct shared {
        uint8_t ram[RAM_SIZE];
        uint64_t part[PART_SIZE / 8];
        bool has_part;
        uint16_t offered[LOG_MAX]; /* the heads, in order: the driver's own book */
        unsigned num_offered;
};

/* A process' view of it. */
struct world {
        struct shared *shared;
        struct fake_guest guest;
        struct fake_queue driver;
        struct virtqueue q;
        struct virtqueue_chain chain;
};

static void world_init(struct world *w, bool is_shared) {
        w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE,
                         MAP_ANONYMOUS | (is_shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
        assert_true(w->shared != MAP_FAILED);
        w->guest.ram = w->shared->ram;
        assert_int_equal(guest_memory_new(&w->guest.memory), 0);
        assert_int_equal(guest_memory_add(w->guest.memory, RAM_BASE, RAM_SIZE, w->guest.ram), 0);
        fake_queue_init(&w->driver, &w->guest, 0, QUEUE_SIZE);
}

static void world_done(struct world *w) {
        guest_memory_free(w->guest.memory);
        munmap(w->shared, sizeof(*w->shared));
}

static void world_copy(struct world *to, const struct world *from) {
        memcpy(to->shared->ram, from->shared->ram, QUEUE_SPACE);
        memcpy(to->shared->part, from->shared->part, PART_SIZE);
        memcpy(to->shared->offered, from->shared->offered, sizeof(to->shared->offered));
        to->shared->num_offered = from->shared->num_offered;
        to->shared->has_part = from->shared->has_part;
}

static struct inflight_queue *part_of(const struct world *w) {
        return w->shared->has_part ? (struct inflight_queue *) w->shared->part : NULL;
}

static int start(struct world *w) {
        return virtqueue_start(&w->q, w->guest.memory, &w->driver.layout, 0, part_of(w));
}

static uint16_t idx_of(const struct vring_avail *available) {
        return le16toh(available->idx);
}

/* ---- a worker and its driver, in the process that is killed ---------------------------------------------- */

static void offer(struct world *w, uint16_t head) {
        fake_desc(&w->driver, head, DATA + head * 16U, 16, D_WRITE, 0);
        w->shared->offered[w->shared->num_offered++] = head;
        fake_offer(&w->driver, head);
}

static void must(bool right) {
        if (!right)
                _exit(1);
}

static void fetch(struct world *w, uint16_t head) {
        must(virtqueue_next(&w->q, &w->chain) == 1 && w->chain.head == head);
}

static void give_back(struct world *w, uint16_t head) {
        virtqueue_return(&w->q, head, 100U + head);
}

static void serve_out_of_order(struct world *w) {
        const struct virtqueue_used both[] = { { 2, 102 }, { 5, 105 } };

        must(start(w) == 0);
        offer(w, 5);
        offer(w, 0);
        offer(w, 7);
        offer(w, 2);
        fetch(w, 5);
        fetch(w, 0);
        fetch(w, 7);
        give_back(w, 0);
        fetch(w, 2);
        virtqueue_put_back(&w->q);
        give_back(w, 7);
        fetch(w, 2);
        virtqueue_return_all(&w->q, both, 2);
        offer(w, 0);
        offer(w, 7);
        offer(w, 5);
        fetch(w, 0);
        fetch(w, 7);
        give_back(w, 7);
        virtqueue_stop(&w->q);
        must(start(w) == 0); /* an orderly end, and the next one */
        fetch(w, 0);
        if (!w->shared->has_part)
                fetch(w, 7);
        fetch(w, 5);
        give_back(w, 5);
        if (!w->shared->has_part)
                give_back(w, 7);
        give_back(w, 0);
        virtqueue_suppress_kicks(&w->q);
        must(!virtqueue_allow_kicks(&w->q));
}

/* What every successor does: takes over, and serves what there is. */
static void serve_what_is_left(struct world *w) {
        uint16_t heads[QUEUE_SIZE];
        unsigned n = 0;

        must(start(w) == 0);
        while (virtqueue_next(&w->q, &w->chain) == 1)
                heads[n++] = w->chain.head;
        while (n > 0)
                give_back(w, heads[--n]);
}

/* ---- who looks on ---------------------------------------------------------------------------------------- */

struct watcher {
        struct world *watched;
        struct world successor; /* on a copy */
        uint16_t used[LOG_MAX]; /* what the driver has got back so far */
        unsigned num_used;
        unsigned states;
        /* Called for each state that a kill could leave, the used ring's log being up to date. May be NULL. */
        void (*also)(struct watcher *w);

        uint8_t rings_before[QUEUE_SPACE];
        uint8_t part_before[PART_SIZE];
};

static void note_used(struct watcher *w) {
        const struct vring_used *used = w->watched->driver.used;
        uint16_t idx = le16toh(used->idx);

        for (; (uint16_t) (IDX_START + w->num_used) != idx; w->num_used++) {
                const vring_used_elem_t *e = &used->ring[(IDX_START + w->num_used) & (QUEUE_SIZE - 1)];

                assert_int_equal(le32toh(e->len), 100 + le32toh(e->id)); /* it was there before idx was */
                w->used[w->num_used] = (uint16_t) le32toh(e->id);
        }
}

/* The heads that the driver waits for, in the order in which it has announced them. */
static unsigned outstanding(const struct watcher *w, uint16_t *heads) {
        const struct shared *s = w->watched->shared;
        unsigned announced = (uint16_t) (idx_of(w->watched->driver.avail) - IDX_START), n = 0;
        bool taken[LOG_MAX] = { false };

        for (unsigned u = 0; u < w->num_used; u++) {
                unsigned i = 0;

                while (i < announced && (taken[i] || s->offered[i] != w->used[u]))
                        i++;
                assert_true(i < announced); /* nothing comes back that was not outstanding */
                taken[i] = true;
        }
        for (unsigned i = 0; i < announced; i++)
                if (!taken[i])
                        heads[n++] = s->offered[i];
        return n;
}

static void check_successor(struct watcher *w) {
        struct world *s = &w->successor;
        uint16_t heads[LOG_MAX];
        unsigned n = outstanding(w, heads);

        world_copy(s, w->watched);
        assert_int_equal(start(s), 0);
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(virtqueue_next(&s->q, &s->chain), 1);
                assert_int_equal(s->chain.head, heads[i]);
        }
        assert_int_equal(virtqueue_next(&s->q, &s->chain), 0);
        for (unsigned i = n; i-- > 0;)
                give_back(s, heads[i]);
        assert_int_equal(le16toh(s->driver.used->idx), idx_of(s->driver.avail));
        assert_int_equal(start(s), 0);
        assert_int_equal(virtqueue_next(&s->q, &s->chain), 0);
}

static void look(struct watcher *w) {
        const struct shared *s = w->watched->shared;

        if (memcmp(w->rings_before, s->ram, QUEUE_SPACE) == 0 && memcmp(w->part_before, s->part, PART_SIZE) == 0)
                return;
        memcpy(w->rings_before, s->ram, QUEUE_SPACE);
        memcpy(w->part_before, s->part, PART_SIZE);
        w->states++;
        note_used(w);
        check_successor(w);
        if (w->also)
                w->also(w);
}

/* Runs @serve to its end, one instruction after the other. */
static void step_through(struct watcher *w, void (*serve)(struct world *)) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                must(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 && raise(SIGSTOP) == 0);
                serve(w->watched);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        while (WIFSTOPPED(status)) {
                assert_true(WSTOPSIG(status) == SIGSTOP || WSTOPSIG(status) == SIGTRAP);
                look(w);
                assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
        }
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void watcher_init(struct watcher *w, struct world *watched) {
        *w = (struct watcher){ .watched = watched };
        world_init(&w->successor, false);
}

/* ---- the tests ------------------------------------------------------------------------------------------- */

static struct world worker, second;
static struct watcher watcher, second_watcher;
static unsigned halves;

static int set_up(void **state) {
        (void) state;
        world_init(&worker, true);
        world_init(&second, true);
        worker.driver.avail->idx = worker.driver.used->idx = htole16(IDX_START);
        watcher_init(&watcher, &worker);
        watcher_init(&second_watcher, &second);
        halves = 0;
        return 0;
}

static int tear_down(void **state) {
        (void) state;
        world_done(&watcher.successor);
        world_done(&second_watcher.successor);
        world_done(&worker);
        world_done(&second);
        return 0;
}

static void test_inflight_survives_a_kill_at_any_instruction(void **state) {
        uint16_t heads[LOG_MAX];

        (void) state;
        worker.shared->has_part = true;
        step_through(&watcher, serve_out_of_order);
        assert_int_equal(outstanding(&watcher, heads), 0);
        assert_int_equal(watcher.num_used, 7);
        assert_true(watcher.states > 60);
}

/* A part that somebody has used before, and that was forgotten: nothing in it means anything. */
static void test_inflight_begins_anew_at_any_instruction(void **state) {
        struct inflight_queue *part = (struct inflight_queue *) worker.shared->part;

        (void) state;
        worker.shared->has_part = true;
        memset(part, 0xff, PART_SIZE);
        inflight_forget(part);
        for (uint16_t head = 0; head < 3; head++)
                offer(&worker, head);
        step_through(&watcher, serve_what_is_left);
        assert_int_equal(watcher.num_used, 3);
}

/* The rings alone tell it as well, if requests go back in order. */
static void test_virtqueue_survives_a_kill_at_any_instruction_without_a_record(void **state) {
        (void) state;
        step_through(&watcher, serve_out_of_order);
        assert_int_equal(watcher.num_used, 7);
        assert_true(watcher.states > 20);
}

static void kill_the_successor_too(struct watcher *w) {
        const struct inflight_queue *part = part_of(w->watched);

        if (part->used_idx == le16toh(w->watched->driver.used->idx))
                return;
        halves++;
        world_copy(&second, w->watched);
        memcpy(second_watcher.used, w->used, sizeof(w->used));
        second_watcher.num_used = w->num_used;
        step_through(&second_watcher, serve_what_is_left);
        assert_int_equal(le16toh(second.driver.used->idx), idx_of(second.driver.avail));
}

static void test_inflight_survives_a_kill_of_the_successor_at_any_instruction(void **state) {
        (void) state;
        worker.shared->has_part = true;
        watcher.also = kill_the_successor_too;
        step_through(&watcher, serve_out_of_order);
        assert_true(halves >= 12); /* each return has two such states, one of several requests more */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_inflight_survives_a_kill_at_any_instruction),
                TEST(test_inflight_begins_anew_at_any_instruction),
                TEST(test_virtqueue_survives_a_kill_at_any_instruction_without_a_record),
                TEST(test_inflight_survives_a_kill_of_the_successor_at_any_instruction),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
