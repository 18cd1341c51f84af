/* Linear maps of a normalised state, forward and backward, in float32: keys, queries and values.
 *
 *     z = norm(x)        y_m = W_m z + b_m
 *
 * Rows are taken a tile at a time, and z is computed again in the backward pass. A narrow map is a few sums for each
 * row, for which a library of matrix products is slow. Each thread sums the gradients of parameters over its tiles, and
 * the sums are added in the order of the threads.
 */
#include "common.h"

/* A map to `width` channels: weight (width, of the state), bias (width,) or NULL, result (rows, width). */
typedef struct {
  int64_t width;
  const float *weight, *bias;
  float *result, *d_weight, *d_bias;
  const float *d_result;
} Map;

typedef struct {
  int64_t rows, width, maps, threads;
  Product product;
  const float *state, *gain, *bias;
  float *d_state, *d_gain, *d_bias;
  const Map *map;
} Projection;

enum { TILE = 64, NARROW = 16, TOGETHER = 4 };

/* result (rows, n) = z (rows, k) . w (k, n) + bias, with the sums of some rows in registers. */
INLINE void narrow(int64_t n, int64_t k, int64_t rows, const float *z, const float *w, const float *bias,
                   float *result) {
  for (int64_t begin = 0; begin < rows; begin += TOGETHER) {
    float sums[TOGETHER][n];
    const int64_t some = begin + TOGETHER <= rows ? TOGETHER : rows - begin;
    for (int64_t r = 0; r < TOGETHER; r++)
      for (int64_t j = 0; j < n; j++) sums[r][j] = bias ? bias[j] : 0;
    for (int64_t d = 0; d < k; d++)
      for (int64_t r = 0; r < TOGETHER; r++) {
        const float x = z[(begin + (r < some ? r : 0)) * k + d];
#pragma omp simd
        for (int64_t j = 0; j < n; j++) sums[r][j] += x * w[d * n + j];
      }
    for (int64_t r = 0; r < some; r++)
      for (int64_t j = 0; j < n; j++) result[(begin + r) * n + j] = sums[r][j];
  }
}

/* dz (rows, k) += g (rows, n) . w (n, k), and dw (n, k) += g^T . z. */
INLINE void through_narrow(int64_t n, int64_t k, int64_t rows, const float *g, const float *z, const float *w,
                           float *dz, float *dw) {
  for (int64_t begin = 0; begin < rows; begin += TOGETHER) {
    const int64_t some = begin + TOGETHER <= rows ? TOGETHER : rows - begin;
    float given[TOGETHER][n];
    for (int64_t r = 0; r < TOGETHER; r++)
      for (int64_t j = 0; j < n; j++) given[r][j] = r < some ? g[(begin + r) * n + j] : 0;
    const float *x = z + begin * k;
    float *dx = dz + begin * k;
    for (int64_t j = 0; j < n; j++)
#pragma omp simd
      for (int64_t d = 0; d < k; d++) {
        float sum = dw[j * k + d];
        for (int64_t r = 0; r < TOGETHER; r++) {
          dx[r * k + d] += given[r][j] * w[j * k + d];
          sum += given[r][j] * x[r * k + d];
        }
        dw[j * k + d] = sum;
      }
  }
}

/* Call `function` with the width as a constant if it is a common one, so that its sums stay in registers. */
#define WITH_NARROW(function, width, ...)                      \
  switch (width) {                                             \
    case 4: function(4, __VA_ARGS__); break;                   \
    case 8: function(8, __VA_ARGS__); break;                   \
    case 16: function(16, __VA_ARGS__); break;                 \
    default: function(width, __VA_ARGS__);                     \
  }

/* One tile; z (TILE, width), and `turned` has the weights of narrow maps (of the state, width). */
FOR_EACH_PROCESSOR static void tile_forward(const Projection *p, int64_t begin, int64_t rows, const float *turned,
                                            float *z, float *mean, float *scale) {
  for (int64_t i = 0; i < rows; i++)
    normalise(p->width, p->state + (begin + i) * p->width, p->gain, p->bias, z + i * p->width, mean + i, scale + i);
  for (int64_t m = 0; m < p->maps; m++) {
    const Map *map = p->map + m;
    float *result = map->result + begin * map->width;
    if (map->width <= NARROW) {
      WITH_NARROW(narrow, map->width, p->width, rows, z, turned, map->bias, result)
    } else {
      for (int64_t i = 0; i < rows; i++)
        for (int64_t d = 0; d < map->width; d++) result[i * map->width + d] = map->bias ? map->bias[d] : 0;
      by_transposed(p->product, rows, map->width, p->width, z, p->width, map->weight, p->width, 1, result, map->width);
    }
    turned += map->width * p->width;
  }
}

