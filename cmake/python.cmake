# SPDX-License-Identifier: Apache-2.0
#
# What goes into the Python package (pyproject.toml): the library under a plain name, since wheels keep no links, and
# the helper for HDF5 beside it, where the library looks for it.
install(TARGETS weft LIBRARY DESTINATION weft/lib COMPONENT python)
set_target_properties(weft PROPERTIES INSTALL_RPATH "$ORIGIN")
if(TARGET weft_h5)
    install(TARGETS weft_h5 RUNTIME DESTINATION weft/lib COMPONENT python)
endif()
