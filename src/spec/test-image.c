#include "spec/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* last: it needs the above */
#include <cmocka.h>

#define DIGEST_OF(digit) "sha256:000000000000000000000000000000000000000000000000000000000000000" digit
#define OCI(kind)        "application/vnd.oci.image." kind
#define CONFIG                                                                                               \
        "\"config\":{\"mediaType\":\"" OCI("config.v1+json") "\",\"digest\":\"" DIGEST_OF(                   \
                "1") "\",\"size\":2}"
#define LAYER(type)      "{\"mediaType\":\"" type "\",\"digest\":\"" DIGEST_OF("2") "\",\"size\":3}"
#define MANIFEST(layers) "{\"schemaVersion\":2," CONFIG ",\"layers\":[" layers "]}"
#define ENTRY(digit, platform)                                                                               \
        "{\"mediaType\":\"" OCI("manifest.v1+json") "\",\"digest\":\"" DIGEST_OF(                            \
                digit) "\",\"size\":1" platform "}"
#define ON(os, architecture, variant)                                                                        \
        ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" architecture "\",\"variant\":\"" variant "\"" \
        "}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

static json_object *parse_text(const char *text)
{
        json_object *document = NULL;

        assert_int_equal(json_parse(text, strlen(text), "test", &document, NULL), 0);
        return document;
}

static void test_platforms(void **state)
{
        static const struct {
                const char *text, *normal;
        } good[] = {
                {"linux/arm64/v8", "linux/arm64/v8"}, {"linux/aarch64", "linux/arm64/v8"},
                {"Linux/x86_64", "linux/amd64"},      {"linux/amd64/v1", "linux/amd64"},
                {"linux/arm", "linux/arm/v7"},        {"linux/arm/6", "linux/arm/v6"},
                {"linux/armel", "linux/arm/v6"},      {"linux/i386", "linux/386"},
                {"riscv64", "linux/riscv64"},         {"linux/amd64/v3", "linux/amd64/v3"},
                {"macos/arm64", "darwin/arm64/v8"},
        };
        static const char *const bad[] = {"",
                                          "/",
                                          "linux/",
                                          "/amd64",
                                          "linux/amd64/",
                                          "linux/amd64/v1/x",
                                          "nonsense",
                                          "linux/a b",
                                          "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
        Platform platform, host;
        char text[96];
        Error err = ERROR_INIT;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(platform_parse(good[i].text, &platform, NULL), 0);
                platform_format(&platform, text, sizeof(text));
                assert_string_equal(text, good[i].normal);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(platform_parse(bad[i], &platform, &err), -EINVAL);
                assert_int_equal(err.kind, ERROR_USAGE);
        }
        platform_host(&host);
        assert_int_equal(platform_parse("linux", &platform, NULL), 0);
        assert_memory_equal(&host, &platform, sizeof(host));
}

static void test_kind(void **state)
{
        static const struct {
                const char *text;
                int result;
        } cases[] = {
                {MANIFEST(""), IMAGE_DOCUMENT_MANIFEST},
                {INDEX(""), IMAGE_DOCUMENT_INDEX},
                {"[]", -EINVAL},
                {"{}", -EINVAL},
                {"{\"schemaVersion\":2}", -EINVAL},
                {"{\"schemaVersion\":1,\"fsLayers\":[]}", -ENOTSUP},
                {"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", -EINVAL},
                {"{\"schemaVersion\":2,\"manifests\":[],\"config\":null}", -EINVAL},
                {"{\"schemaVersion\":2,\"mediaType\":\"" OCI("manifest.v1+json") "\",\"manifests\":[]}",
                 -EINVAL},
                {"{\"schemaVersion\":2,\"mediaType\":\"" OCI("index.v1+json") "\",\"layers\":[]}", -EINVAL},
                {"{\"schemaVersion\":2,\"mediaType\":\"text/html\",\"layers\":[]}", -ENOTSUP},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_ json_object *document = parse_text(cases[i].text);
                ImageDocumentKind kind = IMAGE_DOCUMENT_INDEX;
                int r = image_document_kind(document, &kind, NULL);

                assert_int_equal(r < 0 ? r : (int)kind, cases[i].result);
        }
}

