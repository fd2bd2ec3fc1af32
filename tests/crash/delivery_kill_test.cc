// Kill -9 at every place between a planned contact and its recorded outcome, and at random moments,
// over the embedded log, RocksDB and a real SMTP server process. The server's ledger is the judge:
// nobody gets a message twice, and nobody is forgotten. And the end that SIGTERM asks for, which
// leaves nothing in doubt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "platform/core/rng.h"
#include "platform/eventlog/embedded_log.h"
#include "platform/storage/rocksdb_store.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "services/delivery/module.h"
#include "tests/kit/process/process.h"
#include "tests/kit/sinks/sinks.h"

namespace rondo::test {
namespace {

using eventlog::Durability;
using eventlog::LogRecord;
namespace statepb = ::rondo::state::v1;

constexpr int kPartitions = 4;
constexpr uint64_t kPeople = 3'000;
constexpr int kKillsAtEachPlace = 3;
constexpr int kRandomKills = 16;
constexpr int kTerminations = 4;
constexpr size_t kInFlightMax = 8;  // Two for each of four sessions.
constexpr char kCampaign[] = "campaigns/kill";
constexpr InstanceKey kKey = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

// Every second person of the log's ids; the address tells who it is.
CustomerId Person(uint64_t number) { return CustomerId(number * 0x9e3779b97f4a7c15u | 1u); }

// The customer service's part: everyone has an address.
class Everyone {
 public:
  absl::StatusOr<customer::v1::BatchGetCustomersResponse> BatchGetCustomers(
      const CallInfo&, const customer::v1::BatchGetCustomersRequest& request) {
    customer::v1::BatchGetCustomersResponse response;
    for (const std::string& name : request.names()) {
      customer::v1::Customer& customer = *response.add_customers();
      customer.set_name(name);
      auto& key = *customer.add_keys();
      key.set_namespace_("email");
      key.set_value(name.substr(name.find('/') + 1) + "@example.org");
    }
    return response;
  }
};

void Must(const absl::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.ToString().c_str());
  _exit(1);
}

// Where a sender is killed; K0 to K7 are the kill points of the send pipeline. The test names a
// place by writing "PLACE PID" into a file; whoever comes there next dies, or is killed by the
// server.
constexpr const char* kPlaces[] = {
    "claimed",   // K1: the claim is appended, not synced.
    "connect",   // K1: the claim holds, the message is not on its way.
    "mail",      // K2
    "rcpt",      // K3
    "data",      // K4
    "dot",       // K5: the server has not taken it.
    "accepted",  // K5: it has.
    "answered",  // K6: the server's answer is read.
    "written",   // K6: the outcome is appended, not synced.
    "recorded",  // K7: the outcome is synced.
};
constexpr const char* kWhilePlanning = "planning";  // K0: some contacts are appended, none synced.

// Ends this process if it is to be killed here.
void MaybeDie(const std::string& kill_file, std::string_view here) {
  std::ifstream in(kill_file);
  std::string place;
  int pid = 0;
  if (!(in >> place >> pid) || place != here || pid != getpid()) return;
  std::filesystem::remove(kill_file);
  kill(getpid(), SIGKILL);
}

// Dies between the appends and syncs of claims and outcomes.
class KilledLog final : public eventlog::EventLog {
 public:
  KilledLog(std::unique_ptr<eventlog::EventLog> log, std::string kill_file)
      : log_(std::move(log)), kill_file_(std::move(kill_file)) {}

  int partition_count() const override { return log_->partition_count(); }
  absl::StatusOr<int64_t> Append(int partition, absl::Span<LogRecord> records,
                                 Durability durability) override {
    const LogRecord::BodyCase kind =
        records.empty() ? LogRecord::BODY_NOT_SET : records.front().body_case();
    const auto position = log_->Append(partition, records, durability);
    if (kind == LogRecord::kDeliveryAttempted) MaybeDie(kill_file_, "claimed");
    if (kind == LogRecord::kDeliveryOutcome) {
      MaybeDie(kill_file_, "written");
      outcomes_ = true;
    }
    return position;
  }
  absl::StatusOr<eventlog::RecordBlock> Read(int partition, int64_t offset) const override {
    return log_->Read(partition, offset);
  }
  absl::StatusOr<int64_t> End(int partition) const override { return log_->End(partition); }
  absl::Status Sync() override {
    const bool outcomes = outcomes_.exchange(false);
    const absl::Status synced = log_->Sync();
    if (outcomes) MaybeDie(kill_file_, "recorded");
    return synced;
  }
  void SetListener(std::function<void(int partition)> on_append) override {
    log_->SetListener(std::move(on_append));
  }

