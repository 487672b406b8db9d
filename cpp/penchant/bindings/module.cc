// The extension's table of contents: one register_<module>.cc each, no logic in any.

#include "penchant/base/simd.h"
#include "penchant/bindings/register.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Penchant's C++ core; use the penchant package, which wraps it.";
  penchant::force_simd_target_from_environment();
  penchant::bindings::register_errors(module);
  penchant::bindings::register_base(module);
  penchant::bindings::register_bundle(module);
  penchant::bindings::register_data(module);
  penchant::bindings::register_identity(module);
  penchant::bindings::register_events(module);
  penchant::bindings::register_features(module);
  penchant::bindings::register_segments(module);
  penchant::bindings::register_models(module);
  penchant::bindings::register_ranking_models(module);
  penchant::bindings::register_attribute_models(module);
  penchant::bindings::register_item_models(module);
  penchant::bindings::register_retrieval(module);
  penchant::bindings::register_forest(module);
  penchant::bindings::register_calibration(module);
  penchant::bindings::register_importers(module);
  penchant::bindings::register_shap(module);
  penchant::bindings::register_trees(module);
  penchant::bindings::register_bandits(module);
  penchant::bindings::register_bandit_loop(module);
  penchant::bindings::register_evaluation(module);
  penchant::bindings::register_off_policy(module);
  penchant::bindings::register_engine(module);
}
