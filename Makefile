# SPDX-License-Identifier: GPL-3.0-or-later
# make            programs and library          make check    dependencies, build, all tests
# make demo       the 2011 failure, listed      make bench    performance table (JSON=1)
# make deps       install missing packages      make install  DESTDIR= PREFIX=
# make check-xen  guests revived on real Xen, under emulation (downloads 80 MB once)
# also: samples fuzz format lint uninstall clean; V=1 shows the commands

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCDIR  ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
CC       = gcc
FUZZ_CC  = clang-14
PKG     ?= pkg-config
FORMAT  ?= clang-format-14
FUZZ_SECONDS ?= 60
DEMO    ?= $(firstword $(wildcard samples/2011-xapi-hvm.img) $B/samples/2011-xapi-hvm.img)

B       := build
VERSION := $(shell sed -n 's/^\#define XSI_VERSION "\(.*\)"/\1/p' lib/xsi.h)
SONAME  := libxsi.so.0
HELPER  := xsi-convert-legacy-stream
Q       := $(if $(V),,@)
say      = $(if $(V),,@echo '  $(1)	$(2)')

# ---- what is there ------------------------------------------------------------------------

# restore back ends are loaded by xsrecover, never part of the library
LIB_C    := $(filter-out plugins/restore-%,$(sort $(wildcard lib/*.c lib/*/*.c plugins/*.c \
	plugins/*/*.c)))
