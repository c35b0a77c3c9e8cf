# parstock: one non-recursive makefile. `make help` lists the targets from the comments here.
# Everything that is made lies under build/; tests/setup installs what the machine lacks.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
SANITIZE ?=
SECONDS  ?= 60
MINUTES  ?=
MUTANTS  ?=
RACES    ?= 10000
SEED     ?= 1
FUZZ     ?=
BENCH    ?=
BROKER   ?=
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG    ?= clang-14
AR       := $(if $(filter default,$(origin AR)),gcc-ar,$(AR))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
SHELL := /bin/bash

comma := ,
# Where this kind of build goes: build/, build/san-address-undefined/, build/san-thread/
OUT := build$(if $(SANITIZE),/san-$(subst $(comma),-,$(SANITIZE)))
SETUP := tests/setup
VENV := build/deps/venv
PYTHON := $(VENV)/bin/python

# ---- what the machine has: flags found by tests/setup/configure.sh ---------------------------
NEEDS_NOTHING := help clean distclean deps deps-build deps-demo deps-test deps-lint
GOALS := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out $(NEEDS_NOTHING),$(GOALS)),)
include build/deps/config.mk
endif

build/deps/config.mk: $(SETUP)/configure.sh $(SETUP)/packages.sh $(SETUP)/librdkafka.sh
	@$(SETUP)/packages.sh build
	@$(SETUP)/librdkafka.sh
	@mkdir -p $(@D)
	@CC=$(CC) $(SETUP)/configure.sh >$@

# ---- flags ------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wvla -Wformat=2 -Wnull-dereference \
	-Wimplicit-fallthrough -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings \
	-Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion \
	-Werror=format-security
HARDENING := -fstack-protector-strong -fPIE -fexceptions -fno-delete-null-pointer-checks \
	-fno-strict-overflow -fno-strict-aliasing $(PROBED_FLAGS)
FORTIFY := $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
SANITIZERS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all)

CPPFLAGS_ALL := -D_GNU_SOURCE -DPARSTOCK_VERSION='"$(VERSION)"' -I. $(PACKAGE_CFLAGS) \
	-isystem build/deps/librdkafka/include $(FORTIFY) $(CPPFLAGS)
CFLAGS_ALL := -std=c17 -O2 -g $(WARNINGS) -Werror $(HARDENING) $(SANITIZERS) -pthread \
	-ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
LDFLAGS_ALL := -pie -pthread -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now -Wl,--as-needed \
	-Wl,--no-copy-dt-needed-entries $(SANITIZERS) $(LDFLAGS)
LIBS_ALL := $(RDKAFKA_LIBS) $(PACKAGE_LIBS) -lm -lpthread

