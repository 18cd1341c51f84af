/* What the kernels share: a version of each function for each width of vector registers, an exponential, the norm of a
 * state, and matrix products, which are those of torch's own library. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#else
#define omp_get_thread_num() 0
#endif

/* The compiler makes a version for each kind of processor, and the fitting one is taken when the library is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif
#define INLINE static inline __attribute__((always_inline))

/* exp(x) for x <= 0, to 2e-7 of its value; below -87 it is exp(-87), which is 1e-38. */
INLINE float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  int32_t whole = (int32_t)(x * 1.44269504f - 0.5f); /* the nearest: conversion rounds towards zero */
  float r = x - (float)whole * 0.693147181f;
  float y = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r * (0.00833333333f + r * 0.00138888889f)))));
  union {
    int32_t i;
    float f;
  } power = {.i = (whole + 127) << 23};
  return y * power.f;
}

/* z = (x - mean) * scale * gain + bias, where `scale` is 1 / standard deviation; the bias may be NULL. */
INLINE void normalise(int64_t width, const float *x, const float *gain, const float *bias, float *z, float *mean,
                      float *scale) {
  float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t d = 0; d < width; d++) sum += x[d];
  const float center = sum / (float)width;
#pragma omp simd reduction(+ : squares)
  for (int64_t d = 0; d < width; d++) squares += (x[d] - center) * (x[d] - center);
  const float inverse = 1.0f / sqrtf(squares / (float)width + 1e-5f);
  if (bias)
    for (int64_t d = 0; d < width; d++) z[d] = (x[d] - center) * inverse * gain[d] + bias[d];
  else
    for (int64_t d = 0; d < width; d++) z[d] = (x[d] - center) * inverse * gain[d];
  *mean = center;
  *scale = inverse;
}

/* The gradient of x from that of z; those of gain and bias are added to theirs. */
INLINE void through_norm(int64_t width, const float *x, const float *gain, float mean, float scale, const float *dz,
                         float *dx, float *d_gain, float *d_bias) {
  float sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
  for (int64_t d = 0; d < width; d++) {
    const float g = dz[d] * gain[d];
    sum += g;
    along += g * (x[d] - mean) * scale;
  }
  sum /= (float)width;
  along /= (float)width;
#pragma omp simd
  for (int64_t d = 0; d < width; d++) {
    d_gain[d] += dz[d] * (x[d] - mean) * scale;
    d_bias[d] += dz[d];
  }
  for (int64_t d = 0; d < width; d++) dx[d] = scale * (dz[d] * gain[d] - sum - (x[d] - mean) * scale * along);
}

/* The matrix product in float32 of a BLAS, with columns side by side: `sgemm`. */
typedef void (*Product)(const char *, const char *, const int *, const int *, const int *, const float *, const float *,
                        const int *, const float *, const int *, const float *, float *, const int *);

INLINE void product_of(Product product, const char *first, const char *second, int64_t m, int64_t n, int64_t k,
                       const float *a, int64_t sa, const float *b, int64_t sb, float keep, float *result, int64_t sr) {
  const int mi = (int)m, ni = (int)n, ki = (int)k, ai = (int)sa, bi = (int)sb, ri = (int)sr;
  const float one = 1;
  if (m && n && k) product(second, first, &ni, &mi, &ki, &one, b, &bi, a, &ai, &keep, result, &ri);
}

/* result (m, n) = a (m, k) . b (n, k)^T + keep * result; `s` is how far rows are apart. */
INLINE void by_transposed(Product product, int64_t m, int64_t n, int64_t k, const float *a, int64_t sa, const float *b,
                          int64_t sb, float keep, float *result, int64_t sr) {
  product_of(product, "N", "T", m, n, k, a, sa, b, sb, keep, result, sr);
}

/* result (m, n) = a (m, k) . b (k, n) + keep * result */
INLINE void by(Product product, int64_t m, int64_t n, int64_t k, const float *a, int64_t sa, const float *b, int64_t sb,
               float keep, float *result, int64_t sr) {
  product_of(product, "N", "N", m, n, k, a, sa, b, sb, keep, result, sr);
}

/* result (m, n) += a (k, m)^T . b (k, n) */
INLINE void add_transposed_by(Product product, int64_t m, int64_t n, int64_t k, const float *a, int64_t sa,
                              const float *b, int64_t sb, float *result, int64_t sr) {
  product_of(product, "T", "N", m, n, k, a, sa, b, sb, 1, result, sr);
}
