#include "monitor/holder.h"

#include "base/text.h"
#include "monitor/holder-clients.h"
#include "sys/process.h"
#include "sys/terminal.h"

#include <fcntl.h>
#include <string.h>

enum { TAIL_MAXIMUM = 1 << 20 /* the largest pipe of a plain user */ };

struct Holder {
        HolderOptions options;
        LogWriter *log;
        int listener;
        int source[2]; /* where the output comes from; the second is not used with a terminal */
        int sink;      /* where input goes */
        bool input_ended;
        HolderClient clients[CLIENTS_MAXIMUM];
        int adopted[ADOPTED_MAXIMUM]; /* terminals that are only kept open */
        bool local_pending;
        size_t local_taken;
        HolderPiece piece;
        size_t input_offset, input_length;
        char input[FRAME_DATA_MAXIMUM];
        Buffer tail[2]; /* what was left in the pipes at the end */
        size_t tail_offset[2];
        int status;
};

/* The order in the list for poll(2). */
enum {
        SLOT_INIT,
        SLOT_SIGNALS,
        SLOT_LISTENER,
        SLOT_CLIENTS,
        SLOT_ADOPTED = SLOT_CLIENTS + CLIENTS_MAXIMUM,
        SLOT_LOCAL_INPUT = SLOT_ADOPTED + ADOPTED_MAXIMUM,
        SLOT_LOCAL_OUTPUT,
        SLOT_SINK,
        SLOT_SOURCES,
        SLOT_COUNT = SLOT_SOURCES + 2,
};

/* ---- output ---- */

static bool local_wants(const Holder *holder, int which)
{
        const Local *local = holder->options.local;

        return local && (which ? local->options.errors : local->options.output);
}

static bool somebody_wants(const Holder *holder, int which)
{
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++)
                if (holder->clients[i].fd >= 0 && holder->clients[i].wants[which])
                        return true;
        return local_wants(holder, which);
}

static void close_source(Holder *holder, int which)
{
        if (holder->source[which] != holder->options.terminal)
                cleanup_close(&holder->source[which]);
        holder->source[which] = -EBADF;
}

static void offer_local(Holder *holder)
{
        HolderPiece *piece = &holder->piece;
        Local *local = holder->options.local;
        ssize_t taken;

        holder->local_pending = false;
        while (local_wants(holder, piece->which) && holder->local_taken < piece->length) {
                taken = local_write(local, piece->which + 1, piece->data + holder->local_taken,
                                    piece->length - holder->local_taken);
                if (taken == -EAGAIN) {
                        holder->local_pending = true;
                        return;
                }
                if (taken < 0) {
                        *(piece->which ? &local->options.errors : &local->options.output) = false;
                        if (holder->options.ends_with_reader && !somebody_wants(holder, piece->which))
                                close_source(holder, piece->which);
                        return;
                }
                holder->local_taken += (size_t)taken;
        }
}

static void offer_piece(Holder *holder)
{
        holder->local_taken = 0;
        offer_local(holder);
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++)
                holder_client_offer(&holder->clients[i], &holder->piece);
}

static bool piece_is_pending(const Holder *holder)
{
        return holder->local_pending || holder_clients_pending(holder->clients);
}

