#include "runtime/switch.h"

#include "base/cleanup.h"
#include "sys/seccomp.h"
#include "sys/send-descriptor.h"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* of newer headers than Debian 12 has */
#define NET_BIND_TCP    (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)

typedef struct NetRuleset {
        uint64_t handled_access_fs, handled_access_net;
} NetRuleset;

static int fill_policy(SeccompPolicy *policy)
{
        static const char *const waiting[] = {"connect", "bind", "listen"};
        static const struct {
                const char *call;
                unsigned flags; /* the argument with the MSG_… */
        } sending[] = {{"sendto", 3}, {"sendmsg", 2}, {"sendmmsg", 3}};
        static const char *const rings[] = {"io_uring_setup", "io_uring_enter", "io_uring_register"};
        int r = 0;

        policy->default_action = SECCOMP_RET_ALLOW;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(waiting); i++)
                r = seccomp_policy_add(policy, &(SeccompEntry){.call = seccomp_call_number(waiting[i]),
                                                               .action = SECCOMP_RET_USER_NOTIF});
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(sending); i++)
                r = seccomp_policy_add(policy,
                                       &(SeccompEntry){.call = seccomp_call_number(sending[i].call),
                                                       .action = SECCOMP_RET_ERRNO | EOPNOTSUPP,
                                                       .condition_count = 1,
                                                       .conditions = {{.argument = sending[i].flags,
                                                                       .compare = SECCOMP_COMPARE_MASKED,
                                                                       .mask = MSG_FASTOPEN,
                                                                       .value = MSG_FASTOPEN}}});
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rings); i++)
                r = seccomp_policy_add(policy, &(SeccompEntry){.call = seccomp_call_number(rings[i]),
                                                               .action = SECCOMP_RET_ERRNO | ENOSYS});
        return r;
}

static int install(Error *err)
{
        SeccompPolicy policy = {0};
        struct sock_fprog program = {0};
        int r = fill_policy(&policy);

        r = r < 0 ? fail_memory(err) : seccomp_compile(&policy, &program, err);
        if (r >= 0)
                r = seccomp_install(&program, SECCOMP_FILTER_FLAG_NEW_LISTENER, err);
        free(program.filter);
        seccomp_policy_deinit(&policy);
        return r;
}

static int restrict_self(Error *err)
{
        const NetRuleset attributes = {.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP};
        _cleanup_close_ int ruleset =
                (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

        if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return fail_errno(err, errno, "--network switch: Landlock's rules for TCP");
        return 0;
}

static int hand_over(int channel, int listener, Error *err)
{
        Error answer = ERROR_INIT;
        ssize_t length;
        int r;

        r = socket_send_fds(channel, "", 1, &listener, 1);
        if (r < 0)
                return fail_errno(err, -r, "kelp-switch has ended");
        do
                length = recv(channel, &answer, sizeof(answer), 0);
        while (length < 0 && errno == EINTR);
        if (length != (ssize_t)sizeof(answer))
                return fail(err, EIO, "kelp-switch has ended");
        if (answer.code <= 0)
                return 0;
        *err = answer;
        return -answer.code;
}

int switch_confine(int channel, Error *err)
{
        _cleanup_close_ int listener = -EBADF;
        int r = install(err);

        if (r < 0)
                return r;
        listener = r;
        r = restrict_self(err);
        return r < 0 ? r : hand_over(channel, listener, err);
}
