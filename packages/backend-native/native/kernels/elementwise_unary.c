// y = op(x). One vector function an operation; the rest is the same loop around each.
#include "../threads.h"
#include "functions.h"
#include "kernels.h"
#include "loops.h"

enum { GRAIN = 1 << 14 }; // elements, a multiple of every vector's length

#define DEFINE(name, expression)                                              \
  static void unary_##name(const float *px, float *y, int64_t count, float a) { \
    const vf alpha = v_set(a);                                                \
    (void)alpha;                                                              \
    int64_t i = 0;                                                            \
    for (; i + VL <= count; i += VL) {                                        \
      const vf x = v_load(px + i);                                            \
      v_store(y + i, expression);                                             \
    }                                                                         \
    if (i < count) {                                                          \
      const vf x = v_load_part(px + i, (int)(count - i));                     \
      v_store_part(y + i, expression, (int)(count - i));                      \
    }                                                                         \
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

#define ENTRY(name) [UNARY_##name] = unary_##name,
UnaryLoop *const KERNEL(unary_loops)[] = {UNARY_OPS(ENTRY)};

typedef struct {
  UnaryLoop *loop;
  const float *x;
  float *y, alpha;
} Unary;

static void unary_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Unary *c = context;
  c->loop(c->x + begin, c->y + begin, end - begin, c->alpha);
}

void KERNEL(unary)(UnaryOp op, const float *x, float *y, int64_t count, float alpha) {
  parallel_for(count, GRAIN, unary_chunk, &(Unary){KERNEL(unary_loops)[op], x, y, alpha});
}