static void test_manifest(void **state)
{
        static const char *const bad[] = {
                INDEX(""),
                "{\"schemaVersion\":2," CONFIG "}",
                "{\"schemaVersion\":2,\"layers\":[]}",
                MANIFEST("7"),
                MANIFEST("{\"mediaType\":\"" OCI("layer.v1.tar") "\",\"digest\":\"" DIGEST_OF(
                        "2") "\",\"size\":-1}"),
                MANIFEST("{\"mediaType\":\"" OCI("layer.v1.tar") "\",\"digest\":\"" DIGEST_OF("2") "\"}"),
                MANIFEST("{\"mediaType\":\"" OCI("layer.v1.tar") "\",\"digest\":\"sha256:../x\",\"size\":1}"),
                MANIFEST("{\"digest\":\"" DIGEST_OF("2") "\",\"size\":1}"),
                MANIFEST(LAYER("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")),
                MANIFEST(LAYER(OCI("layer.nondistributable.v1.tar"))),
                MANIFEST(LAYER(OCI("layer.v1.tar+gzip+encrypted"))),
                MANIFEST(LAYER("application/json")),
        };
        _cleanup_json_ json_object *good =
                parse_text(MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar+zstd") "," LAYER(
                        "application/vnd.docker.image.rootfs.diff.tar.gzip") "," LAYER(OCI("layer.v1.tar"))));
        _cleanup_manifest_ ImageManifest manifest = {0};
        Error err = ERROR_INIT;

        assert_int_equal(image_manifest_parse(good, &manifest, &err), 0);
        assert_int_equal(manifest.layer_count, 3);
        assert_int_equal(manifest.compressions[0], LAYER_ZSTD);
        assert_int_equal(manifest.compressions[1], LAYER_GZIP);
        assert_int_equal(manifest.compressions[2], LAYER_PLAIN);
        assert_int_equal(manifest.config.size, 2);
        assert_string_equal(manifest.layers[0].digest.text, DIGEST_OF("2"));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_json_ json_object *document = parse_text(bad[i]);
                ImageManifest none = {0};

                assert_true(image_manifest_parse(document, &none, &err) < 0);
                assert_null(none.layers);
        }
}

static void test_artifact(void **state)
{
        _cleanup_json_ json_object *document = parse_text(
                "{\"schemaVersion\":2,\"artifactType\":\"application/vnd.x\",\"config\":{\"mediaType\":"
                "\"application/vnd.oci.empty.v1+json\",\"digest\":\"" DIGEST_OF(
                        "1") "\",\"size\":2},\"layers\":[]}");
        ImageManifest manifest;
        Error err = ERROR_INIT;

        assert_int_equal(image_manifest_parse(document, &manifest, &err), -ENOTSUP);
        assert_non_null(strstr(err.message, "artifact of type application/vnd.x"));
}

static void test_too_many_layers(void **state)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_json_ json_object *document = NULL;
        ImageManifest manifest;

        buffer_puts(&text, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
        for (size_t i = 0; i <= IMAGE_LAYERS_MAXIMUM; i++)
                buffer_puts(&text, i ? "," LAYER(OCI("layer.v1.tar")) : LAYER(OCI("layer.v1.tar")));
        buffer_puts(&text, "]}");
        document = parse_text(text.data);
        assert_int_equal(image_manifest_parse(document, &manifest, NULL), -EINVAL);
}

