/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log.h"
#include "virtio/transport_vhost_user.h"
#include "virtio/vhost_user_backend.h"

/* Further front-ends wait here until the one that is served goes. */
#define BACKLOG 4

/*
 * One message at a time, in two steps: read_state() reads it, and reports queues as
 * not ready that it takes something away from; once the server has let go of them
 * acknowledge() carries it out and answers. So a front-end that has its answer
 * knows that not one access follows.
 */
struct transport_vhost_user {
        struct transport base;
        const char *name;
        int listen_fd;
        int connection_fd; /* -1: nobody is there */
        struct vhost_user_receiver receiver;
        bool arrived; /* its message waits to be carried out */
        bool leaving; /* the connection ends */
        struct vhost_user_backend backend;
        struct log_ratelimit complaints;
};

static struct transport_vhost_user *vhost_user_of(struct transport *t) {
        return (struct transport_vhost_user *) t;
}

/* A peer can cause as many as it likes. */
static void complain(struct transport_vhost_user *v, int level, const char *what) {
        unsigned dropped;

        if (!log_ratelimit_pass(&v->complaints, &dropped))
                return;
        log_at(level, "%s: %s", v->name, what);
        if (dropped > 0)
                log_at(level, "%s: %u such lines were left out", v->name, dropped);
}

/* ---- the connection ----------------------------------------------------------------------------------- */

