/* The least a poll can cost here: ceiling PORT POLLS IN_FLIGHT PASSES. A line of figures per pass.
 * Both requests are encoded once; only the request-id is written into each. It counts values and understands
 * none; a loss ends a pass after two silent seconds. SNMPv2c, community `public`, agents from 127.64.0.1 on. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, ROWS = 12, COLUMNS = 2, SCALARS = 12, SILENCE_MS = 2000, GATHER_NS = 1000000, LARGEST = 4096 };
enum { GET = 0xA0, BULK = 0xA5, ROUND = 1 << 24 };
static const char *const scalars[SCALARS] = {
    "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.4.0",
    "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.1.6.0", "1.3.6.1.2.1.2.1.0", "1.3.6.1.2.1.25.1.1.0",
    "1.3.6.1.2.1.25.2.2.0", "1.3.6.1.4.1.2021.4.5.0", "1.3.6.1.4.1.2021.4.6.0", "1.3.6.1.4.1.2021.10.1.5.1"};
static const char *const columns[COLUMNS] = {"1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10"};

typedef struct { uint8_t octets[512]; int length, id; } Request;
typedef struct { uint8_t octets[40]; int length; } Name;
typedef struct { int complete, ended; } Count;

static Request requests[2];
static Name wanted[COLUMNS];
static double *begun, *latency;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static Name name_of(const char *text) {
    Name name = {{43}, 1}; /* 1.3 */
    for (const char *p = text + 3; *p;) {
        uint32_t arc = strtoul(p + 1, (char **)&p, 10);
        for (int shift = 28; shift >= 0; shift -= 7)
            if (shift == 0 || arc >> shift) name.octets[name.length++] = (arc >> shift & 0x7F) | (shift ? 0x80 : 0);
    }
    return name;
}

/* Write a header of tag and length before `at`; the length takes two octets more than it needs, which BER allows. */
static uint8_t *wrap(uint8_t *at, uint8_t tag, int length) {
    at -= 4;
    at[0] = tag, at[1] = 0x82, at[2] = length >> 8, at[3] = length;
    return at;
}

static uint8_t *before(uint8_t *at, const void *octets, int length) { return memcpy(at - length, octets, length); }

static void encode(Request *request, uint8_t verb, const char *const *oids, int count, uint8_t repetitions) {
    uint8_t room[1024], *end = room + sizeof room, *at = end;
    for (int i = count - 1; i >= 0; i--) {
        Name name = name_of(oids[i]);
        uint8_t *tail = at;
        at = before(at, "\5\0", 2);
        at = before(at, name.octets, name.length);
        at = before(at, (uint8_t[]){6, name.length}, 2);
        at = before(at, (uint8_t[]){0x30, tail - at}, 2);
    }
    at = wrap(at, 0x30, end - at);
    at = before(at, (uint8_t[]){2, 1, repetitions}, 3);
    at = before(at, "\2\1\0", 3);
    uint8_t *id = at = before(at, "\2\4\0\0\0\0", 6);
    at = wrap(at, verb, end - at);
    at = before(at, "\2\1\1\4\6public", 11);
    at = wrap(at, 0x30, end - at);
    request->length = end - at;
    request->id = id + 2 - at;
    memcpy(request->octets, at, request->length);
}

/* Step into the value at `*at`: its tag, its start in `*at` and its end. NULL when it does not fit before `end`. */
static const uint8_t *enter(const uint8_t **at, const uint8_t *end, int *tag) {
    if (end - *at < 2) return NULL;
    *tag = *(*at)++;
    unsigned length = *(*at)++;
    if (length & 0x80) {
        int more = length & 0x7F;
        if (more > 3 || end - *at < more) return NULL;
        for (length = 0; more--;) length = length << 8 | *(*at)++;
    }
    return end - *at < (long)length ? NULL : *at + length;
}

static int in_columns(const uint8_t *name, long length) {
    for (int i = 0; i < COLUMNS; i++)
        if (length > wanted[i].length && !memcmp(name, wanted[i].octets, wanted[i].length)) return 1;
    return 0;
}

/* Count the values of a response; -1 for what is none. `*id` is its request-id. */
static int values(const uint8_t *at, int length, uint32_t *id) {
    const uint8_t *end = at + length, *stop;
    int tag, count = 0;
    if (!(end = enter(&at, end, &tag)) || tag != 0x30) return -1;
    for (int i = 0; i < 2; i++, at = stop) /* version, community */
        if (!(stop = enter(&at, end, &tag))) return -1;
    if (!(end = enter(&at, end, &tag)) || tag != 0xA2) return -1;
    for (int i = 0; i < 3; i++, at = stop) { /* request-id, error-status, error-index */
        if (!(stop = enter(&at, end, &tag)) || tag != 2 || (i == 1 && *at)) return -1;
        if (i == 0)
            for (*id = 0; at < stop; at++) *id = *id << 8 | *at;
    }
    if (!(end = enter(&at, end, &tag))) return -1;
    for (; at < end; at = stop) {
        if (!(stop = enter(&at, end, &tag)) || tag != 0x30) return -1;
        const uint8_t *name_end = enter(&at, stop, &tag);
        if (!name_end || tag != 6 || name_end >= stop) return -1;
        count += *name_end < 0x80 && (!(*id & ROUND) || in_columns(at, name_end - at)); /* no exception, ours */
    }
    return count;
}

