/* Recursive descent, one token ahead. Every node hangs on the template, so that one loop frees them whatever
 * happened. */
#include "cli/template-tree.h"

#include <errno.h>
#include <math.h>

enum { DEPTH_MAXIMUM = 48 };

typedef struct Parser {
        Template *template;
        Lexer lexer;
        Token token;
        int depth;        /* of statements and parentheses */
        int loops;        /* {{range}} around */
        StringList names; /* variables in scope */
} Parser;

static const char *word(const Parser *parser)
{
        return parser->token.text.data ?: "";
}

static int advance(Parser *parser, Error *err)
{
        int r = template_lex(&parser->lexer, &parser->token, err);

        return r < 0 ? r : parser->token.text.failed ? fail_memory(err) : 0;
}

static int unexpected(Parser *parser, const char *expected, Error *err)
{
        static const char *const names[] = {
                [TOKEN_END] = "the end",    [TOKEN_TEXT] = "text", [TOKEN_OPEN] = "{{",
                [TOKEN_CLOSE] = "}}",       [TOKEN_DOT] = ".",     [TOKEN_PIPE] = "|",
                [TOKEN_LEFT] = "(",         [TOKEN_RIGHT] = ")",   [TOKEN_COMMA] = ",",
                [TOKEN_DECLARE] = ":=",     [TOKEN_ASSIGN] = "=",  [TOKEN_FIELD] = "a field",
                [TOKEN_STRING] = "a string"};
        TokenKind kind = parser->token.kind;

        if (kind == TOKEN_WORD || kind == TOKEN_VARIABLE || kind == TOKEN_NUMBER)
                return template_fail(parser->token.position, err, "unexpected \"%.40s\": expected %s",
                                     word(parser), expected);
        return template_fail(parser->token.position, err, "unexpected %s: expected %s", names[kind],
                             expected);
}

/* A node that the template owns; NULL without memory (raised). */
static Node *make(Parser *parser, NodeKind kind, Error *err)
{
        Node *node = calloc(1, sizeof(*node));

        if (!node) {
                fail_memory(err);
                return NULL;
        }
        node->kind = kind;
        node->position = parser->token.position;
        node->allocated = parser->template->nodes;
        parser->template->nodes = node;
        return node;
}

static int deeper(Parser *parser, Error *err)
{
        if (++parser->depth > DEPTH_MAXIMUM)
                return template_fail(parser->token.position, err, "nested too deeply");
        return 0;
}

/* ---- expressions ---- */

static int parse_pipeline(Parser *parser, Node **ret, Error *err);

static int parse_number(Parser *parser, Node *node, Error *err)
{
        const char *text = word(parser);
        char *end;
        long long integer;
        double real;

        errno = 0;
        integer = strtoll(text, &end, 0);
        if (!*end && !errno) {
                node->literal = json_object_new_int64(integer);
                return 0;
        }
        real = strtod(text, &end);
        if (*end || !isfinite(real))
                return template_fail(parser->token.position, err, "\"%.40s\" is no number", text);
        node->literal = json_object_new_double(real);
        return 0;
}

static int parse_word(Parser *parser, Node *node, Error *err)
{
        const char *name = word(parser), *nearest = NULL;

        node->kind = NODE_LITERAL;
        if (text_equal(name, "true") || text_equal(name, "false"))
                node->literal = json_object_new_boolean(*name == 't');
        else if (!text_equal(name, "nil"))
                node->kind = NODE_FUNCTION;
        if (node->kind == NODE_LITERAL)
                return 0;
        if (!template_function(name, &nearest)) {
                template_fail(parser->token.position, err, "there is no function \"%.40s\"", name);
                if (nearest)
                        return fail_hint(err, "did you mean %s?", nearest);
                return fail_hint(err, "fields begin with a dot: {{.%.40s}}", name);
        }
        return text_replace(&node->text, name) < 0 ? fail_memory(err) : 0;
}

