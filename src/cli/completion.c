/* SPDX-License-Identifier: Apache-2.0
 *
 * Completion scripts for bash, zsh and fish, written from the commands, their rows and the registry of networks. */
#include <string.h>

#include "cli/command.h"
#include "cli/roff.h"

typedef struct shell {
    const char *name;
    void (*print)(const cli_command *top);
} shell;

/* ---- lists ---- */

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

/* "table" of "bench table"; NULL of a command that is no other's. */
static const char *sub_name(const cli_command *c)
{
    const char *space = strchr(c->name, ' ');
    return space ? space + 1 : NULL;
}

static bool top_level(const cli_command *c)
{
    return !c->hidden && !sub_name(c);
}

/* Whether sub is "bench table" and c is "bench". */
static bool is_sub_of(const cli_command *sub, const cli_command *c)
{
    const size_t length = strlen(c->name);
    return strncmp(sub->name, c->name, length) == 0 && sub->name[length] == ' ';
}

static void print_subs(const cli_command *top, const cli_command *c, const char *before)
{
    for (const cli_command *const *sub = top->commands; *sub; sub++)
        if (is_sub_of(*sub, c))
            printf("%s%s", before, sub_name(*sub));
}

static void print_commands(const cli_command *top, const char *between)
{
    bool first = true;
    for (const cli_command *const *c = top->commands; *c; c++)
        if (top_level(*c)) {
            printf("%s%s", first ? "" : between, (*c)->name);
            first = false;
        }
}

static void print_topics(void)
{
    for (const cli_topic *t = cli_topics; t->name; t++)
        printf(" %s", t->name);
}

/* ---- bash ---- */

static void bash_option(const cli_option *o)
{
    fputs("        ", stdout);
    if (o->letter)
        printf("-%c|", o->letter);
    printf("--%s)", o->name);
    if (o->values) {
        fputs(" _weft_words \"", stdout);
        print_parts(o->values, " ");
        fputs("\";", stdout);
    }
    if (o->kind == CLI_FILE)
        fputs(" _weft_files -f;", stdout);
    else if (o->kind == CLI_DIR)
        fputs(" _weft_files -d;", stdout);
    fputs(" return ;;\n", stdout);
}

static void bash_case(const cli_command *top, const cli_command *c)
{
    printf("    \"%s\")\n        options=\"", c->name ? c->name : "");
    const cli_option *o;
    for (int i = 0; (o = cli_command_row(c, i)) != NULL; i++)
        printf("%s--%s", i ? " " : "", o->name);
    fputs("\"\n        words=\"", stdout);
    if (c->takes & CLI_TAKES_MODEL)
        fputs("$models", stdout);
    if (c->takes & CLI_TAKES_SHELL)
        fputs("bash zsh fish", stdout);
    if (c->takes & CLI_TAKES_COMMAND)
        fputs("$commands", stdout);
    if (c->takes & CLI_TAKES_TOPIC)
        print_topics();
    if (c->name)
        print_subs(top, c, " ");
    printf("\"\n        files=%s\n        case $last in\n", c->takes & CLI_TAKES_FILE ? "-f" : "");
    for (int i = 0; (o = cli_command_row(c, i)) != NULL; i++)
        if (o->arg)
            bash_option(o);
    fputs("        esac\n        ;;\n", stdout);
}

static void bash_subs(const cli_command *top)
{
    fputs("    for ((i = 2; i < COMP_CWORD; i++)); do\n        case \"$command ${COMP_WORDS[i]}\" in\n", stdout);
    for (const cli_command *const *c = top->commands; *c; c++)
        if (sub_name(*c))
            printf("        \"%s\") command=\"%s\" ;;\n", (*c)->name, (*c)->name);
    fputs("        esac\n    done\n", stdout);
}

