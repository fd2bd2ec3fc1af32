// rondo's and the hand-written loops' side of `./x bench segments`: makes the population, writes it
// out for the peers, loads it, and then answers commands, so that all sides are measured in turn.
//
//   segments CUSTOMERS SEED FOLDER [log]   the population goes to FOLDER; `log`: through the log
//
// Then a line a command, words separated by tabs; a line of JSON is the answer to each, the first
// one tells of the loading. An answer may be an `error`; `refused` says that the rule is not
// understood.
//
//   define NAME RULE         stores a segment
//   rondo NAME RUNS RULE     ids to FOLDER/rondo-NAME.ids (32-bit numbers, ascending)
//   loop NAME RUNS           ids to FOLDER/loop-NAME.ids
//   preview NAME RUNS RULE   through gRPC
//   single RULE SECONDS      evaluations of one customer
//   updates RULE RATE SECONDS
//   fingerprint
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/bench/segments/loops.h"
#include "tests/bench/segments/population.h"
#include "tests/bench/segments/shop.h"

namespace rondo::bench {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string Quoted(std::string_view text) {
  return absl::StrCat("\"",
                      absl::StrReplaceAll(absl::string_view(text.data(), text.size()),
                                          {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}),
                      "\"");
}

std::string Refusal(const absl::Status& status) {
  return absl::StrFormat(R"({"error":%s,"refused":%s})", Quoted(std::string(status.message())),
                         absl::IsInvalidArgument(status) ? "true" : "false");
}

std::string MillisecondsOf(const std::vector<absl::Duration>& durations) {
  return absl::StrJoin(durations, ",", [](std::string* out, absl::Duration took) {
    absl::StrAppendFormat(out, "%.4f", absl::ToDoubleMilliseconds(took));
  });
}

class Session {
 public:
  Session(size_t customers, uint64_t seed, fs::path folder, Shop::Path path)
      : folder_(std::move(folder)) {
    const absl::Time begin = absl::Now();
    population_ = std::make_unique<Population>(customers, seed);
    population_->Export(folder_);
    const absl::Time made = absl::Now();
    loops_ = std::make_unique<Loops>(*population_);
    const absl::Time looped = absl::Now();
    shop_ = std::make_unique<Shop>(*population_, path);
    std::cout << absl::StrFormat(R"({"customers":%d,"purchases":%d,"made_ms":%.1f,"load_ms":%.1f,)"
                                 R"("memory_bytes":%d,"raw_bytes":%d})",
                                 customers, population_->purchases(),
                                 absl::ToDoubleMilliseconds(made - begin),
                                 absl::ToDoubleMilliseconds(absl::Now() - looped),
                                 shop_->memory_bytes(), population_->raw_bytes())
              << std::endl;
  }

  std::string Answer(const Words& words) {
    const auto is = [&](std::string_view command, size_t count) {
      return words[0] == command && words.size() == count;
    };
    if (is("define", 3)) {
      const absl::Status defined = shop_->Define(words[1], words[2]);
      return defined.ok() ? "{}" : Refusal(defined);
    }
    if (is("rondo", 4)) return AnswerRondo(words[1], std::atoi(words[2].c_str()), words[3]);
    if (is("loop", 3)) return AnswerLoop(words[1], std::atoi(words[2].c_str()));
    if (is("preview", 4)) return AnswerPreview(std::atoi(words[2].c_str()), words[3]);
    if (is("single", 3)) {
      const auto rate = shop_->EvaluationsPerSecond(words[1], Seconds(words[2]));
      return rate.ok() ? absl::StrFormat(R"({"per_second":%.1f})", *rate) : Refusal(rate.status());
    }
    if (is("updates", 4)) {
      const auto told =
          shop_->PreviewWhileUpdating(words[1], std::atoi(words[2].c_str()), Seconds(words[3]));
      if (!told.ok()) return Refusal(told.status());
      return absl::StrFormat(R"({"ms":[%s],"updates_per_second":%.1f})",
                             MillisecondsOf(told->previews), told->updates_per_second);
    }
    if (is("fingerprint", 1))
      return absl::StrFormat(R"({"fingerprint":"%x"})", shop_->Fingerprint());
    return Refusal(absl::InvalidArgumentError("no such command: " + absl::StrJoin(words, " ")));
  }

 private:
  static absl::Duration Seconds(const std::string& text) {
    return absl::Seconds(std::atof(text.c_str()));
  }

  // Writes the ids of a query, ascending.
  std::string Done(const std::string& file, const std::vector<absl::Duration>& took,
                   std::vector<uint32_t> ids) {
    std::sort(ids.begin(), ids.end());
    std::ofstream out(folder_ / file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(ids.data()),
              static_cast<std::streamsize>(ids.size() * sizeof ids[0]));
    return absl::StrFormat(R"({"ms":[%s],"rows":%d})", MillisecondsOf(took), ids.size());
  }

  // The first run is not counted.
  std::string AnswerRondo(const std::string& name, int runs, const std::string& rule) {
    std::vector<absl::Duration> took;
    std::vector<CustomerId> ids;
    for (int i = 0; i <= runs; ++i) {
      const absl::Time start = absl::Now();
      auto selected = shop_->Select(rule);
      if (i > 0) took.push_back(absl::Now() - start);
      if (!selected.ok()) return Refusal(selected.status());
      ids = *std::move(selected);
    }
    std::vector<uint32_t> numbers;
    for (const CustomerId id : ids) numbers.push_back(population_->NumberOf(id));
    return Done("rondo-" + name + ".ids", took, std::move(numbers));
  }

  std::string AnswerLoop(const std::string& name, int runs) {
    std::vector<absl::Duration> took;
    std::vector<uint32_t> numbers;
    for (int i = 0; i <= runs; ++i) {
      const absl::Time start = absl::Now();
      numbers = loops_->Run(name);
      if (i > 0) took.push_back(absl::Now() - start);
    }
    return Done("loop-" + name + ".ids", took, std::move(numbers));
  }

  std::string AnswerPreview(int runs, const std::string& rule) {
    std::vector<absl::Duration> took;
    int64_t selected = 0;
    for (int i = 0; i <= runs; ++i) {
      const auto preview = shop_->PreviewSegment(rule);
      if (!preview.ok()) return Refusal(preview.status());
      if (i > 0) took.push_back(preview->took);
      selected = preview->selected;
    }
    return absl::StrFormat(R"({"ms":[%s],"rows":%d})", MillisecondsOf(took), selected);
  }

  fs::path folder_;
  std::unique_ptr<Population> population_;
  std::unique_ptr<Loops> loops_;
  std::unique_ptr<Shop> shop_;
};

}  // namespace
}  // namespace rondo::bench

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: segments CUSTOMERS SEED FOLDER [log]\n");
    return 2;
  }
  const auto path = argc > 4 && std::string_view(argv[4]) == "log"
                        ? rondo::bench::Shop::Path::kLog
                        : rondo::bench::Shop::Path::kBulk;
  rondo::bench::Session session(std::strtoull(argv[1], nullptr, 10),
                                std::strtoull(argv[2], nullptr, 10), argv[3], path);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << session.Answer(absl::StrSplit(line, '\t')) << std::endl;
  }
  return 0;
}
