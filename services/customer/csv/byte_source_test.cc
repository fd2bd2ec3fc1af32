#include "services/customer/csv/byte_source.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>

namespace rondo::customer {
namespace {

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string Zstd(const std::string& text) {
  // With a checksum, as the zstd command writes.
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

absl::StatusOr<std::string> ReadAll(std::string packed, InputLimits limits = {}) {
  auto source = Unpack(SourceOf(std::move(packed)), limits);
  if (!source.ok()) return source.status();
  std::string all;
  std::string block(10'000, '\0');
  while (true) {
    const absl::StatusOr<size_t> got = (*source)->Read(block.data(), block.size());
    if (!got.ok()) return got.status();
    if (*got == 0) return all;
    all.append(block, 0, *got);
  }
}

std::string Table() {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919) + ",x\n";
  return text;
}

TEST(ByteSourceTest, UnpacksWhatItsFirstBytesSay) {
  const std::string text = Table();
  EXPECT_EQ(*ReadAll(text), text);
  EXPECT_EQ(*ReadAll(Gzip(text)), text);
  EXPECT_EQ(*ReadAll(Gzip(text) + Gzip("more\n")), text + "more\n");
  EXPECT_EQ(*ReadAll(Zstd(text)), text);
  EXPECT_EQ(*ReadAll("ab"), "ab");
  EXPECT_EQ(*ReadAll(""), "");
}

TEST(ByteSourceTest, RefusesDamagedAndCutOffData) {
  for (const std::string& packed : {Gzip(Table()), Zstd(Table())}) {
    EXPECT_EQ(ReadAll(packed.substr(0, packed.size() / 2)).status().code(),
              absl::StatusCode::kInvalidArgument);
    std::string damaged = packed;
    damaged[damaged.size() / 2] ^= 0x55;
    damaged[damaged.size() / 2 + 1] ^= 0x55;
    EXPECT_FALSE(ReadAll(damaged).ok());
  }
}

TEST(ByteSourceTest, RefusesABomb) {
  const std::string bomb(64 << 20, 'a');
  EXPECT_EQ(ReadAll(Gzip(bomb)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadAll(Zstd(bomb)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadAll("abcdef", {.unpacked_bytes_max = 5}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ByteSourceTest, CountsTheBytesOfTheFileAsItIsStored) {
  const std::string path = testing::TempDir() + "/counted.csv.gz";
  const std::string packed = Gzip(Table());
  std::ofstream(path, std::ios::binary) << packed;
  std::atomic<int64_t> taken = 0;
  const auto source = OpenInput(path, {}, &taken);
  ASSERT_TRUE(source.ok()) << source.status();
  char bytes[4096];
  size_t unpacked = 0;
  while (const size_t got = (*source)->Read(bytes, sizeof(bytes)).value_or(0)) unpacked += got;
  EXPECT_EQ(unpacked, Table().size());
  EXPECT_EQ(taken.load(), static_cast<int64_t>(packed.size()));
}

TEST(ByteSourceTest, SaysThatAFileIsMissing) {
  EXPECT_EQ(OpenInput("/nowhere/at/all.csv", {}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace rondo::customer
