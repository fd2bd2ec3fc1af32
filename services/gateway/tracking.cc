#include "services/gateway/tracking.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "channels/sms/sms_gateway.h"
#include "platform/core/status_macros.h"
#include "platform/http/url.h"
#include "platform/rpc/timestamp.h"
#include "policy/contact_policy.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/response/v1/response_service.pb.h"
#include "services/gateway/transcoder.h"

namespace rondo {
namespace {

namespace customer_pb = customer::v1;
namespace response_pb = response::v1;

// A transparent GIF of one pixel.
constexpr unsigned char kPixel[] = {
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
    0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b};

constexpr char kPageStyle[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:4em auto;padding:0 1em}"
    "button{font:inherit;padding:.5em 1.5em}";

std::string Page(std::string_view title, std::string_view content) {
  return absl::StrCat("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>",
                      std::string(title),
                      "</title><meta name=\"viewport\" content=\"width=device-width\">"
                      "<meta name=\"robots\" content=\"noindex\"><style>",
                      kPageStyle, "</style></head><body><h1>", std::string(title), "</h1>",
                      std::string(content), "</body></html>\n");
}

HttpResponse HtmlResponse(int status, std::string page) {
  HttpResponse response = MakeResponse(status, "text/html; charset=utf-8", std::move(page));
  response.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
      "frame-ancestors 'none'; base-uri 'none'");
  return response;
}

HttpResponse NotFound() {
  return HtmlResponse(404,
                      Page("Not found", "<p>This link is not valid, or not valid any more.</p>"));
}

HttpResponse MethodNotAllowed(std::string allowed) {
  HttpResponse response =
      MakeResponse(405, "text/plain; charset=utf-8", "This address takes " + allowed + ".\n");
  response.headers.emplace_back("Allow", std::move(allowed));
  return response;
}

std::string ChannelName(LinkChannel channel) {
  switch (channel) {
    case LinkChannel::kEmail:
      return "email";
    case LinkChannel::kSms:
      return "sms";
    case LinkChannel::kWeb:
      return "web";
  }
  return "";
}

// One contact, in words that no other contact has.
std::string ContactText(const LinkToken& link) {
  return absl::StrCat(ToResourceName(link.customer), "|", link.campaign, "|", link.cycle, "|",
                      link.step, "|", link.occurrence);
}

// What its way out withdraws consent for.
std::string PurposeOf(const LinkToken& link) {
  return link.consent_purpose.empty() ? policy::kDefaultPurpose : link.consent_purpose;
}

void AddField(response_pb::Event& event, const std::string& name, std::string_view value) {
  type::v1::Field& field = *event.add_fields();
  field.set_name(name);
  field.mutable_value()->set_string_value(std::string(value));
}

void AddField(response_pb::Event& event, const std::string& name, int64_t value) {
  type::v1::Field& field = *event.add_fields();
  field.set_name(name);
  field.mutable_value()->set_int_value(value);
}

Visitor VisitorOf(const HttpRequest& http) {
  std::string_view purpose = FindHeader(http.headers, "purpose");
  if (purpose.empty()) purpose = FindHeader(http.headers, "x-purpose");
  return {.method = http.method,
          .user_agent = FindHeader(http.headers, "user-agent"),
          .purpose = purpose,
          .sec_purpose = FindHeader(http.headers, "sec-purpose"),
          .x_moz = FindHeader(http.headers, "x-moz")};
}

void Mark(MachineReason reason, response_pb::Event& event) {
  event.set_machine(reason != MachineReason::kNone);
  if (reason == MachineReason::kNone) return;
  AddField(event, "machine_reason", ToString(reason));
  AddField(event, "machine_rules", kMachineRulesVersion);
}

absl::StatusOr<SmsReceipt> ReceiptOf(const HttpRequest& http) {
  RONDO_ASSIGN_OR_RETURN(const auto query, ParseQuery(http.query));
  return ParseSmsReceipt(query);
}

// What a POST to the way out asks for.
enum class Wish { kNone, kOneClick, kPage };

Wish WishOf(const HttpRequest& http) {
  const std::string_view type = FindHeader(http.headers, "content-type");
  if (absl::StartsWithIgnoreCase(absl::string_view(type.data(), type.size()),
                                 "multipart/form-data")) {
    // RFC 8058, 3.2 allows this form too; its one field is always sent in these words.
    const bool is_one_click = absl::StrContains(http.body, "name=\"List-Unsubscribe\"") &&
                              absl::StrContains(http.body, "\r\n\r\nOne-Click\r\n");
    return is_one_click ? Wish::kOneClick : Wish::kNone;
  }
  const auto fields = ParseQuery(http.body);
  if (!fields.ok()) return Wish::kNone;
  for (const auto& [name, value] : *fields) {
    if (name == "List-Unsubscribe" && value == "One-Click") return Wish::kOneClick;
    if (name == "confirm" && value == "yes") return Wish::kPage;
  }
  return Wish::kNone;
}

}  // namespace

