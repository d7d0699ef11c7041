SUMMARY = "Checks the memory map that a device tree gives to Linux"
DESCRIPTION = "The tool: it checks, repairs, compares and draws memory maps, and packs bundles."
SECTION = "devel"

require ringfence.inc

SRC_URI = "${RINGFENCE_RELEASES}/v${PV}/ringfence-${PV}-${BUILD_ARCH}-linux.tar.gz;name=${BUILD_ARCH}"
S = "${UNPACKDIR}/ringfence-${PV}-${BUILD_ARCH}-linux"

inherit_defer native

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/ringfence ${D}${bindir}/ringfence
}
