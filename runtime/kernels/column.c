/* The column of an area, forward and backward, in float32: see the formulas of column.py.
 *
 * Rows are the tokens of all images. They are taken a tile at a time, small enough to stay in cache from the norm to the
 * new state. What every population receives, its drive, is kept for the backward pass; all else is computed again there.
 *
 * The hidden channels of all targets lie side by side in the drive. One matrix product a source adds what it gives to
 * all of its targets, for which their weights are packed: the rows from `first` on, with zeros between them for a target
 * that does not read this source.
 *
 * Each thread sums the gradients of parameters over its tiles, and the sums are added in the order of the threads: the
 * same number of threads gives the same bits.
 */
#include "common.h"

/* A population with a state (rows, width). `at` is the first of its channels among those of all sources. */
typedef struct {
  int64_t width, at, first, reading; /* the part of the drive that reads it */
  const float *state, *gain, *bias;  /* the norm's; each may be NULL */
  float *d_state, *d_gain, *d_bias;
} Source;

/* A population that is updated. Weights are (hidden, of all sources), where `columns` says for each source where its
 * weights begin, or -1; `inhibition_columns` does so for each inhibitory target. */
typedef struct {
  int64_t inhibitory, hidden, width, at, rate_at; /* `at` in the drive; `rate_at` among those of its kind */
  int64_t own, state; /* which source is added to the drive, and to which the change is added; -1 for none */
  int64_t input_width, inhibition_width, surround;
  float semi_saturation;
  const int64_t *columns, *inhibition_columns;
  const float *input, *input_bias, *inhibition, *output, *output_bias;
  float *d_input, *d_input_bias, *d_inhibition, *d_output, *d_output_bias;
  float *next; /* the new state */
  const float *d_next;
} Target;

typedef struct {
  int64_t rows, tokens, tile, threads, sources, targets, normal_width, drive_width, inhibitory_width, excitatory_width;
  int64_t packed_width, rectified;
  Product product;
  float *drive;
  Source *source;
  Target *target;
} Column;

/* Where the packed weights of a source begin, of all; then those of inhibition. */
typedef struct {
  float *drive, *inhibition_of_inhibitory, *inhibition_of_excitatory;
} Packed;

/* What one thread needs for a tile. */
typedef struct {
  float *normal, *d_normal, *mean, *scale; /* normalised states; mean and 1 / deviation of each row and source */
  float *drive, *d_drive;
  float *raw, *rate, *inverse_i, *d_rate, *d_raw;           /* of the inhibitory targets */
  float *inverse_e, *hidden, *surrounded, *d_hidden;        /* of the excitatory ones */
  float *around, *deviation, *factor;                       /* of the surround; `around` is the mean */
} Scratch;

/* log(1 + e) for 0 <= e <= 1, to 1e-8. */
INLINE float log_of_one_plus(float e) {
  const float s = e / (2.0f + e), q = s * s;
  return 2.0f * s * (1.0f + q * (0.333333333f + q * (0.2f + q * (0.142857143f + q * (0.111111111f + q * (0.0909090909f + q * 0.0769230769f))))));
}

INLINE float softplus(float x) { return (x > 0 ? x : 0) + log_of_one_plus(exponential(-fabsf(x))); }

INLINE float slope_of_softplus(float x) {
  const float e = exponential(-fabsf(x));
  return (x > 0 ? 1.0f : e) / (1.0f + e);
}

/* The normal distribution up to x, to 1e-7, where `e` is exp(-x^2 / 2). Abramowitz and Stegun 1964, formula 7.1.26. */
INLINE float normal_up_to(float x, float e) {
  const float z = fabsf(x) * 0.707106781f, t = 1.0f / (1.0f + 0.3275911f * z);
  const float tail = 0.5f * e * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  return x > 0 ? 1.0f - tail : tail;
}

