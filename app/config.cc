#include "app/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "platform/core/field_error.h"
#include "platform/core/nearest.h"

namespace rondo {
namespace {

// A key and where it lives in Config: exactly one of the pointers to members is set.
struct Entry {
  ConfigKey key;
  std::string Config::*text = nullptr;
  int Config::*number = nullptr;
  std::vector<std::string> Config::*list = nullptr;
  int64_t least = 0;
  int64_t most = 0;
  std::vector<std::string> choices = {};  // Of a text; empty: any.
};

Entry Text(std::string_view name, std::string Config::*member, std::string_view description) {
  Entry entry;
  entry.key = {name, "text", description};
  entry.text = member;
  return entry;
}

Entry Choice(std::string_view name, std::string Config::*member, std::vector<std::string> choices,
             std::string_view description) {
  Entry entry = Text(name, member, description);
  entry.choices = std::move(choices);
  return entry;
}

struct Bounds {
  int64_t least;
  int64_t most;
};

Entry Number(std::string_view name, int Config::*member, Bounds bounds,
             std::string_view description) {
  Entry entry;
  entry.key = {name, "number", description};
  entry.number = member;
  entry.least = bounds.least;
  entry.most = bounds.most;
  return entry;
}

Entry List(std::string_view name, std::vector<std::string> Config::*member,
           std::string_view description) {
  Entry entry;
  entry.key = {name, "list", description};
  entry.list = member;
  return entry;
}

// A name or an address as a browser's Host header has it, the port left out: `rondo.example.com`,
// `192.0.2.7`, `[2001:db8::7]`.
bool IsHostName(std::string_view text) {
  const bool bracketed = text.starts_with('[') && text.ends_with(']');
  if (bracketed) text = text.substr(1, text.size() - 2);
  const auto is_taken = [&](unsigned char c) {
    return bracketed ? std::isxdigit(c) != 0 || c == ':' || c == '.'
                     : std::isalnum(c) != 0 || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), is_taken);
}

const std::vector<Entry>& Entries() {
  static const std::vector<Entry> entries = [] {
    std::vector<Entry> all = {
        Text("data", &Config::data, "Folder of the log and of every service's state."),
        Text("target", &Config::target, "Services to run: `all` is the only choice yet."),
        Text("log", &Config::log,
             "`embedded`, or `kafka://HOST:PORT[,HOST:PORT]/TOPIC`; a data folder stays with its "
             "log."),
        Number("partitions", &Config::partitions, {1, 1024},
               "Partitions of the log; fixed when the log is made. A log that may be spread over "
               "processes later wants 64 or more."),
        Number("threads", &Config::threads, {0, 1024}, "Worker threads; 0 is one for each core."),
        Text("http", &Config::http,
             "Address of REST, tracking and dashboards; loopback only. Port 0 is a free one."),
        Text("grpc", &Config::grpc, "Address of gRPC; loopback only. Port 0 is a free one."),
        Text("dashboards", &Config::dashboards,
             "Folder of the built dashboards; empty looks beside the program."),
        Text("public_url", &Config::public_url,
             "What tracking links begin with; empty is the HTTP address."),
        List(
            "allowed_hosts", &Config::allowed_hosts,
            "Names under which a proxy offers the API and the dashboards, without scheme and port; "
            "others than this machine's own are refused."),
        Text("smtp.host", &Config::smtp_host, "The mail server that takes what is sent."),
        Number("smtp.port", &Config::smtp_port, {1, 65535}, "Its port."),
        Number("smtp.sessions", &Config::smtp_sessions, {1, 64}, "Sessions at the same time."),
        Text("smtp.return_path", &Config::smtp_return_path,
             "Where bounces go: an address whose local part gets a tag for each message."),
        Choice("smtp.tls", &Config::smtp_tls, {"none", "starttls", "implicit"},
               "`none`, `starttls` (a server that does not offer it gets nothing) or `implicit` "
               "(by custom on port 465)."),
        Text("smtp.ca_file", &Config::smtp_ca_file,
             "A PEM file of the authorities that may vouch for it; empty is the system's."),
        Choice("smtp.verify", &Config::smtp_verify, {"true", "false"},
               "Whether its certificate is checked, and that it names the host. `false` hides who "
               "listens in."),
        Text("smtp.user", &Config::smtp_user, "Its user (AUTH), which needs TLS; empty: none."),
        Text("smtp.password_file", &Config::smtp_password_file,
             "A file whose first line is its password; passwords stand in no configuration."),
        Text("smtp.password_env", &Config::smtp_password_env,
             "Instead: the name of an environment variable that holds it."),
        Text("sms.url", &Config::sms_url, "The SMS gateway's HTTP address; empty sends no SMS."),
        Text("sms.username", &Config::sms_username, "Its user."),
        Text("sms.password_file", &Config::sms_password_file, "A file that holds its password."),
        Number("sms.sessions", &Config::sms_sessions, {1, 64}, "Requests at the same time."),
        Text("attributes.time_zone", &Config::time_zone_attribute,
             "The attribute that names a customer's time zone (IANA)."),
        Text("attributes.email", &Config::email_attribute,
             "The attribute that holds a customer's e-mail address."),
        Text("attributes.phone", &Config::phone_attribute,
             "The attribute that holds a customer's phone number."),
        Text("clock", &Config::clock,
             "`system`, or a file of 8 bytes that holds the time for demonstrations and tests."),
    };
    return all;
  }();
  return entries;
}

std::string ValueOf(const Entry& entry, const Config& config) {
  if (entry.text != nullptr) return config.*entry.text;
  if (entry.list != nullptr) return "[" + absl::StrJoin(config.*entry.list, ", ") + "]";
  return std::to_string(config.*entry.number);
}

std::string Unknown(const std::string& name) {
  std::vector<std::string> known;
  for (const Entry& entry : Entries()) known.emplace_back(entry.key.name);
  const std::string_view near = Nearest(name, known);
  const std::string meant =
      near.empty() ? "" : absl::StrFormat("; did you mean `%s`?", std::string(near));
  return absl::StrFormat("unknown key%s `rondo config explain` lists all",
                         meant.empty() ? ";" : meant);
}

class ConfigReader {
 public:
  ConfigReader(std::string_view file, Config& config, FieldViolations& violations)
      : file_(file), config_(config), violations_(violations) {}

