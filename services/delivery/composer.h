// Renders a contact's message: the treatment of its cell as frozen for the cycle, the template, the
// offer, and the customer's values as the customer service opens them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "channels/links/tracking.h"
#include "channels/template/template.h"
#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/rpc/caller.h"
#include "rondo/customer/v1/customer.pb.h"
#include "rondo/delivery/v1/template.pb.h"
#include "services/delivery/delivery_store.h"
#include "services/delivery/transport.h"

namespace rondo::delivery {

namespace pb = ::rondo::delivery::v1;

struct ComposerOptions {
  std::string message_domain = "localhost";  // Of Message-IDs.
  std::string email_attribute = "email";
  std::string phone_attribute = "phone";
};

// A message to show or to send, and why not.
struct Composed {
  Outbound message;
  // Not empty: it cannot be sent, and never will be: `no_address`, `erased`, `no_template`,
  // `template_error`.
  std::string suppressed_reason = {};
};

// The compiled parts of one version of a template.
struct CompiledTemplate {
  rondo::delivery::v1::Template definition;
  liquid::Template subject;
  liquid::Template text;
  liquid::Template html;
};

// Compiles what a template's fields hold. INVALID_ARGUMENT naming the field, with line and column.
absl::StatusOr<CompiledTemplate> CompileTemplate(const rondo::delivery::v1::Template& definition);

// INVALID_ARGUMENT naming the fields of a template that could be sent to nobody: a sender that is
// no mailbox, a subject of two lines, a variable that no message has, more work than a message may
// cost.
absl::Status CheckTemplate(const CompiledTemplate& compiled);

// Thread-safe. All parts outlive it.
class Composer {
 public:
  Composer(ComposerOptions options, const InstanceKey& instance_key,
           const catalog::Catalog& catalog, Caller& caller, const LinkTokens& links,
           const Clock& clock)
      : options_(std::move(options)),
        instance_key_(instance_key),
        catalog_(catalog),
        caller_(caller),
        links_(links),
        clock_(clock) {}

  // Base of tracked links, without a final slash; known once the door is open. Before Compose.
  void SetPublicUrl(std::string public_url) { public_url_ = std::move(public_url); }

  // One message a contact, in their order. `campaigns` are the frozen definitions, in the same
  // order. An error of the customer service fails all: nothing is known then.
  absl::StatusOr<std::vector<Composed>> Compose(
      const std::vector<statepb::ContactState>& contacts,
      const std::vector<rondo::campaign::v1::Campaign>& campaigns);

  std::string MessageIdOf(const statepb::ContactState& contact) const;
  const InstanceKey& instance_key() const { return instance_key_; }

 private:
  absl::StatusOr<std::shared_ptr<const CompiledTemplate>> Compiled(const std::string& name);
  Composed ComposeOne(const statepb::ContactState& contact,
                      const rondo::campaign::v1::Campaign& campaign,
                      const rondo::customer::v1::Customer* customer);
  absl::Status Render(const statepb::ContactState& contact,
                      const rondo::campaign::v1::Campaign& campaign,
                      const rondo::campaign::v1::Treatment& treatment,
                      const rondo::customer::v1::Customer& customer,
                      const CompiledTemplate& compiled, Outbound* message) const;
  std::string AddressOf(const rondo::customer::v1::Customer& customer,
                        const std::string& channel) const;

  const ComposerOptions options_;
  std::string public_url_;
  const InstanceKey instance_key_;
  const catalog::Catalog& catalog_;
  Caller& caller_;
  const LinkTokens& links_;
  const Clock& clock_;
  std::mutex mutex_;
  // By name; replaced when the current version changes.
  std::map<std::string, std::shared_ptr<const CompiledTemplate>> compiled_;
};

}  // namespace rondo::delivery
