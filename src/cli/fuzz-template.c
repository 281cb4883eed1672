/* A template, a NUL, and a JSON document; without one a row with labels. */
#include "cli/template.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char row[] =
                "{\"ID\":\"0a1b\",\"Names\":[\"a\",\"b\"],\"State\":{\"Pid\":42,\"Up\":true},\"None\":null}";
        _cleanup_free_ char *copy = strndup((const char *)data, size);
        size_t length = copy ? strlen(copy) : 0;
        _cleanup_json_ json_object *value = NULL, *labels = json_tokener_parse("{\"x\":\"y\"}");
        _cleanup_template_ Template *template = NULL;
        _cleanup_buffer_ Buffer output = {0};
        Error err = ERROR_INIT;
        int r;

        if (!copy || !labels)
                return 0;
        if (size <= length + 1 ||
            json_parse((const char *)data + length + 1, size - length - 1, "row", &value, NULL) < 0)
                value = json_tokener_parse(row);
        json_object_set_userdata(value, labels, NULL);
        r = template_parse(copy, &(TemplateOptions){.escapes = length & 1, .titles = length & 2}, &template,
                           &err);
        if (r >= 0)
                r = template_execute(template, value, &output, &err);
        if ((r < 0) != (err.code != 0))
                abort();
        return 0;
}
