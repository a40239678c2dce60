# SPDX-License-Identifier: GPL-2.0-or-later
#
# make            builds for this machine (CROSS_COMPILE=aarch64-linux-gnu- for a board)
# make check      sets up, builds and runs every test
# make demo       the main job, in front of you
# make bench      measures what it costs, on the rig: [RUNS=5] times, beside [PEER=DIR] (tests/bench/README.md)
# make soak       kills workers [KILLS=200] times, and the daemon, under a Linux that checks every byte
# make model      thousands of random histories, the engine alone: [HISTORIES=4000] [SEED=1]
# make fuzz       what others write, made up: [SECONDS=60] each, [FUZZ=target], [ENGINE=afl], [ENGINE=coverage]
# make help       the rest

VERSION := 0.1.0

# Neither make nor the kernel's build takes such a path.
ifneq ($(words $(CURDIR)),1)
$(error "$(CURDIR)" has a blank in it: move this directory to a path without one)
endif
ifneq ($(findstring :,$(CURDIR)),)
$(error "$(CURDIR)" has a colon in it: move this directory to a path without one)
endif

ARCH ?= $(if $(CROSS_COMPILE),$(firstword $(subst -, ,$(notdir $(CROSS_COMPILE)))),native)

# As the kernel calls an architecture, and how Debian's compilers for it begin; arm64, riscv64, x86_64 and loongarch64
# are hvisor's words. Nothing is crossed where the machine is that already.
KERNEL_ARCH = $(patsubst aarch64,arm64,$(patsubst riscv64,riscv,$(patsubst loongarch64,loongarch,$(ARCH))))
MACHINE := $(patsubst arm64,aarch64,$(patsubst riscv,riscv64,$(patsubst loongarch,loongarch64,$(ARCH))))
ifeq ($(filter native $(shell uname -m),$(MACHINE)),)
CROSS_COMPILE ?= $(MACHINE)-linux-gnu-
endif
CC := $(CROSS_COMPILE)gcc
PKG_CONFIG := $(CROSS_COMPILE)pkg-config
O := build/$(subst aarch64,arm64,$(ARCH))

PREFIX ?= /usr
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/libexec/hvisor
BOARDSDIR ?= $(PREFIX)/lib/hvisor/boards
UNITDIR ?= /lib/systemd/system

WARNINGS := -Wall -Wextra -Werror -Wvla -Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes -Wshadow
CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DLIBEXEC_DIR='"$(LIBEXECDIR)"' -DBOARDS_DIR='"$(BOARDSDIR)"' -Ireconciler -Ikmod/uapi -I.
CFLAGS ?= -O2 -g
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(HARDENING) -ffunction-sections -fdata-sections $(CPPFLAGS) $(CFLAGS)
ifneq ($(V),1)
Q := @
say = @echo '  $(1)'
endif
LDFLAGS += -pie -Wl,--gc-sections,-z,relro,-z,now

