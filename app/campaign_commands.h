// `rondo campaign VERB`: the life of a campaign, its cycles and its report.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/shell.h"
#include "rondo/insight/v1/report.pb.h"

namespace rondo {

void AddCampaignCommands(CLI::App& root, Shell& shell);

// {"campaign","cycle","as_of","currency","funnel":{…,"suppressed":{reason:n}},
//  "arms":[{"arm","n","means":{metric:…}}],
//  "effects":[{"arm","metric","difference","low","high","p_value"}],"srm_p_value","warnings":[…]}
nlohmann::ordered_json ReportToJson(const insight::v1::CampaignReport& report);

}  // namespace rondo
