#include "services/customer/module.h"

#include <utility>

namespace rondo::customer {

Module::Module(Parts parts)
    : keys_(std::move(parts.key_store), std::move(parts.random)),
      handlers_({.runtime = parts.runtime,
                 .catalog = parts.catalog,
                 .clock = parts.clock,
                 .keys = keys_,
                 .schema = schema_,
                 .instance_key = parts.instance_key}) {
  parts.runtime.Add(projection_);
  parts.catalog.Subscribe(
      [this](const catalog::Definition& definition) { schema_.Update(definition); });
}

void Module::Serve(MethodTable& table) {
  table.Serve("rondo.customer.v1.CustomerService", handlers_, &CustomerHandlers::GetCustomer,
              &CustomerHandlers::LookupCustomer, &CustomerHandlers::BatchGetCustomers,
              &CustomerHandlers::ListCustomers, &CustomerHandlers::ImportCustomers,
              &CustomerHandlers::RecordConsent, &CustomerHandlers::EraseCustomer,
              &CustomerHandlers::CreateAttributeSet, &CustomerHandlers::GetAttributeSet,
              &CustomerHandlers::ListAttributeSets, &CustomerHandlers::UpdateAttributeSet,
              &CustomerHandlers::CreateCodeList, &CustomerHandlers::GetCodeList,
              &CustomerHandlers::ListCodeLists, &CustomerHandlers::UpdateCodeList,
              &CustomerHandlers::DeleteCodeList);
}

absl::Status Module::Start() { return handlers_.DestroyKeysOfErased(); }

}  // namespace rondo::customer