/* Normalised states of a tile that begins at row `begin`. */
FOR_EACH_PROCESSOR static void normalise_all(const Column *c, int64_t begin, int64_t rows, const Scratch *t) {
  for (int64_t s = 0; s < c->sources; s++) {
    const Source *source = c->source + s;
    const int64_t width = source->width;
    if (!source->gain) continue;
    for (int64_t i = 0; i < rows; i++) {
      float *z = t->normal + i * c->normal_width + source->at;
      const int64_t at = i * c->sources + s;
      normalise(width, source->state + (begin + i) * width, source->gain, source->bias, z, t->mean + at, t->scale + at);
      if (c->rectified)
        for (int64_t d = 0; d < width; d++) z[d] = z[d] > 0 ? z[d] : 0;
    }
  }
}

/* Through the norms: gradients of states, gains and biases from those of the normalised states. */
FOR_EACH_PROCESSOR static void through_norms(const Column *c, int64_t begin, int64_t rows, const Scratch *t,
                                             float *d_gain, float *d_bias) {
  for (int64_t s = 0; s < c->sources; s++) {
    const Source *source = c->source + s;
    const int64_t width = source->width;
    if (!source->gain) memset(source->d_state + begin * width, 0, rows * width * sizeof(float));
    for (int64_t i = 0; source->gain && i < rows; i++) {
      const int64_t at = i * c->normal_width + source->at, row = (begin + i) * width;
      if (c->rectified)
        for (int64_t d = 0; d < width; d++) t->d_normal[at + d] = t->normal[at + d] > 0 ? t->d_normal[at + d] : 0;
      through_norm(width, source->state + row, source->gain, t->mean[i * c->sources + s], t->scale[i * c->sources + s],
                   t->d_normal + at, source->d_state + row, d_gain + source->at, d_bias + source->at);
    }
  }
}

/* From the drive to rates and hidden channels. */
FOR_EACH_PROCESSOR static void respond(const Column *c, const Packed *w, int64_t rows, const float *drive,
                                       const Scratch *t) {
  const int64_t inhibitory = c->inhibitory_width, excitatory = c->excitatory_width;
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (!target->inhibitory) continue;
    const int64_t width = target->hidden;
    for (int64_t i = 0; i < rows; i++) {
      const float *x = drive + i * c->drive_width + target->at;
      float *raw = t->raw + i * inhibitory + target->rate_at;
#pragma omp simd
      for (int64_t d = 0; d < width; d++) raw[d] = softplus(x[d]);
    }
  }
  by_transposed(c->product, rows, inhibitory, inhibitory, t->raw, inhibitory, w->inhibition_of_inhibitory, inhibitory, 0,
                t->inverse_i, inhibitory);
  for (int64_t d = 0; d < rows * inhibitory; d++) {
    t->inverse_i[d] = 1.0f / (1.0f + t->inverse_i[d]);
    t->rate[d] = t->raw[d] * t->inverse_i[d];
  }
  by_transposed(c->product, rows, excitatory, inhibitory, t->rate, inhibitory, w->inhibition_of_excitatory, inhibitory,
                0, t->inverse_e, excitatory);
  if (!inhibitory) memset(t->inverse_e, 0, rows * excitatory * sizeof(float));
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (target->inhibitory) continue;
    const int64_t width = target->hidden;
    for (int64_t i = 0; i < rows; i++) {
      const float *x = drive + i * c->drive_width + target->at;
      float *inverse = t->inverse_e + i * excitatory + target->rate_at, *h = t->hidden + i * excitatory + target->rate_at;
#pragma omp simd
      for (int64_t d = 0; d < width; d++) {
        inverse[d] = 1.0f / (1.0f + inverse[d]);
        h[d] = x[d] * normal_up_to(x[d], exponential(-0.5f * x[d] * x[d])) * inverse[d];
      }
    }
  }
}

