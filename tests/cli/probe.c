/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what the program wrote, for the cases in contract:
 *   probe json FILE PATH    prints the value at a path such as results.0.ms.n (arrays and objects: their size)
 *   probe xml FILE          checks that a file is well-formed XML, as far as weft writes it: one root, tags closed in
 *                           order, attributes quoted and named once each, no stray < or &
 *   probe peak FILE COMMAND [ARGUMENT...]
 *                           runs the command, whose exit code is its own, and writes to the file how many KiB it had
 *                           resident at most */
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEPTH = 64, NAME = 64 };

static int fail(const char *what, const char *where)
{
    fprintf(stderr, "probe: %s: %.60s\n", what, where);
    return 1;
}

static int print_json(const char *file, const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return fail(error.text, file);
    const json_t *value = root;
    char key[NAME];
    while (*path && value) {
        const size_t length = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(key)) : json_object_get(value, key);
        path += length + (path[length] == '.');
    }
    if (!value)
        fprintf(stderr, "probe: %s has no %s\n", file, key);
    else if (json_is_string(value))
        puts(json_string_value(value));
    else if (json_is_array(value) || json_is_object(value))
        printf("%zu\n", json_is_array(value) ? json_array_size(value) : json_object_size(value));
    else if (json_is_boolean(value))
        puts(json_is_true(value) ? "true" : "false");
    else if (json_is_null(value))
        puts("null");
    else
        printf("%.10g\n", json_number_value(value));
    const int code = value ? 0 : 1;
    json_decref(root);
    return code;
}

/* The name at *at, moved past it. */
static bool read_name(const char **at, char name[NAME])
{
    size_t n = 0;
    while (isalnum((unsigned char)**at) || strchr("_:-.", **at)) {
        if (!**at || n + 1 >= NAME)
            break;
        name[n++] = *(*at)++;
    }
    name[n] = '\0';
    return n > 0 && isalpha((unsigned char)name[0]);
}

/* name="value" pairs up to '>' or '/' or '?'. */
static bool read_attributes(const char **at)
{
    char seen[16][NAME];
    int count = 0;
    for (;;) {
        while (isspace((unsigned char)**at))
            ++*at;
        if (strchr(">/?", **at))
            return **at != '\0';
        if (count == 16 || !read_name(at, seen[count]) || *(*at)++ != '=' || *(*at)++ != '"')
            return false;
        const size_t length = strcspn(*at, "\"<");
        if ((*at)[length] != '"')
            return false;
        *at += length + 1;
        for (int i = 0; i < count; i++)
            if (strcmp(seen[i], seen[count]) == 0)
                return false;
        count++;
    }
}

static bool good_entity(const char *at)
{
    static const char *const known[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&apos;" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(at, known[i], strlen(known[i])) == 0)
            return true;
    return false;
}

static int check_xml_text(const char *at)
{
    char stack[DEPTH][NAME], name[NAME];
    int depth = 0, roots = 0;
    while (*at) {
        const char *const here = at;
        if (*at == '&' && !good_entity(at))
            return fail("stray &", here);
        if (*at != '<') {
            if (depth == 0 && !isspace((unsigned char)*at))
                return fail("text outside the root", here);
            at++;
            continue;
        }
        at++;
        const bool closes = *at == '/', declares = *at == '?';
        at += closes || declares;
        if (!read_name(&at, name))
            return fail("no name of a tag", here);
        if (closes) {
            if (depth == 0 || strcmp(stack[--depth], name) != 0 || *at != '>')
                return fail("tag closed out of order", here);
        } else {
            if (!read_attributes(&at))
                return fail("bad attributes", here);
            const bool empty = *at == '/' || declares;
            at += empty;
            if (*at != '>' || depth + 1 >= DEPTH)
                return fail("tag not ended", here);
            roots += depth == 0 && !declares;
            if (!empty)
                snprintf(stack[depth++], NAME, "%s", name);
        }
        at++;
    }
    return depth || roots != 1 ? fail("root", "not closed, or not one") : 0;
}

static int check_xml(const char *file)
{
    FILE *in = fopen(file, "rb");
    if (!in)
        return fail("cannot open", file);
    char *text = calloc(1, 1 << 20);
    const size_t size = text ? fread(text, 1, (1 << 20) - 1, in) : 0;
    const int code = size ? check_xml_text(text) : fail("empty", file);
    free(text);
    fclose(in);
    return code;
}

static int run_for_peak(const char *file, char **command)
{
    struct rusage usage;
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        execv(command[0], command);
        _exit(127);
    }
    FILE *out = fopen(file, "w");
    if (child < 0 || waitpid(child, &status, 0) != child || getrusage(RUSAGE_CHILDREN, &usage) != 0 || !out)
        return fail("cannot measure", command[0]);
    fprintf(out, "%ld\n", usage.ru_maxrss);
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "peak") == 0)
        return run_for_peak(argv[2], argv + 3);
    if (argc == 4 && strcmp(argv[1], "json") == 0)
        return print_json(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "xml") == 0)
        return check_xml(argv[2]);
    return fail("usage", "probe json FILE PATH | probe xml FILE | probe peak FILE COMMAND");
}
