#pragma once

// The types of events there are, and the door that events come through.
//
//   auto taxonomy = Taxonomy::builtin()->extended(R"({"types":{"wishlist":{"item":"required"}}})");
//   Event event;
//   Rejection rejection;
//   if (taxonomy->read(bytes, received, event, rejection)) ...
//
// A taxonomy is immutable and shared. Type codes and slots of what is extended stay what they were.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/events/event.h"
#include "penchant/events/schema.h"

namespace penchant::events {

struct TaxonomyOptions {
  Duration future{3'600'000'000};  // by how much an event's time may be later than its receipt
  bool require_event_id = false;
};

class Taxonomy {
 public:
  // page_view, click, search, add_to_cart, remove_from_cart, purchase, return, time_on_page,
  // email_sent, email_open, email_click, offer_served, offer_engaged, offer_rejected,
  // store_purchase, login, consent.
  [[nodiscard]] static std::shared_ptr<const Taxonomy> builtin();
  // Nothing but what the JSON declares (docs/events.md). Throws kInvalidArgument with the place of
  // the fault.
  [[nodiscard]] static std::shared_ptr<const Taxonomy> from_json(std::string_view json);
  // This one with the JSON's types added, those of the same name replaced, and its options.
  [[nodiscard]] std::shared_ptr<const Taxonomy> extended(std::string_view json) const;

  [[nodiscard]] std::span<const TypeSpec> types() const { return types_; }
  [[nodiscard]] std::span<const Slot> slots() const { return slots_; }
  [[nodiscard]] std::span<const FieldSpec> context() const { return context_; }
  [[nodiscard]] const TaxonomyOptions& options() const { return options_; }
  [[nodiscard]] std::int32_t find_type(std::string_view name) const;  // -1: unknown
  // By name: "currency", "lines.margin", "context.device". -1: unknown.
  [[nodiscard]] std::int32_t find_slot(std::string_view name) const;

  // Reads one event, a JSON object:
  //   {"event_id": ..., "type": "purchase", "version": 1, "time": "2026-11-29T10:00:00Z",
  //    "subject": ..., "identifiers": {"email": ...}, "item": ..., "context": {...},
  //    "fields": {"order_id": ..., "lines": [{"item": ..., "quantity": 2, "price": 9.5}]}}
  // `received` is the caller's; where it is unknown, the object's own "received" counts (a log that
  // is read again). An event without a time happened when it was received. Any bytes at all:
  // returns false with the rejection, throws on none. `event` may be a used one, whose memory
  // serves again; after false it holds nothing of use. Thread-safe.
  [[nodiscard]] bool read(std::string_view json, Timestamp received, Event& event,
                          Rejection& rejection) const;
  [[nodiscard]] std::variant<Event, Rejection> read(std::string_view json,
                                                    Timestamp received) const;

  // The event as JSON of the newest version; reading that (received unknown) gives it again.
  [[nodiscard]] std::string write(const Event& event) const;

  // Canonical: members sorted, defaults left out. from_json of it declares the same types, with the
  // same codes.
  [[nodiscard]] std::string to_json() const;

 private:
  Taxonomy() = default;
  friend class TaxonomyReader;
  void place_fields();  // roles and slots

  TaxonomyOptions options_;
  std::vector<TypeSpec> types_;     // by code
  std::vector<FieldSpec> context_;  // ascending by name
  std::vector<Slot> slots_;
};

}  // namespace penchant::events