/* Hidden channels of a target with a surround: each less its mean over the tokens of an image, over its deviation. */
FOR_EACH_PROCESSOR static void surround(const Column *c, const Target *target, int64_t rows, const Scratch *t) {
  const int64_t stride = c->excitatory_width, tokens = c->tokens, width = target->hidden;
  for (int64_t image = 0; image < rows / tokens; image++) {
    const float *h = t->hidden + image * tokens * stride + target->rate_at;
    float *result = t->surrounded + image * tokens * stride + target->rate_at;
    const int64_t at = image * stride + target->rate_at;
    float *mean = t->around + at, *deviation = t->deviation + at, *factor = t->factor + at;
    for (int64_t d = 0; d < width; d++) mean[d] = deviation[d] = 0;
    for (int64_t i = 0; i < tokens; i++)
      for (int64_t d = 0; d < width; d++) mean[d] += h[i * stride + d];
    for (int64_t d = 0; d < width; d++) mean[d] /= (float)tokens;
    for (int64_t i = 0; i < tokens; i++)
      for (int64_t d = 0; d < width; d++) deviation[d] += (h[i * stride + d] - mean[d]) * (h[i * stride + d] - mean[d]);
    for (int64_t d = 0; d < width; d++) {
      deviation[d] = sqrtf(deviation[d] / (float)tokens + 1e-12f);
      factor[d] = 1.0f / (deviation[d] + target->semi_saturation);
    }
    for (int64_t i = 0; i < tokens; i++)
      for (int64_t d = 0; d < width; d++) result[i * stride + d] = (h[i * stride + d] - mean[d]) * factor[d];
  }
}

/* Through the surround, in place: the gradient of the hidden channels from that of the normalised ones. */
FOR_EACH_PROCESSOR static void through_surround(const Column *c, const Target *target, int64_t rows, const Scratch *t) {
  const int64_t stride = c->excitatory_width, tokens = c->tokens, width = target->hidden;
  for (int64_t image = 0; image < rows / tokens; image++) {
    float *g = t->d_hidden + image * tokens * stride + target->rate_at;
    const float *y = t->surrounded + image * tokens * stride + target->rate_at;
    const int64_t at = image * stride + target->rate_at;
    const float *deviation = t->deviation + at, *factor = t->factor + at;
    float *sum = t->around + at, along[width];
    for (int64_t d = 0; d < width; d++) sum[d] = along[d] = 0;
    for (int64_t i = 0; i < tokens; i++)
#pragma omp simd
      for (int64_t d = 0; d < width; d++) {
        sum[d] += g[i * stride + d];
        along[d] += g[i * stride + d] * y[i * stride + d];
      }
    for (int64_t d = 0; d < width; d++) {
      sum[d] *= factor[d] / (float)tokens;
      along[d] /= (float)tokens * deviation[d];
    }
    for (int64_t i = 0; i < tokens; i++)
      for (int64_t d = 0; d < width; d++)
        g[i * stride + d] = g[i * stride + d] * factor[d] - sum[d] - y[i * stride + d] * along[d];
  }
}

/* Through the responses: from the gradient of the hidden channels to that of the drive. */
FOR_EACH_PROCESSOR static void through_responses(const Column *c, const Packed *w, int64_t rows, const float *drive,
                                                 const Scratch *t, const Packed *d_w) {
  const int64_t inhibitory = c->inhibitory_width, excitatory = c->excitatory_width;
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (target->inhibitory) continue;
    const int64_t width = target->hidden;
    for (int64_t i = 0; i < rows; i++) {
      const float *x = drive + i * c->drive_width + target->at;
      const int64_t at = i * excitatory + target->rate_at;
      float *result = t->d_drive + i * c->drive_width + target->at, *g = t->d_hidden + at;
      const float *inverse = t->inverse_e + at, *h = t->hidden + at;
#pragma omp simd
      for (int64_t d = 0; d < width; d++) {
        const float e = exponential(-0.5f * x[d] * x[d]), through = g[d] * inverse[d];
        result[d] = through * (normal_up_to(x[d], e) + x[d] * 0.398942280f * e);
        g[d] = -through * h[d]; /* of the inhibition that it receives */
      }
    }
  }
  if (!inhibitory) return;
  by(c->product, rows, inhibitory, excitatory, t->d_hidden, excitatory, w->inhibition_of_excitatory, inhibitory, 0,
     t->d_rate, inhibitory);
  add_transposed_by(c->product, excitatory, inhibitory, rows, t->d_hidden, excitatory, t->rate, inhibitory,
                    d_w->inhibition_of_excitatory, inhibitory);
  for (int64_t d = 0; d < rows * inhibitory; d++) {
    t->d_raw[d] = t->d_rate[d] * t->inverse_i[d];
    t->d_rate[d] = -t->d_raw[d] * t->rate[d];
  }
  add_transposed_by(c->product, inhibitory, inhibitory, rows, t->d_rate, inhibitory, t->raw, inhibitory,
                    d_w->inhibition_of_inhibitory, inhibitory);
  by(c->product, rows, inhibitory, inhibitory, t->d_rate, inhibitory, w->inhibition_of_inhibitory, inhibitory, 1,
     t->d_raw, inhibitory);
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (!target->inhibitory) continue;
    const int64_t width = target->hidden;
    for (int64_t i = 0; i < rows; i++) {
      const float *x = drive + i * c->drive_width + target->at, *g = t->d_raw + i * inhibitory + target->rate_at;
      float *result = t->d_drive + i * c->drive_width + target->at;
#pragma omp simd
      for (int64_t d = 0; d < width; d++) result[d] = g[d] * slope_of_softplus(x[d]);
    }
  }
}

