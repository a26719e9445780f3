/* Preloaded: the time of day is so many seconds off as the file of TRIAL_CLOCK says, at each look.
   libfaketime 0.9.10 would do this, too, but time.sleep of Python 3.11 fails under it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, now);
    const char *path = getenv("TRIAL_CLOCK");
    if (failed || id != CLOCK_REALTIME || !path) return failed;
    char text[16] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
        close(file);
    }
    return 0;
}
