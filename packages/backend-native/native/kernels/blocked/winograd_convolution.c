// 3x3 convolution by Winograd's F(4x4, 3x3), for a strip of tiles and a panel of output channels at a time. Of the two
// transforms, of inputs and of filters, the smaller one is done once, up front, and kept; the other is done by whoever needs
// it and is used while the cache has it. Each value of y is one sum in one order, however the work is cut.
#include "../../scratch.h"
#include "../../threads.h"
#include "../kernels.h"
#include "../panels.h"
#include "filter.h"
#include "winograd_stages.h"

enum { STRIP_FLOATS = 96 << 10, LONGEST_STRIP = 48, MOST_STRIPS_PER_CHUNK = 16, CHUNKS_PER_THREAD = 4, MOST_GROUPS = 64 };

typedef struct {
  BlockedShape x, y; // channels of all parts, and of all outputs
  Tiling tiling;
  Stages stages;
  Filter filter;
  int64_t panels;
  const Epilogue *epilogues; // of each block of output channels
  int keepFilters;           // else inputs
  float *kept, *scratch;     // what is made up front; what each thread makes
  int64_t keptFloats, scratchFloats;
  int64_t groups; // the panels of a strip, or the strips of a panel, are that many tasks
} Call;

// ---- Where transforms are ----

static int64_t u_stride(const Call *c, int blocks) { return (int64_t)c->x.channels * blocks * BLOCK + LINE; }
static float *kept_filters(const Call *c, int64_t panel) { return c->kept + panel * WINOGRAD_PRODUCTS * u_stride(c, PANEL_BLOCKS); }
static float *kept_inputs(const Call *c, int64_t strip) { return c->kept + strip * WINOGRAD_PRODUCTS * c->stages.vStride; }

// u[36][input channel][16 · blocks], of one block of input channels.
static void transform_filter(const Call *c, int64_t panel, int64_t inputBlock, float *u) {
  const int blocks = panel_blocks(blocked_blocks(c->y), panel), width = blocks * BLOCK;
  for (int n = 0; n < width; n += VL)
    for (int64_t input = inputBlock * BLOCK; input < (inputBlock + 1) * BLOCK; input += VL) {
      vf weights[9][VL];
      load_filter(&c->filter, input, panel_first(panel) * BLOCK + n, weights);
      for (int k = 0; k < VL; k++) {
        vf taps[9];
        UNROLL(9) for (int i = 0; i < 9; i++) taps[i] = weights[i][k];
        winograd_filter(taps, u + (input + k) * width + n, u_stride(c, blocks));
      }
    }
}

// Block by block of input channels of each panel, or strip.
static void keep(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  for (int64_t i = begin; i < end; i++) {
    const int64_t at = i / c->stages.in.blocks, block = i % c->stages.in.blocks;
    if (c->keepFilters) transform_filter(c, at, block, kept_filters(c, at));
    else {
      Runs strip;
      locate_runs(&c->tiling, at, &strip);
      transform_input(&c->stages, block, &strip, kept_inputs(c, at));
    }
  }
}

// ---- Products ----

static void compute(const Call *c, const Runs *strip, int64_t panel, const float *v, const float *u, float *m, Reading *inputs) {
  const int blocks = panel_blocks(blocked_blocks(c->y), panel);
  const Epilogue *epilogues = c->epilogues + panel_first(panel);
  Plane planes[PANEL_MOST];
  Tiled masks = {planes, 0, c->stages.in.rowStride, BLOCK_TILE};
  for (int b = 0; b < blocks; b++)
    if (epilogues[b].mask.first) planes[masks.blocks++] = epilogues[b].mask;
  Reading reading = reading_of(&masks, strip, 0, strip->tiles, 1);
  multiply(&c->stages, strip->tiles, v, u, u_stride(c, blocks), blocks, m, inputs, &reading);
  finish(&c->stages, epilogues, blocks, strip, m);
}

static void compute_strips(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  float *m = c->scratch + thread * c->scratchFloats, *v = m + WINOGRAD_PRODUCTS * c->stages.mStride;
  for (int64_t task = begin; task < end; task++) {
    const int64_t group = task % c->groups, first = c->panels * group / c->groups, last = c->panels * (group + 1) / c->groups;
    Runs strip, next = {0};
    locate_runs(&c->tiling, task / c->groups, &strip);
    if (task + c->groups < end) locate_runs(&c->tiling, task / c->groups + 1, &next);
    for (int64_t block = 0; block < c->stages.in.blocks; block++) transform_input(&c->stages, block, &strip, v);
    Reading inputs = reading_of(&c->stages.in, &next, 1, strip.tiles, last - first);
    for (int64_t panel = first; panel < last; panel++) compute(c, &strip, panel, v, kept_filters(c, panel), m, &inputs);
  }
}