static void print_bash(const cli_command *top)
{
    fputs("# bash completion for weft; written by: weft completion bash\n"
          "_weft_words() # those of the words that begin with $word\n{\n"
          "    COMPREPLY+=($(compgen -W \"$1\" -- \"$word\"))\n}\n"
          "_weft_files() # -f: files; -d: folders\n{\n"
          "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
          "    compopt -o filenames 2> /dev/null # quotes them, and ends folders with a slash\n}\n"
          "_weft()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} options words files command i\n"
          "    local commands=\"",
          stdout);
    print_commands(top, " ");
    fputs("\"\n    local models=\"", stdout);
    print_models(" ");
    fputs("\"\n"
          "    COMPREPLY=()\n"
          "    if [[ $word == = ]]; then word=; elif [[ $last == = ]]; then last=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
          "    command=${COMP_WORDS[1]}\n"
          "    if ((COMP_CWORD == 1)); then command=; fi\n",
          stdout);
    bash_subs(top);
    fputs("    case $command in\n", stdout);
    bash_case(top, top);
    for (const cli_command *const *c = top->commands; *c; c++)
        if (!(*c)->hidden)
            bash_case(top, *c);
    fputs("    esac\n"
          "    if [[ $word == -?* ]]; then _weft_words \"$options\"; return; fi\n"
          "    _weft_words \"$words\"\n"
          "    if [[ $files ]]; then _weft_files $files; fi\n"
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
        } else if (o->kind == CLI_FILE) {
            fputs("_files", stdout);
        } else if (o->kind == CLI_DIR) {
            fputs("_files -/", stdout);
        }
    }
    fputs("' \\\n", stdout);
}

static void zsh_operands(const cli_command *top, const cli_command *c)
{
    if (c->takes == CLI_TAKES_MODEL) {
        fputs("        '*:model:(", stdout);
        for (const cli_command *const *sub = top->commands; *sub; sub++)
            if (is_sub_of(*sub, c))
                printf("%s ", sub_name(*sub));
        fputs("'\"$models\"')'\n", stdout);
    } else if (c->takes == (CLI_TAKES_MODEL | CLI_TAKES_FILE)) {
        fputs("        '*:model or file:{ _alternative \"models:model:('\"$models\"')\" \"files:file:_files\" }'\n",
              stdout);
    } else if (c->takes == CLI_TAKES_FILE) {
        fputs("        '*:file:_files'\n", stdout);
    } else if (c->takes == CLI_TAKES_SHELL) {
        fputs("        '1:shell:(bash zsh fish)'\n", stdout);
    } else if (c->takes & CLI_TAKES_COMMAND) {
        fputs("        '*:command:('\"$commands\"'", stdout);
        print_topics();
        fputs(")'\n", stdout);
    } else {
        fputs("        && return\n", stdout);
    }
}

static void zsh_subs(const cli_command *top)
{
    for (const cli_command *const *c = top->commands; *c; c++) {
        const char *sub = sub_name(*c);
        if (sub)
            printf("    if [[ $command == %.*s && ${words[(I)%s]} -gt 2 && ${words[(I)%s]} -lt $CURRENT ]]; then\n"
                   "        command='%s'\n    fi\n",
                   (int)strcspn((*c)->name, " "), (*c)->name, sub, sub, (*c)->name);
    }
}

static void print_zsh(const cli_command *top)
{
    fputs("#compdef weft\n# zsh completion for weft; written by: weft completion zsh\n_weft()\n{\n"
          "    local commands='",
          stdout);
    print_commands(top, " ");
    fputs("'\n    local models='", stdout);
    print_models(" ");
    fputs("'\n    local command=$words[2]\n"
          "    if (( CURRENT == 2 )); then\n        local -a list=(\n",
          stdout);
    for (const cli_command *const *c = top->commands; *c; c++)
        if (top_level(*c)) {
            printf("            '%s:", (*c)->name);
            zsh_text((*c)->brief);
            fputs("'\n", stdout);
        }
    fputs("        )\n        _describe command list\n        return\n    fi\n", stdout);
    zsh_subs(top);
    fputs("    shift words\n    (( CURRENT-- ))\n    case $command in\n", stdout);
    for (const cli_command *const *c = top->commands; *c; c++) {
        if ((*c)->hidden)
            continue;
        printf("    '%s')\n        _arguments \\\n", (*c)->name);
        const cli_option *o;
        for (int i = 0; (o = cli_command_row(*c, i)) != NULL; i++)
            zsh_option(o);
        zsh_operands(top, *c);
        fputs("        ;;\n", stdout);
    }
    fputs("    esac\n}\nif [ \"$funcstack[1]\" = _weft ]; then _weft \"$@\"; else compdef _weft weft; fi\n", stdout);
}

