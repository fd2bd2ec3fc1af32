// Reads a YAML mapping key by key, and refuses the keys that nobody asked for, by their path.
#pragma once

#include <yaml-cpp/yaml.h>

#include <set>
#include <string>
#include <vector>

#include "platform/core/field_error.h"

namespace rondo::customer {

// Refuses what stands twice in a mapping: the last would win without a word.
inline void CheckKeys(const YAML::Node& node, const std::string& path,
                      FieldViolations& violations) {
  std::set<std::string> seen;
  if (!node.IsMap()) return;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || seen.insert(entry.first.Scalar()).second) continue;
    violations.Add(path.empty() ? entry.first.Scalar() : path + "." + entry.first.Scalar(),
                   "stands twice, again in line " + std::to_string(entry.first.Mark().line + 1));
  }
}

// Not thread-safe. `violations` outlives it.
class YamlFields {
 public:
  YamlFields(const YAML::Node& node, std::string path, FieldViolations& violations)
      : node_(node), path_(std::move(path)), violations_(violations) {
    if (!node_.IsMap()) violations_.Add(path_, "expected a mapping of names to values");
    CheckKeys(node_, path_, violations_);
  }

  bool Has(const std::string& key) const { return node_.IsMap() && node_[key].IsDefined(); }

  YAML::Node Get(const std::string& key) {
    asked_.insert(key);
    return node_.IsMap() ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
  }

  std::string Text(const std::string& key, const std::string& otherwise = "") {
    const YAML::Node value = Get(key);
    if (!value.IsDefined()) return otherwise;
    if (!value.IsScalar()) {
      violations_.Add(PathOf(key), "expected a text");
      return otherwise;
    }
    return value.Scalar();
  }

  std::string RequiredText(const std::string& key) {
    if (!Has(key)) violations_.Add(PathOf(key), "expected a text; it is missing");
    return Text(key);
  }

  double Number(const std::string& key, double otherwise) {
    const YAML::Node value = Get(key);
    double number = otherwise;
    if (value.IsDefined() && !YAML::convert<double>::decode(value, number)) {
      violations_.Add(PathOf(key), "expected a number");
    }
    return number;
  }

  // A text, or a list of texts.
  std::vector<std::string> Texts(const std::string& key) {
    const YAML::Node value = Get(key);
    std::vector<std::string> texts;
    if (!value.IsDefined()) return texts;
    if (value.IsScalar()) return {value.Scalar()};
    for (const YAML::Node& item : value) {
      if (item.IsScalar()) {
        texts.push_back(item.Scalar());
      } else {
        violations_.Add(PathOf(key), "expected a text or a list of texts");
      }
    }
    return texts;
  }

  // The items of a list; one mapping stands for a list of one.
  std::vector<YAML::Node> List(const std::string& key) {
    const YAML::Node value = Get(key);
    if (!value.IsDefined()) return {};
    if (value.IsMap()) return {value};
    if (!value.IsSequence()) {
      violations_.Add(PathOf(key), "expected a list");
      return {};
    }
    return std::vector<YAML::Node>(value.begin(), value.end());
  }

  // Refuses what was not asked for.
  void Close() {
    if (!node_.IsMap()) return;
    for (const auto& entry : node_) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      if (asked_.count(key) == 0) violations_.Add(PathOf(key), "no such key here");
    }
  }

  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  const std::string& path() const { return path_; }
  FieldViolations& violations() { return violations_; }

 private:
  YAML::Node node_;
  std::string path_;
  FieldViolations& violations_;
  std::set<std::string> asked_;
};

}  // namespace rondo::customer
