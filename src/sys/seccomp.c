#include "sys/seccomp.h"

#include "base/cleanup.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN_BIT         0x40000000U /* x32 */
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_BIT         0x80000000U
#else
#error "the numbers of this machine's system calls are not known here"
#endif

typedef struct CallName {
        const char *name;
        int number;
} CallName;

/* Made from the system's headers by the build, sorted by name. */
static const CallName call_names[] = {
#include "sys/seccomp-names.h"
};

enum { PROGRAM_MAXIMUM = 4096, REFUSED = SECCOMP_RET_ERRNO | 38 /* ENOSYS */ };

typedef struct Program {
        struct sock_filter code[PROGRAM_MAXIMUM];
        unsigned length; /* may pass the maximum: then it does not fit */
} Program;

void seccomp_policy_deinit(SeccompPolicy *policy)
{
        free(policy->entries);
        *policy = (SeccompPolicy){0};
}

int seccomp_policy_add(SeccompPolicy *policy, const SeccompEntry *entry)
{
        if (policy->count == policy->capacity) {
                size_t capacity = policy->capacity ? policy->capacity * 2 : 512;
                SeccompEntry *grown = reallocarray(policy->entries, capacity, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                policy->entries = grown;
                policy->capacity = capacity;
        }
        policy->entries[policy->count++] = *entry;
        return 0;
}

static int compare_name(const void *key, const void *item)
{
        return strcmp(key, ((const CallName *)item)->name);
}

int seccomp_call_number(const char *name)
{
        const CallName *found =
                bsearch(name, call_names, ELEMENTSOF(call_names), sizeof(*call_names), compare_name);

        return found ? found->number : -1;
}

/* ---- compiler ---- */

static void emit(Program *program, uint16_t code, uint8_t jump_true, uint8_t jump_false, uint32_t operand)
{
        if (program->length < PROGRAM_MAXIMUM)
                program->code[program->length] = (struct sock_filter){code, jump_true, jump_false, operand};
        program->length++;
}

static void emit_return(Program *program, uint32_t action)
{
        emit(program, BPF_RET | BPF_K, 0, 0, action);
}

/* Arguments that the kernel declares as int or unsigned int, of the calls that policies look into. */
static bool takes_32_bits(int call, unsigned argument)
{
        switch (call) {
        case __NR_socket:
        case __NR_socketpair:
                return argument < 3;
        case __NR_personality:
        case __NR_clone:
        case __NR_unshare:
        case __NR_prctl:
        case __NR_keyctl:
        case __NR_bpf:
        case __NR_quotactl:
                return argument == 0;
        case __NR_ioctl:
        case __NR_fcntl:
                return argument < 2;
        case __NR_setns:
                return argument < 2;
        default:
                return false;
        }
}

/* Jumps to be pointed at the next entry, when a condition does not hold. */
typedef struct Misses {
        unsigned at[3 * SECCOMP_CONDITIONS_MAXIMUM];
        bool when_true[3 * SECCOMP_CONDITIONS_MAXIMUM];
        unsigned count;
} Misses;

static void emit_miss(Program *program, Misses *misses, uint16_t code, bool when_true, uint32_t operand)
{
        misses->at[misses->count] = program->length;
        misses->when_true[misses->count++] = when_true;
        emit(program, code, 0, 0, operand);
}

static void load(Program *program, unsigned argument, unsigned high, uint32_t mask)
{
        emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0,
             (uint32_t)(offsetof(struct seccomp_data, args) + 8 * argument + 4 * high));
        if (mask != UINT32_MAX)
                emit(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
}

/* Both halves equal, or (@negate) not. */
static void emit_equal(Program *program, Misses *misses, const SeccompCondition *c, bool narrow, bool negate)
{
        uint64_t mask = c->compare == SECCOMP_COMPARE_MASKED ? c->mask : UINT64_MAX;

        if (!negate) {
                if (!narrow) {
                        load(program, c->argument, 1, (uint32_t)(mask >> 32));
                        emit_miss(program, misses, BPF_JMP | BPF_JEQ | BPF_K, false,
                                  (uint32_t)(c->value >> 32));
                }
                load(program, c->argument, 0, (uint32_t)mask);
                emit_miss(program, misses, BPF_JMP | BPF_JEQ | BPF_K, false, (uint32_t)c->value);
                return;
        }
        if (!narrow) {
                load(program, c->argument, 1, UINT32_MAX);
                /* another high half: unequal, past the load and the comparison of the low one */
                emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, (uint32_t)(c->value >> 32));
        }
        load(program, c->argument, 0, UINT32_MAX);
        emit_miss(program, misses, BPF_JMP | BPF_JEQ | BPF_K, true, (uint32_t)c->value);
}

