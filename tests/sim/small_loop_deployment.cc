// The loop in miniature as a deployment: one projection over log and stores, its sender and its
// sink.
#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"
#include "tests/sim/small_loop.h"

namespace rondo::sim {
namespace {

using eventlog::Durability;
using eventlog::LogRecord;

constexpr char kService[] = "small_loop";
constexpr absl::Duration kRetryPause = absl::Seconds(1);

class SmallLoopDeployment final : public Deployment {
 public:
  SmallLoopDeployment(SmallLoopOptions options, const CampaignPlan& plan, Machine& machine,
                      Transport& transport)
      : machine_(machine),
        transport_(transport),
        alive_(std::make_shared<bool>(true)),
        projection_(options, plan, [this](int partition) { WakeLater(partition); }),
        runtime_({.owner = absl::StrFormat("process %d", machine.process()),
                  .await_timeout = absl::Seconds(5)},
                 machine.log(), machine.executor(), machine.clock(), machine.StoreOpener(),
                 machine.StoreRemover()) {
    runtime_.Add(projection_);
  }
  ~SmallLoopDeployment() override { *alive_ = false; }

  absl::Status Start() override {
    RONDO_RETURN_IF_ERROR(runtime_.Start());
    return runtime_.AwaitLive(machine_.clock().Now() + absl::Seconds(5));
  }
  eventlog::Runtime& runtime() override { return runtime_; }
  std::vector<std::string> services() const override { return {kService}; }

  absl::Status Prepare(const WorldPlan&) override { return absl::OkStatus(); }

  absl::StatusOr<uint64_t> AddPerson(const kit::Person& person) override {
    const uint64_t customer = SipHash(machine_.instance_key(), person.key);
    LogRecord record;
    record.set_party(customer);
    auto* consent = record.mutable_profile_changed()->add_consents();
    consent->set_channel("email");
    consent->set_granted(person.consents);
    consent->set_effective_time_micros(1);
    RONDO_RETURN_IF_ERROR(Submit(std::move(record)));
    return customer;
  }

  absl::Status ChangeAddress(uint64_t customer, const kit::Person&,
                             const std::string& message_id) override {
    LogRecord record;
    record.set_party(customer);
    record.set_request_id(message_id);
    record.mutable_profile_changed()->set_effective_time_micros(ToMicros(machine_.clock().Now()));
    return Submit(std::move(record));
  }

  absl::Status Track(uint64_t customer, const Happening& happening) override {
    LogRecord record;
    record.set_party(customer);
    record.set_event_time_micros(ToMicros(happening.time));
    auto* event = record.mutable_event_tracked();
    event->set_type(std::string(kit::DeedName(happening.deed)));
    event->set_message_id(happening.message_id);
    event->set_machine(happening.deed == kit::Deed::kMachineOpen);
    if (!happening.campaign.empty()) {
      event->mutable_contact()->set_campaign(happening.campaign);
      event->mutable_contact()->set_cycle(happening.cycle);
    }
    return Submit(std::move(record));
  }

  absl::Status Launch(const CampaignPlan&) override { return absl::OkStatus(); }

  absl::Status AwaitPlanned(const CampaignPlan& plan, int cycle) override {
    for (int partition = 0; partition < runtime_.partition_count(); ++partition) {
      RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(kService, partition));
      std::vector<LogRecord> contacts;
      const auto cursor = state->Scan(storage::PrefixRange("\x01"));
      for (; cursor->Valid(); cursor->Next()) {
        storage::KeyParser parser(cursor->key());
        parser.Byte();
        AddContact(plan, cycle, parser.U64(), contacts);
      }
      RONDO_RETURN_IF_ERROR(
          runtime_.SubmitAll(kService, partition, std::move(contacts), Durability::kSynced)
              .status());
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Figures> Report(const CampaignPlan&) override {
    RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(kService));
    Figures figures;
    for (int partition = 0; partition < runtime_.partition_count(); ++partition) {
      RONDO_ASSIGN_OR_RETURN(const auto state, runtime_.ReadState(kService, partition));
      const auto cursor = state->Scan(storage::PrefixRange("\x04"));
      for (; cursor->Valid(); cursor->Next()) {
        figures[std::string(cursor->key().substr(1))] += storage::KeyParser(cursor->value()).I64();
      }
    }
    return figures;
  }

