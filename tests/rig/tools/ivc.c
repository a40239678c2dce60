/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ivc DEVICE check             looks for broken promises of hivc.ko (kmod/uapi/hivc.h)
 * ivc DEVICE ask PEER COUNT    asks a peer as tests/payload/ivc.c does; prints how many questions were answered
 * ivc DEVICE answer COUNT      answers peers, then ends
 * ivc DEVICE notify PEER
 * ivc DEVICE raw PEER [nobody]  one question in the way of the older tool: through the control table, with poll() alone;
 *                              the latter without privileges
 */
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>

#include <hivc.h>

#include "promise.h"

#define PATIENCE_MS 10000
#define GREETING 0x68656c6c
#define PAGE 0x1000UL
#define NOBODY 65534

struct letter {
        volatile uint32_t greeting;
        volatile uint32_t number;
        volatile char text[56];
};

static int fd;
static struct hivc_info info;

static off_t section_offset(uint32_t peer) {
        return HIVC_SHARED_OFFSET + info.rw_size + (off_t) peer * info.out_size;
}

static void *map(off_t offset, size_t size, int protection, int flags) {
        return mmap(NULL, size, protection, flags, fd, offset);
}

static void *section(uint32_t peer) {
        void *p = map(section_offset(peer), info.out_size, PROT_READ | (peer == info.peer ? PROT_WRITE : 0), MAP_SHARED);

        must("mmap", p == MAP_FAILED ? -1 : 0);
        return p;
}

static void expect_map(const char *what, off_t offset, size_t size, int protection, int flags, int wanted) {
        void *p = map(offset, size, protection, flags);

        expect(what, p == MAP_FAILED ? -1 : 0, wanted);
        if (p != MAP_FAILED)
                munmap(p, size);
}

static uint32_t somebody_else(void) {
        return info.peer ? 0 : 1;
}

static void check_maps(void) {
        size_t all = info.rw_size + (size_t) info.out_size * info.max_peers;
        off_t theirs = section_offset(somebody_else());
        const int rw = PROT_READ | PROT_WRITE;
        void *p;

        expect_map("all of it, to read", HIVC_SHARED_OFFSET, all, PROT_READ, MAP_SHARED, 0);
        expect_map("all of it, to write", HIVC_SHARED_OFFSET, all, rw, MAP_SHARED, EACCES);
        expect_map("the section of all, to write", HIVC_SHARED_OFFSET, info.rw_size, rw, MAP_SHARED, 0);
        expect_map("the own section, to write", section_offset(info.peer), info.out_size, rw, MAP_SHARED, 0);
        expect_map("another's, to read", theirs, info.out_size, PROT_READ, MAP_SHARED, 0);
        expect_map("another's, to write", theirs, info.out_size, rw, MAP_SHARED, EACCES);
        expect_map("to execute", section_offset(info.peer), info.out_size, PROT_READ | PROT_EXEC, MAP_SHARED, EACCES);
        expect_map("private", section_offset(info.peer), info.out_size, rw, MAP_PRIVATE, EINVAL);
        expect_map("beyond the end", HIVC_SHARED_OFFSET, all + PAGE, PROT_READ, MAP_SHARED, EINVAL);
        expect_map("behind it", HIVC_SHARED_OFFSET + (off_t) all, PAGE, PROT_READ, MAP_SHARED, EINVAL);
        expect_map("far behind it", (off_t) 1 << 62, PAGE, PROT_READ, MAP_SHARED, EINVAL);
        expect_map("the table and more", HIVC_TABLE_OFFSET, 2 * PAGE, PROT_READ, MAP_SHARED, EINVAL);
        p = map(theirs, info.out_size, PROT_READ, MAP_SHARED);
        expect("another's, to write after all", mprotect(p, info.out_size, rw), EACCES);
        expect("... or to execute", mprotect(p, info.out_size, PROT_READ | PROT_EXEC), EACCES);
        munmap(p, info.out_size);
}

