#include "cli/template-tree.h"

#include <stdarg.h>

int template_fail(size_t position, Error *err, const char *format, ...)
{
        _cleanup_free_ char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&message, format, arguments) < 0)
                message = NULL;
        va_end(arguments);
        return message ? fail_kind(err, ERROR_USAGE, EINVAL, "template: position %zu: %s", position + 1,
                                   message)
                       : fail_memory(err);
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Text up to the next {{ or the end; without the blanks that {{- and -}} take away. */
static void lex_text(Lexer *lexer, Token *token)
{
        const char *from = lexer->text + lexer->position, *open = strstr(from, "{{"),
                   *end = open ?: from + strlen(from);

        token->kind = TOKEN_TEXT;
        lexer->position += (size_t)(end - from);
        if (lexer->trim_next)
                while (from < end && is_blank(*from))
                        from++;
        lexer->trim_next = false;
        if (open && open[2] == '-' && is_blank(open[3]))
                while (end > from && is_blank(end[-1]))
                        end--;
        for (; from < end; from++) {
                bool escape = lexer->escapes && from[0] == '\\' && (from[1] == 't' || from[1] == 'n');

                buffer_putc(&token->text, escape ? (from[1] == 't' ? '\t' : '\n') : *from);
                from += escape;
        }
}

static void put_utf8(Buffer *buffer, uint32_t c)
{
        if (c < 0x80) {
                buffer_putc(buffer, (char)c);
        } else if (c < 0x800) {
                buffer_putc(buffer, (char)(0xc0 | c >> 6));
                buffer_putc(buffer, (char)(0x80 | (c & 0x3f)));
        } else if (c < 0x10000) {
                buffer_putc(buffer, (char)(0xe0 | c >> 12));
                buffer_putc(buffer, (char)(0x80 | (c >> 6 & 0x3f)));
                buffer_putc(buffer, (char)(0x80 | (c & 0x3f)));
        } else {
                buffer_putc(buffer, (char)(0xf0 | c >> 18));
                buffer_putc(buffer, (char)(0x80 | (c >> 12 & 0x3f)));
                buffer_putc(buffer, (char)(0x80 | (c >> 6 & 0x3f)));
                buffer_putc(buffer, (char)(0x80 | (c & 0x3f)));
        }
}

/* \xHH, \uHHHH, \UHHHHHHHH, \OOO: @base digits. The number of characters used, 0: malformed. */
static size_t lex_code(const char *digits, size_t count, unsigned base, Token *token)
{
        uint32_t value = 0;

        for (size_t i = 0; i < count; i++) {
                char c = digits[i];
                unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
                                 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                        : base;

                if (digit >= base || value > 0x10ffff >> 3)
                        return 0;
                value = value * base + digit;
        }
        if (value == 0 || value > 0x10ffff)
                return 0;
        put_utf8(&token->text, value);
        return count;
}

/* Behind a backslash: the number of characters used, 0: no such escape. */
static size_t lex_escape(const char *c, char quote, Token *token)
{
        static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
        const char *name = *c ? strchr(names, *c) : NULL;
        size_t used;

        if (name || *c == quote) {
                buffer_putc(&token->text, name ? values[name - names] : quote);
                return 1;
        }
        if (is_digit(*c))
                return lex_code(c, 3, 8, token);
        used = *c == 'x' ? 2 : *c == 'u' ? 4 : *c == 'U' ? 8 : 0;
        used = used ? lex_code(c + 1, used, 16, token) : 0;
        return used ? used + 1 : 0;
}

static int lex_quoted(Lexer *lexer, Token *token, Error *err)
{
        const char *c = lexer->text + lexer->position, *start = c;
        char quote = *c++;

        token->kind = TOKEN_STRING;
        while (*c != quote) {
                size_t used;

                if (!*c || (*c == '\n' && quote != '`'))
                        return template_fail(token->position, err,
                                             "a string begins here and does not end: expected %c", quote);
                if (*c != '\\' || quote == '`') {
                        buffer_putc(&token->text, *c++);
                        continue;
                }
                used = lex_escape(c + 1, quote, token);
                if (!used)
                        return template_fail(lexer->position + (size_t)(c - start), err,
                                             "unknown escape in a string");
                c += used + 1;
        }
        lexer->position += (size_t)(c + 1 - start);
        return 0;
}

static void lex_run(Lexer *lexer, Token *token, TokenKind kind, size_t length)
{
        token->kind = kind;
        buffer_append(&token->text, lexer->text + lexer->position, length);
        lexer->position += length;
}

static size_t word_length(const char *text)
{
        size_t length = 0;

        while (is_letter(text[length]) || is_digit(text[length]))
                length++;
        return length;
}

static size_t number_length(const char *text)
{
        size_t length = 1;

        while (is_digit(text[length]) || is_letter(text[length]) || text[length] == '.' ||
               ((text[length] == '-' || text[length] == '+') && (text[length - 1] | 32) == 'e'))
                length++;
        return length;
}

static int lex_symbol(Lexer *lexer, Token *token, Error *err)
{
        static const struct {
                const char *text;
                TokenKind kind;
        } symbols[] = {{":=", TOKEN_DECLARE}, {"=", TOKEN_ASSIGN}, {"|", TOKEN_PIPE}, {"(", TOKEN_LEFT},
                       {")", TOKEN_RIGHT},    {",", TOKEN_COMMA},  {".", TOKEN_DOT}};
        const char *c = lexer->text + lexer->position;

        for (size_t i = 0; i < ELEMENTSOF(symbols); i++)
                if (text_after(c, symbols[i].text)) {
                        lex_run(lexer, token, symbols[i].kind, strlen(symbols[i].text));
                        return 0;
                }
        if (!*c)
                return template_fail(lexer->position, err,
                                     "the template ends inside of an action: expected }}");
        return template_fail(lexer->position, err, "unexpected character '%c'",
                             (unsigned char)*c < 0x20 ? '?' : *c);
}

static int lex_inside(Lexer *lexer, Token *token, Error *err)
{
        const char *c;

        while (is_blank(lexer->text[lexer->position])) {
                lexer->position++;
                token->spaced = true;
        }
        c = lexer->text + lexer->position;
        token->position = lexer->position;
        if (text_after(c, "}}") || (token->spaced && text_after(c, "-}}"))) {
                lexer->trim_next = *c == '-';
                lexer->inside = false;
                lex_run(lexer, token, TOKEN_CLOSE, lexer->trim_next ? 3 : 2);
                return 0;
        }
        if (*c == '"' || *c == '`' || *c == '\'')
                return lex_quoted(lexer, token, err);
        if (is_letter(*c))
                lex_run(lexer, token, TOKEN_WORD, word_length(c));
        else if (*c == '.' && is_letter(c[1])) {
                lexer->position++;
                lex_run(lexer, token, TOKEN_FIELD, word_length(c + 1));
        } else if (*c == '$')
                lex_run(lexer, token, TOKEN_VARIABLE, 1 + word_length(c + 1));
        else if (is_digit(*c) || ((*c == '-' || *c == '+' || *c == '.') && is_digit(c[1])))
                lex_run(lexer, token, TOKEN_NUMBER, number_length(c));
        else
                return lex_symbol(lexer, token, err);
        return 0;
}

/* Behind {{: skips a comment with its }}. 1: there was one. */
static int skip_comment(Lexer *lexer, Error *err)
{
        const char *c = lexer->text + lexer->position, *end;

        if (*c == '-' && is_blank(c[1]))
                c++;
        while (is_blank(*c))
                c++;
        if (!text_after(c, "/*"))
                return 0;
        end = strstr(c + 2, "*/");
        if (!end)
                return template_fail((size_t)(c - lexer->text), err,
                                     "a comment begins here and does not end: expected */");
        end += 2;
        c = end;
        while (is_blank(*end))
                end++;
        lexer->trim_next = end > c && text_after(end, "-}}");
        end += lexer->trim_next;
        if (!text_after(end, "}}"))
                return template_fail((size_t)(end - lexer->text), err, "expected }} behind a comment");
        lexer->position = (size_t)(end + 2 - lexer->text);
        return 1;
}

int template_lex(Lexer *lexer, Token *token, Error *err)
{
        int r;

        token->text.length = 0;
        if (token->text.data)
                *token->text.data = 0;
        token->spaced = false;
        token->position = lexer->position;
        if (lexer->inside)
                return lex_inside(lexer, token, err);
        if (!lexer->text[lexer->position]) {
                token->kind = TOKEN_END;
                return 0;
        }
        if (!text_after(lexer->text + lexer->position, "{{")) {
                lex_text(lexer, token);
                return 0;
        }
        lexer->position += 2;
        r = skip_comment(lexer, err);
        if (r < 0)
                return r;
        if (r > 0) {
                token->kind = TOKEN_TEXT;
                return 0;
        }
        lexer->trim_next = false;
        if (lexer->text[lexer->position] == '-' && is_blank(lexer->text[lexer->position + 1]))
                lexer->position++;
        lexer->inside = true;
        token->kind = TOKEN_OPEN;
        return 0;
}
