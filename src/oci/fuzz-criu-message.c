/* Answers of criu. */
#include "oci/criu-message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CriuAnswer answer;

        if (criu_read_answer(data, size, &answer) >= 0 && (strlen(answer.script) >= sizeof(answer.script) ||
                                                           strlen(answer.message) >= sizeof(answer.message)))
                __builtin_trap();
        return 0;
}