 private:
  absl::Status Submit(LogRecord record) {
    return runtime_.Submit(kService, 0, std::move(record), Durability::kSynced).status();
  }

  // Cells by a salted hash: the same customer, the same cell, however often it is asked.
  void AddContact(const CampaignPlan& plan, int cycle, uint64_t customer,
                  std::vector<LogRecord>& contacts) {
    const auto draw = [&](const std::string& salt) {
      const uint64_t hash = SipHash(machine_.instance_key(), salt + std::to_string(customer));
      return static_cast<double>(hash >> 11) * 0x1.0p-53;
    };
    if (draw(plan.name + "/holdout") < plan.holdout) return;
    const bool control = draw(absl::StrFormat("%s/%d", plan.name, cycle)) < plan.control_share;
    LogRecord& record = contacts.emplace_back();
    record.set_party(customer);
    auto* planned = record.mutable_contact_planned();
    planned->mutable_contact()->set_campaign(plan.name);
    planned->mutable_contact()->set_cycle(cycle);
    planned->set_cell(control ? "control" : "mail");
    planned->set_control(control);
    planned->set_due_time_micros(ToMicros(plan.DueOf(cycle)));
  }

  void WakeLater(int partition) {
    machine_.executor().Post([this, alive = alive_, partition] {
      if (*alive) Act(partition);
    });
  }

  // Claims what is ready, sends what is claimed. What a failed append leaves is tried again.
  void Act(int partition) {
    for (const auto& ready : projection_.TakeReady(partition)) {
      LogRecord claim = About(ready);
      auto* attempted = claim.mutable_delivery_attempted();
      *attempted->mutable_contact() = KeyOf(ready);
      attempted->set_epoch(projection_.epoch(partition));
      Append(partition, std::move(claim));
    }
    for (const auto& claimed : projection_.TakeClaimed(partition)) {
      transport_.Send(
          {.contact = {claimed.customer, "campaigns/sim", claimed.cycle},
           .message_id = absl::StrFormat("%016x.%d@sim", claimed.customer, claimed.cycle)},
          [this, alive = alive_, partition, claimed](const SendOutcome& outcome) {
            if (*alive) WriteOutcome(partition, claimed, outcome);
          });
    }
  }

  void WriteOutcome(int partition, const SmallLoopProjection::Ready& contact,
                    const SendOutcome& outcome) {
    LogRecord record = About(contact);
    auto* settled = record.mutable_delivery_outcome();
    *settled->mutable_contact() = KeyOf(contact);
    settled->set_state(outcome.status == SendStatus::kAccepted   ? log::v1::DELIVERY_STATE_SENT
                       : outcome.status == SendStatus::kDeferred ? log::v1::DELIVERY_STATE_DEFERRED
                       : outcome.status == SendStatus::kFailed   ? log::v1::DELIVERY_STATE_FAILED
                                                               : log::v1::DELIVERY_STATE_IN_DOUBT);
    Append(partition, std::move(record));
  }

  // A repeat is harmless: only the first claim and the first outcome count.
  void Append(int partition, LogRecord record) {
    record.set_event_time_micros(ToMicros(machine_.clock().Now()));
    LogRecord copy = record;
    if (machine_.log().Append(partition, absl::MakeSpan(&copy, 1), Durability::kSynced).ok())
      return;
    machine_.executor().PostAt(machine_.clock().Now() + kRetryPause,
                               [this, alive = alive_, partition, record] {
                                 if (*alive) Append(partition, record);
                               });
  }

  static LogRecord About(const SmallLoopProjection::Ready& contact) {
    LogRecord record;
    record.set_party(contact.customer);
    return record;
  }
  static response::v1::ContactKey KeyOf(const SmallLoopProjection::Ready& contact) {
    response::v1::ContactKey key;
    key.set_campaign("campaigns/sim");
    key.set_cycle(contact.cycle);
    return key;
  }

  Machine& machine_;
  Transport& transport_;
  std::shared_ptr<bool> alive_;
  SmallLoopProjection projection_;
  eventlog::Runtime runtime_;
};

}  // namespace

DeploymentFactory SmallLoop(SmallLoopOptions options, const CampaignPlan& plan) {
  return [options, plan](Machine& machine, Transport& transport) {
    return std::make_unique<SmallLoopDeployment>(options, plan, machine, transport);
  };
}

}  // namespace rondo::sim