/* Greater (or equal), or (@negate) not. */
static void emit_greater(Program *program, Misses *misses, const SeccompCondition *c, bool narrow,
                         bool or_equal, bool negate)
{
        uint32_t high = (uint32_t)(c->value >> 32), low = (uint32_t)c->value;
        uint16_t compare = BPF_JMP | (or_equal ? BPF_JGE : BPF_JGT) | BPF_K;

        if (!narrow) {
                load(program, c->argument, 1, UINT32_MAX);
                if (!negate) {
                        emit(program, BPF_JMP | BPF_JGT | BPF_K, 3, 0,
                             high); /* holds: behind the three below */
                        emit_miss(program, misses, BPF_JMP | BPF_JEQ | BPF_K, false, high);
                } else {
                        emit_miss(program, misses, BPF_JMP | BPF_JGT | BPF_K, true, high);
                        emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, high); /* less: holds */
                }
        }
        load(program, c->argument, 0, UINT32_MAX);
        emit_miss(program, misses, compare, negate, low);
}

static void emit_entry(Program *program, const SeccompEntry *entry)
{
        Misses misses = {.count = 0};

        for (size_t i = 0; i < entry->condition_count; i++) {
                const SeccompCondition *c = &entry->conditions[i];
                bool narrow = takes_32_bits(entry->call, c->argument);

                switch (c->compare) {
                case SECCOMP_COMPARE_EQ:
                case SECCOMP_COMPARE_MASKED:
                        emit_equal(program, &misses, c, narrow, false);
                        break;
                case SECCOMP_COMPARE_NE:
                        emit_equal(program, &misses, c, narrow, true);
                        break;
                case SECCOMP_COMPARE_GT:
                case SECCOMP_COMPARE_GE:
                        emit_greater(program, &misses, c, narrow, c->compare == SECCOMP_COMPARE_GE, false);
                        break;
                case SECCOMP_COMPARE_LT:
                case SECCOMP_COMPARE_LE:
                        emit_greater(program, &misses, c, narrow, c->compare == SECCOMP_COMPARE_LT, true);
                        break;
                }
        }
        emit_return(program, entry->action);
        for (unsigned i = 0; i < misses.count && program->length <= PROGRAM_MAXIMUM; i++) {
                uint8_t distance = (uint8_t)(program->length - misses.at[i] - 1);

                if (misses.when_true[i])
                        program->code[misses.at[i]].jt = distance;
                else
                        program->code[misses.at[i]].jf = distance;
        }
}

/* A stretch of numbers that are answered alike. */
typedef struct Range {
        int first;
        uint32_t action;
        const SeccompEntry *entries; /* with conditions; all of one call */
        size_t entry_count;
} Range;

static void emit_range(Program *program, const Range *range, uint32_t default_action)
{
        for (size_t i = 0; i < range->entry_count; i++)
                if (range->entries[i].condition_count)
                        emit_entry(program, &range->entries[i]);
        for (size_t i = 0; i < range->entry_count; i++)
                if (!range->entries[i].condition_count) {
                        emit_return(program, range->entries[i].action);
                        return;
                }
        emit_return(program, range->entry_count ? default_action : range->action);
}

static void emit_search(Program *program, const Range *ranges, size_t count, uint32_t default_action)
{
        size_t middle = count / 2;
        unsigned jump;

        if (count == 1) {
                emit_range(program, ranges, default_action);
                return;
        }
        emit(program, BPF_JMP | BPF_JGE | BPF_K, 1, 0, (uint32_t)ranges[middle].first);
        jump = program->length;
        emit(program, BPF_JMP | BPF_JA, 0, 0, 0);
        emit_search(program, ranges + middle, count - middle, default_action);
        if (jump < PROGRAM_MAXIMUM)
                program->code[jump].k = program->length - jump - 1;
        emit_search(program, ranges, middle, default_action);
}

