#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "penchant/events/taxonomy.h"

namespace penchant::events::testing {

inline const Timestamp kNoon = parse_timestamp("2026-11-29T12:00:00Z");

inline Event read_good(const Taxonomy& taxonomy, std::string_view json, Timestamp received = {}) {
  Event event;
  Rejection rejection;
  EXPECT_TRUE(taxonomy.read(json, received, event, rejection)) << rejection.message;
  return event;
}

inline Rejection read_bad(const Taxonomy& taxonomy, std::string_view json,
                          Timestamp received = {}) {
  Event event;
  Rejection rejection;
  EXPECT_FALSE(taxonomy.read(json, received, event, rejection)) << json;
  return rejection;
}

inline constexpr std::string_view kPurchase = R"({
  "event_id": "e-1", "type": "purchase", "time": "2026-11-29T10:00:00.25Z", "subject": 17850,
  "identifiers": {"email": "a@example.org", "card": 42}, "context": {"device": "phone", "hour": 10},
  "fields": {"order_id": "o-1", "currency": "GBP", "coupon": {"code": "X"},
             "lines": [{"item": "85123A", "quantity": 6, "price": 2.55},
                       {"item": 71053, "price": "3.39", "gift": true}]}})";

}  // namespace penchant::events::testing
