#pragma once

// The one request path. Python's Pipeline and the HTTP server both hold an Engine and call
// recommend_json; nothing else decides what anyone is shown.
//
//   auto engine = Engine::open("shop.penchant");
//   std::string body;
//   engine->recommend_json(R"({"subject": "17850", "k": 5})", body);
//
// An engine is immutable and safe to call from any number of threads.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/bundle/bundle.h"
#include "penchant/engine/request.h"

namespace penchant::features {
class LiveProfiles;
}

namespace penchant::engine {

class Chooser;
class Stage;
struct Assets;

class Engine {
 public:
  // Reads a bundle, assembles the stages it names and replays its golden requests; a bundle whose
  // goldens come out differently is refused (kCorruptBundle), unless check_goldens is false.
  [[nodiscard]] static std::shared_ptr<const Engine> open(const std::filesystem::path& path,
                                                          bool check_goldens = true);
  [[nodiscard]] static std::shared_ptr<const Engine> from_bundle(
      std::shared_ptr<const bundle::Reader> reader, bool check_goldens = true);

  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Request JSON in, response JSON out (replaces `body`); the same bytes for the same bundle and
  // request everywhere. Throws kInvalidArgument on a request that makes no sense.
  void recommend_json(std::string_view request, std::string& body) const;

  // The same with types. `chooser`: what chooses among the best, or null. `live`: profiles that
  // have gone on since the bundle's, or null.
  [[nodiscard]] Decision recommend(const Request& request, const Chooser* chooser = nullptr,
                                   const features::LiveProfiles* live = nullptr) const;

  // A score for every item that orders the catalogue exactly as recommend would, for evaluation:
  // candidates by their blended score, then the rest. scores.size() == num_items().
  void rank_all(const Request& request, std::span<float> scores) const;

  [[nodiscard]] std::size_t num_items() const;
  [[nodiscard]] const std::string& fingerprint() const;  // of the bundle
  [[nodiscard]] const Assets& assets() const;
  [[nodiscard]] const std::shared_ptr<const bundle::Reader>& bundle() const;
  [[nodiscard]] std::vector<std::string> stage_names() const;

 private:
  explicit Engine(std::unique_ptr<Assets> assets);
  void check_goldens() const;

  std::unique_ptr<Assets> assets_;
  std::vector<std::unique_ptr<const Stage>> stages_;
};

}  // namespace penchant::engine