  void Read(const YAML::Node& node, const std::string& prefix) {
    if (!node.IsMap()) return Fail(node, prefix, "expected keys, as `name: value`");
    std::map<std::string, int> seen;  // Where: the line.
    for (const auto& child : node) {
      const std::string name = prefix + child.first.Scalar();
      const auto [at, is_new] = seen.emplace(name, child.first.Mark().line + 1);
      if (!is_new) {
        Fail(child.first, name, absl::StrFormat("given in line %d already", at->second));
        continue;
      }
      const auto entry = std::find_if(Entries().begin(), Entries().end(),
                                      [&](const Entry& e) { return e.key.name == name; });
      if (entry != Entries().end()) {
        Set(*entry, child.second);
        continue;
      }
      const bool is_group = std::any_of(Entries().begin(), Entries().end(), [&](const Entry& e) {
        return e.key.name.starts_with(name + ".");
      });
      if (is_group) {
        Read(child.second, name + ".");
      } else {
        Fail(child.first, name, Unknown(name));
      }
    }
  }

 private:
  void Set(const Entry& entry, const YAML::Node& node) {
    const std::string name(entry.key.name);
    if (entry.list != nullptr) return SetHosts(entry, node);
    if (!node.IsScalar() && !node.IsNull()) return Fail(node, name, "expected a single value");
    const std::string text = node.IsNull() ? "" : node.Scalar();
    if (entry.text != nullptr) {
      const auto& choices = entry.choices;
      if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
        return Fail(node, name, "expected " + absl::StrJoin(choices, " or "));
      }
      config_.*entry.text = text;
      return;
    }
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < entry.least ||
        value > entry.most) {
      return Fail(
          node, name,
          absl::StrFormat("expected a whole number from %d to %d", entry.least, entry.most));
    }
    config_.*entry.number = static_cast<int>(value);
  }

  void SetHosts(const Entry& entry, const YAML::Node& node) {
    const std::string name(entry.key.name);
    if (!node.IsSequence() && !node.IsNull()) return Fail(node, name, "expected a list: [a, b]");
    std::vector<std::string> hosts;
    for (const YAML::Node& item : node) {
      if (!item.IsScalar() || !IsHostName(item.Scalar())) {
        return Fail(item, name,
                    "expected a host's name or address without scheme and port, such as "
                    "rondo.example.com or \"[2001:db8::7]\"");
      }
      hosts.push_back(item.Scalar());
    }
    config_.*entry.list = std::move(hosts);
  }

  void Fail(const YAML::Node& node, const std::string& name, const std::string& expected) {
    violations_.Add(
        absl::StrFormat("%s:%d:%d: %s", file_, node.Mark().line + 1, node.Mark().column + 1, name),
        expected);
  }

  std::string_view file_;
  Config& config_;
  FieldViolations& violations_;
};

