/* SPDX-License-Identifier: Apache-2.0
 *
 * Status codes and the error sentence. Every weft call that can fail returns a weft_status; on failure it
 * leaves its out parameters untouched and stores one sentence (where, what was found, what was expected)
 * for the calling thread. The library never aborts, exits or prints. */
#ifndef WEFT_STATUS_H
#define WEFT_STATUS_H

#if defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, sentence) */
#define WEFT_STATUS_LIST(X)                                                                        \
    X(OK, "ok")                                                                                    \
    X(INVALID, "invalid argument")                                                                 \
    X(UNSUPPORTED, "not supported")                                                                \
    X(NOT_FOUND, "not found")                                                                      \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(BAD_DATA, "bad data")                                                                        \
    X(IO, "input/output error")                                                                    \
    X(NO_DEVICE, "device not available")                                                           \
    X(NUMERIC, "numeric fault")                                                                    \
    X(INTERNAL, "internal error")                                                                  \
    X(LOST, "another process does not answer")                                                     \
    X(CANCELLED, "cancelled")

typedef enum weft_status {
#define WEFT_STATUS_ENUM(name, text) WEFT_##name,
    WEFT_STATUS_LIST(WEFT_STATUS_ENUM)
#undef WEFT_STATUS_ENUM
    WEFT_STATUS_COUNT
} weft_status;

/* The text of a code, such as "out of memory". Never NULL. */
WEFT_API const char *weft_status_text(weft_status status);

/* The sentence of this thread's last failure; "" if there was none. Valid until the thread's next failure. */
WEFT_API const char *weft_error(void);

/* For code that extends weft (networks, readers of files): stores the sentence, as for printf, and returns status. */
WEFT_API weft_status weft_fail(weft_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

#ifdef __cplusplus
}
#endif
#endif
