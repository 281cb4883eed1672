/* state, list, ps. */
#include "base/file.h"
#include "oci/processes.h"
#include "sys/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int oci_state(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_json_ json_object *document = NULL;
        OptionTable table = {0};
        int count, r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);

        if (r == 0)
                r = state_load(context, argv[1], false, &container, err);
        if (r == 0)
                r = state_load_spec(&container, container.status == OCI_CREATING ? NULL : err);
        if (r < 0 && container.status == OCI_CREATING && container.folder >= 0)
                r = 0; /* it has not come so far */
        if (r != 0)
                return r < 0 ? r : 0;
        document = state_document(&container, &container.spec.annotations, container.spec.version ?: "1.0.2");
        return oci_print_json(document, err);
}

/* ---- list ---- */

static int list_names(const OciContext *context, StringList *ret, Error *err)
{
        _cleanup_closedir_ DIR *folder = NULL;
        struct dirent *entry;
        int root, r = state_open_root(context, &root, err);

        if (r < 0)
                return r;
        folder = fdopendir(root);
        if (!folder)
                return fail_errno(err, errno, "the folder of all containers");
        while ((entry = readdir(folder)))
                if (entry->d_name[0] != '.' && string_list_add(ret, entry->d_name) < 0)
                        return fail_memory(err);
        return 0;
}

static void print_row(const OciContainer *container)
{
        _cleanup_free_ char *bundle = text_printable(container->bundle ?: "");

        printf("%-24s    %-10d  %-8s    %-30s  %s\n", container->id,
               container->status == OCI_STOPPED ? 0 : container->pid, state_status_name(container->status),
               bundle ?: "", container->created ?: "");
}

int oci_list(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_strings_ StringList names = {0};
        _cleanup_json_ json_object *all = json_object_new_array();
        const char *format = "table";
        bool quiet = false, json;
        OptionTable table = {.options = (Option[]){{"quiet", 'q', OPTION_FLAG, &quiet, "", "Only the ids"},
                                                   {"format", 'f', OPTION_TEXT, &format, "table|json",
                                                    "How they are printed"}},
                             .count = 2};
        int count, r = oci_parse(context, &table, argc, argv, 0, 0, &count, err);

        json = text_equal(format, "json");
        if (r == 0 && !json && !text_equal(format, "table"))
                r = fail_kind(err, ERROR_USAGE, EINVAL, "--format %s: it is table or json", format);
        if (r == 0)
                r = list_names(context, &names, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!json && !quiet)
                printf("%-24s    %-10s  %-8s    %-30s  %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED");
        for (size_t i = 0; i < names.count; i++) {
                _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;

                if (state_load(context, names.items[i], false, &container, NULL) < 0)
                        continue; /* removed meanwhile */
                if (quiet)
                        puts(container.id);
                else if (!json)
                        print_row(&container);
                else if (state_load_spec(&container, NULL) >= 0 || container.status == OCI_CREATING)
                        json_object_array_add(all, state_document(&container, &container.spec.annotations,
                                                                  container.spec.version ?: "1.0.2"));
        }
        return json && !quiet ? oci_print_json(all, err) : 0;
}

/* ---- ps ---- */

static void print_process(pid_t pid)
{
        char path[64], text[4096], *words;
        _cleanup_close_ int fd = -EBADF;
        ssize_t length;

        snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        length = fd < 0 ? 0 : file_read_full(fd, text, sizeof(text) - 1);
        length = length < 0 ? 0 : length;
        for (ssize_t i = 0; i + 1 < length; i++)
                if (!text[i])
                        text[i] = ' ';
        text[length] = 0;
        words = text_printable(text);
        printf("%-10d  %-10d  %s\n", pid, process_parent(pid), words ?: "");
        free(words);
}

int oci_ps(OciContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_oci_container_ OciContainer container = OCI_CONTAINER_INIT;
        _cleanup_process_list_ ProcessList list = {0};
        _cleanup_json_ json_object *pids = json_object_new_array();
        const char *format = "table";
        OptionTable table = {.options = (Option[]){{"format", 'f', OPTION_TEXT, &format, "table|json",
                                                    "How they are printed"}},
                             .count = 1,
                             .stop_at_first = false};
        int count, r = oci_parse(context, &table, argc, argv, 1, 1, &count, err);

        if (r == 0)
                r = state_load(context, argv[1], false, &container, err);
        if (r == 0)
                r = processes_list(&container, &list, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (text_equal(format, "json")) {
                for (size_t i = 0; i < list.count; i++)
                        json_object_array_add(pids, json_object_new_int(list.pids[i]));
                printf("%s\n", json_text(pids));
                return 0;
        }
        if (!text_equal(format, "table"))
                return fail_kind(err, ERROR_USAGE, EINVAL, "--format %s: it is table or json", format);
        printf("%-10s  %-10s  %s\n", "PID", "PPID", "CMD");
        for (size_t i = 0; i < list.count; i++)
                print_process(list.pids[i]);
        return 0;
}
