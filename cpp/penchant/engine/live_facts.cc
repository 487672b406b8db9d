// What a Live tells of a person, and of itself.

#include "penchant/base/error.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/erasure.h"
#include "penchant/engine/json_writing.h"
#include "penchant/engine/live.h"

namespace penchant::engine {
namespace {

void single(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            std::size_t value) {
  out += concat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n", name, " ", value,
                "\n");
}

}  // namespace

void Live::subject_json(std::string_view subject, std::string& body) const {
  check_subject(subject, "subjects");
  const std::string profile = events_->profile_of(subject);
  body = "{\"subject\":";
  append_string(body, subject);
  body += ",\"profile\":";
  append_string(body, profile);
  body += ",\"events\":";
  append_number(body, events_->events_of(profile));
  if (const auto& segments = engine_->assets().segments; segments) {
    body += ",\"segments\":[";
    for (const std::string& name : events_->segments_of(subject, {})) {
      if (body.back() != '[') body += ',';
      append_string(body, name);
    }
    body += ']';
  }
  body += '}';
}

void Live::metrics_text(std::string& text) const {
  single(text, "penchant_events_taken", "gauge", "Events that are kept and count.",
         events_->taken());
  single(text, "penchant_events_untotaled", "gauge",
         "Rows of events that a plan's sums had no room for.", events_->untotaled());
  if (events_->has_identity()) {
    single(text, "penchant_identifiers", "gauge", "Different identifiers that are known.",
           events_->identifiers());
  }
  if (const auto& segments = engine_->assets().segments; segments) {
    text +=
        "# HELP penchant_segment_members People in a segment, just after the latest event.\n"
        "# TYPE penchant_segment_members gauge\n";
    const std::vector<std::int64_t> sizes = events_->segment_sizes();
    for (std::size_t s = 0; s < sizes.size(); ++s) {
      text += "penchant_segment_members{segment=\"";
      for (const char c : segments->names()[s]) {
        if (c == '"' || c == '\\') text += '\\';
        if (c == '\n') text += "\\n";
        if (c != '\n') text += c;
      }
      text += concat("\"} ", sizes[s], "\n");
    }
  }
}

}  // namespace penchant::engine
