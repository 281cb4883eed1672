#include "engine/network-join.h"
#include "engine/network-record.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder_path[64];
static int folder;

static int set_up(void **state)
{
        snprintf(folder_path, sizeof(folder_path), "/tmp/kelp-record.XXXXXX");
        if (!mkdtemp(folder_path))
                return -1;
        folder = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return folder < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
        close(folder);
        return tree_remove_at(AT_FDCWD, folder_path, NULL);
}

static void fill(NetdAttach *attach)
{
        NetdEndpoint *endpoint = &attach->endpoints[0];
        NetdNetwork *network = &attach->networks[0];

        snprintf(attach->container, sizeof(attach->container), "%064d", 7);
        snprintf(attach->name, sizeof(attach->name), "web");
        attach->endpoint_count = 1;
        snprintf(network->id, sizeof(network->id), "%064d", 9);
        snprintf(network->name, sizeof(network->name), "one");
        memcpy(endpoint->network, network->id, sizeof(network->id));
        net_prefix_parse("10.1.0.0/16", &network->subnet4);
        net_prefix_parse("fd00::/64", &network->subnet6);
        net_prefix_parse("10.1.2.0/24", &network->range4);
        net_address_parse("10.1.0.1", &network->gateway4);
        net_address_parse("fd00::1", &network->gateway6);
        network->mtu = 1400;
        network->internal = network->names = true;
        net_address_parse("10.1.2.3", &endpoint->ip4);
        net_address_parse("fd00::3", &endpoint->ip6);
        network_mac_parse("02:00:00:00:00:07", endpoint->mac);
        snprintf(endpoint->interface, sizeof(endpoint->interface), "eth0");
        memcpy(endpoint->names, "a\0bc\0", 6);
        attach->port_count = 2;
        attach->ports[0].protocol = IPPROTO_UDP;
        attach->ports[0].host_port = 5353;
        attach->ports[0].container_port = 53;
        attach->ports[1].protocol = IPPROTO_TCP;
        attach->ports[1].host_port = 8080;
        attach->ports[1].container_port = 80;
        net_address_parse("::1", &attach->ports[1].address);
        attach->grant_count = 1;
        attach->grants[0] = 5432;
        attach->server_count = 1;
        net_address_parse("192.0.2.1", &attach->servers[0]);
}

static void test_round_trip(void **state)
{
        NetdAttach *written = calloc(1, sizeof(*written)), *read = malloc(sizeof(*read));
        Error err = ERROR_INIT;

        assert_non_null(written);
        assert_non_null(read);
        fill(written);
        memset(read, 0xff, sizeof(*read));
        assert_int_equal(network_record_write(folder, written, &err), 0);
        assert_int_equal(network_record_read(folder, read, &err), 0);
        assert_int_equal(read->endpoint_count, 1);
        assert_int_equal(read->port_count, 2);
        assert_string_equal(read->container, written->container);
        assert_string_equal(read->name, "web");
        assert_memory_equal(&read->endpoints[0], &written->endpoints[0], sizeof(NetdEndpoint));
        assert_memory_equal(read->ports, written->ports, sizeof(read->ports));
        assert_memory_equal(read->grants, written->grants, sizeof(read->grants));
        assert_memory_equal(read->servers, written->servers, sizeof(read->servers));
        assert_true(net_prefix_overlaps(&read->networks[0].subnet4, &written->networks[0].subnet4));
        assert_int_equal(read->networks[0].mtu, 1400);
        assert_true(read->networks[0].internal && read->networks[0].names);
        free(written);
        free(read);
}

static void test_nonsense_is_refused(void **state)
{
        static const char *const documents[] = {
                "",
                "[]",
                "{}",
                "{\"Version\": 99}",
                "{\"Version\": 1, \"Endpoints\": [{}]}",
                "{\"Version\": 1, \"Endpoints\": [{\"Network\": {\"Subnet\": \"1.0.0.0/64\"}}]}",
                "{\"Version\": 1, \"Endpoints\": [{\"Network\": {}, \"MacAddress\": \"01:02\"}]}",
                "{\"Version\": 1, \"Endpoints\": [{\"Network\": {}, \"Interface\": \"sixteen-letters-\"}]}",
                "{\"Version\": 1, \"Endpoints\": [1,1,1,1,1,1,1,1,1]}",
                "{\"Version\": 1, \"Ports\": [{\"HostPort\": 65536}]}",
                "{\"Version\": 1, \"Servers\": [\"::1\", \"::1\", \"::1\", \"::1\", \"::1\"]}",
                "{\"Version\": 1, \"AllowHost\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}",
        };
        NetdAttach *read = malloc(sizeof(*read));

        assert_non_null(read);
        for (size_t i = 0; i < ELEMENTSOF(documents); i++) {
                Error err = ERROR_INIT;

                assert_int_equal(file_replace_at(folder, NETWORK_RECORD_FILE, documents[i],
                                                 strlen(documents[i]), 0600, false, &err),
                                 0);
                assert_true(network_record_read(folder, read, &err) < 0);
                assert_true(*err.message);
        }
        assert_int_equal(unlinkat(folder, NETWORK_RECORD_FILE, 0), 0);
        assert_int_equal(network_record_read(folder, read, NULL), -ENOENT);
        free(read);
}

static void test_ports(void **state)
{
        static const struct {
                const char *text;
                int count; /* -1: refused */
                uint16_t host, container;
        } table[] = {
                {"80", 1, 0, 80},
                {"8080:80", 1, 8080, 80},
                {"8080:80/udp", 1, 8080, 80},
                {"127.0.0.1::80", 1, 0, 80},
                {"[::1]:8080:80", 1, 8080, 80},
                {"8000-8002:80-82", 3, 8000, 80},
                {"8000-8010:80", 1, 8000, 80},
                {"0:80", 1, 0, 80},
                {"", -1, 0, 0},
                {"0", -1, 0, 0},
                {"65536", -1, 0, 0},
                {"80/sctp", -1, 0, 0},
                {"8001-8000:80-81", -1, 0, 0},
                {"8000-8002:80-81", -1, 0, 0},
                {"a:80", -1, 0, 0},
                {"1.2.3:80:80", -1, 0, 0},
                {"1-300", -1, 0, 0},
                {"80-", -1, 0, 0},
        };
        NetdPort ports[NETD_PORTS_MAXIMUM];

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Error err = ERROR_INIT;
                uint32_t count = 0;
                int r = network_port_parse(table[i].text, ports, &count, &err);

                if (table[i].count < 0) {
                        assert_true(r < 0);
                        assert_int_equal(err.kind, ERROR_USAGE);
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(count, table[i].count);
                assert_int_equal(ports[0].host_port, table[i].host);
                assert_int_equal(ports[0].container_port, table[i].container);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_nonsense_is_refused),
                cmocka_unit_test(test_ports),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