Tracking::Tracking(const LinkTokens& links, Caller& caller, const Clock& clock,
                   const DoorParts& parts, absl::Duration call_timeout, TraceIds trace_ids)
    : links_(links),
      caller_(caller),
      clock_(clock),
      parts_(parts),
      call_timeout_(call_timeout),
      trace_ids_(std::move(trace_ids)) {}

HttpResponse Tracking::Handle(const HttpRequest& http) {
  const CallInfo call{
      .deadline = parts_.clock.Now() + call_timeout_, .peer = http.peer, .trace_id = trace_ids_()};
  const std::string_view path = http.path;
  const std::string_view token = path.size() > 5 ? path.substr(5) : std::string_view();
  HttpResponse response = NotFound();
  if (path.starts_with("/t/c/")) response = Click(http, token, call);
  if (path.starts_with("/t/o/") && path.ends_with(".gif"))
    response = Open(http, token.substr(0, token.size() - 4), call);
  if (path.starts_with("/t/u/")) response = Unsubscribe(http, token, call);
  if (path.starts_with("/t/dlr/")) response = Receipt(http, path.substr(7), call);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

HttpResponse Tracking::Click(const HttpRequest& http, std::string_view token,
                             const CallInfo& call) {
  if (http.method != "GET" && http.method != "HEAD") return MethodNotAllowed("GET");
  const absl::StatusOr<LinkToken> link = links_.Verify(token, LinkPurpose::kClick);
  if (!link.ok()) return NotFound();
  response_pb::Event event;
  event.set_type("click");
  AddField(event, "link", link->link_number);
  AddField(event, "target", link->target);
  MachineReason reason = JudgeVisitor(VisitorOf(http));
  const bool is_burst = bursts_.Note(ContactText(*link), link->link_number, parts_.clock.Now());
  if (reason == MachineReason::kNone && is_burst) reason = MachineReason::kBurst;
  Mark(reason, event);
  if (const absl::Status status = Ingest(*link, std::move(event), call); !status.ok()) {
    return ErrorResponse(status, call.trace_id);
  }
  HttpResponse response = MakeResponse(302, "text/plain; charset=utf-8", "");
  response.headers.emplace_back("Location", link->target);
  return response;
}

HttpResponse Tracking::Open(const HttpRequest& http, std::string_view token, const CallInfo& call) {
  if (http.method != "GET" && http.method != "HEAD") return MethodNotAllowed("GET");
  const absl::StatusOr<LinkToken> link = links_.Verify(token, LinkPurpose::kOpen);
  if (!link.ok()) return NotFound();
  response_pb::Event event;
  event.set_type("open");
  const Visitor visitor = VisitorOf(http);
  AddField(event, "open_class", IsImageProxy(visitor.user_agent) ? "proxy" : "direct");
  Mark(JudgeVisitor(visitor), event);
  if (const absl::Status status = Ingest(*link, std::move(event), call); !status.ok()) {
    return ErrorResponse(status, call.trace_id);
  }
  HttpResponse response = MakeResponse(
      200, "image/gif", std::string(reinterpret_cast<const char*>(kPixel), sizeof kPixel));
  // Mails show it on pages of their own.
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "cross-origin");
  return response;
}

