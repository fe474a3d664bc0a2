// exp, log and their relatives on vectors. Errors, measured by test/functions.test.ts against double precision: log 1
// unit in the last place (ulp), exp, expm1, elu and 1/√x 2, log1p, sigmoid, tanh and softplus 3. Special values are exact:
// NaN stays, ±∞ and ±0 give what C's functions give, subnormal results are rounded like others.
#pragma once
#include <math.h>
#include "isa.h"
#include "operations.h"

INLINE vf f_abs(vf x) { return (vf)((vi)x & 0x7fffffff); }
INLINE vi f_is_nan(vf x) { return x != x; }

// x = n·ln2 + r with |r| ≤ ln2 / 2. |x| < 2^22.
INLINE vf f_reduce(vf x, vi *n) {
  const float magic = 12582912.f; // 1.5·2^23: adding it rounds to an integer, found in the low bits
  const vf shifted = x * 1.44269504088896341f + magic;
  *n = (vi)shifted - 0x4b400000;
  const vf whole = shifted - magic;
  return (x - whole * 0.693359375f) + whole * 2.12194440e-4f; // the first product is exact
}

// (e^r − 1 − r) / r² for |r| ≤ ln2 / 2 (Cephes).
INLINE vf f_exp_polynomial(vf r) {
  vf p = v_set(1.9875691500e-4f);
  p = v_fma(p, r, v_set(1.3981999507e-3f));
  p = v_fma(p, r, v_set(8.3334519073e-3f));
  p = v_fma(p, r, v_set(4.1665795894e-2f));
  p = v_fma(p, r, v_set(1.6666665459e-1f));
  return v_fma(p, r, v_set(5.0000001201e-1f));
}

// 2^n for -126 ≤ n ≤ 127.
INLINE vf f_power_of_two(vi n) { return (vf)((n + 127) << 23); }

INLINE vf f_exp(vf x) {
  vi n;
  const vf r = f_reduce(v_max(v_min(x, v_set(89.f)), v_set(-104.f)), &n);
  const vf e = v_fma(f_exp_polynomial(r), r * r, r) + 1.f;
  const vi half = n >> 1; // in two steps, since 2^128 and 2^-150 are no floats
  const vf y = e * f_power_of_two(half) * f_power_of_two(n - half);
  return v_select(f_is_nan(x), x, y);
}

INLINE vf f_expm1(vf x) {
  vi n;
  const vf clamped = v_max(v_min(x, v_set(40.f)), v_set(-40.f));
  const vf r = f_reduce(clamped, &n);
  const vf m = v_fma(f_exp_polynomial(r), r * r, r); // e^r − 1
  const vf scale = f_power_of_two(n);
  const vf y = v_fma(m, scale, scale - 1.f);
  const vf large = v_select(x > 20.f, f_exp(x), y);
  return v_select(f_is_nan(x) | (x == 0.f), x, large);
}

INLINE vf f_log(vf x) {
  const vi tiny = x < 1.17549435e-38f;
  const vi bits = (vi)v_select(tiny, x * 33554432.f, x); // subnormals · 2^25
  // x = m·2^e with √½ ≤ m < √2
  const vi offset = bits - 0x3f3504f3;
  const vi e = (offset >> 23) - (tiny & 25);
  const vf m = (vf)((offset & 0x7fffff) + 0x3f3504f3) - 1.f;
  const vf power = __builtin_convertvector(e, vf);
  const vf z = m * m;
  vf p = v_set(7.0376836292e-2f);
  p = v_fma(p, m, v_set(-1.1514610310e-1f));
  p = v_fma(p, m, v_set(1.1676998740e-1f));
  p = v_fma(p, m, v_set(-1.2420140846e-1f));
  p = v_fma(p, m, v_set(1.4249322787e-1f));
  p = v_fma(p, m, v_set(-1.6668057665e-1f));
  p = v_fma(p, m, v_set(2.0000714765e-1f));
  p = v_fma(p, m, v_set(-2.4999993993e-1f));
  p = v_fma(p, m, v_set(3.3333331174e-1f));
  vf y = m * z * p + power * -2.12194440e-4f - z * 0.5f;
  y = (m + y) + power * 0.693359375f;
  y = v_select(x == 0.f, v_set(-INFINITY), y);
  y = v_select(x < 0.f, v_set(NAN), y);
  return v_select(f_is_nan(x) | (x == INFINITY), x, y);
}

// log(u)·x / (u − 1) with u = 1 + x rounded: the factor makes good what rounding lost (Kahan).
INLINE vf f_log1p(vf x) {
  const vf u = x + 1.f;
  const vf y = f_log(u) * (x / (u - 1.f));
  return v_select((u == 1.f) | f_is_nan(x) | (x == INFINITY), x, y);
}

// Of e^−|x|, so that neither side overflows and small results keep their digits.
INLINE vf f_sigmoid(vf x) {
  const vf e = f_exp(-f_abs(x));
  return v_select(x < 0.f, e, v_set(1.f)) / (e + 1.f);
}

INLINE vf f_tanh(vf x) {
  const vf m = f_expm1(v_min(f_abs(x), v_set(10.f)) * 2.f);
  const vf y = m / (m + 2.f);
  const vf signed_ = (vf)((vi)y | ((vi)x & (int32_t)0x80000000));
  return v_select(f_is_nan(x), x, signed_);
}

// log(1 + e^x)
INLINE vf f_softplus(vf x) {
  const vf y = v_select(x > 0.f, x, v_set(0.f)) + f_log1p(f_exp(-f_abs(x)));
  return v_select(f_is_nan(x), x, y);
}

// As JavaScript's: NaN where C's gives 1 for 1 or −1 to the power of what is not finite. Lane by lane, in double.
INLINE vf f_pow(vf a, vf b) {
  for (int i = 0; i < VL; i++) a[i] = fabsf(a[i]) == 1 && !isfinite(b[i]) ? NAN : (float)pow((double)a[i], (double)b[i]);
  return a;
}

INLINE vf f_elu(vf x) { return v_select(x < 0.f, f_expm1(x), x); }
// NaN stays: it is not below zero.
INLINE vf f_relu(vf x) { return v_select(x <= 0.f, v_set(0.f), x); }

// What an epilogue of a convolution can do; elu and sigmoid take a sweep of their own.
INLINE vf f_activate(vf v, Activation activation, float alpha) {
  switch (activation) {
    case ACTIVATION_relu: return v_max(v_set(0), v);
    case ACTIVATION_relu6: return v_min(v_set(6), v_max(v_set(0), v));
    case ACTIVATION_leakyrelu: return v_select(v < v_set(0), v * v_set(alpha), v);
    default: return v;
  }
}