 private:
  const std::unique_ptr<eventlog::EventLog> log_;
  const std::string kill_file_;
  std::atomic<bool> outcomes_ = false;
};

// Dies before a message is on its way, and after its answer is read.
class KilledTransport final : public delivery::Transport {
 public:
  KilledTransport(std::unique_ptr<delivery::Transport> transport, std::string kill_file)
      : transport_(std::move(transport)), kill_file_(std::move(kill_file)) {}
  absl::Status Send(const delivery::Outbound& message, Done done) override {
    MaybeDie(kill_file_, "connect");
    return transport_->Send(message, [this, done = std::move(done)](const SendOutcome& outcome) {
      MaybeDie(kill_file_, "answered");
      done(outcome);
    });
  }

 private:
  const std::unique_ptr<delivery::Transport> transport_;
  const std::string kill_file_;
};

// Set by SIGTERM.
std::atomic<bool> terminate = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// The deployment: log, stores, catalogue, delivery and its SMTP sessions.
class Sender {
 public:
  Sender(const std::string& folder, int smtp_port)
      : folder_(folder), lanes_(2, clock_), effects_(3, clock_), log_lines_(clock_) {
    eventlog::EmbeddedLogOptions options;
    options.folder = folder + "/log";
    options.partition_count = kPartitions;
    auto log = eventlog::EmbeddedLog::Open(options, clock_, lanes_);
    Must(log.status(), "log");
    log_ = std::make_unique<KilledLog>(*std::move(log), folder + "/kill");
    const auto open = [this](std::string_view service,
                             bool) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
      storage::RocksDbOptions store;
      store.folder = folder_ + "/state-" + std::string(service);
      store.write_ahead_log = false;
      return storage::OpenRocksDbStore(store);
    };
    const auto remove = [this](std::string_view service) {
      std::filesystem::remove_all(folder_ + "/state-" + std::string(service));
      return absl::OkStatus();
    };
    runtime_ = std::make_unique<eventlog::Runtime>(eventlog::RuntimeOptions{.owner = "test"}, *log_,
                                                   lanes_, clock_, open, remove);
    runtime_->Add(catalog_);
    catalog_.Attach(*runtime_);
    SmtpOptions smtp;
    smtp.host = "127.0.0.1";
    smtp.port = smtp_port;
    auto mail = delivery::SmtpTransport::Create(smtp, "bounces@go.example");
    Must(mail.status(), "smtp");
    mail_ = std::make_unique<KilledTransport>(*std::move(mail), folder + "/kill");
    delivery::DeliveryOptions delivery_options;
    delivery_options.dispatcher.in_flight_max = kInFlightMax;
    module_ = std::make_unique<delivery::Module>(
        delivery::Module::Parts{.runtime = *runtime_,
                                .catalog = catalog_,
                                .caller = caller_,
                                .executor = effects_,
                                .clock = clock_,
                                .log = log_lines_,
                                .links = links_,
                                .transports = {{"email", mail_.get()}},
                                .instance_key = kKey,
                                .options = delivery_options});
    module_->Serve(table_);
    table_.Serve("rondo.customer.v1.CustomerService", everyone_, &Everyone::BatchGetCustomers);
    Must(runtime_->Start(), "start");
    Must(runtime_->AwaitLive(clock_.Now() + absl::Seconds(60)), "live");
  }

  // Plans a contact for everyone; a repeat after a crash plans nobody twice.
  void Plan() {
    delivery::v1::UpdateTemplateRequest letter;
    letter.set_allow_missing(true);
    letter.mutable_template_()->set_name("templates/kill");
    letter.mutable_template_()->set_channel("email");
    letter.mutable_template_()->set_subject("Hello");
    letter.mutable_template_()->set_text("Hello https://shop.example/x");
    Must(Call<delivery::v1::Template>(caller_, CallInfo(), letter).status(), "template");
    for (int partition = 0; partition < kPartitions; ++partition) {
      LogRecord record;
      auto& campaign = *record.mutable_cycle_started()->mutable_campaign();
      campaign.set_name(kCampaign);
      auto& cell = *campaign.add_cells();
      cell.set_name("mail");
      cell.mutable_treatment()->set_channel("email");
      cell.mutable_treatment()->set_template_("templates/kill");
      campaign.set_message_class(campaign::v1::MESSAGE_CLASS_TRANSACTIONAL);
      record.mutable_cycle_started()->mutable_cycle()->set_number(1);
      Must(log_->Append(partition, absl::MakeSpan(&record, 1), Durability::kSynced).status(),
           "cycle");
    }
    std::vector<std::vector<LogRecord>> planned(kPartitions);
    for (uint64_t i = 1; i <= kPeople; ++i) {
      LogRecord record;
      record.set_party(Person(i).value());
      auto& contact = *record.mutable_contact_planned();
      contact.mutable_contact()->set_campaign(kCampaign);
      contact.mutable_contact()->set_cycle(1);
      contact.set_cell("mail");
      contact.set_channel("email");
      contact.set_due_time_micros(ToMicros(clock_.Now()));
      planned[static_cast<size_t>(PartitionOf(Person(i), kPartitions))].push_back(record);
    }
    for (int partition = 0; partition < kPartitions; ++partition) {
      auto& records = planned[static_cast<size_t>(partition)];
      Must(log_->Append(partition, absl::MakeSpan(records), Durability::kWritten).status(), "plan");
      MaybeDie(folder_ + "/kill", kWhilePlanning);
    }
    Must(log_->Sync(), "plan");
  }

