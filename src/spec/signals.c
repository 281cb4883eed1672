#include "spec/signals.h"

#include "base/text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The first name of a number is the one that signal_name() gives. */
static const struct {
        const char *name;
        int number;
} SIGNALS[] = {
        {"SIGHUP", SIGHUP},       {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},   {"SIGILL", SIGILL},
        {"SIGTRAP", SIGTRAP},     {"SIGABRT", SIGABRT}, {"SIGBUS", SIGBUS},     {"SIGFPE", SIGFPE},
        {"SIGKILL", SIGKILL},     {"SIGUSR1", SIGUSR1}, {"SIGSEGV", SIGSEGV},   {"SIGUSR2", SIGUSR2},
        {"SIGPIPE", SIGPIPE},     {"SIGALRM", SIGALRM}, {"SIGTERM", SIGTERM},   {"SIGCHLD", SIGCHLD},
        {"SIGCONT", SIGCONT},     {"SIGSTOP", SIGSTOP}, {"SIGTSTP", SIGTSTP},   {"SIGTTIN", SIGTTIN},
        {"SIGTTOU", SIGTTOU},     {"SIGURG", SIGURG},   {"SIGXCPU", SIGXCPU},   {"SIGXFSZ", SIGXFSZ},
        {"SIGVTALRM", SIGVTALRM}, {"SIGPROF", SIGPROF}, {"SIGWINCH", SIGWINCH}, {"SIGIO", SIGIO},
        {"SIGPWR", SIGPWR},       {"SIGSYS", SIGSYS},
#ifdef SIGSTKFLT
        {"SIGSTKFLT", SIGSTKFLT},
#endif
        {"SIGIOT", SIGIOT},       {"SIGPOLL", SIGPOLL}, {"SIGCLD", SIGCHLD},
};

/* What programs in containers call SIGRTMIN: glibc keeps 32 and 33 for itself. The C library that kelp is
 * built with does not matter here. */
enum { REALTIME_FIRST = 34, REALTIME_LAST = 64 };

/* "RTMIN", "RTMIN+3", "RTMAX-1" → number, or 0. */
static int parse_realtime(const char *bare)
{
        bool from_first = strncasecmp(bare, "RTMIN", 5) == 0;
        uint64_t offset = 0;

        if (!from_first && strncasecmp(bare, "RTMAX", 5) != 0)
                return 0;
        bare += 5;
        if (*bare) {
                if (*bare != (from_first ? '+' : '-'))
                        return 0;
                if (text_to_u64(bare + 1, REALTIME_LAST - REALTIME_FIRST, &offset) < 0)
                        return 0;
        }
        return from_first ? REALTIME_FIRST + (int)offset : REALTIME_LAST - (int)offset;
}

int signal_parse(const char *text, int *ret, Error *err)
{
        const char *bare = text;
        uint64_t number;
        int realtime;

        if (text_to_u64(text, REALTIME_LAST, &number) == 0) {
                if (number == 0)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "invalid signal: 0");
                *ret = (int)number;
                return 0;
        }
        if (strncasecmp(bare, "SIG", 3) == 0)
                bare += 3;
        for (size_t i = 0; i < ELEMENTSOF(SIGNALS); i++) {
                if (strcasecmp(bare, SIGNALS[i].name + 3) == 0) {
                        *ret = SIGNALS[i].number;
                        return 0;
                }
        }
        realtime = parse_realtime(bare);
        if (realtime) {
                *ret = realtime;
                return 0;
        }
        fail_kind(err, ERROR_USAGE, EINVAL, "invalid signal: '%.64s'", text);
        fail_hint(err,
                  "a signal is a number from 1 to %d or a name such as TERM, SIGUSR1, RTMIN+3 (signal(7))",
                  REALTIME_LAST);
        return -EINVAL;
}

const char *signal_name(int number, char *buffer, size_t size)
{
        for (size_t i = 0; i < ELEMENTSOF(SIGNALS); i++)
                if (SIGNALS[i].number == number)
                        return SIGNALS[i].name;
        if (number == REALTIME_FIRST)
                snprintf(buffer, size, "SIGRTMIN");
        else if (number > REALTIME_FIRST && number <= REALTIME_LAST)
                snprintf(buffer, size, "SIGRTMIN+%d", number - REALTIME_FIRST);
        else
                snprintf(buffer, size, "%d", number);
        return buffer;
}
