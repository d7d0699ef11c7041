# For the recipe of a kernel: checks its device trees once they are built, and packs a bundle for the stage.

DEPENDS:append = " ringfence-native dtc-native"

# Further arguments of the check.
RINGFENCE_ARGS ??= "--fail-on error"
# The policy of the board, for the check and for the bundle.
RINGFENCE_POLICY ??= ""
# The device tree of the bundle, from arch/arm64/boot/dts on, for example "qcom/board.dtb"; no bundle without.
RINGFENCE_DTB ??= ""
# An initial ramdisk for the bundle.
RINGFENCE_INITRD ??= ""

do_ringfence_check() {
    policy=""
    if [ -n "${RINGFENCE_POLICY}" ]; then
        policy="--policy ${RINGFENCE_POLICY}"
    fi
    ringfence check ${RINGFENCE_ARGS} $policy ${B}/arch/arm64/boot/dts
}
do_ringfence_check[doc] = "Checks the device trees of the kernel for reserved-memory problems"
addtask ringfence_check after do_compile before do_install

do_ringfence_bundle() {
    if [ -z "${RINGFENCE_DTB}" ]; then
        exit 0
    fi
    set -- --kernel ${B}/arch/arm64/boot/Image --dtb ${B}/arch/arm64/boot/dts/${RINGFENCE_DTB}
    if [ -n "${RINGFENCE_POLICY}" ]; then
        set -- "$@" --policy ${RINGFENCE_POLICY}
    fi
    if [ -n "${RINGFENCE_INITRD}" ]; then
        set -- "$@" --initrd ${RINGFENCE_INITRD}
    fi
    ringfence pack "$@" -o ${B}/ringfence.itb
}
do_ringfence_bundle[doc] = "Packs kernel, device tree and policy into a bundle that the stage boots"
addtask ringfence_bundle after do_ringfence_check before do_deploy

do_deploy:append() {
    if [ -f ${B}/ringfence.itb ]; then
        install -D -m 0644 ${B}/ringfence.itb ${DEPLOYDIR}/ringfence.itb
    fi
}