/* The gradients of one tile; those of parameters are added to `d_weight` and so on. */
FOR_EACH_PROCESSOR static void tile_backward(const Projection *p, int64_t begin, int64_t rows, float *z, float *dz,
                                             float *mean, float *scale, float *d_weight, float *d_map_bias,
                                             float *d_gain, float *d_bias) {
  for (int64_t i = 0; i < rows; i++)
    normalise(p->width, p->state + (begin + i) * p->width, p->gain, p->bias, z + i * p->width, mean + i, scale + i);
  memset(dz, 0, rows * p->width * sizeof(float));
  for (int64_t m = 0; m < p->maps; m++) {
    const Map *map = p->map + m;
    const float *g = map->d_result + begin * map->width;
    for (int64_t i = 0; i < rows; i++)
      for (int64_t d = 0; d < map->width; d++) d_map_bias[d] += g[i * map->width + d];
    if (map->width <= NARROW) {
      WITH_NARROW(through_narrow, map->width, p->width, rows, g, z, map->weight, dz, d_weight)
    } else {
      add_transposed_by(p->product, map->width, p->width, rows, g, map->width, z, p->width, d_weight, p->width);
      by(p->product, rows, p->width, map->width, g, map->width, map->weight, p->width, 1, dz, p->width);
    }
    d_weight += map->width * p->width;
    d_map_bias += map->width;
  }
  for (int64_t i = 0; i < rows; i++)
    through_norm(p->width, p->state + (begin + i) * p->width, p->gain, mean[i], scale[i], dz + i * p->width,
                 p->d_state + (begin + i) * p->width, d_gain, d_bias);
}

static int64_t channels(const Projection *p) {
  int64_t found = 0;
  for (int64_t m = 0; m < p->maps; m++) found += p->map[m].width;
  return found;
}

/* Compute the result of each map. Returns 0, or 1 if memory is short. */
int projection_forward(const Projection *p) {
  const int64_t tiles = (p->rows + TILE - 1) / TILE, width = p->width;
  float *turned = malloc(channels(p) * width * sizeof(float) + 1), *at = turned;
  int failed = !turned;
  for (int64_t m = 0; !failed && m < p->maps; m++)
    for (int64_t d = 0; d < width; d++)
      for (int64_t j = 0; j < p->map[m].width; j++) *at++ = p->map[m].weight[j * width + d];
#pragma omp parallel num_threads(p->threads) reduction(| : failed)
  {
    float *z = malloc(TILE * (width + 2) * sizeof(float));
    failed |= !z;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < tiles; i++) {
      const int64_t begin = i * TILE, rows = begin + TILE < p->rows ? TILE : p->rows - begin;
      if (!failed) tile_forward(p, begin, rows, turned, z, z + TILE * width, z + TILE * (width + 1));
    }
    free(z);
  }
  free(turned);
  return failed;
}

/* Compute the gradients of state, gain, bias and maps. Returns 0, or 1 if memory is short. */
int projection_backward(const Projection *p) {
  const int64_t tiles = (p->rows + TILE - 1) / TILE, width = p->width, all = channels(p);
  const int64_t size = (all * (width + 1) + 2 * width + 15) / 16 * 16;
  float *sums = calloc(size * p->threads, sizeof(float));
  int failed = !sums;
#pragma omp parallel num_threads(p->threads) reduction(| : failed)
  {
    float *z = calloc(TILE * (2 * width + 2), sizeof(float)), *dz = z + TILE * width, *mean = dz + TILE * width;
    float *sum = sums + size * omp_get_thread_num(), *biases = sum + all * width, *gain = biases + all;
    failed |= !z;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < tiles; i++) {
      const int64_t begin = i * TILE, rows = begin + TILE < p->rows ? TILE : p->rows - begin;
      if (!failed) tile_backward(p, begin, rows, z, dz, mean, mean + TILE, sum, biases, gain, gain + width);
    }
    free(z);
  }
  if (failed) {
    free(sums);
    return failed;
  }
  for (int64_t n = 1; n < p->threads; n++)
    for (int64_t d = 0; d < size; d++) sums[d] += sums[n * size + d];
  const float *at = sums, *biases = sums + all * width;
  for (int64_t m = 0; m < p->maps; m++) {
    const Map *map = p->map + m;
    memcpy(map->d_weight, at, map->width * width * sizeof(float));
    if (map->d_bias) memcpy(map->d_bias, biases, map->width * sizeof(float));
    at += map->width * width;
    biases += map->width;
  }
  memcpy(p->d_gain, sums + all * (width + 1), width * sizeof(float));
  if (p->d_bias) memcpy(p->d_bias, sums + all * (width + 1) + width, width * sizeof(float));
  free(sums);
  return 0;
}