PROGRAMS := $(sort $(patsubst %/,%,$(dir $(wildcard xsdump/*.c xsrecover/*.c))))
CLI_C    := $(sort $(wildcard cli/*.c))
UNIT_C   := $(sort $(wildcard tests/unit/test_*.c))
PROP_C   := $(sort $(filter-out tests/property/common.c,$(wildcard tests/property/*.c)))
ALL_C    := $(LIB_C) $(sort $(wildcard plugins/restore-*/*.c)) $(CLI_C) $(sort $(wildcard xsdump/*.c xsdump/*/*.c xsrecover/*.c samples/*.c samples/*/*.c \
	tests/*/*.c))
ALL_H    := $(sort $(wildcard lib/*.h lib/*/*.h plugins/*.h plugins/*/*.h cli/*.h xsdump/*.h xsdump/*/*.h \
	xsrecover/*.h samples/*.h samples/*/*.h tests/*/*.h))
MANUALS  := $(sort $(wildcard docs/*.[1-8] docs/man/*.[1-8]))

# pkg-config modules of a program; the library and its plug-ins link libc alone and load the rest.
MODULES_xsdump    := json-c libxxhash ncursesw
MODULES_xsrecover := readline json-c
MODULES_lib       :=
# module:package, for the message when one is missing
NEEDED := ncursesw:libncurses-dev json-c:libjson-c-dev libxxhash:libxxhash-dev readline:libreadline-dev

# ---- flags --------------------------------------------------------------------------------

once = $(eval $(1) := $(2))$($(1))
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-align -Wformat=2 -Wundef -Wvla -Wwrite-strings
# Level 3 of fortify needs gcc 12; control-flow protection is a matter of x86.
FORTIFY = $(call once,FORTIFY,$(shell [ "$$($(CC) -dumpversion | cut -d. -f1)" -ge 12 ] 2>/dev/null \
	&& echo 3 || echo 2))
CF      = $(call once,CF,$(shell $(CC) -dumpmachine | grep -q '^x86_64' && echo -fcf-protection))
CPPFLAGS_ALL = -D_GNU_SOURCE -I. -Ilib -Iplugins $(CPPFLAGS)
CSTD    := -std=gnu11 -fvisibility=hidden -g $(WARN)
HARDEN   = -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY) -fstack-protector-strong \
	-fstack-clash-protection $(CF)
LDHARDEN := -Wl,-z,relro,-z,now -Wl,--as-needed
SANITIZE := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CMOCKA   = $(call once,CMOCKA,$(shell $(PKG) --libs cmocka 2>/dev/null || echo -lcmocka))
# what a program's folder links and compiles with
cflags_of = $(if $(MODULES_$(1)),$(or $(CF_$(1)),$(eval CF_$(1) := $(shell \
	$(PKG) --cflags $(MODULES_$(1))) -I.)$(CF_$(1))))
libs_of   = $(if $(MODULES_$(1)),$(shell $(PKG) --libs $(MODULES_$(1))))
# cli/ is shared by the programs and sees what xsdump sees
cflags_for = $(call cflags_of,$(or $(filter $(PROGRAMS),$(firstword $(subst /, ,$(1)))),xsdump))

# ---- build --------------------------------------------------------------------------------

.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all need deps check check-xen demo bench install uninstall fuzz format lint clean samples asan tests
all: $(PROGRAMS:%=$B/%) $B/$(SONAME) $B/libxsi.so $B/libxsi.a $B/xsi/restore-xl.so \
	$B/xsi/restore-libxc.so $B/$(HELPER)

# These bring their own dependencies; the others say what is missing.
ifneq ($(filter check check-xen demo,$(MAKECMDGOALS)),)
need: deps
endif
need:
	@command -v $(firstword $(CC)) >/dev/null || { \
	  echo "No C compiler '$(firstword $(CC))': Debian package gcc. Install all: make deps" >&2; exit 1; }
	@command -v $(PKG) >/dev/null || { \
	  echo "No $(PKG): Debian package pkgconf. Install all: make deps" >&2; exit 1; }
	@for row in $(NEEDED); do $(PKG) --exists "$${row%%:*}" || { \
	  echo "Library $${row%%:*} is missing: Debian package $${row##*:}. Install all: make deps" >&2; \
	  exit 1; }; done

deps:
	@.ci/deps

# A tree of objects: $(1) folder, $(2) compiler, $(3) flags, $(4) flags of the linker.
define tree
$(1)/obj/lib/%.o: lib/%.c | need
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(CPPFLAGS_ALL) $$(CSTD) $(3) -fPIC -MMD -MP $$(CFLAGS) -c -o $$@ $$<
$(1)/obj/plugins/%.o: plugins/%.c | need
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(CPPFLAGS_ALL) $$(CSTD) $(3) -fPIC -MMD -MP $$(CFLAGS) -c -o $$@ $$<
$(1)/obj/%.o: %.c | need
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(2) $$(CPPFLAGS_ALL) $$(call cflags_for,$$<) $$(CSTD) $(3) -fPIE -MMD -MP $$(CFLAGS) \
	  -c -o $$@ $$<
$(1)/libxsi.a: $(LIB_C:%.c=$(1)/obj/%.o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
$(1)/$(SONAME): $(LIB_C:%.c=$(1)/obj/%.o)
	$$(call say,LD,$$@)
	$$(Q)$(2) -shared -Wl,-soname,$(SONAME) $(3) $(4) $$(LDFLAGS) -o $$@ $$^ -ldl
$(1)/libxsi.so: $(1)/$(SONAME)
	$$(Q)ln -sf $(SONAME) $$@
$(foreach p,$(PROGRAMS),$(call program,$(1),$(2),$(3),$(4),$(p)))
endef
# $(5) program; $(6) run path
define program
$(1)/$(5): $(patsubst %.c,$(1)/obj/%.o,$(sort $(wildcard $(5)/*.c $(5)/*/*.c)) $(CLI_C)) $(1)/libxsi.so
	$$(call say,LD,$$@)
	$$(Q)$(2) -pie $(3) $(4) -Wl,-rpath,'$$$$ORIGIN' $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
	  -L$(1) -lxsi $$(call libs_of,$(5))

endef

$(eval $(call tree,$B,$$(CC),$$(HARDEN),$$(LDHARDEN)))
# The tree that the tests run on, with warnings as errors.
$(eval $(call tree,$B/asan,$$(CC),$$(SANITIZE) -Werror,))
$(eval $(call tree,$B/fuzz,$$(FUZZ_CC),$$(SANITIZE) -fsanitize=fuzzer-no-link,))
-include $(shell find $B -name xenlab -prune -o -name '*.d' -type f -print 2>/dev/null)

# The drop-in for Xen's converter is xsrecover under another name.
$B/$(HELPER) $B/asan/$(HELPER): | need
	$(Q)mkdir -p $(@D) && ln -sf xsrecover $@

asan: $B/asan/$(HELPER) $(PROGRAMS:%=$B/asan/%) $B/asan/libxsi.a $B/asan/xsi

# Restore back ends: shared objects of their own, so that nothing else depends on a release of Xen.
# One is built whole; without Xen's headers (looked for when it is built, not before: `make check`
# installs them) there is one way less to restore.
XEN_MODULES := xenguest xencontrol xenstore xentoollog
BACKEND = $(CC) -shared $(CPPFLAGS_ALL) $(CSTD) $(HARDEN) -fPIC $(CFLAGS) $(LDHARDEN) $(LDFLAGS)
$B/xsi/restore-xl.so: $(wildcard plugins/restore-xl/*.[ch]) lib/xsi_restore.h lib/xsi.h | need
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(BACKEND) -o $@ $(filter %.c,$^)
$B/xsi/restore-libxc.so: $(wildcard plugins/restore-libxc/*.[ch]) lib/xsi_restore.h lib/xsi.h | need
	$(Q)if $(PKG) --exists $(XEN_MODULES); then \
	  mkdir -p $(@D) && $(if $(V),,echo '  LD	$@' &&) \
	  $(BACKEND) -DXEN_RELEASE="\"$$($(PKG) --modversion xencontrol)\"" \
	    $$($(PKG) --cflags $(XEN_MODULES)) -o $@ $(filter %.c,$^) $$($(PKG) --libs $(XEN_MODULES)); \
	else \
	  echo "No Xen libraries (Debian package libxen-dev): built without restore --via libxc" >&2; \
	fi
$B/asan/xsi: | $B/xsi/restore-xl.so
	$(Q)mkdir -p $(@D) && ln -sfn ../xsi $@

# ---- tests --------------------------------------------------------------------------------

# Each file of tests/unit and tests/property is one cmocka program on the sanitized library.
UNIT_T := $(patsubst tests/%.c,$B/asan/tests/%,$(UNIT_C))
PROP_T := $(patsubst tests/%.c,$B/asan/tests/%,$(PROP_C))
PROP_O := $(patsubst %.c,$B/asan/obj/%.o,tests/property/common.c tests/shim/eio.c)
DICTIONARY := $B/asan/tests/fuzz/dictionary
$(DICTIONARY): $B/asan/obj/tests/fuzz/dictionary.o $B/asan/libxsi.a
$(UNIT_T): $B/asan/tests/%: $B/asan/obj/tests/%.o $B/asan/libxsi.a
$(PROP_T): $B/asan/tests/%: $B/asan/obj/tests/%.o $(PROP_O) $B/asan/libxsi.a
$B/asan/tests/property/crash_matrix: $B/asan/obj/tests/shim/writes.o
$(UNIT_T) $(PROP_T) $(DICTIONARY):
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(SANITIZE) $(LDFLAGS) -o $@ $^ $(CMOCKA) -ldl
.SECONDARY:

# Fuzzers: one program per target, libFuzzer's main.
FUZZ_T := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_O := $B/fuzz/obj/tests/fuzz/common.o
$(FUZZ_T): $B/fuzz/%: $B/fuzz/obj/tests/fuzz/%.o $(FUZZ_O) $B/fuzz/libxsi.a
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) -pie $(SANITIZE) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ -ldl
fuzz: $(FUZZ_T) $(DICTIONARY) samples
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run

SHIM := $(patsubst tests/shim/%.c,$B/%.so,$(wildcard tests/shim/*.c))
$(SHIM): $B/%.so: tests/shim/%.c | need
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -fPIC -D_GNU_SOURCE -std=gnu11 $(WARN) -O2 -o $@ $< -ldl

# The proof of mending writes many images; it runs on the library as it is installed.
MENDING := $B/mending
$(MENDING): $(patsubst %.c,$B/obj/%.o,$(sort $(wildcard tests/mending/*.c))) $B/libxsi.a
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(HARDEN) $(LDHARDEN) $(LDFLAGS) -o $@ $^ -ldl

tests: all asan samples $(UNIT_T) $(PROP_T) $(FUZZ_T) $(DICTIONARY) $(SHIM) $(MENDING)
check: tests
	@tests/run

# On real Xen; XEN="own revive" runs only these jobs.
check-xen: all
	@tests/xenlab/check $(XEN)

# The listing's exit status says what it thinks of the image: here it must find fault.
demo: all $(DEMO)
	$B/xsdump $(DEMO) || [ $$? -lt 4 ]

BENCH_T := $(patsubst tests/bench/%.c,$B/bench/%,$(sort $(wildcard tests/bench/*.c)))
$(BENCH_T): $B/bench/%: tests/bench/%.c | need
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 $(WARN) -O2 -o $@ $<
bench: all $B/xsgen $(BENCH_T)
	@JSON=$(JSON) tests/bench/bench

# ---- samples ------------------------------------------------------------------------------

# The generator shares nothing with the library that it tests.
XSGEN_O := $(patsubst %.c,$B/obj/%.o,$(sort $(wildcard samples/*.c)))
$B/xsgen: $(XSGEN_O)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(HARDEN) $(LDHARDEN) $(LDFLAGS) -o $@ $^
# Every recipe but the huge ones becomes an image and a table of its true boundaries.
RECIPES   := $(filter-out samples/recipes/huge-%,$(wildcard samples/recipes/*.recipe))
SAMPLE_IMG := $(RECIPES:samples/recipes/%.recipe=$B/samples/%.img)
$(SAMPLE_IMG): $B/samples/%.img: samples/recipes/%.recipe $B/xsgen
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$B/xsgen -o $@ $< && $B/xsgen --layout $< >$(@:.img=.tsv)
samples: $(SAMPLE_IMG)

# ---- install ------------------------------------------------------------------------------

# Installed programs find the library where the loader looks, or by name where it does not.
RPATH := $(if $(filter /usr/lib% /usr/local/lib /lib%,$(LIBDIR)),,-Wl,-rpath,$(LIBDIR))
HEADERS := $(sort $(wildcard lib/xsi*.h))
INSTALLED = $(PROGRAMS:%=$(BINDIR)/%) $(BINDIR)/$(HELPER) $(LIBDIR)/$(SONAME) $(LIBDIR)/libxsi.so $(LIBDIR)/libxsi.a \
	$(LIBDIR)/xsi/restore-xl.so $(LIBDIR)/xsi/restore-libxc.so \
	$(LIBDIR)/pkgconfig/xsi.pc $(HEADERS:lib/%=$(INCDIR)/%) \
	$(foreach m,$(MANUALS),$(MANDIR)/man$(subst .,,$(suffix $m))/$(notdir $m))
install: all
	$(foreach p,$(PROGRAMS),install -d $(DESTDIR)$(BINDIR) && $(CC) -pie $(HARDEN) $(LDHARDEN) \
	  $(RPATH) $(LDFLAGS) -o $(DESTDIR)$(BINDIR)/$p \
	  $(patsubst %.c,$B/obj/%.o,$(sort $(wildcard $p/*.c $p/*/*.c)) $(CLI_C)) -L$B -lxsi $(call libs_of,$p) &&) :
	ln -sf xsrecover $(DESTDIR)$(BINDIR)/$(HELPER)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)
	install -m 755 $B/$(SONAME) $(DESTDIR)$(LIBDIR)/
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libxsi.so
	install -m 644 $B/libxsi.a $(DESTDIR)$(LIBDIR)/
	install -d -m 755 $(DESTDIR)$(LIBDIR)/xsi
	install -m 755 $B/xsi/restore-*.so $(DESTDIR)$(LIBDIR)/xsi/
	install -m 644 $(filter-out %/,$(HEADERS)) $(DESTDIR)$(INCDIR)/
	install -D -m 644 lib/convert/items.def $(DESTDIR)$(INCDIR)/convert/items.def
	printf '%s\n' 'libdir=$(LIBDIR)' 'includedir=$(INCDIR)' '' 'Name: xsi' \
	  'Description: dissector of saved Xen VM images' 'Version: $(VERSION)' \
	  'Libs: -L$${libdir} -lxsi' 'Libs.private: -ldl' 'Cflags: -I$${includedir}' \
	  >$(DESTDIR)$(LIBDIR)/pkgconfig/xsi.pc
	$(foreach m,$(MANUALS),install -D -m 644 $m \
	  $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $m))/$(notdir $m) &&) :
	[ -n '$(DESTDIR)' ] || ldconfig || :
uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%)

# ---- care ---------------------------------------------------------------------------------

format:
	$(FORMAT) -i $(ALL_C) $(ALL_H)
lint: all
	@tests/lint

clean:
	rm -rf $B
