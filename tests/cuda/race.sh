#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# race.sh PROGRAM ARGUMENT...: runs it without address randomisation where that can be turned off, which older
# ThreadSanitizers cannot do with.
if setarch -R true 2>/dev/null; then
    exec setarch -R "$@"
fi
exec "$@"
