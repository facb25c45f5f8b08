/*
 * Sends notifications over TLS and writes down how long each answer took.
 *
 * In C because client and server share the cores: what the client takes, the server lacks, and a client in Python takes
 * more for a handshake than nginx does. A time is from before connect() (or from when a request was due, with a rate)
 * to the last byte of the answer, so the handshake is in it. No session is resumed; the result says so.
 *
 *   load PORT PATH CONNECTIONS WARM_UP SECONDS KEEP_ALIVE RATE FIRST_ID FIRST_OWNER OWNERS SUBSCRIPTION
 *
 * KEEP_ALIVE 1: one connection each, for all requests. RATE 0: every connection begins anew when it has its answer;
 * else so many requests a second begin, whatever became of the earlier ones. Prints one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Seconds after which nobody waits for an answer any more; it counts as failed. */
#define PATIENCE 10.0
#define MOST_ANSWERS 4000000

enum phase { FREE, HANDSHAKE, WRITING, READING };

struct connection {
    enum phase phase;
    int fd;
    SSL *tls;
    double began;
    char request[1024];
    int length, sent;
    char answer[4096];
    int received;
};

struct answer {
    float began, took;
    short status; /* 0: none came */
};

static struct sockaddr_in server;
static SSL_CTX *context;
static int poller;
static const char *path;
static int keep_alive;
static long next_id, first_owner, owners, subscription;
static double start, end;
static struct answer *answers;
static int count, resumed, handshakes;
static char described[256];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void disconnect(struct connection *it) {
    if (it->tls != NULL) SSL_free(it->tls);
    if (it->fd >= 0) close(it->fd);
    it->tls = NULL;
    it->fd = -1;
    it->phase = FREE;
}

static void note(struct connection *it, int status) {
    if (count < MOST_ANSWERS) {
        double time = now();
        answers[count].began = (float)(it->began - start);
        answers[count].took = (float)(time - it->began);
        answers[count].status = (short)status;
        count++;
    }
}

static void describe(SSL *tls) {
    X509 *certificate = SSL_get1_peer_certificate(tls);
    EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    snprintf(described, sizeof described, "%s, %s, %s of %d bits", SSL_get_version(tls), SSL_get_cipher(tls),
             key == NULL ? "no key" : EVP_PKEY_get0_type_name(key), key == NULL ? 0 : EVP_PKEY_get_bits(key));
    X509_free(certificate);
}

static void write_request(struct connection *it) {
    char body[512];
    long id = next_id++;
    int length = snprintf(body, sizeof body,
                          "{\"aspect_type\":\"create\",\"event_time\":%ld,\"object_id\":%ld,"
                          "\"object_type\":\"activity\",\"owner_id\":%ld,\"subscription_id\":%ld,\"updates\":{}}",
                          (long)time(NULL), id, first_owner + id % owners, subscription);
    it->length = snprintf(it->request, sizeof it->request,
                          "POST %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\nAccept: */*\r\n%s"
                          "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                          path, keep_alive ? "" : "Connection: close\r\n", length, body);
    it->sent = it->received = 0;
}

static void begin(struct connection *it, double due) {
    it->began = due;
    write_request(it);
    if (it->fd >= 0) { /* kept alive */
        it->phase = WRITING;
        return;
    }
    it->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (it->fd < 0) fail("socket");
    int on = 1;
    setsockopt(it->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(it->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
        note(it, 0);
        disconnect(it);
        return;
    }
    it->tls = SSL_new(context);
    SSL_set_fd(it->tls, it->fd);
    SSL_set_tlsext_host_name(it->tls, "localhost");
    SSL_set_connect_state(it->tls);
    it->phase = HANDSHAKE;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = it};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, it->fd, &event) < 0) fail("epoll_ctl");
}

/* The answer's status if all of it is here, else 0. */
static int complete(struct connection *it) {
    it->answer[it->received] = 0;
    char *body = strstr(it->answer, "\r\n\r\n");
    if (body == NULL) return 0;
    char *length = strcasestr(it->answer, "\r\ncontent-length:");
    long expected = length == NULL || length > body ? 0 : strtol(length + 17, NULL, 10);
    if (it->received < (body + 4 - it->answer) + expected) return 0;
    return atoi(it->answer + 9);
}

