/* Moves the wall clock of a running process by as many seconds as the file $CLOCK_JUMP_FILE says at the moment. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

time_t time(time_t *where)
{
    static const volatile long long *jump; /* mapped while it may still be read: dnsmasq gives up its user */
    struct timespec exact;
    if (!jump) {
        int file = open(getenv("CLOCK_JUMP_FILE"), O_RDONLY);
        jump = mmap(NULL, sizeof *jump, PROT_READ, MAP_SHARED, file, 0);
        close(file);
    }
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &exact);
    exact.tv_sec += (time_t)*jump;
    if (where)
        *where = exact.tv_sec;
    return exact.tv_sec;
}