# ---- sources: found, never listed ---------------------------------------------------------------
MAIN := workers/main.c
SOURCES := $(sort $(filter-out $(MAIN),$(wildcard common/*/*.c workers/*.c workers/*/*.c)))
UNIT_SOURCES := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELPERS := $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
TOOL_SOURCES := $(sort $(wildcard tests/tools/*.c))

OBJECTS := $(SOURCES:%.c=$(OUT)/obj/%.o) $(OUT)/obj/gen/embedded.o
ARCHIVE := $(OUT)/libparstock.a
PROGRAM := $(OUT)/parstock
UNIT_HELPER_OBJECTS := $(UNIT_HELPERS:%.c=$(OUT)/obj/%.o)
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(OUT)/tests/unit/%)
REPLAY_PROGRAMS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(OUT)/tests/replay/%)
TOOL_PROGRAMS := $(TOOL_SOURCES:tests/tools/%.c=$(OUT)/tests/%)
BENCH_PROGRAMS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/bench/bench_*.c))
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/%.c=build/fuzz/%)

# ---- targets ------------------------------------------------------------------------------------
.PHONY: all help deps deps-build deps-demo deps-test deps-lint lint unit test demo fuzz bench \
	bench-opponents chaos mutants race test-k8s chart-gates \
	clean distclean install uninstall man image sbom tests tools replays objects FORCE

all: $(PROGRAM) $(if $(SANITIZE),,parstock) ## build parstock (build/parstock and the link ./parstock)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  SANITIZE=address,undefined or thread   build into build/san-<name>/ instead'
	@echo '  BROKER=kafka                           demo on Apache Kafka, not the embedded broker'
	@echo '  test-SUITE                             one suite of the tests; tests/run --list names them'
	@echo '  SECONDS=n FUZZ=name                    fuzz for n seconds each, or only one fuzzer'

parstock: $(PROGRAM)
	@ln -sfn build/parstock $@

$(MAIN):
	@echo "make: $@ is missing: the command table of parstock lives there, nothing can be linked" >&2
	@false

$(PROGRAM): $(OUT)/obj/workers/main.o $(ARCHIVE)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ALL)

# The list is part of the recipe's inputs, so that a deleted source leaves the archive too.
$(ARCHIVE): $(OBJECTS) $(OUT)/objects.list
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $(OBJECTS)

$(OUT)/objects.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(OBJECTS) | cmp -s - $@ || printf '%s\n' $(OBJECTS) >$@

# Flags are an input like any other: changing them rebuilds.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL))' >$@.$$PPID
	@cmp -s $@.$$PPID $@ && rm $@.$$PPID || mv $@.$$PPID $@

$(OUT)/obj/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Embedded files are longer than the string length C17 promises; every compiler used here takes them.
$(OUT)/obj/gen/embedded.o: build/gen/embedded.c $(OUT)/flags
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-overlength-strings -MMD -MP -c -o $@ $<

build/gen/embedded.c: $(SETUP)/embed.sh FORCE
	@mkdir -p $(@D)
	@$(SETUP)/embed.sh >$@.$$PPID
	@cmp -s $@.$$PPID $@ && rm $@.$$PPID || mv $@.$$PPID $@

objects: $(OBJECTS)

# ---- tests --------------------------------------------------------------------------------------
tests: $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS) $(TOOL_PROGRAMS) $(BENCH_PROGRAMS) ## build every test program
tools: $(TOOL_PROGRAMS)
replays: $(REPLAY_PROGRAMS)

$(OUT)/tests/unit/%: $(OUT)/obj/tests/unit/%.o $(UNIT_HELPER_OBJECTS) $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ALL) $(CMOCKA_LIBS)

$(OUT)/tests/%: $(OUT)/obj/tests/tools/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ALL)

$(OUT)/tests/bench/%: $(OUT)/obj/tests/bench/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ALL)

$(OUT)/tests/replay/%: $(OUT)/obj/tests/fuzz/%.o $(OUT)/obj/tests/fuzz/replay_main.o $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_ALL)

unit: $(UNIT_PROGRAMS) ## run the unit tests (SANITIZE= for a sanitized build)
	@failed=0; for program in $(UNIT_PROGRAMS); do $$program || failed=1; done; exit $$failed

# ---- fuzzing: the whole library again, instrumented by clang -----------------------------------
FUZZ_CFLAGS := -std=c17 -O1 -g -D_GNU_SOURCE -DPARSTOCK_VERSION='"$(VERSION)"' -I. \
	$(PACKAGE_CFLAGS) -isystem build/deps/librdkafka/include -pthread -Wno-overlength-strings \
	-fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_OBJECTS := $(SOURCES:%.c=build/fuzz/obj/%.o) build/fuzz/obj/build/gen/embedded.o

build/fuzz/obj/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

build/fuzz/libparstock.a: $(FUZZ_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(FUZZERS): build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/libparstock.a
	@echo "  FUZZ  $@"
	@$(CLANG) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(LIBS_ALL)

fuzz: $(if $(FUZZ),build/fuzz/fuzz_$(FUZZ:fuzz_%=%),$(FUZZERS)) ## fuzz with libFuzzer, SECONDS=n each (FUZZ=name for one)
	@for fuzzer in $^; do name=$${fuzzer##*/fuzz_}; \
	    mkdir -p build/fuzz/found/$$name tests/fuzz/corpus/$$name; \
	    echo "fuzzing $$name for $(SECONDS) s"; \
	    $$fuzzer -max_total_time=$(SECONDS) -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
	        -artifact_prefix=build/fuzz/found/$$name- build/fuzz/found/$$name \
	        tests/fuzz/corpus/$$name || exit 1; \
	done

# ---- what needs more than a compiler -------------------------------------------------------------
deps: deps-test ## install everything that any target here needs

deps-build:
	@$(SETUP)/packages.sh build
	@$(SETUP)/librdkafka.sh

deps-lint:
	@$(SETUP)/packages.sh build lint

deps-demo: deps-build
	@$(SETUP)/packages.sh postgres python $(if $(filter kafka,$(BROKER)),broker)
	@$(SETUP)/venv.sh
	@$(if $(filter kafka,$(BROKER)),$(SETUP)/kafka.sh)

deps-test: deps-build
	@$(SETUP)/packages.sh lint postgres python broker alerts browser producers image
	@$(SETUP)/venv.sh
	@$(SETUP)/kafka.sh
	@$(SETUP)/axe.sh

lint: deps-lint objects ## check format, layers, purity, budgets, banned functions, analyzers
	@tests/lint/run

test: deps-test ## every test, against a real Kafka and a real PostgreSQL
	@tests/run

chart-gates: ## Helm 3 and 4, kubeconform and kube-score on the chart, outside `make test` (needs Go)
	@$(SETUP)/packages.sh python
	@$(SETUP)/venv.sh
	@$(SETUP)/chart_tools.sh
	@$(PYTHON) -m tests.chart.gates

K8S_TOOLS ?=
K8S_DIR ?= build/k8s
K8S_SCALER ?= hpa

test-k8s: deps-test all ## the chart on a real cluster, outside `make test`: K8S_TOOLS=dir (tests/k8s/README.md)
	@$(PYTHON) -m tests.k8s --tools '$(K8S_TOOLS)' --dir '$(K8S_DIR)' --scaler $(K8S_SCALER)

test-%: deps-test
	@tests/run $*

demo: deps-demo all ## the story in a few minutes (BROKER=kafka: on Apache Kafka)
	@$(PYTHON) -m tests.demo $(if $(BROKER),--broker $(BROKER))

chaos: deps-test all ## faults of every kind against apply, MINUTES=n (or SECONDS=n) SEED=s
	@$(PYTHON) -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES),--seconds $(SECONDS)) --seed $(SEED)

