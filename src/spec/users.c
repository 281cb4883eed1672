/*
 * Who a container runs as.
 *
 * The two files come from the image: they may be of any size and shape, and all that they can decide is which
 * ids inside the container's own user namespace a process gets. They are read line by line in place; nothing
 * is copied but the name and home of the entry that matched. Where Docker's reader takes what is no number
 * for 0, which is root, a line of that kind is no entry here.
 */
#include "spec/users.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const uint64_t ID_MAXIMUM = INT32_MAX;

/* A piece of one of the texts. */
typedef struct Span {
        const char *start;
        size_t length;
} Span;

typedef struct PasswdEntry {
        Span name, home;
        uint64_t uid, gid;
} PasswdEntry;

typedef struct GroupEntry {
        Span name, members;
        uint64_t gid;
} GroupEntry;

static Span span_of(const char *text)
{
        return (Span){text, strlen(text)};
}

static bool span_equal(Span a, Span b)
{
        return a.length == b.length && memcmp(a.start, b.start, a.length) == 0;
}

/* Takes what is before the next @separator off *rest; false when *rest was used up (its start is NULL). */
static bool span_next(Span *rest, char separator, Span *ret)
{
        const char *end;

        if (!rest->start)
                return false;
        end = memchr(rest->start, separator, rest->length);
        if (end) {
                *ret = (Span){rest->start, (size_t)(end - rest->start)};
                *rest = (Span){end + 1, rest->length - ret->length - 1};
        } else {
                *ret = *rest;
                *rest = (Span){NULL, 0};
        }
        return true;
}

static bool is_blank(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static Span span_trim(Span span)
{
        while (span.length > 0 && is_blank(span.start[0])) {
                span.start++;
                span.length--;
        }
        while (span.length > 0 && is_blank(span.start[span.length - 1]))
                span.length--;
        return span;
}

/* A whole span of decimal digits; UINT64_MAX stands for everything that is too large. */
static bool span_to_number(Span span, uint64_t *ret)
{
        uint64_t value = 0;

        if (span.length == 0)
                return false;
        for (size_t i = 0; i < span.length; i++) {
                if (span.start[i] < '0' || span.start[i] > '9')
                        return false;
                if (value < UINT64_MAX &&
                    (__builtin_mul_overflow(value, 10, &value) ||
                     __builtin_add_overflow(value, (uint64_t)(span.start[i] - '0'), &value)))
                        value = UINT64_MAX;
        }
        *ret = value;
        return true;
}

/* The next entry of a passwd file (passwd(5)); false at its end. */
static bool passwd_next(Span *rest, PasswdEntry *ret)
{
        Span line, password, uid, gid, comment;

        while (span_next(rest, '\n', &line)) {
                line = span_trim(line);
                ret->home = (Span){"", 0};
                if (!span_next(&line, ':', &ret->name) || !span_next(&line, ':', &password) ||
                    !span_next(&line, ':', &uid) || !span_next(&line, ':', &gid))
                        continue;
                if (span_next(&line, ':', &comment))
                        (void)span_next(&line, ':', &ret->home);
                if (ret->name.length > 0 && span_to_number(uid, &ret->uid) && span_to_number(gid, &ret->gid))
                        return true;
        }
        return false;
}

/* The next entry of a group file (group(5)); false at its end. */
static bool group_next(Span *rest, GroupEntry *ret)
{
        Span line, password, gid;

        while (span_next(rest, '\n', &line)) {
                line = span_trim(line);
                ret->members = (Span){"", 0};
                if (!span_next(&line, ':', &ret->name) || !span_next(&line, ':', &password) ||
                    !span_next(&line, ':', &gid))
                        continue;
                (void)span_next(&line, ':', &ret->members);
                if (ret->name.length > 0 && span_to_number(gid, &ret->gid))
                        return true;
        }
        return false;
}

static bool group_has_member(const GroupEntry *entry, Span name)
{
        Span rest = entry->members, member;

        while (span_next(&rest, ',', &member))
                if (span_equal(member, name))
                        return true;
        return false;
}

static int check_id(uint64_t id, const char *what, Span name, uint32_t *ret, Error *err)
{
        if (id > ID_MAXIMUM)
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "%s %.*s: uids and gids must be in the range 0-2147483647", what,
                                 name.length > 64 ? 64 : (int)name.length, name.start);
        *ret = (uint32_t)id;
        return 0;
}

static int not_found(Error *err, const char *what, Span name, const char *file)
{
        return fail_kind(err, ERROR_NOT_FOUND, ENOENT,
                         "unable to find %s %.*s: no matching entries in %s file", what,
                         name.length > 64 ? 64 : (int)name.length, name.start, file);
}