HttpResponse Tracking::Unsubscribe(const HttpRequest& http, std::string_view token,
                                   const CallInfo& call) {
  const absl::StatusOr<LinkToken> link = links_.Verify(token, LinkPurpose::kUnsubscribe);
  if (!link.ok()) return NotFound();
  if (http.method == "GET" || http.method == "HEAD") {
    return HtmlResponse(
        200, Page("Unsubscribe",
                  "<p>Press the button and we will send you no more messages of this kind (" +
                      PurposeOf(*link) +
                      ").</p><form method=\"post\"><input type=\"hidden\" name=\"confirm\" "
                      "value=\"yes\"><button>Unsubscribe</button></form>"));
  }
  if (http.method != "POST") return MethodNotAllowed("GET, POST");
  const Wish wish = WishOf(http);
  if (wish == Wish::kNone) {
    return MakeResponse(400, "text/plain; charset=utf-8",
                        "Send List-Unsubscribe=One-Click (RFC 8058).\n");
  }
  const absl::Status status =
      Withdraw(*link, wish == Wish::kOneClick ? "one-click" : "unsubscribe-page", call);
  if (!status.ok()) return ErrorResponse(status, call.trace_id);
  return HtmlResponse(200, Page("You are unsubscribed", "<p>This holds from now on.</p>"));
}

HttpResponse Tracking::Receipt(const HttpRequest& http, std::string_view token,
                               const CallInfo& call) {
  if (http.method != "GET") return MethodNotAllowed("GET");
  const absl::StatusOr<LinkToken> link = links_.Verify(token, LinkPurpose::kReceipt);
  const absl::StatusOr<SmsReceipt> receipt = ReceiptOf(http);
  HttpResponse taken = MakeResponse(200, "text/plain; charset=utf-8", "");
  if (!link.ok() || !receipt.ok()) {
    Account(parts_, {.door = "http",
                     .method = "t/receipt",
                     .trace_id = call.trace_id,
                     .status = link.ok() ? receipt.status() : link.status(),
                     .took = absl::ZeroDuration()});
    return taken;
  }
  const auto kind = static_cast<int64_t>(receipt->kind);
  response_pb::Event event;
  event.set_type("receipt");
  // Each kind counts once a message, however often it comes.
  event.set_message_id(absl::StrCat("receipt|", ContactText(*link), "|", kind));
  AddField(event, "kind", kind);
  AddField(event, "answer", receipt->answer);
  const absl::Status status = Ingest(*link, std::move(event), call);
  return status.ok() ? taken : ErrorResponse(status, call.trace_id);
}

absl::Status Tracking::Withdraw(const LinkToken& link, std::string_view source,
                                const CallInfo& call) {
  customer_pb::RecordConsentRequest request;
  request.set_name(ToResourceName(link.customer));
  customer_pb::Consent& consent = *request.add_consents();
  consent.set_channel(ChannelName(link.channel));
  consent.set_purpose(PurposeOf(link));
  consent.set_granted(false);
  consent.set_source(std::string(source));
  *consent.mutable_effective_time() = ToTimestamp(clock_.Now());
  const absl::Status withdrawn = Call<customer_pb::Customer>(caller_, call, request).status();
  // Whoever is not known, or was erased, gets nothing any more.
  const bool is_gone = absl::IsNotFound(withdrawn) || absl::IsFailedPrecondition(withdrawn);
  if (!withdrawn.ok() && !is_gone) return withdrawn;

  response_pb::Event event;
  event.set_type("unsubscribe");
  event.set_message_id(absl::StrCat("unsubscribe|", ContactText(link)));
  AddField(event, "source", source);
  return Ingest(link, std::move(event), call);
}

absl::Status Tracking::Ingest(const LinkToken& link, response_pb::Event event,
                              const CallInfo& call) {
  const absl::Time arrived = parts_.clock.Now();
  if (event.message_id().empty()) event.set_message_id(absl::StrCat("tracking|", call.trace_id));
  event.set_source("tracking");
  *event.mutable_event_time() = ToTimestamp(clock_.Now());
  response_pb::ContactKey& contact = *event.mutable_contact();
  contact.set_campaign(link.campaign);
  contact.set_cycle(static_cast<int32_t>(link.cycle));
  contact.set_step(link.step);
  contact.set_occurrence(static_cast<int32_t>(link.occurrence));
  AddField(event, "channel", ChannelName(link.channel));

  const std::string method = "t/" + event.type();
  response_pb::IngestEventsRequest request;
  request.set_synced(event.type() == "unsubscribe");
  response_pb::CustomerEvent& customer_event = *request.add_events();
  customer_event.set_customer(ToResourceName(link.customer));
  *customer_event.mutable_event() = std::move(event);
  const absl::Status status =
      Call<response_pb::IngestEventsResponse>(caller_, call, request).status();
  Account(parts_, {.door = "http",
                   .method = method,
                   .trace_id = call.trace_id,
                   .status = status,
                   .took = parts_.clock.Now() - arrived});
  return status;
}

}  // namespace rondo
