// Doubling + 2x2 convolution, and its gradient by the input, as upsampled.h has them. A strip's inputs are transformed to four
// values for each channel; then, panel by panel of output channels, come the products and the results. Forward there are four
// products over x's channels; the gradient is one product over all four values of dy's.
#include "../../scratch.h"
#include "../../threads.h"
#include "../functions.h"
#include "../kernels.h"
#include "../panels.h"
#include "runs.h"
#include "upsampled.h"
#include "winograd_product.h"

enum { STRIP_TILES = 64 / PANEL_ROWS * PANEL_ROWS, TASKS_PER_THREAD = 4, MOST_TASKS_AT_ONCE = 16 };

typedef struct Call {
  // What differs between the two: how one vector of output channels of the filter is transformed (to rows of `width` floats
  // each), how a run of inputs is, and how a block of results is written.
  void (*transformFilter)(const struct Call *c, int64_t output, int64_t width, float *u);
  void (*transformInputs)(const float *x, int64_t rowStride, int64_t tiles, float *v, int64_t stride);
  void (*writeResults)(const struct Call *c, int64_t block, const Run *run, const float *m);
  int products; // of each tile and panel
  int64_t depth; // of a product, in blocks

  Tiling tiling;
  BlockedShape to; // what is written
  Tiled in, out;
  const Plane *masks; // of out's blocks, or NULL
  const float *filter, *bias;
  Activation activation;
  float alpha;
  int stream;
  int64_t panels, groups; // of a strip, tasks: each some panels
  float *filters, *scratch;
  int64_t filterFloats, vStride, mStride, scratchFloats; // of a panel; from value to value; a thread's
} Call;

// ---- Forward ----

static void transform_filter(const Call *c, int64_t output, int64_t width, float *u) {
  const int64_t inputs = c->in.blocks * BLOCK, outputs = c->out.blocks * BLOCK;
  for (int64_t k = 0; k < inputs; k++, u += width) {
    vf w[UPSAMPLED_TAPS];
    UNROLL(4) for (int tap = 0; tap < UPSAMPLED_TAPS; tap++) w[tap] = v_load(c->filter + (tap * inputs + k) * outputs + output);
    upsampled_filter(w, u, inputs * width);
  }
}

static void write_outputs(const Call *c, int64_t block, const Run *run, const float *m) {
  const int64_t vectorStride = STRIP_TILES * VL, rowStride = c->out.rowStride;
  float *y = run_pixels(&c->out, block, run);
  vf bias[VECTORS];
  UNROLL(4) for (int n = 0; n < VECTORS; n++) bias[n] = c->bias ? v_load(c->bias + block * BLOCK + n * VL) : v_set(0);
  for (int64_t t = 0; t < run->tiles; t++, m += VL, y += 2 * BLOCK) {
    vf values[VECTORS][4];
    UNROLL(4) for (int n = 0; n < VECTORS; n++) upsampled_output(m + n * vectorStride, c->mStride, values[n]);
    UNROLL(4) for (int i = 0; i < 4; i++)
      UNROLL(4) for (int n = 0; n < VECTORS; n++)
        v_put(y + i / 2 * rowStride + i % 2 * BLOCK + n * VL, f_activate(values[n][i] + bias[n], c->activation, c->alpha), c->stream);
  }
}

// ---- Gradient by the input ----

// The product's inputs are y's channels and its outputs x's, which lie apart in the filter.
static void transform_turned_filter(const Call *c, int64_t output, int64_t width, float *u) {
  const int64_t inputs = c->in.blocks * BLOCK, outputs = c->out.blocks * BLOCK;
  for (int64_t k = 0; k < inputs; k += VL) {
    vf w[UPSAMPLED_TAPS][VL];
    for (int tap = 0; tap < UPSAMPLED_TAPS; tap++) {
      UNROLL(16) for (int o = 0; o < VL; o++) w[tap][o] = v_load(c->filter + (tap * outputs + output + o) * inputs + k);
      v_transpose(w[tap]);
    }
    for (int i = 0; i < VL; i++, u += width)
      upsampled_filter((const vf[]){w[0][i], w[1][i], w[2][i], w[3][i]}, u, inputs * width);
  }
}

