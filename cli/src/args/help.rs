//! What the help of a command shows below its options.

pub(super) const RINGFENCE: &str = "\
Examples:
  ringfence check board.dtb                        what is wrong, and what to write instead
  ringfence check --format sarif arch/arm64/boot/dts > ringfence.sarif
  ringfence explain RF201                          the problem, an example, how to fix it
  ringfence fix --diff board.dtb -o fixed.dtb      repair, check the result, write it
  ringfence map --free board.dtb                   owners and free memory

The nearest `ringfence.toml` in a parent directory of an input sets the policy, kernels and RAM of \
its board.

Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage or unreadable input, 3 `fix` \
could not make the tree clean.";

pub(super) const CHECK: &str = "\
Examples:
  ringfence check board.dtb
  ringfence check                                            the `inputs` of ringfence.toml
  ringfence check -I include board.dts                       findings at file and line
  ringfence check --policy board.toml --kernel 6.1 --kernel 6.12:64k board.dtb
  ringfence check --boot-map kernel=0x40200000:@Image board.dtb  with the place of the kernel
  ringfence check --efi-map memmap.txt board.dtb             as an EFI boot, by the firmware's map
  ringfence check image.itb                                  every configuration of a bundle
  ringfence check /sys/firmware/fdt                          the tree that this machine booted with
  ringfence check --baseline known.json --write-baseline trees   accept the findings of today

Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage or unreadable input.";

pub(super) const FIX: &str = "\
The result is parsed again by two parsers, checked again, and keeps everything else of INPUT.

Examples:
  ringfence fix --diff board.dtb                             show the repairs, write nothing
  ringfence fix board.dtb -o fixed.dtb
  ringfence fix --policy board.toml --in-place board.dtb

Exit codes: 0 clean, 1 written with errors left, which the policy accepts (on-error = \"continue\"), \
2 wrong usage or unreadable input, 3 not repaired and nothing written.";

pub(super) const MAP: &str = "\
Pictures are not to linear scale: heights grow with the logarithm of the size, so that a carveout of \
one page stays visible beside gigabytes. Address ranges without RAM are left out.

Examples:
  ringfence map board.dtb
  ringfence map --format html --fix board.dtb > map.html";

pub(super) const DIFF: &str = "\
Without --fail-on the exit code is 0, whatever changed. Regions are matched by path, then by label \
(/__symbols__), then by name without the unit address.

Examples:
  ringfence diff --fail-on shrink,remove,flags,collide old.dtb new.dtb
  ringfence diff --format html old.dtb new.dtb > maps.html      both maps, side by side";

pub(super) const HEADROOM: &str = "\
Example:
  ringfence headroom --boot-map kernel=0x40200000:40MiB board.dtb";

pub(super) const PLAN: &str = "\
A tree with errors is refused with exit code 1: repair it first. The stage places the kernel on the \
board by the same code.

Example:
  ringfence plan --kernel-image Image --initrd initrd.img --format uboot board.dtb";

pub(super) const POLICY: &str = "\
Examples:
  ringfence policy init good.dtb -o board.toml               require the carveouts of a good tree
  ringfence policy check board.toml
  ringfence policy build board.toml -o board.policy          the compiled form for a bundle";

pub(super) const INIT: &str = "\
The file names the sources or trees of the directory as `inputs`, and shows the other keys as comments. \
docs/config.md describes them.

Example:
  ringfence init";

pub(super) const PACK: &str = "\
Examples:
  ringfence pack --kernel Image --initrd initrd.img --policy board.toml -o board.itb
  ringfence pack --append-to ringfence.img --efi-driver --policy board.toml -o ringfenceaa64.efi";

pub(super) const SHOW: &str = "\
Example:
  ringfence show board.itb

Exit codes: 0 every hash matches, 2 the bundle cannot be read or the stage would refuse one of its \
images.";

pub(super) const UNPACK: &str = "\
Writes Image, initrd.img, board.dtb, overlay-1.dtbo and board.policy, if present. Writes nothing \
when a hash does not match or one of the files exists already. `ringfence pack` packs them again. Of an \
Android image, or a file with several trees, it writes tree-1.dtb, tree-2.dtb and so on.

Examples:
  ringfence unpack board.itb -o parts
  ringfence unpack --configuration conf-2 board.itb -o parts
  ringfence unpack boot.img -o trees";

pub(super) const LOG: &str = "\
Examples:
  ringfence log --elf ringfence.elf memory.bin
  ringfence log sentinel-ring.bin";

pub(super) const LSP: &str = "\
An editor starts it. What check would use for a file holds here too: the options, and the nearest \
`ringfence.toml`. docs/editors.md shows the settings of each editor.

Example:
  ringfence lsp --kernel 6.12 --base boards/board.dts";

pub(super) const COMPLETIONS: &str = "\
Examples:
  ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence
  ringfence completions zsh > ~/.zfunc/_ringfence
  ringfence completions fish > ~/.config/fish/completions/ringfence.fish";

pub(super) const MAN: &str = "\
Examples:
  ringfence man check | man -l -
  ringfence man --directory /usr/share/man/man1";

pub(super) const PREDICT: &str = "\
The state of a region is the final state in memblock: nomap, reserved (but mapped), cma, coherent, \
free (not protected) or absent (not RAM). The log lines are those that the kernel will print; from \
6.12 on it also prints `nomap` for regions that it has just refused.

Examples:
  ringfence predict --kernel 6.1 board.dtb
  ringfence predict --kernel 7 --ram 0x40000000:4GiB --boot-map kernel=0x40200000:36MiB board.dtb";

pub(super) const REPORT: &str = "\
Examples:
  ringfence report                                           on the board
  ringfence report --policy board.toml /sys/firmware/fdt
  ssh board tar c -C /proc/device-tree . | tar x -C dump && ringfence report dump";

pub(super) const VERIFY: &str = "\
Capture with `dmesg > boot.log; cat /proc/iomem > iomem.txt` as root. Kernel, page size and command line \
are those of the log, as far as it has them and no option gives them. Exit codes: 0 the boot matches the \
prediction, 1 it differs, 2 wrong usage or unreadable input.

Examples:
  ringfence verify --boot-log boot.log --iomem iomem.txt board.dtb
  ringfence verify --live
  ringfence verify --boot-log /var/log/kern.log.2.gz --boot 3 board.dtb";
