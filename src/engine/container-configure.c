#include "engine/container-configure.h"

#include "base/file.h"
#include "spec/signals.h"

#include <ctype.h>

static int copy_text(char **target, const char *text, Error *err)
{
        return text_replace(target, text) < 0 ? fail_memory(err) : 0;
}

static int copy_list(StringList *target, const StringList *from, Error *err)
{
        return string_list_copy(target, from) < 0 ? fail_memory(err) : 0;
}

/* ENTRYPOINT and CMD as Docker joins them: an --entrypoint drops the image's command too. */
static int configure_command(const ContainerOptions *options, const ImageConfig *image,
                             ContainerConfiguration *configuration, Error *err)
{
        int r;

        if (options->has_entrypoint) {
                if (!text_empty(options->entrypoint) &&
                    string_list_add(&configuration->entrypoint, options->entrypoint) < 0)
                        return fail_memory(err);
        } else {
                r = copy_list(&configuration->entrypoint, &image->entrypoint, err);
                if (r < 0)
                        return r;
        }
        if (options->arguments.count > 0)
                r = copy_list(&configuration->command, &options->arguments, err);
        else if (!options->has_entrypoint)
                r = copy_list(&configuration->command, &image->command, err);
        else
                r = 0;
        if (r < 0)
                return r;
        if (configuration->entrypoint.count + configuration->command.count > 0)
                return 0;
        fail_kind(err, ERROR_USAGE, EINVAL, "no command specified: the image %s names none", options->image);
        return fail_hint(err, "write one behind the image: kelp run %s COMMAND", options->image);
}

static int merge_assignments(StringList *target, const StringList *image, const StringList *own,
                             const char *what, Error *err)
{
        int r;

        r = copy_list(target, image, err);
        for (size_t i = 0; r >= 0 && i < own->count; i++) {
                const char *assignment = own->items[i];

                if (*assignment == '=' || !*assignment)
                        return fail_kind(err, ERROR_USAGE, EINVAL, "invalid %s \"%s\": the name is empty",
                                         what, assignment);
                if (!strchr(assignment, '=')) {
                        _cleanup_free_ char *empty = text_printf("%s=", assignment);

                        r = empty && string_list_env_set(target, empty) >= 0 ? 0 : fail_memory(err);
                } else {
                        r = string_list_env_set(target, assignment) < 0 ? fail_memory(err) : 0;
                }
        }
        return r;
}

/* What an image gives as environment may be anything: only what is an assignment to a name without control
 * characters counts, as a program would read it. */
static int add_image_environment(const ImageConfig *image, StringList *target, Error *err)
{
        for (size_t i = 0; i < image->env.count; i++) {
                const char *assignment = image->env.items[i], *c = assignment;

                while (*c && *c != '=' && (unsigned char)*c >= ' ' && *c != 0x7f)
                        c++;
                if (*c == '=' && c > assignment && string_list_env_set(target, assignment) < 0)
                        return fail_memory(err);
        }
        return 0;
}

static int merge_environment(const ContainerOptions *options, const ImageConfig *image, StringList *target,
                             Error *err)
{
        int r = add_image_environment(image, target, err);

        for (size_t i = 0; r >= 0 && i < options->env.count; i++) {
                const char *assignment = options->env.items[i];

                if (*assignment == '=' || !*assignment)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid environment variable \"%s\": the name is empty",
                                         assignment);
                if (!strchr(assignment, '='))
                        string_list_env_unset(target, assignment);
                else if (string_list_env_set(target, assignment) < 0)
                        return fail_memory(err);
        }
        return r;
}

static int configure_environment(const ContainerOptions *options, const ImageConfig *image,
                                 ContainerConfiguration *configuration, Error *err)
{
        static const char default_path[] =
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        int r;

        r = merge_environment(options, image, &configuration->env, err);
        if (r >= 0 && !string_list_env_get(&configuration->env, "PATH") &&
            string_list_add(&configuration->env, default_path) < 0)
                return fail_memory(err);
        if (r >= 0)
                r = merge_assignments(&configuration->labels, &image->labels, &options->labels, "label", err);
        if (r >= 0)
                r = merge_assignments(&configuration->annotations, &(StringList){0}, &options->annotations,
                                      "annotation", err);
        return r;
}

static int configure_workdir(const ContainerOptions *options, const ImageConfig *image,
                             ContainerConfiguration *configuration, Error *err)
{
        const char *workdir = options->workdir ?: image->working_directory;

        if (text_empty(workdir)) {
                if (options->workdir)
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "the working directory is empty: -w takes an absolute path");
                workdir = "/";
        }
        if (*workdir != '/')
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "the working directory '%s' is invalid, it needs to be an absolute path",
                                 workdir);
        configuration->workdir = path_normalize(workdir);
        return configuration->workdir ? 0 : fail_memory(err);
}