/* The drive of a tile. */
FOR_EACH_PROCESSOR static void receive(const Column *c, const Packed *w, int64_t rows, const Scratch *t, float *drive) {
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    const int64_t width = target->hidden;
    for (int64_t i = 0; i < rows; i++) {
      float *x = drive + i * c->drive_width + target->at;
      if (target->input_bias)
        memcpy(x, target->input_bias, width * sizeof(float));
      else
        memset(x, 0, width * sizeof(float));
      if (target->own >= 0) {
        const float *z = t->normal + i * c->normal_width + c->source[target->own].at;
        for (int64_t d = 0; d < width; d++) x[d] += z[d];
      }
    }
  }
  const float *packed = w->drive;
  for (int64_t s = 0; s < c->sources; s++) {
    const Source *source = c->source + s;
    by_transposed(c->product, rows, source->reading, source->width, t->normal + source->at, c->normal_width, packed,
                  source->width, 1, drive + source->first, c->drive_width);
    packed += source->reading * source->width;
  }
}

/* Through the drive: to normalised states and weights. */
FOR_EACH_PROCESSOR static void through_drive(const Column *c, const Packed *w, int64_t rows, const Scratch *t,
                                             const Packed *d_w, float *d_input_bias) {
  for (int64_t i = 0; i < rows; i++) {
    const float *g = t->d_drive + i * c->drive_width;
    for (int64_t d = 0; d < c->drive_width; d++) d_input_bias[d] += g[d];
  }
  const float *packed = w->drive;
  float *d_packed = d_w->drive;
  for (int64_t s = 0; s < c->sources; s++) {
    const Source *source = c->source + s;
    const int64_t size = source->reading * source->width;
    add_transposed_by(c->product, source->reading, source->width, rows, t->d_drive + source->first, c->drive_width,
                      t->normal + source->at, c->normal_width, d_packed, source->width);
    by(c->product, rows, source->width, source->reading, t->d_drive + source->first, c->drive_width, packed,
       source->width, 0, t->d_normal + source->at, c->normal_width);
    if (!source->reading)
      for (int64_t i = 0; i < rows; i++) memset(t->d_normal + i * c->normal_width + source->at, 0, source->width * sizeof(float));
    packed += size;
    d_packed += size;
  }
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (target->own < 0) continue;
    const int64_t width = target->hidden;
    for (int64_t i = 0; i < rows; i++) {
      const float *g = t->d_drive + i * c->drive_width + target->at;
      float *dz = t->d_normal + i * c->normal_width + c->source[target->own].at;
      for (int64_t d = 0; d < width; d++) dz[d] += g[d];
    }
  }
}

static const float *hidden_of(const Target *target, const Scratch *t) {
  return (target->surround ? t->surrounded : t->hidden) + target->rate_at;
}

