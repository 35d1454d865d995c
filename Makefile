# Postino.  Plain GNU make; everything it makes lies below $(B).
#
#   make [-j]     all programs, release flags, in build/
#   make check    unit tests            make asan   the same under ASan+UBSan
#   make fuzz     fuzz targets (clang)  make bench  against real rivals
#   make crash    keepers on every state of a disk (CRASH=short)
#   make shape    a report on sizes     make rfc    clauses, code and tests
#   make install DESTDIR= PREFIX=/usr   make uninstall
#
# The tree is the link rule: a program is its own folder plus the libraries
# named for it below, so what a daemon does not need it cannot reach.

B	?= build
PREFIX	?= /usr/local
ifeq ($(origin CC),default)
CC	:= gcc
endif
# One short line a step; V=1 shows the commands.
Q	:= $(if $(V),,@)
say	 = @echo '  $(1)	$(2)'

VERSION	:= 0.1

# Roles.  LIBS_x: the libraries of common/ it links, highest first;
# SYS_x: the pkg-config modules and plain -l flags.
ROLES	:= master smtpd queue mda store auth key pop3d imapd relay resolver drop sendmail ctl
LIBS_master :=
SYS_master := libseccomp
LIBS_smtpd := task mail
SYS_smtpd := libseccomp openssl
LIBS_pop3d := task mail
SYS_pop3d := libseccomp openssl
LIBS_imapd := task mail
SYS_imapd := libseccomp openssl
LIBS_mda := task mail
SYS_mda := libseccomp openssl
LIBS_queue := engine mail
SYS_queue := libseccomp -ldb-5.3 -lpthread
LIBS_store := engine
SYS_store := libseccomp -ldb-5.3 -lpthread
LIBS_auth := engine mail
SYS_auth := libseccomp openssl -ldb-5.3 -lcrypt -lpthread
LIBS_key :=
SYS_key := libseccomp openssl -lpthread
LIBS_relay := task mail
SYS_relay := libseccomp openssl
LIBS_resolver := mail
SYS_resolver := libseccomp libunbound
LIBS_ctl := mail
SYS_ctl := libcrypto -lcrypt -lz
LIBS_drop := task mail
SYS_drop := libseccomp openssl
LIBS_sendmail := mail
SYS_sendmail :=

WARN	:= -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wvla \
	   -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	   -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef \
	   -Wframe-larger-than=16384 -Werror
HARDEN	:= -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	   -fstack-clash-protection -fcf-protection=branch -fPIE \
	   -ftrivial-auto-var-init=zero
CSTD	:= -std=c17 -D_GNU_SOURCE -I. -DPOSTINO_VERSION='"$(VERSION)"'
ifdef ASAN
OPT	:= -O1 -g -fno-omit-frame-pointer \
	   -fsanitize=address,undefined -fno-sanitize-recover=undefined
LINK	:= -fsanitize=address,undefined
WARN	:= $(filter-out -Wframe-larger-than=16384,$(WARN))
else
OPT	:= -O2 -g $(HARDEN)
LINK	:= -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
endif
CFLAGS	+= $(CSTD) $(OPT) $(WARN) $(EXTRA)
LDFLAGS	+= $(LINK)

# Berkeley DB 5 only: later major versions have another licence (AGPL) and
# another file format.
DBMAJOR	:= $(shell echo DB_VERSION_MAJOR | $(CC) -E -include db.h - 2>/dev/null | tail -1)
ifneq ($(filter clean shape rfc uninstall,$(MAKECMDGOALS)),)
else ifneq ($(DBMAJOR),5)
$(error Berkeley DB 5 is needed (found major version "$(DBMAJOR)"). On Debian 12: apt-get install libdb5.3-dev)
endif

LIBS	:= core mail engine task
src	 = $(wildcard $(1)/*.c)
objs	 = $(patsubst %.c,$(B)/obj/%.o,$(call src,$(1)))
pc	 = $(filter -%,$(1)) $(if $(filter-out -%,$(1)),$(shell pkg-config --libs $(filter-out -%,$(1))))

PROGS	:= $(ROLES:%=$(B)/bin/%)
UNITS	:= $(wildcard tests/unit/*/*.c)
UNITBIN	:= $(UNITS:tests/unit/%.c=$(B)/unit/%)

all: $(PROGS)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

define lib
$(B)/lib/$(1).a: $(call objs,common/$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call lib,$(l))))