static int configure_stop(const ContainerOptions *options, const ImageConfig *image,
                          ContainerConfiguration *configuration, Error *err)
{
        const char *text = options->stop_signal ?: image->stop_signal;
        uint64_t seconds = 10;
        int number, r;

        if (!text_empty(text)) {
                r = signal_parse(text, &number, err);
                if (r < 0)
                        return fail_wrap(err, r,
                                         options->stop_signal ? "--stop-signal" : "the image's STOPSIGNAL");
                r = copy_text(&configuration->stop_signal, text, err);
                if (r < 0)
                        return r;
        }
        if (options->stop_timeout && text_to_u64(options->stop_timeout, INT32_MAX, &seconds) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--stop-timeout \"%s\" is not a number of seconds",
                                 options->stop_timeout);
        configuration->stop_timeout = (int64_t)seconds;
        return 0;
}

/* Docker attaches all three in the foreground and none in the background; -a chooses. */
static int configure_streams(const ContainerOptions *options, ContainerConfiguration *configuration,
                             Error *err)
{
        bool chosen = options->attach.count > 0;

        for (size_t i = 0; i < options->attach.count; i++) {
                const char *name = options->attach.items[i];

                if (strcasecmp(name, "stdin") == 0)
                        configuration->attach_stdin = true;
                else if (strcasecmp(name, "stdout") == 0)
                        configuration->attach_stdout = true;
                else if (strcasecmp(name, "stderr") == 0)
                        configuration->attach_stderr = true;
                else
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "invalid --attach \"%s\": the streams are stdin, stdout and stderr",
                                         name);
        }
        configuration->terminal = options->terminal;
        configuration->open_stdin = options->interactive;
        if (!chosen && !options->detach) {
                configuration->attach_stdin = options->interactive;
                configuration->attach_stdout = configuration->attach_stderr = true;
        }
        return 0;
}

static int configure_image(const StoreImage *image, const ContainerOptions *options,
                           ContainerConfiguration *configuration, Error *err)
{
        const ImageConfig *config = &image->config;
        char platform[96];
        int r;

        platform_format(&config->platform, platform, sizeof(platform));
        r = copy_text(&configuration->image, options->image, err);
        if (r >= 0)
                r = copy_text(&configuration->image_id, image->id.text, err);
        if (r >= 0)
                r = copy_text(&configuration->platform, platform, err);
        if (r >= 0)
                r = copy_list(&configuration->volumes, &config->volumes, err);
        if (r >= 0)
                r = copy_list(&configuration->exposed_ports, &config->exposed_ports, err);
        if (r >= 0)
                r = copy_text(&configuration->user, options->user ?: config->user, err);
        for (size_t i = config->diff_id_count; r >= 0 && i > 0; i--)
                r = string_list_add(&configuration->layers, config->diff_ids[i - 1].text) < 0
                            ? fail_memory(err)
                            : 0;
        configuration->user_from_image = !options->user && !text_empty(config->user);
        return r;
}

static int configure_names(const ContainerOptions *options, ContainerConfiguration *configuration, Error *err)
{
        const StringList *lists[] = {&options->dns, &options->dns_search, &options->dns_options,
                                     &options->hosts, &options->group_add};
        StringList *targets[] = {&configuration->dns, &configuration->dns_search, &configuration->dns_options,
                                 &configuration->hosts, &configuration->group_add};
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(lists) && r >= 0; i++)
                r = copy_list(targets[i], lists[i], err);
        if (options->group_add.count > 1 && string_list_contains(&options->group_add, "keep-groups"))
                return fail_kind(err, ERROR_USAGE, EINVAL,
                                 "--group-add keep-groups cannot be combined with other groups: the kernel "
                                 "lets a plain user keep all of them or set others");
        for (size_t i = 0; r >= 0 && i < options->hosts.count; i++) {
                const char *host = options->hosts.items[i], *separator = strpbrk(host, ":=");

                if (!separator || separator == host || !separator[1])
                        return fail_kind(err, ERROR_USAGE, EINVAL,
                                         "bad format for --add-host \"%s\": it takes NAME:ADDRESS", host);
        }
        return r;
}

int container_configure(Engine *engine, const ContainerOptions *options, const StoreImage *image,
                        const char *id, ContainerConfiguration *ret, Error *err)
{
        _cleanup_configuration_ ContainerConfiguration configuration = {0};
        int r;

        configuration.read_only = options->read_only;
        configuration.init = options->init;
        configuration.auto_remove = options->remove;
        r = configure_image(image, options, &configuration, err);
        if (r >= 0)
                r = configure_command(options, &image->config, &configuration, err);
        if (r >= 0)
                r = configure_environment(options, &image->config, &configuration, err);
        if (r >= 0)
                r = configure_workdir(options, &image->config, &configuration, err);
        if (r >= 0)
                r = configure_stop(options, &image->config, &configuration, err);
        if (r >= 0)
                r = configure_streams(options, &configuration, err);
        if (r >= 0)
                r = configure_names(options, &configuration, err);
        if (r >= 0)
                r = container_configure_security(options, &configuration, err);
        if (r >= 0)
                r = container_configure_limits(options, &configuration, err);
        if (r >= 0)
                r = container_configure_devices(engine, options, &configuration, err);
        if (r >= 0)
                r = container_configure_namespaces(engine, options, id, &configuration, err);
        if (r >= 0)
                r = container_configure_mounts(engine, options, &configuration, err);
        if (r < 0)
                return r;
        *ret = configuration;
        configuration = (ContainerConfiguration){0};
        return 0;
}