/* New states of a tile. */
FOR_EACH_PROCESSOR static void change(const Column *c, int64_t begin, int64_t rows, const Scratch *t) {
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (target->inhibitory) continue;
    const int64_t width = target->width;
    float *next = target->next + begin * width;
    const float *state = target->state >= 0 ? c->source[target->state].state + begin * width : NULL;
    for (int64_t i = 0; i < rows; i++)
      for (int64_t d = 0; d < width; d++)
        next[i * width + d] = target->output_bias[d] + (state ? state[i * width + d] : 0);
    if (target->surround) surround(c, target, rows, t);
    by_transposed(c->product, rows, width, target->hidden, hidden_of(target, t), c->excitatory_width, target->output,
                  target->hidden, 1, next, width);
  }
}

/* Through the outputs of a tile; what goes on to the state is added after the norms. */
FOR_EACH_PROCESSOR static void through_change(const Column *c, int64_t begin, int64_t rows, const Scratch *t,
                                              float *d_output, float *d_output_bias) {
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (target->inhibitory) continue;
    const int64_t width = target->width;
    const float *g = target->d_next + begin * width;
    by(c->product, rows, target->hidden, width, g, width, target->output, target->hidden, 0,
       t->d_hidden + target->rate_at, c->excitatory_width);
    if (target->surround) surround(c, target, rows, t);
    add_transposed_by(c->product, width, target->hidden, rows, g, width, hidden_of(target, t), c->excitatory_width,
                      d_output, target->hidden);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t d = 0; d < width; d++) d_output_bias[d] += g[i * width + d];
    if (target->surround) through_surround(c, target, rows, t);
    d_output += width * target->hidden;
    d_output_bias += width;
  }
}

FOR_EACH_PROCESSOR static void add(const float *x, int64_t count, float *result) {
  for (int64_t d = 0; d < count; d++) result[d] += x[d];
}

/* Weights side by side: those of the drive a source at a time, those of inhibition as one matrix for each kind. */
static void pack(const Column *c, const Packed *w) {
  float *packed = w->drive;
  for (int64_t s = 0; s < c->sources; s++) {
    const Source *source = c->source + s;
    for (int64_t n = 0; n < c->targets; n++) {
      const Target *target = c->target + n;
      if (target->columns[s] < 0) continue;
      float *to = packed + (target->at - source->first) * source->width;
      for (int64_t r = 0; r < target->hidden; r++)
        for (int64_t d = 0; d < source->width; d++) {
          const float x = target->input[r * target->input_width + target->columns[s] + d];
          to[r * source->width + d] = c->rectified ? fabsf(x) : x;
        }
    }
    packed += source->reading * source->width;
  }
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    float *to = (target->inhibitory ? w->inhibition_of_inhibitory : w->inhibition_of_excitatory) + target->rate_at * c->inhibitory_width;
    for (int64_t m = 0; m < c->targets; m++) {
      const Target *source = c->target + m;
      if (target->inhibition_columns[m] >= 0)
        for (int64_t r = 0; r < target->hidden; r++)
          for (int64_t d = 0; d < source->hidden; d++)
            to[r * c->inhibitory_width + source->rate_at + d] = softplus(target->inhibition[r * target->inhibition_width + target->inhibition_columns[m] + d]);
    }
  }
}

/* The gradients of weights from those of the packed ones. */
static void unpack(const Column *c, const Packed *d_w) {
  const float *packed = d_w->drive;
  for (int64_t s = 0; s < c->sources; s++) {
    const Source *source = c->source + s;
    for (int64_t n = 0; n < c->targets; n++) {
      const Target *target = c->target + n;
      if (target->columns[s] < 0) continue;
      const float *from = packed + (target->at - source->first) * source->width;
      for (int64_t r = 0; r < target->hidden; r++)
        for (int64_t d = 0; d < source->width; d++) {
          const int64_t at = r * target->input_width + target->columns[s] + d;
          const float x = target->input[at], sign = c->rectified ? (float)((x > 0) - (x < 0)) : 1.0f;
          target->d_input[at] = sign * from[r * source->width + d];
        }
    }
    packed += source->reading * source->width;
  }
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    const float *from = (target->inhibitory ? d_w->inhibition_of_inhibitory : d_w->inhibition_of_excitatory) + target->rate_at * c->inhibitory_width;
    for (int64_t m = 0; m < c->targets; m++) {
      const Target *source = c->target + m;
      if (target->inhibition_columns[m] >= 0)
        for (int64_t r = 0; r < target->hidden; r++)
          for (int64_t d = 0; d < source->hidden; d++) {
            const int64_t at = r * target->inhibition_width + target->inhibition_columns[m] + d;
            target->d_inhibition[at] = from[r * c->inhibitory_width + source->rate_at + d] * slope_of_softplus(target->inhibition[at]);
          }
    }
  }
}

