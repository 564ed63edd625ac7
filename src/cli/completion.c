/* SPDX-License-Identifier: Apache-2.0
 *
 * Completion scripts for bash, zsh and fish, written from the tables of commands.c and the registry of networks. */
#include <string.h>

#include "cli/option.h"

typedef struct shell {
    const char *name;
    void (*print)(void);
} shell;

static void print_models(const char *between)
{
    const char *last = "";
    bool first = true;
    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        if (strcmp(arch->name, last) == 0) /* the dialects of a network stand together */
            continue;
        printf("%s%s", first ? "" : between, arch->name);
        last = arch->name;
        first = false;
    }
}

static void print_parts(const char *values, const char *between)
{
    const char *part;
    size_t length;
    for (bool first = true; cli_part(&values, &part, &length); first = false)
        printf("%s%.*s", first ? "" : between, (int)length, part);
}

/* In '...': an apostrophe ends the string, says itself, begins it again. */
static void print_quoted(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
}

static bool top_level(const cli_command *c)
{
    return !c->hidden && !strchr(c->name, ' ');
}

static bool takes_file(const cli_option *o)
{
    return o->arg && (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "OLD.json") == 0);
}

static void print_commands(const char *between)
{
    bool first = true;
    for (int i = 0; i < cli_command_count; i++)
        if (top_level(&cli_commands[i])) {
            printf("%s%s", first ? "" : between, cli_commands[i].name);
            first = false;
        }
}

/* ---- bash ---- */

static void bash_case(const cli_command *c)
{
    printf("    \"%s\")\n        options=\"", c->name);
    for (int i = 0; i < cli_option_count; i++)
        if (cli_options[i].commands & c->bit)
            printf(" --%s", cli_options[i].name);
    fputs("\"\n        words=\"", stdout);
    if (c->operand == CLI_OPERAND_MODEL)
        fputs("$models", stdout);
    else if (c->operand == CLI_OPERAND_SHELL)
        fputs("bash zsh fish", stdout);
    else if (c->operand == CLI_OPERAND_COMMAND)
        fputs("$commands", stdout);
    if (strcmp(c->name, "bench") == 0)
        fputs(" table", stdout);
    fputs("\"\n        ;;\n", stdout);
}

static void print_bash(void)
{
    fputs("# bash completion for weft; written by: weft completion bash\n_weft()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} options words command i\n"
          "    local commands=\"",
          stdout);
    print_commands(" ");
    fputs("\"\n    local models=\"", stdout);
    print_models(" ");
    fputs("\"\n"
          "    COMPREPLY=()\n"
          "    if [[ $word == = ]]; then word=; elif [[ $last == = ]]; then last=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
          "    case $last in\n",
          stdout);
    for (int i = 0; i < cli_option_count; i++) {
        const cli_option *o = &cli_options[i];
        const bool seen = i > 0 && strcmp(o->name, cli_options[i - 1].name) == 0;
        if (!o->arg || seen)
            continue;
        printf("    --%s)", o->name);
        if (o->values) {
            fputs(" COMPREPLY=($(compgen -W \"", stdout);
            print_parts(o->values, " ");
            fputs("\" -- \"$word\"));", stdout);
        } else if (takes_file(o)) {
            fputs(" COMPREPLY=($(compgen -f -- \"$word\"));", stdout);
        } else if (strcmp(o->arg, "DIR") == 0) {
            fputs(" COMPREPLY=($(compgen -d -- \"$word\"));", stdout);
        }
        fputs(" return ;;\n", stdout);
    }
    fputs("    esac\n"
          "    command=${COMP_WORDS[1]}\n"
          "    if ((COMP_CWORD == 1)); then command=; fi\n"
          "    if [[ $command == bench ]]; then\n"
          "        for ((i = 2; i < COMP_CWORD; i++)); do\n"
          "            if [[ ${COMP_WORDS[i]} == table ]]; then command='bench table'; fi\n"
          "        done\n"
          "    fi\n"
          "    case $command in\n"
          "    \"\")\n        options=\"--help --version\"\n        words=\"$commands\"\n        ;;\n",
          stdout);
    for (int i = 0; i < cli_command_count; i++)
        if (!cli_commands[i].hidden)
            bash_case(&cli_commands[i]);
    fputs("    esac\n"
          "    if [[ $word == -* ]]; then words=$options; fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "}\ncomplete -F _weft weft\n",
          stdout);
}

/* ---- zsh ---- */

/* Inside '...[help]': brackets and colons are escaped. */
static void zsh_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else {
            if (strchr("[]:\\", *text))
                putchar('\\');
            putchar(*text);
        }
    }
}

static void zsh_option(const cli_option *o)
{
    printf("        '--%s%s[", o->name, o->arg ? "=" : "");
    zsh_text(o->help);
    putchar(']');
    if (o->arg) {
        putchar(':');
        zsh_text(o->arg);
        putchar(':');
        if (o->values) {
            putchar('(');
            print_parts(o->values, " ");
            putchar(')');
        } else if (takes_file(o)) {
            fputs("_files", stdout);
        } else if (strcmp(o->arg, "DIR") == 0) {
            fputs("_files -/", stdout);
        }
    }
    fputs("' \\\n", stdout);
}

