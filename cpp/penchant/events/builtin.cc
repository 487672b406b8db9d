#include "penchant/events/builtin.h"

namespace penchant::events {
namespace {

// New types go to the end, so that codes stay.
constexpr std::string_view kBuiltinTaxonomy = R"json({
  "context": {"channel": "text", "country": "text", "device": "text", "page": "text",
              "referrer": "text", "store": "text"},
  "types": [
    {"name": "page_view", "fields": {"category": "text", "title": "text", "url": "text"}},
    {"name": "click", "fields": {"position": {"kind": "integer", "min": 0}, "url": "text"}},
    {"name": "search",
     "fields": {"query": {"kind": "text", "required": true},
                "results": {"kind": "integer", "min": 0}}},
    {"name": "add_to_cart", "item": "required",
     "fields": {"currency": {"kind": "text", "max_length": 3}, "price": {"kind": "decimal", "min": 0},
                "quantity": {"kind": "decimal", "min": 0.000001}}},
    {"name": "remove_from_cart", "item": "required",
     "fields": {"currency": {"kind": "text", "max_length": 3}, "price": {"kind": "decimal", "min": 0},
                "quantity": {"kind": "decimal", "min": 0.000001}}},
    {"name": "purchase", "item": "none",
     "fields": {"currency": {"kind": "text", "max_length": 3},
                "discount": {"kind": "decimal", "min": 0},
                "lines": {"kind": "lines", "required": true,
                          "fields": {"item": {"kind": "text", "required": true},
                                     "price": {"kind": "decimal", "min": 0},
                                     "quantity": {"kind": "decimal", "min": 0.000001}}},
                "order_id": {"kind": "text", "required": true},
                "shipping": {"kind": "decimal", "min": 0}, "tax": {"kind": "decimal", "min": 0}}},
    {"name": "return", "item": "none", "in_session": false,
     "fields": {"amount": {"kind": "decimal", "min": 0}, "currency": {"kind": "text", "max_length": 3},
                "lines": {"kind": "lines",
                          "fields": {"item": {"kind": "text", "required": true},
                                     "price": {"kind": "decimal", "min": 0},
                                     "quantity": {"kind": "decimal", "min": 0.000001}}},
                "order_id": {"kind": "text", "required": true}, "reason": "text"}},
    {"name": "time_on_page",
     "fields": {"seconds": {"kind": "decimal", "required": true, "min": 0, "max": 86400},
                "url": "text"}},
    {"name": "email_sent", "in_session": false,
     "fields": {"campaign": "text", "message": "text", "subject_line": "text"}},
    {"name": "email_open", "fields": {"campaign": "text", "message": "text"}},
    {"name": "email_click", "fields": {"campaign": "text", "message": "text", "url": "text"}},
    {"name": "offer_served", "in_session": false,
     "fields": {"decision_id": "text", "offer": {"kind": "text", "required": true},
                "placement": "text", "position": {"kind": "integer", "min": 0}}},
    {"name": "offer_engaged",
     "fields": {"decision_id": "text", "offer": {"kind": "text", "required": true},
                "placement": "text", "position": {"kind": "integer", "min": 0}}},
    {"name": "offer_rejected",
     "fields": {"decision_id": "text", "offer": {"kind": "text", "required": true},
                "placement": "text", "position": {"kind": "integer", "min": 0}}},
    {"name": "store_purchase", "item": "none", "in_session": false, "subject": "optional",
     "fields": {"currency": {"kind": "text", "max_length": 3},
                "discount": {"kind": "decimal", "min": 0},
                "lines": {"kind": "lines", "required": true,
                          "fields": {"item": {"kind": "text", "required": true},
                                     "price": {"kind": "decimal", "min": 0},
                                     "quantity": {"kind": "decimal", "min": 0.000001}}},
                "order_id": {"kind": "text", "required": true}, "tax": {"kind": "decimal", "min": 0},
                "till": "text"}},
    {"name": "login", "item": "none", "fields": {"method": "text"}},
    {"name": "consent", "item": "none", "in_session": false,
     "fields": {"granted": {"kind": "boolean", "required": true},
                "policy": "text", "purpose": {"kind": "text", "required": true}}}
  ]
})json";

}  // namespace

std::string_view builtin_taxonomy() { return kBuiltinTaxonomy; }

}  // namespace penchant::events
