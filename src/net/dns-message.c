#include "net/dns-message.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

enum {
        FLAG_RESPONSE = 0x80,
        FLAG_AUTHORITATIVE = 0x04,
        FLAG_TRUNCATED = 0x02,
        FLAG_RECURSION_DESIRED = 0x01,
        FLAG_RECURSION_AVAILABLE = 0x80,
        CLASS_INTERNET = 1,
        CLASS_ANY = 255,
        TIME_TO_LIVE = 600, /* what docker's resolver says */
        LABEL_MAXIMUM = 63,
};

static uint16_t get16(const uint8_t *data)
{
        return (uint16_t)(data[0] << 8 | data[1]);
}

static uint8_t *put16(uint8_t *data, uint16_t value)
{
        data[0] = (uint8_t)(value >> 8);
        data[1] = (uint8_t)value;
        return data + 2;
}

/* A question's name is not compressed: there is nothing before it to point to. */
static int parse_name(const uint8_t *message, size_t length, size_t *offset, char ret[static DNS_NAME_SIZE],
                      bool *ret_plain)
{
        size_t used = 0;

        *ret_plain = true;
        for (;;) {
                uint8_t label;

                if (*offset >= length)
                        return -EINVAL;
                label = message[(*offset)++];
                if (label == 0)
                        break;
                if (label > LABEL_MAXIMUM || label > length - *offset || used + label + 1U >= DNS_NAME_SIZE)
                        return -EINVAL;
                if (used)
                        ret[used++] = '.';
                for (uint8_t i = 0; i < label; i++) {
                        uint8_t c = message[(*offset)++];

                        if (!isalnum(c) && c != '-' && c != '_')
                                *ret_plain = false;
                        ret[used++] = (char)tolower(c);
                }
        }
        ret[used] = 0;
        return 0;
}

int dns_question_parse(const uint8_t *message, size_t length, DnsQuestion *ret, bool *ret_forwardable)
{
        DnsQuestion question = {0};
        size_t offset = DNS_HEADER_SIZE;
        bool plain;

        *ret_forwardable = false;
        if (length < DNS_HEADER_SIZE || message[2] & FLAG_RESPONSE)
                return -EINVAL;
        question.identifier = get16(message);
        question.opcode = (message[2] >> 3) & 15;
        question.recursion_desired = message[2] & FLAG_RECURSION_DESIRED;
        if (get16(message + 4) != 1)
                return -EINVAL;
        if (parse_name(message, length, &offset, question.name, &plain) < 0 || length - offset < 4)
                return -EINVAL;
        question.type = get16(message + offset);
        question.class = get16(message + offset + 2);
        question.end = offset + 4;
        *ret_forwardable = true;
        if (!plain || question.opcode != 0 ||
            (question.class != CLASS_INTERNET && question.class != CLASS_ANY))
                return -EINVAL;
        *ret = question;
        return 0;
}

static uint8_t *write_header(const uint8_t *query, const DnsQuestion *question, uint8_t code, uint8_t *ret)
{
        memset(ret, 0, DNS_HEADER_SIZE);
        memcpy(ret, query, 2);
        ret[2] = (uint8_t)(FLAG_RESPONSE | (query[2] & 0x79) |
                           (code == DNS_NO_ERROR ? FLAG_AUTHORITATIVE : 0));
        ret[3] = (uint8_t)(FLAG_RECURSION_AVAILABLE | code);
        if (!question)
                return ret + DNS_HEADER_SIZE;
        ret[5] = 1;
        memcpy(ret + DNS_HEADER_SIZE, query + DNS_HEADER_SIZE, question->end - DNS_HEADER_SIZE);
        return ret + question->end;
}

size_t dns_answer_status(const uint8_t *query, size_t length, const DnsQuestion *question, uint8_t code,
                         uint8_t *ret)
{
        if (length < DNS_HEADER_SIZE)
                return 0;
        return (size_t)(write_header(query, question, code, ret) - ret);
}

