/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings from recipe files and the command line: lines "key value", comments behind '#', each value with its
 * origin. A value may stand in quotation marks. */
#include "cli/train_settings.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/text.h"

enum { RECIPE_BYTES = 1 << 16, PATH = 4096 };

/* Of the same bits whatever they are; data may have moved. */
static const char *const free_keys[] = { "epochs", "data",  "weights", "cache", "workers",    "patience",
                                         "time",   "keep",  "memory",  "batch", "checkpoint", "bad-images",
                                         "recompute", "rank-timeout" };

int train_key(const char *name)
{
    for (int i = 0; train_keys[i].name; i++)
        if (strcmp(train_keys[i].name, name) == 0)
            return i;
    return -1;
}

static cli_exit own(train_plan *plan, const char *text, const char **out)
{
    plan->owned = cli_grow(plan->owned, (size_t)plan->n_owned + 1, sizeof *plan->owned);
    *out = plan->owned[plan->n_owned++] = cli_copy(text);
    return CLI_OK;
}

cli_exit train_plan_begin(train_plan *plan)
{
    *plan = (train_plan){ 0 };
    for (const cli_option *o = train_keys; o->name; o++)
        if (o->fallback)
            CLI_TRY(cli_option_set(o, o->fallback, &plan->set));
    return CLI_OK;
}

void train_plan_release(train_plan *plan)
{
    for (int i = 0; i < plan->n_owned; i++)
        free(plan->owned[i]);
    free(plan->owned);
}

static cli_exit unknown_key(const char *key, const char *where)
{
    const char *names[TRAIN_KEYS];
    int count = 0;
    for (; train_keys[count].name; count++)
        names[count] = train_keys[count].name;
    const char *nearest = cli_nearest(key, names, count);
    if (nearest)
        return cli_error(CLI_USAGE, "%s: unknown key '%s'; did you mean '%s'?", where, key, nearest);
    return cli_error(CLI_USAGE, "%s: unknown key '%s'; 'weft train --keys' lists all", where, key);
}

cli_exit train_plan_set(train_plan *plan, const char *key, const char *value, const char *origin, const char *where)
{
    const int row = train_key(key);
    if (row < 0)
        return unknown_key(key, where);
    CLI_TRY(own(plan, value, &plan->value[row]));
    if (strcmp(origin, "default") == 0) /* as the settings of a run say it */
        plan->origin[row] = NULL;
    else
        CLI_TRY(own(plan, origin, &plan->origin[row]));
    for (char *at = plan->origin[row] ? plan->owned[plan->n_owned - 1] : NULL; at && *at; at++)
        if (*at == '\n') /* a file's name may have it */
            *at = ' ';
    return cli_option_set_in(&train_keys[row], plan->value[row], &plan->set, where);
}

/* ---- recipe files ---- */