static void zsh_case(const cli_command *c)
{
    printf("    '%s')\n        _arguments \\\n", c->name);
    for (int i = 0; i < cli_option_count; i++)
        if (cli_options[i].commands & c->bit)
            zsh_option(&cli_options[i]);
    switch (c->operand) {
    case CLI_OPERAND_MODEL:
        fputs(strcmp(c->name, "bench") == 0 ? "        '*:model:(table '\"$models\"')'\n"
                                            : "        '*:model:('\"$models\"')'\n",
              stdout);
        break;
    case CLI_OPERAND_FILE:
        fputs("        '*:file:_files'\n", stdout);
        break;
    case CLI_OPERAND_SHELL:
        fputs("        '1:shell:(bash zsh fish)'\n", stdout);
        break;
    case CLI_OPERAND_COMMAND:
        fputs("        '*:command:('\"$commands\"')'\n", stdout);
        break;
    case CLI_OPERAND_NONE:
        fputs("        && return\n", stdout);
        break;
    }
    fputs("        ;;\n", stdout);
}

static void print_zsh(void)
{
    fputs("#compdef weft\n# zsh completion for weft; written by: weft completion zsh\n_weft()\n{\n"
          "    local commands='",
          stdout);
    print_commands(" ");
    fputs("'\n    local models='", stdout);
    print_models(" ");
    fputs("'\n    local command=$words[2]\n"
          "    if (( CURRENT == 2 )); then\n        local -a list=(\n",
          stdout);
    for (int i = 0; i < cli_command_count; i++)
        if (top_level(&cli_commands[i])) {
            printf("            '%s:", cli_commands[i].name);
            zsh_text(cli_commands[i].brief);
            fputs("'\n", stdout);
        }
    fputs("        )\n        _describe command list\n        return\n    fi\n"
          "    if [[ $command == bench && ${words[(I)table]} -gt 2 && ${words[(I)table]} -lt $CURRENT ]]; then\n"
          "        command='bench table'\n    fi\n"
          "    shift words\n    (( CURRENT-- ))\n"
          "    case $command in\n",
          stdout);
    for (int i = 0; i < cli_command_count; i++)
        if (!cli_commands[i].hidden)
            zsh_case(&cli_commands[i]);
    fputs("    esac\n}\nif [ \"$funcstack[1]\" = _weft ]; then _weft \"$@\"; else compdef _weft weft; fi\n", stdout);
}

/* ---- fish ---- */

static void fish_condition(const cli_command *c)
{
    if (!c->name)
        fputs("__fish_use_subcommand", stdout);
    else if (strcmp(c->name, "bench table") == 0)
        fputs("__fish_seen_subcommand_from bench; and __fish_seen_subcommand_from table", stdout);
    else if (strcmp(c->name, "bench") == 0)
        fputs("__fish_seen_subcommand_from bench; and not __fish_seen_subcommand_from table", stdout);
    else
        printf("__fish_seen_subcommand_from %s", c->name);
}

static void fish_option(const cli_command *c, const cli_option *o)
{
    fputs("complete -c weft -n '", stdout);
    fish_condition(c);
    printf("' -l %s", o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->arg)
        fputs(takes_file(o) || strcmp(o->arg, "DIR") == 0 ? " -r -F" : " -x", stdout);
    if (o->values) {
        fputs(" -a '", stdout);
        print_parts(o->values, " ");
        putchar('\'');
    }
    fputs(" -d '", stdout);
    print_quoted(o->help);
    fputs("'\n", stdout);
}

static void fish_command(const cli_command *c)
{
    for (int i = 0; i < cli_option_count; i++)
        if (cli_options[i].commands & c->bit)
            fish_option(c, &cli_options[i]);
    if (c->operand == CLI_OPERAND_FILE) {
        fputs("complete -c weft -F -n '", stdout);
        fish_condition(c);
        fputs("'\n", stdout);
        return;
    }
    if (c->operand == CLI_OPERAND_NONE || !c->name)
        return;
    fputs("complete -c weft -n '", stdout);
    fish_condition(c);
    fputs("' -a '", stdout);
    if (c->operand == CLI_OPERAND_SHELL)
        fputs("bash zsh fish", stdout);
    else if (c->operand == CLI_OPERAND_COMMAND)
        print_commands(" ");
    else
        print_models(" ");
    fputs(strcmp(c->name, "bench") == 0 ? " table'\n" : "'\n", stdout);
}

static void print_fish(void)
{
    fputs("# fish completion for weft; written by: weft completion fish\ncomplete -c weft -f\n", stdout);
    for (int i = 0; i < cli_command_count; i++) {
        if (!top_level(&cli_commands[i]))
            continue;
        printf("complete -c weft -n __fish_use_subcommand -a %s -d '", cli_commands[i].name);
        print_quoted(cli_commands[i].brief);
        fputs("'\n", stdout);
    }
    fish_command(&cli_top);
    for (int i = 0; i < cli_command_count; i++)
        if (!cli_commands[i].hidden)
            fish_command(&cli_commands[i]);
}

cli_exit cli_completion(const cli_args *args)
{
    static const shell shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(args->words[0], shells[i].name) == 0) {
            shells[i].print();
            return CLI_OK;
        }
    return cli_error(CLI_USAGE, "completion: no script for the shell '%s'; there are bash, zsh and fish",
                     args->words[0]);
}
