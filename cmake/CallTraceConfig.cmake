# SPDX-License-Identifier: MIT
#
# find_package(CallTrace): instrument targets, and record them. Installed, and in the source tree
# (-DCallTrace_DIR=.../cmake), where the command is the one of build/release or build/dev.
#
#   CallTrace_COMMAND, CallTrace_LIBRARY     the command and libcalltrace.so
#   CallTrace::CallTrace                     to link with: nothing has to be preloaded then
#
#   calltrace_instrument(<target>... [LINK]
#                        [EXCLUDE_FILES <part of a path>...] [EXCLUDE_FUNCTIONS <part of a name>...])
#       Compile with -finstrument-functions and -g; LINK: link with the library, too. What is excluded
#       is known to GCC alone.
#
#   calltrace_add_record(<name> <target> [OPTIONS <option of calltrace record>...] [ARGS <argument>...])
#       A target <name> that runs <target> under `calltrace record`.

get_filename_component(_calltrace_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(_calltrace_hints
    "${_calltrace_root}/build/release" "${_calltrace_root}/build/dev"  # in the source tree
    "${_calltrace_root}/../.." "${_calltrace_root}/../../..")          # lib[/<triplet>]/cmake/CallTrace
find_program(CallTrace_COMMAND calltrace HINTS ${_calltrace_hints} PATH_SUFFIXES bin)
find_library(CallTrace_LIBRARY calltrace HINTS "${_calltrace_root}/.." ${_calltrace_hints} PATH_SUFFIXES lib)
mark_as_advanced(CallTrace_COMMAND CallTrace_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CallTrace REQUIRED_VARS CallTrace_COMMAND CallTrace_LIBRARY)

if(CallTrace_FOUND AND NOT TARGET CallTrace::CallTrace)
    add_library(CallTrace::CallTrace SHARED IMPORTED)
    set_target_properties(CallTrace::CallTrace PROPERTIES IMPORTED_LOCATION "${CallTrace_LIBRARY}"
                                                          IMPORTED_NO_SONAME TRUE)
endif()

function(calltrace_instrument)
    cmake_parse_arguments(arg "LINK" "" "EXCLUDE_FILES;EXCLUDE_FUNCTIONS" ${ARGN})
    set(flags -finstrument-functions -g)
    foreach(kind file function)
        string(TOUPPER "EXCLUDE_${kind}S" name)
        if(arg_${name})
            list(JOIN arg_${name} "," list)
            # A comma would end an argument of a generator expression.
            string(REPLACE "," "$<COMMA>" list "${list}")
            foreach(language C CXX)
                list(APPEND flags
                     "$<$<COMPILE_LANG_AND_ID:${language},GNU>:-finstrument-functions-exclude-${kind}-list=${list}>")
            endforeach()
        endif()
    endforeach()
    foreach(target IN LISTS arg_UNPARSED_ARGUMENTS)
        foreach(flag IN LISTS flags)
            target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C,CXX>:${flag}>")
        endforeach()
        if(arg_LINK)
            # Also where no code of the target needs it by itself.
            target_link_options(${target} PRIVATE -Wl,--no-as-needed)
            target_link_libraries(${target} PRIVATE CallTrace::CallTrace)
        endif()
    endforeach()
endfunction()

function(calltrace_add_record name target)
    cmake_parse_arguments(arg "" "" "OPTIONS;ARGS" ${ARGN})
    add_custom_target(${name}
        COMMAND "${CallTrace_COMMAND}" record ${arg_OPTIONS} -- "$<TARGET_FILE:${target}>" ${arg_ARGS}
        DEPENDS ${target} USES_TERMINAL VERBATIM)
endfunction()