mutants: deps-test all ## prove that the campaign sees wrong workers (MUTANTS='id..' for some)
	@$(PYTHON) -m tests.chaos.mutants $(MUTANTS)

race: deps-test all ## is a unit sold twice because of a write? RACES=n SEED=s
	@$(PYTHON) -m tests.race --races $(RACES) --seed $(SEED)

bench: deps-test all tools $(BENCH_PROGRAMS) ## measure apply on this machine (BENCH='--quick': does it work)
	@$(PYTHON) -m tests.bench $(BENCH)

bench-opponents: deps-test ## fetch and build what `make bench` compares with (needs Go and a JDK)
	@$(SETUP)/opponents.sh

# ---- man pages: printed by the program from its own tables ------------------------------------
man: $(PROGRAM) ## write the man pages to build/man
	@mkdir -p build/man
	@$(PROGRAM) help --man >build/man/parstock.1
	@for name in $$($(PROGRAM) help --commands); do \
	    $(PROGRAM) help --man $$name >build/man/parstock-$$name.1 || exit 1; \
	done

# ---- the container image, without a container engine -------------------------------------------
IMAGE ?= parstock:$(VERSION)

image: $(PROGRAM) ## write the image to build/parstock.oci.tar (IMAGE=name:tag), an OCI layout that Docker loads too
	@$(SETUP)/packages.sh build image
	@$(SETUP)/image.py --program $(PROGRAM) --name $(IMAGE) --output build/parstock.oci.tar

sbom: $(PROGRAM) ## print the image's bill of materials (SPDX)
	@$(SETUP)/sbom.py $$(ldd $(PROGRAM) | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p')

# ---- installing, cleaning --------------------------------------------------------------------------
install: $(PROGRAM) man ## install to DESTDIR/PREFIX (default /usr/local)
	install -D -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/parstock
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 0644 build/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	$(PROGRAM) help --bash-completion \
	    >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/parstock

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/parstock \
	    $(DESTDIR)$(PREFIX)/share/man/man1/parstock.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/parstock-*.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/parstock

clean: ## remove everything built; build/deps stays
	@find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || true
	@rm -f parstock

distclean: ## remove everything built and everything fetched
	rm -rf build parstock

-include $(OBJECTS:.o=.d) $(OUT)/obj/workers/main.d $(wildcard $(OUT)/obj/tests/*/*.d) \
	$(wildcard build/fuzz/obj/*/*/*.d build/fuzz/obj/*/*.d)