static void pass_output(Holder *holder, int which)
{
        HolderPiece *piece = &holder->piece;
        ssize_t length = read(holder->source[which], piece->data, sizeof(piece->data));

        if (length < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (length <= 0) { /* a terminal whose other side is closed says EIO */
                close_source(holder, which);
                return;
        }
        piece->which = which;
        piece->length = (size_t)length;
        log_writer_write(holder->log, which + 1, piece->data, piece->length);
        offer_piece(holder);
}

/* The process has ended: what it left in its pipes is logged now, whether anybody who is attached takes it or
 * not, and kept for them. */
static void drain(Holder *holder)
{
        char data[4096];

        for (int which = 0; which < 2; which++) {
                Buffer *tail = &holder->tail[which];
                ssize_t length;

                while (holder->source[which] >= 0 && tail->length < TAIL_MAXIMUM &&
                       (length = read(holder->source[which], data, sizeof(data))) > 0) {
                        log_writer_write(holder->log, which + 1, data, (size_t)length);
                        if (somebody_wants(holder, which))
                                buffer_append(tail, data, (size_t)length);
                }
        }
        holder->log = log_writer_close(holder->log);
}

/* ---- input ---- */

static void end_input(Holder *holder)
{
        /* A terminal stays open: it is the container's output, too. */
        if (holder->options.terminal >= 0)
                return;
        holder->input_ended = true;
        if (!holder->input_length)
                cleanup_close(&holder->sink);
}

static void write_input(Holder *holder)
{
        ssize_t count = write(holder->sink, holder->input + holder->input_offset, holder->input_length);

        if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (count < 0) {
                holder->input_length = 0;
                end_input(holder);
                return;
        }
        holder->input_offset += (size_t)count;
        holder->input_length -= (size_t)count;
        if (!holder->input_length && holder->input_ended)
                end_input(holder);
}

static void take_input(Holder *holder, size_t length)
{
        holder->input_offset = 0;
        holder->input_length = holder->sink >= 0 && !holder->input_ended ? length : 0;
        if (holder->input_length)
                write_input(holder);
}

/* 1: the detach keys were typed. */
static int pass_local_input(Holder *holder)
{
        ssize_t length = local_read(holder->options.local, holder->input, sizeof(holder->input));

        if (length == -ECANCELED)
                return 1;
        if (length < 0) {
                if (holder->options.input_once)
                        end_input(holder);
                return 0;
        }
        take_input(holder, (size_t)length);
        return 0;
}

/* ---- clients ---- */

static void adopt(Holder *holder, int fd)
{
        for (size_t i = 0; i < ADOPTED_MAXIMUM; i++)
                if (holder->adopted[i] < 0) {
                        fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
                        holder->adopted[i] = fd;
                        return;
                }
        close(fd);
}

static void client_gone(Holder *holder, HolderClient *client)
{
        bool fed = client->input && holder->options.input_once;

        holder_client_drop(client);
        if (fed)
                end_input(holder);
}

static void take_frame(Holder *holder, HolderClient *client)
{
        _cleanup_close_ int fd = -EBADF;
        FrameHeader frame;
        size_t length;
        int r;

        r = frame_receive(client->fd, &frame, holder->input, &length, &fd);
        if (r == -EAGAIN)
                return;
        if (r <= 0) {
                client_gone(holder, client);
                return;
        }
        switch (frame.type) {
        case FRAME_HELLO:
                client->input = frame.a & FRAME_WANTS_INPUT;
                client->wants[0] = frame.a & FRAME_WANTS_OUTPUT;
                client->wants[1] = frame.a & FRAME_WANTS_ERRORS;
                break;
        case FRAME_INPUT:
                if (client->input)
                        take_input(holder, length);
                break;
        case FRAME_INPUT_END:
                if (client->input && holder->options.input_once)
                        end_input(holder);
                break;
        case FRAME_RESIZE:
                if (holder->options.terminal >= 0)
                        terminal_resize(holder->options.terminal, (uint16_t)frame.a, (uint16_t)frame.b);
                break;
        case FRAME_ADOPT:
                if (fd >= 0)
                        adopt(holder, TAKE_FD(fd));
                break;
        default:
                client_gone(holder, client);
        }
}

/* Frames of all clients but while input is on its way: its buffer is the one for frames. */
static void serve_clients(Holder *holder, const struct pollfd *fds)
{
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++) {
                HolderClient *client = &holder->clients[i];

                if (client->fd < 0 || client->fd != fds[i].fd)
                        continue;
                if (fds[i].revents & POLLOUT && client->pending)
                        holder_client_offer(client, &holder->piece);
                if (client->fd >= 0 && fds[i].revents & POLLIN && !holder->input_length)
                        take_frame(holder, client);
                else if (client->fd >= 0 && fds[i].revents & (POLLHUP | POLLERR) &&
                         !(fds[i].revents & POLLIN))
                        client_gone(holder, client);
        }
}

static void accept_client(Holder *holder)
{
        int fd = frame_accept(holder->listener);

        if (fd >= 0)
                holder_clients_add(holder->clients, fd, false);
}

