# Everything is one command; `make help` lists them. A fresh clone on Debian 12 needs only make:
# Debian packages, .venv and the build follow from whatever is asked for first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
VENV := .venv
PY := $(VENV)/bin/python

export CCACHE_DIR ?= $(HOME)/.cache/ccache
# Objects are shared between checkouts in different folders.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
# A folder of data sets that stands beside the checkout is used when there is one.
ifneq ($(wildcard ../shared/data),)
export PENCHANT_DATA ?= $(abspath ../shared/data)
endif

EXTRAS := build test lint wheel plots datasets sparse tune

.PHONY: help deps deps-extra venv build test test-cpp test-python lint format demo wheel docs \
  docs-serve notebooks asan tsan coverage fuzz sanitized-load stubs clean bench bench-als \
  bench-bandit-regret bench-bandits bench-bpr bench-ease bench-evaluation bench-features \
  bench-forests bench-gbdt bench-gbdt-quality bench-identity bench-item-models bench-off-policy \
  bench-online-retail bench-ranking-quality bench-recommend-all bench-reranking bench-segments \
  bench-serving bench-shap bench-vectors

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 28

deps: ## install the Debian packages that are missing
	@tools/install_deps.sh tools/debian-packages.txt

deps-extra: deps
	@tools/install_deps.sh tools/debian-packages-extra.txt

venv: deps ## make .venv with everything the tests need
	@tools/make_venv.sh base $(EXTRAS)

build: venv ## compile; afterwards .venv/bin/{python,penchant,penchant-serve} work
	@tools/build.sh release
	@$(PY) tools/dev_install.py build/release

test: build ## build, check the layers, run every test
	@$(PY) tools/check_layers.py
	@$(VENV)/bin/ruff check --quiet
	@$(PY) tools/run_tests.py

test-cpp: build ## only the GoogleTest programs
	@$(PY) tools/run_tests.py --cpp

test-python: build ## only pytest; ARGS="-k als" narrows it
	@$(PY) tools/run_tests.py --python $(ARGS)

lint: build deps-extra ## format, naming, types, layers, links; ALL=1 runs clang-tidy on every file
	@$(PY) tools/lint.py $(if $(ALL),--all)

format: venv deps-extra ## rewrite sources in the project's style
	@git ls-files -z 'cpp/**.h' 'cpp/**.cc' 'tests/**.h' 'tests/**.cc' 'benchmarks/**.cc' | xargs -0 clang-format-14 -i
	@$(VENV)/bin/ruff check --quiet --fix || true
	@$(VENV)/bin/ruff format --quiet

demo: build ## the whole walk on real data: clean, train, measure, save, serve, ask
	@$(VENV)/bin/penchant demo

wheel: build ## one self-contained wheel in dist/
	@$(PY) tools/make_wheel.py

stubs: build ## regenerate python/penchant/_core.pyi from the extension
	@$(PY) tools/make_stubs.py

docs: export NO_MKDOCS_2_WARNING := 1
docs: build ## build the documentation into site/, strictly
	@VENV=$(VENV) tools/make_venv.sh docs docs
	@$(PY) -m mkdocs build --strict --quiet

docs-serve: build ## the documentation at 127.0.0.1:8000, live
	@VENV=$(VENV) tools/make_venv.sh docs docs
	@$(PY) -m mkdocs serve

notebooks: build ## execute the notebooks
	@$(PY) tools/run_tests.py --python tests/python/test_notebooks.py

asan: deps ## all C++ tests under AddressSanitizer and UBSan
	@tools/build.sh asan
	@UBSAN_OPTIONS=print_stacktrace=1 ctest --test-dir build/asan --output-on-failure

tsan: deps ## all C++ tests under ThreadSanitizer
	@tools/build.sh tsan
	@TSAN_OPTIONS=suppressions=$(CURDIR)/tools/tsan.supp:history_size=4 ctest --test-dir build/tsan --output-on-failure

sanitized-load: build ## 30 seconds of load on the server under ASan and TSan
	@tools/build.sh asan penchant-serve
	@tools/build.sh tsan penchant-serve
	@$(PY) tools/sanitized_load.py --seconds 30

