#include "monitor/client.h"

#include "base/cleanup.h"
#include "monitor/frame.h"
#include "sys/process.h"

#include <poll.h>

typedef struct Client {
        const ClientOptions *options;
        Local *local;
        size_t input_length; /* a frame of input that the holder could not take yet */
        bool input_end;      /* the end is still to be told */
        char input[FRAME_DATA_MAXIMUM];
        size_t output_offset, output_length; /* likewise, what we could not write yet */
        int output_stream;
        char output[FRAME_DATA_MAXIMUM];
} Client;

int client_hello(int socket, const LocalOptions *local)
{
        uint32_t wants = (local->input ? FRAME_WANTS_INPUT : 0) | (local->output ? FRAME_WANTS_OUTPUT : 0) |
                         (local->errors ? FRAME_WANTS_ERRORS : 0);

        return frame_send(socket, (FrameHeader){.type = FRAME_HELLO, .a = wants}, NULL, 0, -EBADF);
}

static void send_window(const Client *client, uint16_t rows, uint16_t columns)
{
        frame_send(client->options->socket, (FrameHeader){.type = FRAME_RESIZE, .a = rows, .b = columns},
                   NULL, 0, -EBADF);
}

static void write_output(Client *client)
{
        Local *local = client->local;
        bool errors = client->output_stream == STDERR_FILENO;

        while (client->output_length) {
                ssize_t count = local_write(local, client->output_stream,
                                            client->output + client->output_offset, client->output_length);

                if (count == -EAGAIN)
                        return;
                if (count < 0) {
                        *(errors ? &local->options.errors : &local->options.output) = false;
                        client->output_length = 0;
                        client_hello(client->options->socket, &local->options);
                        return;
                }
                client->output_offset += (size_t)count;
                client->output_length -= (size_t)count;
        }
}

static void send_input(Client *client)
{
        if (client->input_length && frame_send(client->options->socket, (FrameHeader){.type = FRAME_INPUT},
                                               client->input, client->input_length, -EBADF) != -EAGAIN)
                client->input_length = 0;
        if (!client->input_length && client->input_end &&
            frame_send(client->options->socket, (FrameHeader){.type = FRAME_INPUT_END}, NULL, 0, -EBADF) !=
                    -EAGAIN)
                client->input_end = false;
}

/* 1: the detach keys. */
static int take_input(Client *client)
{
        ssize_t length = local_read(client->local, client->input, sizeof(client->input));

        if (length == -ECANCELED)
                return 1;
        client->input_end = length < 0;
        client->input_length = length > 0 ? (size_t)length : 0;
        send_input(client);
        return 0;
}

/* 2: our part is over. */
static int take_signal(Client *client, int *ret_status)
{
        LocalSignal signal;

        local_take_signal(client->local, &signal);
        if (signal.resized)
                send_window(client, signal.rows, signal.columns);
        if (signal.pass)
                process_signal(client->options->init, signal.pass);
        *ret_status = 128 + signal.end;
        return signal.end ? 2 : 0;
}

/* 1: the container has ended. */
static int take_frame(Client *client, int *ret_status, Error *err)
{
        FrameHeader frame;
        size_t length;
        int r;

        r = frame_receive(client->options->socket, &frame, client->output, &length, NULL);
        if (r == -EAGAIN)
                return 0;
        if (r <= 0)
                return fail(err, EPIPE,
                            "the process that holds the container has gone, or has let go of this terminal "
                            "because it did not take the container's output");
        switch (frame.type) {
        case FRAME_OUTPUT:
        case FRAME_ERRORS:
                client->output_stream = frame.type == FRAME_OUTPUT ? STDOUT_FILENO : STDERR_FILENO;
                client->output_offset = 0;
                client->output_length = length;
                write_output(client);
                return 0;
        case FRAME_ENDED:
                *ret_status = (int)frame.a;
                return 1;
        case FRAME_REFUSED:
                return fail_kind(err, ERROR_CONFLICT, EBUSY, "attach: %.*s", (int)length, client->output);
        default:
                return fail(err, EPROTO, "attach: frame of unknown type %u", frame.type);
        }
}

enum { SLOT_SOCKET, SLOT_SIGNALS, SLOT_INPUT, SLOT_OUTPUT, SLOT_COUNT };

static void fill_poll(const Client *client, struct pollfd fds[static SLOT_COUNT])
{
        bool unsent = client->input_length || client->input_end;

        for (size_t i = 0; i < SLOT_COUNT; i++)
                fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
        fds[SLOT_SIGNALS].fd = client->local->signals;
        fds[SLOT_SOCKET] = (struct pollfd){
                .fd = client->output_length && !unsent ? -1 : client->options->socket,
                .events = (short)((client->output_length ? 0 : POLLIN) | (unsent ? POLLOUT : 0))};
        if (client->local->options.input && !unsent)
                fds[SLOT_INPUT].fd = STDIN_FILENO;
        if (client->output_length)
                fds[SLOT_OUTPUT] = (struct pollfd){.fd = client->local->outputs[client->output_stream],
                                                   .events = POLLOUT};
}

static int serve(Client *client, const struct pollfd *fds, bool *ret_ended, int *ret_status, Error *err)
{
        int r = 0;

        if (fds[SLOT_OUTPUT].revents)
                write_output(client);
        if (fds[SLOT_SOCKET].revents & (POLLIN | POLLHUP | POLLERR) && !client->output_length) {
                r = take_frame(client, ret_status, err);
                *ret_ended = r > 0;
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        if (fds[SLOT_SOCKET].revents & POLLOUT)
                send_input(client);
        if (fds[SLOT_SIGNALS].revents)
                r = take_signal(client, ret_status);
        if (r == 0 && fds[SLOT_INPUT].revents)
                r = take_input(client);
        return r;
}

int client_run(const ClientOptions *options, int *ret_status, Error *err)
{
        _cleanup_free_ Client *client = calloc(1, sizeof(*client));
        uint16_t rows, columns;
        bool ended = false;
        int r = 0;

        if (!client)
                return fail_memory(err);
        client->options = options;
        client->local = options->local;
        if (local_window(client->local, &rows, &columns)) {
                /* Only a size that changes makes the kernel send SIGWINCH. */
                if (options->redraw)
                        send_window(client, (uint16_t)(rows + 1), columns);
                send_window(client, rows, columns);
        }
        while (r == 0 && !ended) {
                struct pollfd fds[SLOT_COUNT];

                fill_poll(client, fds);
                if (poll(fds, SLOT_COUNT, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail_errno(err, errno, "poll");
                }
                r = serve(client, fds, &ended, ret_status, err);
        }
        return r;
}