static void transform_gradients(const float *dy, int64_t rowStride, int64_t tiles, float *v, int64_t stride) {
  for (int64_t t = 0; t < tiles; t++, dy += 2 * BLOCK, v += BLOCK)
    UNROLL(4) for (int n = 0; n < BLOCK; n += VL) upsampled_gradient_input(dy + n, rowStride, v + n, stride);
}

static void write_gradients(const Call *c, int64_t block, const Run *run, const float *m) {
  const int64_t vectorStride = STRIP_TILES * VL;
  float *dx = run_pixels(&c->out, block, run);
  const Tiled maskAs = {c->masks, c->out.blocks, c->out.rowStride, c->out.step};
  const float *mask = c->masks ? run_pixels(&maskAs, block, run) : NULL;
  for (int64_t t = 0; t < run->tiles; t++, m += VL)
    UNROLL(4) for (int n = 0; n < VECTORS; n++) {
      const int64_t at = t * BLOCK + n * VL;
      const vf value = v_load(m + n * vectorStride);
      v_put(dx + at, mask ? v_select(v_load(mask + at) > v_set(0), value, v_set(0)) : value, c->stream);
    }
}

// ---- A strip ----

// Tiles behind the strip's last, up to a whole product, are zeros.
static void transform_strip(const Call *c, const Runs *runs, float *v) {
  const size_t behind = (size_t)(round_up(runs->tiles, PANEL_ROWS) - runs->tiles) * BLOCK * sizeof(float);
  for (int64_t block = 0; block < c->in.blocks; block++, v += STRIP_TILES * BLOCK) {
    float *to = v;
    for (const Run *r = runs->runs; r < runs->runs + runs->count; to += r++->tiles * BLOCK)
      c->transformInputs(run_pixels(&c->in, block, r), c->in.rowStride, r->tiles, to, c->vStride);
    for (int i = 0; behind && i < UPSAMPLED_PRODUCTS; i++) memset(to + i * c->vStride, 0, behind);
  }
}

static void multiply(const Call *c, int64_t panel, int64_t tiles, const float *v, float *m, Ahead *ahead, int64_t share) {
  const int blocks = panel_blocks(c->out.blocks, panel);
  const float *u = c->filters + panel * c->filterFloats;
  for (int i = 0; i < c->products; i++, v += c->vStride, u += c->depth * BLOCK * blocks * BLOCK, m += c->mStride)
    for (int64_t t = 0; t < tiles; t += PANEL_ROWS) {
      read_ahead(ahead, share);
      products_by_blocks[blocks](v + t * BLOCK, STRIP_TILES * BLOCK, u, c->depth, m + t * VL, STRIP_TILES * VL);
    }
}

static void write_panel(const Call *c, int64_t panel, const Runs *runs, const float *m) {
  const int blocks = panel_blocks(c->out.blocks, panel);
  for (int b = 0; b < blocks; b++, m += STRIP_TILES * BLOCK) {
    const int64_t block = panel_first(panel) + b;
    const float *from = m;
    for (const Run *r = runs->runs; r < runs->runs + runs->count; from += r++->tiles * VL) {
      const Plane plane = c->out.planes[block];
      if (r->row == 0 && r->column == 0) blocked_clear_edges(plane.first + r->image * plane.imageStride, c->to, 0, 0);
      c->writeResults(c, block, r, from);
    }
  }
}

// ---- The call ----

// A task is a strip by a group of panels.
static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  float *m = c->scratch + thread * c->scratchFloats, *v = m + UPSAMPLED_PRODUCTS * c->mStride;
  for (int64_t task = begin; task < end; task++) {
    const int64_t strip = task / c->groups, group = task % c->groups;
    Runs runs, next = {0};
    locate_runs(&c->tiling, strip, &runs);
    if (task == begin || group == 0) transform_strip(c, &runs, v);
    if ((strip + 1) * c->groups < end) locate_runs(&c->tiling, strip + 1, &next);
    Ahead ahead = {.tensor = &c->in, .lead = 1, .runs = &next};
    const int64_t share = ahead_lines(&c->in, &next) * PANEL_ROWS / (c->products * c->panels * runs.tiles) + 1;
    for (int64_t panel = c->panels * group / c->groups; panel < c->panels * (group + 1) / c->groups; panel++) {
      multiply(c, panel, runs.tiles, v, m, &ahead, share);
      write_panel(c, panel, &runs, m);
    }
  }
  stream_end();
}

