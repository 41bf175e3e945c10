# SPDX-License-Identifier: GPL-2.0-only
#
# How the engine is compiled.  Makefile includes this file, and faultline runs
# it alone, in a directory that holds a patched copy of the sources:
#
#	make -f subject.mk CC=cc OUT=out out/subject.so
#
# The "subject" is what is checked: the engine and litmus/subject*.c, which run a
# litmus test on it.  The same objects link with every machine.

OUT ?= build

SUBJECT_SOURCES := $(sort $(wildcard engine/*.c engine/*/*.c litmus/subject*.c))
SUBJECT_OBJECTS := $(SUBJECT_SOURCES:%.c=$(OUT)/%.o)
ENGINE_OBJECTS := $(filter $(OUT)/engine/%,$(SUBJECT_OBJECTS))

# faultline clears WERROR: a patch may leave a function without a caller.
WERROR := -Werror
WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef \
	-Werror=implicit-function-declaration -Wwrite-strings \
	-Wstrict-prototypes -Wmissing-prototypes

# `make V=1` shows whole commands, `make -s` nothing.
say = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,\
	printf '  %-4s %s\n' $(1) $@;))

# The version of clang, empty for any other compiler.
CLANG := $(shell $(CC) -dM -E -x c /dev/null 2>/dev/null | \
	sed -n 's/^.define __clang_major__ //p')

# The tool names functions from the stack: every call has a frame of its own.
# Stacks are compared and copied: every byte of a frame is written, and ASan
# keeps its hands off them.
SUBJECT_CFLAGS := -std=c11 -O2 -g -fPIC -fno-omit-frame-pointer \
	-fno-optimize-sibling-calls -ftrivial-auto-var-init=zero \
	"-ffile-prefix-map=$$PWD=."
ifeq ($(CLANG),)
SUBJECT_CFLAGS += -fno-inline-functions -fno-inline-small-functions \
	-fno-inline-functions-called-once -fno-partial-inlining \
	-fno-ipa-cp -fno-ipa-sra -fno-ipa-icf
else
SUBJECT_CFLAGS += -finline-hint-functions
ifneq ($(filter $(CLANG),8 9 10 11 12 13 14 15),)
SUBJECT_CFLAGS += \
-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
endif
endif

# The engine sees the compiler's own headers and machine.h, nothing else.
$(OUT)/engine/%.o: INCLUDES := -ffreestanding -nostdinc \
	-isystem $(shell $(CC) -print-file-name=include) -Iengine
$(OUT)/litmus/%.o: INCLUDES := -D_GNU_SOURCE -Iengine -I.

$(SUBJECT_OBJECTS): $(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(SUBJECT_CFLAGS) $(WARNINGS) $(WERROR) $(SANITIZE) \
		$(INCLUDES) -MMD -MP -c -o $@ $<

# Only machine_* and host_* may be left to the executable that loads it.
$(OUT)/subject.so: $(SUBJECT_OBJECTS)
	$(call say,LD)$(CC) -shared -Wl,-Bsymbolic $(SANITIZE) -o $@ $^
	@! nm -D --undefined-only $@ | \
		sed -n -e '/@/d; / [wv] /d; / __/d; / machine_/d; / host_/d' \
			-e 's/.* U \(.*\)/undefined reference to \1()/p' | grep .
	@! objdump -t $(ENGINE_OBJECTS) | sed -n -E \
		's/.* O (\.bss|\.data|\*COM\*)\s.* (.*)/global variable \2: the engine may have none/p' \
		| grep .
