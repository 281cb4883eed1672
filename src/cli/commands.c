/* The table of commands. What they say about themselves is in command-about-*.c. */
#include "base/nearest.h"
#include "cli/command.h"

const CommandGroup command_groups[] = {
        {"container", "Manage containers"},
        {"image", "Manage images"},
        {"network", "Manage networks"},
        {"volume", "Manage volumes"},
        {"system", "Manage kelp: host, disk usage, cleaning up"},
};
const size_t command_group_count = ELEMENTSOF(command_groups);

/* In the order of kelp --help. */
const Command commands[] = {
        /* common */
        {"run", "container run", COMMAND_COMMON, "[OPTIONS] IMAGE [COMMAND] [ARG...]",
         "Create and run a new container from an image", command_run},
        {"exec", "container exec", COMMAND_COMMON, "[OPTIONS] CONTAINER COMMAND [ARG...]",
         "Execute a command in a running container", command_exec},
        {"ps", "container ls, container list, container ps", COMMAND_COMMON, "[OPTIONS]", "List containers",
         command_ps, true},
        {"images", "image ls, image list", COMMAND_COMMON, "[OPTIONS] [REPOSITORY[:TAG]]", "List images",
         command_images, true},
        {"pull", "image pull", COMMAND_COMMON, "[OPTIONS] NAME[:TAG|@DIGEST]",
         "Download an image from a registry", command_pull},
        {"push", "image push", COMMAND_COMMON, "[OPTIONS] NAME[:TAG]", "Upload an image to a registry",
         command_push},
        {"login", NULL, COMMAND_COMMON, "[OPTIONS] [SERVER]", "Log in to a registry", command_login},
        {"logout", NULL, COMMAND_COMMON, "[SERVER]", "Log out from a registry", command_logout},
        /* containers */
        {"attach", "container attach", COMMAND_CONTAINERS, "[OPTIONS] CONTAINER",
         "Attach local standard input, output, and error streams to a running container", command_attach,
         true},
        {"create", "container create", COMMAND_CONTAINERS, "[OPTIONS] IMAGE [COMMAND] [ARG...]",
         "Create a new container", command_create},
        {"inspect", NULL, COMMAND_CONTAINERS, "[OPTIONS] NAME|ID [NAME|ID...]",
         "Return low-level information on containers, images and volumes", command_inspect, true},
        {"kill", "container kill", COMMAND_CONTAINERS, "[OPTIONS] CONTAINER [CONTAINER...]",
         "Kill one or more running containers", command_kill, true},
        {"logs", "container logs", COMMAND_CONTAINERS, "[OPTIONS] CONTAINER", "Fetch the logs of a container",
         command_logs, true},
        {"port", "container port", COMMAND_CONTAINERS, "CONTAINER [PRIVATE_PORT[/PROTO]]",
         "List port mappings or a specific mapping for the container", command_port, true},
        {"rename", "container rename", COMMAND_CONTAINERS, "CONTAINER NEW_NAME", "Rename a container",
         command_rename, true},
        {"restart", "container restart", COMMAND_CONTAINERS, "[OPTIONS] CONTAINER [CONTAINER...]",
         "Restart one or more containers", command_restart, true},
        {"rm", "container rm, container remove", COMMAND_CONTAINERS, "[OPTIONS] CONTAINER [CONTAINER...]",
         "Remove one or more containers", command_rm, true},
        {"start", "container start", COMMAND_CONTAINERS, "[OPTIONS] CONTAINER [CONTAINER...]",
         "Start one or more stopped containers", command_start, true},
        {"stats", "container stats", COMMAND_CONTAINERS, "[OPTIONS] [CONTAINER...]",
         "Display a live stream of container(s) resource usage statistics", command_stats, true},
        {"stop", "container stop", COMMAND_CONTAINERS, "[OPTIONS] CONTAINER [CONTAINER...]",
         "Stop one or more running containers", command_stop, true},
        {"top", "container top", COMMAND_CONTAINERS, "CONTAINER",
         "Display the running processes of a container", command_top, true},
        {"wait", "container wait", COMMAND_CONTAINERS, "CONTAINER [CONTAINER...]",
         "Block until one or more containers stop, then print their exit codes", command_wait, true},
        /* images */
        {"history", "image history", COMMAND_IMAGES, "[OPTIONS] IMAGE", "Show the history of an image",
         command_history, true},
        {"import", "image import", COMMAND_IMAGES, "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
         "Make an image from the archive of a root file system", command_import},
        {"load", "image load", COMMAND_IMAGES, "[OPTIONS]",
         "Load images from a tar archive or standard input", command_load},
        {"rmi", "image rm, image remove", COMMAND_IMAGES, "[OPTIONS] IMAGE [IMAGE...]",
         "Remove one or more images", command_rmi, true},
        {"save", "image save", COMMAND_IMAGES, "[OPTIONS] IMAGE [IMAGE...]",
         "Save images to a tar archive (to standard output by default)", command_save, true},
        {"tag", "image tag", COMMAND_IMAGES, "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
         "Create a tag that refers to an image", command_tag, true},
        {"image inspect", NULL, COMMAND_GROUPED, "[OPTIONS] IMAGE [IMAGE...]",
         "Return low-level information on images", command_image_inspect, true},
        /* only in their groups */
        {"container inspect", NULL, COMMAND_GROUPED, "[OPTIONS] CONTAINER [CONTAINER...]",
         "Return low-level information on containers", command_container_inspect, true},
        {"container prune", NULL, COMMAND_GROUPED, "[OPTIONS]", "Remove all stopped containers",
         command_container_prune},
        {"image prune", NULL, COMMAND_GROUPED, "[OPTIONS]", "Remove unused images", command_image_prune},
        {"network capture", NULL, COMMAND_GROUPED, "[OPTIONS] NETWORK",
         "Write the packets of a network to standard output, as a pcap file", command_network_capture},
        {"network connect", NULL, COMMAND_GROUPED, "[OPTIONS] NETWORK CONTAINER",
         "Connect a container to a network", command_network_connect},
        {"network create", NULL, COMMAND_GROUPED, "[OPTIONS] NETWORK", "Create a network",
         command_network_create},
        {"network disconnect", NULL, COMMAND_GROUPED, "[OPTIONS] NETWORK CONTAINER",
         "Disconnect a container from a network", command_network_disconnect},
        {"network inspect", NULL, COMMAND_GROUPED, "[OPTIONS] NETWORK [NETWORK...]",
         "Return low-level information on networks", command_network_inspect, true},
        {"network ls", "network list", COMMAND_GROUPED, "[OPTIONS]", "List networks", command_network_ls},
        {"network prune", NULL, COMMAND_GROUPED, "[OPTIONS]", "Remove all unused networks",
         command_network_prune},
        {"network publish", NULL, COMMAND_GROUPED, "CONTAINER PORT [PORT...]",
         "Publish ports of a running container", command_network_publish},
        {"network rm", "network remove", COMMAND_GROUPED, "[OPTIONS] NETWORK [NETWORK...]",
         "Remove one or more networks", command_network_rm, true},
        {"network unpublish", NULL, COMMAND_GROUPED, "CONTAINER PORT [PORT...]",
         "Stop publishing ports of a running container", command_network_unpublish},
        {"volume create", NULL, COMMAND_GROUPED, "[OPTIONS] [NEW_VOLUME]", "Create a volume",
         command_volume_create},
        {"volume inspect", NULL, COMMAND_GROUPED, "[OPTIONS] VOLUME [VOLUME...]",
         "Return low-level information on volumes", command_volume_inspect, true},
        {"volume ls", "volume list", COMMAND_GROUPED, "[OPTIONS]", "List volumes", command_volume_ls},
        {"volume prune", NULL, COMMAND_GROUPED, "[OPTIONS]", "Remove unused volumes", command_volume_prune},
        {"volume rm", "volume remove", COMMAND_GROUPED, "[OPTIONS] VOLUME [VOLUME...]",
         "Remove one or more volumes", command_volume_rm, true},
        {"system df", NULL, COMMAND_GROUPED, "[OPTIONS]", "Show how much of the disk kelp uses",
         command_system_df},
        {"system prune", NULL, COMMAND_GROUPED, "[OPTIONS]", "Remove what is not used", command_system_prune},
        /* system */
        {"doctor", NULL, COMMAND_SYSTEM, "[OPTIONS]",
         "Say what this host offers to containers, and what would help", command_doctor},
        {"info", "system info", COMMAND_SYSTEM, "[OPTIONS]", "Show what kelp knows about this host",
         command_info},
        {"version", NULL, COMMAND_SYSTEM, "[OPTIONS]", "Show the version", command_version},
        {"completion", NULL, COMMAND_SYSTEM, "bash|zsh|fish",
         "Print the script that completes kelp's words in a shell", command_completion},
        {"__complete", NULL, COMMAND_HIDDEN, "WORD...", "What the last word can become", command_complete},
};
const size_t command_count = ELEMENTSOF(commands);

