# What is installed where. The library finds the command by its own place, so
# <libdir> and <bindir> keep their distance: lib[/<triplet>] and bin.
install(TARGETS libcalltrace LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/include/calltrace/version.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/calltrace)
install(DIRECTORY include/calltrace DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")

# Made when it is installed: only then `cmake --install --prefix` is known.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
    set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
install(CODE "
    set(pc_libdir [[${pc_libdir}]])
    set(pc_includedir [[${pc_includedir}]])
    set(PROJECT_VERSION [[${PROJECT_VERSION}]])
    set(PROJECT_DESCRIPTION [[${PROJECT_DESCRIPTION}]])
    configure_file([[${CMAKE_SOURCE_DIR}/cmake/calltrace.pc.in]]
        [[${CMAKE_BINARY_DIR}/calltrace.pc]] @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/calltrace.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/CallTraceConfigVersion.cmake
    COMPATIBILITY SameMajorVersion)
install(FILES cmake/CallTraceConfig.cmake ${CMAKE_BINARY_DIR}/CallTraceConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/CallTrace)

install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN man EXCLUDE)
if(NOT CALLTRACE_RUNTIME_ONLY)
    install(TARGETS calltrace RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    foreach(compiler cc c++)
        install(CODE "file(CREATE_LINK calltrace
            \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/calltrace-${compiler}\"
            SYMBOLIC)")
    endforeach()
    set(pages ${CMAKE_BINARY_DIR}/src/cli/man)
    install(DIRECTORY ${pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        FILES_MATCHING PATTERN "*.1")
    install(FILES ${pages}/calltrace.bash RENAME calltrace
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${pages}/calltrace.zsh RENAME _calltrace
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES ${pages}/calltrace.fish DESTINATION
        ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
