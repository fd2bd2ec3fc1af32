// Insight through its records and handlers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "services/insight/insight_fixture.h"
#include "stats/lift.h"

namespace rondo::insight {
namespace {

using rondo::log::v1::Record;
using testing::Contains;
using testing::HasSubstr;

const pb::Effect* EffectOf(const pb::CampaignReport& report, const std::string& arm,
                           const std::string& metric) {
  for (const pb::Effect& effect : report.effects()) {
    if (effect.arm() == arm && effect.metric() == metric) return &effect;
  }
  return nullptr;
}

double MeanOf(const pb::CampaignReport& report, const std::string& arm, const std::string& metric) {
  for (const pb::Arm& a : report.arms()) {
    for (const pb::MetricMean& mean : a.means()) {
      if (a.arm() == arm && mean.metric() == metric) return mean.mean();
    }
  }
  return -1.0;
}

TEST_F(InsightTest, TheFunnelCountsEachCustomerOnce) {
  BeginCycle(1);
  for (uint64_t i = 1; i <= 5; ++i) Plan(i, "mail");
  Plan(6, "control");
  Plan(1, "mail");  // A second step.
  Deliver(1, rondo::log::v1::DELIVERY_STATE_SENT);
  Deliver(1, rondo::log::v1::DELIVERY_STATE_SENT);
  Deliver(2, rondo::log::v1::DELIVERY_STATE_IN_DOUBT);
  Deliver(3, rondo::log::v1::DELIVERY_STATE_SENT);
  Deliver(3, rondo::log::v1::DELIVERY_STATE_BOUNCED);
  Suppress(4, "no_consent");
  Suppress(6, "no_consent", /*shadow=*/true);
  for (int i = 0; i < 3; ++i) Respond(1, "open");
  Respond(3, "open", 0, 1, /*machine=*/true);
  Respond(1, "click");
  Respond(1, "bought", 1000);
  Respond(1, "bought", 500);
  Respond(1, "unsubscribe");
  Respond(3, "complaint");
  const auto report = Report();
  ASSERT_TRUE(report.ok()) << report.status();
  const pb::Funnel& funnel = report->funnel();
  EXPECT_EQ(funnel.planned(), 5);
  EXPECT_EQ(funnel.sent(), 2);
  EXPECT_EQ(funnel.in_doubt(), 1);
  EXPECT_EQ(funnel.delivered(), 1);
  EXPECT_EQ(funnel.bounced(), 1);
  ASSERT_EQ(funnel.suppressed_size(), 1);
  EXPECT_EQ(funnel.suppressed(0).reason(), "no_consent");
  EXPECT_EQ(funnel.suppressed(0).count(), 1);
  EXPECT_EQ(funnel.opened(), 1);
  EXPECT_EQ(funnel.opened_machine(), 1);
  EXPECT_EQ(funnel.clicked(), 1);
  EXPECT_EQ(funnel.converted(), 1);
  EXPECT_EQ(funnel.unsubscribed(), 1);
  EXPECT_EQ(funnel.complained(), 1);
  EXPECT_EQ(report->cost_minor_units(), 10);
}

TEST_F(InsightTest, AnInDoubtContactThatArrivedIsSent) {
  BeginCycle(1);
  Plan(1, "mail");
  Deliver(1, rondo::log::v1::DELIVERY_STATE_IN_DOUBT);
  Deliver(1, rondo::log::v1::DELIVERY_STATE_DELIVERED);
  const auto report = Report();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->funnel().sent(), 1);
  EXPECT_EQ(report->funnel().in_doubt(), 0);
}

TEST_F(InsightTest, AnAttemptThatIsPutOffOrRefusedEndsNoDoubtOfAnEarlierOne) {
  using rondo::log::v1::DELIVERY_STATE_DEFERRED;
  using rondo::log::v1::DELIVERY_STATE_FAILED;
  using rondo::log::v1::DELIVERY_STATE_IN_DOUBT;
  BeginCycle(1);
  for (uint64_t i = 1; i <= 3; ++i) {
    Plan(i, "mail");
    Deliver(i, DELIVERY_STATE_IN_DOUBT, 1, /*attempt=*/1);
  }
  Deliver(1, DELIVERY_STATE_DEFERRED, 1, /*attempt=*/2);
  Deliver(2, DELIVERY_STATE_FAILED, 1, /*attempt=*/2);
  Deliver(3, DELIVERY_STATE_IN_DOUBT, 1, /*attempt=*/2);
  Deliver(3, DELIVERY_STATE_DEFERRED, 1, /*attempt=*/2);
  EXPECT_EQ(Report()->funnel().in_doubt(), 3) << "the first attempts may have gone out";
  Deliver(1, DELIVERY_STATE_DEFERRED, 1, /*attempt=*/1);
  EXPECT_EQ(Report()->funnel().in_doubt(), 2);
  Deliver(3, rondo::log::v1::DELIVERY_STATE_SENT, 1, /*attempt=*/3);
  EXPECT_EQ(Report()->funnel().in_doubt(), 1);
  EXPECT_EQ(Report()->funnel().sent(), 1);
}

TEST_F(InsightTest, WhatStaysInDoubtIsUnknownUntilEvidenceComesAfterAll) {
  BeginCycle(1);
  for (uint64_t i = 1; i <= 3; ++i) {
    Plan(i, "mail");
    Deliver(i, rondo::log::v1::DELIVERY_STATE_IN_DOUBT);
  }
  Deliver(1, rondo::log::v1::DELIVERY_STATE_UNKNOWN);
  Deliver(2, rondo::log::v1::DELIVERY_STATE_UNKNOWN);
  EXPECT_EQ(Report()->funnel().in_doubt(), 3);
  EXPECT_EQ(Report()->funnel().unknown(), 2);
  EXPECT_THAT(Report()->warnings(), Contains(HasSubstr("of 2 of them no evidence")));
  Deliver(1, rondo::log::v1::DELIVERY_STATE_BOUNCED);
  EXPECT_EQ(Report()->funnel().in_doubt(), 2);
  EXPECT_EQ(Report()->funnel().unknown(), 1);
  EXPECT_EQ(Report()->funnel().bounced(), 1);
}

TEST_F(InsightTest, EffectsAreCellAgainstControlByIntentionToTreat) {
  RunCycle(1, 200, 20, 36, 2500);
  const auto report = Report(1);
  ASSERT_TRUE(report.ok());
  EXPECT_DOUBLE_EQ(MeanOf(*report, "control", "bought"), 0.10);
  EXPECT_DOUBLE_EQ(MeanOf(*report, "mail", "bought"), 0.18);
  EXPECT_DOUBLE_EQ(MeanOf(*report, "mail", "bought.value"), 4.5);  // Major units.
  const auto expected = stats::AbsoluteLift(stats::ProportionArm{200, 36}, {200, 20});
  const pb::Effect* effect = EffectOf(*report, "mail", "bought");
  ASSERT_NE(effect, nullptr);
  EXPECT_DOUBLE_EQ(effect->difference(), 0.08);
  EXPECT_DOUBLE_EQ(effect->low(), expected->interval.low);
  EXPECT_DOUBLE_EQ(effect->high(), expected->interval.high);
  EXPECT_DOUBLE_EQ(effect->p_value(), expected->p_value);
  ASSERT_NE(EffectOf(*report, "treated", "bought"), nullptr);
  ASSERT_NE(EffectOf(*report, "mail", "bought.value"), nullptr);
  // 16 more buyers of 2,500 each, less 200 messages of 5.
  EXPECT_DOUBLE_EQ(report->incremental_profit_minor_units(), 16 * 2500 - 200 * 5);
  EXPECT_DOUBLE_EQ(report->srm_p_value(), 1.0);
}

TEST_F(InsightTest, ValuesThatCouldNotBeComputedAreCountedAndNamedInWarnings) {
  RunCycle(1, 200, 20, 36, 2500);
  const auto names_values = [](const pb::CampaignReport& report) {
    return std::count_if(report.warnings().begin(), report.warnings().end(), [](const auto& text) {
      return text.find("could not be computed") != std::string::npos;
    });
  };
  EXPECT_EQ(names_values(*Report(1)), 0);
  RespondWithoutValue(1, "bought");  // Of control, with a value before.
  RespondWithoutValue(201, "bought");
  RespondWithoutValue(300, "bought");
  const auto report = Report(1);
  ASSERT_EQ(names_values(*report), 1);
  EXPECT_THAT(report->warnings(),
              Contains(HasSubstr("bought: the value of 3 events could not be computed and counts "
                                 "as 0: send every event with the fields that the goal's value "
                                 "`e.amount` reads")));
  EXPECT_EQ(report->funnel().converted(), 37) << "the goal is met all the same";
  EXPECT_DOUBLE_EQ(MeanOf(*report, "mail", "bought.value"), 4.5);
}

TEST_F(InsightTest, CurrenciesWithoutMinorUnitsAreReportedInWholeUnits) {
  auto definition = Definition();
  definition.set_currency("KRW");
  definition.mutable_cells(1)->mutable_treatment()->mutable_cost()->set_currency_code("KRW");
  BeginCycle(1, definition);
  for (uint64_t i = 1; i <= 400; ++i) Plan(i, i <= 200 ? "control" : "mail");
  for (uint64_t i = 201; i <= 400; ++i) Deliver(i, rondo::log::v1::DELIVERY_STATE_SENT);
  for (uint64_t i = 1; i <= 20; ++i) Respond(i, "bought", 12'000);
  for (uint64_t i = 201; i <= 236; ++i) Respond(i, "bought", 12'000);
  const auto report = Report(1);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->currency(), "KRW");
  EXPECT_DOUBLE_EQ(MeanOf(*report, "mail", "bought.value"), 0.18 * 12'000);  // Won, not hundreds.
  EXPECT_DOUBLE_EQ(EffectOf(*report, "mail", "bought.value")->difference(), 0.08 * 12'000);
  EXPECT_EQ(report->cost_minor_units(), 200 * 5);
  EXPECT_DOUBLE_EQ(report->incremental_profit_minor_units(), 16 * 12'000 - 200 * 5);
}

TEST_F(InsightTest, SegmentsAreCountedAsIfTheirMembersWereTheWholeCampaign) {
  const std::vector<std::string> segments = {"segments/vip", "segments/young"};
  auto definition = Definition();
  definition.mutable_audience()->add_include("segments/lapsing");
  BeginCycle(1, definition, segments);
  // Twice: both cells over all combinations of segments; in a cycle of its own only whom `of`
  // picks.
  const auto run = [this](int32_t cycle, uint32_t of) {
    for (uint64_t i = 1; i <= 400; ++i) {
      const auto in = static_cast<uint32_t>(i % 4);
      if (of != 0 && (in & of) == 0) continue;
      const bool control = i % 3 == 0;
      Plan(i, control ? "control" : "mail", cycle, false, of == 0 ? in : 0);
      if (!control) Deliver(i, rondo::log::v1::DELIVERY_STATE_SENT, cycle);
      if (i % 5 == 0) Respond(i, "click", 0, cycle);
      if (i % 7 == 0 || (i % 11 == 0 && !control)) {
        Respond(i, "bought", static_cast<int64_t>(100 * i), cycle);
      }
    }
  };
  run(1, 0);
  BeginCycle(2, Definition());
  run(2, 1);
  BeginCycle(3, Definition());
  run(3, 2);
  const auto report = Report(1, kCampaign, pb::REPORT_DIMENSION_SEGMENT);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->segments_size(), 3);
  const char* names[] = {"segments/vip", "segments/young", "segments/lapsing"};
  const int32_t cycles[] = {2, 3, 1};  // Everybody is in the one that is included.
  for (int i = 0; i < 3; ++i) {
    SCOPED_TRACE(names[i]);
    const pb::SegmentFigures& figures = report->segments(i);
    const auto alone = Report(cycles[i]);
    ASSERT_TRUE(alone.ok());
    EXPECT_EQ(figures.segment(), names[i]);
    EXPECT_EQ(figures.funnel().SerializeAsString(), alone->funnel().SerializeAsString());
    ASSERT_EQ(figures.arms_size(), alone->arms_size());
    for (int arm = 0; arm < figures.arms_size(); ++arm) {
      EXPECT_EQ(figures.arms(arm).SerializeAsString(), alone->arms(arm).SerializeAsString());
    }
    ASSERT_EQ(figures.effects_size(), alone->effects_size());
    EXPECT_GT(figures.effects_size(), 0);
    for (int effect = 0; effect < figures.effects_size(); ++effect) {
      EXPECT_EQ(figures.effects(effect).SerializeAsString(),
                alone->effects(effect).SerializeAsString());
    }
    EXPECT_EQ(figures.incremental_profit_minor_units(), alone->incremental_profit_minor_units());
  }
  EXPECT_EQ(Report(1)->segments_size(), 0) << "only when asked for";
  EXPECT_EQ(Report(1)->arms(0).n() + Report(1)->arms(1).n(), 400);
}

TEST_F(InsightTest, AnUnevenSplitIsAnAlarm) {
  BeginCycle(1);
  for (uint64_t i = 1; i <= 300; ++i) Plan(i, i <= 100 ? "control" : "mail");
  const auto report = Report();
  ASSERT_TRUE(report.ok());
  EXPECT_LT(report->srm_p_value(), 1e-6);
  EXPECT_THAT(report->warnings(), Contains(HasSubstr("sample ratio mismatch")));
}

TEST_F(InsightTest, WithoutControlNoLiftCanBeKnown) {
  auto definition = Definition();
  definition.mutable_cells()->DeleteSubrange(0, 1);
  definition.set_no_control_reason("legal notice");
  BeginCycle(1, definition);
  Plan(1, "mail");
  const auto report = Report();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->effects_size(), 0);
  EXPECT_FALSE(report->has_incremental_profit_minor_units());
  EXPECT_THAT(report->warnings(), Contains("no control cell (legal notice): no lift can be known"));
}

TEST_F(InsightTest, AnImportedCampaignIsReportedAsAnOwnOne) {
  RunCycle(1, 100, 10, 25, 2500);
  const auto own = Report(1);
  Restart({"insight"});
  BeginCycle(2);
  for (uint64_t i = 1; i <= 100; ++i) {
    Plan(i, "control", 2, /*imported=*/true);
    Plan(100 + i, "mail", 2, /*imported=*/true);
    if (i <= 10) Respond(i, "bought", 2500, 2);
    if (i <= 25) Respond(100 + i, "bought", 2500, 2);
  }
  auto imported = Report(2);
  ASSERT_TRUE(own.ok() && imported.ok());
  imported->set_cycle(1);
  *imported->mutable_as_of() = own->as_of();
  imported->clear_warnings();
  auto expected = *own;
  expected.clear_warnings();
  EXPECT_EQ(imported->SerializeAsString(), expected.SerializeAsString());
}

TEST_F(InsightTest, ResponsesCountTheSameInAnyOrder) {
  BeginCycle(1);
  for (uint64_t i = 1; i <= 20; ++i) Plan(i, i <= 10 ? "control" : "mail");
  for (uint64_t i = 1; i <= 20; i += 3) Respond(i, "bought", static_cast<int64_t>(100 * i));
  for (uint64_t i = 12; i <= 20; i += 2) Respond(i, "click");
  const auto forward = Report();
  BeginCycle(2);
  for (uint64_t i = 20; i >= 1; --i) Plan(i, i <= 10 ? "control" : "mail", 2);
  for (uint64_t i = 20; i >= 12; i -= 2) Respond(i, "click", 0, 2);
  for (uint64_t i = 19; i >= 1 && i <= 20; i -= 3) {
    Respond(i, "bought", static_cast<int64_t>(100 * i), 2);
  }
  const auto backward = Report(2);
  ASSERT_TRUE(forward.ok() && backward.ok());
  const auto first = Report(1);
  ASSERT_TRUE(first.ok());
  for (int i = 0; i < first->arms_size(); ++i) {
    EXPECT_EQ(first->arms(i).SerializeAsString(), backward->arms(i).SerializeAsString());
  }
}

TEST_F(InsightTest, ACycleIsClosedOnceWhenItsWindowsAreOver) {
  RunCycle(1, 400, 20, 100, 5000);
  house_.Advance(absl::Hours(14 * 24 - 1));
  EXPECT_TRUE(LogOf(Record::kCycleClosed).empty());
  house_.Advance(absl::Hours(2));
  const auto closed = LogOf(Record::kCycleClosed);
  ASSERT_EQ(closed.size(), 4u);  // In each partition.
  for (const Record& record : closed) {
    EXPECT_EQ(record.cycle_closed().SerializeAsString(),
              closed[0].cycle_closed().SerializeAsString());
  }
  EXPECT_EQ(closed[0].cycle_closed().results().funnel().converted(), 100);
  house_.Advance(absl::Hours(24));
  EXPECT_EQ(LogOf(Record::kCycleClosed).size(), 4u);
  const auto report = Report(1);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->warnings(), testing::Not(Contains(HasSubstr("not final"))));
}

TEST_F(InsightTest, TheProposalNamesTheFiguresThatMovedTheShares) {
  RunCycle(1, 400, 20, 100, 5000);
  house_.Advance(absl::Hours(15 * 24));
  const auto closed = LogOf(Record::kCycleClosed);
  ASSERT_FALSE(closed.empty());
  const auto& proposal = closed[0].cycle_closed().proposal();
  ASSERT_EQ(proposal.size(), 2);
  EXPECT_EQ(proposal[0].cell(), "control");
  EXPECT_NEAR(proposal[0].share(), 0.1, 0.01);  // Its floor.
  EXPECT_NEAR(proposal[1].share(), 0.9, 0.01);
  EXPECT_DOUBLE_EQ(proposal[1].previous_share(), 0.5);
  EXPECT_GT(proposal[1].probability_best(), 0.99);
  // 80 more buyers of 5,000 in 400, less 5.
  EXPECT_NEAR(proposal[1].profit_per_contact_minor_units(), 995.0, 10.0);
  EXPECT_THAT(closed[0].cycle_closed().reasons(),
              Contains(HasSubstr("mail: share 50.0% -> 90.0%")));
}

TEST_F(InsightTest, WithoutResponsesTheSharesStay) {
  RunCycle(1, 10, 0, 0, 0);
  house_.Advance(absl::Hours(15 * 24));
  const auto closed = LogOf(Record::kCycleClosed);
  ASSERT_FALSE(closed.empty());
  ASSERT_EQ(closed[0].cycle_closed().proposal_size(), 2);
  EXPECT_DOUBLE_EQ(closed[0].cycle_closed().proposal(1).share(), 0.5);
  EXPECT_THAT(closed[0].cycle_closed().reasons(), Contains(HasSubstr("not enough data")));
}

TEST_F(InsightTest, ACampaignWithFixedSharesGetsNoProposal) {
  auto definition = Definition();
  definition.clear_learning();
  BeginCycle(1, definition);
  Plan(1, "mail");
  EndPlanning(1);
  house_.Advance(absl::Hours(15 * 24));
  const auto closed = LogOf(Record::kCycleClosed);
  ASSERT_EQ(closed.size(), 4u);
  EXPECT_EQ(closed[0].cycle_closed().proposal_size(), 0);
}

TEST_F(InsightTest, ACycleThatBecameDueWhileNobodyActedIsClosedAtTheNextStart) {
  RunCycle(1, 10, 1, 2, 100);
  module_->Stop();
  house_.Advance(absl::Hours(15 * 24));
  EXPECT_TRUE(LogOf(Record::kCycleClosed).empty());
  Restart();
  house_.Settle();
  EXPECT_EQ(LogOf(Record::kCycleClosed).size(), 4u);
}

TEST_F(InsightTest, AnImportedCycleIsClosedOnceAllOfItIsInAndItsWindowsAreOver) {
  BeginCycle(1);
  for (uint64_t i = 1; i <= 6; ++i) {
    Plan(i, i % 2 == 0 ? "mail" : "control", 1, /*imported=*/true);
    if (i <= 2) Respond(i, "bought", 100);
  }
  house_.Advance(absl::Hours(40 * 24));
  EXPECT_TRUE(LogOf(Record::kCycleClosed).empty()) << "more may come";
  EndPlanning(1);
  house_.Settle();
  auto closed = LogOf(Record::kCycleClosed);
  ASSERT_EQ(closed.size(), 4u);
  EXPECT_EQ(closed[0].cycle_closed().results().funnel().planned(), 3);
  EXPECT_EQ(closed[0].cycle_closed().results().funnel().sent(), 3);
  EXPECT_EQ(closed[0].cycle_closed().results().funnel().converted(), 1);
  EndPlanning(1);  // Imported again.
  house_.Settle();
  EXPECT_EQ(LogOf(Record::kCycleClosed).size(), 4u);

  BeginCycle(2);  // Its windows are open: it ended yesterday elsewhere.
  Plan(1, "mail", 2, /*imported=*/true);
  EndPlanning(2);
  house_.Advance(absl::Hours(13 * 24));
  EXPECT_EQ(LogOf(Record::kCycleClosed).size(), 4u);
  house_.Advance(absl::Hours(25));
  EXPECT_EQ(LogOf(Record::kCycleClosed).size(), 8u);
}

TEST_F(InsightTest, ACycleWaitsForTheWindowOfItsLatestContact) {
  BeginCycle(1);
  Plan(1, "mail");
  Plan(2, "control");
  house_.Advance(absl::Hours(12));
  Plan(3, "mail");  // Due now: where this customer lives it became ten o'clock just now.
  EndPlanning(1);
  house_.Advance(absl::Hours(14 * 24 - 1));  // 11 hours after the first windows' end.
  EXPECT_TRUE(LogOf(Record::kCycleClosed).empty());
  EXPECT_THAT(Report(1)->warnings(), Contains(HasSubstr("not final")));
  house_.Advance(absl::Hours(2));
  EXPECT_EQ(LogOf(Record::kCycleClosed).size(), 4u);
}

TEST_F(InsightTest, AllCyclesTogetherCompareWithinCycles) {
  RunCycle(1, 200, 80, 90, 100);
  RunCycle(2, 100, 2, 6, 100);
  const auto report = Report();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->funnel().planned(), 300);
  const pb::Effect* effect = EffectOf(*report, "mail", "bought");
  ASSERT_NE(effect, nullptr);
  EXPECT_NEAR(effect->difference(), (400 * 0.05 + 200 * 0.04) / 600, 1e-12);
}

TEST_F(InsightTest, UnknownCampaignsAndCyclesAreNotFound) {
  EXPECT_TRUE(absl::IsNotFound(Report(0, "campaigns/none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Report(0, "none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Report(-1).status()));
  BeginCycle(1);
  EXPECT_TRUE(absl::IsNotFound(Report(2).status()));
  EXPECT_TRUE(Report(1).ok());
}

TEST_F(InsightTest, TheLastContactIsASignal) {
  BeginCycle(1);
  Plan(1, "mail");
  Deliver(1, rondo::log::v1::DELIVERY_STATE_SENT);
  house_.Settle();
  const auto signals = LogOf(Record::kSignalsChanged);
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_EQ(signals[0].party(), Customer(1).value());
  ASSERT_EQ(signals[0].signals_changed().signals_size(), 2);
  EXPECT_EQ(signals[0].signals_changed().signals(0).name(), "last_contact.any");
  EXPECT_EQ(signals[0].signals_changed().signals(1).name(), "last_contact.email");
  EXPECT_EQ(signals[0].signals_changed().signals(1).value().timestamp_micros(),
            ToMicros(absl::FromUnixSeconds(kit::kTestStartSeconds)));
}

class SignalsTest : public InsightTest {
 protected:
  pb::RefreshSignalsResponse Refresh() {
    const auto response =
        Call<pb::RefreshSignalsResponse>(*caller_, {}, pb::RefreshSignalsRequest());
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(pb::RefreshSignalsResponse());
  }

  // The latest value of `signal` by customer number, up to `count`.
  std::vector<int64_t> Scores(const std::string& signal, uint64_t count) {
    std::vector<int64_t> scores(count, 0);
    for (const Record& record : LogOf(Record::kSignalsChanged)) {
      for (uint64_t i = 1; i <= count; ++i) {
        if (record.party() != Customer(i).value()) continue;
        for (const auto& changed : record.signals_changed().signals()) {
          if (changed.name() == signal) scores[i - 1] = changed.value().int_value();
        }
      }
    }
    return scores;
  }
};

TEST_F(SignalsTest, ScoresAreQuintilesOverAllPartitions) {
  const absl::Time start = house_.clock().Now();
  for (uint64_t i = 1; i <= 10; ++i) {
    const auto n = static_cast<int>(i);
    Purchase(i, start - absl::Hours(24 * n), 10.0 * n);
    for (int extra = 0; extra < n; ++extra) {
      Purchase(i, start - absl::Hours(24 * (30 + extra)), 1.0, absl::StrFormat("order-%d", extra));
    }
  }
  const auto first = Refresh();
  EXPECT_EQ(first.scored(), 10);
  EXPECT_EQ(first.changed(), 10);
  EXPECT_THAT(Scores("rfm.recency", 10), testing::ElementsAre(5, 5, 4, 4, 3, 3, 2, 2, 1, 1));
  EXPECT_THAT(Scores("rfm.frequency", 10), testing::ElementsAre(1, 1, 2, 2, 3, 3, 4, 4, 5, 5));
  EXPECT_THAT(Scores("rfm.monetary", 10), testing::ElementsAre(1, 1, 2, 2, 3, 3, 4, 4, 5, 5));
}

TEST_F(SignalsTest, AmountsOfMoneyCountAsWhatTheyAreWhateverTheirDecimals) {
  const absl::Time time = house_.clock().Now() - absl::Hours(24);
  const auto money = [](const char* currency, int64_t minor_units) {
    rondo::type::v1::Money amount;
    amount.set_currency_code(currency);
    amount.set_minor_units(minor_units);
    return amount;
  };
  Purchase(1, time, 100.0);
  Purchase(2, time, money("KRW", 1'000));  // 1,000 won.
  Purchase(3, time, 1'500.0);
  Purchase(4, time, money("KWD", 2'000'000));  // 2,000 dinars of a thousand fils.
  Purchase(5, time, money("EUR", 300'000));    // 3,000 euros.
  Refresh();
  EXPECT_THAT(Scores("rfm.monetary", 5), testing::ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(SignalsTest, OnlyChangedScoresAreAppended) {
  const absl::Time start = house_.clock().Now();
  for (uint64_t i = 1; i <= 10; ++i) {
    Purchase(i, start - absl::Hours(24 * static_cast<int>(i)), 10.0 * static_cast<double>(i));
  }
  Refresh();
  EXPECT_EQ(Refresh().changed(), 0);
  // The least becomes the most recent: he and those at the bins' borders move.
  Purchase(10, start, 1.0);
  const auto moved = Refresh();
  EXPECT_GT(moved.changed(), 0);
  EXPECT_LT(moved.changed(), 10);
}

TEST_F(SignalsTest, RepeatedMessagesAndLinesOfOneOrderCountOnce) {
  const absl::Time now = house_.clock().Now();
  Purchase(1, now, 10.0, "A", "m1");
  Purchase(1, now, 10.0, "A", "m1");
  Purchase(1, now, 10.0, "A", "m2");
  Purchase(2, now, 5.0, "A", "m3");
  Purchase(2, now, 5.0, "B", "m4");
  Purchase(2, now, 5.0, "C", "m5");
  house_.Settle();
  std::vector<stats::PurchaseSummary> customers;
  for (int partition = 0; partition < 4; ++partition) {
    const auto state = house_.runtime().ReadState("insight", partition);
    ASSERT_TRUE(state.ok());
    ASSERT_TRUE(ReadPurchases(**state, customers).ok());
  }
  ASSERT_EQ(customers.size(), 2u);
  std::sort(customers.begin(), customers.end(),
            [](const auto& a, const auto& b) { return a.orders < b.orders; });
  EXPECT_EQ(customers[0].orders, 1);
  EXPECT_EQ(customers[0].amount, 2000);
  EXPECT_EQ(customers[1].orders, 3);
  EXPECT_EQ(customers[1].amount, 1500);
}

TEST_F(SignalsTest, MessagesAndOrdersCountOnceHoweverLongAgoTheyCame) {
  const absl::Time now = house_.clock().Now();
  constexpr int kOrders = 3 * kCountedInRowMax;
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (int i = 0; i < kOrders; ++i) {
      Purchase(1, now, 1.0, absl::StrFormat("order-%d", i), absl::StrFormat("message-%d", i));
    }
  }
  house_.Settle();
  std::vector<stats::PurchaseSummary> customers;
  for (int partition = 0; partition < 4; ++partition) {
    const auto state = house_.runtime().ReadState("insight", partition);
    ASSERT_TRUE(state.ok());
    ASSERT_TRUE(ReadPurchases(**state, customers).ok());
  }
  ASSERT_EQ(customers.size(), 1u);
  EXPECT_EQ(customers[0].orders, kOrders);
  EXPECT_EQ(customers[0].amount, 100 * kOrders);
}

TEST_F(SignalsTest, ErasedCustomersAreForgottenAndSumsStay) {
  RunCycle(1, 5, 1, 1, 100);
  Purchase(1, house_.clock().Now(), 10.0);
  Record erased;
  erased.set_party(Customer(1).value());
  erased.mutable_customer_erased();
  house_.Append(erased);
  Purchase(1, house_.clock().Now(), 20.0);
  EXPECT_EQ(Refresh().scored(), 0);
  const auto report = Report(1);
  ASSERT_TRUE(report.ok());
  EXPECT_DOUBLE_EQ(MeanOf(*report, "control", "bought"), 0.2);
}

TEST_F(SignalsTest, ARebuiltStateIsTheSame) {
  RunCycle(1, 30, 5, 9, 300);
  for (uint64_t i = 1; i <= 20; ++i)
    Purchase(i, house_.clock().Now(), 1.5 * static_cast<double>(i));
  Refresh();
  house_.Advance(absl::Hours(15 * 24));
  const uint64_t before = house_.StateHash("insight");
  const auto closed = LogOf(Record::kCycleClosed).size();
  Restart({"insight"});
  house_.Settle();
  EXPECT_EQ(house_.StateHash("insight"), before);
  EXPECT_EQ(LogOf(Record::kCycleClosed).size(), closed);
}

}  // namespace
}  // namespace rondo::insight