static int watch(struct transport_vhost_user *v, int fd) {
        struct epoll_event e = { .events = EPOLLIN };

        return epoll_ctl(v->base.event_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* While one is served the others wait, unseen. */
static int accept_peer(struct transport_vhost_user *v) {
        int fd, r;

        do
                fd = accept4(v->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        while (fd < 0 && errno == EINTR);
        if (fd < 0)
                return errno == EAGAIN || errno == ECONNABORTED ? 0 : -errno;
        v->connection_fd = fd;
        (void) epoll_ctl(v->base.event_fd, EPOLL_CTL_DEL, v->listen_fd, NULL);
        r = watch(v, fd);
        if (r >= 0)
                complain(v, LOG_INFO, "a vhost-user front-end has connected");
        return r;
}

static int end_connection(struct transport_vhost_user *v) {
        vhost_user_receiver_done(&v->receiver);
        vhost_user_backend_new_peer(&v->backend);
        v->connection_fd = fd_close(v->connection_fd);
        v->leaving = false;
        return watch(v, v->listen_fd);
}

/* ---- messages ----------------------------------------------------------------------------------------- */

static void refuse(struct transport_vhost_user *v, const struct err *e, int code) {
        bool left = code == -ECONNRESET || code == -EPIPE;

        complain(v, left ? LOG_INFO : LOG_WARNING, err_text(e, code));
        v->leaving = true;
}

/* Reads what there is of a message. */
static void receive(struct transport_vhost_user *v) {
        const struct vhost_user_message *m = &v->receiver.message;
        struct err e = { 0 };
        int r;

        r = vhost_user_receive(&v->receiver, v->connection_fd, &e);
        if (r > 0)
                r = vhost_user_check(vhost_user_rule(m->header.request), m, v->backend.protocol_features, &e) ?: 1;
        if (r < 0)
                refuse(v, &e, r);
        v->arrived = r > 0;
}

static void carry_out(struct transport_vhost_user *v) {
        struct vhost_user_message reply = { 0 };
        struct err e = { 0 };
        int r;

        v->arrived = false;
        r = vhost_user_backend_handle(&v->backend, &v->receiver.message, &reply, &e);
        if (r >= 0 && e.text[0] != '\0')
                complain(v, LOG_WARNING, e.text);
        if (r > 0) {
                r = vhost_user_send(v->connection_fd, &reply);
                if (r < 0)
                        (void) err_set(&e, r, "cannot answer the front-end: %s", strerror(-r));
        }
        for (size_t i = 0; i < reply.num_fds; i++)
                fd_close(reply.fds[i]);
        if (r < 0)
                refuse(v, &e, r);
}

/* ---- as a transport ----------------------------------------------------------------------------------- */

static int vhost_user_attach(struct transport *t, const struct virtio_device *d, uint64_t cookie _unused_,
                             struct err *e) {
        struct transport_vhost_user *v = vhost_user_of(t);
        int r = guest_memory_new(&t->memory);

        if (r < 0)
                return err_set(e, r, "out of memory");
        vhost_user_backend_init(&v->backend, d, t->memory);
        r = watch(v, v->listen_fd);
        return r < 0 ? err_set(e, r, "cannot wait for a front-end: %s", strerror(-r)) : 0;
}

/* There is no driver's status: what sets a queue up is a driver that is ready (3.1.1). */
static int vhost_user_read_state(struct transport *t, struct transport_state *ret) {
        struct transport_vhost_user *v = vhost_user_of(t);
        uint32_t stops = 0;
        int r = 0;

        if (v->connection_fd < 0)
                r = accept_peer(v);
        else if (!v->leaving && !v->arrived)
                receive(v);
        if (r < 0)
                return r;
        if (v->leaving)
                stops = UINT32_MAX;
        else if (v->arrived)
                stops = vhost_user_backend_stops(&v->backend, &v->receiver.message);

        *ret = (struct transport_state){ .features = v->backend.features, .status = VIRTIO_CONFIG_S_DRIVER_OK };
        for (unsigned q = 0; q < v->backend.device->num_queues; q++) {
                ret->queues[q].ready = !(stops & BIT(q)) && vhost_user_backend_ring_ready(&v->backend, q);
                if (!ret->queues[q].ready)
                        continue;
                ret->queues[q].layout = vhost_user_backend_layout(&v->backend, q);
        }
        return 0;
}

/* What queues see of it changes here alone: none of those runs that the message is about. */
static void publish(struct transport_vhost_user *v) {
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++)
                v->base.kick_fds[q] = v->backend.rings[q].kick.fd;
        v->base.inflight = v->backend.inflight;
}

static int vhost_user_acknowledge(struct transport *t, uint64_t sequence _unused_) {
        struct transport_vhost_user *v = vhost_user_of(t);
        int r = 0;

        if (v->leaving)
                r = end_connection(v);
        else if (v->arrived)
                carry_out(v), r = 1;
        publish(v);
        return r;
}

static int vhost_user_break_device(struct transport *t, unsigned queue) {
        shared_eventfd_signal(&vhost_user_of(t)->backend.rings[queue].error);
        return 0;
}

static int vhost_user_call(struct transport *t, uint32_t queues) {
        const struct transport_vhost_user *v = vhost_user_of(t);

        for (unsigned q = 0; q < v->backend.device->num_queues; q++)
                if (queues & BIT(q))
                        shared_eventfd_signal(&v->backend.rings[q].call);
        return 0;
}

/* The front-end reads the configuration again when it is told. */
static int vhost_user_change_config(struct transport *t, const struct virtio_device *d _unused_) {
        struct transport_vhost_user *v = vhost_user_of(t);
        struct vhost_user_message m = {
                .header = { .request = VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, .flags = VHOST_USER_VERSION },
        };

        if (v->backend.channel_fd >= 0 && (v->backend.protocol_features & VHOST_USER_PROTOCOL(CONFIG)) &&
            vhost_user_send(v->backend.channel_fd, &m) < 0)
                v->backend.channel_fd = fd_close(v->backend.channel_fd);
        return 0;
}

static void vhost_user_free(struct transport *t) {
        struct transport_vhost_user *v = vhost_user_of(t);

        if (t->memory) {
                vhost_user_receiver_done(&v->receiver);
                vhost_user_backend_new_peer(&v->backend);
                guest_memory_free(t->memory);
        }
        fd_close(v->connection_fd);
        fd_close(v->listen_fd);
        fd_close(t->event_fd);
        free(v);
}

static const struct transport_ops vhost_user_ops = {
        .attach = vhost_user_attach,
        .read_state = vhost_user_read_state,
        .acknowledge = vhost_user_acknowledge,
        .break_device = vhost_user_break_device,
        .change_config = vhost_user_change_config,
        .call = vhost_user_call,
        .free = vhost_user_free,
};

/* ---- listening ---------------------------------------------------------------------------------------- */

/* What a predecessor has left that was killed. A socket that is listened on, and anything else, stays. */
static int remove_left_over(const char *path, const struct sockaddr_un *address, struct err *e) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : err_set(e, -errno, "cannot look at %s: %s", path, strerror(errno));
        if (!S_ISSOCK(st.st_mode))
                return err_set(e, -EEXIST, "%s is there already, and no socket", path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_set(e, -errno, "cannot make a socket: %s", strerror(errno));
        if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0 || errno == EAGAIN)
                return err_set(e, -EADDRINUSE, "another process listens on %s", path);
        if (errno != ECONNREFUSED)
                return err_set(e, -errno, "cannot tell whether anybody listens on %s: %s", path, strerror(errno));
        return unlink(path) < 0 ? err_set(e, -errno, "cannot remove %s: %s", path, strerror(errno)) : 0;
}

static int listen_on(const char *path, int *ret, struct err *e) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return err_set(e, -ENAMETOOLONG, "%s is longer than the path of a socket may be", path);
        strcpy(address.sun_path, path);
        r = remove_left_over(path, &address, e);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
                return err_set(e, -errno, "cannot listen on %s: %s", path, strerror(errno));
        *ret = TAKE_FD(fd);
        return 0;
}

int transport_vhost_user_new(const char *path, const char *name, struct transport **ret, struct err *e) {
        _cleanup_(transport_freep) struct transport *t = NULL;
        struct transport_vhost_user *v = calloc(1, sizeof(*v));
        int r;

        if (!v)
                return err_set(e, -ENOMEM, "out of memory");
        t = &v->base;
        t->ops = &vhost_user_ops;
        t->event_fd = v->listen_fd = v->connection_fd = -1;
        v->name = name;
        v->complaints = (struct log_ratelimit){ .burst = 20, .seconds = 60 };
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++)
                t->kick_fds[q] = -1;
        r = listen_on(path, &v->listen_fd, e);
        if (r < 0)
                return r;
        t->event_fd = epoll_create1(EPOLL_CLOEXEC);
        if (t->event_fd < 0)
                return err_set(e, -errno, "cannot make an epoll descriptor: %s", strerror(errno));
        *ret = TAKE_PTR(t);
        return 0;
}
