/* Time as containers' documents write it: RFC 3339 in UTC with nanoseconds, and "3 minutes ago". */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 96 };

/* Nanoseconds since 1970 (CLOCK_REALTIME). */
int64_t clock_now(void);
/* "2026-11-24T05:18:20.123456789Z"; "0001-01-01T00:00:00Z" (Go's zero) for 0. */
void clock_format(int64_t nanoseconds, char ret[static CLOCK_TEXT_SIZE]);
/* Reads RFC 3339 with any offset and up to nine fractional digits. 0 or -EINVAL. */
int clock_parse(const char *text, int64_t *ret_nanoseconds);
/* A point in time as --since takes it, in nanoseconds since 1970: "10m" (ago), RFC 3339 or its beginning
 * ("2026-11-24", "2026-11-24T08:00", local time), or seconds since 1970 with a fraction. 0 or -EINVAL. */
int clock_parse_point(const char *text, int64_t *ret_nanoseconds);
/* "Less than a second", "3 minutes", "About an hour", "2 weeks": a span as docker ps words it. */
void clock_format_span(int64_t nanoseconds, char *buffer, size_t size);