# A role is an archive too, so that its unit tests can link it.
define role
$(B)/lib/role-$(1).a: $(call objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
$(B)/bin/$(1): $(B)/lib/role-$(1).a $(LIBS_$(1):%=$(B)/lib/%.a) $(B)/lib/core.a
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ -Wl,--whole-archive $(B)/lib/role-$(1).a \
	    -Wl,--no-whole-archive $(LIBS_$(1):%=$(B)/lib/%.a) $(B)/lib/core.a \
	    $$(call pc,$(SYS_$(1)))
endef
$(foreach r,$(ROLES),$(eval $(call role,$(r))))

# Unit tests: tests/unit/X/test_y.c links library or role X and what X links.
# NEEDS_ is for common/ folders; a role's come from its LIBS_.
NEEDS_core :=
NEEDS_mail :=
NEEDS_task :=
NEEDS_engine :=
UNITSYS_core := -lpthread
UNITSYS_mail :=
UNITSYS_task := openssl
UNITSYS_engine := -ldb-5.3 -lpthread
unitdir	 = $(patsubst tests/unit/%/,%,$(dir $(1)))
unitlibs = $(if $(filter $(1),$(LIBS)),$(B)/lib/$(1).a $(NEEDS_$(1):%=$(B)/lib/%.a),\
	$(B)/lib/role-$(1).a $(LIBS_$(1):%=$(B)/lib/%.a)) $(B)/lib/core.a
unitsys	 = $(if $(filter $(1),$(LIBS)),$(UNITSYS_$(1)),$(SYS_$(1)))
define unit
$(B)/unit/$(1): tests/unit/$(1).c $(call unitlibs,$(patsubst %/,%,$(dir $(1))))
	@mkdir -p $$(@D)
	$$(call say,UNIT,$$@)
	$(Q)$(CC) $(CFLAGS) -Itests -include tests/unit/quick.h \
	    -MMD -MP -MF $$@.d $(LDFLAGS) -o $$@ $$< \
	    $(call unitlibs,$(patsubst %/,%,$(dir $(1)))) \
	    $$(call pc,check libseccomp -lpthread $(call unitsys,$(patsubst %/,%,$(dir $(1)))))
endef
$(foreach u,$(UNITS:tests/unit/%.c=%),$(eval $(call unit,$(u))))

# One target for one folder: make unit-mail, make unit-queue ...
$(foreach d,$(sort $(foreach u,$(UNITS),$(call unitdir,$(u)))),$(eval \
  unit-$(d): $(filter $(B)/unit/$(d)/%,$(UNITBIN)) ; @tests/unit/run $$^))

check: $(UNITBIN)
	@tests/unit/run $^

asan:
	$(MAKE) ASAN=1 B=$(B)/asan all $(patsubst %,$(B)/asan/unit/%,$(UNITS:tests/unit/%.c=%))

# Fuzz targets: tests/fuzz/X/fuzz_y.c, built with clang's libFuzzer; the same
# files linked with tests/fuzz/replay.c replay the corpora in ./runtests.
FUZZ	:= $(wildcard tests/fuzz/*/*.c)
FUZZFLAGS := $(CSTD) -O1 -g -fsanitize=fuzzer,address,undefined \
	   -fno-sanitize-recover=undefined -Wall -Wextra
define fuzzer
$(B)/fuzz/$(1): tests/fuzz/$(1).c
	@mkdir -p $$(@D)
	$$(call say,FUZZ,$$@)
	$(Q)clang $(FUZZFLAGS) -o $$@ $$< $(call fuzzsrc,$(patsubst %/,%,$(dir $(1)))) \
	    $(call pc,libseccomp $(call unitsys,$(patsubst %/,%,$(dir $(1)))) -lpthread)
$(B)/replay/$(1): tests/fuzz/$(1).c tests/fuzz/replay.c $(call unitlibs,$(patsubst %/,%,$(dir $(1))))
	@mkdir -p $$(@D)
	$$(call say,REPLAY,$$@)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $$@.d $(LDFLAGS) -o $$@ $$< tests/fuzz/replay.c \
	    $(call unitlibs,$(patsubst %/,%,$(dir $(1)))) \
	    $$(call pc,libseccomp -lpthread $(call unitsys,$(patsubst %/,%,$(dir $(1)))))
endef
# What tests/session.h has instead, for the session daemons.
FUZZSANS_smtpd := %/tls.c %/tls_chain.c %/tls_client.c %/tls_key.c \
	%/daemon.c %/sandbox.c
FUZZSANS_pop3d := $(FUZZSANS_smtpd)
FUZZSANS_imapd := $(FUZZSANS_smtpd)
FUZZSANS_ctl := %/daemon.c %/sandbox.c
# Without what needs a role's struct daemon.
fuzzcore = $(filter-out %/main.c %/daemon.c %/sandbox.c,$(call src,common/core))
fuzzsrc	 = $(if $(filter core,$(1)),,$(if $(filter $(1),$(LIBS)),\
	   $(call src,common/$(1)),$(filter-out ctl/main.c,$(call src,$(1))) \
	   $(filter-out $(FUZZSANS_$(1)),common/core/daemon.c \
	   common/core/sandbox.c $(foreach l,$(LIBS_$(1)),\
	   $(call src,common/$(l)))))) $(fuzzcore)
$(foreach f,$(FUZZ:tests/fuzz/%.c=%),$(eval $(call fuzzer,$(f))))
fuzz: $(FUZZ:tests/fuzz/%.c=$(B)/fuzz/%)
replay: $(FUZZ:tests/fuzz/%.c=$(B)/replay/%)

# What needs no rival and no server; of the first two an aim missed is a
# failure, the third tells what each call costs.
BENCHES	:= append scale listing
$(BENCHES:%=$(B)/bench/%): $(B)/bench/%: $(B)/obj/tests/bench/%.o \
    $(B)/lib/role-store.a $(B)/lib/engine.a $(B)/lib/core.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(call pc,$(SYS_store))

bench: all $(B)/bench/append $(B)/bench/scale
	@tests/bench/engine $(B)
	@tests/bench/run $(B)
	@tests/bench/imap $(B)
	@tests/bench/relay $(B)
	@tests/bench/queued $(B)

# The crash harness; CRASH=short is a step of ./runtests.  A program for each
# scenario: the engine alone, and three keepers on it.
CRASHES	:= engine store queue auth
CRASHLIB := $(filter-out %/scenario.o,$(call objs,tests/crash/engine))
CRASHWRAP := -Wl,--wrap=txn_begin,--wrap=txn_put,--wrap=txn_del \
	   -Wl,--wrap=txn_delrange -Wl,--wrap=db_env_set_func_malloc \
	   -Wl,--wrap=db_env_set_func_realloc
define crash
$(B)/crash/$(1): $(CRASHLIB) $(2) $(if $(filter-out engine,$(1)),$(B)/lib/role-$(1).a) \
    $(B)/lib/engine.a $(B)/lib/mail.a $(B)/lib/core.a
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$(Q)$(CC) $(LDFLAGS) $(CRASHWRAP) -o $$@ $$^ \
	    $$(call pc,$(if $(filter-out engine,$(1)),$(SYS_$(1)),$(UNITSYS_engine)))
endef
$(foreach c,$(CRASHES),$(eval $(call crash,$(c),$(if $(filter engine,$(c)),\
  $(B)/obj/tests/crash/engine/scenario.o,$(call objs,tests/crash/$(c))))))

crash-programs: $(CRASHES:%=$(B)/crash/%)

crash: crash-programs
	@tests/crash/run $(B) $(CRASH)

# How long store and queue need to start after a crash, at the worst.
$(B)/crash/startup-%: tests/crash/startup/%.c tests/crash/startup/startup.h \
    $(B)/lib/role-%.a $(B)/lib/engine.a $(B)/lib/mail.a $(B)/lib/core.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(B)/lib/role-$*.a \
	    $(B)/lib/engine.a $(B)/lib/mail.a $(B)/lib/core.a \
	    $(call pc,$(SYS_$*))

startup: $(B)/crash/startup-store $(B)/crash/startup-queue
	@$(B)/crash/startup-store
	@$(B)/crash/startup-queue

shape:
	@tests/shape

rfc:
	@tests/rfc

# The programs lie together, since master runs those beside itself; `postino`
# is ctl.
libexec	 = $(DESTDIR)$(PREFIX)/libexec/postino
sbin	 = $(DESTDIR)$(PREFIX)/sbin
man	 = $(DESTDIR)$(PREFIX)/share/man
share	 = $(DESTDIR)$(PREFIX)/share/postino
DAEMONS	:= $(filter-out ctl sendmail,$(ROLES))
PAGES	:= $(wildcard doc/*.1 doc/*.5 doc/*.7 doc/*.8)

install: all
	install -d $(libexec) $(sbin) $(share)
	install -m 755 $(DAEMONS:%=$(B)/bin/%) $(libexec)
	install -m 755 $(B)/bin/ctl $(sbin)/postino
	install -m 755 $(B)/bin/sendmail $(sbin)/sendmail
	ln -sf sendmail $(sbin)/mailq
	ln -sf sendmail $(sbin)/newaliases
	-chgrp postdrop $(sbin)/sendmail && chmod 2755 $(sbin)/sendmail
	install -m 644 doc/postino.conf.example $(share)
	for p in $(PAGES); do install -D -m 644 $$p \
	    $(man)/man$${p##*.}/$$(basename $$p); done

uninstall:
	rm -f $(DAEMONS:%=$(libexec)/%) $(sbin)/postino $(sbin)/sendmail \
	    $(sbin)/mailq $(sbin)/newaliases \
	    $(share)/postino.conf.example
	for p in $(PAGES); do rm -f $(man)/man$${p##*.}/$$(basename $$p); done
	-rmdir $(libexec) $(share)

clean:
	rm -rf $(B)

.PHONY: all check asan fuzz replay clean bench crash crash-programs startup install uninstall shape rfc
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
