#include <stdlib.h>
#include "kernels.h"
void KERNEL(unary)(UnaryOp op, const float *x, float *y, int64_t count, float alpha) { (void)op;(void)x;(void)y;(void)count;(void)alpha; abort(); }
void KERNEL(binary)(BinaryOp op, const Broadcast *shape, const float *a, const float *b, float *y) { (void)op;(void)shape;(void)a;(void)b;(void)y; abort(); }
void KERNEL(compare)(CompareOp op, const Broadcast *shape, const float *a, const float *b, uint8_t *y) { (void)op;(void)shape;(void)a;(void)b;(void)y; abort(); }
void KERNEL(select)(const uint8_t *condition, const float *a, const float *b, float *y, int64_t count, int p, int q, int r) { (void)condition;(void)a;(void)b;(void)y;(void)count;(void)p;(void)q;(void)r; abort(); }
void KERNEL(fill)(float value, float *y, int64_t count) { for (int64_t i = 0; i < count; i++) y[i] = value; }
void KERNEL(cast_uint8)(const uint8_t *x, float *y, int64_t count) { for (int64_t i = 0; i < count; i++) y[i] = x[i]; }
void KERNEL(cast_int32)(const int32_t *x, float *y, int64_t count) { for (int64_t i = 0; i < count; i++) y[i] = (float)x[i]; }
void KERNEL(add_n)(const float *const *x, int inputs, float *y, int64_t count) { (void)x;(void)inputs;(void)y;(void)count; abort(); }
int KERNEL(reduce)(ReduceOp op, const float *x, float *y, int64_t outer, int64_t reduced, int64_t inner) { (void)op;(void)x;(void)y;(void)outer;(void)reduced;(void)inner; abort(); }
void KERNEL(copy)(const Broadcast *shape, const float *x, float *y) { (void)shape;(void)x;(void)y; abort(); }
void KERNEL(rmsprop)(const RMSPropOptions *options, const float *const in[5], float *const out[4], int64_t count) { (void)options;(void)in;(void)out;(void)count; abort(); }
