// One thread moves bytes (the I/O thread); handlers and body streams run on the executor. A Session
// is one connection and is touched by the I/O thread only.
#include "platform/http/http_server.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "boost/asio/bind_executor.hpp"
#include "boost/asio/executor_work_guard.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/asio/write.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "platform/core/status_macros.h"
#include "platform/http/head_gate.h"

namespace rondo {
namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
namespace net = boost::asio;
using net::ip::tcp;

constexpr size_t kChunkExtensionBytesMax = 256;
constexpr size_t kReadBytes = 16 << 10;

std::chrono::nanoseconds ToChrono(absl::Duration d) { return absl::ToChronoNanoseconds(d); }

// A handler's header must not start another header or message.
bool IsSafeHeader(const std::pair<std::string, std::string>& header) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !header.first.empty() && header.first.find_first_of(": \t") == std::string::npos &&
         std::none_of(header.first.begin(), header.first.end(), is_control) &&
         std::none_of(header.second.begin(), header.second.end(),
                      [&](char c) { return c != '\t' && is_control(c); });
}

HttpResponse PlainError(int status, std::string_view text) {
  HttpResponse response =
      MakeResponse(status, "text/plain; charset=utf-8", std::string(text) + "\n");
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

class Session;

// Counts what runs on the executor; also when the executor drops it unrun.
class InFlight {
 public:
  explicit InFlight(int max) : max_(max) {}
  // nullptr if there are `max` already.
  std::shared_ptr<void> Enter() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (count_ >= max_) return nullptr;
    ++count_;
    return std::shared_ptr<void>(this, [this](void*) {
      const std::lock_guard<std::mutex> inner(mutex_);
      if (--count_ == 0) none_.notify_all();
    });
  }
  void AwaitNone() {
    std::unique_lock<std::mutex> lock(mutex_);
    none_.wait(lock, [&] { return count_ == 0; });
  }

 private:
  const int max_;
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

// What sessions share.
struct Shared {
  Shared(HttpServerOptions o, HttpHandler h, Executor& e)
      : options(std::move(o)),
        handler(std::move(h)),
        executor(e),
        in_flight(options.requests_in_flight_max) {}

  const HttpServerOptions options;
  const HttpHandler handler;
  Executor& executor;
  net::io_context io{1};
  InFlight in_flight;

  bool draining = false;  // The I/O thread's.

  std::mutex mutex;
  std::set<Session*> sessions;
  std::condition_variable session_ended;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Shared& shared)
      : shared_(shared), stream_(std::move(socket)), buffer_(kHttpHeadBytesMax + kReadBytes) {
    beast::error_code error;
    const tcp::endpoint peer = stream_.socket().remote_endpoint(error);
    if (!error) peer_ = absl::StrCat(peer.address().to_string(), ":", peer.port());
    const std::lock_guard<std::mutex> lock(shared_.mutex);
    shared_.sessions.insert(this);
  }

  ~Session() {
    const std::lock_guard<std::mutex> lock(shared_.mutex);
    shared_.sessions.erase(this);
    if (shared_.sessions.empty()) shared_.session_ended.notify_all();
  }

  void Start() {
    if (IsOneTooMany()) {
      keep_alive_ = false;
      return Respond(PlainError(503, "too many connections"));
    }
    stream_.expires_after(ToChrono(shared_.options.head_timeout));
    in_head_ = true;
    ReadHead(0);
  }

  void CloseIfIdle() {
    if (is_idle_) Cut();
  }

  void Cut() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
  }

 private:
  bool IsOneTooMany() {
    const std::lock_guard<std::mutex> lock(shared_.mutex);
    return shared_.sessions.size() > static_cast<size_t>(shared_.options.connections_max);
  }

  // Looks for the end of a head in the buffer from `searched` on, reading more until it is there.
  void ReadHead(size_t searched) {
    const std::string_view bytes = Buffered();
    const size_t end = bytes.find("\r\n\r\n", searched);
    if (end != std::string_view::npos) return OnHead(end + 4);
    if (bytes.size() > kHttpHeadBytesMax) return Refuse(431, "head too long");
    is_idle_ = bytes.empty();
    if (shared_.draining && is_idle_) return Cut();
    stream_.async_read_some(
        buffer_.prepare(std::min(kReadBytes, buffer_.max_size() - buffer_.size())),
        [self = shared_from_this(), seen = bytes.size()](beast::error_code error, size_t count) {
          self->OnHeadBytes(error, seen, count);
        });
  }

  void OnHeadBytes(beast::error_code error, size_t seen, size_t count) {
    is_idle_ = false;
    if (error) return;  // Gone, or too slow: Beast has closed the connection.
    buffer_.commit(count);
    if (!in_head_) {
      // The whole head has one deadline, however slowly its bytes drip.
      in_head_ = true;
      stream_.expires_after(ToChrono(shared_.options.head_timeout));
    }
    ReadHead(seen < 3 ? 0 : seen - 3);
  }

  void OnHead(size_t length) {
    is_idle_ = false;
    in_head_ = false;
    const absl::StatusOr<HttpHead> head = CheckHead(Buffered().substr(0, length));
    if (!head.ok()) return Refuse(400, head.status().message());
    if (head->content_length > shared_.options.body_bytes_max) return Refuse(413, "body too long");

    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(kHttpHeadBytesMax + 1));
    parser_->body_limit(shared_.options.body_bytes_max);
    parser_->on_chunk_header(check_chunk_);
    parser_->eager(false);
    beast::error_code error;
    buffer_.consume(parser_->put(net::buffer(buffer_.data(), length), error));
    if (error == bhttp::error::need_more) error = {};
    if (error || !parser_->is_header_done()) return Refuse(400, "malformed head");
    TakeHead();
    if (head->framing == HttpBodyFraming::kNone ||
        (head->framing == HttpBodyFraming::kContentLength && head->content_length == 0)) {
      return Dispatch();
    }
    const std::string_view expect = FindHeader(request_.headers, "expect");
    if (expect.empty()) return ReadBody();
    if (expect != "100-continue") return Refuse(417, "the only expectation is 100-continue");
    stream_.expires_after(ToChrono(shared_.options.body_timeout));
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    net::async_write(stream_, net::buffer(kContinue.data(), kContinue.size()),
                     [self = shared_from_this()](beast::error_code write_error, size_t) {
                       if (!write_error) self->ReadBody();
                     });
  }

  // Before the body is read: a trailer must not pass for a header.
  void TakeHead() {
    const auto& message = parser_->get();
    request_ = HttpRequest();
    request_.method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    const size_t question = target.find('?');
    request_.path = std::string(target.substr(0, question));
    if (question != std::string_view::npos)
      request_.query = std::string(target.substr(question + 1));
    for (const auto& field : message) {
      request_.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    request_.peer = peer_;
    version_ = message.version();
    keep_alive_ = message.keep_alive();
  }

  void ReadBody() {
    stream_.expires_after(ToChrono(shared_.options.body_timeout));
    parser_->eager(true);
    bhttp::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnBody(error); });
  }

  void OnBody(beast::error_code error) {
    if (error == bhttp::error::body_limit) return Refuse(413, "body too long");
    const bool is_malformed =
        error.category() == make_error_code(bhttp::error::bad_chunk).category() &&
        error != bhttp::error::partial_message;
    if (is_malformed) return Refuse(400, "malformed body");
    if (error) return;  // Gone, or too slow.
    request_.body = std::move(parser_->get().body());
    Dispatch();
  }

  void Dispatch() {
    parser_.reset();
    stream_.expires_never();
    std::shared_ptr<void> in_flight = shared_.in_flight.Enter();
    if (in_flight == nullptr) return Respond(PlainError(503, "too many requests at once"));
    shared_.executor.Post([self = shared_from_this(), in_flight = std::move(in_flight)]() mutable {
      auto response = std::make_shared<HttpResponse>(self->shared_.handler(self->request_));
      Session& session = *self;
      net::post(session.shared_.io,
                [self = std::move(self), response] { self->Respond(std::move(*response)); });
    });
  }

  // Answers and closes: what follows in the buffer cannot be trusted to be a request.
  void Refuse(int status, absl::string_view reason) {
    keep_alive_ = false;
    request_.method.clear();
    parser_.reset();
    Respond(PlainError(status, std::string_view(reason.data(), reason.size())));
  }

  void Respond(HttpResponse response) {
    if (!std::all_of(response.headers.begin(), response.headers.end(), IsSafeHeader)) {
      response = PlainError(500, "a handler made a malformed header");
    }
    if (shared_.draining) keep_alive_ = false;
    const bool has_body = request_.method != "HEAD" && response.status >= 200 &&
                          response.status != 204 && response.status != 304;
    const unsigned version = version_ == 10 ? 10 : 11;
    message_ =
        bhttp::response<bhttp::string_body>(static_cast<bhttp::status>(response.status), version);
    for (const auto& [name, value] : response.headers) message_.insert(name, value);
    message_.keep_alive(keep_alive_);
    if (response.stream && has_body) return StartStream(std::move(response.stream));
    if (!response.stream && response.status != 204) message_.content_length(response.body.size());
    if (has_body) message_.body() = std::move(response.body);
    stream_.expires_after(ToChrono(shared_.options.body_timeout));
    serializer_.emplace(message_);
    const auto on_written = [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error) self->OnResponded();
    };
    if (has_body) return bhttp::async_write(stream_, *serializer_, on_written);
    bhttp::async_write_header(stream_, *serializer_, on_written);
  }

  void OnResponded() {
    serializer_.reset();
    if (!keep_alive_) return Linger();
    stream_.expires_after(ToChrono(shared_.options.idle_timeout));
    // What the client has sent already is the next head under way.
    in_head_ = buffer_.size() > 0;
    if (in_head_) stream_.expires_after(ToChrono(shared_.options.head_timeout));
    ReadHead(0);
  }

  // Closes, but not before the peer could read the answer: closing on unread bytes would reset the
  // connection and the answer with it (RFC 9112, 9.6).
  void Linger() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::seconds(1));
    Discard(64);
  }

  void Discard(int reads_left) {
    buffer_.clear();
    if (reads_left == 0) return Cut();
    stream_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this(), reads_left](
                                                             beast::error_code error, size_t) {
      if (!error) self->Discard(reads_left - 1);
    });
  }

  void StartStream(HttpBodyStream pull) {
    pull_ = std::move(pull);
    if (version_ == 10) {
      keep_alive_ = false;
      message_.keep_alive(false);
    } else {
      message_.chunked(true);
    }
    stream_.expires_after(ToChrono(shared_.options.body_timeout));
    serializer_.emplace(message_);
    bhttp::async_write_header(stream_, *serializer_,
                              [self = shared_from_this()](beast::error_code error, size_t) {
                                if (!error) self->PullNext();
                              });
  }

  void PullNext() {
    stream_.expires_never();
    std::shared_ptr<void> in_flight = shared_.in_flight.Enter();
    if (in_flight == nullptr) return Cut();
    shared_.executor.Post([self = shared_from_this(), in_flight = std::move(in_flight)]() mutable {
      auto next = std::make_shared<absl::StatusOr<std::optional<std::string>>>(self->pull_());
      Session& session = *self;
      net::post(session.shared_.io,
                [self = std::move(self), next] { self->OnNext(std::move(*next)); });
    });
  }

  void OnNext(absl::StatusOr<std::optional<std::string>> next) {
    if (!next.ok()) return Cut();
    stream_.expires_after(ToChrono(shared_.options.body_timeout));
    if (!next->has_value()) {
      pull_ = nullptr;
      if (version_ == 10) return OnResponded();
      return net::async_write(stream_, bhttp::make_chunk_last(),
                              [self = shared_from_this()](beast::error_code error, size_t) {
                                if (!error) self->OnResponded();
                              });
    }
    part_ = **std::move(next);
    if (part_.empty()) return PullNext();
    const auto on_written = [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error) self->PullNext();
    };
    if (version_ == 10) return net::async_write(stream_, net::buffer(part_), on_written);
    net::async_write(stream_, bhttp::make_chunk(net::const_buffer(part_.data(), part_.size())),
                     on_written);
  }

  std::string_view Buffered() const {
    const net::const_buffer bytes = buffer_.data();
    return {static_cast<const char*>(bytes.data()), bytes.size()};
  }

  Shared& shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::string peer_;
  bool is_idle_ = false;  // Nothing of a next request has arrived.
  bool in_head_ = false;  // The head's deadline runs.
  bool keep_alive_ = false;
  unsigned version_ = 11;
  HttpRequest request_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  std::function<void(std::uint64_t, beast::string_view, beast::error_code&)> check_chunk_ =
      [](std::uint64_t, beast::string_view extensions, beast::error_code& error) {
        if (extensions.size() > kChunkExtensionBytesMax) error = bhttp::error::bad_chunk_extension;
      };
  bhttp::response<bhttp::string_body> message_;
  std::optional<bhttp::response_serializer<bhttp::string_body>> serializer_;
  HttpBodyStream pull_;
  std::string part_;
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(HttpServerOptions options, HttpHandler handler, Executor& executor)
      : shared_(std::move(options), std::move(handler), executor),
        acceptor_(shared_.io),
        accept_pause_(shared_.io),
        work_(net::make_work_guard(shared_.io)) {}

  ~BeastServer() override { Drain(absl::Seconds(1)); }

  absl::Status Listen() {
    const ListenAddress& wanted = shared_.options.address;
    beast::error_code error;
    const tcp::endpoint endpoint(net::ip::make_address(wanted.host, error), wanted.port);
    if (!error) acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(net::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(net::socket_base::max_listen_connections, error);
    if (error) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot listen on ", ToString(wanted), ": ", error.message(),
                       "; choose another port, or end what uses it"));
    }
    address_ = {.host = wanted.host, .port = acceptor_.local_endpoint().port()};
    Accept();
    thread_ = std::thread([this] { shared_.io.run(); });
    return absl::OkStatus();
  }

  const ListenAddress& address() const override { return address_; }

  void Drain(absl::Duration grace) override {
    if (!thread_.joinable()) return;
    std::promise<void> closed;
    net::post(shared_.io, [this, &closed] {
      shared_.draining = true;
      beast::error_code ignored;
      acceptor_.close(ignored);
      accept_pause_.cancel();
      ForEachSession(&Session::CloseIfIdle);
      closed.set_value();
    });
    closed.get_future().wait();
    if (!AwaitSessions(grace)) {
      net::post(shared_.io, [this] { ForEachSession(&Session::Cut); });
    }
    // Nothing may come from the executor any more when the I/O thread ends.
    shared_.in_flight.AwaitNone();
    AwaitSessions(absl::InfiniteDuration());
    work_.reset();
    thread_.join();
  }

 private:
  // Closing a session's socket does not end it at once, so the set stays as it is meanwhile.
  void ForEachSession(void (Session::*function)()) {
    const std::lock_guard<std::mutex> lock(shared_.mutex);
    for (Session* session : shared_.sessions) (session->*function)();
  }

  bool AwaitSessions(absl::Duration grace) {
    std::unique_lock<std::mutex> lock(shared_.mutex);
    const auto none = [&] { return shared_.sessions.empty(); };
    if (grace == absl::InfiniteDuration()) {
      shared_.session_ended.wait(lock, none);
      return true;
    }
    return shared_.session_ended.wait_for(lock, ToChrono(grace), none);
  }

  void Accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) {
        // Out of descriptors, say: the reason will not go away within microseconds.
        accept_pause_.expires_after(std::chrono::milliseconds(50));
        return accept_pause_.async_wait([this](beast::error_code) {
          if (acceptor_.is_open()) Accept();
        });
      }
      beast::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Session>(std::move(socket), shared_)->Start();
      Accept();
    });
  }

  Shared shared_;
  tcp::acceptor acceptor_;
  net::steady_timer accept_pause_;
  net::executor_work_guard<net::io_context::executor_type> work_;
  ListenAddress address_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                              HttpHandler handler,
                                                              Executor& executor) {
  // The options may have been made without ParseLoopbackAddress.
  RONDO_RETURN_IF_ERROR(ParseLoopbackAddress(ToString(options.address)).status());
  auto server = std::make_unique<BeastServer>(std::move(options), std::move(handler), executor);
  RONDO_RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace rondo
