// A chain of elementwise operations in one sweep: a small program, interpreted for a piece of the tensors at a time. Pieces
// are short enough for all values in between to stay in the first-level cache, and long enough for a step to be one call
// of a loop that the kernels have, too. So a chain gives the bits that its operations give one by one.
#include <stdlib.h>
#include "../threads.h"
#include "chain.h"
#include "kernels.h"
#include "loops.h"
#include "panels.h"
#include "sums.h"

// Elements: of all slots' scratch together; of a piece, at most. A piece is a multiple of LEAST, which every loop's
// vectors divide, so that sums add in the order in which reduce.c adds.
enum { SCRATCH = 6 << 10, LONGEST = 1 << 10, LEAST = 64 };
_Static_assert(SCRATCH / CHAIN_SLOTS >= LEAST && BAND % LONGEST == 0 && LEAST % (4 * VL) == 0, "pieces do not fit");

typedef struct {
  const Chain *chain;
  double *partial; // [reduction][band]
  int64_t bands;
} Call;

// Where a piece's values are. A value that stands for all has `at` 0 for every piece, and stride 0.
typedef struct {
  char *start[CHAIN_VALUES]; // of the whole tensor, or of a slot
  int advance[CHAIN_VALUES]; // bytes for each element that lies before the piece
  int64_t at, count;         // the piece
} Piece;

INLINE char *place_of(const Piece *p, int value) { return p->start[value] + p->at * p->advance[value]; }

static void run_step(const Chain *c, const Piece *p, const ChainStep *s, int result, int64_t count) {
  const void *a = place_of(p, s->a), *b = place_of(p, s->b), *third = place_of(p, s->c);
  const int64_t aStride = !c->values[s->a].single, bStride = !c->values[s->b].single, thirdStride = !c->values[s->c].single;
  const Element type = c->values[s->b].element;
  void *y = place_of(p, result);
  switch (s->kind) {
    case STEP_UNARY: KERNEL(unary_loops)[s->operation](a, y, count, s->alpha); break;
    case STEP_BINARY: KERNEL(binary_loops)[s->operation](a, aStride, b, bStride, y, count); break;
    case STEP_INTEGER: KERNEL(integer_loops)[s->operation](a, aStride, b, bStride, y, count); break;
    case STEP_LOGICAL: KERNEL(logical_loops)[s->operation](a, aStride, b, bStride, y, count); break;
    case STEP_CAST: KERNEL(cast_loops)[c->values[s->a].element][s->operation](a, y, count); break;
    case STEP_COMPARE:
      if (type == ELEMENT_INT) KERNEL(compare_integer_loops)[s->operation](a, aStride, b, bStride, y, count);
      else KERNEL(compare_loops)[s->operation](a, aStride, b, bStride, y, count);
      break;
    default: // select: int32 are bits, as floats are
      if (type == ELEMENT_BOOL) KERNEL(select_bool_loop)(a, aStride, b, bStride, third, thirdStride, y, count);
      else KERNEL(select_loop)(a, aStride, b, bStride, third, thirdStride, y, count);
  }
}

// `count` elements of a shape from element `at` on, in row-major order, one behind the other.
static void gather(const ChainWalk *w, const char *from, int size, int64_t at, int64_t count, char *to) {
  const int last = w->rank - 1;
  const int64_t width = w->sizes[last], stride = w->strides[last];
  int64_t index[CHAIN_RANK], offset = 0, column = at % width, row = at / width;
  for (int d = last - 1; d >= 0; d--) {
    index[d] = row % w->sizes[d];
    row /= w->sizes[d];
    offset += index[d] * w->strides[d];
  }
  for (; count > 0; column = 0) {
    const int64_t some = smaller(count, width - column);
    const char *p = from + (offset + column * stride) * size;
    if (stride == 1) memcpy(to, p, (size_t)(some * size));
    else if (size == 1) for (int64_t i = 0; i < some; i++) to[i] = p[i * stride];
    else for (int64_t i = 0; i < some; i++) ((float *)to)[i] = ((const float *)p)[i * stride];
    to += some * size, count -= some;
    for (int d = last - 1; d >= 0; d--) {
      offset += w->strides[d];
      if (++index[d] < w->sizes[d]) break;
      offset -= w->sizes[d] * w->strides[d];
      index[d] = 0;
    }
  }
}

static void fill(void *y, const char *value, int size, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (size == 1) ((char *)y)[i] = *value;
    else ((float *)y)[i] = *(const float *)value;
  }
}

