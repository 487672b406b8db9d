#include "penchant/identity/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "penchant/base/error.h"

namespace penchant::identity {
namespace {

void expect(bool holds) {
  if (!holds) {
    fail(ErrorKind::kUnavailable,
         "libcrypto refuses SHA-256; check the OpenSSL configuration of this machine");
  }
}

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

struct Digester::Impl {
  EVP_MD* sha = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* plain = EVP_MD_CTX_new();
  EVP_MAC* mac = nullptr;
  EVP_MAC_CTX* keyed = nullptr;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    EVP_MAC_CTX_free(keyed);
    EVP_MAC_free(mac);
    EVP_MD_CTX_free(plain);
    EVP_MD_free(sha);
  }
};

Digester::Digester(std::string_view key) : impl_(std::make_unique<Impl>()) {
  expect(impl_->sha != nullptr && impl_->plain != nullptr &&
         EVP_DigestInit_ex2(impl_->plain, impl_->sha, nullptr) == 1);
  if (key.empty()) return;
  impl_->mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  expect(impl_->mac != nullptr);
  impl_->keyed = EVP_MAC_CTX_new(impl_->mac);
  char name[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                   OSSL_PARAM_construct_end()};
  expect(impl_->keyed != nullptr &&
         EVP_MAC_init(impl_->keyed, raw(key), key.size(), parameters) == 1);
}

Digester::~Digester() = default;
Digester::Digester(Digester&&) noexcept = default;
Digester& Digester::operator=(Digester&&) noexcept = default;

Digest Digester::sha256(std::string_view bytes) {
  Digest out{};
  unsigned int size = 0;
  expect(EVP_DigestInit_ex2(impl_->plain, nullptr, nullptr) == 1 &&
         EVP_DigestUpdate(impl_->plain, bytes.data(), bytes.size()) == 1 &&
         EVP_DigestFinal_ex(impl_->plain, reinterpret_cast<unsigned char*>(out.data()), &size) ==
             1);
  return out;
}

Digest Digester::keyed(std::string_view domain, std::string_view bytes) {
  check_argument(impl_->keyed != nullptr, "a keyed digest needs a key");
  Digest out{};
  std::size_t size = 0;
  constexpr char kEnd = '\0';
  expect(EVP_MAC_init(impl_->keyed, nullptr, 0, nullptr) == 1 &&
         EVP_MAC_update(impl_->keyed, raw(domain), domain.size()) == 1 &&
         EVP_MAC_update(impl_->keyed, raw({&kEnd, 1}), 1) == 1 &&
         EVP_MAC_update(impl_->keyed, raw(bytes), bytes.size()) == 1 &&
         EVP_MAC_final(impl_->keyed, reinterpret_cast<unsigned char*>(out.data()), &size,
                       out.size()) == 1);
  return out;
}

}  // namespace penchant::identity