static void transform_filters(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  for (int64_t panel = begin; panel < end; panel++) {
    const int64_t width = panel_blocks(c->out.blocks, panel) * BLOCK;
    for (int64_t o = 0; o < width; o += VL)
      c->transformFilter(c, panel_first(panel) * BLOCK + o, width, c->filters + panel * c->filterFloats + o);
  }
}

// `from` is read and `to` written; one of them is x.
static int run(Call *c, BlockedShape x, const float *in, BlockedShape from, float *out, BlockedShape to, const float *mask) {
  const int threads = thread_count(), blocksIn = blocked_blocks(from), blocksOut = blocked_blocks(to);
  c->to = to, c->stream = is_streamed(out, to);
  c->tiling = tiling_of(x.batch, x.height, x.width, STRIP_TILES);
  c->panels = panel_count(blocksOut);
  c->groups = larger(1, smaller(c->panels, TASKS_PER_THREAD * threads / c->tiling.strips));
  c->depth = (int64_t)blocksIn * UPSAMPLED_PRODUCTS / c->products;
  c->filterFloats = (int64_t)UPSAMPLED_PRODUCTS * from.channels * smaller(blocksOut, PANEL_MOST) * BLOCK;
  c->vStride = (int64_t)blocksIn * STRIP_TILES * BLOCK, c->mStride = smaller(blocksOut, PANEL_MOST) * STRIP_TILES * BLOCK;
  c->scratchFloats = UPSAMPLED_PRODUCTS * (c->mStride + c->vStride);
  Plane *planes = scratch_allocate((size_t)(blocksIn + 2 * blocksOut) * sizeof(Plane));
  c->filters = scratch_floats(c->panels * c->filterFloats);
  c->scratch = scratch_floats(threads * c->scratchFloats);
  const int missing = !planes || !c->filters || !c->scratch;
  if (!missing) {
    c->in = (Tiled){planes, blocksIn, blocked_row_stride(from), from.height / x.height};
    c->out = (Tiled){planes + blocksIn, blocksOut, blocked_row_stride(to), to.height / x.height};
    list_planes(planes, in, from), list_planes(planes + blocksIn, out, to);
    if (mask) c->masks = planes + blocksIn + blocksOut, list_planes(planes + blocksIn + blocksOut, mask, to);
    parallel_for(c->panels, 1, transform_filters, c);
    const int64_t tasks = c->tiling.strips * c->groups;
    const int64_t grain = larger(1, smaller(MOST_TASKS_AT_ONCE, tasks / (TASKS_PER_THREAD * threads)));
    parallel_for_on(threads, tasks, grain, run_tasks, c);
  }
  scratch_free(planes), scratch_free(c->filters), scratch_free(c->scratch);
  return missing;
}

static BlockedShape doubled(BlockedShape x, int outputs) { return (BlockedShape){x.batch, 2 * x.height, 2 * x.width, outputs}; }

int KERNEL(upsampled_convolution)(BlockedShape x, int outputs, const float *in, const float *filter, const float *bias,
                                  Activation activation, float alpha, float *out) {
  Call c = {.transformFilter = transform_filter, .transformInputs = upsampled_inputs, .writeResults = write_outputs,
            .products = UPSAMPLED_PRODUCTS, .filter = filter, .bias = bias, .activation = activation, .alpha = alpha};
  return run(&c, x, in, x, out, doubled(x, outputs), NULL);
}

int KERNEL(upsampled_input_gradient)(BlockedShape x, int outputs, const float *dy, const float *filter, const float *mask, float *dx) {
  Call c = {.transformFilter = transform_turned_filter, .transformInputs = transform_gradients, .writeResults = write_gradients,
            .products = 1, .filter = filter};
  return run(&c, x, dy, doubled(x, outputs), dx, x, mask);
}