/* Gradients of all parameters, one after the other. */
typedef struct {
  Packed packed;
  float *output, *output_bias, *input_bias, *gain, *bias;
} Gradients;

/* Memory that is handed out piece by piece; without any, only its size is found. */
typedef struct {
  float *memory;
  int64_t used;
} Arena;

static float *taken(Arena *a, int64_t count) {
  float *found = a->memory ? a->memory + a->used : NULL;
  a->used += (count + 15) / 16 * 16;
  return found;
}

static Packed packed_at(const Column *c, Arena *at) {
  Packed w;
  w.drive = taken(at, c->packed_width);
  w.inhibition_of_inhibitory = taken(at, c->inhibitory_width * c->inhibitory_width);
  w.inhibition_of_excitatory = taken(at, c->excitatory_width * c->inhibitory_width);
  return w;
}

static Gradients gradients_at(const Column *c, Arena *at) {
  Gradients g;
  int64_t output = 0, output_bias = 0;
  for (int64_t n = 0; n < c->targets; n++)
    if (!c->target[n].inhibitory) {
      output += c->target[n].width * c->target[n].hidden;
      output_bias += c->target[n].width;
    }
  g.packed = packed_at(c, at);
  g.output = taken(at, output);
  g.output_bias = taken(at, output_bias);
  g.input_bias = taken(at, c->drive_width);
  g.gain = taken(at, c->normal_width);
  g.bias = taken(at, c->normal_width);
  return g;
}

static Scratch scratch_at(const Column *c, Arena *at) {
  Scratch t;
  float **normals[] = {&t.normal, &t.d_normal}, **drives[] = {&t.drive, &t.d_drive};
  float **inhibitory[] = {&t.raw, &t.rate, &t.inverse_i, &t.d_rate, &t.d_raw};
  float **excitatory[] = {&t.inverse_e, &t.hidden, &t.surrounded, &t.d_hidden};
  float **surrounds[] = {&t.around, &t.deviation, &t.factor};
  for (int i = 0; i < 2; i++) *normals[i] = taken(at, c->tile * c->normal_width);
  for (int i = 0; i < 2; i++) *drives[i] = taken(at, c->tile * c->drive_width);
  for (int i = 0; i < 5; i++) *inhibitory[i] = taken(at, c->tile * c->inhibitory_width);
  for (int i = 0; i < 4; i++) *excitatory[i] = taken(at, c->tile * c->excitatory_width);
  for (int i = 0; i < 3; i++) *surrounds[i] = taken(at, (c->tile / c->tokens + 1) * c->excitatory_width);
  t.mean = taken(at, c->tile * c->sources);
  t.scale = taken(at, c->tile * c->sources);
  return t;
}

/* Hand out the gradients that all threads have summed. */
static void hand_out(const Column *c, const Gradients *g) {
  unpack(c, &g->packed);
  const float *output = g->output, *output_bias = g->output_bias;
  for (int64_t n = 0; n < c->targets; n++) {
    const Target *target = c->target + n;
    if (target->d_input_bias) memcpy(target->d_input_bias, g->input_bias + target->at, target->hidden * sizeof(float));
    if (target->inhibitory) continue;
    memcpy(target->d_output, output, target->width * target->hidden * sizeof(float));
    memcpy(target->d_output_bias, output_bias, target->width * sizeof(float));
    output += target->width * target->hidden;
    output_bias += target->width;
  }
  for (int64_t s = 0; s < c->sources; s++) {
    const Source *source = c->source + s;
    if (source->d_gain) memcpy(source->d_gain, g->gain + source->at, source->width * sizeof(float));
    if (source->d_bias) memcpy(source->d_bias, g->bias + source->at, source->width * sizeof(float));
  }
}

