// Protobuf's map fields as Debian's library has them: its headers give them two more members under
// ThreadSanitizer, with which the library was not compiled. Part of the precompiled header there.
#pragma once

#undef __SANITIZE_THREAD__
#include <google/protobuf/map_field.h>
#define __SANITIZE_THREAD__ 1
