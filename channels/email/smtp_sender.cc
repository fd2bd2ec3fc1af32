#include "channels/email/smtp_sender.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

constexpr size_t kReplyMax = 512;
constexpr int kSessionsMax = 64;

struct Job {
  SmtpEnvelope envelope;
  SmtpSender::Done done;
};

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

struct Session {
  std::unique_ptr<CURL, EasyDeleter> easy{curl_easy_init()};
  curl_socket_t socket = CURL_SOCKET_BAD;  // Of the newest connection.
};

// How far a message has come: the last command that was sent.
enum class Stage : uint8_t { kConnect, kMail, kRecipient, kData, kDot };

// One message's way through a session; libcurl's callbacks write it.
struct Attempt {
  const SmtpEnvelope* envelope = nullptr;
  const std::atomic<bool>* stopping = nullptr;
  const std::atomic<bool>* draining_over = nullptr;
  absl::Duration stall_timeout;
  const Session* session = nullptr;
  Stage stage = Stage::kConnect;
  bool leaving = false;  // QUIT was sent: what follows is no reply to the message.
  size_t sent = 0;
  std::chrono::steady_clock::time_point last_progress = std::chrono::steady_clock::now();
  bool abandoned = false;
  int code = 0;  // Of the last reply to the current stage's command.
  std::string reply;
};

void StartStage(Attempt& attempt, Stage stage) {
  attempt.stage = stage;
  attempt.code = 0;
  attempt.reply.clear();
}

// Ends the connection at once. Without this libcurl would send QUIT and wait for an answer, which a
// server that is silent, or still reading a body, never gives.
void Cut(const Attempt& attempt) {
  const curl_socket_t socket = attempt.session->socket;
  if (socket != CURL_SOCKET_BAD) shutdown(socket, SHUT_RDWR);
}

size_t GiveBody(char* buffer, size_t size, size_t count, void* user) {
  Attempt& attempt = *static_cast<Attempt*>(user);
  const std::string& data = attempt.envelope->data;
  const size_t chunk = std::min(size * count, data.size() - attempt.sent);
  attempt.last_progress = std::chrono::steady_clock::now();
  if (chunk > 0) {
    std::memcpy(buffer, data.data() + attempt.sent, chunk);
    attempt.sent += chunk;
    return chunk;
  }
  if (attempt.envelope->before_final_dot != nullptr && !attempt.envelope->before_final_dot()) {
    attempt.abandoned = true;
    Cut(attempt);
    return CURL_READFUNC_ABORT;
  }
  // From here on the dot may be on the wire.
  StartStage(attempt, Stage::kDot);
  return 0;
}

// Every line of every reply: `250-SIZE`, `250 ok`.
size_t TakeReply(char* line, size_t size, size_t count, void* user) {
  Attempt& attempt = *static_cast<Attempt*>(user);
  const std::string_view text(line, size * count);
  int code = 0;
  if (attempt.leaving) return text.size();
  if (text.size() >= 3 && absl::SimpleAtoi(absl::string_view(text.data(), 3), &code)) {
    attempt.code = code;
    std::string words(text.substr(std::min<size_t>(4, text.size())));
    for (char& c : words) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    }
    absl::StripTrailingAsciiWhitespace(&words);
    words.resize(std::min(words.size(), kReplyMax));
    attempt.reply = std::move(words);
  }
  return text.size();
}

// libcurl tells what it sends only here.
int NoteCommand(CURL*, curl_infotype type, char* data, size_t size, void* user) {
  if (type != CURLINFO_HEADER_OUT) return 0;
  Attempt& attempt = *static_cast<Attempt*>(user);
  const std::string_view command(data, size);
  if (command.starts_with("MAIL ")) StartStage(attempt, Stage::kMail);
  if (command.starts_with("RCPT ")) StartStage(attempt, Stage::kRecipient);
  if (command.starts_with("DATA")) StartStage(attempt, Stage::kData);
  if (command.starts_with("QUIT")) attempt.leaving = true;
  return 0;
}

bool MustEnd(const Attempt& attempt) {
  if (attempt.stage == Stage::kDot) return attempt.draining_over->load();
  if (attempt.stopping->load()) return true;
  if (attempt.stage != Stage::kData || attempt.sent == 0) return false;
  const auto still = std::chrono::steady_clock::now() - attempt.last_progress;
  return absl::FromChrono(still) > attempt.stall_timeout;
}

