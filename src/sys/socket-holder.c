#include "sys/socket-holder.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MAXIMUM = 16 << 20, STATE_LISTEN = 0x0a };

/* The socket's inode number; 0: nobody has the port. */
static unsigned long find_in(const char *path, bool listening, uint16_t port, uid_t *ret_uid)
{
        _cleanup_buffer_ Buffer text = {0};
        char *save = NULL;

        if (file_read_at(AT_FDCWD, path, TABLE_MAXIMUM, &text) < 0 || !text.data)
                return 0;
        for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                unsigned local, state, uid;
                unsigned long inode;

                if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %u %*u %lu",
                           &local, &state, &uid, &inode) != 4 ||
                    local != port || (listening && state != STATE_LISTEN))
                        continue;
                *ret_uid = uid;
                return inode;
        }
        return 0;
}

static bool has_socket(int process, unsigned long inode)
{
        _cleanup_close_ int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder = fd < 0 ? NULL : fdopendir(fd);
        char wanted[32], target[32];
        bool found = false;
        int folder_fd = fd;

        if (!folder)
                return false;
        fd = -EBADF; /* the folder's */
        snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
        for (struct dirent *entry = readdir(folder); entry && !found; entry = readdir(folder)) {
                ssize_t length = readlinkat(folder_fd, entry->d_name, target, sizeof(target) - 1);

                target[length > 0 ? length : 0] = 0;
                found = strcmp(target, wanted) == 0;
        }
        closedir(folder);
        return found;
}

static void read_name(int process, SocketHolder *holder)
{
        _cleanup_buffer_ Buffer text = {0};

        if (file_read_at(process, "comm", sizeof(holder->name), &text) >= 0 && text.data)
                snprintf(holder->name, sizeof(holder->name), "%.*s", (int)strcspn(text.data, "\n"),
                         text.data);
}

static void find_process(unsigned long inode, SocketHolder *holder)
{
        DIR *processes = opendir("/proc");

        for (struct dirent *entry = processes ? readdir(processes) : NULL; entry && !holder->pid;
             entry = readdir(processes)) {
                uint64_t pid;
                _cleanup_close_ int process = -EBADF;

                if (text_to_u64(entry->d_name, INT32_MAX, &pid) < 0)
                        continue;
                process = openat(dirfd(processes), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (process < 0 || !has_socket(process, inode))
                        continue;
                holder->pid = (pid_t)pid;
                read_name(process, holder);
        }
        if (processes)
                closedir(processes);
}

bool socket_holder_find(int protocol, uint16_t port, SocketHolder *ret)
{
        static const char *const tables[2][2] = {{"/proc/net/tcp", "/proc/net/tcp6"},
                                                 {"/proc/net/udp", "/proc/net/udp6"}};
        bool tcp = protocol == IPPROTO_TCP;

        *ret = (SocketHolder){0};
        for (size_t i = 0; i < 2; i++) {
                unsigned long inode = find_in(tables[!tcp][i], tcp, port, &ret->uid);

                if (!inode)
                        continue;
                find_process(inode, ret);
                return true;
        }
        return false;
}
