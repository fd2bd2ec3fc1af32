#include "platform/eventlog/log_block.h"

#include <lz4.h>
#include <zstd.h>

#include <limits>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 1 + 1 + 4 + 8 + 8 + 8 + 4;  // Without its checksum.
constexpr size_t kFrameHeaderBytes = 8;
// The most that a block can hold: one record of the largest size, framed.
constexpr size_t kMaxRawBytes = kBlockRawBytes + kMaxRecordBytes + kFrameHeaderBytes;
constexpr int kZstdLevel = 3;

std::string Compress(BlockCodec codec, std::string_view raw) {
  std::string out;
  if (codec == BlockCodec::kLz4) {
    out.resize(static_cast<size_t>(LZ4_compressBound(static_cast<int>(raw.size()))));
    const int size = LZ4_compress_default(raw.data(), out.data(), static_cast<int>(raw.size()),
                                          static_cast<int>(out.size()));
    out.resize(static_cast<size_t>(size));
  } else if (codec == BlockCodec::kZstd) {
    out.resize(ZSTD_compressBound(raw.size()));
    const size_t size = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), kZstdLevel);
    out.resize(ZSTD_isError(size) ? 0 : size);
  }
  return out;
}

// False if `payload` does not hold `raw_bytes` bytes compressed by `codec`.
bool Decompress(BlockCodec codec, std::string_view payload, size_t raw_bytes, std::string& raw) {
  raw.resize(raw_bytes);
  switch (codec) {
    case BlockCodec::kNone:
      raw = payload;
      return raw.size() == raw_bytes;
    case BlockCodec::kLz4: {
      const int size =
          LZ4_decompress_safe(payload.data(), raw.data(), static_cast<int>(payload.size()),
                              static_cast<int>(raw_bytes));
      return size >= 0 && static_cast<size_t>(size) == raw_bytes;
    }
    case BlockCodec::kZstd: {
      const size_t size = ZSTD_decompress(raw.data(), raw_bytes, payload.data(), payload.size());
      return !ZSTD_isError(size) && size == raw_bytes;
    }
  }
  return false;
}

absl::Status Damaged(int partition, int64_t offset, std::string_view what) {
  return absl::DataLossError(
      absl::StrFormat("log: partition %d, offset %d: %s", partition, offset, what));
}

}  // namespace

void AppendFrame(const LogRecord& record, std::string& frames) {
  const auto size = static_cast<size_t>(record.GetCachedSize());
  const size_t at = frames.size();
  frames.resize(at + kFrameHeaderBytes + size);
  char* const bytes = frames.data() + at + kFrameHeaderBytes;
  record.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(bytes));
  KeyBuilder header;
  header.U32(static_cast<uint32_t>(size)).U32(Crc32c({bytes, size}));
  header.view().copy(frames.data() + at, kFrameHeaderBytes);
}

std::string EncodeBlock(BlockHeader header, BlockCodec codec, std::string_view frames) {
  std::string compressed = Compress(codec, frames);
  if (compressed.empty() || compressed.size() >= frames.size()) codec = BlockCodec::kNone;
  KeyBuilder block;
  block.Byte(kVersion)
      .Byte(static_cast<uint8_t>(codec))
      .U32(header.count)
      .I64(header.first)
      .I64(header.append_time_micros)
      .U64(header.chain_before)
      .U32(static_cast<uint32_t>(frames.size()));
  block.U32(Crc32c(block.view()));
  block.Raw(codec == BlockCodec::kNone ? frames : std::string_view(compressed));
  return block.Build();
}

absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view block) {
  KeyParser parser(block);
  const uint8_t version = parser.Byte();
  if (version > kVersion) {
    return absl::DataLossError(absl::StrFormat(
        "a block of version %d, or damaged; this program reads up to %d", version, kVersion));
  }
  BlockHeader header;
  const uint8_t codec = parser.Byte();
  header.count = parser.U32();
  header.first = parser.I64();
  header.append_time_micros = parser.I64();
  header.chain_before = parser.U64();
  header.raw_bytes = parser.U32();
  const uint32_t crc = parser.U32();
  if (!parser.ok() || crc != Crc32c(block.substr(0, kHeaderBytes)) || version == 0 ||
      codec > static_cast<uint8_t>(BlockCodec::kZstd) || header.count == 0 || header.first < 0 ||
      header.first > std::numeric_limits<int64_t>::max() - header.count ||
      header.raw_bytes > kMaxRawBytes) {
    return absl::DataLossError("a block's header is damaged");
  }
  header.codec = static_cast<BlockCodec>(codec);
  return header;
}

absl::Status DecodeBlock(int partition, std::string_view block, google::protobuf::Arena& arena,
                         std::vector<const LogRecord*>& records) {
  const auto header = DecodeBlockHeader(block);
  if (!header.ok()) return Damaged(partition, -1, std::string(header.status().message()));
  std::string raw;
  if (!Decompress(header->codec, block.substr(kHeaderBytes + 4), header->raw_bytes, raw)) {
    return Damaged(partition, header->first, "a block's payload is damaged");
  }
  KeyParser frames(raw);
  for (int64_t offset = header->first; offset < header->end(); ++offset) {
    const uint32_t size = frames.U32();
    const uint32_t crc = frames.U32();
    const std::string_view rest = frames.Rest();
    if (!frames.ok() || size > rest.size() || Crc32c(rest.substr(0, size)) != crc) {
      return Damaged(partition, offset, "a record's checksum does not match");
    }
    auto* record = google::protobuf::Arena::CreateMessage<LogRecord>(&arena);
    if (!record->ParseFromArray(rest.data(), static_cast<int>(size))) {
      return Damaged(partition, offset, "a record's bytes are no record");
    }
    Stamp(partition, offset, header->append_time_micros, absl::MakeSpan(record, 1));
    records.push_back(record);
    frames = KeyParser(rest.substr(size));
  }
  if (!frames.Rest().empty()) {
    return Damaged(partition, header->end(), "bytes after a block's last record");
  }
  return absl::OkStatus();
}

uint64_t ChainOf(std::string_view block) {
  constexpr InstanceKey kUnkeyed = {};
  return SipHash(kUnkeyed, block);
}

}  // namespace rondo::eventlog
