// An arena for the messages of one fold, whose first block lies on the stack: most folds allocate
// nothing.
#pragma once

#include <google/protobuf/arena.h>

#include <cstddef>

namespace rondo::eventlog {

// Not thread-safe. Its messages live as long as it does.
template <size_t kFirstBlockBytes>
class StackArena {
 public:
  StackArena() : arena_(OptionsFor(first_block_)) {}
  StackArena(const StackArena&) = delete;
  StackArena& operator=(const StackArena&) = delete;

  template <typename Message>
  Message& Make() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  static google::protobuf::ArenaOptions OptionsFor(char* block) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block;
    options.initial_block_size = kFirstBlockBytes;
    return options;
  }

  alignas(std::max_align_t) char first_block_[kFirstBlockBytes];
  google::protobuf::Arena arena_;
};

}  // namespace rondo::eventlog
