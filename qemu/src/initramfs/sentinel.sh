# What is done to see whether the sentinel answers: words on the command line, one marked section each.

# Reads a word of physical memory, and prints what became of it. A bus error ends the program with status 135.
touch_on() {
    value=$($b taskset -c "$1" $b devmem "$2" 32 2> /dev/null)
    echo "$2 on CPU $1: ${value:-no value}, status $?"
}

# Turns every processor but the first off, and on again.
replug() {
    for file in /sys/devices/system/cpu/cpu[1-9]*/online; do echo "$1" > "$file"; done
    $b cat /sys/devices/system/cpu/online
}

for argument in $($b cat /proc/cmdline); do
    case $argument in
        ringfence.touch=*)
            section touch
            for address in $(echo "${argument#*=}" | $b tr , ' '); do touch_on 0 "$address"; done
            ;;
        ringfence.touch-once=*)
            # An address, and one at which the first boot leaves a mark: the boot after a reset touches
            # nothing.
            section touch-once
            address=${argument#*=} mark=${argument##*,}
            if [ "$($b devmem "$mark")" = 0x00000000 ]; then
                $b devmem "$mark" 32 1
                touch_on 0 "${address%,*}"
            fi
            ;;
        ringfence.touch-on-all=*)
            section touch-on-all
            for cpu in $($b seq 0 $(($($b nproc) - 1))); do touch_on "$cpu" "${argument#*=}"; done
            ;;
        ringfence.driver=*)
            # A driver that takes the address for its own: its first access is an oops, which ends `insmod`
            # alone.
            section driver
            for module in /lib/modules/$($b uname -r)/*; do
                case $module in
                    *.xz) $b unxz -c "$module" > /module.ko ;;
                    *) $b cat "$module" > /module.ko ;;
                esac
                area=
                case $module in
                    *ramoops*) area="mem_address=${argument#*=} mem_size=0x10000 console_size=0x4000" ;;
                esac
                # shellcheck disable=SC2086 # several words
                $b insmod /module.ko $area
                echo "insmod: status $?"
            done
            ;;
        ringfence.kexec)
            # Another kernel, whose script prints the sections again.
            section kexec
            /next-kernel /Image /initrd /dtb
            echo "status $?"
            ;;
        ringfence.idle=*)
            section idle
            $b sleep "${argument#*=}"
            for file in /sys/devices/system/cpu/cpu[0-9]*/cpuidle/state1/usage; do $b cat "$file"; done
            ;;
        ringfence.suspend=*)
            section suspend
            echo "+${argument#*=}" > /sys/class/rtc/rtc0/wakealarm
            echo mem > /sys/power/state
            echo "woke, status $?"
            ;;
        ringfence.replug)
            section replug
            replug 0
            replug 1
            ;;
    esac
done
