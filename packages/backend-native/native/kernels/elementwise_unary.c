// y = op(x). One vector function an operation; the rest is the same loop around each.
#include "../threads.h"
#include "functions.h"
#include "kernels.h"

enum { GRAIN = 1 << 14 }; // elements, a multiple of every vector's length

typedef struct {
  const float *x;
  float *y, alpha;
} Unary;

#define DEFINE(name, expression)                                                             \
  static void unary_##name(void *context, int64_t begin, int64_t end, int thread) {          \
    (void)thread;                                                                            \
    const Unary *c = context;                                                                \
    const vf alpha = v_set(c->alpha);                                                        \
    (void)alpha;                                                                             \
    int64_t i = begin;                                                                       \
    for (; i + VL <= end; i += VL) {                                                         \
      const vf x = v_load(c->x + i);                                                         \
      v_store(c->y + i, expression);                                                         \
    }                                                                                        \
    if (i < end) {                                                                           \
      const vf x = v_load_part(c->x + i, (int)(end - i));                                    \
      v_store_part(c->y + i, expression, (int)(end - i));                                    \
    }                                                                                        \
  }

DEFINE(abs, f_abs(x))
DEFINE(elu, f_elu(x))
DEFINE(exp, f_exp(x))
DEFINE(expm1, f_expm1(x))
DEFINE(leakyRelu, v_select(x < 0.f, x * alpha, x))
DEFINE(log, f_log(x))
DEFINE(log1p, f_log1p(x))
DEFINE(neg, -x)
DEFINE(reciprocal, 1.f / x)
DEFINE(relu, f_relu(x))
DEFINE(relu6, v_select(x > 6.f, v_set(6.f), f_relu(x)))
DEFINE(rsqrt, 1.f / v_sqrt(x))
DEFINE(sigmoid, f_sigmoid(x))
DEFINE(softplus, f_softplus(x))
DEFINE(sqrt, v_sqrt(x))
DEFINE(square, x *x)
DEFINE(step, v_select(f_is_nan(x), x, v_select(x > 0.f, v_set(1.f), alpha)))
DEFINE(tanh, f_tanh(x))

void KERNEL(unary)(UnaryOp op, const float *x, float *y, int64_t count, float alpha) {
#define ENTRY(name) [UNARY_##name] = unary_##name,
  static void (*const bodies[])(void *, int64_t, int64_t, int) = {UNARY_OPS(ENTRY)};
  parallel_for(count, GRAIN, bodies[op], &(Unary){x, y, alpha});
}
