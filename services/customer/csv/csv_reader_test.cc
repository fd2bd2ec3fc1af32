#include "services/customer/csv/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace rondo::customer {
namespace {

using ::testing::ElementsAre;

struct Row {
  int64_t line;
  std::vector<std::string> fields;
  std::string bad;
};

// Hands out at most `step` bytes a call, so that every boundary is met.
class SlowSource final : public ByteSource {
 public:
  SlowSource(std::string text, size_t step) : inner_(SourceOf(std::move(text))), step_(step) {}
  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    return inner_->Read(out, std::min(size, step_));
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  size_t step_;
};

std::vector<Row> ReadAll(std::string text, size_t step = 1 << 20, CsvLimits limits = {}) {
  SlowSource source(std::move(text), step);
  CsvReader reader(source, ',', limits);
  std::vector<Row> rows;
  CsvRecord record;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(record);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return rows;
    if (record.bad.empty()) {
      rows.push_back({record.line, {record.fields.begin(), record.fields.end()}, ""});
    } else {
      rows.push_back({record.line, {}, record.bad});
    }
  }
}

TEST(CsvReaderTest, ReadsQuotedCommasQuotesAndLineBreaks) {
  const auto rows = ReadAll("a,\"b,\"\"c\"\"\nd\",e\r\n1,2,3\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].fields, ElementsAre("a", "b,\"c\"\nd", "e"));
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_THAT(rows[1].fields, ElementsAre("1", "2", "3"));
}

TEST(CsvReaderTest, KeepsEmptyFieldsAndSkipsBlankLines) {
  const auto rows = ReadAll("a,,\n\n\r\n,\n\"\"\n");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[0].fields, ElementsAre("a", "", ""));
  EXPECT_THAT(rows[1].fields, ElementsAre("", ""));
  EXPECT_THAT(rows[2].fields, ElementsAre(""));
}

TEST(CsvReaderTest, ReadsALastLineWithoutLineFeed) {
  EXPECT_THAT(ReadAll("a,b").at(0).fields, ElementsAre("a", "b"));
  EXPECT_TRUE(ReadAll("").empty());
}

TEST(CsvReaderTest, TakesOffAByteOrderMarkAndRefusesUtf16) {
  EXPECT_THAT(ReadAll("\xef\xbb\xbf"
                      "a,b\n")
                  .at(0)
                  .fields,
              ElementsAre("a", "b"));
  auto source =
      SourceOf(std::string("\xff\xfe"
                           "a\0",
                           4));
  CsvReader reader(*source, ',', {});
  CsvRecord record;
  EXPECT_EQ(reader.Next(record).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CsvReaderTest, RefusesABadRecordAndGoesOnWithTheNext) {
  struct Case {
    std::string text;
    std::string reason;
  };
  const Case cases[] = {
      {"a\"b,c\n", "a quote within a field that is not quoted"},
      {"\"a\"b,c\n", "text after a closing quote"},
      {"a\rb,c\n", "a carriage return that ends no line"},
      {std::string("a\0b,c\n", 6), "a NUL character"},
      {"\xc3\x28,c\n", "not UTF-8"},
      {"\xc3,\xa9\n", "not UTF-8"},
      {std::string(70'000, 'x') + "\n", "a field of more than 64 KiB"},
      {std::string(1'000, ',') + "\n", "more than 1,000 columns"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.reason);
    const auto rows = ReadAll(c.text + "good,row\n");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].bad, c.reason);
    EXPECT_THAT(rows[1].fields, ElementsAre("good", "row"));
    EXPECT_EQ(rows[1].line, 2);
  }
}

TEST(CsvReaderTest, AnUnclosedQuoteIsOneBadRecordOfBoundedMemory) {
  const auto rows = ReadAll("a,\"b\n" + std::string(1 << 20, 'x') + "\n");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].bad, "a field of more than 64 KiB");
}

std::string Quote(const std::string& field) {
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

RC_GTEST_PROP(CsvReaderProperty, ReadsBackWhatRfc4180Writes, ()) {
  const auto field = rc::gen::container<std::string>(rc::gen::element('a', ',', '"', '\n', '\r'));
  const auto rows = *rc::gen::container<std::vector<std::vector<std::string>>>(
      rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(field)));
  const size_t step = *rc::gen::inRange<size_t>(1, 5);
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) text += (i > 0 ? "," : "") + Quote(row[i]);
    text += "\r\n";
  }
  const auto read = ReadAll(text, step);
  RC_ASSERT(read.size() == rows.size());
  for (size_t i = 0; i < rows.size(); ++i) RC_ASSERT(read[i].fields == rows[i]);
}

}  // namespace
}  // namespace rondo::customer