// Ends a transfer that stands still, and all when the sender goes. Called at least once a second.
int Watch(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const Attempt& attempt = *static_cast<const Attempt*>(user);
  if (!MustEnd(attempt)) return 0;
  Cut(attempt);
  return 1;
}

int NoteSocket(void* user, curl_socket_t socket, curlsocktype) {
  static_cast<Session*>(user)->socket = socket;
  return CURL_SOCKOPT_OK;
}

// A refusal before MAIL (banner, EHLO, AUTH), or that a login is required (530, RFC 4954 section
// 6), speaks of the server or of us, not of this message.
bool SpeaksOfUs(const Attempt& attempt) {
  constexpr int kLoginRequired = 530;
  return (attempt.stage == Stage::kConnect && attempt.code >= 400) ||
         attempt.code == kLoginRequired;
}

SendOutcome OutcomeOf(const Attempt& attempt, CURLcode result) {
  SendOutcome outcome{SendStatus::kDeferred, attempt.code, attempt.reply, {}};
  if (result == CURLE_OK) {
    outcome.status = SendStatus::kAccepted;
    return outcome;
  }
  if (attempt.abandoned) {
    outcome.code = 0;
    outcome.reply = "abandoned before the final dot";
    return outcome;
  }
  if (SpeaksOfUs(attempt)) {
    outcome.code = 0;
    outcome.reply = absl::StrFormat("%d %s", attempt.code, attempt.reply);
    outcome.reply.resize(std::min(outcome.reply.size(), kReplyMax));
  } else if (attempt.code >= 500) {
    outcome.status = SendStatus::kFailed;
  } else if (attempt.code < 400) {
    // No answer to the last command: nothing was taken unless that was the dot.
    outcome.status = attempt.stage == Stage::kDot ? SendStatus::kUnknown : SendStatus::kDeferred;
    outcome.code = 0;
    outcome.reply = curl_easy_strerror(result);
  }
  return outcome;
}

long Milliseconds(absl::Duration duration) {
  return static_cast<long>(absl::ToInt64Milliseconds(duration));
}

// libcurl's handle keeps the address of `session`.
void Configure(const SmtpOptions& options, Session& session) {
  CURL* const e = session.easy.get();
  const std::string host =
      options.host.find(':') == std::string::npos ? options.host : "[" + options.host + "]";
  const char* const scheme = options.tls == SmtpOptions::Tls::kImplicit ? "smtps" : "smtp";
  const std::string url =
      absl::StrFormat("%s://%s:%d/%s", scheme, host, options.port, options.helo_name);
  curl_easy_setopt(e, CURLOPT_URL, url.c_str());
  curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, scheme);
  curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(options.connect_timeout));
  curl_easy_setopt(
      e, CURLOPT_SERVER_RESPONSE_TIMEOUT,
      static_cast<long>(absl::ToInt64Seconds(absl::Ceil(options.reply_timeout, absl::Seconds(1)))));
  if (options.tls == SmtpOptions::Tls::kStartTls) {
    curl_easy_setopt(e, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  }
  if (!options.ca_file.empty()) curl_easy_setopt(e, CURLOPT_CAINFO, options.ca_file.c_str());
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, options.verify_certificate ? 1L : 0L);
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, options.verify_certificate ? 2L : 0L);
  if (!options.user.empty()) {
    curl_easy_setopt(e, CURLOPT_USERNAME, options.user.c_str());
    curl_easy_setopt(e, CURLOPT_PASSWORD, options.password.c_str());
  }
  curl_easy_setopt(e, CURLOPT_READFUNCTION, GiveBody);
  curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, TakeReply);
  curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, NoteCommand);
  curl_easy_setopt(e, CURLOPT_VERBOSE, 1L);  // Feeds NoteCommand.
  curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, Watch);
  curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, NoteSocket);
  curl_easy_setopt(e, CURLOPT_SOCKOPTDATA, &session);
}

// Sends one message on `easy`'s connection.
CURLcode Perform(CURL* easy, Attempt& attempt) {
  const std::string from = "<" + attempt.envelope->return_path.text() + ">";
  const std::string to = "<" + attempt.envelope->recipient.text() + ">";
  curl_slist* const recipients = curl_slist_append(nullptr, to.c_str());
  curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, recipients);
  curl_easy_setopt(easy, CURLOPT_READDATA, &attempt);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &attempt);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, &attempt);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &attempt);
  const CURLcode result = curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, nullptr);
  curl_slist_free_all(recipients);
  return result;
}

