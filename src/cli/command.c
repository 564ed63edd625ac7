/* SPDX-License-Identifier: Apache-2.0
 *
 * What parsing, help, manual pages and completions all ask of commands. */
#include "cli/command.h"

#include <string.h>

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