  // Until everything is sent, or SIGTERM.
  void Send() {
    Must(module_->Start("https://go.example"), "module");
    while (!terminate) {
      const auto status = Call<delivery::v1::DeliveryStatus>(
          caller_, CallInfo(), delivery::v1::GetDeliveryStatusRequest());
      Must(status.status(), "status");
      if (status->waiting() + status->ready() + status->in_flight() == 0) break;
      absl::SleepFor(absl::Milliseconds(20));
    }
    module_->Stop();
  }

  // How many contacts stand where.
  std::map<statepb::ContactPhase, int> Phases() {
    std::map<statepb::ContactPhase, int> phases;
    for (int partition = 0; partition < kPartitions; ++partition) {
      const auto view = runtime_->ReadState(delivery::kServiceName, partition);
      Must(view.status(), "state");
      for (uint64_t i = 1; i <= kPeople; ++i) {
        response::v1::ContactKey contact;
        contact.set_campaign(kCampaign);
        contact.set_cycle(1);
        const auto state =
            delivery::ReadContact(**view, delivery::ContactKeyOf(Person(i), contact));
        Must(state.status(), "contact");
        if (state->has_value()) ++phases[(*state)->phase()];
      }
    }
    return phases;
  }

  void Close() {
    mail_.reset();
    runtime_->Stop();
  }

 private:
  const std::string folder_;
  const SystemClock clock_;
  ThreadPoolExecutor lanes_;
  ThreadPoolExecutor effects_;
  const Log log_lines_;
  Everyone everyone_;
  MethodTable table_;
  LocalCaller caller_{table_};
  const LinkTokens links_ = LinkTokens::Create({DeriveLinkKey(kKey, 1)}).value();
  catalog::Catalog catalog_;
  std::unique_ptr<eventlog::EventLog> log_;
  std::unique_ptr<eventlog::Runtime> runtime_;
  std::unique_ptr<delivery::Transport> mail_;
  std::unique_ptr<delivery::Module> module_;
};

// Never returns. Writes FOLDER/phases when everything is settled; ends with 0 on SIGTERM too.
[[noreturn]] void SendEverything(const std::string& folder, int smtp_port) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sigaction on_terminate = {};
  on_terminate.sa_handler = [](int) { terminate = true; };
  sigaction(SIGTERM, &on_terminate, nullptr);
  Sender sender(folder, smtp_port);
  if (!std::filesystem::exists(folder + "/planned")) {
    sender.Plan();
    std::ofstream(folder + "/planned") << "1";
  }
  const absl::Time start = absl::Now();
  sender.Send();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  if (!terminate) {
    std::ofstream phases(folder + "/phases.part");
    for (const auto& [phase, count] : sender.Phases()) phases << phase << ' ' << count << '\n';
    phases << "-1 " << std::lround(seconds * 1000) << '\n';
    phases.close();
    std::filesystem::rename(folder + "/phases.part", folder + "/phases");
  }
  sender.Close();
  _exit(0);
}

class DeliveryKillTest : public testing::Test {
 protected:
  void StartSink(nlohmann::json rules = nlohmann::json::array()) {
    auto sink = Sink::StartSmtp({.rules = std::move(rules), .kill_file = folder_.File("kill")});
    ASSERT_TRUE(sink.ok()) << sink.status();
    sink_ = *std::move(sink);
  }

  pid_t StartSending() {
    const pid_t pid = fork();
    if (pid == 0) SendEverything(folder_.path(), sink_->port());
    return pid;
  }

  bool IsDone() const { return std::filesystem::exists(folder_.File("phases")); }

  // Until messages arrive, or all have.
  void AwaitMessages() {
    const size_t before = sink_->Ledger().size();
    Eventually([&] { return IsDone() || sink_->Ledger().size() > before; });
  }

  void WantDeathAt(const std::string& place, pid_t pid) {
    std::ofstream(folder_.File("kill.part")) << place << ' ' << pid;
    std::filesystem::rename(folder_.File("kill.part"), folder_.File("kill"));
  }

