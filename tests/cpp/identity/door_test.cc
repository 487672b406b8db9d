// Spellings, digests, and what is turned away at the door.

#include "penchant/identity/door.h"

#include <string>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/identity/digest.h"
#include "penchant/identity/identity.h"

namespace penchant::identity {
namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

// The spelling, or what else it was: "absent", "blocked", "invalid".
std::string spelled(Form form, std::string_view raw, const Options& options = default_options()) {
  std::string out;
  switch (normalize(form, options, raw, out)) {
    case Reading::kAbsent:
      return "absent";
    case Reading::kBlocked:
      return "blocked";
    case Reading::kInvalid:
      return "invalid";
    case Reading::kRead:
      break;
  }
  return out;
}

TEST(Normalize, Emails) {
  EXPECT_EQ(spelled(Form::kEmail, " Jane.Doe+Shop@Example.COM\t"), "jane.doe+shop@example.com");
  EXPECT_EQ(spelled(Form::kEmail, "\xC2\xA0 J\xC3\x96@x.de \xC2\xA0"), "j\xC3\x96@x.de");
  for (const char* bad : {"jane", "@x.com", "jane@", "a@b@c", "ja ne@x.com", "\xFF@x.com"}) {
    EXPECT_EQ(spelled(Form::kEmail, bad), "invalid") << bad;
  }
  EXPECT_EQ(spelled(Form::kEmail, " \t "), "absent");
  Options options = default_options();
  options.email_drop_plus = true;
  EXPECT_EQ(spelled(Form::kEmail, "J.Doe+a+b@x.com", options), "j.doe@x.com");
  EXPECT_EQ(spelled(Form::kEmail, "+a@x.com", options), "+@x.com");
  options.email_drop_dots = true;
  EXPECT_EQ(spelled(Form::kEmail, "J.D.oe+a@GoogleMail.com", options), "jdoe@gmail.com");
  EXPECT_EQ(spelled(Form::kEmail, "J.Doe@x.com", options), "j.doe@x.com");
  EXPECT_EQ(spelled(Form::kEmail, "..@gmail.com", options), "invalid");
}

TEST(Normalize, Phones) {
  Options options = default_options();
  EXPECT_EQ(spelled(Form::kPhone, "+44 (20) 7946-0018"), "+442079460018");
  EXPECT_EQ(spelled(Form::kPhone, "0044 20 7946.0018"), "+442079460018");
  EXPECT_EQ(spelled(Form::kPhone, "020 7946 0018"), "invalid");  // of which country?
  options.country = "GB";
  EXPECT_EQ(spelled(Form::kPhone, "020 7946 0018", options), "+442079460018");
  options.country = "US";
  EXPECT_EQ(spelled(Form::kPhone, "(212) 555-0123", options), "+12125550123");
  EXPECT_EQ(spelled(Form::kPhone, "1-212-555-0123", options), "+12125550123");
  EXPECT_EQ(spelled(Form::kPhone, "555-0123", options), "invalid");
  options.country = "IT";  // the zero stays
  EXPECT_EQ(spelled(Form::kPhone, "06 698 12345", options), "+390669812345");
  options.country = "HU";
  EXPECT_EQ(spelled(Form::kPhone, "06 1 234 5678", options), "+3612345678");
  for (const char* bad : {"+0123456789", "+44x20", "+123456", "+1234567890123456", "call me"}) {
    EXPECT_EQ(spelled(Form::kPhone, bad, options), "invalid") << bad;
  }
}

TEST(Normalize, TheRest) {
  EXPECT_EQ(spelled(Form::kCode, " 4929-0012 abC "), "49290012ABC");
  EXPECT_EQ(spelled(Form::kCode, "4 \xC2\xA0-"), "4");
  EXPECT_EQ(spelled(Form::kCode, "-\xC2\xA0-"), "blocked");
  EXPECT_EQ(spelled(Form::kLower, " AB-Cd "), "ab-cd");
  EXPECT_EQ(spelled(Form::kText, " Ab "), "Ab");
  EXPECT_EQ(spelled(Form::kHashedEmail, std::string(64, 'A')), std::string(64, 'a'));
  EXPECT_EQ(spelled(Form::kHashedEmail, std::string(63, 'a')), "invalid");
  EXPECT_EQ(spelled(Form::kHashedEmail, std::string(64, 'g')), "invalid");
  for (const char* nobody : {"0", "0000", "-", "00000000-0000-0000-0000-000000000000", "()"}) {
    EXPECT_EQ(spelled(Form::kText, nobody), "blocked") << nobody;
  }
  EXPECT_EQ(spelled(Form::kText, std::string(kMostValueBytes + 1, 'x')), "invalid");
  EXPECT_EQ(spelled(Form::kText, "\xED\xA0\x80"), "invalid");
}

// Names that were given out are read again: a spelling is its own.
TEST(Normalize, SpellingsStay) {
  Options options = default_options();
  options.country = "DE";
  for (const Form form : {Form::kText, Form::kLower, Form::kCode, Form::kPhone, Form::kEmail}) {
    for (const char* raw : {" aB-c \xC2\xA0-1 ", "- \xC2\xA0x\xC2\xA0 -", "030 123456",
                            "0049 30 12345", "+49(0)30-12345", "A@B.c ", "1- -\xC2\xA0"}) {
      const std::string once = spelled(form, raw, options);
      if (once == "invalid" || once == "blocked") continue;
      EXPECT_EQ(spelled(form, once, options), once) << raw;
    }
  }
}

// FIPS 180-4 has the digest of "abc"; the keyed one is by another implementation of RFC 2104.
TEST(Digester, KnownAnswers) {
  Digester digester("Jefe");
  const Digest abc = digester.sha256("abc");
  EXPECT_EQ(hex({abc.data(), abc.size()}),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const Digest again = digester.sha256("abc");
  EXPECT_EQ(abc, again);
  const Digest keyed = digester.keyed("a", "b");
  EXPECT_EQ(keyed, digester.keyed("a", "b"));
  EXPECT_NE(keyed, digester.keyed("ab", ""));
  EXPECT_NE(keyed, Digester("jefe").keyed("a", "b"));
  // HMAC("Jefe", "a\0b"), by the standard library of Python.
  EXPECT_EQ(hex({keyed.data(), keyed.size()}),
            "abe96d286949754c65051de08d3f8b1b5d35c314af100829f50c13954d98b7ea");
  EXPECT_THROW((void)Digester("").keyed("a", "b"), Error);
}

std::string kept(const Door& door, std::string_view space, std::string_view raw) {
  std::string out;
  const int at = find_namespace(default_options(), space);
  const Reading reading = door.read(static_cast<std::size_t>(at), raw, out);
  return reading == Reading::kRead ? hex(out) : "turned away";
}

TEST(Door, AHashedEmailMeetsItsEmail) {
  const std::string sha = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d";
  for (const char* key : {"", "secret"}) {
    const Door door(default_options(), key);
    EXPECT_EQ(kept(door, "email", " Jane.Doe@EXAMPLE.com"), kept(door, "hashed_email", sha));
    EXPECT_EQ(kept(door, "email", "jane.doe@example.com").size(), 2 * kDigestBytes);
  }
}

TEST(Door, AKeyHidesValues) {
  const Door open(default_options(), "");
  const Door keyed(default_options(), "secret");
  const Door other(default_options(), "Secret");
  EXPECT_EQ(kept(open, "login", "17"), hex("17"));
  EXPECT_NE(kept(keyed, "login", "17"), kept(other, "login", "17"));
  EXPECT_NE(kept(keyed, "login", "17"), kept(keyed, "cookie", "17"));
  EXPECT_EQ(open.key_check(), "");
  EXPECT_EQ(keyed.key_check().size(), 16U);
  EXPECT_NE(keyed.key_check(), other.key_check());
}

TEST(Door, TurnsNobodyAway) {
  Options options = default_options();
  options.namespaces[0].blocked = {"tester"};
  for (const char* key : {"", "secret"}) {
    const Door door(options, key);
    for (const char* nobody : {"tester", "NULL", "unknown", "Anonymous", "0000"}) {
      EXPECT_EQ(kept(door, "login", nobody), "turned away") << nobody;
    }
    EXPECT_EQ(kept(door, "email", "Unknown@Example.com"), "turned away");
    EXPECT_NE(kept(door, "cookie", "tester"), "turned away");
    EXPECT_NE(kept(door, "login", "Nullen"), "turned away");
  }
}

TEST(Door, ReadsColumnsTheSameAtAnyNumberOfThreads) {
  std::vector<std::int64_t> offsets{0};
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) {
    bytes += i % 7 == 0 ? "" : i % 11 == 0 ? "none" : "user" + std::to_string(i) + "@x.com";
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  const Door door(default_options(), "secret");
  const TextColumn column{1, offsets, bytes};
  const Door::Batch one = door.read(column, 1);
  const Door::Batch eight = door.read(column, 8);
  std::string out;
  for (std::size_t row = 0; row < column.rows(); ++row) {
    ASSERT_EQ(one.reading(row), eight.reading(row));
    ASSERT_EQ(one.value(row), eight.value(row));
    ASSERT_EQ(one.hash(row), eight.hash(row));
    ASSERT_EQ(one.reading(row), door.read(1, column.text(row), out));
    if (one.reading(row) == Reading::kRead) {
      ASSERT_EQ(one.value(row), out);
    }
  }
  EXPECT_THROW((void)door.read({1, std::vector<std::int64_t>{0, 5, 3}, "abcdef"}, 1), Error);
  EXPECT_THROW((void)door.read({1, std::vector<std::int64_t>{0, 9}, "abcdef"}, 1), Error);
  EXPECT_THROW((void)door.read({1, std::vector<std::int64_t>{-1, 2}, "abcdef"}, 1), Error);
}

}  // namespace
}  // namespace penchant::identity