/* Do all that can be done without waiting. */
static void step(struct connection *it) {
    int done;
    for (;;) {
        ERR_clear_error();
        if (it->phase == HANDSHAKE) {
            done = SSL_do_handshake(it->tls);
            if (done == 1) {
                handshakes++;
                resumed += SSL_session_reused(it->tls);
                if (described[0] == 0) describe(it->tls);
                it->phase = WRITING;
                continue;
            }
        } else if (it->phase == WRITING) {
            done = SSL_write(it->tls, it->request + it->sent, it->length - it->sent);
            if (done > 0) {
                it->sent += done;
                if (it->sent == it->length) it->phase = READING;
                continue;
            }
        } else if (it->phase == READING) {
            done = SSL_read(it->tls, it->answer + it->received, (int)sizeof it->answer - 1 - it->received);
            if (done > 0) {
                it->received += done;
                int status = complete(it);
                if (status == 0) continue;
                note(it, status);
                if (keep_alive && status == 200) it->phase = FREE;
                else disconnect(it);
                return;
            }
        } else {
            return;
        }
        int error = SSL_get_error(it->tls, done);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
        /* A connect() that is not through yet looks like this, too. */
        if (it->phase == HANDSHAKE && error == SSL_ERROR_SYSCALL && errno == ENOTCONN) return;
        note(it, 0);
        disconnect(it);
        return;
    }
}

static void print(double seconds) {
    printf("{\"tls\": \"%s\", \"handshakes\": %d, \"resumed\": %d, \"seconds\": %.6f, \"answers\": [", described,
           handshakes, resumed, seconds);
    for (int i = 0; i < count; i++)
        printf("%s[%.6f, %.6f, %d]", i ? ", " : "", answers[i].began, answers[i].took, answers[i].status);
    printf("]}\n");
}

int main(int argc, char **argv) {
    if (argc != 12) {
        fprintf(stderr, "load: eleven arguments are needed\n");
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((unsigned short)atoi(argv[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    path = argv[2];
    int connections = atoi(argv[3]);
    double warm_up = atof(argv[4]);
    double seconds = atof(argv[5]);
    keep_alive = atoi(argv[6]);
    double rate = atof(argv[7]);
    next_id = atol(argv[8]);
    first_owner = atol(argv[9]);
    owners = atol(argv[10]);
    subscription = atol(argv[11]);

    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    answers = malloc(sizeof *answers * MOST_ANSWERS);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    struct epoll_event *events = calloc((size_t)connections, sizeof *events);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (context == NULL || answers == NULL || all == NULL || events == NULL || poller < 0) fail("start");
    for (int i = 0; i < connections; i++) all[i].fd = -1;

    start = now();
    end = start + warm_up + seconds;
    double due = start;
    for (;;) {
        double time = now();
        int busy = 0;
        for (int i = 0; i < connections; i++) {
            struct connection *it = &all[i];
            if (it->phase != FREE && time - it->began > PATIENCE) {
                note(it, 0);
                disconnect(it);
            }
            if (it->phase == FREE && time < end && (rate == 0 || due <= time)) {
                begin(it, rate == 0 ? now() : due);
                if (rate > 0) due += 1 / rate;
                step(it);
            }
            busy += it->phase != FREE;
        }
        if (time >= end && busy == 0) break;
        double pause = rate > 0 && time < end && busy < connections ? due - now() : 0.1;
        int ready = epoll_wait(poller, events, connections, pause <= 0 ? 0 : (int)(pause * 1000) + 1);
        for (int i = 0; i < ready; i++) {
            struct connection *it = events[i].data.ptr;
            step(it);
            /* At once, so that a connection does not wait for its turn in the table. */
            if (rate == 0 && it->phase == FREE && now() < end) {
                begin(it, now());
                step(it);
            }
        }
    }
    print(seconds);
    return 0;
}