bool command_name(const Command *command, size_t index, char ret[static COMMAND_NAME_SIZE])
{
        const char *from = index ? command->also : command->name;

        for (size_t i = 1; from && i < index; i++) {
                from = strchr(from, ',');
                from = from ? from + 2 : NULL;
        }
        if (from)
                snprintf(ret, COMMAND_NAME_SIZE, "%.*s", (int)strcspn(from, ","), from);
        return from != NULL;
}

const Command *command_find(const char *name)
{
        char other[COMMAND_NAME_SIZE];

        for (size_t i = 0; i < command_count; i++)
                if (text_equal(commands[i].name, name))
                        return &commands[i];
        for (size_t i = 0; i < command_count; i++)
                for (size_t j = 1; command_name(&commands[i], j, other); j++)
                        if (text_equal(other, name))
                                return &commands[i];
        return NULL;
}

const CommandGroup *command_group_find(const char *name)
{
        for (size_t i = 0; i < command_group_count; i++)
                if (text_equal(command_groups[i].name, name))
                        return &command_groups[i];
        return NULL;
}

static int unknown(const char *name, Error *err)
{
        Nearest nearest = {.wanted = name};

        for (size_t i = 0; i < command_count; i++)
                if (commands[i].section < COMMAND_GROUPED)
                        nearest_consider(&nearest, commands[i].name);
        for (size_t i = 0; i < command_group_count; i++)
                nearest_consider(&nearest, command_groups[i].name);
        fail_kind(err, ERROR_USAGE, EINVAL, "'%s' is not a kelp command", name);
        return nearest.name ? fail_hint(err, "did you mean 'kelp %s'? 'kelp --help' lists all", nearest.name)
                            : fail_hint(err, "'kelp --help' lists all commands");
}

