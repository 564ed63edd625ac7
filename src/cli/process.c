/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a job in a process of its own: this program once more, asked and answered in JSON over a socket that is its
 * standard input and output. A job that crashes or runs out of memory takes nothing with it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/text.h"

static volatile sig_atomic_t interrupted, worker; /* worker: the process of the present job; 0: none */
static struct sigaction before;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
    if (worker > 0)
        kill((pid_t)worker, SIGKILL);
}

void cli_interrupt_catch(void)
{
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, NULL, &before);
    if (before.sa_handler != SIG_IGN)
        sigaction(SIGINT, &action, NULL);
}

void cli_interrupt_release(void)
{
    sigaction(SIGINT, &before, NULL);
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

static json_t *failure(cli_exit code, char *reason)
{
    json_t *result = json_pack("{s:{s:i, s:s}}", "error", "exit", (int)code, "reason", reason);
    free(reason);
    return result;
}

static void be_worker(int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not to outlive a parent that was killed */
    if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0) {
        execl("/proc/self/exe", "weft", "bench-worker", (char *)NULL);
        execlp(program_invocation_name, "weft", "bench-worker", (char *)NULL); /* where /proc is not mounted */
    }
    _exit(127);
}

static pid_t start(int *fd)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return -1;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0)
        be_worker(ends[1]);
    close(ends[1]);
    if (pid < 0)
        close(ends[0]);
    else
        *fd = ends[0];
    return pid;
}

static bool send_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left) {
        const ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        text += sent;
        left -= (size_t)sent;
    }
    return shutdown(fd, SHUT_WR) == 0;
}

/* Reads events until the end; the last line with a result is the answer. */
static json_t *receive(int fd, cli_event_fn on_event, void *user)
{
    FILE *in = fdopen(fd, "r");
    json_t *result = NULL;
    char *line = NULL;
    size_t size = 0;
    if (!in) {
        close(fd);
        return NULL;
    }
    while (getline(&line, &size, in) > 0) {
        json_t *message = json_loads(line, 0, NULL);
        json_t *answer = json_object_get(message, "result");
        if (answer) {
            json_decref(result);
            result = json_incref(answer);
        } else if (message && on_event) {
            on_event(user, message);
        }
        json_decref(message);
    }
    free(line);
    fclose(in);
    return result;
}

static json_t *died(int state)
{
    if (WIFSIGNALED(state)) {
        const int signal = WTERMSIG(state);
        return failure(signal == SIGKILL ? CLI_MEMORY : CLI_INTERNAL,
                       cli_format_text("killed by signal %d (%s%s)", signal, strsignal(signal),
                                       signal == SIGKILL ? "; out of memory?" : ""));
    }
    const int code = WEXITSTATUS(state);
    if (code == CLI_MEMORY)
        return failure(CLI_MEMORY, cli_copy("out of memory"));
    return failure(CLI_INTERNAL, cli_format_text("its process ended with exit code %d", code));
}

json_t *cli_process(const json_t *request, cli_event_fn on_event, void *user)
{
    int fd, state = 0;
    const pid_t pid = start(&fd);
    if (pid < 0)
        return failure(CLI_INTERNAL, cli_format_text("cannot start a process: %s", strerror(errno)));
    worker = (sig_atomic_t)pid;
    if (interrupted) /* before the handler knew whom to end */
        kill(pid, SIGKILL);
    char *text = json_dumps(request, JSON_COMPACT);
    if (text)
        send_all(fd, text); /* if that fails, the process has died, and says so below */
    free(text);
    json_t *result = receive(fd, on_event, user);
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        ;
    worker = 0;
    if (!result || state) { /* a result is not believed from a process that failed after it */
        json_decref(result);
        result = died(state);
    }
    return result;
}

const char *cli_failure(const json_t *result)
{
    const json_t *error = json_object_get(result, "error");
    return error ? cli_json_text(error, "reason") : NULL;
}
