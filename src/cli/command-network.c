#include "base/file.h"
#include "cli/each.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "engine/network.h"

#include <sys/socket.h>
#include <time.h>

int command_network_create(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        NetworkCreateOptions create = {0};
        StringList *lists[] = {&create.subnets, &create.gateways, &create.ranges, &create.labels,
                               &create.options};
        const Option options[] = {
                {"driver", 'd', OPTION_TEXT, &create.driver, "string",
                 "Driver to manage the network: bridge, the only one"},
                {"gateway", 0, OPTION_LIST, &create.gateways, "strings",
                 "IPv4 or IPv6 gateway for the subnet"},
                {"internal", 0, OPTION_FLAG, &create.internal, "", "Restrict external access to the network"},
                {"ip-range", 0, OPTION_LIST, &create.ranges, "strings",
                 "Allocate container ip from a sub-range"},
                {"ipv6", 0, OPTION_FLAG, &create.ipv6, "", "Enable IPv6 networking"},
                {"label", 0, OPTION_LIST, &create.labels, "list", "Set metadata on a network"},
                {"opt", 'o', OPTION_LIST, &create.options, "map", "Set driver specific options: mtu=BYTES"},
                {"subnet", 0, OPTION_LIST, &create.subnets, "strings",
                 "Subnet in CIDR format that represents a network segment"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        char id[65];
        int count, r;

        r = command_parse("network create", &table, argc, argv, 1, 1, &count, err);
        if (r == 0) {
                create.name = argv[1];
                r = command_engine(context, &engine, err);
                if (r >= 0)
                        r = network_create(engine, &create, id, err);
                if (r >= 0)
                        printf("%s\n", id);
        }
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                string_list_deinit(lists[i]);
        return r < 0 ? r : 0;
}

static json_object *make_row(json_object *network, bool whole)
{
        json_object *row = json_object_new_object();
        char id[65];

        snprintf(id, sizeof(id), whole ? "%s" : "%.12s", row_text(network, "Id"));
        json_set_string(row, "ID", id);
        json_set_string(row, "Name", row_text(network, "Name"));
        json_set_string(row, "Driver", row_text(network, "Driver"));
        json_set_string(row, "Scope", row_text(network, "Scope"));
        json_set_string(row, "CreatedAt", row_text(network, "Created"));
        json_set_string(row, "IPv6",
                        json_object_get_boolean(json_object_object_get(network, "EnableIPv6")) ? "true"
                                                                                               : "false");
        json_set_string(row, "Internal",
                        json_object_get_boolean(json_object_object_get(network, "Internal")) ? "true"
                                                                                             : "false");
        row_set_labels(row, json_object_object_get(network, "Labels"));
        return row;
}

int command_network_ls(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        static const Column columns[] = {{"NETWORK ID", "ID"}, {"NAME", "Name"},
                                         {"DRIVER", "Driver"}, {"SCOPE", "Scope"},
                                         {"IPV6", "IPv6"},     {"INTERNAL", "Internal"},
                                         {"LABELS", "Labels"}, {"CREATED AT", "CreatedAt"}};
        static const OutputTable output = {.columns = columns,
                                           .count = ELEMENTSOF(columns),
                                           .standard = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"};
        NetworkListOptions list = {0};
        const char *format = NULL;
        bool quiet = false, whole = false;
        const Option options[] = {
                {"filter", 'f', OPTION_LIST, &list.filters, "filter",
                 "Provide filter values (name=n, id=i, label=a=b, dangling=true)"},
                {"format", 0, OPTION_TEXT, &format, "string",
                 "Format output using a template ('table', 'json', '{{.Name}}')"},
                {"no-trunc", 0, OPTION_FLAG, &whole, "", "Do not truncate the output"},
                {"quiet", 'q', OPTION_FLAG, &quiet, "", "Only display network IDs"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_json_ json_object *found = NULL, *rows = json_object_new_array();
        Engine *engine;
        int count, r;

        r = command_parse("network ls", &table, argc, argv, 0, 0, &count, err);
        if (r == 0) {
                r = command_engine(context, &engine, err);
                if (r >= 0)
                        r = network_list(engine, &list, &found, err);
                for (size_t i = 0; r >= 0 && i < json_object_array_length(found); i++)
                        json_object_array_add(rows, make_row(json_object_array_get_idx(found, i), whole));
                if (r >= 0)
                        r = output_rows(rows, &output, quiet ? "{{.ID}}" : format, err);
        }
        string_list_deinit(&list.filters);
        return r < 0 ? r : 0;
}

static int remove_one(Engine *engine, const char *name, void *argument, Error *err)
{
        return network_remove(engine, name, err);
}

int command_network_rm(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        bool force = false;
        const Option options[] = {
                {"force", 'f', OPTION_FLAG, &force, "", "Do not fail for a network that is not there"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        int count, r;

        r = command_parse("network rm", &table, argc, argv, 1, -1, &count, err);
        return r != 0 ? (r < 0 ? r : 0)
                      : each_name(context, count, argv + 1, remove_one, NULL,
                                  force ? EACH_MISSING_IS_TOLD : EACH_MISSING_FAILS, ret_status, err);
}

int command_network_connect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        NetworkConnectOptions connect = {0};
        const Option options[] = {
                {"alias", 0, OPTION_LIST, &connect.aliases, "strings",
                 "Add network-scoped alias for the container"},
                {"ip", 0, OPTION_TEXT, &connect.ip, "string", "IPv4 address (e.g., 172.30.100.104)"},
                {"ip6", 0, OPTION_TEXT, &connect.ip6, "string", "IPv6 address (e.g., 2001:db8::33)"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        int count, r;

        r = command_parse("network connect", &table, argc, argv, 2, 2, &count, err);
        if (r == 0) {
                r = command_engine(context, &engine, err);
                if (r >= 0)
                        r = network_connect(engine, argv[1], argv[2], &connect, err);
        }
        string_list_deinit(&connect.aliases);
        return r < 0 ? r : 0;
}

int command_network_disconnect(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        bool force = false;
        const Option options[] = {
                {"force", 'f', OPTION_FLAG, &force, "", "Do not fail for a container that is not connected"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        int count, r;

        r = command_parse("network disconnect", &table, argc, argv, 2, 2, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = network_disconnect(engine, argv[1], argv[2], err);
        if (r == -ENOENT && force) {
                error_clear(err);
                return 0;
        }
        return r;
}

int command_network_prune(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        _cleanup_strings_ StringList filters = {0}, names = {0};
        bool force = false;
        const Option options[] = {
                {"filter", 0, OPTION_LIST, &filters, "filter", "Provide filter values (label=a=b)"},
                {"force", 'f', OPTION_FLAG, &force, "", "Do not prompt for confirmation"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        Engine *engine;
        int count, r;

        r = command_parse("network prune", &table, argc, argv, 0, 0, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!force) {
                char answer[8];

                printf("WARNING! This will remove all custom networks not used by at least one container.\n"
                       "Are you sure you want to continue? [y/N] ");
                fflush(stdout);
                if (!fgets(answer, sizeof(answer), stdin) || (*answer != 'y' && *answer != 'Y'))
                        return 0;
        }
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = network_prune(engine, &filters, &names, err);
        if (r >= 0 && names.count)
                printf("Deleted Networks:\n");
        for (size_t i = 0; r >= 0 && i < names.count; i++)
                printf("%s\n", names.items[i]);
        return r;
}

static void print_lines(const StringList *lines)
{
        for (size_t i = 0; i < lines->count; i++)
                printf("%s\n", lines->items[i]);
}

int command_network_publish(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        _cleanup_strings_ StringList lines = {0};
        Engine *engine;
        int count, r;

        r = command_parse("network publish", &table, argc, argv, 2, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        for (int i = 2; r >= 0 && i <= count; i++)
                r = network_publish(engine, argv[1], argv[i], &lines, err);
        print_lines(&lines);
        return r;
}

int command_network_unpublish(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        Engine *engine;
        int count, r;

        r = command_parse("network unpublish", &table, argc, argv, 2, -1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        for (int i = 2; r >= 0 && i <= count; i++)
                r = network_unpublish(engine, argv[1], argv[i], err);
        return r;
}

int command_port(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        OptionTable table = {0};
        _cleanup_strings_ StringList lines = {0};
        Engine *engine;
        int count, r;

        r = command_parse("port", &table, argc, argv, 1, 2, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = network_ports(engine, argv[1], count > 1 ? argv[2] : NULL, &lines, err);
        print_lines(&lines);
        return r;
}

/* ---- capture: the format of pcap-savefile(5) ---- */

typedef struct CaptureHeader {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, accuracy, length, link;
} CaptureHeader;

typedef struct CaptureRecord {
        uint32_t seconds, nanoseconds, captured, length;
} CaptureRecord;

enum { CAPTURE_MAGIC = (int)0xa1b23c4d, CAPTURE_LENGTH = 65600, CAPTURE_ETHERNET = 1 };

static int write_packets(int fd, uint64_t limit, Error *err)
{
        static uint8_t buffer[sizeof(CaptureRecord) + CAPTURE_LENGTH];
        const CaptureHeader header = {.magic = (uint32_t)CAPTURE_MAGIC,
                                      .major = 2,
                                      .minor = 4,
                                      .length = CAPTURE_LENGTH,
                                      .link = CAPTURE_ETHERNET};
        int r = file_write_all(STDOUT_FILENO, &header, sizeof(header));

        for (uint64_t count = 0; r >= 0 && (!limit || count < limit); count++) {
                ssize_t length = recv(fd, buffer + sizeof(CaptureRecord), CAPTURE_LENGTH, MSG_TRUNC);
                CaptureRecord record;
                struct timespec now;

                if (length < 0 && errno == ENETDOWN)
                        return 0; /* the network has gone with its last container */
                if (length < 0)
                        return fail_errno(err, errno, "read packets");
                clock_gettime(CLOCK_REALTIME, &now);
                record = (CaptureRecord){(uint32_t)now.tv_sec, (uint32_t)now.tv_nsec,
                                         (uint32_t)(length < CAPTURE_LENGTH ? length : CAPTURE_LENGTH),
                                         (uint32_t)length};
                memcpy(buffer, &record, sizeof(record));
                r = file_write_all(STDOUT_FILENO, buffer, sizeof(record) + record.captured);
        }
        return r < 0 ? fail_errno(err, -r, "write the capture") : 0;
}

int command_network_capture(CommandContext *context, int argc, char **argv, int *ret_status, Error *err)
{
        const char *limit = NULL;
        const Option options[] = {
                {"count", 'c', OPTION_TEXT, &limit, "int", "Exit after this many packets"},
        };
        OptionTable table = {.options = options, .count = ELEMENTSOF(options)};
        _cleanup_close_ int fd = -EBADF;
        uint64_t number = 0;
        Engine *engine;
        int count, r;

        r = command_parse("network capture", &table, argc, argv, 1, 1, &count, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (limit && text_to_u64(limit, UINT32_MAX, &number) < 0)
                return fail_kind(err, ERROR_USAGE, EINVAL, "--count %s: it takes a number", limit);
        if (isatty(STDOUT_FILENO)) {
                fail_kind(err, ERROR_USAGE, EINVAL, "a capture is no text: it does not go to a terminal");
                return fail_hint(err, "kelp network capture %s > file.pcap, or | tcpdump -r -", argv[1]);
        }
        r = command_engine(context, &engine, err);
        if (r >= 0)
                r = network_capture(engine, argv[1], &fd, err);
        return r < 0 ? r : write_packets(fd, number, err);
}
