#include "oci/criu-message.h"

#include <string.h>

enum { WIRE_NUMBER = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* ---- writing ---- */

/* Seven bits a byte, the lowest first; the eighth says that there are more. */
static void put_varint(Buffer *message, uint64_t value)
{
        for (; value >= 0x80; value >>= 7)
                buffer_putc(message, (char)(value | 0x80));
        buffer_putc(message, (char)value);
}

static void put_bytes(Buffer *message, unsigned field, const void *data, size_t length)
{
        put_varint(message, (uint64_t)field << 3 | WIRE_BYTES);
        put_varint(message, length);
        buffer_append(message, data, length);
}

void criu_put_number(Buffer *message, unsigned field, uint64_t value)
{
        put_varint(message, (uint64_t)field << 3 | WIRE_NUMBER);
        put_varint(message, value);
}

void criu_put_text(Buffer *message, unsigned field, const char *text)
{
        put_bytes(message, field, text, strlen(text));
}

void criu_put_message(Buffer *message, unsigned field, const Buffer *inner)
{
        message->failed = message->failed || inner->failed;
        put_bytes(message, field, inner->data ?: "", inner->length);
}

void criu_put_textf(Buffer *message, unsigned field, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        if (text)
                criu_put_text(message, field, text);
        else
                message->failed = true;
}

/* ---- reading ---- */

typedef struct Reader {
        const unsigned char *next, *end;
} Reader;

typedef struct Field {
        unsigned number;
        uint64_t value;
        Reader bytes; /* of WIRE_BYTES */
} Field;

static int read_varint(Reader *reader, uint64_t *ret)
{
        *ret = 0;
        for (unsigned shift = 0; reader->next < reader->end && shift < 64; shift += 7) {
                unsigned char byte = *reader->next++;

                *ret |= (uint64_t)(byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        return 0;
        }
        return -EBADMSG;
}

static int skip(Reader *reader, uint64_t length)
{
        if (length > (size_t)(reader->end - reader->next))
                return -EBADMSG;
        reader->next += length;
        return 0;
}

/* 1: a field, 0: the end. */
static int read_field(Reader *reader, Field *ret)
{
        uint64_t key;
        int r;

        *ret = (Field){0};
        if (reader->next == reader->end)
                return 0;
        r = read_varint(reader, &key);
        if (r < 0)
                return r;
        ret->number = (unsigned)(key >> 3);
        switch (key & 7) {
        case WIRE_NUMBER:
                r = read_varint(reader, &ret->value);
                break;
        case WIRE_FIXED64:
                r = skip(reader, 8);
                break;
        case WIRE_FIXED32:
                r = skip(reader, 4);
                break;
        case WIRE_BYTES:
                r = read_varint(reader, &ret->value);
                ret->bytes.next = reader->next;
                if (r >= 0)
                        r = skip(reader, ret->value);
                ret->bytes.end = reader->next;
                break;
        default:
                r = -EBADMSG;
        }
        return r < 0 ? r : 1;
}

static void copy_text(const Reader *bytes, char *ret, size_t size)
{
        size_t length = bytes->next ? (size_t)(bytes->end - bytes->next) : 0;

        if (length >= size)
                length = size - 1;
        if (length)
                memcpy(ret, bytes->next, length);
        ret[length] = 0;
}

/* criu_restore_resp {pid = 1}, criu_notify {script = 1, pid = 2} */
static int read_inner(Reader reader, unsigned pid_field, CriuAnswer *answer)
{
        Field field;
        int r;

        while ((r = read_field(&reader, &field)) > 0)
                if (field.number == pid_field)
                        answer->pid = (pid_t)field.value;
                else if (field.number == 1)
                        copy_text(&field.bytes, answer->script, sizeof(answer->script));
        return r;
}

int criu_read_answer(const void *data, size_t length, CriuAnswer *ret)
{
        enum { TYPE = 1, SUCCESS = 2, RESTORE = 4, NOTIFY = 5, MESSAGE = 9 };
        Reader reader = {.next = data, .end = (const unsigned char *)data + length};
        Field field;
        int r;

        *ret = (CriuAnswer){0};
        while ((r = read_field(&reader, &field)) > 0) {
                if (field.number == TYPE)
                        ret->type = (CriuType)field.value;
                else if (field.number == SUCCESS)
                        ret->success = field.value != 0;
                else if (field.number == RESTORE)
                        r = read_inner(field.bytes, 1, ret);
                else if (field.number == NOTIFY)
                        r = read_inner(field.bytes, 2, ret);
                else if (field.number == MESSAGE)
                        copy_text(&field.bytes, ret->message, sizeof(ret->message));
                if (r < 0)
                        return r;
        }
        return r;
}
