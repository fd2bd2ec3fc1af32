#include "services/targeting/targeting_service.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/catalog/definition_update.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"
#include "services/targeting/preview.h"
#include "services/targeting/vocabulary.h"

namespace rondo::targeting {
namespace {

constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1000;
constexpr int kMembershipsMax = 8;
// Of a chunk of targets; leaves room below the limit of a message.
constexpr size_t kChunkBytes = kStreamChunkBytesMax * 9 / 10;
// Of a target's fixed parts: tags, lengths and the id.
constexpr size_t kTargetBytes = 16;

// Streams a selection partition by partition, each in the order of ids.
class TargetStream {
 public:
  // `memberships` are the segments of `request.membership_of`, over the partitions of `result`.
  TargetStream(SelectionResult result, std::vector<SelectionResult> memberships,
               const v1::SelectTargetsRequest& request)
      : result_(std::move(result)),
        memberships_(std::move(memberships)),
        with_attribute_(request.with_attribute()),
        time_zone_attribute_(request.time_zone_attribute()) {}

  absl::StatusOr<std::optional<v1::SelectTargetsResponse>> Next() {
    if (done_) return std::nullopt;
    v1::SelectTargetsResponse chunk;
    size_t bytes = 0;
    while (bytes < kChunkBytes) {
      if (next_ == ordered_.size() && !LoadPartition()) {
        chunk.set_last(true);
        chunk.set_total(result_.selected);
        done_ = true;
        break;
      }
      if (next_ == ordered_.size()) continue;
      bytes += AddTarget(chunk);
    }
    return chunk;
  }

 private:
  // False when there are no more.
  bool LoadPartition() {
    if (partition_ == result_.partitions.size()) return false;
    const PartitionSelection& from = result_.partitions[partition_++];
    ordered_.clear();
    next_ = 0;
    ForEachSelected(from.selection, [&](size_t ordinal) {
      ordered_.emplace_back(from.view->IdOf(ordinal).value(), ordinal);
    });
    std::sort(ordered_.begin(), ordered_.end());
    attribute_ = with_attribute_.empty() ? nullptr : from.view->Attribute(with_attribute_);
    time_zone_ =
        time_zone_attribute_.empty() ? nullptr : from.view->Attribute(time_zone_attribute_);
    return true;
  }

  size_t AddTarget(v1::SelectTargetsResponse& chunk) {
    const auto [id, ordinal] = ordered_[next_++];
    v1::Target& target = *chunk.add_targets();
    target.set_customer(id);
    if (attribute_ != nullptr) target.set_attribute(TextOf(attribute_->Get(ordinal, arena_)));
    if (time_zone_ != nullptr) target.set_time_zone(TextOf(time_zone_->Get(ordinal, arena_)));
    target.set_segments(SegmentsOf(ordinal));
    arena_.Reset();
    return kTargetBytes + target.attribute().size() + target.time_zone().size();
  }

  uint32_t SegmentsOf(size_t ordinal) const {
    uint32_t segments = 0;
    for (size_t i = 0; i < memberships_.size(); ++i) {
      const auto& words = memberships_[i].partitions[partition_ - 1].selection.words;
      const bool is_member =
          ordinal / 64 < words.size() && (words[ordinal / 64] >> (ordinal % 64) & 1u) != 0;
      segments |= uint32_t{is_member} << i;
    }
    return segments;
  }