/* The id says which agent and, by ROUND, which of the two questions. */
static void ask(struct mmsghdr *message, struct sockaddr_in *to, uint8_t *octets, uint32_t id, int port) {
    const Request *request = &requests[(id & ROUND) != 0];
    memcpy(octets, request->octets, request->length);
    uint32_t written = htonl(id);
    memcpy(octets + request->id, &written, 4);
    *to = (struct sockaddr_in){AF_INET, htons(port), {htonl(0x7F400001 + (id & (ROUND - 1)))}, {0}};
    message->msg_hdr.msg_iov->iov_len = request->length;
}

static void send_all(int sock, struct mmsghdr *messages, int count) {
    for (int sent = 0; sent < count;) {
        int more = sendmmsg(sock, messages + sent, count - sent, 0);
        if (more <= 0) return; /* the pass then ends in silence, incomplete */
        sent += more;
    }
}

static void lay(struct mmsghdr *m, struct iovec *v, struct sockaddr_in *a, uint8_t (*octets)[LARGEST]) {
    for (int i = 0; i < BATCH; i++) {
        v[i] = (struct iovec){octets[i], LARGEST};
        m[i].msg_hdr = (struct msghdr){.msg_name = &a[i], .msg_namelen = sizeof a[i], .msg_iov = &v[i], .msg_iovlen = 1};
    }
}

/* One answer: the id of the question it leads to, 0 for none. */
static uint32_t hear(const uint8_t *octets, int length, int polls, Count *count) {
    uint32_t id = 0;
    int found = values(octets, length, &id), number = id & (ROUND - 1);
    if (found < 0 || number >= polls || latency[number]) return 0;
    if (!(id & ROUND) && found == SCALARS) return id | ROUND;
    count->complete += (id & ROUND) && found == ROWS * COLUMNS;
    count->ended++;
    latency[number] = now() - begun[number];
    return 0;
}

static Count pass(int sock, int port, int polls, int in_flight) {
    static uint8_t in[BATCH][LARGEST], out[BATCH][LARGEST];
    static struct mmsghdr im[BATCH], om[BATCH];
    static struct iovec iv[BATCH], ov[BATCH];
    static struct sockaddr_in from[BATCH], to[BATCH];
    Count count = {0, 0};
    int next = 0, waiting;
    lay(om, ov, to, out);
    while (count.ended < polls) {
        for (waiting = 0; next < polls && next - count.ended < in_flight && waiting < BATCH; next++, waiting++) {
            begun[next] = now();
            ask(&om[waiting], &to[waiting], out[waiting], 1u << 30 | next, port);
        }
        send_all(sock, om, waiting);
        lay(im, iv, from, in);
        int got = recvmmsg(sock, im, BATCH, MSG_DONTWAIT, NULL);
        if (got <= 0) {
            if (poll(&(struct pollfd){sock, POLLIN, 0}, 1, SILENCE_MS) <= 0) break;
            nanosleep(&(struct timespec){0, GATHER_NS}, NULL); /* more per call is cheaper */
            continue;
        }
        waiting = 0;
        for (int i = 0; i < got; i++) {
            uint32_t id = hear(in[i], im[i].msg_len, polls, &count);
            if (id) ask(&om[waiting], &to[waiting], out[waiting], id, port), waiting++;
        }
        send_all(sock, om, waiting);
    }
    return count;
}

static int ascending(const void *a, const void *b) { return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }

static double peak_mb(void) {
    char line[200];
    double kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %lf", &kilobytes);
    if (status) fclose(status);
    return kilobytes / 1024;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int port = atoi(argv[1]), polls = atoi(argv[2]), in_flight = atoi(argv[3]), octets = 32 << 20;
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets))
        setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    for (int i = 0; i < COLUMNS; i++) wanted[i] = name_of(columns[i]);
    encode(&requests[0], GET, scalars, SCALARS, 0);
    encode(&requests[1], BULK, columns, COLUMNS, ROWS);
    for (int i = 0; i < atoi(argv[4]); i++) {
        begun = calloc(polls, sizeof *begun), latency = calloc(polls, sizeof *latency);
        double used = cpu(), started = now();
        Count count = pass(sock, port, polls, in_flight);
        double wall = now() - started;
        used = cpu() - used;
        qsort(latency, polls, sizeof *latency, ascending);
        printf("{\"polls\": %d, \"complete\": %d, \"cpu_s\": %f, \"wall_s\": %f, \"p99_ms\": %f, \"rss_mb\": %f, "
               "\"in_flight\": %d}\n",
               polls, count.complete, used, wall, latency[(long)polls * 99 / 100] * 1e3, peak_mb(), in_flight);
        free(begun), free(latency);
    }
    return 0;
}