coverage: deps-extra ## line coverage of the C++ tests, as text and build/coverage/index.html
	@tools/build.sh coverage
	@ctest --test-dir build/coverage --output-on-failure
	@gcovr --root . --filter 'cpp/penchant/' --object-directory build/coverage --print-summary \
	  --html-details build/coverage/index.html

fuzz: deps-extra venv ## FUZZ_SECONDS=60 of libFuzzer on each target
	@tools/build.sh fuzz fuzzers
	@tools/run_fuzzers.sh $(or $(FUZZ_SECONDS),60)

bench: bench-als bench-bandit-regret bench-bandits bench-bpr bench-online-retail bench-item-models bench-ease bench-evaluation \
  bench-identity bench-segments bench-recommend-all bench-vectors bench-forests bench-gbdt bench-gbdt-quality \
  bench-ranking-quality bench-reranking bench-shap bench-off-policy bench-serving ## every benchmark

bench-als: build ## ALS against two public libraries, in one run
	@$(PY) benchmarks/peers/als.py

bench-bandit-regret: build ## regret of bandit policies against a public library's on known worlds
	@$(PY) benchmarks/peers/bandit_regret.py $(ARGS)

bench-bandits: build ## bandit policies against two public libraries: rounds, decisions, learning
	@$(PY) benchmarks/peers/bandits.py $(ARGS)

bench-segments: build ## 1,000 segments over a million subjects kept up with events: speed, memory
	@$(PY) benchmarks/segments.py $(ARGS)

bench-bpr: build ## BPR and WARP against a public library's BPR, in one run
	@$(PY) benchmarks/peers/bpr.py

bench-evaluation: build ## a full-ranking evaluation against a plain compiled loop and public libraries
	@$(PY) benchmarks/peers/evaluation.py

bench-identity: build ## a million identifiers united, against the plain union of public libraries
	@$(PY) benchmarks/peers/identity.py $(ARGS)

bench-features: build ## 50 features over ten million events: replay, training rows, a request, memory
	@tools/build.sh release feature_times
	@$(PY) benchmarks/features_at_scale.py $(ARGS)

bench-gbdt: build ## boosted trees against LightGBM and XGBoost on several shapes; ARGS="--shapes ranking"
	@$(PY) benchmarks/peers/gbdt.py $(ARGS)

bench-gbdt-quality: build ## losses of boosted trees against LightGBM and XGBoost on many kinds of rows
	@$(PY) benchmarks/peers/gbdt_quality.py $(ARGS)

bench-ranking-quality: build ## NDCG of rankers against LightGBM and XGBoost, by cross-validation
	@$(PY) benchmarks/peers/ranking_quality.py $(ARGS)

bench-off-policy: build ## off-policy estimates against a public library; ARGS="--coverage" for their intervals
	@$(PY) benchmarks/peers/off_policy.py $(ARGS)

bench-shap: build ## SHAP values of the same trees against LightGBM and XGBoost
	@$(PY) benchmarks/peers/shap_values.py $(ARGS)

bench-recommend-all: build ## lists for everyone against the public library, in one run
	@$(PY) benchmarks/peers/recommend_all.py

bench-online-retail: build ## quality on Online Retail against public libraries
	@$(PY) benchmarks/peers/online_retail.py

bench-item-models: build ## item-item models and their blend against public libraries
	@$(PY) benchmarks/peers/item_models.py

bench-ease: build ## seconds of the closed-form models by size of the catalogue
	@$(PY) benchmarks/peers/ease_speed.py

bench-vectors: build ## nearest neighbours against public libraries, at equal recall
	@$(PY) benchmarks/peers/vector_index.py

bench-forests: build ## scoring of trees against public libraries, in one run
	@$(PY) benchmarks/peers/forest_scoring.py

bench-reranking: build ## what a ranker adds to the default funnel, and what it costs a request
	@$(PY) benchmarks/peers/reranking.py

bench-serving: build deps-extra ## latency of the server at a fixed rate
	@$(PY) benchmarks/serving/load.py

clean: ## remove what was built (not .venv)
	@rm -rf build dist site demo-output python/penchant/_core*.so python/penchant/bin
	@find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +
