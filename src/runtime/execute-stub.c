/*
 * What the init of a container is in its last moment before the payload, when the payload may be something
 * that leads back to kelp's own program (execute.c): a program of a few hundred bytes, executed from a sealed
 * memory file, that executes the payload.
 *
 *   argv: kelp-exec DESCRIPTOR PROGRAM ARG0 [ARG...]    DESCRIPTOR: of the handshake
 *
 * It is linked with no library: each page would cost time in the start of a container.
 */
#include "runtime/handshake.h"

#include <asm/unistd.h>

#define FCNTL_SET_FLAGS 2 /* F_SETFD */

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall stub_main\n");

static long call(long number, long a, long b, long c)
{
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c)
                         : "rcx", "r11", "memory");
        return result;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl stub_main\n");

static long call(long number, long a, long b, long c)
{
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;

        __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
        return x0;
}
#elif defined(__riscv) && __riscv_xlen == 64
__asm__(".globl _start\n_start:\n\tmv a0, sp\n\tcall stub_main\n");

static long call(long number, long a, long b, long c)
{
        register long a7 __asm__("a7") = number;
        register long a0 __asm__("a0") = a;
        register long a1 __asm__("a1") = b;
        register long a2 __asm__("a2") = c;

        __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
        return a0;
}
#else
#error "execute-stub.c: the entry and the system calls of this processor are missing"
#endif

static HandshakeMessage failed;

_Noreturn void stub_main(long *stack);

_Noreturn void stub_main(long *stack)
{
        long count = stack[0];
        char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
        long descriptor = 0, result = -EINVAL;

        if (count >= 4) {
                for (const char *c = arguments[1]; *c >= '0' && *c <= '9'; c++)
                        descriptor = descriptor * 10 + (*c - '0');
                result = call(__NR_fcntl, descriptor, FCNTL_SET_FLAGS, 1 /* FD_CLOEXEC */);
                if (result >= 0)
                        result = call(__NR_execve, (long)arguments[2], (long)(arguments + 3),
                                      (long)environment);
                failed.type = HANDSHAKE_NOT_EXECUTED;
                failed.error.code = (int)-result;
                for (unsigned i = 0; arguments[3][i] && i + 1 < sizeof(failed.error.message); i++)
                        failed.error.message[i] = arguments[3][i];
                call(__NR_write, descriptor, (long)&failed, sizeof(failed));
        }
        for (;;)
                call(__NR_exit_group, 127, 0, 0);
}
