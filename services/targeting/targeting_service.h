// The handlers of rondo.targeting.v1: segments, previews and target selection.
//
// Counts and selections are exact: they wait until all that was in the log when the call arrived is
// in the columns.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "rondo/targeting/v1/targeting_service.pb.h"
#include "services/targeting/rule_book.h"
#include "services/targeting/selector.h"
#include "services/targeting/targeting_projection.h"

namespace rondo::targeting {

inline constexpr int kBreakdownAttributesMax = 5;
inline constexpr size_t kBreakdownValuesMax = 20;
inline constexpr int kSampleSizeDefault = 10;
inline constexpr int kSampleSizeMax = 100;
// The row of a breakdown that holds all values beyond kBreakdownValuesMax.
inline constexpr std::string_view kOtherValues = "(other)";

// Thread-safe. All arguments must outlive it.
class TargetingHandlers {
 public:
  TargetingHandlers(catalog::Catalog& catalog, eventlog::Runtime& runtime,
                    const TargetingProjection& projection, RuleBooks& books, Executor& executor,
                    const Clock& clock, const PageTokens& page_tokens);

  void Serve(MethodTable& table);

  absl::StatusOr<v1::Segment> CreateSegment(const CallInfo& call,
                                            const v1::CreateSegmentRequest& request);
  absl::StatusOr<v1::Segment> GetSegment(const CallInfo& call,
                                         const v1::GetSegmentRequest& request);
  absl::StatusOr<v1::ListSegmentsResponse> ListSegments(const CallInfo& call,
                                                        const v1::ListSegmentsRequest& request);
  absl::StatusOr<v1::Segment> UpdateSegment(const CallInfo& call,
                                            const v1::UpdateSegmentRequest& request);
  absl::StatusOr<google::protobuf::Empty> DeleteSegment(const CallInfo& call,
                                                        const v1::DeleteSegmentRequest& request);
  absl::StatusOr<v1::PreviewSegmentResponse> PreviewSegment(
      const CallInfo& call, const v1::PreviewSegmentRequest& request);
  absl::StatusOr<Stream<v1::SelectTargetsResponse>> SelectTargets(
      const CallInfo& call, const v1::SelectTargetsRequest& request);

 private:
  struct Count {
    int64_t version = 0;
    int64_t members = 0;
    absl::Time time;
  };

  std::shared_ptr<const RuleBook> Book() const;
  Selector SelectorOf(std::shared_ptr<const RuleBook> book) const;
  absl::StatusOr<v1::Segment> Put(const CallInfo& call, v1::Segment segment, bool validate_only,
                                  int64_t expected_version);
  v1::Segment ToSegment(const catalog::Definition& definition) const;
  // Counts the members of a current definition and remembers it. A rule that no longer compiles
  // is shown without a count.
  void CountMembers(const catalog::Definition& definition);

  catalog::Catalog& catalog_;
  eventlog::Runtime& runtime_;
  const TargetingProjection& projection_;
  RuleBooks& books_;
  Executor& executor_;
  const Clock& clock_;
  const PageTokens& page_tokens_;
  mutable std::mutex mutex_;
  std::map<std::string, Count, std::less<>> counts_;  // By the segment's full name.
};

}  // namespace rondo::targeting
