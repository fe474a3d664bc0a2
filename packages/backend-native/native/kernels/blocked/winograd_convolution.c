// 3x3 convolution by Winograd's F(4x4, 3x3), for a strip of tiles and a panel of output channels at a time. Of the two
// transforms, of inputs and of filters, the smaller one is done once, up front, and kept; the other is done by whoever needs
// it and is used while the cache has it. Each value of y is one sum in one order, however the work is cut.
#include "../../scratch.h"
#include "../../threads.h"
#include "../kernels.h"
#include "../panels.h"
#include "filter.h"
#include "winograd_stages.h"

enum { STRIP_FLOATS = 96 << 10, LONGEST_STRIP = 48, TASKS_PER_THREAD = 4, MOST_STRIPS_PER_TASK = 16 };

typedef struct {
  BlockedShape x, y; // channels of all parts, and of all outputs
  Stages stages;
  Filter filter;
  int64_t tiles, strips, panels;
  Plane *planes;         // of each block of input channels
  Epilogue *epilogues;   // of each block of output channels
  int keepFilters;       // else inputs
  float *kept, *scratch; // what is made up front; what each thread makes
  int64_t keptFloats, scratchFloats;
  int64_t groups; // the panels of a strip, or the strips of a panel, are that many tasks
} Call;

static void locate(const Call *c, int64_t strip, Strip *s) {
  const int64_t first = strip * c->stages.tiles;
  locate_strip(c->x, first, smaller(c->stages.tiles, c->tiles - first), s);
}

// ---- Where transforms are ----

static int64_t u_stride(const Call *c, int blocks) { return (int64_t)c->x.channels * blocks * BLOCK + LINE; }
static float *kept_filters(const Call *c, int64_t panel) { return c->kept + panel * WINOGRAD_PRODUCTS * u_stride(c, PANEL_BLOCKS); }
static float *kept_inputs(const Call *c, int64_t strip) { return c->kept + strip * WINOGRAD_PRODUCTS * c->stages.vStride; }

// u[36][input channel][16 · blocks]
static void transform_panel(const Call *c, int64_t panel, float *u) {
  const int blocks = panel_blocks(blocked_blocks(c->y), panel), width = blocks * BLOCK;
  for (int n = 0; n < width; n += VL)
    for (int64_t input = 0; input < c->x.channels; input += VL) {
      vf weights[9][VL];
      load_filter(&c->filter, input, panel_first(panel) * BLOCK + n, weights);
      for (int k = 0; k < VL; k++) {
        vf taps[9];
        UNROLL(9) for (int i = 0; i < 9; i++) taps[i] = weights[i][k];
        winograd_filter(taps, u + (input + k) * width + n, u_stride(c, blocks));
      }
    }
}

static void transform_strip(const Call *c, int64_t strip, float *v) {
  Strip s;
  locate(c, strip, &s);
  transform_inputs(&c->stages, c->planes, &s, v);
}

static void keep(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  for (int64_t i = begin; i < end; i++)
    if (c->keepFilters) transform_panel(c, i, kept_filters(c, i));
    else transform_strip(c, i, kept_inputs(c, i));
}

// ---- Products ----

static void compute(const Call *c, const Strip *strip, int64_t panel, const float *v, const float *u, float *m, Prefetch *inputs) {
  const int blocks = panel_blocks(blocked_blocks(c->y), panel);
  const Epilogue *epilogues = c->epilogues + panel_first(panel);
  Plane masks[PANEL_MOST];
  int maskCount = 0;
  for (int b = 0; b < blocks; b++)
    if (epilogues[b].mask.first) masks[maskCount++] = epilogues[b].mask;
  Prefetch mask = prefetch_of(masks, maskCount, strip, c->stages.rowStride + BLOCK, c->stages.rowStride, product_calls(strip->count));
  multiply(&c->stages, strip->count, v, u, u_stride(c, blocks), blocks, m, inputs, &mask);
  finish(&c->stages, epilogues, blocks, strip, m);
}

