#include "cli/template.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char document[] = "{\"Id\": \"0a1b\", \"Name\": \"/web\", \"State\": {\"Status\": \"running\", "
                               "\"Running\": true, \"ExitCode\": 0, \"Pid\": 42},"
                               " \"Config\": {\"Env\": [\"A=1\", \"B=two words\"], \"Labels\": {\"b.c\": "
                               "\"2\", \"a\": \"1\"}, \"Entrypoint\": null},"
                               " \"Mounts\": [{\"Source\": \"/s\", \"Destination\": \"/d\"}, {\"Source\": "
                               "\"/t\", \"Destination\": \"/e\"}],"
                               " \"Empty\": [], \"Ports\": {}, \"Half\": 0.5, \"Big\": 3000000000}";

/* What the template makes of the document; the error's message when it fails. */
static char *expand_with(const char *text, const TemplateOptions *options)
{
        _cleanup_json_ json_object *value = json_tokener_parse(document),
                                   *labels = json_tokener_parse("{\"x\": \"y\"}");
        _cleanup_template_ Template *template = NULL;
        _cleanup_buffer_ Buffer output = {0};
        Error err = ERROR_INIT;

        assert_non_null(value);
        json_object_set_userdata(value, labels, NULL);
        if (template_parse(text, options, &template, &err) < 0 ||
            template_execute(template, value, &output, &err) < 0) {
                assert_int_equal(err.kind, ERROR_USAGE);
                return strdup(err.message);
        }
        return buffer_take(&output);
}

static void check(const char *text, const char *expected)
{
        _cleanup_free_ char *got = expand_with(text, &(TemplateOptions){0});

        assert_string_equal(got, expected);
}

static void test_fields(void **state)
{
        check("plain", "plain");
        check("{{.Id}} {{.ID}} {{.State.Status}}", "0a1b 0a1b running");
        check("{{ .State.Running }} {{.State.ExitCode}} {{.Half}} {{.Big}}", "true 0 0.5 3000000000");
        check("{{.State.Missing}} {{.State.Missing.Deeper}}", "<no value> <no value>");
        check("{{.Config.Env}} {{.Empty}} {{.State}}",
              "[A=1 B=two words] [] map[ExitCode:0 Pid:42 Running:true Status:running]");
        check("{{$.Id}} {{(index .Mounts 1).Source}} {{.Label \"x\"}} {{.Label \"none\"}}.", "0a1b /t y .");
        check("{{json .State}} {{json .Config.Env}} {{json .Config.Entrypoint}} {{json .Name}}",
              "{\"Status\":\"running\",\"Running\":true,\"ExitCode\":0,\"Pid\":42} [\"A=1\",\"B=two words\"] "
              "null \"/web\"");
}

static void test_blocks(void **state)
{
        check("{{if .State.Running}}up{{else}}down{{end}}", "up");
        check("{{if .Empty}}a{{else if eq .State.ExitCode 1}}b{{else if .Ports}}c{{else}}d{{end}}", "d");
        check("{{range .Mounts}}{{.Source}}{{\"\\n\"}}{{end}}", "/s\n/t\n");
        check("{{range $i, $m := .Mounts}}{{$i}}={{$m.Destination}} {{$.Id}};{{end}}",
              "0=/d 0a1b;1=/e 0a1b;");
        check("{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}},{{end}}", "a:1,b.c:2,");
        check("{{range $v := .Config.Labels}}{{$v}}{{end}}{{range .Empty}}x{{else}}none{{end}}", "12none");
        check("{{with .State}}{{.Pid}}{{end}}{{with .Empty}}x{{else}}y{{end}}{{with $s := "
              ".State}}{{$s.Pid}}{{end}}",
              "42y42");
        check("{{with .Empty}}x{{else with .State}}{{.Pid}}{{else}}z{{end}}", "42");
        check("{{$x := 1}}{{range .Mounts}}{{$x = .Source}}{{end}}{{$x}}", "/t");
        check("{{range .Config.Env}}{{if eq . \"A=1\"}}{{continue}}{{end}}{{.}}{{break}}{{end}}",
              "B=two words");
        check("a  {{- /* note */ -}}  b {{- 1 -}} \n c", "ab1c");
        check("a {{/* note */}} b", "a  b");
        check("{{if true}}{{if false}}{{else}}{{range .Mounts}}m{{end}}{{end}}{{end}}", "mm");
}

static void test_functions(void **state)
{
        check("{{len .Mounts}} {{len .Name}} {{len .Config.Labels}} {{len .Config.Entrypoint}}", "2 4 2 0");
        check("{{index .Config.Labels \"b.c\"}} {{index .Config.Labels \"no\"}}. {{index .Config.Env 1}}",
              "2 . B=two words");
        check("{{index .Ports \"80/tcp\"}}.", ".");
        check("{{eq .State.ExitCode 0}} {{ne .Id \"x\"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2.5}} {{ge \"b\" "
              "\"a\"}}",
              "true true true true false true");
        check("{{eq .Id \"x\" \"0a1b\"}} {{not .Empty}} {{and .Id 0 .Missing}} {{or .Empty .Id}}",
              "true true 0 0a1b");
        check("{{.Name | upper | printf \"%s!\"}} {{join .Config.Env \",\"}} {{split \"a:b:c\" \":\"}}",
              "/WEB! A=1,B=two words [a b c]");
        check("{{title \"ab cd\"}} {{lower \"AbC\"}} {{truncate .Name 3}} {{truncate \"a\" 9}}|{{pad \"x\" 2 "
              "1}}|{{pad \"\" 2 1}}|",
              "Ab Cd abc /we a|  x ||");
        check("{{println .Id 1}}{{print 1 2 \"a\" 3}} {{slice .Name 1 3}} {{len (slice .Mounts 1)}}",
              "0a1b 1\n1 2a3 we 1");
        check("{{(split \"a:b\" \":\") | len}} {{index (split .Name \"/\") 1}}", "2 web");
        check("{{`raw \\n`}} {{\"\\u00e9\\x41\\t\\\"\"}} {{0x10}} {{-3}} {{1.5}} {{true}}",
              "raw \\n \u00e9A\t\" 16 -3 1.5 true");
}

