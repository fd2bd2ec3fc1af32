// Carries the precompiled header that every target reuses (cmake/rondo_library.cmake).
