#include "platform/rpc/method_table.h"

namespace rondo {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::ServiceDescriptor;

const ServiceDescriptor& FindService(std::string_view name) {
  const ServiceDescriptor* service =
      DescriptorPool::generated_pool()->FindServiceByName(std::string(name));
  RONDO_CHECK(service != nullptr);
  return *service;
}

}  // namespace

void MethodTable::AddService(std::string_view service) {
  FindService(service);
  const std::string name(service);
  const auto at = std::lower_bound(services_.begin(), services_.end(), name);
  if (at == services_.end() || *at != name) services_.insert(at, name);
}

void MethodTable::Add(std::string_view service, const google::protobuf::Descriptor& request,
                      const google::protobuf::Descriptor& response, Method method) {
  const ServiceDescriptor& descriptor = FindService(service);
  for (int i = 0; i < descriptor.method_count(); ++i) {
    const google::protobuf::MethodDescriptor* candidate = descriptor.method(i);
    if (candidate->input_type() != &request) continue;
    RONDO_CHECK(candidate->output_type() == &response);
    RONDO_CHECK(candidate->server_streaming() == (method.stream != nullptr));
    RONDO_CHECK(!candidate->client_streaming());
    method.descriptor = candidate;
    const bool is_first = methods_.emplace(candidate->full_name(), std::move(method)).second;
    RONDO_CHECK(is_first);
    return;
  }
  RONDO_CHECK(!"no RPC of the service takes this request");
}

const Method* MethodTable::Find(const google::protobuf::MethodDescriptor& descriptor) const {
  const auto found = methods_.find(descriptor.full_name());
  return found == methods_.end() ? nullptr : &found->second;
}

std::vector<std::string> MethodTable::Unserved() const {
  std::vector<std::string> names;
  for (const std::string& service : services_) {
    const ServiceDescriptor& descriptor = FindService(service);
    for (int i = 0; i < descriptor.method_count(); ++i) {
      if (Find(*descriptor.method(i)) == nullptr)
        names.push_back(descriptor.method(i)->full_name());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string RequestIdOf(const google::protobuf::Message& request) {
  const google::protobuf::FieldDescriptor* field =
      request.GetDescriptor()->FindFieldByName("request_id");
  const bool has_one = field != nullptr && !field->is_repeated() &&
                       field->type() == google::protobuf::FieldDescriptor::TYPE_STRING;
  return has_one ? request.GetReflection()->GetString(request, field) : std::string();
}

std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type) {
  const google::protobuf::Message* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
  RONDO_CHECK(prototype != nullptr);
  return std::unique_ptr<google::protobuf::Message>(prototype->New());
}

}  // namespace rondo
