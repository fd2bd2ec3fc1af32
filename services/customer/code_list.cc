#include "services/customer/code_list.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/nearest.h"

namespace rondo::customer {
namespace {

namespace pb = ::rondo::customer::v1;

constexpr size_t kFaultsToldMax = 20;

bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

// Codes by their place in the list.
using Places = std::map<std::string_view, int, std::less<>>;

// The levels above each code, itself included: 1 at the top.
class Levels {
 public:
  Levels(const pb::CodeList& list, const Places& places)
      : list_(list), places_(places), levels_(static_cast<size_t>(list.codes_size())) {}

  // Empty if the way up from the code at `place` ends at the top within the limit; else what is
  // wrong with its parent. Each code is walked once: what stands on a way that was found wrong
  // before is not told again.
  std::string Fault(int place) {
    std::vector<int> way;
    int at = place;
    while (at >= 0 && LevelOf(at) == kUnknown) {
      LevelOf(at) = kOnTheWay;
      way.push_back(at);
      at = ParentOf(at);
    }
    if (at >= 0 && LevelOf(at) == kOnTheWay) {
      for (const int wrong : way) LevelOf(wrong) = kWrong;
      return absl::StrFormat("leads in a circle: `%s` would stand above itself",
                             list_.codes(at).code());
    }
    int level = at < 0 ? 0 : LevelOf(at);
    std::string fault;
    for (auto step = way.rbegin(); step != way.rend(); ++step) {
      if (level != kWrong && ++level > kMaxCodeLevels) {
        fault = absl::StrFormat("expected at most %d levels", kMaxCodeLevels);
        level = kWrong;
      }
      LevelOf(*step) = level;
    }
    return fault;
  }

 private:
  static constexpr int kUnknown = 0;
  static constexpr int kOnTheWay = -1;
  static constexpr int kWrong = -2;

  int& LevelOf(int place) { return levels_[static_cast<size_t>(place)]; }
  // -1 at the top, and where there is no such parent, which is told elsewhere.
  int ParentOf(int place) const {
    const auto parent = places_.find(list_.codes(place).parent());
    return parent == places_.end() ? -1 : parent->second;
  }

  const pb::CodeList& list_;
  const Places& places_;
  std::vector<int> levels_;
};

std::string FaultOfCode(const std::string& code) {
  if (code.empty()) return "expected a code";
  if (code.size() > kMaxCodeBytes) return absl::StrFormat("at most %d bytes", kMaxCodeBytes);
  if (!IsPlain(code)) return "expected text without control characters";
  return "";
}

}  // namespace

absl::Status ValidateCodeList(const pb::CodeList& list) {
  FieldViolations violations;
  if (!catalog::IsResourceName(list.name(), catalog::kCodeLists)) {
    violations.Add("code_list.name", "expected codeLists/ and lower-case letters, digits, hyphens");
  }
  if (list.codes_size() > kMaxCodes) {
    return FieldError("code_list.codes", absl::StrFormat("expected at most %d codes", kMaxCodes));
  }
  if (list.ByteSizeLong() > kMaxCodeListBytes) {
    return FieldError("code_list", "expected at most 512 KiB: shorten titles, or split the list");
  }
  const auto add = [&](int i, std::string_view field, std::string fault) {
    if (fault.empty() || violations.list().size() >= kFaultsToldMax) return;
    violations.Add(absl::StrFormat("code_list.codes[%d].%s", i, field), std::move(fault));
  };
  Places places;
  std::vector<std::string> known;
  for (int i = 0; i < list.codes_size(); ++i) {
    const std::string& code = list.codes(i).code();
    add(i, "code", FaultOfCode(code));
    if (!code.empty()) {
      const auto [first, is_new] = places.emplace(code, i);
      if (!is_new) add(i, "code", absl::StrFormat("stands in codes[%d] already", first->second));
      known.push_back(code);
    }
    const std::string& title = list.codes(i).title();
    if (title.size() > kMaxCodeTitleBytes || !IsPlain(title)) {
      add(i, "title", "expected at most 200 bytes without control characters");
    }
  }
  Levels levels(list, places);
  for (int i = 0; i < list.codes_size(); ++i) {
    const std::string& parent = list.codes(i).parent();
    if (parent.empty()) continue;
    if (!places.contains(parent)) {
      const std::string_view near = Nearest(parent, known);
      add(i, "parent",
          absl::StrFormat("the list has no code `%s`%s", parent.substr(0, kMaxCodeBytes),
                          near.empty() ? "" : absl::StrFormat("; did you mean `%s`?", near)));
    } else {
      add(i, "parent", levels.Fault(i));
    }
  }
  return violations.ToStatus();
}

CodeSet::CodeSet(const pb::CodeList& list) {
  for (const pb::Code& code : list.codes()) codes_.push_back(code.code());
  std::sort(codes_.begin(), codes_.end());
}

CodeSet::CodeSet(const google::protobuf::RepeatedPtrField<std::string>& codes)
    : codes_(codes.begin(), codes.end()) {
  std::sort(codes_.begin(), codes_.end());
}

absl::Status CodeSet::Check(std::string_view field, std::string_view code,
                            std::string_view expected) const {
  if (std::binary_search(codes_.begin(), codes_.end(), code)) return absl::OkStatus();
  const std::string_view near = Nearest(code, codes_);
  return FieldError(field, near.empty()
                               ? std::string(expected)
                               : absl::StrFormat("%s; did you mean `%s`?", expected, near));
}

}  // namespace rondo::customer
