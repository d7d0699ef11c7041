SUMMARY = "Keeps Linux out of the memory of firmware"
DESCRIPTION = "The stage: it runs just before Linux, checks and repairs the memory map, and unmaps every carveout."
SECTION = "bootloaders"

require recipes-devtools/ringfence/ringfence.inc

SRC_URI = "${RINGFENCE_RELEASES}/v${PV}/ringfence-stage-${PV}.tar.gz;name=stage"
S = "${UNPACKDIR}/ringfence-stage-${PV}"

COMPATIBLE_HOST = "aarch64.*-linux"

inherit deploy

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[noexec] = "1"

do_deploy() {
    install -D -m 0644 ${S}/ringfence.img ${DEPLOYDIR}/ringfence.img
    install -D -m 0644 ${S}/ringfence-full.img ${DEPLOYDIR}/ringfence-full.img
    install -D -m 0644 ${S}/ringfence-sentinel.img ${DEPLOYDIR}/ringfence-sentinel.img
}
addtask deploy after do_install before do_build

PACKAGES = ""