static int parse_variable(Parser *parser, Node *node, Error *err)
{
        node->kind = NODE_VARIABLE;
        if (!text_equal(word(parser), "$") && !string_list_contains(&parser->names, word(parser)))
                return template_fail(parser->token.position, err, "there is no variable \"%.40s\"",
                                     word(parser));
        return text_replace(&node->text, word(parser)) < 0 ? fail_memory(err) : 0;
}

static int parse_parentheses(Parser *parser, Node *node, Error *err)
{
        int r = deeper(parser, err);

        node->kind = NODE_PARENTHESES;
        if (r >= 0)
                r = advance(parser, err);
        if (r >= 0)
                r = parse_pipeline(parser, &node->pipeline, err);
        if (r >= 0 && parser->token.kind != TOKEN_RIGHT)
                r = unexpected(parser, ")", err);
        parser->depth--;
        return r;
}

/* .A.B that stand behind without a blank. */
static int parse_fields(Parser *parser, Node *node, Error *err)
{
        int r = 0;

        while (r >= 0 && parser->token.kind == TOKEN_FIELD && !parser->token.spaced) {
                if (string_list_add(&node->fields, word(parser)) < 0)
                        return fail_memory(err);
                r = advance(parser, err);
        }
        return r;
}

static int parse_operand(Parser *parser, Node **ret, Error *err)
{
        Node *node = *ret = make(parser, NODE_DOT, err);
        int r = 0;

        if (!node)
                return -ENOMEM;
        switch (parser->token.kind) {
        case TOKEN_FIELD:
                /* The first field stands for itself. */
                parser->token.spaced = false;
                return parse_fields(parser, node, err);
        case TOKEN_DOT:
                break;
        case TOKEN_WORD:
                r = parse_word(parser, node, err);
                break;
        case TOKEN_VARIABLE:
                r = parse_variable(parser, node, err);
                break;
        case TOKEN_LEFT:
                r = parse_parentheses(parser, node, err);
                break;
        case TOKEN_NUMBER:
                node->kind = NODE_LITERAL;
                r = parse_number(parser, node, err);
                break;
        case TOKEN_STRING:
                node->kind = NODE_LITERAL;
                node->literal = json_object_new_string_len(word(parser), (int)parser->token.text.length);
                break;
        default:
                return unexpected(parser, "a field, function, variable or value", err);
        }
        if (r >= 0)
                r = advance(parser, err);
        return r < 0 ? r : parse_fields(parser, node, err);
}

static bool ends_command(TokenKind kind)
{
        return kind == TOKEN_PIPE || kind == TOKEN_CLOSE || kind == TOKEN_RIGHT;
}

static int parse_command(Parser *parser, Node **ret, Error *err)
{
        Node *command = *ret = make(parser, NODE_COMMAND, err), **tail;
        int r;

        if (!command)
                return -ENOMEM;
        tail = &command->children;
        do {
                r = parse_operand(parser, tail, err);
                if (r < 0)
                        return r;
                tail = &(*tail)->next;
                if (!ends_command(parser->token.kind) && !parser->token.spaced &&
                    parser->token.kind != TOKEN_LEFT)
                        return unexpected(parser, "a blank, | or }}", err);
        } while (!ends_command(parser->token.kind));
        return 0;
}

/* "$x := ", "$x = ", "$i, $e := " in front of a pipeline; the first variable is the current token. */
static int parse_assignment(Parser *parser, Node *pipeline, Error *err)
{
        int r = 0;

        for (;;) {
                if (string_list_add(&pipeline->variables, word(parser)) < 0)
                        return fail_memory(err);
                r = advance(parser, err);
                if (r < 0 || parser->token.kind != TOKEN_COMMA)
                        break;
                r = advance(parser, err);
                if (r >= 0 && (parser->token.kind != TOKEN_VARIABLE || pipeline->variables.count == 2))
                        r = unexpected(parser, "at most a second variable", err);
                if (r < 0)
                        break;
        }
        if (r < 0)
                return r;
        pipeline->declares = parser->token.kind == TOKEN_DECLARE;
        if (!pipeline->declares && parser->token.kind != TOKEN_ASSIGN)
                return unexpected(parser, ":= or =", err);
        for (size_t i = 0; i < pipeline->variables.count; i++) {
                const char *name = pipeline->variables.items[i];

                if (!pipeline->declares && !string_list_contains(&parser->names, name))
                        return template_fail(pipeline->position, err, "there is no variable \"%.40s\" to set",
                                             name);
        }
        return advance(parser, err);
}

