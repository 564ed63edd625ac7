/* SPDX-License-Identifier: Apache-2.0
 *
 * What parsing, help, manual pages and completions all ask of commands. */
#include "cli/command.h"

#include <string.h>

#include "cli/settings.h"

const cli_option *cli_command_row(const cli_command *command, int i)
{
    int own = 0;
    while (own < i && command->rows[own].name)
        own++;
    if (command->rows[own].name)
        return &command->rows[own];
    if (!command->name) /* weft itself */
        return NULL;
    for (int k = 0; k < i - own; k++)
        if (!cli_common_rows[k].name)
            return NULL;
    return cli_common_rows[i - own].name ? &cli_common_rows[i - own] : NULL;
}

const cli_option *cli_command_option(const cli_command *command, const char *name, size_t length)
{
    const cli_option *o;
    for (int i = 0; (o = cli_command_row(command, i)) != NULL; i++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0)
            return o;
    return NULL;
}

const cli_option *cli_command_letter(const cli_command *command, char letter)
{
    const cli_option *o;
    for (int i = 0; (o = cli_command_row(command, i)) != NULL; i++)
        if (o->letter == letter)
            return o;
    return NULL;
}

const cli_command *cli_command_find(const cli_command *top, const char *name)
{
    for (const cli_command *const *c = top->commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

bool cli_example(const char **text, char command[128], char meaning[160])
{
    if (!*text || !**text)
        return false;
    size_t line = strcspn(*text, "\n"), bar = line;
    for (size_t i = 1; i < line; i++)
        if ((*text)[i] == '|' && (*text)[i - 1] != ' ')
            bar = i;
    snprintf(command, 128, "%.*s", (int)bar, *text);
    snprintf(meaning, 160, "%.*s", bar < line ? (int)(line - bar - 1) : 0, *text + bar + (bar < line));
    *text += line + ((*text)[line] == '\n');
    return true;
}