/* The part of a name behind that of its group; NULL when it is not in the group. */
const char *command_in_group(const CommandGroup *group, const char *name)
{
        const char *rest = text_after(name, group->name);

        return rest && *rest == ' ' ? rest + 1 : NULL;
}

static int unknown_in_group(const CommandGroup *group, const char *name, Error *err)
{
        Nearest nearest = {.wanted = name};
        char full[COMMAND_NAME_SIZE], best[COMMAND_NAME_SIZE] = "";

        for (size_t i = 0; i < command_count; i++)
                for (size_t j = 0; command_name(&commands[i], j, full); j++) {
                        const char *word = command_in_group(group, full), *before = nearest.name;

                        if (!word)
                                continue;
                        nearest_consider(&nearest, word);
                        if (nearest.name != before) {
                                snprintf(best, sizeof(best), "%s", full);
                                nearest.name = best;
                        }
                }
        fail_kind(err, ERROR_USAGE, EINVAL, "'%s' is not a command of kelp %s", name, group->name);
        return nearest.name ? fail_hint(err, "did you mean 'kelp %s'? 'kelp %s --help' lists all", best,
                                        group->name)
                            : fail_hint(err, "'kelp %s --help' lists all", group->name);
}

int command_resolve(int argc, char **argv, const Command **ret, int *ret_words, Error *err)
{
        const CommandGroup *group = command_group_find(argv[0]);
        char name[COMMAND_NAME_SIZE];

        *ret_words = 1;
        if (!group) {
                *ret = strchr(argv[0], ' ') ? NULL : command_find(argv[0]);
                return *ret ? 0 : unknown(argv[0], err);
        }
        if (argc < 2 || text_equal(argv[1], "--help") || text_equal(argv[1], "-h") ||
            text_equal(argv[1], "help")) {
                *ret = NULL;
                return 0;
        }
        snprintf(name, sizeof(name), "%s %s", group->name, argv[1]);
        *ret = command_find(name);
        *ret_words = 2;
        return *ret ? 0 : unknown_in_group(group, argv[1], err);
}
