#include "oci/foreground.h"

#include "base/file.h"
#include "monitor/holder.h"

void foreground_begin(Foreground *foreground)
{
        local_block_signals(&foreground->before);
}

void foreground_end(Foreground *foreground)
{
        sigprocmask(SIG_SETMASK, &foreground->before, NULL);
}

void foreground_window(RuntimeProcess *process)
{
        if (process->terminal && !process->console_height && !process->console_width)
                terminal_size(STDIN_FILENO, &process->console_height, &process->console_width);
}

int foreground_wait(RuntimeContainer *process, int *ret_status, Error *err)
{
        _cleanup_holder_ Holder *holder = NULL;
        _cleanup_local_ Local local = LOCAL_INIT;
        bool terminal = process->terminal >= 0;
        LocalOptions local_options = {
                .input = terminal, .output = terminal, .terminal = terminal, .signal_proxy = true};
        HolderOptions options = {.init = process->pidfd,
                                 .streams = {-EBADF, -EBADF, -EBADF},
                                 .terminal = process->terminal,
                                 .folder = -EBADF,
                                 .client = -EBADF,
                                 .ends_with_reader = true,
                                 .local = &local};
        int r;

        r = local_open(&local_options, &local, err);
        if (r >= 0)
                r = holder_new(&options, &holder, err);
        if (r < 0)
                return r;
        process->terminal = -EBADF;
        r = holder_run(holder, ret_status, err);
        if (r < 0)
                return r;
        holder_finish(holder);
        process->pid = 0;
        return 0;
}
