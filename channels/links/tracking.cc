#include "channels/links/tracking.h"

#include <gumbo.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

constexpr size_t kHtmlBytesMax = 2 << 20;
constexpr uint32_t kLinksMax = 1'000;  // Of one message.

// A part of the source and what stands there instead.
struct Replacement {
  size_t begin = 0;
  size_t end = 0;
  std::string text;
};

struct Attribute {
  size_t value_begin = 0;  // With its quotes, if it has any.
  size_t value_end = 0;
  std::string name;
  std::string value;     // Entities decoded, white space around it removed.
  bool is_link = false;  // The href of an `a` or `area`.
};

bool LooksHttp(std::string_view url) {
  const std::string start = absl::AsciiStrToLower(std::string(url.substr(0, 8)));
  return start.starts_with("http://") || start.starts_with("https://");
}

// Whether a mail or a page may hold this address: what is relative to nothing runs nothing, and of
// the schemes only those that reach a person or a picture.
bool IsHarmless(std::string_view url) {
  std::string bare;
  for (const char c : url) {  // Browsers read `java\tscript:` as one word.
    if (static_cast<unsigned char>(c) > 0x20)
      bare.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  const size_t colon = bare.find(':');
  if (colon == std::string::npos || bare.find_first_of("/?#") < colon) return true;
  for (const char* scheme : {"http", "https", "mailto", "tel", "sms", "cid"}) {
    if (bare.substr(0, colon) == scheme) return true;
  }
  return false;
}

bool HoldsAddress(std::string_view name) {
  return name == "href" || name == "src" || name == "action" || name == "formaction" ||
         name == "background" || name == "poster" || name == "xlink:href";
}

std::string HtmlQuoted(std::string_view url) {
  std::string out = "\"";
  for (const char c : url) out += c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out + "\"";
}

// What the walk over a document finds, in the order of the source.
struct Found {
  std::vector<Attribute> addresses;
  size_t body_end = 0;  // Before `</body>`, else before `</html>`, else the end.
};

void FindAddresses(std::string_view html, const GumboElement& element, Found* found) {
  const bool link_tag = element.tag == GUMBO_TAG_A || element.tag == GUMBO_TAG_AREA;
  for (unsigned i = 0; i < element.attributes.length; ++i) {
    const auto* given = static_cast<const GumboAttribute*>(element.attributes.data[i]);
    const GumboStringPiece& original = given->original_value;
    if (!HoldsAddress(given->name) || original.data == nullptr) continue;
    if (original.data < html.data() || original.data > html.data() + html.size()) continue;
    Attribute attribute;
    attribute.value_begin = static_cast<size_t>(original.data - html.data());
    attribute.value_end = attribute.value_begin + original.length;
    attribute.name = given->name;
    attribute.value = given->value;
    absl::StripAsciiWhitespace(&attribute.value);
    attribute.is_link = link_tag && attribute.name == "href";
    found->addresses.push_back(std::move(attribute));
  }
}

// `html` must outlive the result's use only within this function: positions are offsets of it.
Found Walk(std::string_view html) {
  GumboOptions options = kGumboDefaultOptions;
  options.max_errors = 0;
  const auto release = [&options](GumboOutput* output) { gumbo_destroy_output(&options, output); };
  const std::unique_ptr<GumboOutput, decltype(release)> output(
      gumbo_parse_with_options(&options, html.data(), html.size()), release);
  Found found;
  found.body_end = html.size();
  std::vector<const GumboNode*> waiting = {output->root};
  size_t html_end = html.size();
  while (!waiting.empty()) {  // Not recursive: depth is the author's.
    const GumboNode* node = waiting.back();
    waiting.pop_back();
    if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_TEMPLATE) continue;
    const GumboElement& element = node->v.element;
    FindAddresses(html, element, &found);
    const GumboStringPiece& end_tag = element.original_end_tag;
    if (end_tag.data != nullptr && end_tag.length > 0) {
      const auto at = static_cast<size_t>(end_tag.data - html.data());
      if (element.tag == GUMBO_TAG_BODY) found.body_end = at;
      if (element.tag == GUMBO_TAG_HTML) html_end = at;
    }
    for (unsigned i = 0; i < element.children.length; ++i) {
      waiting.push_back(static_cast<const GumboNode*>(element.children.data[i]));
    }
  }
  found.body_end = std::min(found.body_end, html_end);
  std::sort(found.addresses.begin(), found.addresses.end(),
            [](const Attribute& a, const Attribute& b) { return a.value_begin < b.value_begin; });
  // The parser may put one piece of source into the tree twice (misnested `a`).
  found.addresses.erase(std::unique(found.addresses.begin(), found.addresses.end(),
                                    [](const Attribute& a, const Attribute& b) {
                                      return a.value_begin == b.value_begin;
                                    }),
                        found.addresses.end());
  return found;
}

std::string Apply(std::string_view source, const std::vector<Replacement>& replacements) {
  std::string out;
  size_t at = 0;
  for (const Replacement& replacement : replacements) {
    if (replacement.begin < at) continue;
    out += source.substr(at, replacement.begin - at);
    out += replacement.text;
    at = replacement.end;
  }
  out += source.substr(at);
  return out;
}

