#include "penchant/events/json_lines.h"

#include <string>
#include <vector>

#include <xxhash.h>

namespace penchant::events {
namespace {

class LineReader {
 public:
  LineReader(const JsonLinesOptions& options, EventTable& table)
      : options_(options), table_(table) {}

  void read(std::string_view line, std::int64_t number) {
    if (options_.mapping == nullptr) {
      read_event(line, line, number);
      return;
    }
    if (!options_.mapping->apply(line, mapped_, rejection_)) {
      reject(number);
      return;
    }
    for (const std::string& one : mapped_) read_event(one, line, number);
  }
  [[nodiscard]] Quarantined take() { return std::move(out_); }

 private:
  void read_event(std::string_view json, std::string_view line, std::int64_t number) {
    if (table_.taxonomy().read(json, options_.received, event_, rejection_)) {
      out_.dropped += event_.dropped;
      table_.append(event_);
      return;
    }
    // Of what came, not of what a mapping made of it.
    if (options_.mapping != nullptr) {
      rejection_.payload_hash = XXH3_64bits(line.data(), line.size());
    }
    reject(number);
  }
  void reject(std::int64_t number) {
    out_.rows.push_back(number);
    ++out_.counts[static_cast<std::size_t>(rejection_.reason)];
    out_.rejections.push_back(rejection_);
  }

  const JsonLinesOptions& options_;
  EventTable& table_;
  Event event_;
  Rejection rejection_;
  std::vector<std::string> mapped_;
  Quarantined out_;
};

}  // namespace

Quarantined read_json_lines(std::string_view bytes, const JsonLinesOptions& options,
                            EventTable& table) {
  LineReader reader(options, table);
  for (std::int64_t number = 0; !bytes.empty(); ++number) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) reader.read(line, number);
  }
  return reader.take();
}

}  // namespace penchant::events
