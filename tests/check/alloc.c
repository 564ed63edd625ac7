/* SPDX-License-Identifier: Apache-2.0
 *
 * The counting, failing, fencing allocator. In front of each block stand its size and raw address; behind it, up
 * to 64 bytes of a pattern. */
#include "check/alloc.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { FENCE = 64, PATTERN = 0xa5, MANY = 1000000 };

typedef struct header {
    void *raw;
    size_t size;
} header;

static void *fenced_alloc(void *user, size_t size, size_t align)
{
    check_alloc *const state = user;
    const int64_t request = atomic_fetch_add(&state->requests, 1) + 1;
    if (state->fail_at && (request == state->fail_at || (state->fail_on && request > state->fail_at)))
        return NULL;
    if (size > SIZE_MAX - align - sizeof(header) - FENCE)
        return NULL;
    unsigned char *const raw = malloc(size + align + sizeof(header) + FENCE);
    if (!raw)
        return NULL;
    unsigned char *const data = raw + (align - ((uintptr_t)raw + sizeof(header)) % align) % align + sizeof(header);
    const header head = { raw, size };
    memcpy(data - sizeof head, &head, sizeof head);
    memset(data, PATTERN, size + FENCE); /* fresh memory is not zero */
    atomic_fetch_add(&state->live, 1);
    atomic_fetch_add(&state->bytes, (int64_t)size);
    return data;
}

static void fenced_free(void *user, void *ptr)
{
    check_alloc *const state = user;
    header head;
    if (!ptr)
        return;
    const unsigned char *const data = ptr;
    memcpy(&head, data - sizeof head, sizeof head);
    for (int i = 0; i < FENCE; i++) {
        if (data[head.size + (size_t)i] != PATTERN) {
            atomic_fetch_add(&state->damaged, 1);
            break;
        }
    }
    atomic_fetch_sub(&state->live, 1);
    atomic_fetch_sub(&state->bytes, (int64_t)head.size);
    free(head.raw);
}

weft_allocator check_allocator(check_alloc *state)
{
    return (weft_allocator){ fenced_alloc, fenced_free, state };
}

int64_t check_every_failure(weft_status (*step)(const weft_allocator *allocator, void *arg), void *arg)
{
    int64_t failed = 0;
    for (int on = 0; on < 2; on++) {
        for (int64_t n = 1;; n++) {
            check_alloc state = { .fail_at = n, .fail_on = on == 1 };
            const weft_allocator allocator = check_allocator(&state);
            const weft_status status = step(&allocator, arg);
            ck_assert_msg(state.live == 0, "request %lld failing leaks %lld blocks", (long long)n,
                          (long long)state.live);
            ck_assert_msg(state.damaged == 0, "request %lld failing damages a block", (long long)n);
            if (state.requests < n) { /* it made fewer requests than that: none failed */
                ck_assert_msg(status == WEFT_OK, "without a failure: %s", weft_error());
                break;
            }
            ck_assert_msg(status == WEFT_NO_MEMORY, "request %lld failing: status is \"%s\" (%s)", (long long)n,
                          weft_status_text(status), weft_error());
            ck_assert_msg(weft_error()[0] != '\0', "request %lld failing: no sentence", (long long)n);
            ck_assert_msg(++failed < MANY, "%d requests and no end", MANY);
        }
    }
    return failed;
}