static void test_printf(void **state)
{
        check("{{printf \"%-6s|%6s|%.2s|%5.1s|\" .Id .Id .Id .Id}}", "0a1b  |  0a1b|0a|    0|");
        check("{{printf \"%d %5d|%-5d|%05d %+d %x %X %o %b\" 42 42 42 42 42 255 255 8 5}}",
              "42    42|42   |00042 +42 ff FF 10 101");
        check("{{printf \"%v %v %q %t %%\" .Config.Env .State.Pid .Name true}}",
              "[A=1 B=two words] 42 \"/web\" true %");
        check("{{printf \"%.1f %6.2f|%e\" .Half .Half 1500.0}}", "0.5   0.50|1.500000e+03");
        check("{{printf \"%d\" \"x\"}}", "%!d(string=x)");
        check("{{printf \"%3s|%-3s|\" \"\u00e9\" \"\u00e9\"}}", "  \u00e9|\u00e9  |");
}

static void test_errors(void **state)
{
        check("{{.Nmae}}", "template: position 3: there is no field .Nmae");
        check("{{", "template: position 3: the template ends inside of an action: expected }}");
        check("ab {{.Id", "template: position 9: the template ends inside of an action: expected }}");
        check("{{jsn .}}", "template: position 3: there is no function \"jsn\"");
        check("{{if .Id}}x",
              "template: position 12: the template ends: expected {{end}} for what begins at 3");
        check("x{{end}}", "template: position 4: {{end}} without {{if}}, {{with}} or {{range}}");
        check("{{.Id \"x\"}}",
              "template: position 3: a field takes no arguments: expected | or }} behind it");
        check("{{len}}", "template: position 3: len: 0 arguments, expected 1");
        check("{{print 1 len}}", "template: position 11: len: 0 arguments, expected 1");
        check("{{(.Id}}", "template: position 7: unexpected }}: expected )");
        check("{{.Id | }}",
              "template: position 9: unexpected }}: expected a field, function, variable or value");
        check("{{$x}}", "template: position 3: there is no variable \"$x\"");
        check("{{\"abc}}", "template: position 3: a string begins here and does not end: expected \"");
        check("{{break}}", "template: position 3: {{break}} outside of {{range}}");
        check("{{index .Mounts 5}}", "template: position 3: index: 5 is out of range, the list has 2");
        check("{{range .Id}}{{end}}",
              "template: position 3: range needs a list or a map, not a value of type string");
        check("{{eq .Id 1}}",
              "template: position 3: a value of type string cannot be compared with one of type int");
        check("{{/* x", "template: position 3: a comment begins here and does not end: expected */");
        check("{{1a}}", "template: position 3: \"1a\" is no number");
        check("{{define \"x\"}}", "template: position 3: {{define}} has no use in a template of one line");
        check("{{if true}}{{else}}{{else}}{{end}}",
              "template: position 22: unexpected \"else\": expected {{end}}");
        check("{{.Id.Deeper}}", "template: position 3: there is no field .Deeper in a value of type string");
}

static void test_rows(void **state)
{
        const TemplateOptions escapes = {.escapes = true}, titles = {.titles = true};
        _cleanup_free_ char *escaped = expand_with("a\\tb{{\"\\t\"}}\\n", &escapes), *title = NULL;

        title = expand_with("{{.Id}} {{truncate .Name 1}} {{json .Id}} {{.Label \"a.b.c\"}}", &titles);
        assert_string_equal(escaped, "a\tb\t\n");
        assert_string_equal(title, "0a1b /web 0a1b c");
}

static void test_limits(void **state)
{
        _cleanup_buffer_ Buffer text = {0};
        _cleanup_free_ char *message = NULL;

        for (int i = 0; i < 40; i++)
                buffer_puts(&text, "{{range $.Mounts}}");
        for (int i = 0; i < 40; i++)
                buffer_puts(&text, "{{end}}");
        message = expand_with(text.data, &(TemplateOptions){0});
        assert_non_null(strstr(message, "range goes on for too long"));
        free(message);
        text.length = 0;
        buffer_puts(&text, "{{");
        for (int i = 0; i < 1000; i++)
                buffer_puts(&text, "(");
        message = expand_with(text.data, &(TemplateOptions){0});
        assert_non_null(strstr(message, "nested too deeply"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),    cmocka_unit_test(test_blocks),
                cmocka_unit_test(test_functions), cmocka_unit_test(test_printf),
                cmocka_unit_test(test_errors),    cmocka_unit_test(test_rows),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