static char *blanks(char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* Takes the quotation marks off a value, and the backslashes inside, of which \n is the end of a line. false: it has
 * none, or more behind them than a comment. */
static bool unquote(char *value, char **comment)
{
    char *end = value + 1, *to = value;
    if (*value != '"')
        return false;
    while (*end && *end != '"')
        end += *end == '\\' && end[1] ? 2 : 1;
    char *const rest = *end ? blanks(end + 1) : end;
    if (!*end || (*rest && (*rest != '#' || rest == end + 1)))
        return false;
    *comment = *rest ? rest + 1 : NULL;
    for (const char *at = value + 1; at < end; at++) {
        const bool escaped = *at == '\\' && at + 1 < end;
        at += escaped;
        *to++ = escaped && *at == 'n' ? '\n' : *at;
    }
    *to = '\0';
    return true;
}

/* A value without quotation marks ends before the blanks at its end or before a comment; apart: a blank stands before
 * it, too. */
static void cut(char *value, bool apart, char **comment)
{
    char *at = value;
    while (*at && !(*at == '#' && (at == value ? apart : isspace((unsigned char)at[-1]))))
        at++;
    *comment = *at ? at + 1 : NULL;
    while (at > value && isspace((unsigned char)at[-1]))
        at--;
    *at = '\0';
}

/* One line, cut to its key and value, and what is said behind '#'; false: there is nothing in it. */
static bool split(char *line, char **key, char **value, char **comment)
{
    char *const begin = blanks(line), *const sign = begin + strcspn(begin, " \t\r\v\f="), *from = sign;
    if (!*begin || *begin == '#')
        return false;
    while (isspace((unsigned char)*from) || *from == '=')
        from++;
    const bool apart = from > sign && isspace((unsigned char)from[-1]);
    if (!unquote(from, comment))
        cut(from, apart, comment);
    if (from > sign)
        *sign = '\0';
    if (*comment)
        *comment += strspn(*comment, " ");
    *key = begin;
    *value = from;
    return true;
}

cli_exit train_plan_parse(train_plan *plan, const char *text, const char *name, const char *origin)
{
    bool seen[TRAIN_KEYS] = { false };
    char *const copy = cli_copy(text);
    cli_exit code = CLI_OK;
    int number = 1;
    for (char *line = copy, *next; line && !code; line = next, number++) {
        char *key, *value, *comment, where[PATH];
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!split(line, &key, &value, &comment))
            continue;
        snprintf(where, sizeof where, "%s: line %d", name, number);
        const int row = train_key(key);
        if (row < 0)
            code = unknown_key(key, where);
        else if (!*value)
            code = cli_error(CLI_USAGE, "%s: %s has no value", where, key);
        else if (seen[row])
            code = cli_error(CLI_USAGE, "%s: %s comes a second time", where, key);
        else
            code = train_plan_set(plan, key, value, origin ? origin : comment ? comment : name, where);
        if (row >= 0)
            seen[row] = true;
    }
    free(copy);
    return code ? CLI_USAGE : CLI_OK;
}

/* Where a recipe of a name is: in WEFT_RECIPES, else beside the program's folder, or that one's: PREFIX/bin,
 * PREFIX/tools/weft. */