// Outputs that no step wrote where they belong. Those that are inputs come first: another may lie where the input lies.
static void store_outputs(const Chain *c, const Piece *p) {
  for (int inputs = 1; inputs >= 0; inputs--)
    for (int i = 0; i < c->outputs; i++) {
      const ChainResult *output = &c->output[i];
      const ChainValue *value = &c->values[output->value];
      const int size = element_sizes[value->element];
      char *y = (char *)output->memory + p->at * size;
      if (output->direct || (output->value < c->inputs) != inputs) continue;
      if (value->single) fill(y, place_of(p, output->value), size, p->count);
      else memcpy(y, place_of(p, output->value), (size_t)(p->count * size));
    }
}

// A piece's part of a reduction; behind a band's last piece, `result` is not NULL and gets the band's.
INLINE void add_with(ReduceOp op, Run *run, const float *x, int64_t count, double *result) {
  run_more(op, run, x, count);
  if (result) *result = run_end(op, run, x + count - count % VL, count % VL);
}

static void add(const Chain *c, const Piece *p, const ChainResult *r, Run *run, double *result) {
  float spread[LONGEST];
  const float *x = (float *)place_of(p, r->value);
  if (c->values[r->value].single) {
    fill(spread, (const char *)x, sizeof(float), p->count);
    x = spread;
  }
  switch (r->op) {
    case REDUCE_max: add_with(REDUCE_max, run, x, p->count, result); break;
    case REDUCE_min: add_with(REDUCE_min, run, x, p->count, result); break;
    default: add_with(REDUCE_sum, run, x, p->count, result);
  }
}

static void run_steps(const Chain *c, const Piece *p) {
  const int first = c->inputs + c->constants;
  for (int v = 0; v < c->inputs; v++) {
    const ChainValue *value = &c->values[v];
    if (value->walk >= 0) gather(&c->walks[value->walk], value->memory, element_sizes[value->element], p->at, p->count, p->start[v]);
  }
  for (int s = 0; s < c->steps; s++)
    if (!c->values[first + s].single) run_step(c, p, &c->step[s], first + s, p->count);
}

static void bands(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *call = context;
  const Chain *c = call->chain;
  const int first = c->inputs + c->constants;
  const int64_t longest = smaller(LONGEST, SCRATCH / larger(1, c->slots) / LEAST * LEAST);
  _Alignas(64) float scratch[SCRATCH];
  float singles[CHAIN_VALUES];
  Piece p = {.at = 0};
  for (int v = 0; v < first + c->steps; v++) {
    const ChainValue *value = &c->values[v];
    const int inMemory = value->memory && value->walk < 0;
    p.start[v] = inMemory ? value->memory : (char *)(value->single ? &singles[v] : scratch + value->slot * longest);
    p.advance[v] = inMemory && !value->single ? element_sizes[value->element] : 0;
  }
  for (int s = 0; s < c->steps; s++)
    if (c->values[first + s].single) run_step(c, &p, &c->step[s], first + s, 1);

  for (int64_t band = begin / BAND; band * BAND < end; band++) {
    Run runs[CHAIN_RESULTS];
    for (int i = 0; i < c->reductions; i++) run_start(c->reduction[i].op, &runs[i]);
    const int64_t last = smaller((band + 1) * BAND, c->count);
    for (p.at = band * BAND; p.at < last; p.at += p.count) {
      p.count = smaller(longest, last - p.at);
      run_steps(c, &p);
      for (int i = 0; i < c->reductions; i++) {
        double *partial = p.at + p.count == last ? &call->partial[i * call->bands + band] : NULL;
        add(c, &p, &c->reduction[i], &runs[i], partial);
      }
      store_outputs(c, &p);
    }
  }
}

static void clear_edges(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Chain *c = context;
  const int64_t blocks = blocked_blocks(c->shape);
  for (int64_t unit = begin; unit < end; unit++)
    for (int i = 0; i < c->outputs; i++) blocked_clear_edges(c->output[i].memory, c->shape, unit / blocks, unit % blocks);
}

int KERNEL(elementwise)(const Chain *chain) {
  Call call = {chain, NULL, (chain->count + BAND - 1) / BAND};
  if (chain->reductions && !(call.partial = malloc((size_t)(chain->reductions * call.bands) * sizeof(double)))) return 1;
  parallel_for(chain->count, BAND, bands, &call);
  if (chain->blocked) parallel_for((int64_t)chain->shape.batch * blocked_blocks(chain->shape), 1, clear_edges, (void *)chain);
  for (int i = 0; i < chain->reductions; i++) {
    const ReduceOp op = chain->reduction[i].op;
    const double *partial = call.partial + i * call.bands;
    double result = partial[0];
    for (int64_t band = 1; band < call.bands; band++) result = combine_scalar(op, result, partial[band]);
    *(float *)chain->reduction[i].memory = (float)(op == REDUCE_mean ? result / (double)chain->count : result);
  }
  free(call.partial);
  return 0;
}
