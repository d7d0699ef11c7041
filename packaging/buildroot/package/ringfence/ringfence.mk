################################################################################
#
# ringfence
#
################################################################################

RINGFENCE_VERSION = 0.2.0
RINGFENCE_SITE = $(call qstrip,$(BR2_PACKAGE_RINGFENCE_RELEASES))/v$(RINGFENCE_VERSION)
RINGFENCE_SOURCE = ringfence-stage-$(RINGFENCE_VERSION).tar.gz
RINGFENCE_LICENSE = Apache-2.0 or MIT, various (crates, see LICENSE-THIRD-PARTY)
RINGFENCE_LICENSE_FILES = LICENSE-APACHE LICENSE-MIT LICENSE-THIRD-PARTY
RINGFENCE_INSTALL_TARGET = NO
RINGFENCE_INSTALL_IMAGES = YES
RINGFENCE_DEPENDENCIES = host-ringfence linux

# The notice in the archive of the tool is another one for each host, and has no sum.
HOST_RINGFENCE_LICENSE_FILES = LICENSE-APACHE LICENSE-MIT
HOST_RINGFENCE_SOURCE = ringfence-$(RINGFENCE_VERSION)-$(HOSTARCH)-linux.tar.gz

RINGFENCE_POLICY = $(call qstrip,$(BR2_PACKAGE_RINGFENCE_POLICY))
RINGFENCE_BUNDLE_DTB = $(call qstrip,$(BR2_PACKAGE_RINGFENCE_BUNDLE_DTB))

define HOST_RINGFENCE_INSTALL_CMDS
	$(INSTALL) -D -m 0755 $(@D)/ringfence $(HOST_DIR)/bin/ringfence
endef

ifneq ($(RINGFENCE_BUNDLE_DTB),)
define RINGFENCE_PACK
	$(HOST_DIR)/bin/ringfence pack \
		--kernel $(BINARIES_DIR)/Image \
		--dtb $(BINARIES_DIR)/$(RINGFENCE_BUNDLE_DTB) \
		$(if $(RINGFENCE_POLICY),--policy $(RINGFENCE_POLICY)) \
		-o $(BINARIES_DIR)/ringfence.itb
endef
endif

define RINGFENCE_INSTALL_IMAGES_CMDS
	$(INSTALL) -D -m 0644 $(@D)/ringfence.img $(BINARIES_DIR)/ringfence.img
	$(INSTALL) -D -m 0644 $(@D)/ringfence-full.img $(BINARIES_DIR)/ringfence-full.img
	$(INSTALL) -D -m 0644 $(@D)/ringfence-sentinel.img $(BINARIES_DIR)/ringfence-sentinel.img
	$(RINGFENCE_PACK)
endef

ifeq ($(BR2_PACKAGE_RINGFENCE_CHECK),y)
define RINGFENCE_CHECK_TREES
	$(HOST_DIR)/bin/ringfence check \
		$(call qstrip,$(BR2_PACKAGE_RINGFENCE_CHECK_ARGS)) \
		$(if $(RINGFENCE_POLICY),--policy $(RINGFENCE_POLICY)) \
		$(LINUX_DIR)/arch/arm64/boot/dts
endef
LINUX_POST_BUILD_HOOKS += RINGFENCE_CHECK_TREES
# The kernel's own dependencies were read before this file.
$(LINUX_TARGET_BUILD): | host-ringfence
endif

$(eval $(generic-package))
$(eval $(host-generic-package))
