#include "cli/template-tree.h"

#include "base/nearest.h"

#include <math.h>
#include <strings.h>

/* What ends a list of statements early. */
typedef enum Flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } Flow;

enum { OPERANDS_MAXIMUM = 32, OUTPUT_MAXIMUM = 64 << 20, ROUNDS_MAXIMUM = 1 << 20 };

static int evaluate_pipeline(Evaluation *evaluation, const Node *pipeline, json_object *dot,
                             json_object **ret, Error *err);

json_object *template_keep(Evaluation *evaluation, json_object *value)
{
        if (value)
                json_object_array_add(evaluation->temporaries, value);
        return value;
}

bool template_truth(json_object *value)
{
        switch (json_object_get_type(value)) {
        case json_type_null:
                return false;
        case json_type_array:
                return json_object_array_length(value) > 0;
        case json_type_object:
                return json_object_object_length(value) > 0;
        case json_type_string:
                return json_object_get_string_len(value) > 0;
        case json_type_double:
                return json_object_get_double(value) != 0;
        default:
                return json_object_get_int64(value) != 0;
        }
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The keys of an object in the order that Go ranges over them. */
static int sorted_keys(json_object *object, StringList *ret, Error *err)
{
        json_object_object_foreach(object, key, value)
        {
                (void)value;
                if (string_list_add(ret, key) < 0)
                        return fail_memory(err);
        }
        if (ret->count)
                qsort(ret->items, ret->count, sizeof(*ret->items), compare_names);
        return 0;
}

static void print_map(json_object *value, Buffer *ret)
{
        _cleanup_strings_ StringList keys = {0};

        sorted_keys(value, &keys, NULL);
        buffer_puts(ret, "map[");
        for (size_t i = 0; i < keys.count; i++) {
                buffer_printf(ret, "%s%s:", i ? " " : "", keys.items[i]);
                template_print_value(json_object_object_get(value, keys.items[i]), ret);
        }
        buffer_putc(ret, ']');
}

static void print_double(double value, Buffer *ret)
{
        if (value == floor(value) && fabs(value) < 1e21)
                buffer_printf(ret, "%.0f", value);
        else
                buffer_printf(ret, "%.17g", value);
}

void template_print_value(json_object *value, Buffer *ret)
{
        switch (json_object_get_type(value)) {
        case json_type_null:
                buffer_puts(ret, "<nil>");
                break;
        case json_type_array:
                buffer_putc(ret, '[');
                for (size_t i = 0; i < json_object_array_length(value); i++) {
                        buffer_puts(ret, i ? " " : "");
                        template_print_value(json_object_array_get_idx(value, i), ret);
                }
                buffer_putc(ret, ']');
                break;
        case json_type_object:
                print_map(value, ret);
                break;
        case json_type_double:
                print_double(json_object_get_double(value), ret);
                break;
        default:
                buffer_puts(ret, json_object_get_string(value));
        }
}

/* ---- fields ---- */

/* Member @name of @object, or one that differs in case only. */
static bool find_member(json_object *object, const char *name, json_object **ret)
{
        if (json_object_object_get_ex(object, name, ret))
                return true;
        if (*name < 'A' || *name > 'Z')
                return false;
        json_object_object_foreach(object, key, value) if (strcasecmp(key, name) == 0)
        {
                *ret = value;
                return true;
        }
        return false;
}

static int no_member(Evaluation *evaluation, json_object *object, const char *name, Error *err)
{
        Nearest nearest = {.wanted = name};

        json_object_object_foreach(object, key, value)
        {
                (void)value;
                nearest_consider(&nearest, key);
        }
        template_fail(evaluation->position, err, "there is no field .%.60s", name);
        return nearest.name ? fail_hint(err, "did you mean .%s? {{json .}} shows all", nearest.name)
                            : fail_hint(err, "{{json .}} shows all fields");
}

static int get_field(Evaluation *evaluation, json_object *object, const char *name, json_object **ret,
                     Error *err)
{
        if (!object) {
                *ret = NULL;
                return 0;
        }
        if (!json_object_is_type(object, json_type_object))
                return template_fail(evaluation->position, err,
                                     "there is no field .%.60s in a value of type %s", name,
                                     json_type_to_name(json_object_get_type(object)));
        if (find_member(object, name, ret))
                return 0;
        *ret = NULL;
        return object == evaluation->root ? no_member(evaluation, object, name, err) : 0;
}

/* ---- expressions ---- */

static json_object *find_variable(Evaluation *evaluation, const char *name)
{
        for (size_t i = evaluation->variable_count; i-- > 0;)
                if (text_equal(evaluation->variables[i].name, name))
                        return evaluation->variables[i].value;
        return evaluation->root; /* $ */
}

static int call_function(Evaluation *evaluation, const TemplateFunction *function, json_object **arguments,
                         size_t count, json_object **ret, Error *err)
{
        if (count < function->minimum || count > function->maximum)
                return template_fail(evaluation->position, err, "%s: %zu arguments, expected %s%zu",
                                     function->name, count,
                                     function->minimum == function->maximum ? ""
                                     : count < function->minimum            ? "at least "
                                                                            : "at most ",
                                     count < function->minimum ? function->minimum : function->maximum);
        return function->call(evaluation, arguments, count, ret, err);
}

static int evaluate_operand(Evaluation *evaluation, const Node *node, json_object *dot, json_object **ret,
                            Error *err)
{
        json_object *value = NULL;
        int r = 0;

        evaluation->position = node->position;
        if (node->kind == NODE_DOT)
                value = dot;
        else if (node->kind == NODE_VARIABLE)
                value = find_variable(evaluation, node->text);
        else if (node->kind == NODE_LITERAL)
                value = node->literal;
        else if (node->kind == NODE_PARENTHESES)
                r = evaluate_pipeline(evaluation, node->pipeline, dot, &value, err);
        else
                r = call_function(evaluation, template_function(node->text, NULL), NULL, 0, &value, err);
        for (size_t i = 0; r >= 0 && i < node->fields.count; i++)
                r = get_field(evaluation, value, node->fields.items[i], &value, err);
        *ret = value;
        return r;
}

/* {{.Label "name"}} of a row. */
static int evaluate_label(Evaluation *evaluation, const Node *node, json_object *name, json_object **ret,
                          Error *err)
{
        const char *key = json_object_get_string(name);
        json_object *labels = json_object_get_userdata(evaluation->root), *found = NULL;

        if (node->fields.count != 1 || !text_equal(node->fields.items[0], "Label") || !key)
                return template_fail(node->position, err,
                                     "a field takes no arguments: expected | or }} behind it");
        if (evaluation->template->options.titles) {
                const char *dot = strrchr(key, '.');

                found = template_keep(evaluation, json_object_new_string(dot ? dot + 1 : key));
        } else if (!json_object_object_get_ex(labels, key, &found)) {
                found = template_keep(evaluation, json_object_new_string(""));
        }
        *ret = found;
        return 0;
}

/* and, or: the rest is not evaluated once the result is known. */
static int evaluate_logic(Evaluation *evaluation, const Node *command, json_object *dot, bool has_last,
                          json_object *last, json_object **ret, Error *err)
{
        bool until = text_equal(command->children->text, "or");
        const Node *node = command->children->next;
        int r = 0;

        if (!node && !has_last)
                return template_fail(command->position, err, "%s: expected arguments",
                                     command->children->text);
        for (; node; node = node->next) {
                r = evaluate_operand(evaluation, node, dot, ret, err);
                if (r < 0 || template_truth(*ret) == until)
                        return r;
        }
        if (has_last)
                *ret = last;
        return r;
}

static int evaluate_call(Evaluation *evaluation, const Node *command, json_object *dot, bool has_last,
                         json_object *last, json_object **ret, Error *err)
{
        const TemplateFunction *function = template_function(command->children->text, NULL);
        json_object *arguments[OPERANDS_MAXIMUM];
        size_t count = 0;
        int r = 0;

        for (const Node *node = command->children->next; r >= 0 && node; node = node->next) {
                if (count + 1 >= OPERANDS_MAXIMUM)
                        return template_fail(node->position, err, "too many arguments");
                r = evaluate_operand(evaluation, node, dot, &arguments[count++], err);
        }
        if (r < 0)
                return r;
        if (has_last)
                arguments[count++] = last;
        evaluation->position = command->position;
        if (evaluation->template->options.titles && function->is_text) {
                for (size_t i = 0; i < count; i++)
                        if (json_object_is_type(arguments[i], json_type_string)) {
                                *ret = arguments[i];
                                break;
                        }
                return 0;
        }
        return call_function(evaluation, function, arguments, count, ret, err);
}

static int evaluate_command(Evaluation *evaluation, const Node *command, json_object *dot, bool has_last,
                            json_object *last, json_object **ret, Error *err)
{
        const Node *first = command->children;
        json_object *argument = last;
        int r = 0;

        *ret = NULL;
        if (first->kind == NODE_FUNCTION && !first->fields.count) {
                if (text_equal(first->text, "and") || text_equal(first->text, "or"))
                        return evaluate_logic(evaluation, command, dot, has_last, last, ret, err);
                return evaluate_call(evaluation, command, dot, has_last, last, ret, err);
        }
        if (!first->next && !has_last)
                return evaluate_operand(evaluation, first, dot, ret, err);
        if (first->kind != NODE_DOT && first->kind != NODE_VARIABLE)
                return template_fail(first->position, err,
                                     "a value takes no arguments: expected a function in front");
        if (first->next)
                r = evaluate_operand(evaluation, first->next, dot, &argument, err);
        return r < 0 ? r : evaluate_label(evaluation, first, argument, ret, err);
}

static int set_variable(Evaluation *evaluation, const char *name, bool declare, json_object *value,
                        Error *err)
{
        if (!declare)
                for (size_t i = evaluation->variable_count; i-- > 0;)
                        if (text_equal(evaluation->variables[i].name, name)) {
                                evaluation->variables[i].value = value;
                                return 0;
                        }
        if (evaluation->variable_count == VARIABLES_MAXIMUM)
                return template_fail(evaluation->position, err, "too many variables");
        evaluation->variables[evaluation->variable_count].name = name;
        evaluation->variables[evaluation->variable_count++].value = value;
        return 0;
}

static int evaluate_pipeline(Evaluation *evaluation, const Node *pipeline, json_object *dot,
                             json_object **ret, Error *err)
{
        json_object *value = NULL;
        bool first = true;
        int r = 0;

        for (const Node *command = pipeline->children; r >= 0 && command; command = command->next) {
                r = evaluate_command(evaluation, command, dot, !first, value, &value, err);
                first = false;
        }
        if (r >= 0)
                *ret = value;
        return r;
}

/* ---- statements ---- */

static int run_statements(Evaluation *evaluation, const Node *list, json_object *dot, Flow *flow, Error *err);

/* One round of a range. */
static int run_round(Evaluation *evaluation, const Node *node, json_object *key, json_object *value,
                     Flow *flow, Error *err)
{
        const StringList *names = &node->pipeline->variables;
        size_t scope = evaluation->variable_count;
        int r = 0;

        if (++evaluation->rounds > ROUNDS_MAXIMUM)
                return template_fail(node->position, err, "range goes on for too long");
        if (names->count == 2)
                r = set_variable(evaluation, names->items[0], node->pipeline->declares, key, err);
        if (r >= 0 && names->count)
                r = set_variable(evaluation, names->items[names->count - 1], node->pipeline->declares, value,
                                 err);
        if (r >= 0)
                r = run_statements(evaluation, node->body, value, flow, err);
        evaluation->variable_count = scope;
        return r;
}

static int range_array(Evaluation *evaluation, const Node *node, json_object *array, Error *err)
{
        Flow flow = FLOW_ON;
        int r = 0;

        for (size_t i = 0; r >= 0 && flow != FLOW_BREAK && i < json_object_array_length(array); i++)
                r = run_round(evaluation, node, template_keep(evaluation, json_object_new_int64((int64_t)i)),
                              json_object_array_get_idx(array, i), &flow, err);
        return r;
}

static int range_map(Evaluation *evaluation, const Node *node, json_object *map, Error *err)
{
        _cleanup_strings_ StringList keys = {0};
        Flow flow = FLOW_ON;
        int r = sorted_keys(map, &keys, err);

        for (size_t i = 0; r >= 0 && flow != FLOW_BREAK && i < keys.count; i++)
                r = run_round(evaluation, node,
                              template_keep(evaluation, json_object_new_string(keys.items[i])),
                              json_object_object_get(map, keys.items[i]), &flow, err);
        return r;
}

static int run_range(Evaluation *evaluation, const Node *node, json_object *value, json_object *dot,
                     Flow *flow, Error *err)
{
        if (!template_truth(value))
                return run_statements(evaluation, node->other, dot, flow, err);
        if (json_object_is_type(value, json_type_array))
                return range_array(evaluation, node, value, err);
        if (json_object_is_type(value, json_type_object))
                return range_map(evaluation, node, value, err);
        return template_fail(node->position, err, "range needs a list or a map, not a value of type %s",
                             json_type_to_name(json_object_get_type(value)));
}

static int run_block(Evaluation *evaluation, const Node *node, json_object *dot, Flow *flow, Error *err)
{
        size_t scope = evaluation->variable_count;
        json_object *value = NULL;
        int r;

        r = evaluate_pipeline(evaluation, node->pipeline, dot, &value, err);
        if (r >= 0 && node->kind == NODE_RANGE) {
                r = run_range(evaluation, node, value, dot, flow, err);
        } else if (r >= 0) {
                if (node->pipeline->variables.count)
                        r = set_variable(evaluation, node->pipeline->variables.items[0],
                                         node->pipeline->declares, value, err);
                if (r >= 0 && template_truth(value))
                        r = run_statements(evaluation, node->body, node->kind == NODE_WITH ? value : dot,
                                           flow, err);
                else if (r >= 0)
                        r = run_statements(evaluation, node->other, dot, flow, err);
        }
        evaluation->variable_count = scope;
        return r;
}

static int run_print(Evaluation *evaluation, const Node *node, json_object *dot, Error *err)
{
        const StringList *names = &node->pipeline->variables;
        json_object *value = NULL;
        int r = evaluate_pipeline(evaluation, node->pipeline, dot, &value, err);

        if (r < 0)
                return r;
        if (names->count)
                return set_variable(evaluation, names->items[0], node->pipeline->declares, value, err);
        if (value)
                template_print_value(value, evaluation->output);
        else
                buffer_puts(evaluation->output, "<no value>");
        return 0;
}

static int run_statements(Evaluation *evaluation, const Node *list, json_object *dot, Flow *flow, Error *err)
{
        int r = 0;

        *flow = FLOW_ON;
        for (const Node *node = list; r >= 0 && node && *flow == FLOW_ON; node = node->next) {
                if (evaluation->output->length > OUTPUT_MAXIMUM)
                        return template_fail(node->position, err, "the output grows too long");
                if (node->kind == NODE_TEXT)
                        buffer_puts(evaluation->output, node->text);
                else if (node->kind == NODE_PRINT)
                        r = run_print(evaluation, node, dot, err);
                else if (node->kind == NODE_BREAK || node->kind == NODE_CONTINUE)
                        *flow = node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
                else
                        r = run_block(evaluation, node, dot, flow, err);
        }
        return r;
}

int template_execute(const Template *template, json_object *value, Buffer *ret, Error *err)
{
        _cleanup_json_ json_object *temporaries = json_object_new_array();
        Evaluation evaluation = {
                .template = template, .root = value, .temporaries = temporaries, .output = ret};
        Flow flow;
        int r;

        if (!temporaries)
                return fail_memory(err);
        r = run_statements(&evaluation, template->statements, value, &flow, err);
        return r < 0 ? r : ret->failed ? fail_memory(err) : 0;
}
