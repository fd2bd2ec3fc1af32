#include "platform/eventlog/log_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "platform/eventlog/high_water_mark.h"
#include "tests/kit/process/process.h"

namespace rondo::eventlog {
namespace {

std::vector<LogRecord> ArbitraryRecords() {
  const auto sources = *rc::gen::nonEmpty<std::vector<std::string>>();
  std::vector<LogRecord> records;
  for (const std::string& source : sources) {
    LogRecord& record = records.emplace_back();
    record.set_request_id("request");
    record.mutable_event_tracked()->set_message_id(std::to_string(source.size()) +
                                                   std::string(source.size() % 7, 'm'));
    record.set_cause(source);
    if (source.size() % 2 == 0) record.set_id("id of its own");
  }
  return records;
}

std::string Encode(const std::vector<LogRecord>& records, int64_t first, BlockCodec codec) {
  std::string frames;
  for (const LogRecord& record : records) {
    record.ByteSizeLong();
    AppendFrame(record, frames);
  }
  BlockHeader header;
  header.first = first;
  header.count = static_cast<uint32_t>(records.size());
  header.append_time_micros = 1'700'000'000'000'000;
  header.chain_before = 42;
  return EncodeBlock(header, codec, frames);
}

RC_GTEST_PROP(LogBlockTest, DecodeUndoesEncodeAndStampsAsAppendDid, ()) {
  std::vector<LogRecord> records = ArbitraryRecords();
  const int64_t first = *rc::gen::inRange<int64_t>(0, int64_t{1} << 40);
  const auto codec = *rc::gen::element(BlockCodec::kNone, BlockCodec::kLz4, BlockCodec::kZstd);
  const std::string block = Encode(records, first, codec);
  Stamp(3, first, 1'700'000'000'000'000, absl::MakeSpan(records));

  const auto header = DecodeBlockHeader(block);
  RC_ASSERT(header.ok());
  RC_ASSERT(header->first == first);
  RC_ASSERT(header->chain_before == 42u);
  google::protobuf::Arena arena;
  std::vector<const LogRecord*> decoded;
  RC_ASSERT(DecodeBlock(3, block, arena, decoded).ok());
  RC_ASSERT(decoded.size() == records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    RC_ASSERT(decoded[i]->SerializeAsString() == records[i].SerializeAsString());
  }
}

RC_GTEST_PROP(LogBlockTest, AnyFlippedBitIsDataLoss, ()) {
  const auto codec = *rc::gen::element(BlockCodec::kNone, BlockCodec::kLz4, BlockCodec::kZstd);
  std::string block = Encode(ArbitraryRecords(), 7, codec);
  const std::string before = block;
  const auto at = *rc::gen::inRange<size_t>(0, block.size());
  block[at] = static_cast<char>(block[at] ^ (1 << *rc::gen::inRange(0, 8)));
  RC_ASSERT(ChainOf(block) != ChainOf(before));
  google::protobuf::Arena arena;
  std::vector<const LogRecord*> decoded;
  RC_ASSERT(DecodeBlock(0, block, arena, decoded).code() == absl::StatusCode::kDataLoss);
}

RC_GTEST_PROP(LogBlockTest, AnyCutIsDataLoss, ()) {
  std::string block = Encode(ArbitraryRecords(), 7, BlockCodec::kLz4);
  block.resize(*rc::gen::inRange<size_t>(0, block.size()));
  google::protobuf::Arena arena;
  std::vector<const LogRecord*> decoded;
  RC_ASSERT(DecodeBlock(0, block, arena, decoded).code() == absl::StatusCode::kDataLoss);
}

TEST(LogBlockTest, ABlockThatEndsBeyondAllOffsetsIsDataLoss) {
  std::vector<LogRecord> records(2);
  for (const BlockCodec codec : {BlockCodec::kNone, BlockCodec::kZstd}) {
    const int64_t last = std::numeric_limits<int64_t>::max();
    EXPECT_TRUE(DecodeBlockHeader(Encode(records, last - 2, codec)).ok());
    EXPECT_EQ(DecodeBlockHeader(Encode(records, last - 1, codec)).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

Marks MarksOf(int64_t end) {
  Marks marks;
  marks.boot_id = CurrentBootId();
  marks.written = {{end, 1, 2}, {end + 1, 3, 4}};
  marks.synced = {{end - 1, 5, 6}, {0, 0, INT64_MIN}};
  return marks;
}

TEST(HighWaterMarkTest, ReadsBackTheLastMarksAndSurvivesATornWrite) {
  const test::TempDir folder;
  const std::string file = folder.File("HIGHWATER");
  ASSERT_TRUE(HighWaterMark::Create(file, 2).ok());
  {
    auto mark = HighWaterMark::Open(file, 2);
    ASSERT_TRUE(mark.ok());
    ASSERT_TRUE((*mark)->Write(MarksOf(10)).ok());
    ASSERT_TRUE((*mark)->Write(MarksOf(20)).ok());
    ASSERT_TRUE((*mark)->Sync().ok());
  }
  EXPECT_EQ((*HighWaterMark::Open(file, 2))->marks().written, MarksOf(20).written);
  EXPECT_EQ((*HighWaterMark::Open(file, 2))->marks().synced, MarksOf(20).synced);
  EXPECT_EQ((*HighWaterMark::Open(file, 2))->marks().boot_id, CurrentBootId());

  // Damage the newer slot (the fourth write, in slot 0), then both.
  const auto damage = [&](long at) {
    FILE* stream = std::fopen(file.c_str(), "r+b");
    std::fseek(stream, at + 60, SEEK_SET);
    std::fputc('#', stream);
    std::fclose(stream);
  };
  damage(0);
  EXPECT_EQ((*HighWaterMark::Open(file, 2))->marks().written, MarksOf(10).written);
  damage(4'096);
  EXPECT_EQ(HighWaterMark::Open(file, 2).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rondo::eventlog
