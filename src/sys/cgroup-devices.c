/* The rules about device nodes as a program of BPF: the context holds the access and type in one word, then
 * major and minor. Rules are asked from the last to the first. */
#include "base/cleanup.h"
#include "sys/cgroup.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PER_RULE = 8, AROUND = 8 };

typedef struct Program {
        struct bpf_insn *code;
        size_t count;
} Program;

static void emit(Program *program, uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value)
{
        program->code[program->count++] = (struct bpf_insn){
                .code = code, .dst_reg = to & 15, .src_reg = from & 15, .off = offset, .imm = value};
}

/* r2: type, r3: access, r4: major, r5: minor. */
static void emit_start(Program *program)
{
        emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_1, 0, 0);
        emit(program, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
        emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_3, BPF_REG_1, 0, 0);
        emit(program, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
        emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_4, BPF_REG_1, 4, 0);
        emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_5, BPF_REG_1, 8, 0);
}

static void emit_answer(Program *program, bool allow)
{
        emit(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
        emit(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The kernel refuses a program with parts that are never reached: after such a rule nothing follows. */
static bool matches_all(const CgroupDeviceRule *rule)
{
        return rule->type == 'a' && rule->major < 0 && rule->minor < 0 &&
               rule->access == (CGROUP_DEVICE_MKNOD | CGROUP_DEVICE_READ | CGROUP_DEVICE_WRITE);
}

/* Of a permission all that is wanted must be given; of a prohibition any part is enough. */
static void emit_rule(Program *program, const CgroupDeviceRule *rule)
{
        size_t jumps[4], jump_count = 0;

        if (rule->type != 'a') {
                jumps[jump_count++] = program->count;
                emit(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
                     rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        }
        if (rule->access != (CGROUP_DEVICE_MKNOD | CGROUP_DEVICE_READ | CGROUP_DEVICE_WRITE)) {
                emit(program, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
                emit(program, BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0,
                     (int32_t)(rule->allow ? ~rule->access & 7 : rule->access));
                jumps[jump_count++] = program->count;
                emit(program, BPF_JMP | (rule->allow ? BPF_JNE : BPF_JEQ) | BPF_K, BPF_REG_1, 0, 0, 0);
        }
        if (rule->major >= 0) {
                jumps[jump_count++] = program->count;
                emit(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, (int32_t)rule->major);
        }
        if (rule->minor >= 0) {
                jumps[jump_count++] = program->count;
                emit(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, (int32_t)rule->minor);
        }
        emit_answer(program, rule->allow);
        for (size_t i = 0; i < jump_count; i++)
                program->code[jumps[i]].off = (int16_t)(program->count - jumps[i] - 1);
}

static int load(const Program *program)
{
        union bpf_attr attributes = {
                .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                .insns = (uint64_t)(uintptr_t)program->code,
                .insn_cnt = (uint32_t)program->count,
                .license = (uint64_t)(uintptr_t)"Apache-2.0",
        };
        long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));

        return fd < 0 ? -errno : (int)fd;
}

int cgroup_limit_devices(int cgroup, const CgroupDeviceRule *rules, size_t count)
{
        _cleanup_free_ struct bpf_insn *code = calloc(count * (PER_RULE + 2) + AROUND, sizeof(*code));
        Program program = {.code = code};
        _cleanup_close_ int fd = -EBADF;
        bool ends = false;
        union bpf_attr attach = {.target_fd = (uint32_t)cgroup, .attach_type = BPF_CGROUP_DEVICE};

        if (!code)
                return -ENOMEM;
        emit_start(&program);
        for (size_t i = count; i > 0 && !ends; i--) {
                emit_rule(&program, &rules[i - 1]);
                ends = matches_all(&rules[i - 1]);
        }
        if (!ends)
                emit_answer(&program, false);
        fd = load(&program);
        if (fd < 0)
                return fd;
        attach.attach_bpf_fd = (uint32_t)fd;
        return syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0 ? -errno : 0;
}
