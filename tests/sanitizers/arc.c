/* Shows the thread sanitizer what orders the last owner of a Rust `Arc` after the others.
 *
 * The standard library drops an Arc with a releasing subtraction and, for the last one, an acquiring fence. The
 * sanitizer knows no fences: every last drop would be a race to it. A standard library built for the sanitizer has no
 * fence there but an acquiring load; we have not got one, so the subtraction itself acquires. */
#include <stdint.h>

uint64_t __tsan_atomic64_fetch_add(volatile uint64_t *a, uint64_t v, int order);
uint64_t __tsan_atomic64_fetch_sub(volatile uint64_t *a, uint64_t v, int order);

uint64_t __tsan_atomic64_fetch_sub(volatile uint64_t *a, uint64_t v, int order) {
  (void)order;
  return __tsan_atomic64_fetch_add(a, 0 - v, __ATOMIC_ACQ_REL);
}