  SelectionResult result_;
  std::vector<SelectionResult> memberships_;
  std::string with_attribute_;
  std::string time_zone_attribute_;
  size_t partition_ = 0;
  std::vector<std::pair<uint64_t, size_t>> ordered_;
  size_t next_ = 0;
  const Column* attribute_ = nullptr;
  const Column* time_zone_ = nullptr;
  rules::Arena arena_;
  bool done_ = false;
};

absl::Status CheckAttribute(const RuleBook& book, const std::string& attribute,
                            std::string_view field) {
  if (attribute.empty() || book.environment().FindAttribute(attribute) != nullptr) {
    return absl::OkStatus();
  }
  return FieldError(field, "no attribute set defines it as an attribute that is not PII");
}

}  // namespace

TargetingHandlers::TargetingHandlers(catalog::Catalog& catalog, eventlog::Runtime& runtime,
                                     const TargetingProjection& projection, RuleBooks& books,
                                     Executor& executor, const Clock& clock,
                                     const PageTokens& page_tokens)
    : catalog_(catalog),
      runtime_(runtime),
      projection_(projection),
      books_(books),
      executor_(executor),
      clock_(clock),
      page_tokens_(page_tokens) {}

void TargetingHandlers::Serve(MethodTable& table) {
  table.Serve("rondo.targeting.v1.TargetingService", *this, &TargetingHandlers::CreateSegment,
              &TargetingHandlers::GetSegment, &TargetingHandlers::ListSegments,
              &TargetingHandlers::UpdateSegment, &TargetingHandlers::DeleteSegment,
              &TargetingHandlers::PreviewSegment, &TargetingHandlers::SelectTargets);
}

std::shared_ptr<const RuleBook> TargetingHandlers::Book() const {
  return books_.Current(projection_.SignalTypes());
}

Selector TargetingHandlers::SelectorOf(std::shared_ptr<const RuleBook> book) const {
  std::vector<std::shared_ptr<const CustomerView>> views;
  for (int i = 0; i < projection_.partition_count(); ++i) views.push_back(projection_.View(i));
  return Selector(std::move(book), std::move(views), clock_.Now(), executor_);
}

v1::Segment TargetingHandlers::ToSegment(const catalog::Definition& definition) const {
  v1::Segment segment = definition.segment();
  segment.set_name(definition.name());
  segment.set_version(definition.version());
  segment.set_etag(catalog::EtagOf(definition.version()));
  segment.clear_member_count();
  segment.clear_count_time();
  const std::lock_guard lock(mutex_);
  const auto count = counts_.find(definition.name());
  if (count != counts_.end() && count->second.version == definition.version()) {
    segment.set_member_count(count->second.members);
    *segment.mutable_count_time() = ToTimestamp(count->second.time);
  }
  return segment;
}

void TargetingHandlers::CountMembers(const catalog::Definition& definition) {
  Selector selector = SelectorOf(Book());
  const absl::StatusOr<SelectionResult> members =
      selector.Segment(std::string_view(definition.name()).substr(catalog::kSegments.size()));
  if (!members.ok()) return;
  const std::lock_guard lock(mutex_);
  counts_[definition.name()] = {definition.version(), members->selected, clock_.Now()};
}

absl::StatusOr<v1::Segment> TargetingHandlers::Put(const CallInfo& call, v1::Segment segment,
                                                   bool validate_only, int64_t expected_version) {
  RONDO_RETURN_IF_ERROR(
      catalog::CheckResourceName(segment.name(), catalog::kSegments, "segment.name"));
  const std::shared_ptr<const RuleBook> book = Book();
  RONDO_ASSIGN_OR_RETURN(const rules::Program program, book->Compile(segment.expression()));
  RONDO_RETURN_IF_ERROR(book->CheckNoCircle(
      std::string_view(segment.name()).substr(catalog::kSegments.size()), program));
  catalog::Definition definition;
  definition.set_name(segment.name());
  for (std::string& reference : book->ReferencesOf(program)) {
    definition.add_references(std::move(reference));
  }
  segment.clear_etag();
  segment.clear_version();
  segment.clear_member_count();
  segment.clear_count_time();
  *definition.mutable_segment() = std::move(segment);
  if (validate_only) return ToSegment(definition);
  RONDO_ASSIGN_OR_RETURN(definition,
                         catalog_.Put(std::move(definition), {.expected_version = expected_version,
                                                              .request_id = call.request_id,
                                                              .author = call.principal.name}));
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(TargetingProjection::kName));
  CountMembers(definition);
  return ToSegment(definition);
}

absl::StatusOr<v1::Segment> TargetingHandlers::CreateSegment(
    const CallInfo& call, const v1::CreateSegmentRequest& request) {
  return Put(call, request.segment(), request.validate_only(), 0);
}

absl::StatusOr<v1::Segment> TargetingHandlers::UpdateSegment(
    const CallInfo& call, const v1::UpdateSegmentRequest& request) {
  RONDO_ASSIGN_OR_RETURN(
      auto update, catalog::ReadUpdate(catalog_, request.segment(), request,
                                       [](const auto& current) { return current.segment(); }));
  return Put(call, std::move(update.resource), request.validate_only(), update.expected_version);
}

absl::StatusOr<v1::Segment> TargetingHandlers::GetSegment(const CallInfo& call,
                                                          const v1::GetSegmentRequest& request) {
  static_cast<void>(call);
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kSegments, "name"));
  RONDO_ASSIGN_OR_RETURN(const catalog::Definition definition,
                         catalog_.Get(request.name(), request.version()));
  if (request.version() == 0) CountMembers(definition);
  return ToSegment(definition);
}

absl::StatusOr<v1::ListSegmentsResponse> TargetingHandlers::ListSegments(
    const CallInfo& call, const v1::ListSegmentsRequest& request) {
  static_cast<void>(call);
  RONDO_ASSIGN_OR_RETURN(const int page_size,
                         PageSize(request.page_size(), kPageSizeDefault, kPageSizeMax));
  RONDO_ASSIGN_OR_RETURN(const std::string after, page_tokens_.Decode(request));
  const catalog::Page page = catalog_.List(catalog::kSegments, after, page_size);
  v1::ListSegmentsResponse response;
  for (const catalog::Definition& definition : page.definitions) {
    *response.add_segments() = ToSegment(definition);
  }
  response.set_next_page_token(page_tokens_.Encode(request, page.next_after));
  return response;
}