typedef struct Order {
        int call;
        unsigned place;
} Order;

static int by_call(const void *a, const void *b)
{
        const Order *left = a, *right = b;

        return left->call != right->call ? left->call - right->call : left->place < right->place ? -1 : 1;
}

/* By call, and among entries of one call in the policy's own order. */
static void sort_entries(const SeccompPolicy *policy, Order *order, SeccompEntry *ret)
{
        for (size_t i = 0; i < policy->count; i++)
                order[i] = (Order){policy->entries[i].call, (unsigned)i};
        qsort(order, policy->count, sizeof(*order), by_call);
        for (size_t i = 0; i < policy->count; i++)
                ret[i] = policy->entries[order[i].place];
}

static bool is_simple(const SeccompEntry *entries, size_t count)
{
        return count == 1 && !entries->condition_count;
}

/* Cuts the numbers 0 … @last into ranges. @ranges has room for two more than twice the entries. */
static size_t make_ranges(const SeccompPolicy *policy, int last, Range *ranges)
{
        size_t count = 0;
        int next = 0; /* the first number that no range covers */

        for (size_t i = 0, group; i < policy->count; i += group) {
                const SeccompEntry *entry = &policy->entries[i];
                Range range = {.first = entry->call, .action = entry->action};

                for (group = 1; i + group < policy->count && entry[group].call == entry->call; group++)
                        ;
                if (!is_simple(entry, group)) {
                        range.entries = entry;
                        range.entry_count = group;
                }
                if (entry->call > next)
                        ranges[count++] = (Range){.first = next, .action = policy->default_action};
                if (!count || range.entry_count || ranges[count - 1].entry_count ||
                    ranges[count - 1].action != range.action)
                        ranges[count++] = range;
                next = entry->call + 1;
        }
        if (next <= last)
                ranges[count++] = (Range){.first = next, .action = policy->default_action};
        ranges[count++] = (Range){.first = next > last ? next : last + 1, .action = REFUSED};
        return count;
}

int seccomp_compile(const SeccompPolicy *policy, struct sock_fprog *ret, Error *err)
{
        _cleanup_free_ Program *program = malloc(sizeof(*program));
        _cleanup_free_ Range *ranges = calloc(policy->count * 2 + 4, sizeof(*ranges));
        SeccompPolicy sorted = *policy;
        _cleanup_free_ SeccompEntry *entries = calloc(policy->count + 1, sizeof(*entries));
        _cleanup_free_ Order *order = calloc(policy->count + 1, sizeof(*order));
        int last = 0;

        if (!program || !ranges || !entries || !order)
                return fail_memory(err);
        sort_entries(policy, order, entries);
        sorted.entries = entries;
        for (size_t i = 0; i < ELEMENTSOF(call_names); i++)
                last = call_names[i].number > last ? call_names[i].number : last;
        program->length = 0;
        emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE_ARCHITECTURE);
        emit_return(program, REFUSED);
        emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
        emit(program, BPF_JMP | BPF_JGE | BPF_K, 0, 1, FOREIGN_BIT);
        emit_return(program, REFUSED);
        emit_search(program, ranges, make_ranges(&sorted, last, ranges), policy->default_action);
        if (program->length > PROGRAM_MAXIMUM)
                return fail_kind(err, ERROR_UNSUPPORTED, E2BIG,
                                 "seccomp: the profile needs %u instructions, the kernel takes %d",
                                 program->length, PROGRAM_MAXIMUM);
        ret->filter = malloc(program->length * sizeof(*ret->filter));
        if (!ret->filter)
                return fail_memory(err);
        memcpy(ret->filter, program->code, program->length * sizeof(*ret->filter));
        ret->len = (unsigned short)program->length;
        return 0;
}

int seccomp_install(const struct sock_fprog *program, unsigned flags, Error *err)
{
        long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);

        return result < 0 ? fail_errno(err, errno, "seccomp: install the filter") : (int)result;
}
