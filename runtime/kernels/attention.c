/* Attention over existing connections only, forward and backward, in float32.
 *
 *     p_ij = softmax_j(q_i . k_j + bias_ij)        out_i = sum_j p_ij v_j
 *
 * For each image and head, and for each target token i, the connections of i are stored source by source: those to
 * source s are first[i * sources + s] up to first[i * sources + s + 1], and `token` has their token within the source.
 * So keys and values of several sources are read where they are. `p` has a row of connections for each image and head.
 *
 * Images and heads are shared out among the threads of the caller's OpenMP pool. One thread sums all gradients of an
 * image and head, so results do not depend on the number of threads.
 */
#include "common.h"

/* A tensor (batch, heads, tokens, channels); the strides are in floats, and channels lie side by side. */
typedef struct {
  float *data;
  int64_t batch, head, token;
} View;

typedef struct {
  int64_t batch, heads, targets, sources, connections;
  int64_t key_width, value_width, longest_row, threads;
  const int64_t *first;
  const int32_t *token;
  const float *bias;
  const int64_t *source_tokens; /* tokens of each source */
} Shape;

/* One image and head of a tensor. */
typedef struct {
  float *data;
  int64_t token;
} Rows;

INLINE Rows rows_of(const View *view, int64_t image, int64_t head) {
  return (Rows){view->data + image * view->batch + head * view->head, view->token};
}

/* Call `function` with the width as a constant if it is a common one, so that its inner loop has a known length. */
#define WITH_WIDTH(function, width, ...)                     \
  switch (width) {                                           \
    case 4: function(4, __VA_ARGS__); break;                 \
    case 8: function(8, __VA_ARGS__); break;                 \
    case 16: function(16, __VA_ARGS__); break;               \
    case 32: function(32, __VA_ARGS__); break;               \
    case 48: function(48, __VA_ARGS__); break;               \
    case 64: function(64, __VA_ARGS__); break;               \
    case 96: function(96, __VA_ARGS__); break;               \
    default: function(width, __VA_ARGS__);                   \
  }

/* result_c = x . y_c + bias_c, for the connections of one target to one source. */
INLINE void products(int64_t width, const float *x, Rows rows, const int32_t *token, const float *bias, int64_t count,
                     float *result) {
  for (int64_t c = 0; c < count; c++) {
    const float *y = rows.data + token[c] * rows.token;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < width; d++) sum += x[d] * y[d];
    result[c] = sum + bias[c];
  }
}

INLINE void weighted_sum(int64_t width, const float *weight, Rows rows, const int32_t *token, int64_t count,
                         float *result) {
  float sum[width];
  for (int64_t d = 0; d < width; d++) sum[d] = result[d];
  for (int64_t c = 0; c < count; c++) {
    const float *y = rows.data + token[c] * rows.token, w = weight[c];
#pragma omp simd
    for (int64_t d = 0; d < width; d++) sum[d] += w * y[d];
  }
  for (int64_t d = 0; d < width; d++) result[d] = sum[d];
}

/* dp_ij = g_i . v_j, and v_j receives p_ij g_i. */
INLINE void through_values(int64_t width, const float *g, Rows values, Rows gradients, const int32_t *token,
                           const float *p, int64_t count, float *dp) {
  for (int64_t c = 0; c < count; c++) {
    const float *v = values.data + token[c] * values.token, w = p[c];
    float *dv = gradients.data + token[c] * gradients.token, sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < width; d++) {
      sum += g[d] * v[d];
      dv[d] += w * g[d];
    }
    dp[c] = sum;
  }
}

/* q_i receives ds_ij k_j, and k_j receives ds_ij q_i. */
INLINE void through_keys(int64_t width, const float *q, Rows keys, Rows gradients, const int32_t *token,
                         const float *ds, int64_t count, float *dq) {
  float sum[width];
  for (int64_t d = 0; d < width; d++) sum[d] = dq[d];
  for (int64_t c = 0; c < count; c++) {
    const float *k = keys.data + token[c] * keys.token, w = ds[c];
    float *dk = gradients.data + token[c] * gradients.token;
#pragma omp simd
    for (int64_t d = 0; d < width; d++) {
      sum[d] += w * k[d];
      dk[d] += w * q[d];
    }
  }
  for (int64_t d = 0; d < width; d++) dq[d] = sum[d];
}

INLINE void clear(float *x, int64_t count) {
  for (int64_t d = 0; d < count; d++) x[d] = 0;
}

