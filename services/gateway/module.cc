#include "services/gateway/module.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/match.h"
#include "platform/core/status_macros.h"
#include "services/gateway/openapi.h"
#include "services/gateway/rest.h"
#include "services/gateway/static_files.h"
#include "services/gateway/tracking.h"
#include "services/gateway/transcoder.h"

namespace rondo {
namespace {

// `shop.test:8080` and `[::1]:8080` without the port.
std::string_view WithoutPort(std::string_view host) {
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return has_port ? host.substr(0, colon) : host;
}

HttpResponse Plain(int status, std::string text) {
  HttpResponse response = MakeResponse(status, "text/plain; charset=utf-8", std::move(text));
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

void AddIfMissing(HttpResponse& response, const char* name, const char* value) {
  if (FindHeader(response.headers, name).empty()) response.headers.emplace_back(name, value);
}

void AddSecurityHeaders(HttpResponse& response) {
  AddIfMissing(response, "X-Content-Type-Options", "nosniff");
  AddIfMissing(response, "Referrer-Policy", "no-referrer");
  AddIfMissing(response, "X-Frame-Options", "DENY");
  AddIfMissing(response, "Cross-Origin-Opener-Policy", "same-origin");
  AddIfMissing(response, "Cross-Origin-Resource-Policy", "same-origin");
  AddIfMissing(response, "Content-Security-Policy",
               "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  AddIfMissing(response, "Cache-Control", "no-store");
}

class HttpGateway final : public Gateway {
 public:
  HttpGateway(GatewayOptions options, const GatewayParts& parts, Transcoder transcoder,
              StaticFiles files, std::string openapi)
      : options_(std::move(options)),
        parts_(parts),
        rest_(std::move(transcoder), parts.caller, parts.door, options_.call_timeout,
              options_.authenticator),
        tracking_(parts.links, parts.caller, parts.clock, parts.door, options_.call_timeout),
        files_(std::move(files)),
        openapi_(std::move(openapi)) {}

  absl::Status Listen() {
    RONDO_ASSIGN_OR_RETURN(
        server_, HttpServer::Start(
                     options_.http, [this](const HttpRequest& http) { return Handle(http); },
                     parts_.door.executor));
    return absl::OkStatus();
  }

  const ListenAddress& address() const override { return server_->address(); }

  void StopBeingReady() override { is_draining_ = true; }

  void Drain(absl::Duration grace) override {
    StopBeingReady();
    server_->Drain(grace);
  }

 private:
  HttpResponse Handle(const HttpRequest& http) {
    HttpResponse response = Route(http);
    AddSecurityHeaders(response);
    return response;
  }

  HttpResponse Route(const HttpRequest& http) {
    const std::string_view path = http.path;
    if (path == "/healthz") return Plain(200, "ok\n");
    if (path == "/readyz") return Ready();
    if (path.starts_with("/t/")) return tracking_.Handle(http);
    if (const absl::Status status = CheckOrigin(http); !status.ok())
      return ErrorResponse(status, "");
    if (path.starts_with("/api/")) return rest_.Handle(http);
    if (path == "/openapi.json") return MakeResponse(200, "application/json", openapi_);
    if (path == "/metrics") {
      return MakeResponse(200, "text/plain; version=0.0.4; charset=utf-8", parts_.metrics());
    }
    return files_.Handle(http);
  }

  HttpResponse Ready() const {
    const absl::Status status =
        is_draining_ ? absl::UnavailableError("going down") : parts_.ready();
    if (status.ok()) return Plain(200, "ok\n");
    return Plain(503, std::string(status.message()) + "\n");
  }

  bool IsOurHost(std::string_view host) const {
    const std::string_view name = WithoutPort(host);
    return name == "127.0.0.1" || name == "localhost" || name == "[::1]" ||
           std::any_of(options_.allowed_hosts.begin(), options_.allowed_hosts.end(),
                       [&](const std::string& host) {
                         return absl::EqualsIgnoreCase(host, {name.data(), name.size()});
                       });
  }

  // Without login everything on this machine is trusted, the pages in its browser are not: none may
  // reach us by a name of its own (DNS rebinding), and none may make a request that acts (CSRF).
  absl::Status CheckOrigin(const HttpRequest& http) const {
    if (!IsOurHost(FindHeader(http.headers, "host"))) {
      return absl::PermissionDeniedError(
          "this host name is not served; the configuration's allowed_hosts says which are");
    }
    if (http.method == "GET" || http.method == "HEAD") return absl::OkStatus();
    const std::string_view site = FindHeader(http.headers, "sec-fetch-site");
    const std::string_view origin = FindHeader(http.headers, "origin");
    if (site == "cross-site") return absl::PermissionDeniedError("not from another site's page");
    if (origin.empty()) return absl::OkStatus();
    // The page's scheme may be a proxy's; its host and port are ours or not.
    const size_t authority = origin.find("://");
    if (authority == std::string_view::npos ||
        origin.substr(authority + 3) != FindHeader(http.headers, "host")) {
      return absl::PermissionDeniedError("not from another site's page");
    }
    return absl::OkStatus();
  }

  const GatewayOptions options_;
  const GatewayParts parts_;
  const Rest rest_;
  Tracking tracking_;
  const StaticFiles files_;
  const std::string openapi_;
  std::atomic<bool> is_draining_ = false;
  std::unique_ptr<HttpServer> server_;  // Last: its end comes first.
};

}  // namespace

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options,
                                                        const GatewayParts& parts) {
  RONDO_ASSIGN_OR_RETURN(Transcoder transcoder, Transcoder::Create(options.services));
  RONDO_ASSIGN_OR_RETURN(std::string openapi,
                         OpenApiDocument(ContractDescriptorSet(), options.services));
  StaticFiles files = StaticFiles::None();
  if (!options.dashboards_dir.empty()) {
    RONDO_ASSIGN_OR_RETURN(files, StaticFiles::Load(options.dashboards_dir));
  }
  auto gateway = std::make_unique<HttpGateway>(std::move(options), parts, std::move(transcoder),
                                               std::move(files), std::move(openapi));
  RONDO_RETURN_IF_ERROR(gateway->Listen());
  return gateway;
}

}  // namespace rondo
