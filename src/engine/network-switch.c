/* Containers whose sockets are switched (net/switch-start.h). */
#include "base/file.h"
#include "engine/network-join.h"
#include "net/switch-start.h"

#include <fcntl.h>

bool network_is_switched(const ContainerConfiguration *configuration)
{
        NetdEndpoint endpoint = {0};
        char name[NETD_NAME_SIZE];

        for (size_t i = 0; i < configuration->networks.count; i++)
                if (network_endpoint_parse(configuration->networks.items[i], name, &endpoint, NULL) >= 0 &&
                    network_name_switches(name))
                        return true;
        return false;
}

int network_exec_switch(Engine *engine, const char *id, int *ret_channel, Error *err)
{
        _cleanup_free_ char *path = text_printf("containers/%s", id);
        _cleanup_close_ int folder = -EBADF;
        Store *store;
        int r = engine_store(engine, &store, err);

        if (r < 0)
                return r;
        folder = path ? openat(store_fd(store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;
        if (folder < 0)
                return fail_errno(err, errno, "folder of container %.12s", id);
        r = switch_connect(folder, err);
        if (r < 0)
                return r;
        *ret_channel = fd_move_above_stdio(r);
        return 0;
}
