#pragma once

// SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), by OpenSSL's libcrypto.
//
//   Digester digester("secret");
//   Digest plain = digester.sha256("jane@example.com");
//   Digest keyed = digester.keyed("login", plain);         // HMAC(key, "login" 0x00 bytes)
//
// A Digester has scratch of its own: one a thread. It forgets the key's bytes when it goes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace penchant::identity {

using Digest = std::array<char, 32>;

class Digester {
 public:
  // An empty key: no keyed digests. Throws kUnavailable where libcrypto refuses SHA-256.
  explicit Digester(std::string_view key);
  ~Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;

  [[nodiscard]] Digest sha256(std::string_view bytes);
  [[nodiscard]] Digest keyed(std::string_view domain, std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::identity