static bool find_recipe(const char *name, char path[PATH])
{
    char self[PATH];
    const char *folder = getenv("WEFT_RECIPES");
    if (strchr(name, '/'))
        return false;
    if (folder) {
        snprintf(path, PATH, "%.2000s/%.200s.recipe", folder, name);
        return access(path, R_OK) == 0;
    }
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return false;
    self[length] = '\0';
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(self, '/');
        if (!slash)
            return false;
        *slash = '\0';
        snprintf(path, PATH, "%.2000s/share/weft/recipes/%.200s.recipe", self, name);
        if (up > 0 && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

bool train_has_recipe(const char *name)
{
    char path[PATH];
    return find_recipe(name, path);
}

cli_exit train_plan_read(train_plan *plan, const char *recipe, bool named)
{
    char found[PATH], *text;
    const char *path = recipe;
    FILE *file;
    const bool known = access(recipe, F_OK) != 0 && find_recipe(recipe, found);
    if (known)
        path = found;
    else if (!strchr(recipe, '/') && !strchr(recipe, '.') && access(recipe, F_OK) != 0)
        return cli_error(CLI_NOT_FOUND, "--recipe: there is no file '%s', and no recipe of that name is installed "
                         "(share/weft/recipes, or WEFT_RECIPES)", recipe);
    CLI_TRY(cli_open_file(path, "a recipe", &file));
    text = cli_alloc(RECIPE_BYTES, 1);
    const size_t size = fread(text, 1, RECIPE_BYTES - 1, file);
    const bool failed = ferror(file) != 0, whole = feof(file) != 0 && strlen(text) == size;
    fclose(file);
    char *const origin = named ? cli_format_text("recipe %s", recipe) : NULL;
    cli_exit code = failed   ? cli_error(CLI_IO, "%s: cannot be read", path)
                    : !whole ? cli_error(CLI_DATA, "%s: is no text of less than %d bytes", path, RECIPE_BYTES)
                             : train_plan_parse(plan, text, path, origin);
    free(origin);
    free(text);
    return code;
}

/* ---- as text ---- */

const char *train_value(const train_plan *plan, int row)
{
    const char *const fallback = train_keys[row].fallback;
    return plan->value[row] ? plan->value[row] : fallback ? fallback : "";
}

static bool is_free(const char *key)
{
    for (size_t i = 0; i < sizeof free_keys / sizeof *free_keys; i++)
        if (strcmp(free_keys[i], key) == 0)
            return true;
    return false;
}

/* A value as it can be read again: in quotation marks where it would be taken for something else, or for less. */
static char *as_written(const char *value)
{
    const size_t length = strlen(value);
    bool plain = !strchr("\"#=", *value) && !isspace((unsigned char)*value);
    for (size_t i = 0; i < length; i++)
        if (value[i] == '\n' || (isspace((unsigned char)value[i]) && (!value[i + 1] || value[i + 1] == '#')))
            plain = false;
    if (plain)
        return cli_copy(value);
    char *const text = cli_grow(NULL, 2 * length + 3, 1), *to = text;
    *to++ = '"';
    for (; *value; value++) {
        if (*value == '"' || *value == '\\' || *value == '\n')
            *to++ = '\\';
        *to++ = *value == '\n' ? 'n' : *value;
    }
    *to++ = '"';
    *to = '\0';
    return text;
}

char *train_plan_text(const train_plan *plan, bool all)
{
    char *text = cli_copy("");
    for (int i = 0; train_keys[i].name; i++) {
        const char *value = train_value(plan, i), *origin = plan->origin[i] ? plan->origin[i] : "default";
        if (!*value || (!all && is_free(train_keys[i].name)))
            continue;
        char *const written = as_written(value);
        char *const longer = all ? cli_format_text("%s%-22s %-32s # %s\n", text, train_keys[i].name, written, origin)
                                 : cli_format_text("%s%s %s\n", text, train_keys[i].name, written);
        free(written);
        free(text);
        text = longer;
    }
    return text;
}

/* ---- numbers with units ---- */

typedef struct unit {
    const char *name;
    double factor;
} unit;

static cli_exit with_unit(const char *key, const char *text, const unit *units, int count, const char *wanted,
                          double *out)
{
    char *end;
    const double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (int i = 0; end != text && isfinite(number) && number > 0 && i < count; i++)
        if (strcmp(end, units[i].name) == 0) {
            *out = number * units[i].factor;
            return CLI_OK;
        }
    return cli_error(CLI_USAGE, "%s: '%s' is not %s", key, text, wanted);
}

cli_exit train_seconds(const char *key, const char *text, double *out)
{
    static const unit units[] = { { "", 1 },     { "s", 1 },     { "min", 60 }, { "m", 60 },
                                  { "h", 3600 }, { "d", 86400 } };
    return with_unit(key, text, units, (int)(sizeof units / sizeof *units), "a time such as 90s, 30min or 1.5h", out);
}

cli_exit train_bytes(const char *key, const char *text, double *out)
{
    static const unit units[] = { { "", 1 },         { "K", 1024 },       { "KiB", 1024 },       { "M", 1048576 },
                                  { "MiB", 1048576 }, { "G", 1073741824 }, { "GiB", 1073741824 } };
    return with_unit(key, text, units, (int)(sizeof units / sizeof *units), "a size such as 500MiB or 4GiB", out);
}

cli_exit train_interval(const char *text, int64_t *steps, double *seconds)
{
    char *end;
    const long long count = strtoll(text, &end, 10);
    *steps = 0, *seconds = 0;
    if (end == text || count <= 0 || (strcmp(end, "steps") != 0 && strcmp(end, "step") != 0))
        return train_seconds("checkpoint", text, seconds);
    *steps = count;
    return CLI_OK;
}

cli_exit train_check_units(const train_settings *set)
{
    double number;
    int64_t steps;
    if (set->time)
        CLI_TRY(train_seconds("time", set->time, &number));
    if (set->memory)
        CLI_TRY(train_bytes("memory", set->memory, &number));
    return train_interval(set->checkpoint, &steps, &number);
}
