// RONDO_RETURN_IF_ERROR, RONDO_ASSIGN_OR_RETURN and RONDO_CHECK. Debian's Abseil has none of them.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RONDO_MACRO_CONCAT_INNER(a, b) a##b
#define RONDO_MACRO_CONCAT(a, b) RONDO_MACRO_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expr`, an absl::Status, is not OK.
#define RONDO_RETURN_IF_ERROR(expr)                                                    \
  do {                                                                                 \
    if (::absl::Status rondo_status = (expr); !rondo_status.ok()) return rondo_status; \
  } while (false)

// RONDO_ASSIGN_OR_RETURN(const Campaign campaign, Parse(text));
#define RONDO_ASSIGN_OR_RETURN(lhs, expr) \
  RONDO_ASSIGN_OR_RETURN_IMPL(RONDO_MACRO_CONCAT(rondo_statusor_, __LINE__), lhs, expr)

#define RONDO_ASSIGN_OR_RETURN_IMPL(var, lhs, expr) \
  auto var = (expr);                                \
  if (!var.ok()) return std::move(var).status();    \
  lhs = *std::move(var)

// For our own bugs, never for input: prints the place and ends the process.
#define RONDO_CHECK(condition)                                                                 \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      std::fprintf(stderr, "%s:%d: RONDO_CHECK failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                            \
    }                                                                                          \
  } while (false)
