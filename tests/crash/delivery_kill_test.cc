// K3 to K7: kill -9 at random moments of a campaign's sending, over the embedded log, RocksDB and a
// real SMTP server process. The server's ledger is the judge: nobody gets a message twice, and
// nobody is forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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
constexpr uint64_t kPeople = 2'000;
constexpr int kKills = 8;
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
    log_ = *std::move(log);
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
    mail_ = *std::move(mail);
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
      Must(log_->Append(partition, absl::MakeSpan(records), Durability::kSynced).status(), "plan");
    }
  }

  void Send() {
    Must(module_->Start("https://go.example"), "module");
    while (true) {
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
  std::unique_ptr<delivery::SmtpTransport> mail_;
  std::unique_ptr<delivery::Module> module_;
};

// Never returns. Writes FOLDER/phases when everything is settled.
[[noreturn]] void SendEverything(const std::string& folder, int smtp_port) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Sender sender(folder, smtp_port);
  if (!std::filesystem::exists(folder + "/planned")) {
    sender.Plan();
    std::ofstream(folder + "/planned") << "1";
  }
  const absl::Time start = absl::Now();
  sender.Send();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  std::ofstream phases(folder + "/phases.part");
  for (const auto& [phase, count] : sender.Phases()) phases << phase << ' ' << count << '\n';
  phases << "-1 " << std::lround(seconds * 1000) << '\n';
  phases.close();
  std::filesystem::rename(folder + "/phases.part", folder + "/phases");
  sender.Close();
  _exit(0);
}

pid_t StartSending(const std::string& folder, int smtp_port) {
  const pid_t pid = fork();
  if (pid == 0) SendEverything(folder, smtp_port);
  return pid;
}

TEST(DeliveryKillTest, NobodyGetsAMessageTwiceAndNobodyIsForgotten) {
  const TempDir folder;
  // Slow answers to some, so that kills meet messages between dot and reply.
  const auto sink = Sink::StartSmtp(
      {.rules = nlohmann::json::array({{{"at", "dot"}, {"match", "[0-3]1@"}, {"delay_ms", 40}},
                                       {{"at", "rcpt"}, {"match", "7f1@"}, {"code", 550}}})});
  ASSERT_TRUE(sink.ok()) << sink.status();
  Rng rng(20'261'122);
  int killed = 0;
  for (int i = 0; i < kKills; ++i) {
    const pid_t pid = StartSending(folder.path(), (*sink)->port());
    ASSERT_GT(pid, 0);
    // From its first messages on, some while later.
    const size_t before = (*sink)->Ledger().size();
    Eventually([&] {
      return std::filesystem::exists(folder.File("phases")) || (*sink)->Ledger().size() > before;
    });
    absl::SleepFor(absl::Milliseconds(static_cast<int64_t>(rng.Below(60))));
    kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    killed += WIFSIGNALED(status) ? 1 : 0;
    if (std::filesystem::exists(folder.File("phases"))) break;
  }
  EXPECT_GE(killed, 3) << "the campaign was over before it could be interrupted";
  std::filesystem::remove(folder.File("phases"));
  const pid_t last = StartSending(folder.path(), (*sink)->port());
  int status = 0;
  waitpid(last, &status, 0);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  std::map<std::string, int> copies;
  for (const auto& entry : (*sink)->Ledger()) ++copies[entry["message_id"].get<std::string>()];
  for (const auto& [id, count] : copies) EXPECT_EQ(count, 1) << id;
  std::map<int, int> phases;
  std::ifstream in(folder.File("phases"));
  for (int phase = 0, count = 0; in >> phase >> count;) phases[phase] = count;
  const int sent = phases[statepb::CONTACT_PHASE_SENT];
  const int failed = phases[statepb::CONTACT_PHASE_FAILED];
  const int in_doubt = phases[statepb::CONTACT_PHASE_IN_DOUBT];
  EXPECT_EQ(sent + failed + in_doubt, static_cast<int>(kPeople)) << "each in exactly one state";
  EXPECT_LE(sent, static_cast<int>(copies.size())) << "what we say was sent, was";
  EXPECT_LE(static_cast<int>(copies.size()), sent + in_doubt);
  EXPECT_LE(in_doubt, killed * static_cast<int>(kInFlightMax));
  std::printf("%d kills: %d sent, %d refused, %d in doubt, of which %d had arrived\n", killed, sent,
              failed, in_doubt, static_cast<int>(copies.size()) - sent);
}

TEST(DeliveryKillTest, SendsAtTheRateOfItsSessions) {
  const TempDir folder;
  const auto sink = Sink::StartSmtp({});
  ASSERT_TRUE(sink.ok()) << sink.status();
  const pid_t pid = StartSending(folder.path(), (*sink)->port());
  int status = 0;
  waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ((*sink)->Ledger().size(), kPeople);
  std::ifstream in(folder.File("phases"));
  for (int phase = 0, count = 0; in >> phase >> count;) {
    if (phase == -1) std::printf("%.0f messages/s\n", 1000.0 * kPeople / count);
  }
}

}  // namespace
}  // namespace rondo::test