// Where the address that begins at `begin` ends in plain text.
size_t TextUrlEnd(std::string_view text, size_t begin) {
  size_t end = begin;
  while (end < text.size()) {
    const auto byte = static_cast<unsigned char>(text[end]);
    if (byte <= 0x20 || byte >= 0x7F ||
        std::string_view("<>\"{}|\\^`").find(text[end]) != std::string_view::npos) {
      break;
    }
    ++end;
  }
  // What ends a sentence is not part of the address; nor is a bracket that was opened before it.
  while (end > begin) {
    const char last = text[end - 1];
    const std::string_view url = text.substr(begin, end - begin);
    const bool unmatched = (last == ')' && std::count(url.begin(), url.end(), '(') <
                                               std::count(url.begin(), url.end(), ')')) ||
                           (last == ']' && std::count(url.begin(), url.end(), '[') <
                                               std::count(url.begin(), url.end(), ']'));
    if (!unmatched && std::string_view(".,;:!?'").find(last) == std::string_view::npos) break;
    --end;
  }
  return end;
}

}  // namespace

absl::StatusOr<ContactLinks> ContactLinks::Create(std::string_view base_url,
                                                  const LinkTokens& tokens, LinkToken contact) {
  if (!CheckLinkTarget(base_url).ok()) {
    return FieldError("base_url", "the gateway's public address, `https://go.example.com`");
  }
  if (base_url.ends_with('/') || base_url.find_first_of("?#") != std::string_view::npos) {
    return FieldError("base_url", "no final slash, query or fragment");
  }
  contact.link_number = 0;
  contact.target.clear();
  return ContactLinks(std::string(base_url), tokens, std::move(contact));
}

absl::StatusOr<std::string> ContactLinks::Url(std::string_view kind, LinkPurpose purpose) const {
  LinkToken token = contact_;
  token.purpose = purpose;
  // Only the way out withdraws anything.
  if (purpose != LinkPurpose::kUnsubscribe) token.consent_purpose.clear();
  RONDO_ASSIGN_OR_RETURN(const std::string text, tokens_->Sign(token));
  return base_url_ + "/t/" + std::string(kind) + "/" + text;
}

absl::StatusOr<std::string> ContactLinks::ClickUrl(uint32_t link_number,
                                                   std::string_view target) const {
  LinkToken token = contact_;
  token.purpose = LinkPurpose::kClick;
  token.consent_purpose.clear();
  token.link_number = link_number;
  token.target = std::string(target);
  RONDO_ASSIGN_OR_RETURN(const std::string text, tokens_->Sign(token));
  return base_url_ + "/t/c/" + text;
}

absl::StatusOr<std::string> ContactLinks::OpenPixelUrl() const {
  RONDO_ASSIGN_OR_RETURN(const std::string url, Url("o", LinkPurpose::kOpen));
  return url + ".gif";
}

absl::StatusOr<std::string> ContactLinks::UnsubscribeUrl() const {
  return Url("u", LinkPurpose::kUnsubscribe);
}

absl::StatusOr<std::string> ContactLinks::ReceiptUrl() const {
  return Url("dlr", LinkPurpose::kReceipt);
}

bool ContactLinks::IsOurs(std::string_view url) const {
  return url.starts_with(base_url_) && url.substr(base_url_.size()).starts_with("/t/");
}

absl::StatusOr<std::string> ContactLinks::TrackHtml(std::string_view html) const {
  if (html.size() > kHtmlBytesMax) return FieldError("html", "longer than 2 MiB");
  const Found found = Walk(html);
  std::vector<Replacement> replacements;
  uint32_t link_number = 0;
  for (const Attribute& attribute : found.addresses) {
    Replacement replacement{attribute.value_begin, attribute.value_end, "\"#\""};
    if (attribute.is_link && LooksHttp(attribute.value) && !IsOurs(attribute.value) &&
        CheckLinkTarget(attribute.value).ok()) {
      if (++link_number > kLinksMax) return FieldError("html", "more than 1,000 links");
      RONDO_ASSIGN_OR_RETURN(const std::string url, ClickUrl(link_number, attribute.value));
      replacement.text = HtmlQuoted(url);
    } else if (IsHarmless(attribute.value)) {
      continue;
    }
    replacements.push_back(std::move(replacement));
  }
  RONDO_ASSIGN_OR_RETURN(const std::string pixel, OpenPixelUrl());
  const std::string image = "<img src=" + HtmlQuoted(pixel) +
                            " width=\"1\" height=\"1\" alt=\"\" style=\"display:block;border:0\">";
  const auto behind = std::find_if(replacements.begin(), replacements.end(),
                                   [&](const auto& r) { return r.begin >= found.body_end; });
  replacements.insert(behind, {found.body_end, found.body_end, image});
  return Apply(html, replacements);
}

absl::StatusOr<std::string> ContactLinks::TrackText(std::string_view text) const {
  std::vector<Replacement> replacements;
  uint32_t link_number = 0;
  const std::string lower = absl::AsciiStrToLower(std::string(text));
  for (size_t at = lower.find("http"); at != std::string::npos; at = lower.find("http", at + 1)) {
    if (!LooksHttp(text.substr(at))) continue;
    if (at > 0 && absl::ascii_isalnum(static_cast<unsigned char>(text[at - 1]))) continue;
    const size_t end = TextUrlEnd(text, at);
    const std::string_view url = text.substr(at, end - at);
    if (!IsOurs(url) && CheckLinkTarget(url).ok()) {
      if (++link_number > kLinksMax) return FieldError("text", "more than 1,000 links");
      RONDO_ASSIGN_OR_RETURN(std::string tracked, ClickUrl(link_number, url));
      replacements.push_back({at, end, std::move(tracked)});
    }
    at = std::max(end, at + 1) - 1;
  }
  return Apply(text, replacements);
}

}  // namespace rondo