static void check_table(void) {
        const struct hivc_table *table = map(HIVC_TABLE_OFFSET, HIVC_TABLE_SIZE, PROT_READ, MAP_SHARED);
        const volatile struct hivc_table *t = table;

        expect("the table", table == MAP_FAILED ? -1 : 0, 0);
        if (table != MAP_FAILED)
                expect_true("the table is what HIVC_INFO tells",
                            t->id == info.id && t->max_peers == info.max_peers && t->rw_size == info.rw_size &&
                                    t->out_size == info.out_size && t->peer == info.peer);
}

static void check_calls(const char *device) {
        struct hivc_user_info numbers;
        int reader = must(device, open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        uint64_t n;

        expect("HIVC_USER_INFO", ioctl(fd, HIVC_USER_INFO, &numbers), 0);
        expect_true("it tells of this one", numbers.len >= 1 && (numbers.ids[0] == (int) info.id || numbers.ids[1] == (int) info.id));
        expect("HIVC_INFO to nowhere", ioctl(fd, HIVC_INFO, NOWHERE), EFAULT);
        expect("HIVC_USER_INFO to nowhere", ioctl(fd, HIVC_USER_INFO, NOWHERE), EFAULT);
        expect("an unknown call", ioctl(fd, _IO(HIVC_IOC_TYPE, 99), 0), ENOTTY);
        expect("notifying who cannot be", ioctl(fd, HIVC_NOTIFY, (unsigned long) info.max_peers), EINVAL);
        expect("... by far", ioctl(fd, HIVC_NOTIFY, 1UL << 32), EINVAL);
        expect("notifying without write access", ioctl(reader, HIVC_NOTIFY, 0UL), EBADF);
        expect("reading too little", read(reader, &n, 4), EINVAL);
        while (read(reader, &n, sizeof(n)) > 0)
                ;
        expect("reading nothing", read(reader, &n, sizeof(n)), EAGAIN);
        expect("a second user", open(device, O_RDWR | O_CLOEXEC), 0);
        close(reader);
}

/* Interrupts that were told until no more come; each alone. */
static unsigned count_interrupts(int reader) {
        struct pollfd p = { reader, POLLIN, 0 };
        unsigned count = 0;
        uint64_t n;

        while (poll(&p, 1, count < 2 ? PATIENCE_MS : 200) == 1 && read(reader, &n, sizeof(n)) == sizeof(n) && n == 1)
                count++;
        return count;
}

/* To itself: the interrupt comes whatever the others do. One stays to be told until it is read. */
static void check_interrupt(const char *device) {
        struct pollfd p[2] = { { fd, POLLIN, 0 }, { must(device, open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK)), POLLIN, 0 } };
        uint64_t n = 0;

        while (read(p[1].fd, &n, sizeof(n)) > 0)
                ;
        for (unsigned i = 1; i <= 3; i++) {
                expect("notifying oneself", ioctl(fd, HIVC_NOTIFY, (unsigned long) info.peer), 0);
                expect_true("poll() wakes", poll(&p[1], 1, PATIENCE_MS) == 1);
                expect_true("and again, for nobody has read", poll(&p[1], 1, 0) == 1);
                expect_true("read() tells one", read(p[1].fd, &n, sizeof(n)) == sizeof(n) && n == 1);
                expect_true("and none is left", poll(&p[1], 1, 0) == 0);
        }
        expect_true("without read(), poll() tells of it once", poll(p, 1, 0) == 1 && poll(p, 1, 0) == 0);
        expect_true("and read() gives it then", read(fd, &n, sizeof(n)) == sizeof(n) && n == 3);
        for (unsigned i = 0; i < 1000; i++)
                ioctl(fd, HIVC_NOTIFY, (unsigned long) info.peer);
        n = count_interrupts(p[1].fd);
        expect_true("a storm is an interrupt, and those behind it", n >= 2 && n < 10);
        close(p[1].fd);
}

static int check(const char *device) {
        expect_true("its peer is one", info.peer < info.max_peers);
        check_maps();
        check_table();
        check_calls(device);
        check_interrupt(device);
        return promises_end();
}

static void write_letter(struct letter *own, uint32_t number, const char *text) {
        for (size_t i = 0; i <= strlen(text); i++)
                own->text[i] = text[i];
        __atomic_thread_fence(__ATOMIC_RELEASE);
        own->number = number;
        own->greeting = GREETING;
}

