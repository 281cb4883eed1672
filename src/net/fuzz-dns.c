/* Questions of containers, and the answers to them. */
#include "net/dns-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        NetAddress addresses[64], reverse;
        uint8_t answer[DNS_PLAIN_MAXIMUM];
        DnsQuestion question;
        bool forwardable;

        for (uint32_t i = 0; i < 64; i++)
                addresses[i] = net_address_v4(i);
        if (dns_question_parse(data, size, &question, &forwardable) < 0)
                return 0;
        if (question.end > size ||
            dns_answer_addresses(data, &question, addresses, 64, 3, answer, sizeof(answer)) >
                    sizeof(answer) ||
            dns_answer_name(data, &question, "web.network", answer, sizeof(answer)) > sizeof(answer) ||
            dns_answer_status(data, size, &question, DNS_REFUSED, answer) > sizeof(answer))
                __builtin_trap();
        (void)dns_reverse_parse(question.name, &reverse);
        return 0;
}
