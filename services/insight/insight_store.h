// Keys and values of insight's state, and what is read from it.
//
//   C campaign cycle             CycleState     cycles, in every partition
//   O campaign cycle customer    OutcomeState   one customer in one cycle
//   S campaign cycle cell segs   CellSumsState  sums of the above, of customers in just these
//                                               segments (U32, bits)
//   E campaign cycle             I64            micros: when the latest of its contacts is due
//   D campaign cycle             (empty)        windows are closed, results are not recorded yet
//   P customer                   PurchasesState with what was counted last; empty: erased
//   Q customer hash              (empty)        a message or an order that was counted before
//   R customer                   RfmState       scores as last appended
//   L customer channel           U64            when it was last contacted, as last appended
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/id.h"
#include "platform/storage/store.h"
#include "rondo/insight/v1/insight_state.pb.h"
#include "services/insight/domain/outcome.h"
#include "stats/rfm.h"

namespace rondo::insight {

namespace pb = ::rondo::insight::v1;

// Messages and orders kept in a customer's row of purchases; half as many are kept when it is full.
inline constexpr int kCountedInRowMax = 32;

struct CycleKey {
  std::string campaign;  // `campaigns/{campaign}`.
  int32_t cycle = 0;
  friend auto operator<=>(const CycleKey&, const CycleKey&) = default;
};

std::string KeyOfCycle(const CycleKey& key);
std::string KeyOfOutcome(const CycleKey& key, CustomerId customer);
std::string KeyOfSums(const CycleKey& key, std::string_view cell, uint32_t segments);
std::string KeyOfDue(const CycleKey& key);
std::string KeyOfLastDue(const CycleKey& key);
std::string KeyOfPurchases(CustomerId customer);
std::string KeyOfCounted(CustomerId customer, uint64_t hash);
std::string KeyOfRfm(CustomerId customer);
std::string KeyOfLastContact(CustomerId customer, std::string_view channel);

storage::KeyRange CyclesOf(std::string_view campaign);
storage::KeyRange SumsOf(const CycleKey& key);
storage::KeyRange AllDue();
storage::KeyRange AllPurchases();
storage::KeyRange CountedOf(CustomerId customer);
storage::KeyRange LastContactsOf(CustomerId customer);

std::string Encode(const Outcome& outcome);
std::string Encode(const CellSums& sums);
// DATA_LOSS for bytes that Encode never wrote.
absl::StatusOr<Outcome> DecodeOutcome(std::string_view bytes);
absl::StatusOr<CellSums> DecodeSums(std::string_view bytes);

// Cycles of `campaign` that `state` knows, by number.
absl::StatusOr<std::map<int32_t, pb::CycleState>> ReadCycles(const storage::Reader& state,
                                                             std::string_view campaign);
// Sums of a cycle's customers in one partition, by cell and by the segments that they are in.
struct CellPart {
  std::string cell;
  uint32_t segments = 0;  // Bits, as in the planned contact.
  friend auto operator<=>(const CellPart&, const CellPart&) = default;
};
absl::StatusOr<std::map<CellPart, CellSums>> ReadSums(const storage::Reader& state,
                                                      const CycleKey& key);
// When the latest contact of a cycle in one partition is due; InfinitePast without any.
absl::StatusOr<absl::Time> ReadLastDue(const storage::Reader& state, const CycleKey& key);
// Cycles whose results wait to be recorded.
absl::StatusOr<std::vector<CycleKey>> ReadDue(const storage::Reader& state);
// Appends what one partition knows of its customers' purchases.
absl::Status ReadPurchases(const storage::Reader& state,
                           std::vector<stats::PurchaseSummary>& customers);
// nullopt before the first.
absl::StatusOr<std::optional<stats::RfmScore>> ReadRfm(const storage::Reader& state,
                                                       CustomerId customer);

// Days since 1970-01-01 in UTC, rounded down.
int64_t DayOf(int64_t micros);

}  // namespace rondo::insight