static bool wait_interrupt(void) {
        struct pollfd p = { fd, POLLIN, 0 };
        uint64_t n;

        return poll(&p, 1, PATIENCE_MS) == 1 && read(fd, &n, sizeof(n)) == sizeof(n);
}

static bool wait_greeting(const struct letter *theirs) {
        for (unsigned ms = 0; ms < PATIENCE_MS && theirs->greeting != GREETING; ms++)
                usleep(1000);
        return theirs->greeting == GREETING;
}

static int ask(uint32_t peer, uint32_t count) {
        const struct letter *theirs = section(peer);
        struct letter *own = section(info.peer);
        uint32_t right = 0;
        bool came;

        if (!wait_greeting(theirs)) {
                printf("peer %u is not there\n", peer);
                return EXIT_FAILURE;
        }
        for (uint32_t n = 1; n <= count; n++) {
                write_letter(own, n, "a question");
                must("HIVC_NOTIFY", ioctl(fd, HIVC_NOTIFY, (unsigned long) peer));
                /* A peer that was started anew answers again what it finds. */
                do
                        came = wait_interrupt();
                while (came && theirs->number != n);
                if (!came)
                        break;
                right += theirs->text[0] == 'a' && theirs->text[3] == 'a';
        }
        printf("%u of %u questions were answered\n", right, count);
        return right == count ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int answer(uint32_t count) {
        struct letter *own = section(info.peer);
        const struct letter *theirs[64];
        uint32_t seen[64] = { 0 };

        for (uint32_t i = 0; i < info.max_peers && i < 64; i++)
                theirs[i] = section(i);
        write_letter(own, 0, "here");
        while (count && wait_interrupt())
                for (uint32_t i = 0; i < info.max_peers && i < 64; i++) {
                        if (i == info.peer || theirs[i]->greeting != GREETING || theirs[i]->number == seen[i])
                                continue;
                        seen[i] = theirs[i]->number;
                        write_letter(own, seen[i], "an answer");
                        must("HIVC_NOTIFY", ioctl(fd, HIVC_NOTIFY, (unsigned long) i));
                        count--;
                }
        printf(count ? "nobody asks\n" : "answered all\n");
        return count ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int raw(uint32_t peer) {
        struct letter *own = section(info.peer);
        const struct letter *theirs = section(peer);
        volatile struct hivc_table *table = map(HIVC_TABLE_OFFSET, HIVC_TABLE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
        struct pollfd p = { fd, POLLIN, 0 };

        must("mmap of the table", table == MAP_FAILED ? -1 : 0);
        if (!wait_greeting(theirs))
                return EXIT_FAILURE;
        write_letter(own, own->number + 1, "a question");
        table->notify = peer;
        if (poll(&p, 1, PATIENCE_MS) != 1)
                return EXIT_FAILURE;
        printf("%u was answered with %u\n", own->number, theirs->number);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        if (argc < 3)
                goto usage;
        fd = must(argv[1], open(argv[1], O_RDWR | O_CLOEXEC));
        must("HIVC_INFO", ioctl(fd, HIVC_INFO, &info));
        if (argc == 3 && strcmp(argv[2], "check") == 0)
                return check(argv[1]);
        if (argc == 5 && strcmp(argv[2], "ask") == 0)
                return ask((uint32_t) atoi(argv[3]), (uint32_t) atoi(argv[4]));
        if (argc == 4 && strcmp(argv[2], "answer") == 0)
                return answer((uint32_t) atoi(argv[3]));
        if (argc == 4 && strcmp(argv[2], "notify") == 0)
                return must("HIVC_NOTIFY", ioctl(fd, HIVC_NOTIFY, strtoul(argv[3], NULL, 10)));
        if (argc == 5 && strcmp(argv[2], "raw") == 0 && strcmp(argv[4], "nobody") == 0)
                must("setresuid", setresuid(NOBODY, NOBODY, NOBODY));
        if (argc >= 4 && strcmp(argv[2], "raw") == 0)
                return raw((uint32_t) atoi(argv[3]));
usage:
        fprintf(stderr, "ivc DEVICE check | ask PEER COUNT | answer COUNT | notify PEER | raw PEER [nobody]\n");
        return 2;
}
