// `rondo apply`: definitions from documents, checked by the server before they are written.
#pragma once

#include "app/shell.h"

namespace rondo {

void AddApplyCommand(CLI::App& root, Shell& shell);

}  // namespace rondo
