#include "cli/each.h"

#include "cli/output.h"

void each_complain(const Error *error)
{
        fflush(stdout);
        fputs("kelp: ", stderr);
        output_text(error->message, stderr);
        if (*error->hint) {
                fputc('\n', stderr);
                output_text(error->hint, stderr);
        }
        fputc('\n', stderr);
}

int each_name(CommandContext *context, int count, char **names, EachName run, void *argument,
              EachMissing missing, int *ret_status, Error *err)
{
        Engine *engine;
        int r;

        r = command_engine(context, &engine, err);
        for (int i = 0; r >= 0 && i < count; i++) {
                Error failed = ERROR_INIT;

                if (run(engine, names[i], argument, &failed) >= 0) {
                        printf("%s\n", names[i]);
                        continue;
                }
                each_complain(&failed);
                if (missing == EACH_MISSING_FAILS || failed.kind != ERROR_NOT_FOUND)
                        *ret_status = 1;
        }
        return r;
}
