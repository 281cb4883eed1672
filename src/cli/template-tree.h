/* Private to template-*.c: tokens and the tree. */
#pragma once

#include "cli/template.h"

/* ---- tokens ---- */

typedef enum TokenKind {
        TOKEN_END,
        TOKEN_TEXT,
        TOKEN_OPEN,  /* {{ */
        TOKEN_CLOSE, /* }} */
        TOKEN_WORD,  /* a keyword or function */
        TOKEN_DOT,
        TOKEN_FIELD,    /* .Name, without the dot */
        TOKEN_VARIABLE, /* $name or $, with the dollar */
        TOKEN_NUMBER,
        TOKEN_STRING, /* decoded */
        TOKEN_PIPE,
        TOKEN_LEFT,  /* ( */
        TOKEN_RIGHT, /* ) */
        TOKEN_COMMA,
        TOKEN_DECLARE, /* := */
        TOKEN_ASSIGN,  /* = */
} TokenKind;

typedef struct Token {
        TokenKind kind;
        size_t position; /* in the template, from 0 */
        bool spaced;     /* blanks stand in front */
        Buffer text;
} Token;

typedef struct Lexer {
        const char *text;
        size_t position;
        bool inside;    /* between {{ and }} */
        bool trim_next; /* -}} was last */
        bool escapes;
} Lexer;

/* Puts the next token into *token, whose buffer is used again. */
int template_lex(Lexer *lexer, Token *token, Error *err);
/* "template: position 7: MESSAGE" */
int template_fail(size_t position, Error *err, const char *format, ...) _printf_(3, 4);

/* ---- tree ---- */

typedef enum NodeKind {
        NODE_TEXT,
        NODE_PRINT, /* a pipeline whose value is printed */
        NODE_IF,
        NODE_WITH,
        NODE_RANGE,
        NODE_BREAK,
        NODE_CONTINUE,
        /* expressions */
        NODE_PIPELINE, /* children: commands */
        NODE_COMMAND,  /* children: operands */
        NODE_DOT,
        NODE_VARIABLE,
        NODE_FUNCTION,
        NODE_LITERAL,
        NODE_PARENTHESES,
} NodeKind;

typedef struct Node Node;
struct Node {
        NodeKind kind;
        size_t position;
        char *text;           /* NODE_TEXT; the name of a variable or function */
        json_object *literal; /* NULL is nil */
        StringList fields;    /* .A.B behind an operand */
        Node *pipeline;       /* of a statement; of parentheses */
        Node *body, *other;   /* lists of statements; other: else */
        Node *children, *next;
        StringList variables; /* that the pipeline sets */
        bool declares;        /* := */
        Node *allocated;      /* chain of all nodes of the template */
};

struct Template {
        Node *nodes; /* all of them */
        Node *statements;
        TemplateOptions options;
};

/* ---- values: borrowed, NULL is nil ---- */

enum { VARIABLES_MAXIMUM = 64 };

typedef struct Evaluation {
        const Template *template;
        json_object *root;
        json_object *temporaries; /* an array that holds values made on the way */
        struct {
                const char *name;
                json_object *value;
        } variables[VARIABLES_MAXIMUM];
        size_t variable_count;
        size_t rounds; /* of all ranges, against templates that never end */
        Buffer *output;
        size_t position; /* of what is evaluated, for errors */
} Evaluation;

/* Hands @value to the evaluation to free; returns it. */
json_object *template_keep(Evaluation *evaluation, json_object *value);
/* As Go prints it with %v. */
void template_print_value(json_object *value, Buffer *ret);
bool template_truth(json_object *value);

typedef struct TemplateFunction {
        const char *name;
        size_t minimum, maximum; /* arguments */
        bool is_text;            /* only forms text: of titles it leaves the first argument as it is */
        int (*call)(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                    Error *err);
} TemplateFunction;

/* NULL: none of that name; *ret_nearest (may be NULL) is one that could be meant. */
const TemplateFunction *template_function(const char *name, const char **ret_nearest);
/* printf, in template-printf.c. */
int template_printf(Evaluation *evaluation, json_object **arguments, size_t count, json_object **ret,
                    Error *err);
