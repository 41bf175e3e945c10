# SPDX-License-Identifier: GPL-2.0-only
#
# `make help` lists the targets.  BUILD names the folder of objects: a build
# with another compiler or a sanitizer has one of its own and never disturbs
# ./faultline.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDEXPANSION:

BUILD := build
OUT := $(BUILD)
PREFIX := /usr/local
CFLAGS := -O2 -g -fno-omit-frame-pointer
TIMEOUT := 300

all: ## build the command (the default); ./faultline

include subject.mk

# ./faultline for people; other builds keep theirs under BUILD.
FAULTLINE := $(if $(filter build,$(BUILD)),faultline,$(BUILD)/faultline)
STRESS := $(BUILD)/stress
LIBRARIES := $(BUILD)/libchecker.a $(BUILD)/libfaultline.a

comma := ,
objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(addsuffix /*.c,$(1))))
PROBE := $(addprefix $(BUILD)/cli/,probe_engine.o probe_events.o \
	probe_observe.o)
CLI := $(filter-out $(PROBE),$(call objects,cli))
CHECKER := $(call objects,checker)
CHECK := $(call objects,machines/check)
NATIVE := $(call objects,machines/native)
API := $(call objects,api)
LITMUS := $(filter-out $(BUILD)/litmus/subject%,$(call objects,litmus))
BENCH := $(call objects,bench)
DPOR := $(call objects,bench/dpor)
TEST_OBJECTS := $(call objects,tests)
TESTS := $(patsubst $(BUILD)/tests/%.o,$(BUILD)/%,$(TEST_OBJECTS))
HOST_OBJECTS := $(CLI) $(PROBE) $(CHECKER) $(CHECK) $(NATIVE) $(API) \
	$(LITMUS) $(BENCH) $(DPOR) $(TEST_OBJECTS)

$(HOST_OBJECTS): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $(WERROR) $(SANITIZE) \
		-D_GNU_SOURCE -Iinclude -Iengine -Imachines/native -I. \
		-MMD -MP -c -o $@ $<

# Everything is built anew when the compiler or a flag changes.
flags = $(CC) $(CFLAGS) $(SUBJECT_CFLAGS) $(WARNINGS) $(WERROR) $(SANITIZE) \
	$(LDFLAGS)
$(HOST_OBJECTS) $(SUBJECT_OBJECTS): $(BUILD)/flags
$(BUILD)/flags: always
	@mkdir -p $(@D)
	@echo '$(flags)' | cmp -s - $@ || echo '$(flags)' >$@

# A link leaves its map and the sums of the engine's objects that went in;
# tests/objects.bats holds that every machine runs the very same ones.
sums = $(if $(filter $(BUILD)/engine/%,$^),@sha256sum \
	$(filter $(BUILD)/engine/%,$^) >$(BUILD)/$(basename $(@F)).objects)
define link =
$(call say,LD)$(CC) $(LDFLAGS) $(SANITIZE) -Wl,-Map=$(BUILD)/$(@F).map -o $@ \
	$(filter %.o,$^) $(LDLIBS)
$(sums)
endef

FAULTLINE_LIBS := -Wl,--dynamic-list=machines/check/exports.list \
	-ljansson -lxxhash -ldw -lelf -lpthread -lm
$(FAULTLINE): LDLIBS := $(FAULTLINE_LIBS)
$(FAULTLINE): $(CLI) $(CHECKER) $(CHECK) $(LITMUS) $(DPOR) \
		$(SUBJECT_OBJECTS) $(BUILD)/probe.o machines/check/exports.list
	$(link)

# The engine once more, on the native machine: one object that shows nothing
# but its interface, so that both machines fit into one program.
$(BUILD)/probe.o: $(PROBE) $(NATIVE) $(ENGINE_OBJECTS)
	$(call say,LD)$(CC) -r -nostdlib -Wl,-Map=$(BUILD)/probe.map -o $@ $^
	@objcopy --wildcard --keep-global-symbol='probe_engine_*' \
		--keep-global-symbol='__asan_*' $@
	@sha256sum $(ENGINE_OBJECTS) >$(BUILD)/probe.objects

# The same, but for the one file that knows of MPI: its ranks search together.
MPI := $(BUILD)/mpi
MPICC = OMPI_CC='$(CC)' MPICH_CC='$(CC)' mpicc
$(MPI)/post_mpi.o: cli/post_mpi.c cli/post_mpi.h include/checker_post.h \
		$(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,MPICC)$(MPICC) -std=c11 $(CFLAGS) $(WARNINGS) $(WERROR) \
		$(SANITIZE) -D_GNU_SOURCE -DWITH_MPI -Iinclude -I. -c -o $@ $<
$(MPI)/faultline: $(filter-out $(BUILD)/cli/post_mpi.o,$(CLI)) \
		$(MPI)/post_mpi.o $(CHECKER) $(CHECK) $(LITMUS) $(DPOR) \
		$(SUBJECT_OBJECTS) $(BUILD)/probe.o machines/check/exports.list
	$(call say,LD)$(MPICC) $(LDFLAGS) $(SANITIZE) -o $@ $(filter %.o,$^) \
		$(FAULTLINE_LIBS)

$(BUILD)/estimate: LDLIBS := -lxxhash -lm
$(BUILD)/estimate: $(BUILD)/bench/estimate.o $(CHECKER) $(DPOR)
	$(link)

# The command, which records what its searches do.
$(BUILD)/record: LDLIBS := $(FAULTLINE_LIBS) -Wl,--wrap=main,--wrap=left_next
$(BUILD)/record: $(BUILD)/bench/record.o $(CLI) $(CHECKER) $(CHECK) $(LITMUS) \
		$(DPOR) $(SUBJECT_OBJECTS) $(BUILD)/probe.o \
		machines/check/exports.list
	$(link)

$(BUILD)/balance: $(BUILD)/bench/balance.o $(BUILD)/checker/balance.o
	$(link)

$(STRESS): LDLIBS := -lpthread
$(STRESS): $(BUILD)/bench/stress.o $(NATIVE) $(ENGINE_OBJECTS)
	$(link)

# One object with no other global names than its interface's, so that it links
# with programs that have a run() or a world of their own.
define library_object =
$(call say,LD)$(CC) -r -nostdlib -o $@ $^
@objcopy --wildcard --keep-global-symbol='$(1)_*' \
	--keep-global-symbol='__asan_*' $@
$(sums)
endef

$(BUILD)/libchecker.o: $(CHECKER)
	$(call library_object,check)
$(BUILD)/libfaultline.o: $(API) $(NATIVE) $(ENGINE_OBJECTS)
	$(call library_object,fl)
$(LIBRARIES): %.a: %.o
	$(call say,AR)rm -f $@ && ar crD $@ $^

# What a test links, beside its own object.
OBJECTS_litmus_test := $(LITMUS)
OBJECTS_litmus_ops_test := $(LITMUS)
OBJECTS_checker_bundles_test := $(CHECKER) $(DPOR)
OBJECTS_checker_counts_test := $(CHECKER) $(DPOR)
OBJECTS_medium_test := $(CHECKER) $(CHECK)
OBJECTS_checker_estimate_test := $(CHECKER) $(DPOR)
OBJECTS_native_test := $(NATIVE)
OBJECTS_probe_fuzz := $(PROBE) $(BUILD)/cli/probe_view.o $(BUILD)/cli/files.o \
	$(NATIVE) $(ENGINE_OBJECTS)
OBJECTS_log_test := $(BUILD)/engine/fs/log.o $(BUILD)/engine/base/crc32c.o
OBJECTS_pool_test := $(ENGINE_OBJECTS) $(NATIVE)
OBJECTS_pool_damage_test := $(ENGINE_OBJECTS) $(NATIVE)
OBJECTS_api_test := $(BUILD)/libfaultline.o
OBJECTS_engine_build_test := $(addprefix $(BUILD)/cli/,engine_build.o files.o \
	patches.o run.o)
test_objects = $(or $(OBJECTS_$(1)),$(if $(filter checker_%,$(1)),$(CHECKER)),\
	$(if $(filter engine_%,$(1)),$(ENGINE_OBJECTS) $(NATIVE)))

$(TESTS): LDLIBS := -lcmocka -lxxhash -lpthread -lm
$(TESTS): $(BUILD)/%: $(BUILD)/tests/%.o $$(call test_objects,$$*)
	$(link)

# It looks at the operations that the checker's own functions perform.
$(BUILD)/checker_sync_random_test: LDLIBS += $(addprefix -Wl$(comma)--wrap=,\
	run_operate run_choose check_op check_op_at)

# It looks at what reaches the system.
$(BUILD)/native_test: LDLIBS += -Wl,--wrap=msync

-include $(HOST_OBJECTS:.o=.d) $(SUBJECT_OBJECTS:.o=.d)

all: $(FAULTLINE) $(LIBRARIES)

test: all $(STRESS) $(TESTS) ## run the fast tests
	@BUILD=$(BUILD) CC='$(CC)' TIMEOUT=$(TIMEOUT) tests/run $(BUILD) \
		$(TESTS) '$(BUILD)/probe_fuzz --failures' \
		'$(STRESS) --seconds 3' \
		'$(STRESS) --geometry small --seconds 3' \
		$(wildcard tests/*.bats) tests/corpus.sh

asan = -fsanitize=address,undefined -fno-sanitize-recover=all \
	$(if $(CLANG),-mllvm -asan-stack=0,--param=asan-stack=0)
test-asan: ## the same with AddressSanitizer and UBSan
	@$(MAKE) BUILD=build/asan SANITIZE='$(asan)' test

test-tsan: ## the native machine with ThreadSanitizer
	@$(MAKE) BUILD=build/tsan SANITIZE=-fsanitize=thread run-tsan
run-tsan: $(BUILD)/native_test $(STRESS)
	@TIMEOUT=$(TIMEOUT) tests/run $(BUILD) $(BUILD)/native_test \
		'$(STRESS) --seconds 20' '$(STRESS) --geometry small --seconds 20'

clang: ## build everything with clang, warnings as errors
	@$(MAKE) BUILD=build/clang CC=clang build-only
build-only: all $(STRESS) $(TESTS)

mpi: $(MPI)/faultline ## build/mpi/faultline, which mpirun can start

bench: $(FAULTLINE) $(STRESS) $(BUILD)/estimate ## measure; only wrong counts fail
	$(STRESS)
	bench/searches.sh
	./$(FAULTLINE) bench dpor
	./$(FAULTLINE) bench dpor --by-states
	$(BUILD)/estimate
	bench/jobs.sh
	bench/ranks.sh
	bench/random.sh

fuzz: $(TESTS) ## generated programs and scripts, fresh seeds, for SECONDS=60
	tests/fuzz $(or $(SECONDS),60) $(BUILD)

format-check: ## hold every C file against .clang-format
	@tests/format-check

bare-debian: ## demo.sh and test.sh on a fresh minimal Debian (root)
	@tests/bare-debian.sh

corpus: ## generate corpus/pairs anew
	corpus/generate corpus/pairs

DATA := $(DESTDIR)$(PREFIX)/share/faultline
DATA_FILES := subject.mk litmus/litmus.h $(wildcard litmus/subject*.[ch]) \
	$(wildcard engine/*.[ch] engine/*/*.[ch] patches/*.patch corpus/*.litmus \
	corpus/pairs/*.litmus)
install: all ## install under DESTDIR and PREFIX (/usr/local)
	install -D $(FAULTLINE) '$(DESTDIR)$(PREFIX)/bin/faultline'
	for f in $(wildcard include/*.h); do install -D -m 644 $$f \
		'$(DESTDIR)$(PREFIX)'/$$f || exit; done
	for f in $(LIBRARIES); do install -D -m 644 $$f \
		'$(DESTDIR)$(PREFIX)/lib'/$${f##*/} || exit; done
	mkdir -p '$(DESTDIR)$(PREFIX)/lib/pkgconfig'
	sed 's|@PREFIX@|$(PREFIX)|' api/faultline.pc.in \
		>'$(DESTDIR)$(PREFIX)/lib/pkgconfig/faultline.pc'
	for f in $(DATA_FILES); do \
		install -D -m 644 $$f '$(DATA)'/$$f || exit; done
	for f in $(wildcard man/*.[1-9]); do install -D -m 644 $$f \
		'$(DESTDIR)$(PREFIX)/share/man'/man$${f##*.}/$${f##*/} || exit; done

clean: ## remove what was built
	rm -rf build faultline

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14

.PHONY: all corpus mpi test fuzz test-asan test-tsan run-tsan clang build-only bench \
	format-check bare-debian install clean help always
