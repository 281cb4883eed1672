/* pull, push, login, logout. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "engine/image.h"
#include "sys/terminal.h"

int pull_image(Engine *engine, const char *name, const char *platform, FILE *output, Error *err)
{
        ImagePullOptions options = {.name = name, .platform = platform};
        ProgressView *view = output ? progress_view_new(output) : NULL;
        int r;

        if (view) {
                options.report = progress_view_report;
                options.owner = view;
        }
        r = image_pull(engine, &options, err);
        progress_view_free(view);
        return r;
}

int command_pull(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *platform = NULL;
        bool quiet = false;
        const Option options[] = {
                {"platform", 0, OPTION_TEXT, (void *)&platform, "string",
                 "Set platform if the image is multi-platform capable"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Suppress verbose output"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        char name[REFERENCE_TEXT_SIZE];
        ImageReference reference;
        Engine *engine;
        int count, r;

        r = command_parse("pull", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = reference_parse(argv[1], &reference, err);
        if (r >= 0)
                r = command_engine(context, &engine, err);
        if (r >= 0)
                r = pull_image(engine, argv[1], platform, quiet ? NULL : stdout, err);
        if (r < 0)
                return r;
        reference_format(&reference, name);
        printf("%s\n", name);
        return 0;
}

int command_push(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        bool quiet = false;
        const Option options[] = {{"quiet", 'q', OPTION_FLAG, &quiet, "", "Suppress verbose output"}};
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        ImagePushOptions push = {0};
        char name[REFERENCE_TEXT_SIZE];
        ImageReference reference;
        ProgressView *view;
        Engine *engine;
        int count, r;

        r = command_parse("push", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        push.name = argv[1];
        view = quiet ? NULL : progress_view_new(stdout);
        if (view) {
                push.report = progress_view_report;
                push.owner = view;
        }
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = image_push(engine, &push, err);
        progress_view_free(view);
        if (r >= 0 && quiet && reference_parse(argv[1], &reference, NULL) >= 0) {
                reference_format(&reference, name);
                printf("%s\n", name);
        }
        return r;
}

/* One line of @input without its newline. */
static int read_line(int input, char *ret, size_t size, Error *err)
{
        size_t length = 0;

        while (length + 1 < size && read(input, ret + length, 1) > 0 && ret[length] != '\n')
                length++;
        if (length && ret[length - 1] == '\r')
                length--;
        ret[length] = 0;
        return length ? 0 : fail_kind(err, ERROR_USAGE, EINVAL, "login: nothing was entered");
}

static int ask(const char *question, bool secret, char *ret, size_t size, Error *err)
{
        TerminalState saved = TERMINAL_STATE_INIT;
        int r;

        if (!isatty(STDIN_FILENO)) {
                fail_kind(err, ERROR_USAGE, ENOTTY,
                          "login: cannot ask for it: standard input is no terminal");
                return fail_hint(err, "use --username and --password-stdin");
        }
        fprintf(stderr, "%s: ", question);
        if (secret && terminal_hide_input(STDIN_FILENO, &saved) < 0)
                return fail(err, ENOTTY, "login: the terminal cannot hide the password");
        r = read_line(STDIN_FILENO, ret, size, err);
        terminal_restore(&saved);
        if (secret)
                fputc('\n', stderr);
        return r;
}

/* "https://index.docker.io/v1/", "registry.example:5000/", nothing: as a registry is named in references. */
static int registry_name(const char *given, char *ret, size_t size, Error *err)
{
        const char *address = given ?: "docker.io";
        const char *host = text_after(address, "https://") ?: text_after(address, "http://") ?: address;

        snprintf(ret, size, "%.*s", (int)strcspn(host, "/"), host);
        if (text_equal(ret, "index.docker.io") || text_equal(ret, "registry-1.docker.io"))
                snprintf(ret, size, "docker.io");
        return *ret ? 0 : fail_kind(err, ERROR_USAGE, EINVAL, "\"%s\" does not name a registry", given);
}

int command_login(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *user = NULL, *password = NULL;
        bool from_stdin = false;
        const Option options[] = {
                {"password", 'p', OPTION_TEXT, (void *)&password, "string",
                 "Password (others can see it: better --password-stdin)"},
                {"password-stdin", 0, OPTION_FLAG, &from_stdin, "", "Take the password from stdin"},
                {"username", 'u', OPTION_TEXT, (void *)&user, "string", "Username"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        char domain[256], user_text[1024], password_text[8192];
        Engine *engine;
        int count, r;

        r = command_parse("login", &table, argc, argv, 0, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (from_stdin && (!user || password))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 password ? "--password and --password-stdin are mutually exclusive"
                                          : "--password-stdin needs --username");
        r = registry_name(count ? argv[1] : NULL, domain, sizeof(domain), err);
        if (r >= 0)
                r = command_engine(context, &engine, err);
        if (r >= 0 && !user) {
                r = ask("Username", false, user_text, sizeof(user_text), err);
                user = user_text;
        }
        if (r >= 0 && !password) {
                r = from_stdin ? read_line(STDIN_FILENO, password_text, sizeof(password_text), err)
                               : ask("Password", true, password_text, sizeof(password_text), err);
                password = password_text;
        }
        if (r >= 0)
                r = registry_login(engine, domain, user, password, err);
        explicit_bzero(password_text, sizeof(password_text));
        if (r >= 0)
                printf("Login Succeeded\n");
        return r;
}

int command_logout(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        char domain[256];
        int count, r;

        r = command_parse("logout", &table, argc, argv, 0, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = registry_name(count ? argv[1] : NULL, domain, sizeof(domain), err);
        if (r >= 0)
                r = registry_logout(domain, err);
        if (r >= 0)
                printf(r ? "Removing login credentials for %s\n" : "Not logged in to %s\n", domain);
        return r < 0 ? r : 0;
}