// Keys that are right alone and wrong together.
void CheckTogether(std::string_view file, const Config& config, FieldViolations& violations) {
  const auto add = [&](const char* key, const char* expected) {
    violations.Add(absl::StrFormat("%s: %s", file, key), expected);
  };
  const bool has_password = !config.smtp_password_file.empty() || !config.smtp_password_env.empty();
  if (!config.smtp_password_file.empty() && !config.smtp_password_env.empty()) {
    add("smtp.password_env", "smtp.password_file is given too: keep one of them");
  }
  if (!config.smtp_user.empty() && !has_password) {
    add("smtp.user", "give its password too: smtp.password_file or smtp.password_env");
  }
  if (config.smtp_user.empty() && has_password) {
    add("smtp.user", "a password is given: say whose it is");
  }
  if (config.smtp_tls == "none" && (!config.smtp_ca_file.empty() || config.smtp_verify != "true")) {
    add("smtp.tls", "smtp.ca_file and smtp.verify need starttls or implicit");
  }
  if (!config.smtp_user.empty() && config.smtp_tls == "none") {
    add("smtp.user", "needs smtp.tls starttls or implicit: a password does not travel in clear");
  }
}

}  // namespace

const std::vector<ConfigKey>& ConfigKeys() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all;
    for (const Entry& entry : Entries()) all.push_back(entry.key);
    return all;
  }();
  return keys;
}

std::string ConfigValue(const Config& config, std::string_view key) {
  for (const Entry& entry : Entries()) {
    if (entry.key.name == key) return ValueOf(entry, config);
  }
  return "";
}

absl::StatusOr<Config> ParseConfig(std::string_view file, std::string_view text) {
  Config config;
  YAML::Node node;
  try {
    node = YAML::Load(std::string(text));
  } catch (const YAML::Exception& error) {
    return FieldError(absl::StrFormat("%s:%d:%d", file, error.mark.line + 1, error.mark.column + 1),
                      "not YAML: " + error.msg);
  }
  FieldViolations violations;
  if (!node.IsNull()) ConfigReader(file, config, violations).Read(node, "");
  CheckTogether(file, config, violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  return config;
}

std::string ExplainConfig() {
  const Config defaults;
  std::string text = "# rondo serve --config FILE. Every key, with its default.\n";
  std::string group;
  for (const Entry& entry : Entries()) {
    const size_t dot = entry.key.name.find('.');
    const std::string in_group(dot == std::string_view::npos ? "" : entry.key.name.substr(0, dot));
    if (in_group != group && !in_group.empty()) text += in_group + ":\n";
    group = in_group;
    const std::string indent = group.empty() ? "" : "  ";
    const std::string_view leaf =
        dot == std::string_view::npos ? entry.key.name : entry.key.name.substr(dot + 1);
    const std::string value = ValueOf(entry, defaults);
    text += absl::StrFormat("%s# %s\n%s%s: %s\n", indent, entry.key.description, indent, leaf,
                            value.empty() ? "\"\"" : value);
  }
  return text;
}

}  // namespace rondo
