# ct_planner_identity(OUTPUT): a header with a number that changes with the planner's sources. It
# is a part of the names of kept plans, so that what a planner has been mended for is planned anew.
function(ct_planner_identity output)
  file(GLOB sources CONFIGURE_DEPENDS
       "${CMAKE_SOURCE_DIR}/src/format/plan.h"
       "${CMAKE_SOURCE_DIR}/src/plan/*.[ch]"
       "${CMAKE_SOURCE_DIR}/src/symbols/*.[ch]")
  list(SORT sources)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources})
  set(sums "")
  foreach(source IN LISTS sources)
    file(SHA256 "${source}" sum)
    string(APPEND sums "${sum}")
  endforeach()
  string(SHA256 identity "${sums}")
  string(SUBSTRING "${identity}" 0 8 CT_PLANNER_IDENTITY)
  configure_file("${CMAKE_SOURCE_DIR}/cmake/planner_identity.h.in" "${output}" @ONLY)
endfunction()
