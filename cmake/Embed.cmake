# ct_embed(TARGET NAME FILE): the bytes of FILE as `static const char NAME[]`, NUL-terminated, in
# the header "NAME.inc" that TARGET's sources find.
function(ct_embed target name file)
  set(source "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
  file(READ "${source}" bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  file(GENERATE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.inc"
       CONTENT "static const char ${name}[] = {${bytes}0};\n")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/embedded")
endfunction()
