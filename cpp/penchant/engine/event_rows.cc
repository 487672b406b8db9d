#include "penchant/engine/event_rows.h"

#include <algorithm>
#include <string>

namespace penchant::engine {
namespace {

using events::Event;
using features::LiveRow;

// In millionths: what a single event may add to a sum, so that few can't make it leave 64 bits.
constexpr std::int64_t kMostNumber = 1'000'000'000 * features::kUnit;

class RowMaker {
 public:
  RowMaker(const Event& event, std::string_view profile, const events::Taxonomy& taxonomy,
           const features::Plan& plan)
      : event_(event), profile_(profile), taxonomy_(taxonomy), plan_(plan) {}

  [[nodiscard]] LiveRow row(std::string_view item, std::int64_t quantity,
                            std::int64_t price) const {
    LiveRow out{.time = event_.time.micros,
                .type = taxonomy_.types()[event_.type].name,
                .subject = profile_,
                .item = item};
    for (const std::string& name : plan_.numbers()) {
      std::int64_t number = features::kNoNumber;
      if (name == "quantity" || name == "value") {
        number = quantity;
      } else if (name == "price") {
        number = price;
      } else if (const events::FieldValue* const value = field(name)) {
        number = value->number;
      }
      const bool counts = number <= kMostNumber && number >= -kMostNumber;
      out.numbers.push_back(counts ? number : features::kNoNumber);
    }
    for (const std::string& name : plan_.codes()) {
      const events::FieldValue* const value = field(name);
      const bool order = name == "order" || name == "order_id";
      out.codes.push_back(order              ? event_.order
                          : value == nullptr ? std::string_view()
                                             : value->text);
    }
    return out;
  }

 private:
  [[nodiscard]] const events::FieldValue* field(const std::string& name) const {
    const std::int32_t slot = taxonomy_.find_slot(name);
    const auto at = std::ranges::find(event_.fields, slot, &events::FieldValue::slot);
    return slot < 0 || at == event_.fields.end() ? nullptr : &*at;
  }

  const Event& event_;
  std::string_view profile_;
  const events::Taxonomy& taxonomy_;
  const features::Plan& plan_;
};

}  // namespace

std::vector<LiveRow> rows_of(const Event& event, std::string_view profile,
                             const events::Taxonomy& taxonomy, const features::Plan& plan) {
  const RowMaker maker(event, profile, taxonomy, plan);
  std::vector<LiveRow> out;
  if (event.lines.empty()) out.push_back(maker.row(event.item, event.quantity, event.price));
  for (const events::Line& line : event.lines) {
    out.push_back(maker.row(line.item, line.quantity, line.price));
  }
  return out;
}

}  // namespace penchant::engine