static void compute_panels(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  float *m = c->scratch + thread * c->scratchFloats, *u = m + WINOGRAD_PRODUCTS * c->stages.mStride;
  for (int64_t task = begin; task < end; task++) {
    const int64_t panel = task / c->groups, group = task % c->groups, strips = c->tiling.strips;
    for (int64_t block = 0; block < c->stages.in.blocks; block++) transform_filter(c, panel, block, u);
    for (int64_t i = strips * group / c->groups; i < strips * (group + 1) / c->groups; i++) {
      Runs strip;
      Reading nothing = {0};
      locate_runs(&c->tiling, i, &strip);
      compute(c, &strip, panel, kept_inputs(c, i), u, m, &nothing);
    }
  }
}

// ---- The call ----

// Into how many groups the `second` of each of the `first` go so that all threads have work for as long: each group needs a
// transform of its own, which costs `transform` times as much as one of the second.
static int64_t choose_groups(int64_t first, int64_t second, double transform, int threads) {
  int64_t best = 1;
  double least = INFINITY;
  for (int64_t groups = 1; groups <= smaller(second, MOST_GROUPS); groups++) {
    const double time = (first * groups + threads - 1) / threads * ((second + groups - 1) / groups + transform);
    if (time < least) least = time, best = groups;
  }
  return best;
}

static void choose(Call *c, const Plane *planes, int threads) {
  const int64_t outputBlocks = blocked_blocks(c->y), widest = panel_widest(outputBlocks);
  const int64_t down = blocked_rounded(c->x.height) / BLOCK_TILE, across = blocked_rounded(c->x.width) / BLOCK_TILE;
  const int64_t tiles = c->x.batch * down * across;
  c->keepFilters = c->y.channels <= tiles;
  const int64_t channels = (c->keepFilters ? c->x.channels : 0) + widest * BLOCK;
  const int64_t fitting = smaller(STRIP_FLOATS / (WINOGRAD_PRODUCTS * channels), c->keepFilters ? LONGEST_STRIP : MAX_STRIP);
  const int64_t stripTiles = larger(PANEL_ROWS, smaller(larger(fitting, 2 * PANEL_ROWS), tiles) / PANEL_ROWS * PANEL_ROWS);
  c->tiling = tiling_of(c->x.batch, down, across, stripTiles);
  c->stages = stages_of(planes, c->x, stripTiles, widest);
  c->panels = panel_count(outputBlocks);
  const int64_t filters = WINOGRAD_PRODUCTS * u_stride(c, (int)widest), inputs = WINOGRAD_PRODUCTS * c->stages.vStride;
  c->keptFloats = c->keepFilters ? c->panels * filters : c->tiling.strips * inputs;
  c->scratchFloats = WINOGRAD_PRODUCTS * c->stages.mStride + (c->keepFilters ? inputs : filters);
  // A strip's inputs cost about 5 of the 36 products of a panel, a filter as much as all products of 6 tiles.
  if (c->keepFilters) c->groups = choose_groups(c->tiling.strips, c->panels, 5. / WINOGRAD_PRODUCTS, threads);
  else c->groups = choose_groups(c->panels, c->tiling.strips, 6. / (double)stripTiles, threads);
}

int KERNEL(blocked_convolution)(const BlockedConvolution *b) {
  Call c = {.x = {b->batch, b->height, b->width, blocked_input_channels(b)}, .filter = filter_of(b)};
  c.y = c.x, c.y.channels = blocked_output_channels(b);
  Plane *planes = scratch_allocate((size_t)blocked_blocks(c.x) * sizeof(Plane));
  Epilogue *epilogues = scratch_allocate((size_t)blocked_blocks(c.y) * sizeof(Epilogue));
  const int threads = thread_count();
  choose(&c, planes, threads);
  c.epilogues = epilogues;
  c.kept = scratch_floats(c.keptFloats), c.scratch = scratch_floats(threads * c.scratchFloats);
  const int missing = !planes || !epilogues || !c.kept || !c.scratch;
  if (!missing) {
    list_parts(planes, b->parts, b->partCount, c.x);
    list_epilogues(b, epilogues);
    const int64_t items = c.keepFilters ? c.panels : c.tiling.strips, tasks = (c.keepFilters ? c.tiling.strips : c.panels) * c.groups;
    parallel_for(items * c.stages.in.blocks, 1, keep, &c);
    const int64_t grain = larger(1, smaller(MOST_STRIPS_PER_CHUNK, tasks / (CHUNKS_PER_THREAD * threads)));
    parallel_for_on(threads, tasks, grain, c.keepFilters ? compute_strips : compute_panels, &c);
  }
  scratch_free(planes), scratch_free(epilogues), scratch_free(c.kept), scratch_free(c.scratch);
  return missing;
}