static void compute_strips(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  float *m = c->scratch + thread * c->scratchFloats, *v = m + WINOGRAD_PRODUCTS * c->stages.mStride;
  for (int64_t task = begin; task < end; task++) {
    const int64_t group = task % c->groups, first = c->panels * group / c->groups, last = c->panels * (group + 1) / c->groups;
    Strip strip, next = {0};
    locate(c, task / c->groups, &strip);
    if (task + c->groups < end) locate(c, task / c->groups + 1, &next);
    transform_inputs(&c->stages, c->planes, &strip, v);
    Prefetch inputs = prefetch_of(c->planes, c->stages.blocks, &next, 2 * c->stages.rowStride + BLOCK, c->stages.rowStride,
                                  product_calls(strip.count) * (last - first));
    for (int64_t panel = first; panel < last; panel++) compute(c, &strip, panel, v, kept_filters(c, panel), m, &inputs);
  }
}

static void compute_panels(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  float *m = c->scratch + thread * c->scratchFloats, *u = m + WINOGRAD_PRODUCTS * c->stages.mStride;
  for (int64_t task = begin; task < end; task++) {
    const int64_t panel = task / c->groups, group = task % c->groups;
    transform_panel(c, panel, u);
    for (int64_t i = c->strips * group / c->groups; i < c->strips * (group + 1) / c->groups; i++) {
      Strip strip, next = {0};
      locate(c, i, &strip);
      Prefetch inputs = prefetch_of(c->planes, 0, &next, 0, 0, 1);
      compute(c, &strip, panel, kept_inputs(c, i), u, m, &inputs);
    }
  }
}

// ---- The call ----

static void choose(Call *c, int threads) {
  const int64_t outputBlocks = blocked_blocks(c->y);
  c->tiles = tile_count(c->x), c->panels = panel_count(outputBlocks);
  c->keepFilters = c->y.channels <= c->tiles;
  const int64_t most = smaller(outputBlocks, PANEL_MOST), channels = (c->keepFilters ? c->x.channels : 0) + most * BLOCK;
  const int64_t fitting = smaller(STRIP_FLOATS / (WINOGRAD_PRODUCTS * channels), c->keepFilters ? LONGEST_STRIP : MAX_STRIP);
  const int64_t tiles = larger(PANEL_ROWS, smaller(larger(fitting, 2 * PANEL_ROWS), c->tiles) / PANEL_ROWS * PANEL_ROWS);
  c->stages = stages_of(c->x, tiles, outputBlocks);
  c->strips = (c->tiles + tiles - 1) / tiles;
  const int64_t first = c->keepFilters ? c->strips : c->panels, second = c->keepFilters ? c->panels : c->strips;
  c->groups = larger(1, smaller(second, 2 * threads / first));
  const int64_t filters = WINOGRAD_PRODUCTS * u_stride(c, (int)most), inputs = WINOGRAD_PRODUCTS * c->stages.vStride;
  c->keptFloats = c->keepFilters ? c->panels * filters : c->strips * inputs;
  c->scratchFloats = WINOGRAD_PRODUCTS * c->stages.mStride + (c->keepFilters ? inputs : filters);
}

int KERNEL(blocked_convolution)(const BlockedConvolution *convolution) {
  const BlockedConvolution *b = convolution;
  Call c = {.x = {b->batch, b->height, b->width, blocked_input_channels(b)}, .filter = filter_of(b)};
  c.y = c.x, c.y.channels = blocked_output_channels(b);
  const int threads = thread_count();
  choose(&c, threads);
  c.planes = scratch_allocate((size_t)blocked_blocks(c.x) * sizeof(Plane));
  c.epilogues = scratch_allocate((size_t)blocked_blocks(c.y) * sizeof(Epilogue));
  c.kept = scratch_floats(c.keptFloats);
  c.scratch = scratch_floats(threads * c.scratchFloats);
  const int missing = !c.planes || !c.epilogues || !c.kept || !c.scratch;
  if (!missing) {
    list_parts(c.planes, b->parts, b->partCount, c.x);
    list_epilogues(b, c.epilogues);
    parallel_for_on(threads, c.keepFilters ? c.panels : c.strips, 1, keep, &c);
    const int64_t tasks = (c.keepFilters ? c.strips : c.panels) * c.groups;
    const int64_t grain = larger(1, smaller(MOST_STRIPS_PER_TASK, tasks / (TASKS_PER_THREAD * threads)));
    parallel_for_on(threads, tasks, grain, c.keepFilters ? compute_strips : compute_panels, &c);
  }
  scratch_free(c.planes), scratch_free(c.epilogues), scratch_free(c.kept), scratch_free(c.scratch);
  return missing;
}
