#include "platform/core/zone.h"

#include <gtest/gtest.h>

#include <string>

namespace rondo {
namespace {

TEST(FindZoneTest, KnowsNamesOfZonesAndOpensNothingElse) {
  for (const char* name : {"UTC", "Asia/Seoul", "America/Argentina/Ushuaia", "Etc/GMT+5"}) {
    const auto zone = FindZone(name);
    ASSERT_TRUE(zone.has_value()) << name;
    EXPECT_EQ(zone->name(), name);
  }
  const std::string kNone[] = {"",
                               "Mars/Olympus",
                               "/usr/share/zoneinfo/Asia/Seoul",
                               "../zoneinfo/Asia/Seoul",
                               "file:/usr/share/zoneinfo/UTC",
                               std::string("UTC\0x", 5),
                               std::string(100, 'a')};
  for (const std::string& name : kNone) EXPECT_FALSE(FindZone(name).has_value()) << name;
}

}  // namespace
}  // namespace rondo