/* The targets from `begin` to `end` of one image and head. `p` has all connections, or is NULL. */
FOR_EACH_PROCESSOR static void targets_forward(const Shape *s, int64_t begin, int64_t end, Rows q, const Rows *keys,
                                               const Rows *values, Rows out, float *p, float *scratch) {
  for (int64_t i = begin; i < end; i++) {
    const int64_t *first = s->first + i * s->sources, start = first[0], count = first[s->sources] - start;
    float *mine = p ? p + start : scratch, *result = out.data + i * out.token, top = -INFINITY, total = 0;
    for (int64_t n = 0; n < s->sources; n++)
      WITH_WIDTH(products, s->key_width, q.data + i * q.token, keys[n], s->token + first[n], s->bias + first[n],
                 first[n + 1] - first[n], mine + first[n] - start)
#pragma omp simd reduction(max : top)
    for (int64_t c = 0; c < count; c++) top = mine[c] > top ? mine[c] : top;
#pragma omp simd reduction(+ : total)
    for (int64_t c = 0; c < count; c++) {
      mine[c] = exponential(mine[c] - top);
      total += mine[c];
    }
    const float scale = count ? 1.0f / total : 0.0f;
#pragma omp simd
    for (int64_t c = 0; c < count; c++) mine[c] *= scale;
    clear(result, s->value_width);
    for (int64_t n = 0; n < s->sources; n++)
      WITH_WIDTH(weighted_sum, s->value_width, mine + first[n] - start, values[n], s->token + first[n],
                 first[n + 1] - first[n], result)
  }
}

/* All targets of one image and head. */
FOR_EACH_PROCESSOR static void targets_backward(const Shape *s, Rows q, Rows g, const Rows *keys, const Rows *values,
                                                const float *p, Rows dq, const Rows *dkeys, const Rows *dvalues,
                                                float *ds) {
  for (int64_t n = 0; n < s->sources; n++)
    for (int64_t j = 0; j < s->source_tokens[n]; j++) {
      clear(dkeys[n].data + j * dkeys[n].token, s->key_width);
      clear(dvalues[n].data + j * dvalues[n].token, s->value_width);
    }
  for (int64_t i = 0; i < s->targets; i++) {
    const int64_t *first = s->first + i * s->sources, start = first[0], count = first[s->sources] - start;
    const float *mine = p + start;
    float *result = dq.data + i * dq.token, total = 0;
    for (int64_t n = 0; n < s->sources; n++)
      WITH_WIDTH(through_values, s->value_width, g.data + i * g.token, values[n], dvalues[n], s->token + first[n],
                 mine + first[n] - start, first[n + 1] - first[n], ds + first[n] - start)
#pragma omp simd reduction(+ : total)
    for (int64_t c = 0; c < count; c++) total += mine[c] * ds[c];
#pragma omp simd
    for (int64_t c = 0; c < count; c++) ds[c] = mine[c] * (ds[c] - total);
    clear(result, s->key_width);
    for (int64_t n = 0; n < s->sources; n++)
      WITH_WIDTH(through_keys, s->key_width, q.data + i * q.token, keys[n], dkeys[n], s->token + first[n],
                 ds + first[n] - start, first[n + 1] - first[n], result)
  }
}

enum { BLOCK = 64 }; /* targets that a thread takes at a time */

/* Compute `out`, and `p` unless it is NULL. Returns 0, or 1 if memory is short. */
int sparse_attention_forward(const Shape *s, const View *q, const View *keys, const View *values, const View *out,
                             float *p) {
  const int64_t blocks = (s->targets + BLOCK - 1) / BLOCK, work = s->batch * s->heads * blocks;
  int failed = 0;
#pragma omp parallel num_threads(s->threads) reduction(| : failed)
  {
    Rows *rows = malloc(2 * s->sources * sizeof(Rows));
    float *scratch = malloc((s->longest_row + 1) * sizeof(float));
    failed = !rows || !scratch;
#pragma omp for
    for (int64_t w = 0; w < work; w++) {
      if (failed) continue;
      const int64_t one = w / blocks, image = one / s->heads, head = one % s->heads, begin = w % blocks * BLOCK;
      for (int64_t n = 0; n < s->sources; n++) {
        rows[n] = rows_of(keys + n, image, head);
        rows[s->sources + n] = rows_of(values + n, image, head);
      }
      targets_forward(s, begin, begin + BLOCK < s->targets ? begin + BLOCK : s->targets, rows_of(q, image, head), rows,
                   rows + s->sources, rows_of(out, image, head), p ? p + one * s->connections : NULL, scratch);
    }
    free(rows);
    free(scratch);
  }
  return failed;
}

/* Compute the gradients of queries, keys and values from `g`, that of the result. Returns 0, or 1 if memory is short. */
int sparse_attention_backward(const Shape *s, const View *q, const View *g, const View *keys, const View *values,
                              const float *p, const View *dq, const View *dkeys, const View *dvalues) {
  int failed = 0;
#pragma omp parallel num_threads(s->threads) reduction(| : failed)
  {
    Rows *rows = malloc(4 * s->sources * sizeof(Rows));
    float *scratch = malloc((s->longest_row + 1) * sizeof(float));
    failed = !rows || !scratch;
#pragma omp for
    for (int64_t one = 0; one < s->batch * s->heads; one++) {
      if (failed) continue;
      const int64_t image = one / s->heads, head = one % s->heads;
      const View *views[] = {keys, values, dkeys, dvalues};
      for (int64_t v = 0; v < 4; v++)
        for (int64_t n = 0; n < s->sources; n++) rows[v * s->sources + n] = rows_of(views[v] + n, image, head);
      targets_backward(s, rows_of(q, image, head), rows_of(g, image, head), rows, rows + s->sources,
                    p + one * s->connections, rows_of(dq, image, head), rows + 2 * s->sources, rows + 3 * s->sources,
                    scratch);
    }
    free(rows);
    free(scratch);
  }
  return failed;
}