static void discard(int *fd)
{
        char data[4096];
        ssize_t length = read(*fd, data, sizeof(data));

        if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
                cleanup_close(fd);
}

/* ---- the loop ---- */

static void fill_poll(const Holder *holder, struct pollfd fds[static SLOT_COUNT])
{
        const Local *local = holder->options.local;
        bool pending = piece_is_pending(holder), fed = holder->input_length > 0;

        for (size_t i = 0; i < SLOT_COUNT; i++)
                fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
        fds[SLOT_INIT].fd = holder->options.init;
        fds[SLOT_LISTENER].fd = holder->listener;
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++) {
                const HolderClient *client = &holder->clients[i];

                if (!fed || client->pending)
                        fds[SLOT_CLIENTS + i] = (struct pollfd){
                                .fd = client->fd,
                                .events = (short)((fed ? 0 : POLLIN) | (client->pending ? POLLOUT : 0))};
        }
        for (size_t i = 0; i < ADOPTED_MAXIMUM; i++)
                fds[SLOT_ADOPTED + i].fd = holder->adopted[i];
        if (local) {
                fds[SLOT_SIGNALS].fd = local->signals;
                if (local->options.input && holder->sink >= 0 && !holder->input_ended && !fed)
                        fds[SLOT_LOCAL_INPUT].fd = STDIN_FILENO;
                if (holder->local_pending)
                        fds[SLOT_LOCAL_OUTPUT] = (struct pollfd){
                                .fd = local->outputs[holder->piece.which + 1], .events = POLLOUT};
        }
        if (fed)
                fds[SLOT_SINK] = (struct pollfd){.fd = holder->sink, .events = POLLOUT};
        for (int which = 0; which < 2 && !pending; which++)
                fds[SLOT_SOURCES + which].fd = holder->source[which];
}

static int wait_for_something(Holder *holder, struct pollfd fds[static SLOT_COUNT])
{
        int timeout = holder_clients_expire(holder->clients);

        fill_poll(holder, fds);
        return poll(fds, SLOT_COUNT, timeout);
}

/* 2: a signal that ends the caller's part; *ret_status is set. */
static int pass_signal(Holder *holder, int *ret_status)
{
        LocalSignal signal;

        local_take_signal(holder->options.local, &signal);
        if (signal.resized && holder->options.terminal >= 0)
                terminal_resize(holder->options.terminal, signal.rows, signal.columns);
        if (signal.pass)
                process_signal(holder->options.init, signal.pass);
        if (signal.end)
                *ret_status = 128 + signal.end;
        return signal.end ? 2 : 0;
}

/* What poll(2) has found, but for the end. Clients come before the output, so that whoever says what he wants
 * before the start misses nothing. */
static int serve(Holder *holder, const struct pollfd *fds, int *ret_status)
{
        int r = 0;

        if (fds[SLOT_SIGNALS].revents)
                r = pass_signal(holder, ret_status);
        serve_clients(holder, fds + SLOT_CLIENTS);
        if (fds[SLOT_LISTENER].revents) /* now there is room for those who come when others have gone */
                accept_client(holder);
        for (size_t i = 0; i < ADOPTED_MAXIMUM; i++)
                if (fds[SLOT_ADOPTED + i].revents && holder->adopted[i] >= 0)
                        discard(&holder->adopted[i]);
        if (fds[SLOT_SINK].revents && holder->input_length)
                write_input(holder);
        if (fds[SLOT_LOCAL_INPUT].revents && !holder->input_length && r == 0)
                r = pass_local_input(holder);
        if (fds[SLOT_LOCAL_OUTPUT].revents)
                offer_local(holder);
        for (int which = 0; which < 2; which++)
                if (fds[SLOT_SOURCES + which].revents && holder->source[which] >= 0 &&
                    !piece_is_pending(holder))
                        pass_output(holder, which);
        return r;
}

