/*
 * What every plug-in has of QEMU (docs/devel/tcg-plugins.rst) and of the C library, and how it reads its
 * arguments. It is compiled as the beginning of each of them.
 *
 * The few functions of QEMU's that are used are declared here, so that no header of QEMU's is needed.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t plugin_id;
typedef void (*exec_cb)(unsigned, void *);
typedef void (*mem_cb)(unsigned, uint32_t, uint64_t, void *);

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
#if PLUGIN_API >= 3
extern size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *, void *, size_t);
#else
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
#endif
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, exec_cb, int, void *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, exec_cb, int, void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, mem_cb, int, int, void *);
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
enum { NO_REGISTERS = 0, READS_REGISTERS = 1, WRITES = 2, READS_AND_WRITES = 3 };

EXPORT int qemu_plugin_version = PLUGIN_API;

/* Where the result goes. */
static const char *out_path;

/* Takes `name=TEXT`. Returns whether the argument is that. */
static bool takes_text(const char *argument, const char *name, const char **value)
{
    size_t len = strlen(name);
    if (strncmp(argument, name, len) || argument[len] != '=') {
        return false;
    }
    *value = strdup(argument + len + 1);
    return true;
}

/* Takes `name=NUMBER`, likewise. */
static bool takes_number(const char *argument, const char *name, uint64_t *value)
{
    const char *digits;
    if (!takes_text(argument, name, &digits)) {
        return false;
    }
    *value = strtoull(digits, NULL, 0);
    return true;
}