/* ---- fish ---- */

static void fish_condition(const cli_command *top, const cli_command *c)
{
    if (!c->name) {
        fputs("__fish_use_subcommand", stdout);
        return;
    }
    printf("__fish_seen_subcommand_from %.*s", (int)strcspn(c->name, " "), c->name);
    if (sub_name(c))
        printf("; and __fish_seen_subcommand_from %s", sub_name(c));
    else
        print_subs(top, c, "; and not __fish_seen_subcommand_from ");
}

static void fish_option(const cli_command *top, const cli_command *c, const cli_option *o)
{
    fputs("complete -c weft -n '", stdout);
    fish_condition(top, c);
    printf("' -l %s", o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->arg)
        fputs(o->kind == CLI_FILE || o->kind == CLI_DIR ? " -r -F" : " -x", stdout);
    if (o->values) {
        fputs(" -a '", stdout);
        print_parts(o->values, " ");
        putchar('\'');
    }
    fputs(" -d '", stdout);
    print_quoted(o->help);
    fputs("'\n", stdout);
}

static void fish_command(const cli_command *top, const cli_command *c)
{
    const cli_option *o;
    for (int i = 0; (o = cli_command_row(c, i)) != NULL; i++)
        fish_option(top, c, o);
    if (!c->takes || !c->name)
        return;
    fputs("complete -c weft", stdout);
    if (c->takes & CLI_TAKES_FILE)
        fputs(" -F", stdout);
    fputs(" -n '", stdout);
    fish_condition(top, c);
    putchar('\'');
    if (c->takes != CLI_TAKES_FILE)
        fputs(" -a '", stdout);
    if (c->takes & CLI_TAKES_SHELL)
        fputs("bash zsh fish", stdout);
    if (c->takes & CLI_TAKES_COMMAND)
        print_commands(top, " ");
    if (c->takes & CLI_TAKES_TOPIC)
        print_topics();
    if (c->takes & CLI_TAKES_MODEL)
        print_models(" ");
    print_subs(top, c, " ");
    fputs(c->takes != CLI_TAKES_FILE ? "'\n" : "\n", stdout);
}

static void print_fish(const cli_command *top)
{
    fputs("# fish completion for weft; written by: weft completion fish\ncomplete -c weft -f\n", stdout);
    for (const cli_command *const *c = top->commands; *c; c++) {
        if (!top_level(*c))
            continue;
        printf("complete -c weft -n __fish_use_subcommand -a %s -d '", (*c)->name);
        print_quoted((*c)->brief);
        fputs("'\n", stdout);
    }
    fish_command(top, top);
    for (const cli_command *const *c = top->commands; *c; c++)
        if (!(*c)->hidden)
            fish_command(top, *c);
}

static cli_exit run(const cli_call *call)
{
    static const shell shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(call->words[0], shells[i].name) == 0) {
            shells[i].print(call->top);
            return CLI_OK;
        }
    return cli_error(CLI_USAGE, "completion: no script for the shell '%s'; there are bash, zsh and fish",
                     call->words[0]);
}

static const cli_option rows[] = { OPT_HELP, OPT_END };

const cli_command cli_completion = {
    .name = "completion",
    .takes = CLI_TAKES_SHELL,
    .min_words = 1,
    .max_words = 1,
    .synopsis = "bash|zsh|fish",
    .brief = "print a completion script for a shell",
    .description = "Prints a script that completes commands, options, their values, files and the names of networks.",
    .examples = "source <(weft completion bash)|in this shell\n"
                "weft completion zsh > ~/.zfunc/_weft|for zsh, in a folder of its fpath\n"
                "weft completion fish > ~/.config/fish/completions/weft.fish|for fish",
    .rows = rows,
    .run = run,
};