int holder_run(Holder *holder, int *ret_status, Error *err)
{
        struct pollfd fds[SLOT_COUNT];
        int r;

        for (;;) {
                if (wait_for_something(holder, fds) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail_errno(err, errno, "poll");
                }
                r = serve(holder, fds, ret_status);
                if (r != 0)
                        return r;
                if (fds[SLOT_INIT].revents)
                        break;
        }
        drain(holder);
        r = process_reap(holder->options.init, ret_status);
        if (r < 0)
                return fail_errno(err, -r, "wait for the container");
        holder->status = *ret_status;
        return 0;
}

/* The next piece of what was left; false: nothing is. */
static bool next_tail(Holder *holder)
{
        for (int which = 0; which < 2; which++) {
                size_t left = holder->tail[which].length - holder->tail_offset[which];
                HolderPiece *piece = &holder->piece;

                if (!left || !somebody_wants(holder, which))
                        continue;
                piece->which = which;
                piece->length = left < sizeof(piece->data) ? left : sizeof(piece->data);
                memcpy(piece->data, holder->tail[which].data + holder->tail_offset[which], piece->length);
                holder->tail_offset[which] += piece->length;
                return true;
        }
        return false;
}

void holder_finish(Holder *holder)
{
        struct pollfd fds[SLOT_COUNT];
        int status;

        holder->options.init = -EBADF; /* poll(2) is not to see its end again */
        close_source(holder, 0);
        close_source(holder, 1);
        cleanup_close(&holder->sink);
        for (;;) {
                while (!piece_is_pending(holder) && next_tail(holder))
                        offer_piece(holder);
                if (!piece_is_pending(holder))
                        break;
                if (wait_for_something(holder, fds) < 0 && errno != EINTR)
                        break;
                if (serve(holder, fds, &status) != 0)
                        break;
        }
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++)
                if (holder->clients[i].fd >= 0)
                        holder_client_end(&holder->clients[i], holder->status);
}

/* ---- life ---- */

static int set_nonblocking(int fd)
{
        int flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;

        return fd >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int holder_new(const HolderOptions *options, Holder **ret, Error *err)
{
        _cleanup_holder_ Holder *holder = calloc(1, sizeof(*holder));
        bool terminal = options->terminal >= 0;
        int r = 0;

        if (!holder)
                return fail_memory(err);
        holder->options = *options;
        holder->listener = -EBADF;
        holder->source[0] = terminal ? options->terminal : options->streams[1];
        holder->source[1] = terminal ? -EBADF : options->streams[2];
        holder->sink = terminal ? fcntl(options->terminal, F_DUPFD_CLOEXEC, 3) : options->streams[0];
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++)
                holder->clients[i].fd = -EBADF;
        for (size_t i = 0; i < ADOPTED_MAXIMUM; i++)
                holder->adopted[i] = -EBADF;
        if (options->client >= 0)
                holder_clients_add(holder->clients, options->client, true);
        if (set_nonblocking(holder->source[0]) < 0 || set_nonblocking(holder->source[1]) < 0 ||
            set_nonblocking(holder->sink) < 0)
                return fail_errno(err, errno, "the container's streams");
        if (options->folder >= 0) {
                r = log_writer_open(options->folder, &options->log, &holder->log, err);
                /* Where there are no sockets (some network file systems) nobody can attach; that is all. */
                holder->listener = frame_listen(options->folder);
        } else {
                r = log_writer_open(-EBADF, &(LogOptions){.none = true}, &holder->log, err);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(holder);
        return 0;
}

int holder_take_terminal(Holder *holder)
{
        holder->source[0] = -EBADF;
        return TAKE_FD(holder->options.terminal);
}

Holder *holder_free(Holder *holder)
{
        if (!holder)
                return NULL;
        log_writer_close(holder->log);
        cleanup_close(&holder->listener);
        close_source(holder, 0);
        close_source(holder, 1);
        cleanup_close(&holder->sink);
        cleanup_close(&holder->options.terminal);
        for (size_t i = 0; i < CLIENTS_MAXIMUM; i++)
                holder_client_drop(&holder->clients[i]);
        for (size_t i = 0; i < ADOPTED_MAXIMUM; i++)
                cleanup_close(&holder->adopted[i]);
        buffer_deinit(&holder->tail[0]);
        buffer_deinit(&holder->tail[1]);
        free(holder);
        return NULL;
}
