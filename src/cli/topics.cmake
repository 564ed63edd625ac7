# SPDX-License-Identifier: Apache-2.0
#
# Writes OUT, a C file that holds the manual pages PAGES as the topics of weft help (roff.h).
set(text "/* Written by topics.cmake. */\n#include \"cli/roff.h\"\n\n")
set(rows "")
string(REPLACE "," ";" PAGES "${PAGES}")
foreach(page ${PAGES})
    get_filename_component(name ${page} NAME_WE)
    string(REGEX REPLACE "^weft-" "" name ${name})
    string(MAKE_C_IDENTIFIER page_${name} symbol)
    file(READ ${page} bytes HEX)
    # Numbers: compilers need take no literal of more than 4095 characters.
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
    string(APPEND text "static const char ${symbol}[] = { ${bytes} 0 };\n")
    string(APPEND rows "    { \"${name}\", ${symbol} },\n")
endforeach()
string(APPEND text "\nconst cli_topic cli_topics[] = {\n${rows}    { NULL, NULL },\n};\n")
file(WRITE ${OUT} "${text}")