  // Whether the process was killed; it may have ended before.
  static bool WasKilled(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status);
  }

  // Sends what is left, and returns contacts by phase (-1: how long it took, in ms).
  std::map<int, int> Finish() {
    std::filesystem::remove(folder_.File("kill"));
    std::filesystem::remove(folder_.File("phases"));
    int status = 0;
    waitpid(StartSending(), &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    std::map<int, int> phases;
    std::ifstream in(folder_.File("phases"));
    for (int phase = 0, count = 0; in >> phase >> count;) phases[phase] = count;
    return phases;
  }

  std::map<std::string, int> Copies() const {
    std::map<std::string, int> copies;
    for (const auto& entry : sink_->Ledger()) ++copies[entry["message_id"].get<std::string>()];
    return copies;
  }

  // I1 to I3 after `kills`.
  void CheckEverybody(int kills) {
    std::map<int, int> phases = Finish();
    const std::map<std::string, int> copies = Copies();
    for (const auto& [id, count] : copies) EXPECT_EQ(count, 1) << id;
    const int sent = phases[statepb::CONTACT_PHASE_SENT];
    const int failed = phases[statepb::CONTACT_PHASE_FAILED];
    const int in_doubt = phases[statepb::CONTACT_PHASE_IN_DOUBT];
    const int arrived = static_cast<int>(copies.size());
    EXPECT_EQ(sent + failed + in_doubt, static_cast<int>(kPeople)) << "each in exactly one state";
    EXPECT_LE(sent, arrived) << "what we say was sent, was";
    EXPECT_LE(arrived, sent + in_doubt);
    EXPECT_LE(in_doubt, kills * static_cast<int>(kInFlightMax));
    std::printf("%d kills: %d sent, %d refused, %d in doubt, of which %d had arrived\n", kills,
                sent, failed, in_doubt, arrived - sent);
  }

  const TempDir folder_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(DeliveryKillTest, NobodyGetsAMessageTwiceAndNobodyIsForgotten) {
  // Slow answers to some, so that kills meet messages between dot and reply.
  StartSink(nlohmann::json::array({{{"at", "dot"}, {"match", "[0-3]1@"}, {"delay_ms", 40}},
                                   {{"at", "rcpt"}, {"match", "7f1@"}, {"code", 550}}}));
  const pid_t planner = StartSending();
  WantDeathAt(kWhilePlanning, planner);
  EXPECT_TRUE(WasKilled(planner)) << kWhilePlanning;
  int kills = 1;
  for (int round = 0; round < kKillsAtEachPlace; ++round) {
    for (const char* place : kPlaces) {
      SCOPED_TRACE(place);
      const pid_t pid = StartSending();
      ASSERT_GT(pid, 0);
      AwaitMessages();
      WantDeathAt(place, pid);
      ASSERT_TRUE(WasKilled(pid)) << "the campaign was over before it could be interrupted";
      ++kills;
    }
  }
  Rng rng(20'261'122);
  for (int i = 0; i < kRandomKills && !IsDone(); ++i) {
    const pid_t pid = StartSending();
    ASSERT_GT(pid, 0);
    AwaitMessages();
    absl::SleepFor(absl::Milliseconds(static_cast<int64_t>(rng.Below(60))));
    kill(pid, SIGKILL);
    kills += WasKilled(pid) ? 1 : 0;
  }
  CheckEverybody(kills);
}

TEST_F(DeliveryKillTest, TerminatedUnderLoadLeavesNothingInDoubt) {
  StartSink(nlohmann::json::array({{{"at", "dot"}, {"match", "[0-3]1@"}, {"delay_ms", 40}}}));
  Rng rng(7);
  int terminated = 0;
  for (int i = 0; i < kTerminations; ++i) {
    const pid_t pid = StartSending();
    ASSERT_GT(pid, 0);
    AwaitMessages();
    absl::SleepFor(absl::Milliseconds(static_cast<int64_t>(rng.Below(60))));
    const absl::Time start = absl::Now();
    kill(pid, SIGTERM);
    int status = 0;
    waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_LT(absl::Now() - start, absl::Seconds(10));
    terminated += IsDone() ? 0 : 1;
  }
  EXPECT_GT(terminated, 0) << "the campaign was over before it could be interrupted";
  std::map<int, int> phases = Finish();
  EXPECT_EQ(phases[statepb::CONTACT_PHASE_SENT], static_cast<int>(kPeople));
  EXPECT_EQ(phases[statepb::CONTACT_PHASE_IN_DOUBT], 0);
  const std::map<std::string, int> copies = Copies();
  EXPECT_EQ(copies.size(), kPeople);
  for (const auto& [id, count] : copies) EXPECT_EQ(count, 1) << id;
}

TEST_F(DeliveryKillTest, SendsAtTheRateOfItsSessions) {
  StartSink();
  std::map<int, int> phases = Finish();
  EXPECT_EQ(sink_->Ledger().size(), kPeople);
  ASSERT_GT(phases[-1], 0);
  std::printf("%.0f messages/s\n", 1000.0 * kPeople / phases[-1]);
}

}  // namespace
}  // namespace rondo::test
