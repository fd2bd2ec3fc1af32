#include "services/campaign/campaign_store.h"

#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::campaign {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

enum Table : uint8_t {
  kStates = 2,
  kCycles = 3,
  kClosings = 4,
  kProgress = 5,
  kLastPlanned = 6,
  kUnplanned = 7,
  kDueCycles = 8,
};

std::string Key(Table table, std::string_view campaign) {
  return KeyBuilder().Byte(table).String(campaign).Build();
}

std::string Key(Table table, std::string_view campaign, int cycle) {
  KeyBuilder key;
  key.Byte(table).String(campaign).U32(static_cast<uint32_t>(cycle));
  return std::move(key).Build();
}

template <typename Message>
absl::StatusOr<Message> Decode(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("the campaign's state does not decode; rebuild the service");
  }
  return message;
}

template <typename Message>
absl::StatusOr<std::optional<Message>> Find(const storage::Reader& reader, const std::string& key) {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, reader.Get(key));
  if (!bytes.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(Message message, Decode<Message>(*bytes));
  return message;
}

}  // namespace

absl::StatusOr<std::optional<v1::Campaign>> CampaignReader::State(std::string_view campaign) const {
  return Find<v1::Campaign>(reader_, Key(kStates, campaign));
}

absl::StatusOr<std::optional<log::v1::CycleStarted>> CampaignReader::Cycle(
    std::string_view campaign, int number) const {
  return Find<log::v1::CycleStarted>(reader_, Key(kCycles, campaign, number));
}

absl::StatusOr<std::vector<log::v1::CycleStarted>> CampaignReader::Cycles(std::string_view campaign,
                                                                          int after,
                                                                          size_t limit) const {
  storage::KeyRange range = storage::PrefixRange(Key(kCycles, campaign));
  range.begin = Key(kCycles, campaign, after + 1);
  std::vector<log::v1::CycleStarted> cycles;
  const auto cursor = reader_.Scan(range);
  for (; cursor->Valid() && cycles.size() < limit; cursor->Next()) {
    RONDO_ASSIGN_OR_RETURN(log::v1::CycleStarted cycle,
                           Decode<log::v1::CycleStarted>(cursor->value()));
    cycles.push_back(std::move(cycle));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return cycles;
}

absl::StatusOr<std::optional<log::v1::CycleClosed>> CampaignReader::LastClosing(
    std::string_view campaign) const {
  return Find<log::v1::CycleClosed>(reader_, Key(kClosings, campaign));
}

absl::StatusOr<std::optional<log::v1::CyclePlanned>> CampaignReader::Progress(
    std::string_view campaign, int number) const {
  return Find<log::v1::CyclePlanned>(reader_, Key(kProgress, campaign, number));
}

absl::StatusOr<CustomerId> CampaignReader::LastPlanned(std::string_view campaign,
                                                       int number) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                         reader_.Get(Key(kLastPlanned, campaign, number)));
  return bytes.has_value() ? CustomerId(KeyParser(*bytes).U64()) : CustomerId();
}

absl::StatusOr<std::vector<UnplannedCycle>> CampaignReader::Unplanned() const {
  std::vector<UnplannedCycle> cycles;
  const auto cursor = reader_.Scan(storage::PrefixRange(KeyBuilder().Byte(kUnplanned).view()));
  for (; cursor->Valid(); cursor->Next()) {
    KeyParser key(cursor->key());
    key.Byte();
    UnplannedCycle cycle;
    cycle.campaign = key.String();
    cycle.number = static_cast<int>(key.U32());
    cycle.begun = FromMicros(KeyParser(cursor->value()).I64());
    cycles.push_back(std::move(cycle));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return cycles;
}

absl::StatusOr<int> CampaignReader::DueCycle(std::string_view campaign) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                         reader_.Get(Key(kDueCycles, campaign)));
  return bytes.has_value() ? static_cast<int>(KeyParser(*bytes).U32()) : 0;
}

CampaignWriter::CampaignWriter(eventlog::ApplyContext& context)
    : context_(context), context_reader_(context), reader_(context_reader_) {}

void CampaignWriter::PutState(const v1::Campaign& state) {
  context_.Put(Key(kStates, state.name()), state.SerializeAsString());
}

void CampaignWriter::PutCycle(const log::v1::CycleStarted& cycle) {
  context_.Put(Key(kCycles, cycle.campaign().name(), cycle.cycle().number()),
               cycle.SerializeAsString());
}

void CampaignWriter::PutClosing(const log::v1::CycleClosed& closing) {
  context_.Put(Key(kClosings, closing.campaign()), closing.SerializeAsString());
}

void CampaignWriter::PutProgress(const log::v1::CyclePlanned& progress, CustomerId last_planned) {
  context_.Put(Key(kProgress, progress.campaign(), progress.cycle()), progress.SerializeAsString());
  context_.Put(Key(kLastPlanned, progress.campaign(), progress.cycle()),
               KeyBuilder().U64(last_planned.value()).view());
}

void CampaignWriter::MarkUnplanned(const UnplannedCycle& cycle) {
  context_.Put(Key(kUnplanned, cycle.campaign, cycle.number),
               KeyBuilder().I64(ToMicros(cycle.begun)).view());
}

void CampaignWriter::ClearUnplanned(std::string_view campaign, int number) {
  context_.Delete(Key(kUnplanned, campaign, number));
}

void CampaignWriter::SetDueCycle(std::string_view campaign, int number) {
  if (number == 0) return context_.Delete(Key(kDueCycles, campaign));
  context_.Put(Key(kDueCycles, campaign), KeyBuilder().U32(static_cast<uint32_t>(number)).view());
}

}  // namespace rondo::campaign