/* Whether a variable is followed by :=, = or a comma: looks ahead in the text. */
static bool begins_assignment(const Parser *parser)
{
        const char *c = parser->lexer.text + parser->lexer.position;

        c += strspn(c, " \t\r\n");
        return parser->token.kind == TOKEN_VARIABLE && (text_after(c, ":=") || *c == '=' || *c == ',');
}

static int parse_pipeline(Parser *parser, Node **ret, Error *err)
{
        Node *pipeline = *ret = make(parser, NODE_PIPELINE, err), **tail;
        int r = 0;

        if (!pipeline)
                return -ENOMEM;
        if (begins_assignment(parser))
                r = parse_assignment(parser, pipeline, err);
        for (tail = &pipeline->children; r >= 0; tail = &(*tail)->next) {
                r = parse_command(parser, tail, err);
                if (r < 0 || parser->token.kind != TOKEN_PIPE)
                        break;
                r = advance(parser, err);
        }
        for (size_t i = 0; r >= 0 && pipeline->declares && i < pipeline->variables.count; i++)
                if (string_list_add(&parser->names, pipeline->variables.items[i]) < 0)
                        r = fail_memory(err);
        return r;
}

/* ---- statements ---- */

static int parse_statements(Parser *parser, Node **ret, Error *err);

static int expect_close(Parser *parser, Error *err)
{
        return parser->token.kind == TOKEN_CLOSE ? advance(parser, err) : unexpected(parser, "}}", err);
}

static void leave_scope(Parser *parser, size_t count)
{
        while (parser->names.count > count) {
                free(parser->names.items[--parser->names.count]);
                parser->names.items[parser->names.count] = NULL;
        }
}

/* {{if P}}…{{else if P}}…{{else}}…{{end}}; the keyword is the current token. */
static int parse_block(Parser *parser, NodeKind kind, Node **ret, Error *err)
{
        size_t scope = parser->names.count, start = parser->token.position;
        Node *node = *ret = make(parser, kind, err);
        int r;

        if (!node)
                return -ENOMEM;
        r = deeper(parser, err);
        if (r < 0)
                return r;
        parser->loops += kind == NODE_RANGE;
        r = advance(parser, err);
        if (r >= 0)
                r = parse_pipeline(parser, &node->pipeline, err);
        if (r >= 0 && node->pipeline->variables.count == 2 && kind != NODE_RANGE)
                r = template_fail(node->position, err, "only range sets two variables");
        if (r >= 0)
                r = expect_close(parser, err);
        if (r >= 0)
                r = parse_statements(parser, &node->body, err);
        parser->loops -= kind == NODE_RANGE;
        /* parse_statements() stops at {{else, {{end or the end of the text. */
        if (r >= 0 && parser->token.kind == TOKEN_WORD && text_equal(word(parser), "else")) {
                r = advance(parser, err);
                if (r >= 0 && parser->token.kind == TOKEN_WORD &&
                    ((kind == NODE_IF && text_equal(word(parser), "if")) ||
                     (kind == NODE_WITH && text_equal(word(parser), "with")))) {
                        /* The inner block's {{end}} is the outer's too. */
                        r = parse_block(parser, kind, &node->other, err);
                        parser->depth--;
                        leave_scope(parser, scope);
                        return r;
                }
                if (r >= 0)
                        r = expect_close(parser, err);
                if (r >= 0)
                        r = parse_statements(parser, &node->other, err);
                if (r >= 0 && parser->token.kind == TOKEN_WORD && text_equal(word(parser), "else"))
                        r = unexpected(parser, "{{end}}", err);
        }
        if (r >= 0 && parser->token.kind != TOKEN_WORD)
                r = template_fail(parser->token.position, err,
                                  "the template ends: expected {{end}} for what begins at %zu", start + 1);
        if (r >= 0)
                r = advance(parser, err);
        parser->depth--;
        leave_scope(parser, scope);
        return r < 0 ? r : expect_close(parser, err);
}