static int add_group(ContainerUser *user, uint32_t gid, Error *err)
{
        if (gid == user->gid)
                return 0;
        for (size_t i = 0; i < user->group_count; i++)
                if (user->groups[i] == gid)
                        return 0;
        if (user->group_count == USER_GROUPS_MAXIMUM)
                return fail_kind(err, ERROR_UNSUPPORTED, E2BIG, "the user is a member of more than %d groups",
                                 USER_GROUPS_MAXIMUM);
        user->groups[user->group_count++] = gid;
        return 0;
}

static int take_entry(const PasswdEntry *entry, ContainerUser *ret, Error *err)
{
        int r = check_id(entry->uid, "user", entry->name, &ret->uid, err);

        if (r >= 0)
                r = check_id(entry->gid, "the group of user", entry->name, &ret->gid, err);
        if (r < 0)
                return r;
        if (entry->home.length >= sizeof(ret->home))
                return fail_kind(err, ERROR_UNSUPPORTED, ENAMETOOLONG,
                                 "the home folder of user %.*s has more than %zu characters in passwd file",
                                 entry->name.length > 64 ? 64 : (int)entry->name.length, entry->name.start,
                                 sizeof(ret->home) - 1);
        if (entry->home.length > 0)
                snprintf(ret->home, sizeof(ret->home), "%.*s", (int)entry->home.length, entry->home.start);
        if (entry->name.length < sizeof(ret->name))
                snprintf(ret->name, sizeof(ret->name), "%.*s", (int)entry->name.length, entry->name.start);
        return 0;
}

/* Fills uid, gid, home, name; @ret_name is the matching entry's whole name, empty without one. */
static int find_user(Span wanted, const char *passwd, ContainerUser *ret, Span *ret_name, Error *err)
{
        Span rest = passwd ? span_of(passwd) : (Span){NULL, 0};
        uint64_t uid = 0;
        bool numeric = wanted.length == 0 || span_to_number(wanted, &uid);
        PasswdEntry entry;

        *ret_name = (Span){"", 0};
        while (passwd_next(&rest, &entry)) {
                if (numeric ? entry.uid == uid : span_equal(entry.name, wanted)) {
                        *ret_name = entry.name;
                        return take_entry(&entry, ret, err);
                }
        }
        return numeric ? check_id(uid, "user", wanted, &ret->uid, err)
                       : not_found(err, "user", wanted, "passwd");
}

/* A group by name or number. Digits are always a number: a hostile file cannot give "1000" another meaning.
 */
static int find_group(Span wanted, const char *group, uint32_t *ret, Error *err)
{
        Span rest = group ? span_of(group) : (Span){NULL, 0};
        GroupEntry entry;
        uint64_t gid;

        if (span_to_number(wanted, &gid))
                return check_id(gid, "group", wanted, ret, err);
        while (group_next(&rest, &entry))
                if (span_equal(entry.name, wanted))
                        return check_id(entry.gid, "group", wanted, ret, err);
        return not_found(err, "group", wanted, "group");
}

/* The groups that list @name as a member. */
static int find_memberships(Span name, const char *group, ContainerUser *ret, Error *err)
{
        Span rest = group ? span_of(group) : (Span){NULL, 0};
        GroupEntry entry;

        while (group_next(&rest, &entry)) {
                uint32_t gid = 0;
                int r;

                if (!group_has_member(&entry, name))
                        continue;
                r = check_id(entry.gid, "group", entry.name, &gid, err);
                if (r >= 0)
                        r = add_group(ret, gid, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int user_resolve(const char *user, const char *passwd, const char *group, char *const *extra_groups,
                 size_t extra_count, ContainerUser *ret, Error *err)
{
        Span rest = span_of(user ? user : ""), wanted = {"", 0}, wanted_group = {"", 0}, name;
        ContainerUser found = {.home = "/"};
        int r;

        (void)span_next(&rest, ':', &wanted);
        (void)span_next(&rest, ':', &wanted_group);
        r = find_user(wanted, passwd, &found, &name, err);
        if (r < 0)
                return r;
        if (wanted_group.length > 0)
                r = find_group(wanted_group, group, &found.gid, err);
        else if (name.length > 0)
                r = find_memberships(name, group, &found, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < extra_count; i++) {
                uint32_t gid = 0;

                r = find_group(span_of(extra_groups[i]), group, &gid, err);
                if (r >= 0)
                        r = add_group(&found, gid, err);
                if (r < 0)
                        return r;
        }
        *ret = found;
        return 0;
}