absl::StatusOr<google::protobuf::Empty> TargetingHandlers::DeleteSegment(
    const CallInfo& call, const v1::DeleteSegmentRequest& request) {
  RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(request.name(), catalog::kSegments, "name"));
  RONDO_ASSIGN_OR_RETURN(const int64_t version, catalog::VersionOf(request.etag()));
  RONDO_RETURN_IF_ERROR(catalog_.Remove(
      request.name(),
      {.expected_version = version, .request_id = call.request_id, .author = call.principal.name}));
  return google::protobuf::Empty();
}

absl::StatusOr<v1::PreviewSegmentResponse> TargetingHandlers::PreviewSegment(
    const CallInfo& call, const v1::PreviewSegmentRequest& request) {
  static_cast<void>(call);
  if (request.breakdown_size() > kBreakdownAttributesMax) {
    return FieldError("breakdown",
                      absl::StrFormat("at most %d attributes", kBreakdownAttributesMax));
  }
  if (request.sample_size() < 0 || request.sample_size() > kSampleSizeMax) {
    return FieldError("sample_size", absl::StrFormat("expected 0 to %d", kSampleSizeMax));
  }
  const absl::Time as_of = clock_.Now();
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(TargetingProjection::kName));
  const std::shared_ptr<const RuleBook> book = Book();
  for (int i = 0; i < request.breakdown_size(); ++i) {
    RONDO_RETURN_IF_ERROR(
        CheckAttribute(*book, request.breakdown(i), absl::StrFormat("breakdown[%d]", i)));
  }
  Selector selector = SelectorOf(book);
  absl::StatusOr<SelectionResult> result =
      FieldError("what", "give a rule, a segment or an audience");
  if (request.has_expression()) {
    RONDO_ASSIGN_OR_RETURN(const rules::Program program, book->Compile(request.expression()));
    result = selector.Rule(program);
  } else if (request.has_segment()) {
    RONDO_RETURN_IF_ERROR(
        catalog::CheckResourceName(request.segment(), catalog::kSegments, "segment"));
    result =
        selector.Segment(std::string_view(request.segment()).substr(catalog::kSegments.size()));
  } else if (request.has_audience()) {
    result = selector.Audience(request.audience());
  }
  RONDO_RETURN_IF_ERROR(result.status());

  v1::PreviewSegmentResponse response;
  response.set_count(result->selected);
  response.set_total(result->total);
  response.set_error_count(result->errors);
  for (const std::string& attribute : request.breakdown()) {
    for (v1::BreakdownRow& row : BreakDown(*result, attribute, kBreakdownValuesMax, kOtherValues)) {
      *response.add_breakdown() = std::move(row);
    }
  }
  const int sample_size = request.sample_size() == 0 ? kSampleSizeDefault : request.sample_size();
  for (std::string& name : SampleOf(*result, static_cast<size_t>(sample_size))) {
    response.add_sample(std::move(name));
  }
  *response.mutable_as_of() = ToTimestamp(as_of);
  return response;
}

absl::StatusOr<Stream<v1::SelectTargetsResponse>> TargetingHandlers::SelectTargets(
    const CallInfo& call, const v1::SelectTargetsRequest& request) {
  static_cast<void>(call);
  RONDO_RETURN_IF_ERROR(runtime_.AwaitEnd(TargetingProjection::kName));
  const std::shared_ptr<const RuleBook> book = Book();
  RONDO_RETURN_IF_ERROR(CheckAttribute(*book, request.with_attribute(), "with_attribute"));
  RONDO_RETURN_IF_ERROR(
      CheckAttribute(*book, request.time_zone_attribute(), "time_zone_attribute"));
  if (request.membership_of_size() > kMembershipsMax) {
    return FieldError("membership_of", absl::StrFormat("at most %d segments", kMembershipsMax));
  }
  Selector selector = SelectorOf(book);
  RONDO_ASSIGN_OR_RETURN(SelectionResult result, selector.Audience(request.audience()));
  std::vector<SelectionResult> memberships;
  for (int i = 0; i < request.membership_of_size(); ++i) {
    const std::string& name = request.membership_of(i);
    RONDO_RETURN_IF_ERROR(catalog::CheckResourceName(name, catalog::kSegments,
                                                     absl::StrFormat("membership_of[%d]", i)));
    RONDO_ASSIGN_OR_RETURN(
        SelectionResult members,
        selector.Segment(std::string_view(name).substr(catalog::kSegments.size())));
    memberships.push_back(std::move(members));
  }
  const auto stream =
      std::make_shared<TargetStream>(std::move(result), std::move(memberships), request);
  return Stream<v1::SelectTargetsResponse>([stream] { return stream->Next(); });
}

}  // namespace rondo::targeting
