/* DNS messages (RFC 1035): the question read, answers from names that kelp knows written. What is asked of
 * others passes through as it is; only its identifier is looked at. */
#pragma once

#include "net/address.h"

enum {
        DNS_HEADER_SIZE = 12,
        DNS_NAME_SIZE = 256,         /* text with its NUL */
        DNS_PLAIN_MAXIMUM = 512,     /* a UDP answer without EDNS */
        DNS_MESSAGE_MAXIMUM = 65535, /* TCP */

        DNS_TYPE_A = 1,
        DNS_TYPE_PTR = 12,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_ANY = 255,

        DNS_NO_ERROR = 0,
        DNS_FORMAT_ERROR = 1,
        DNS_SERVER_FAILURE = 2,
        DNS_NAME_ERROR = 3,
        DNS_NOT_IMPLEMENTED = 4,
        DNS_REFUSED = 5,
};

typedef struct DnsQuestion {
        uint16_t identifier;
        char name[DNS_NAME_SIZE]; /* lower case, without the last dot; "" is the root */
        uint16_t type, class;
        size_t end; /* behind the question */
        bool recursion_desired;
        uint8_t opcode;
} DnsQuestion;

/* Reads a query with one question. -EINVAL: malformed, a response, or a name with bytes that no host name has
 * (those are forwarded as they are when *ret_forwardable). */
int dns_question_parse(const uint8_t *message, size_t length, DnsQuestion *ret, bool *ret_forwardable);

/* An answer to @query with status @code and no records. The result's length; @ret has DNS_PLAIN_MAXIMUM bytes
 * at least. */
size_t dns_answer_status(const uint8_t *query, size_t length, const DnsQuestion *question, uint8_t code,
                         uint8_t *ret);
/* With an A or AAAA record for each address of the asked family, from the @first on and around (so that
 * callers rotate them); as many as fit into @capacity. */
size_t dns_answer_addresses(const uint8_t *query, const DnsQuestion *question, const NetAddress *addresses,
                            size_t count, size_t first, uint8_t *ret, size_t capacity);
/* With one PTR record. */
size_t dns_answer_name(const uint8_t *query, const DnsQuestion *question, const char *name, uint8_t *ret,
                       size_t capacity);
/* The address in "4.3.2.1.in-addr.arpa" or the ip6.arpa form. 0 or -EINVAL. */
int dns_reverse_parse(const char *name, NetAddress *ret);
/* True when the truncation flag is set. */
bool dns_is_truncated(const uint8_t *message, size_t length);