// A connection that was reused and turned out to be closed: the message never began.
bool WasStale(CURL* easy, const Attempt& attempt, CURLcode result) {
  long connects = 0;
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
  return result != CURLE_OK && connects == 0 && attempt.stage <= Stage::kMail && attempt.code == 0;
}

absl::Status Check(const SmtpOptions& options) {
  FieldViolations violations;
  const auto plain = [](std::string_view name) {
    return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == ':';
    });
  };
  if (!plain(options.host)) violations.Add("host", "a host's name or address");
  if (!plain(options.helo_name)) violations.Add("helo_name", "a host's name");
  if (options.port < 1 || options.port > 65'535) violations.Add("port", "1 to 65535");
  if (options.sessions_max < 1 || options.sessions_max > kSessionsMax) {
    violations.Add("sessions_max", "1 to 64");
  }
  if (options.queue_max < 1) violations.Add("queue_max", "at least 1");
  if (!options.user.empty() && options.tls == SmtpOptions::Tls::kNone) {
    violations.Add("user", "needs TLS: a password does not travel in clear (RFC 4954, 4)");
  }
  return violations.ToStatus();
}

}  // namespace

struct SmtpSender::State {
  explicit State(SmtpOptions given) : options(std::move(given)) {}

  // The next job; nothing when the sender goes.
  std::optional<Job> Next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return stopping.load() || !queue.empty(); });
    if (stopping.load()) return std::nullopt;
    Job job = std::move(queue.front());
    queue.pop_front();
    return job;
  }

  void RunSession() {
    Session session;
    Configure(options, session);
    while (std::optional<Job> job = Next()) {
      Attempt attempt = NewAttempt(*job, session);
      CURLcode result = Perform(session.easy.get(), attempt);
      if (WasStale(session.easy.get(), attempt, result)) {
        attempt = NewAttempt(*job, session);
        result = Perform(session.easy.get(), attempt);
      }
      job->done(OutcomeOf(attempt, result));
    }
  }

  Attempt NewAttempt(const Job& job, const Session& session) const {
    Attempt attempt;
    attempt.session = &session;
    attempt.envelope = &job.envelope;
    attempt.stopping = &stopping;
    attempt.draining_over = &draining_over;
    attempt.stall_timeout = options.stall_timeout;
    return attempt;
  }

  const SmtpOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> queue;
  std::atomic<bool> stopping = false;
  std::atomic<bool> draining_over = false;
  int running = 0;
  std::vector<std::thread> sessions;
};

absl::StatusOr<std::unique_ptr<SmtpSender>> SmtpSender::Create(SmtpOptions options) {
  RONDO_RETURN_IF_ERROR(Check(options));
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return absl::InternalError("libcurl cannot be initialised");
  auto state = std::make_unique<State>(std::move(options));
  state->running = state->options.sessions_max;
  for (int i = 0; i < state->options.sessions_max; ++i) {
    state->sessions.emplace_back([s = state.get()] {
      s->RunSession();
      const std::lock_guard lock(s->mutex);
      --s->running;
      s->changed.notify_all();
    });
  }
  return std::unique_ptr<SmtpSender>(new SmtpSender(std::move(state)));
}

SmtpSender::SmtpSender(std::unique_ptr<State> state) : state_(std::move(state)) {}

SmtpSender::~SmtpSender() {
  std::deque<Job> waiting;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    waiting.swap(state_->queue);
    state_->changed.notify_all();
    state_->changed.wait_for(lock, absl::ToChronoMilliseconds(state_->options.drain_timeout),
                             [this] { return state_->running == 0; });
    state_->draining_over = true;
  }
  for (std::thread& session : state_->sessions) session.join();
  for (const Job& job : waiting) {
    job.done({SendStatus::kDeferred, 0, "the sender is shutting down", {}});
  }
}

absl::Status SmtpSender::Send(SmtpEnvelope envelope, Done done) {
  const std::lock_guard lock(state_->mutex);
  if (state_->queue.size() >= state_->options.queue_max) {
    return absl::ResourceExhaustedError("the queue of messages to send is full");
  }
  state_->queue.push_back({std::move(envelope), std::move(done)});
  state_->changed.notify_one();
  return absl::OkStatus();
}

}  // namespace rondo
