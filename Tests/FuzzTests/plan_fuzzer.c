/*
 * Feeds the launcher's decoder with bytes nobody meant as a plan. Everything of an accepted plan is read as the steps
 * would read it, from a block of exactly its size, so that the address sanitizer sees one byte too many.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inspection.h"
#include "plan.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { header_size = 16, size_offset = 8, fields_max = 16 };

/* Most mutants would fail at the header already; three of four get a right size, and a whole number of words. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 4 == 0 || size < header_size) return size;
    size -= size % 4;
    const uint32_t header[3] = { BH_PLAN_MAGIC, BH_PLAN_VERSION, (uint32_t)size };
    memcpy(data, header, sizeof header);
    return size;
}

static volatile uint64_t sum; /* what is read must not be optimised away */

static void read_field(const struct bh_field *field) {
    for (uint32_t i = 0; i < field->length; i++) sum += field->bytes[i];
    if (field->kind == 't') sum += strlen((const char *)field->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t steps = 0, faulty = 0;
    uint8_t *plan = malloc(size ? size : 1);
    if (!plan) return 0;
    memcpy(plan, data, size);
    int error = bh_plan_check(plan, size, &steps, &faulty);
    if (error == 0 && (steps == 0 || steps > BH_PLAN_STEPS_MAX)) abort();
    for (uint32_t step = 0; error == 0 && step < steps; step++) {
        for (uint32_t number = 0; number < fields_max; number++) {
            struct bh_field field;
            if (bh_plan_field(plan, size, step, number, &field)) read_field(&field);
        }
    }
    free(plan);
    return 0;
}
