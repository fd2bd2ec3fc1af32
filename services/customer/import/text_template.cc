// Texts of a mapping with columns in braces: `h{row}@example.test`.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/customer/import/mapping.h"

namespace rondo::customer {

absl::StatusOr<TextTemplate> TextTemplate::Parse(std::string_view text) {
  TextTemplate parsed;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) parsed.parts_.push_back({literal, kLiteral});
    literal.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' && i + 1 < text.size() && text[i + 1] == '{') {
      literal.push_back('{');
      ++i;
    } else if (text[i] == '{') {
      const size_t close = text.find('}', i);
      if (close == std::string_view::npos) {
        return absl::InvalidArgumentError("a brace is not closed; {{ is a brace");
      }
      end_literal();
      parsed.parts_.push_back({std::string(text.substr(i + 1, close - i - 1)), kRow});
      i = close;
    } else {
      literal.push_back(text[i]);
    }
  }
  end_literal();
  return parsed;
}

absl::Status TextTemplate::Bind(const std::vector<std::string>& header) {
  for (Part& part : parts_) {
    if (part.column == kLiteral) continue;
    const auto at = std::find(header.begin(), header.end(), part.text);
    if (at != header.end()) {
      part.column = static_cast<int>(at - header.begin());
    } else if (part.text == "row") {
      part.column = kRow;
    } else {
      return absl::NotFoundError(part.text);
    }
  }
  return absl::OkStatus();
}

std::string TextTemplate::Fill(const std::vector<std::string_view>& fields, int64_t row) const {
  std::string text;
  bool has_columns = false;
  bool says_something = false;
  for (const Part& part : parts_) {
    if (part.column == kLiteral) {
      text += part.text;
    } else if (part.column == kRow) {
      absl::StrAppend(&text, row);
      says_something = true;
    } else {
      const std::string_view field = fields[static_cast<size_t>(part.column)];
      text += field;
      has_columns = true;
      says_something = says_something || !field.empty();
    }
  }
  if (has_columns && !says_something) text.clear();
  return text;
}

int TextTemplate::only_column() const {
  return parts_.size() == 1 && parts_[0].column >= 0 ? parts_[0].column : -1;
}

}  // namespace rondo::customer
