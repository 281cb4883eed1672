#include "monitor/detach-keys.h"

#include <ctype.h>
#include <string.h>

/* The byte that one word stands for; -1: none. */
static int key_of(const char *word, size_t length)
{
        static const char others[] = "@[\\]^_";
        char c;

        if (length == 1 && (unsigned char)*word < 0x80)
                return *word;
        if (length != 6 || strncmp(word, "ctrl-", 5) != 0)
                return -1;
        c = word[5];
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 1;
        return c && strchr(others, c) ? c & 0x1f : -1;
}

int detach_keys_parse(const char *text, DetachKeys *ret, Error *err)
{
        DetachKeys keys = {0};

        if (!text || !*text)
                text = "ctrl-p,ctrl-q";
        for (const char *word = text;; word++) {
                size_t length = strcspn(word, ",");
                int key = key_of(word, length);

                if (key < 0) {
                        fail_kind(err, ERROR_USAGE, EINVAL, "invalid detach keys \"%s\": \"%.*s\" is no key",
                                  text, (int)length, word);
                        return fail_hint(err, "keys are a character, or ctrl- and one of a-z @ [ \\ ] ^ _, "
                                              "with commas between: ctrl-p,ctrl-q");
                }
                if (keys.count == DETACH_KEYS_MAXIMUM)
                        return fail_kind(err, ERROR_USAGE, E2BIG,
                                         "invalid detach keys \"%s\": more than %d keys", text,
                                         DETACH_KEYS_MAXIMUM);
                keys.keys[keys.count++] = (char)key;
                word += length;
                if (!*word)
                        break;
        }
        *ret = keys;
        return 0;
}

bool detach_keys_take(DetachKeys *keys, char byte, char ret[static DETACH_KEYS_MAXIMUM], size_t *ret_length)
{
        char typed[DETACH_KEYS_MAXIMUM + 1];
        size_t count = keys->held + 1, passed = 0;

        *ret_length = 0;
        if (!keys->count) {
                ret[(*ret_length)++] = byte;
                return false;
        }
        memcpy(typed, keys->keys, keys->held);
        typed[keys->held] = byte;
        /* What could still become the sequence is held, the rest passed on. */
        while (count && memcmp(typed + passed, keys->keys, count) != 0) {
                ret[(*ret_length)++] = typed[passed++];
                count--;
        }
        keys->held = count;
        return count == keys->count;
}
