/* SPDX-License-Identifier: Apache-2.0
 *
 * A progress bar on standard error. */
#include "cli/bar.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/settings.h"
#include "cli/text.h"

enum { CELLS = 20 };

static bool is_shown; /* there is one standard error, and one line at its end */

void cli_bar_open(cli_bar *bar, cli_progress when)
{
    const bool terminal = isatty(STDERR_FILENO) != 0;
    const bool wanted = when == CLI_PROGRESS_ALWAYS || (when == CLI_PROGRESS_AUTO && terminal);
    *bar = (cli_bar){ .live = wanted && !cli_set_for_all.quiet, .start = cli_now() };
}

static const char *times(double elapsed, double to_come, char buf[96])
{
    char a[32], b[32];
    if (isfinite(to_come))
        snprintf(buf, 96, "elapsed %s, to come about %s", cli_duration_text(elapsed, a), cli_duration_text(to_come, b));
    else
        snprintf(buf, 96, "elapsed %s", cli_duration_text(elapsed, a));
    return buf;
}

void cli_bar_show(cli_bar *bar, const char *what, double share, double to_come, bool now)
{
    const double t = cli_now();
    char line[256], said[96];
    if (!bar->live || (!now && t - bar->shown < .1))
        return;
    bar->shown = t;
    int used = 0;
    if (isfinite(share)) {
        const double part = fmin(fmax(share, 0), 1);
        const int filled = (int)(CELLS * part);
        used = snprintf(line, sizeof line, "[%.*s%*s] %3.0f %%  ", filled, "####################", CELLS - filled, "",
                        100 * part);
    }
    snprintf(line + used, sizeof line - (size_t)used, "%s; %s", what, times(t - bar->start, to_come, said));
    const int room = cli_terminal_width(stderr); /* a line that wraps could not be taken back */
    fprintf(stderr, "\r\033[K%s%.*s%s", cli_color(stderr, CLI_CYAN), room > 0 ? room - 1 : (int)sizeof line, line,
            cli_color(stderr, CLI_PLAIN));
    fflush(stderr);
    is_shown = true;
}

void cli_bar_count(cli_bar *bar, int64_t done, int64_t count, const char *things)
{
    const double elapsed = cli_now() - bar->start, rate = elapsed > 0 ? (double)done / elapsed : 0;
    const bool known = count > 0;
    char what[96];
    if (known)
        snprintf(what, sizeof what, "%lld/%lld, %.1f %s/s", (long long)done, (long long)count, rate, things);
    else
        snprintf(what, sizeof what, "%lld, %.1f %s/s", (long long)done, rate, things);
    cli_bar_show(bar, what, known ? (double)done / (double)count : (double)NAN,
                 known && done > 0 ? (double)(count - done) / rate : (double)NAN, false);
}

void cli_bar_clear(const cli_bar *bar)
{
    if (bar->live)
        cli_bar_make_room();
}

void cli_bar_make_room(void)
{
    if (!is_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    is_shown = false;
}
