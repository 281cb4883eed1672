/*
 * The messages that criu takes and sends (criu.org/RPC; images/rpc.proto of criu), in the wire form of
 * protocol buffers: pairs of a field's number and a value, of which there are two kinds here, whole numbers
 * and bytes.
 */
#pragma once

#include "base/text.h"

#include <sys/types.h>

typedef enum CriuType { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4, CRIU_NOTIFY = 6 } CriuType;

/* Members of criu_opts, by their numbers there. */
typedef enum CriuField {
        CRIU_IMAGES_DIR_FD = 1,
        CRIU_PID = 2,
        CRIU_LEAVE_RUNNING = 3,
        CRIU_EXT_UNIX_SK = 4,
        CRIU_TCP_ESTABLISHED = 5,
        CRIU_SHELL_JOB = 7,
        CRIU_FILE_LOCKS = 8,
        CRIU_LOG_LEVEL = 9,
        CRIU_LOG_FILE = 10,
        CRIU_PAGE_SERVER = 11, /* {address = 1, port = 2} */
        CRIU_NOTIFY_SCRIPTS = 12,
        CRIU_ROOT = 13,
        CRIU_PARENT_IMG = 14,
        CRIU_TRACK_MEM = 15,
        CRIU_AUTO_DEDUP = 16,
        CRIU_WORK_DIR_FD = 17,
        CRIU_LINK_REMAP = 18,
        CRIU_RST_SIBLING = 26,
        CRIU_INHERIT_FD = 27, /* {key = 1, fd = 2} */
        CRIU_MANAGE_CGROUPS_MODE = 34,
        CRIU_EXTERNAL = 37,
        CRIU_EMPTY_NS = 38, /* flags as clone(2) has them */
        CRIU_FREEZE_CGROUP = 44,
        CRIU_LAZY_PAGES = 48,
        CRIU_STATUS_FD = 49,
        CRIU_ORPHAN_PTS_MASTER = 50,
        CRIU_LSM_PROFILE = 53,
        CRIU_LSM_MOUNT_CONTEXT = 63,
        CRIU_NETWORK_LOCK = 64,
} CriuField;

/* Appends a field. */
void criu_put_number(Buffer *message, unsigned field, uint64_t value);
void criu_put_text(Buffer *message, unsigned field, const char *text);
void criu_put_message(Buffer *message, unsigned field, const Buffer *inner);
void criu_put_textf(Buffer *message, unsigned field, const char *format, ...) _printf_(3, 4);

/* What criu says: an answer, or (CRIU_NOTIFY) that it has come to a point and waits for our word. */
typedef struct CriuAnswer {
        CriuType type;
        bool success;
        pid_t pid;         /* of the restored init, or of the one that is being restored */
        char script[64];   /* the point */
        char message[512]; /* why not, if it says so */
} CriuAnswer;

/* -EBADMSG when it is no such message. Unknown fields are passed over. */
int criu_read_answer(const void *data, size_t length, CriuAnswer *ret);