static int parse_action(Parser *parser, Node **ret, Error *err)
{
        static const struct {
                const char *word;
                NodeKind kind;
        } blocks[] = {{"if", NODE_IF}, {"with", NODE_WITH}, {"range", NODE_RANGE}};
        const char *name = parser->token.kind == TOKEN_WORD ? word(parser) : "";
        bool is_break = text_equal(name, "break");
        Node *node;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(blocks); i++)
                if (text_equal(name, blocks[i].word))
                        return parse_block(parser, blocks[i].kind, ret, err);
        if (is_break || text_equal(name, "continue")) {
                if (!parser->loops)
                        return template_fail(parser->token.position, err, "{{%s}} outside of {{range}}",
                                             name);
                *ret = make(parser, is_break ? NODE_BREAK : NODE_CONTINUE, err);
                r = *ret ? advance(parser, err) : -ENOMEM;
                return r < 0 ? r : expect_close(parser, err);
        }
        if (text_equal(name, "define") || text_equal(name, "block") || text_equal(name, "template"))
                return template_fail(parser->token.position, err,
                                     "{{%s}} has no use in a template of one line", name);
        node = *ret = make(parser, NODE_PRINT, err);
        if (!node)
                return -ENOMEM;
        r = parse_pipeline(parser, &node->pipeline, err);
        if (r >= 0 && node->pipeline->variables.count == 2)
                r = template_fail(node->position, err, "only range sets two variables");
        return r < 0 ? r : expect_close(parser, err);
}

/* Up to {{else or {{end (whose word is then the current token), or the end of the text. */
static int parse_statements(Parser *parser, Node **ret, Error *err)
{
        Node **tail = ret;
        int r = 0;

        while (r >= 0 && parser->token.kind != TOKEN_END) {
                if (parser->token.kind == TOKEN_TEXT) {
                        *tail = make(parser, NODE_TEXT, err);
                        if (!*tail || text_replace(&(*tail)->text, word(parser)) < 0)
                                return fail_memory(err);
                        r = advance(parser, err);
                } else {
                        r = advance(parser, err); /* {{ */
                        if (r >= 0 && parser->token.kind == TOKEN_WORD &&
                            (text_equal(word(parser), "end") || text_equal(word(parser), "else")))
                                return 0;
                        if (r >= 0)
                                r = parse_action(parser, tail, err);
                }
                if (r >= 0)
                        tail = &(*tail)->next;
        }
        return r;
}

int template_parse(const char *text, const TemplateOptions *options, Template **ret, Error *err)
{
        _cleanup_template_ Template *template = calloc(1, sizeof(*template));
        Parser parser = {.template = template, .lexer = {.text = text, .escapes = options->escapes}};
        int r;

        if (!template)
                return fail_memory(err);
        template->options = *options;
        r = advance(&parser, err);
        if (r >= 0)
                r = parse_statements(&parser, &template->statements, err);
        if (r >= 0 && parser.token.kind != TOKEN_END)
                r = template_fail(parser.token.position, err, "{{%s}} without {{if}}, {{with}} or {{range}}",
                                  word(&parser));
        buffer_deinit(&parser.token.text);
        string_list_deinit(&parser.names);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(template);
        return 0;
}

Template *template_free(Template *template)
{
        Node *next;

        if (!template)
                return NULL;
        for (Node *node = template->nodes; node; node = next) {
                next = node->allocated;
                json_object_put(node->literal);
                string_list_deinit(&node->fields);
                string_list_deinit(&node->variables);
                free(node->text);
                free(node);
        }
        free(template);
        return NULL;
}
