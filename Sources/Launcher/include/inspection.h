/*
 * What the decoder makes of a plan, for tests and for fuzzing: the launcher itself and these functions read a plan with
 * the same code.
 */
#ifndef BULKHEAD_INSPECTION_H
#define BULKHEAD_INSPECTION_H

#include <stddef.h>
#include <stdint.h>

/* One field of a step. `kind` is a letter of plan.h's table in plan.c: 4 u32, 8 u64, d and D descriptor, t text,
 * l list, b block, g groups. */
struct bh_field {
    char kind;
    uint64_t number;        /* value, or number of entries of a list or of groups */
    const uint8_t *bytes;   /* text, block; the first entry of a list, the array of groups */
    uint32_t length;
};

/* 0 when the launcher would run the plan, else an errno; `faulty` is then the index of the step at fault. `steps` is
 * the number of steps of a good plan. `bytes` must be aligned to 4. Never reads beyond `size`. */
int bh_plan_check(const void *bytes, size_t size, uint32_t *steps, uint32_t *faulty);

/* Field `field` of step `step` of a plan that bh_plan_check took. Returns the step's operation, or 0 when there is no
 * such step or field. */
uint32_t bh_plan_field(const void *bytes, size_t size, uint32_t step, uint32_t field, struct bh_field *answer);

#endif
