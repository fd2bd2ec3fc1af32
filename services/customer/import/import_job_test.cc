#include "services/customer/import/import_job.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace rondo::customer {
namespace {

namespace pb = ::rondo::customer::v1;

constexpr char kMapping[] = R"(
name: shop
keys: ["crm:{id}"]
attributes: {age: {column: age, type: int}}
)";

class ImportJobTest : public ::testing::Test {
 protected:
  ImportJobTest() {
    folder_ = std::filesystem::temp_directory_path() /
              absl::StrCat("rondo-import-", getpid(), "-",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    options_.name = "shop/test";
    options_.rejects_path = folder_ / "rejects.csv";
    options_.progress_path = folder_ / "progress.json";
  }
  ~ImportJobTest() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<ImportSummary> Run(const std::string& csv) {
    auto source = SourceOf(csv);
    return RunImport(
        options_, *ParseMapping(mapping_), *source, executor_,
        [this](const pb::ImportCustomersRequest& request) { return Take(request); },
        [](const ImportSummary&) {});
  }

  // Stands for the server: refuses age 13, knows what it has seen.
  absl::StatusOr<pb::ImportCustomersResponse> Take(const pb::ImportCustomersRequest& request) {
    if (request.history_complete()) {
      EXPECT_TRUE(request.rows().empty());
      EXPECT_EQ(request.campaigns(0).campaign().name(), "campaigns/old");
      ++ends_;
    }
    if (++calls_ == fail_at_call_) return absl::UnavailableError("the server is gone");
    pb::ImportCustomersResponse response;
    for (const pb::ImportRow& row : request.rows()) {
      if (row.attributes(0).value().int_value() == 13) {
        auto& rejected = *response.add_rejected();
        rejected.set_row(row.row());
        rejected.set_field("age");
        rejected.set_reason("too young");
      } else if (seen_.insert(row.keys(0).value()).second) {
        response.set_imported(response.imported() + 1);
      } else {
        response.set_unchanged(response.unchanged() + 1);
      }
    }
    largest_ = std::max(largest_, request.rows_size());
    import_id_ = request.import_id();
    return response;
  }

  std::string RejectsFile() const {
    std::ifstream file(options_.rejects_path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  static std::string Rows(int count) {
    std::string csv = "id,age\n";
    for (int i = 1; i <= count; ++i) absl::StrAppend(&csv, i, ",", i % 100 == 0 ? 13 : 40, "\n");
    return csv;
  }

  SystemClock clock_;
  ThreadPoolExecutor executor_{1, clock_};
  std::filesystem::path folder_;
  ImportOptions options_;
  std::set<std::string> seen_;
  std::string mapping_ = kMapping;
  int ends_ = 0;  // Of past cycles, as told to the server.
  int calls_ = 0;
  int fail_at_call_ = 0;
  int largest_ = 0;
  std::string import_id_;  // Of the newest request.
};

TEST_F(ImportJobTest, SaysWhyAndWhereEachRowWasRefused) {
  const auto summary = Run("id,age\n1,40\n2,=x\n\"3\n4\",40\n5\n6,13\n7,\"4\"0\n1,40\n");
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(*summary, (ImportSummary{.rows = 7, .imported = 2, .unchanged = 1, .rejected = 4}));
  EXPECT_EQ(RejectsFile(),
            "line,column,field,value,reason\n"
            "3,age,attributes.age,'=x,expected a whole number\n"
            "6,,,,\"expected 2 columns, found 1\"\n"
            "8,age,,,text after a closing quote\n"
            "7,age,age,,too young\n");
}

TEST_F(ImportJobTest, SendsBoundedBatchesAndIsIdempotent) {
  const std::string csv = Rows(12'000);
  const auto first = Run(csv);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, (ImportSummary{12'000, 11'880, 0, 120}));
  EXPECT_EQ(largest_, kImportBatchRows);
  EXPECT_FALSE(std::filesystem::exists(options_.progress_path));
  EXPECT_EQ(*Run(csv), (ImportSummary{12'000, 0, 11'880, 120}));
}

TEST_F(ImportJobTest, GoesOnWhereItStopped) {
  const std::string csv = Rows(12'000);
  fail_at_call_ = 2;
  EXPECT_EQ(Run(csv).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(std::filesystem::exists(options_.progress_path));
  // What the stopped run wrote beyond its last batch is written once.
  std::ofstream(options_.rejects_path, std::ios::app) << "left by a crash";
  options_.resume = true;
  const auto resumed = Run(csv);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(*resumed, (ImportSummary{12'000, 11'880, 0, 120}));
  const std::string rejects = RejectsFile();
  EXPECT_EQ(std::count(rejects.begin(), rejects.end(), '\n'), 121);
  EXPECT_EQ(rejects.find("left by a crash"), std::string::npos);
}

TEST_F(ImportJobTest, SaysThatAPastCycleIsCompleteAfterItsLastRow) {
  mapping_ += R"(
campaigns:
  - {name: old, cycle: 1, due: 2008-03-20T00:00:00Z, cells: [{name: mail, share: 1, channel: email}]}
contacts: [{campaign: old, cell: mail}]
)";
  fail_at_call_ = 2;
  const std::string csv = Rows(6'000);
  EXPECT_FALSE(Run(csv).ok());
  EXPECT_EQ(ends_, 0);
  options_.dry_run = true;
  ASSERT_TRUE(Run(csv).ok());
  EXPECT_EQ(ends_, 0) << "a dry run ends nothing";
  options_.dry_run = false;
  const auto summary = Run(csv);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->rows, 6'000);
  EXPECT_EQ(ends_, 1);
}

TEST_F(ImportJobTest, ResumesNothingThatNeverStopped) {
  options_.resume = true;
  EXPECT_EQ(Run(Rows(1)).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(options_.progress_path) << R"({"import":"another","last_row":1})";
  EXPECT_EQ(Run(Rows(1)).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ImportJobTest, ResumesOnlyWithTheMappingThatStopped) {
  const std::string csv = Rows(12'000);
  fail_at_call_ = 2;
  options_.mapping_hash = 1;
  EXPECT_EQ(Run(csv).status().code(), absl::StatusCode::kUnavailable);
  options_.resume = true;
  options_.mapping_hash = 2;
  EXPECT_EQ(Run(csv).status().code(), absl::StatusCode::kFailedPrecondition);
  options_.mapping_hash = 1;
  EXPECT_TRUE(Run(csv).ok());
}

TEST_F(ImportJobTest, AFileThatCannotBeWrittenIsNoAnswerOfTheServer) {
  options_.progress_path = folder_ / "not there" / "progress.json";
  EXPECT_EQ(Run(Rows(1)).status().code(), absl::StatusCode::kInternal);
  options_.rejects_path = folder_ / "not there" / "rejects.csv";
  EXPECT_EQ(Run(Rows(1)).status().code(), absl::StatusCode::kInternal);
}

TEST_F(ImportJobTest, TellsOfEachRefusedRow) {
  options_.rejects_path.clear();
  std::vector<int64_t> lines;
  options_.on_rejected = [&lines](const Rejection& row) { lines.push_back(row.line); };
  const auto summary = Run(Rows(250));
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(static_cast<int64_t>(lines.size()), summary->rejected);
  EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end()));
}

TEST_F(ImportJobTest, RefusesAFileThatIsEmptyOrLacksAColumn) {
  EXPECT_EQ(Run("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Run("id,size\n1,2\n").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ImportJobTest, TellsFilesOfOneNameApartByTheirFirstRow) {
  ASSERT_TRUE(Run("id,age\n1,40\n").ok());
  const std::string first = import_id_;
  ASSERT_TRUE(Run("id,age\n1,40\n2,40\n").ok());
  EXPECT_EQ(import_id_, first);  // It has grown.
  ASSERT_TRUE(Run("id,age\n3,40\n").ok());
  EXPECT_NE(import_id_, first);
}

TEST(ImportNameTest, IsOfMappingAndFile) {
  Mapping mapping;
  mapping.name = "shop";
  EXPECT_EQ(ImportName(mapping, "/data/2009-12.csv.gz"), "shop/2009-12");
  EXPECT_EQ(ImportName(mapping, "sales.2009.csv"), "shop/sales.2009");
  EXPECT_EQ(ImportName(mapping, "sales.2010.csv.zst"), "shop/sales.2010");
  EXPECT_EQ(ImportName(mapping, "-"), "shop/-");
}

}  // namespace
}  // namespace rondo::customer