static uint8_t *write_record(uint8_t *at, uint16_t type, const void *data, size_t length)
{
        at = put16(at, 0xc000 | DNS_HEADER_SIZE); /* the name of the question */
        at = put16(at, type);
        at = put16(at, CLASS_INTERNET);
        at = put16(at, 0);
        at = put16(at, TIME_TO_LIVE);
        at = put16(at, (uint16_t)length);
        memcpy(at, data, length);
        return at + length;
}

size_t dns_answer_addresses(const uint8_t *query, const DnsQuestion *question, const NetAddress *addresses,
                            size_t count, size_t first, uint8_t *ret, size_t capacity)
{
        uint8_t *at = write_header(query, question, DNS_NO_ERROR, ret), *end = ret + capacity;
        uint16_t answers = 0;

        for (size_t i = 0; i < count; i++) {
                const NetAddress *address = &addresses[(first + i) % count];
                uint16_t type = address->family == AF_INET6 ? DNS_TYPE_AAAA : DNS_TYPE_A;

                if (question->type != type && question->type != DNS_TYPE_ANY)
                        continue;
                if ((size_t)(end - at) < 12 + net_address_length(address)) {
                        ret[2] |= FLAG_TRUNCATED;
                        break;
                }
                at = write_record(at, type, address->bytes, net_address_length(address));
                answers++;
        }
        put16(ret + 6, answers);
        return (size_t)(at - ret);
}

size_t dns_answer_name(const uint8_t *query, const DnsQuestion *question, const char *name, uint8_t *ret,
                       size_t capacity)
{
        uint8_t encoded[DNS_NAME_SIZE + 2], *at = write_header(query, question, DNS_NO_ERROR, ret);
        size_t used = 0;

        while (*name) {
                size_t label = strcspn(name, ".");

                if (label == 0 || label > LABEL_MAXIMUM || used + label + 2 > sizeof(encoded))
                        return dns_answer_status(query, DNS_HEADER_SIZE, question, DNS_SERVER_FAILURE, ret);
                encoded[used++] = (uint8_t)label;
                memcpy(encoded + used, name, label);
                used += label;
                name += label + (name[label] == '.');
        }
        encoded[used++] = 0;
        if ((size_t)(ret + capacity - at) < 12 + used)
                return dns_answer_status(query, DNS_HEADER_SIZE, question, DNS_SERVER_FAILURE, ret);
        put16(ret + 6, 1);
        return (size_t)(write_record(at, DNS_TYPE_PTR, encoded, used) - ret);
}

static int reverse_v4(const char *name, size_t length, NetAddress *ret)
{
        char text[16];
        NetAddress backwards;

        if (length >= sizeof(text))
                return -EINVAL;
        memcpy(text, name, length);
        text[length] = 0;
        if (net_address_parse(text, &backwards) < 0 || backwards.family != AF_INET)
                return -EINVAL;
        *ret = (NetAddress){.family = AF_INET};
        for (size_t i = 0; i < 4; i++)
                ret->bytes[i] = backwards.bytes[3 - i];
        return 0;
}

static int reverse_v6(const char *name, size_t length, NetAddress *ret)
{
        NetAddress address = {.family = AF_INET6};

        if (length != 63)
                return -EINVAL;
        for (size_t i = 0; i < 32; i++) {
                char c = name[2 * i];
                int digit = isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

                if (digit < 0 || (i < 31 && name[2 * i + 1] != '.'))
                        return -EINVAL;
                address.bytes[15 - i / 2] |= (uint8_t)(i % 2 ? digit << 4 : digit);
        }
        *ret = address;
        return 0;
}

int dns_reverse_parse(const char *name, NetAddress *ret)
{
        size_t length = strlen(name);

        if (text_ends(name, ".in-addr.arpa"))
                return reverse_v4(name, length - strlen(".in-addr.arpa"), ret);
        if (text_ends(name, ".ip6.arpa"))
                return reverse_v6(name, length - strlen(".ip6.arpa"), ret);
        return -EINVAL;
}

bool dns_is_truncated(const uint8_t *message, size_t length)
{
        return length >= DNS_HEADER_SIZE && message[2] & FLAG_TRUNCATED;
}