# The floors, lowest first. A file includes only its own floor and lower ones (tests/lint/floors checks it).
MANAGER_FLOORS := base config check boot live plan hypervisor engine
WORKER_FLOORS := base virtio device
floor = $(patsubst %.c,$(O)/%.o,$(sort $(wildcard $(addsuffix /*.c,$(addprefix reconciler/,$(1))))))

DAEMON_OBJS := $(call floor,$(MANAGER_FLOORS) daemon)
CLI_OBJS := $(call floor,$(MANAGER_FLOORS) import cli)
WORKER_OBJS := $(call floor,$(WORKER_FLOORS))
# By its own name: Debian's libfdt-dev is there for one architecture at a time; its header serves all.
LIBFDT ?= -l:libfdt.so.1
PROGRAMS := $(O)/hvisor $(O)/hvisor-reconciler $(O)/hvisor-device
MAN_PAGES := hvisor.1 hvisor.zone.5 hvisor.board.5 hvisor.conf.5 hvisor-reconciler.8
GENERATED := hvisor.zone.schema.json hvisor.board.schema.json hvisor.keys.md hvisor.bash hvisor.zsh $(MAN_PAGES)

.PHONY: all documents
all: $(PROGRAMS) documents $(if $(KDIR),kmod)
documents: $(addprefix $(O)/,$(GENERATED) check.schema.json)

# Said in a few words and before anything is compiled. Workers alone want less.
.PHONY: needs
needs:
	@units/needs $(CC) $(PKG_CONFIG)
ifneq ($(filter-out %/hvisor-device,$(or $(MAKECMDGOALS),all)),)
$(DAEMON_OBJS) $(CLI_OBJS) $(WORKER_OBJS): | needs
endif

$(O)/hvisor: $(CLI_OBJS)
$(O)/hvisor-reconciler: $(DAEMON_OBJS)
$(O)/hvisor-device: $(WORKER_OBJS)
$(O)/hvisor $(O)/hvisor-reconciler: LDLIBS = $(shell $(PKG_CONFIG) --libs libsystemd jansson) $(LIBFDT) -pthread
$(O)/hvisor-device: LDLIBS = $(shell $(PKG_CONFIG) --libs libseccomp liburing) -pthread
$(PROGRAMS):
	$(call say,LD  $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC  $@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# LOG=LOG_WARN: what is logged where neither LogLevel= nor HVISOR_LOG= says so.
LOG ?= LOG_INFO
LOG_DEFAULT := $(patsubst LOG_WARN,LOG_WARNING,$(patsubst LOG_ERROR,LOG_ERR,$(patsubst LOG_FATAL,LOG_CRIT,$(LOG))))
ifeq ($(filter LOG_TRACE LOG_DEBUG LOG_INFO LOG_WARNING LOG_ERR LOG_CRIT,$(LOG_DEFAULT)),)
ifeq ($(origin LOG),environment) # somebody else's
LOG_DEFAULT := LOG_INFO
else
$(error LOG=$(LOG): LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR or LOG_FATAL)
endif
endif
$(O)/reconciler/base/log.o: CPPFLAGS += -DLOG_DEFAULT=$(LOG_DEFAULT)
$(O)/reconciler/base/log.o: $(O)/log-level
$(O)/log-level: FORCE
	@mkdir -p $(@D)
	@echo $(LOG_DEFAULT) | cmp -s - $@ || echo $(LOG_DEFAULT) >$@
.PHONY: FORCE

-include $(shell find build -name '*.d' -type f 2>/dev/null)

# ---- made from schema/keys.def and cli/verbs.def, by a program of this machine whatever the others are for -------------------

DESCRIBE := build/host/describe
DESCRIBE_SOURCES := $(addprefix schema/,describe.c man.c completion.c) $(addprefix reconciler/,cli/schema_json.c cli/keys_text.c config/schema.c config/spec.c config/suggest.c config/words.c base/virtio_types.c)
HOSTCC ?= gcc

$(DESCRIBE): | needs
$(DESCRIBE): $(DESCRIBE_SOURCES) $(wildcard reconciler/config/*.h reconciler/base/*.h) reconciler/cli/schema_json.h reconciler/cli/keys_text.h reconciler/cli/verb.h reconciler/cli/verbs.def $(wildcard schema/*.h) schema/keys.def
	@mkdir -p $(@D)
	$(call say,HOST $@)
	$(Q)$(HOSTCC) -std=gnu11 -O1 $(WARNINGS) $(CPPFLAGS) -o $@ $(DESCRIBE_SOURCES) $$(pkg-config --cflags --libs jansson)

$(O)/hvisor-reconciler.8: units/hvisor-reconciler.8
	@mkdir -p $(@D)
	$(Q)sed 's/@VERSION@/$(VERSION)/' $< > $@.new && mv $@.new $@

# What verbs print for programs: VERB.schema.json; that of check has the schemas of files in it.
OUTPUT_SCHEMAS := $(addprefix schema/,$(addsuffix .schema.json,board logs plan status)) $(O)/check.schema.json
$(O)/check.schema.json: schema/check.schema.json $(DESCRIBE)
	@mkdir -p $(@D)
	$(Q)$(DESCRIBE) $(@F) > $@.new && mv $@.new $@

$(O)/hvisor.%: $(DESCRIBE)
	@mkdir -p $(@D)
	$(Q)$(DESCRIBE) $* > $@.new && mv $@.new $@

# ---- unit tests: native, under ASan and UBSan ------------------------------------------------------------
# Each is linked with an archive of everything: what it defines itself stands for the archive's member of that name.
# Of what else it replaces, its first line says so: "// wrap: function…" (ld's --wrap), or "// wrap-table: FILE", for what
# the rows of that file name, except the SURE ones.

UNIT := build/unit
UNIT_SOURCES := $(shell find tests/unit -name 'test_*.c' 2>/dev/null)
UNIT_PARTS := $(wildcard reconciler/*/*.c) $(wildcard kmod/hivc_layout.c kmod/ivc_record.c kmod/register_*.c kmod/zone_check*.c kmod/zone_config*.c) $(shell find tests/unit -name '*.c' ! -name 'test_*' 2>/dev/null)
UNIT_TESTS := $(addprefix $(UNIT)/,$(notdir $(basename $(UNIT_SOURCES))))
UNIT_CFLAGS := -std=gnu11 -O1 -g $(WARNINGS) -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_LIBS := libsystemd jansson libseccomp liburing
unit_test = $(filter %/$(1).c,$(UNIT_SOURCES))
unit_object = $(patsubst %.c,$(UNIT)/%.o,$(call unit_test,$(1)))

.PHONY: unit
unit: $(UNIT_TESTS)

$(UNIT)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC  $@)
	$(Q)gcc $(UNIT_CFLAGS) $(CPPFLAGS) -Ikmod -Itests/unit -MMD -MP -c -o $@ $<

$(UNIT)/parts.a: $(UNIT_PARTS:%.c=$(UNIT)/%.o)
	$(call say,AR  $@)
	$(Q)rm -f $@ && ar rcs $@ $^

.SECONDEXPANSION:
$(UNIT)/test_%: $$(call unit_object,test_%) $(UNIT)/parts.a
	$(call say,UNIT $@)
	$(Q)gcc $(UNIT_CFLAGS) -o $@ $< $$(sed -n '1s,^// wrap: ,,p' $(call unit_test,$(@F)) | xargs -rn1 printf -- '-Wl,--wrap=%s ') \
	    $$(sed -n '1s,^// wrap-table: ,,p' $(call unit_test,$(@F)) | xargs -r sed -n 's/^FA[A-Z]*(\([a-z_0-9]*\).*/-Wl,--wrap=\1/p') \
	    $(UNIT)/parts.a -Wl,--as-needed $$(pkg-config --libs $(UNIT_LIBS)) $(LIBFDT) -lcmocka -pthread

# ---- fuzzers: native, under ASan and UBSan; by clang's libFuzzer, which the suite uses, or AFL++ --------------
# Each is one file of tests/fuzz, linked with an archive as unit tests are, with the same "// wrap:" in its first line.
# ENGINE=coverage fuzzes nothing: it tells which lines the inputs that are there go through.

ENGINE ?= libfuzzer
ifeq ($(filter libfuzzer afl coverage,$(ENGINE))$(filter-out environment,$(origin ENGINE)),) # somebody else's
ENGINE := libfuzzer
endif
ifeq ($(ENGINE),libfuzzer)
FUZZ_DIR := build/fuzz
FUZZ_CC := clang -fsanitize=fuzzer-no-link
else ifeq ($(ENGINE),afl)
FUZZ_DIR := build/fuzz-afl
FUZZ_CC := afl-clang-fast
else ifeq ($(ENGINE),coverage)
FUZZ_DIR := build/fuzz-coverage
FUZZ_CC := clang -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping
else
$(error ENGINE=$(ENGINE): libfuzzer, afl or coverage)
endif
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_PARTS := $(filter-out %/main.c,$(wildcard reconciler/*/*.c)) $(wildcard kmod/ivc_record.c kmod/register_*.c kmod/zone_check*.c kmod/zone_config*.c) $(filter-out $(FUZZ_SOURCES),$(wildcard tests/fuzz/*.c))
FUZZERS := $(addprefix $(FUZZ_DIR)/,$(notdir $(basename $(FUZZ_SOURCES))))
FUZZ_CFLAGS := -std=gnu11 -O1 -g $(WARNINGS) -Wno-missing-field-initializers -Wno-gnu -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SECONDS ?= 60

.PHONY: fuzzers fuzz fuzz-engine
fuzzers: fuzz-engine $(FUZZERS) $(addprefix $(FUZZ_DIR)/,conf.dict import.dict)

# hvisor.ko's calls are made at random on the rig, where its kernel watches.
ifeq ($(FUZZ),ioctl)
fuzz: setup
	@$(MAKE) --no-print-directory $(JOBS) rig
	@SECONDS=$(SECONDS) SEED=$${SEED:-$$(date +%s)} tests/run -k random-calls
else
fuzz: fuzzers
	@tests/fuzz/$(if $(filter libfuzzer,$(ENGINE)),run,$(ENGINE)) $(if $(filter coverage,$(ENGINE)),,$(SECONDS)) $(FUZZ)
endif

fuzz-engine:
	@command -v $(firstword $(FUZZ_CC)) >/dev/null || { echo "$(firstword $(FUZZ_CC)) is not installed: apt-get install $(if $(filter afl,$(ENGINE)),afl++,clang libclang-rt-dev llvm)" >&2; exit 1; }

$(FUZZ_DIR)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC  $@)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(CPPFLAGS) -Ikmod -Itests -MMD -MP -c -o $@ $<

$(FUZZERS) $(FUZZ_DIR)/parts.a: | fuzz-engine
$(FUZZ_DIR)/parts.a: $(FUZZ_PARTS:%.c=$(FUZZ_DIR)/%.o)
	$(call say,AR  $@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZERS): $(FUZZ_DIR)/%: $(FUZZ_DIR)/tests/fuzz/%.o $(FUZZ_DIR)/parts.a
	$(call say,FUZZ $@)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $< $$(sed -n '1s,^// wrap: ,,p' tests/fuzz/$*.c | xargs -rn1 printf -- '-Wl,--wrap=%s ') \
	    $(FUZZ_DIR)/parts.a -Wl,--as-needed $$(pkg-config --libs $(UNIT_LIBS)) $(LIBFDT) -pthread

$(FUZZ_DIR)/conf.dict: build/native/hvisor.zone.schema.json build/native/hvisor.board.schema.json
$(FUZZ_DIR)/import.dict: $(wildcard reconciler/import/*.c)
$(FUZZ_DIR)/%.dict: tests/fuzz/dictionary
	@mkdir -p $(@D)
	$(Q)tests/fuzz/dictionary $* $(filter-out $<,$^) > $@.new && mv $@.new $@

# ---- kernel module: KDIR is a built kernel tree or its headers --------------------------------------------

.PHONY: kmod
kmod:
	@test -n "$(KDIR)" || { echo "make kmod: say which kernel: KDIR=/path/to/linux (built, or its headers)" >&2; exit 1; }
	$(MAKE) -C kmod KDIR=$(abspath $(KDIR)) $(if $(filter native,$(ARCH)),,ARCH=$(KERNEL_ARCH)) $(if $(CROSS_COMPILE),CROSS_COMPILE=$(CROSS_COMPILE))

# For kernels that the suite does not have; their headers are downloaded into .cache/kernels.
.PHONY: kmod-matrix
kmod-matrix:
	@tests/kmod/matrix

# ---- installation on root Linux; DESTDIR= for an image ----------------------------------------------------

.PHONY: install
install: all
	install -D -m 0755 $(O)/hvisor $(DESTDIR)$(PREFIX)/bin/hvisor
	install -D -m 0755 $(O)/hvisor-reconciler $(DESTDIR)$(LIBEXECDIR)/reconciler
	install -D -m 0755 $(O)/hvisor-device $(DESTDIR)$(LIBEXECDIR)/device
	install -D -m 0644 units/hvisor-reconciler.service $(DESTDIR)$(UNITDIR)/hvisor-reconciler.service
	install -D -m 0644 units/hvisor-zones.service $(DESTDIR)$(UNITDIR)/hvisor-zones.service
	install -D -m 0644 units/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/hvisor.conf
	install -D -m 0644 units/hvisor.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog/hvisor.catalog
	install -D -m 0644 units/modules-load.conf $(DESTDIR)$(PREFIX)/lib/modules-load.d/hvisor.conf
	install -d -m 0755 $(DESTDIR)$(SYSCONFDIR)/hvisor/zones.d $(DESTDIR)/usr/lib/hvisor/zones.d
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/hvisor $(O)/hvisor.zone.schema.json $(O)/hvisor.board.schema.json
	install -D -m 0644 $(O)/hvisor.keys.md $(DESTDIR)$(PREFIX)/share/doc/hvisor/keys.md
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/hvisor $(OUTPUT_SCHEMAS)
	$(foreach n,1 5 8,install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man$(n) $(addprefix $(O)/,$(filter %.$(n),$(MAN_PAGES))) &&) :
	install -D -m 0644 $(O)/hvisor.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hvisor
	install -D -m 0644 $(O)/hvisor.zsh $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_hvisor
	install -D -m 0644 README.md $(DESTDIR)$(PREFIX)/share/doc/hvisor/README.md
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/hvisor/examples $(wildcard zones.d/*.conf*)
	install -D -m 0644 -t $(DESTDIR)$(BOARDSDIR) $(wildcard zones.d/boards/*.conf)
ifeq ($(DESTDIR),)
	systemctl daemon-reload
	systemd-tmpfiles --create hvisor.conf
	journalctl --update-catalog
endif

# ---- packages for Debian, in build/deb; CROSS_COMPILE= as above; BUILT=yes takes what is compiled already ---

DEB := build/deb
DEB_SOURCES := Makefile README.md LICENSE reconciler kmod schema units zones.d

.PHONY: deb
deb:
	@units/needs $(CC) $(PKG_CONFIG) debhelper dh-dkms build-essential
	rm -rf $(DEB) && mkdir -p $(DEB)/source
	tar -c --exclude-from=.gitignore $(DEB_SOURCES) | tar -x -C $(DEB)/source
	$(if $(BUILT),$(MAKE) --no-print-directory all && cp -a --parents build/host $(O) $(DEB)/source)
	mv $(DEB)/source/units/debian $(DEB)/source/debian
	units/debian/prepare $(VERSION) $(DEB)/source/debian
	cd $(DEB)/source && dpkg-buildpackage -b -us -uc $(if $(CROSS_COMPILE),-d -a$(subst aarch64,arm64,$(subst x86_64,amd64,$(subst loongarch64,loong64,$(ARCH)))))
	@ls $(DEB)/*.deb

# ---- the rig: QEMU stands for the board; everything on it is cross-built ----------------------------------

RIG_CROSS := CROSS_COMPILE=aarch64-linux-gnu- ARCH=arm64
RIG := build/rig
STAGE := $(RIG)/stage
JOBS := $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: setup rig check demo demo-shell
setup:
	@tests/rig/setup

rig: $(RIG)/stopwatch
	@$(MAKE) --no-print-directory install $(RIG_CROSS) DESTDIR=$(STAGE)
	@$(MAKE) --no-print-directory kmod $(RIG_CROSS) KDIR=$$(cat .cache/kernel/kdir)
	@for part in rig monitor shim payload; do $(MAKE) --no-print-directory -C tests/$$part O=$(abspath $(RIG)) || exit 1; done

check: setup
	@tests/rig/alone $(MAKE) --no-print-directory $(JOBS) all unit fuzzers rig bench-programs
	@tests/run

# Hundreds of kills that no guest may notice: KILLS= how many.
.PHONY: soak
soak: setup
	@tests/rig/alone $(MAKE) --no-print-directory $(JOBS) rig
	@KILLS=$${KILLS:-200} tests/run -k death-

demo: setup
	@tests/rig/alone $(MAKE) --no-print-directory $(JOBS) rig
	@tests/rig/demo

demo-shell: setup
	@tests/rig/alone $(MAKE) --no-print-directory $(JOBS) rig
	@tests/rig/demo --shell

# The headers of the rig's kernel, for modules of others (tests/bench/README.md).
.PHONY: kdir
kdir:
	@[ -e .cache/kernel/kdir ] || tests/rig/setup >&2
	@cat .cache/kernel/kdir

# ---- what it costs: a report, no test ---------------------------------------------------------------------

.PHONY: bench
bench: setup
	@tests/rig/alone $(MAKE) --no-print-directory $(JOBS) rig bench-programs
	@tests/bench/run

.PHONY: bench-programs
bench-programs: $(RIG)/stopwatch build/bench/scale build/bench/respawn build/bench/disk build/native/hvisor-device

# Native: the real engine and watch over thousands of files, on a simulated hypervisor.
.PHONY: bench-scale
bench-scale: build/bench/scale
	@$<

SCALE_OBJS := $(patsubst %.c,$(O)/%.o,tests/bench/scale.c $(wildcard tests/unit/engine/sim.c tests/unit/engine/machine.c)) $(filter-out %/main.o,$(DAEMON_OBJS))
$(O)/tests/%.o: CPPFLAGS += -Itests/unit
build/bench/scale: $(SCALE_OBJS)
	@mkdir -p $(@D)
	$(call say,LD  $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libsystemd jansson) $(LIBFDT) -pthread

# The same engine through thousands of random histories, [HISTORIES=4000] of them from [SEED=1] on.
MODEL_OBJS := $(patsubst %.c,$(O)/%.o,tests/unit/engine/test_engine_model.c $(wildcard tests/unit/engine/model*.c) tests/unit/engine/sim.c tests/unit/engine/machine.c) $(filter-out %/main.o,$(DAEMON_OBJS))
build/native/test_engine_model: $(MODEL_OBJS)
	@mkdir -p $(@D)
	$(call say,LD  $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libsystemd jansson) $(LIBFDT) -lcmocka -pthread

.PHONY: model
model: build/native/test_engine_model
	@HISTORIES=$${HISTORIES:-4000} LANES=$${LANES:-32} $<

build/bench/respawn: tests/bench/respawn.c reconciler/virtio/vhost_user.h
	@mkdir -p $(@D)
	$(call say,CC  $@)
	$(Q)gcc -std=gnu11 -O2 -g $(WARNINGS) $(CPPFLAGS) -o $@ $<

# A driver of devices over vhost-user, with the front-end's side of our own.
FRONT_OBJS := $(patsubst %.c,$(O)/%.o,$(wildcard tests/bench/front/*.c)) $(filter $(O)/reconciler/base/% $(O)/reconciler/virtio/%,$(WORKER_OBJS))
build/bench/disk: $(FRONT_OBJS)
	@mkdir -p $(@D)
	$(call say,LD  $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(RIG)/stopwatch: tests/bench/stopwatch.c kmod/uapi/hvisor.h
	@mkdir -p $(@D)
	$(call say,CC  $@)
	$(Q)aarch64-linux-gnu-gcc $(filter-out -D% -I%,-std=gnu11 $(WARNINGS) $(CFLAGS)) -D_GNU_SOURCE -Ikmod/uapi -static -o $@ $<

.PHONY: clean help
clean:
	rm -rf build

help:
	@sed -n 's/^# \(make .*\)/  \1/p' Makefile
	@echo '  make demo-shell root Linux of the rig, with a shell for you'
	@echo '  make kmod       hvisor.ko, hivc.ko: KDIR=/path/to/linux [ARCH= CROSS_COMPILE=]'
	@echo '  make kmod-matrix compiles the modules for kernels 5.10 and 6.12 of Debian, too'
	@echo '  make install    [DESTDIR=] what make built, with its units'
	@echo '  make deb        packages for Debian [CROSS_COMPILE=]'
	@echo '  make kdir       prints where the headers of the rig'"'"'s kernel are'
	@echo '  make unit       the unit tests alone (run them with tests/run)'
	@echo '  make clean      removes build/ (.cache/ holds downloads and rig images)'