/* The packed weights, in memory that the caller frees; NULL if there is none. */
static float *packed(const Column *c, Packed *w) {
  Arena a = {NULL, 0};
  packed_at(c, &a);
  a = (Arena){calloc(a.used, sizeof(float)), 0};
  *w = packed_at(c, &a);
  if (a.memory) pack(c, w);
  return a.memory;
}

static float *scratch(const Column *c, Scratch *t) {
  Arena a = {NULL, 0};
  scratch_at(c, &a);
  a = (Arena){malloc(a.used * sizeof(float)), 0};
  *t = scratch_at(c, &a);
  return a.memory;
}

/* Compute the new states, and keep the drive (rows, drive_width) unless it is NULL. Returns 1 if memory is short. */
int column_forward(const Column *c) {
  const int64_t tiles = (c->rows + c->tile - 1) / c->tile;
  Packed w;
  float *weights = packed(c, &w);
  int failed = !weights;
#pragma omp parallel num_threads(c->threads) reduction(| : failed)
  {
    Scratch t;
    float *memory = scratch(c, &t);
    failed |= !memory || !weights;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < tiles; i++) {
      if (failed) continue;
      const int64_t begin = i * c->tile, rows = begin + c->tile < c->rows ? c->tile : c->rows - begin;
      float *drive = c->drive ? c->drive + begin * c->drive_width : t.drive;
      normalise_all(c, begin, rows, &t);
      receive(c, &w, rows, &t, drive);
      respond(c, &w, rows, drive, &t);
      change(c, begin, rows, &t);
    }
    free(memory);
  }
  free(weights);
  return failed;
}

/* Compute all gradients from those of the new states, with the drive that was kept. Returns 1 if memory is short. */
int column_backward(const Column *c) {
  const int64_t tiles = (c->rows + c->tile - 1) / c->tile;
  Packed w;
  float *weights = packed(c, &w);
  Arena all = {NULL, 0};
  gradients_at(c, &all);
  const int64_t size = all.used;
  float *sums = calloc(size * c->threads, sizeof(float));
  int failed = !weights || !sums;
#pragma omp parallel num_threads(c->threads) reduction(| : failed)
  {
    Scratch t;
    float *memory = scratch(c, &t);
    failed |= !memory || !weights || !sums;
    Arena mine = {sums ? sums + size * omp_get_thread_num() : NULL, 0};
    const Gradients g = gradients_at(c, &mine);
#pragma omp for schedule(static)
    for (int64_t i = 0; i < tiles; i++) {
      if (failed) continue;
      const int64_t begin = i * c->tile, rows = begin + c->tile < c->rows ? c->tile : c->rows - begin;
      const float *drive = c->drive + begin * c->drive_width;
      normalise_all(c, begin, rows, &t);
      respond(c, &w, rows, drive, &t);
      through_change(c, begin, rows, &t, g.output, g.output_bias);
      through_responses(c, &w, rows, drive, &t, &g.packed);
      through_drive(c, &w, rows, &t, &g.packed, g.input_bias);
      through_norms(c, begin, rows, &t, g.gain, g.bias);
      for (int64_t n = 0; n < c->targets; n++) {
        const Target *target = c->target + n;
        if (!target->inhibitory && target->state >= 0)
          add(target->d_next + begin * target->width, rows * target->width,
              c->source[target->state].d_state + begin * target->width);
      }
    }
    free(memory);
  }
  if (!failed) {
    for (int64_t n = 1; n < c->threads; n++) add(sums + n * size, size, sums);
    all = (Arena){sums, 0};
    const Gradients g = gradients_at(c, &all);
    hand_out(c, &g);
  }
  free(sums);
  free(weights);
  return failed;
}
