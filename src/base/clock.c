#include "base/clock.h"

#include "base/text.h"

#include <stdio.h>
#include <time.h>

static const int64_t SECOND = 1000000000;

int64_t clock_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* The date of a day since 1970. gmtime_r(3) would read the local time zone's file for it. */
static void date_of_day(int64_t day, int *ret_year, int *ret_month, int *ret_day)
{
        static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int year = 1970, month = 0;
        bool leap;

        for (;; year++) {
                leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
                if (day < 365 + leap)
                        break;
                day -= 365 + leap;
        }
        for (; day >= lengths[month] + (month == 1 && leap); month++)
                day -= lengths[month] + (month == 1 && leap);
        *ret_year = year;
        *ret_month = month + 1;
        *ret_day = (int)day + 1;
}

void clock_format(int64_t nanoseconds, char ret[static CLOCK_TEXT_SIZE])
{
        int64_t seconds = nanoseconds / SECOND;
        int year, month, day, rest = (int)(seconds % 86400);

        if (nanoseconds <= 0) {
                snprintf(ret, CLOCK_TEXT_SIZE, "0001-01-01T00:00:00Z");
                return;
        }
        date_of_day(seconds / 86400, &year, &month, &day);
        snprintf(ret, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", year, month, day, rest / 3600,
                 rest / 60 % 60, rest % 60, (int)(nanoseconds % SECOND));
}

int clock_parse(const char *text, int64_t *ret_nanoseconds)
{
        int year, month, day, hour, minute, second, used = 0;
        int64_t fraction = 0, unit = SECOND / 10, offset = 0;
        struct tm tm = {0};

        if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
                   &used) != 6 ||
            used == 0)
                return -EINVAL;
        text += used;
        if (*text == '.') {
                for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
                        fraction += unit * (*text - '0');
        }
        if (*text == '+' || *text == '-') {
                int hours, minutes;

                if (sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2)
                        return -EINVAL;
                offset = (int64_t)(hours * 60 + minutes) * 60 * (*text == '-' ? -1 : 1);
        } else if (*text != 'Z' && *text != 'z') {
                return -EINVAL;
        }
        if (year < 1 || year > 2261)
                return -EINVAL;
        if (year < 1970) {
                *ret_nanoseconds = 0;
                return 0;
        }
        tm = (struct tm){.tm_year = year - 1900,
                         .tm_mon = month - 1,
                         .tm_mday = day,
                         .tm_hour = hour,
                         .tm_min = minute,
                         .tm_sec = second};
        *ret_nanoseconds = ((int64_t)timegm(&tm) - offset) * SECOND + fraction;
        return 0;
}

void clock_format_span(int64_t nanoseconds, char *buffer, size_t size)
{
        int64_t seconds = nanoseconds / SECOND;
        int64_t minutes = seconds / 60, hours = (seconds + 1800) / 3600;

        if (seconds < 1)
                snprintf(buffer, size, "Less than a second");
        else if (seconds == 1)
                snprintf(buffer, size, "1 second");
        else if (seconds < 60)
                snprintf(buffer, size, "%d seconds", (int)seconds);
        else if (minutes == 1)
                snprintf(buffer, size, "About a minute");
        else if (minutes < 60)
                snprintf(buffer, size, "%d minutes", (int)minutes);
        else if (hours == 1)
                snprintf(buffer, size, "About an hour");
        else if (hours < 48)
                snprintf(buffer, size, "%d hours", (int)hours);
        else if (hours < 24 * 7 * 2)
                snprintf(buffer, size, "%d days", (int)(hours / 24));
        else if (hours < 24 * 30 * 2)
                snprintf(buffer, size, "%d weeks", (int)(hours / 24 / 7));
        else if (hours < 24 * 365 * 2)
                snprintf(buffer, size, "%d months", (int)(hours / 24 / 30));
        else
                snprintf(buffer, size, "%d years", (int)(hours / 24 / 365));
}

/* "2026-11-24", "2026-11-24T08:00", "2026-11-24T08:00:00": local time. */
static int parse_local(const char *text, int64_t *ret_nanoseconds)
{
        static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                struct tm parts = {.tm_isdst = -1};
                const char *end = strptime(text, forms[i], &parts);
                time_t seconds = end && !*end ? mktime(&parts) : -1;

                if (seconds != -1) {
                        *ret_nanoseconds = (int64_t)seconds * 1000000000;
                        return 0;
                }
        }
        return -EINVAL;
}

static int parse_seconds(const char *text, int64_t *ret_nanoseconds)
{
        const char *dot = strchrnul(text, '.');
        int64_t fraction = 0, unit = 100000000;
        char whole[24];
        uint64_t seconds;

        snprintf(whole, sizeof(whole), "%.*s", (int)(dot - text), text);
        if (text_to_u64(whole, INT64_MAX / 1000000000, &seconds) < 0)
                return -EINVAL;
        for (const char *c = *dot ? dot + 1 : dot; *c; c++, unit /= 10) {
                if (*c < '0' || *c > '9')
                        return -EINVAL;
                fraction += unit * (*c - '0');
        }
        *ret_nanoseconds = (int64_t)seconds * 1000000000 + fraction;
        return 0;
}

int clock_parse_point(const char *text, int64_t *ret_nanoseconds)
{
        uint64_t span;

        if (clock_parse(text, ret_nanoseconds) == 0 || parse_local(text, ret_nanoseconds) == 0 ||
            parse_seconds(text, ret_nanoseconds) == 0)
                return 0;
        if (text_to_duration(text, &span) < 0)
                return -EINVAL;
        *ret_nanoseconds = clock_now() - (int64_t)span;
        return 0;
}