static void test_index(void **state)
{
        static const char many[] =
                INDEX(ENTRY("1", ON("linux", "arm", "v5")) "," ENTRY("2", ON("linux", "arm", "v6")) "," ENTRY(
                        "3",
                        ON("linux", "arm",
                           "v8")) "," ENTRY("4",
                                            ON("windows", "arm",
                                               "v7")) "," ENTRY("5",
                                                                ON("unknown", "unknown",
                                                                   "")) "," ENTRY("6",
                                                                                  ON("linux", "386",
                                                                                     "")) "," ENTRY("7",
                                                                                                    ON("linu"
                                                                                                       "x",
                                                                                                       "amd6"
                                                                                                       "4",
                                                                                                       "v"
                                                                                                       "2")));
        static const struct {
                const char *text, *platform, *digest;
        } cases[] = {
                {many, "linux/arm/v7", DIGEST_OF("2")},
                {many, "linux/arm/v5", DIGEST_OF("1")},
                {many, "linux/arm64", DIGEST_OF("3")},
                {many, "linux/amd64", DIGEST_OF("6")},
                {many, "linux/amd64/v3", DIGEST_OF("7")},
                {many, "linux/riscv64", NULL},
                {INDEX(""), "linux/amd64", NULL},
                /* a nested index names no platform; an exact match goes before it */
                {INDEX(ENTRY("8", "") "," ENTRY("9", ON("linux", "x86_64", ""))), "linux/amd64",
                 DIGEST_OF("9")},
                {INDEX(ENTRY("8", "") "," ENTRY("9", ON("linux", "x86_64", ""))), "linux/s390x",
                 DIGEST_OF("8")},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_ json_object *document = parse_text(cases[i].text);
                Descriptor chosen = {0};
                Platform platform;
                Error err = ERROR_INIT;
                int r;

                assert_int_equal(platform_parse(cases[i].platform, &platform, NULL), 0);
                r = image_index_choose(document, &platform, &chosen, &err);
                assert_int_equal(r, cases[i].digest ? 0 : -ENOENT);
                if (cases[i].digest)
                        assert_string_equal(chosen.digest.text, cases[i].digest);
                else
                        assert_int_equal(err.kind, ERROR_UNSUPPORTED);
                if (!cases[i].digest && cases[i].text == many)
                        assert_non_null(strstr(err.message, "linux/arm/v6"));
        }
}

static void test_config(void **state)
{
        _cleanup_json_ json_object *document = parse_text(
                "{\"os\":\"linux\",\"architecture\":\"arm64\",\"created\":\"2026-01-01T00:00:01Z\","
                "\"config\":{\"User\":\"u:g\","
                "\"Env\":[\"A=b\"],\"Entrypoint\":[\"/"
                "x\",\"y\"],\"Cmd\":\"z\",\"Labels\":{\"l\":\"m\"},\"Volumes\":{\"/v\":{}},"
                "\"ExposedPorts\":{\"80/tcp\":{}},\"WorkingDir\":\"/w\",\"StopSignal\":\"INT\"},"
                "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST_OF("3") "\"]}}");
        static const char *const bad[] = {
                "[]",
                "{}",
                "{\"rootfs\":{\"diff_ids\":[7]}}",
                "{\"rootfs\":{\"diff_ids\":[\"x\"]}}",
                "{\"rootfs\":{},\"created\":\"yesterday\"}",
                "{\"rootfs\":{},\"os\":\"0123456789012345678901234567890123456789\"}",
                "{\"rootfs\":{},\"config\":{\"Env\":\"A=b\"}}",
                "{\"rootfs\":{},\"config\":{\"Labels\":{\"a\":1}}}",
        };
        _cleanup_image_config_ ImageConfig config = {0};
        Error err = ERROR_INIT;

        assert_int_equal(image_config_parse(document, &config, &err), 0);
        assert_string_equal(config.platform.variant, "v8");
        assert_true(config.created == 1767225601000000000);
        assert_string_equal(config.user, "u:g");
        assert_string_equal(config.working_directory, "/w");
        assert_string_equal(config.stop_signal, "INT");
        assert_string_equal(config.env.items[0], "A=b");
        assert_int_equal(config.entrypoint.count, 2);
        assert_string_equal(config.command.items[0], "z");
        assert_string_equal(config.labels.items[0], "l=m");
        assert_string_equal(config.volumes.items[0], "/v");
        assert_string_equal(config.exposed_ports.items[0], "80/tcp");
        assert_int_equal(config.diff_id_count, 1);
        assert_null(config.author);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_json_ json_object *refused = parse_text(bad[i]);
                ImageConfig none = {0};

                assert_int_equal(image_config_parse(refused, &none, &err), -EINVAL);
                assert_null(none.document);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_platforms), cmocka_unit_test(test_kind),
                cmocka_unit_test(test_manifest),  cmocka_unit_test(test_artifact),
                cmocka_unit_test(test_index),     cmocka_unit_test(test_too_many_layers),
                cmocka_unit_test(test_config),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
