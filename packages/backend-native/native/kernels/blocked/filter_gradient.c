// What is common to gradients by a filter.
//
// Both transforms of a strip of tiles are made, and for each position every block of x's channels times every panel of dy's is
// added to the sums [position][panel][block][BLOCK][panel's channels].
//
// A task is a band (strips one after the other) by a part of the sums (some blocks by some panels). How many bands there are
// depends on the shape alone, and they are added in order: the same bits for any number of threads. Parts cut along what no
// sum runs over, so there may be as many as there are threads; but each transforms for itself. With one band a task's sums
// are its own, and it finishes them while the cache has them.
#include "filter_gradient_form.h"
#include "../../scratch.h"
#include "../../threads.h"
#include "../panels.h"
#include "outer_product.h"
#include "runs.h"

enum { MANY_BLOCKS = 8, MOST_BANDS = 32, BANDS_BYTES = 8 << 20 };

typedef struct {
  const FilterGradientForm *form;
  const BlockedFilterGradient *g;
  int64_t inputs, outputs; // channels of x and of dy
  Tiling tiling;
  Tiled x, dy;
  int64_t panels; // of dy's channels
  int64_t bands, inputGroups, outputGroups; // tasks
  int64_t groupBlocks, groupPanels;         // blocks of x and panels of dy of each part, but the last ones
  int64_t vPitch, zPitch, sumsPitch, vFloats, zFloats, sumsFloats;
  float *scratch, *sums, *biases;
  int64_t scratchFloats; // a thread's
} Call;

// Part of the sums: `inputs` blocks of x from `input` on by some panels of dy, which are `outputs` blocks from `output` on.
typedef struct {
  int64_t input, inputs, panel, panels, output, outputs;
} Part;

// ---- Where things are ----

static Part part_at(const Call *c, int64_t index) {
  Part p = {.input = index % c->inputGroups * c->groupBlocks, .panel = index / c->inputGroups * c->groupPanels};
  p.inputs = smaller(c->groupBlocks, c->x.blocks - p.input);
  p.panels = smaller(c->groupPanels, c->panels - p.panel);
  p.output = panel_first(p.panel);
  p.outputs = panel_first(p.panel + p.panels - 1) + panel_blocks(c->dy.blocks, p.panel + p.panels - 1) - p.output;
  return p;
}

// Of the sums of a panel and a block, in those of a part.
static int64_t sums_offset(const Call *c, const Part *part, int64_t panel, int64_t input) {
  const int64_t before = (panel_first(panel) - part->output) * part->inputs + (input - part->input) * panel_blocks(c->dy.blocks, panel);
  return before * BLOCK * BLOCK;
}

static Tiled some_blocks(Tiled t, int64_t first, int64_t count) {
  t.planes += first, t.blocks = count;
  return t;
}

// ---- One strip ----

static void transform_x(const Call *c, const Runs *runs, const Tiled *x, float *v) {
  for (int64_t block = 0; block < x->blocks; block++, v += c->tiling.stripTiles * BLOCK) {
    float *to = v;
    for (const Run *r = runs->runs; r < runs->runs + runs->count; to += r++->tiles * BLOCK)
      c->form->gather(run_pixels(x, block, r), x->rowStride, r->tiles, to, c->vPitch);
  }
}

// Adds dy's pixels to `bias`, or begins with them; NULL: leaves them.
static void transform_dy(const Call *c, const Runs *runs, const Tiled *dy, float *z, float *bias, int first) {
  for (int64_t block = 0; block < dy->blocks; block++, z += c->tiling.stripTiles * BLOCK) {
    float sum[BLOCK] = {0}, *to = z;
    for (const Run *r = runs->runs; r < runs->runs + runs->count; to += r++->tiles * BLOCK)
      c->form->spread(run_pixels(dy, block, r), dy->rowStride, r->tiles, to, c->zPitch, sum);
    for (int i = 0; bias && i < BLOCK; i++, bias++) *bias = first ? sum[i] : *bias + sum[i];
  }
}

typedef void Outer(int64_t tiles, const float *a, const float *b, int64_t bBlock, float *sums, int first);
#define DEFINE_OUTER(blocks)                                                                                          \
  static void outer##blocks(int64_t tiles, const float *a, const float *b, int64_t bBlock, float *sums, int first) { \
    outer_panel(blocks, tiles, a, b, bBlock, sums, first);                                                            \
  }
DEFINE_OUTER(1)
#if VL == 16
DEFINE_OUTER(2)
DEFINE_OUTER(3)
static Outer *const outers[] = {NULL, outer1, outer2, outer3};
#else
static Outer *const outers[] = {NULL, outer1};
#endif

static void add_products(const Call *c, const Part *part, int64_t tiles, const float *v, const float *z, float *sums, int first,
                         Ahead ahead[2]) {
  const int64_t blockFloats = c->tiling.stripTiles * BLOCK, products = c->form->positions * part->panels * part->inputs;
  int64_t share[2];
  for (int i = 0; i < 2; i++) share[i] = (ahead_lines(ahead[i].tensor, ahead[i].runs) + products - 1) / products;
  for (int position = 0; position < c->form->positions; position++, v += c->vPitch, sums += c->sumsPitch) {
    const float *zs = c->form->spreadPositions == 1 ? z : z + position * c->zPitch;
    for (int64_t panel = part->panel; panel < part->panel + part->panels; panel++, zs += PANEL_BLOCKS * blockFloats) {
      const int64_t blocks = panel_blocks(c->dy.blocks, panel);
      float *to = sums + sums_offset(c, part, panel, part->input);
      for (int64_t input = 0; input < part->inputs; input++, to += blocks * BLOCK * BLOCK) {
        for (int i = 0; i < 2; i++) read_ahead(&ahead[i], share[i]);
        outers[blocks](tiles, v + input * blockFloats, zs, blockFloats, to, first);
      }
    }
  }
}

// ---- The end of the sums ----

// Adds the other bands' to the first one's.
static void add_bands(const Call *c, float *sums, int64_t count) {
  const int64_t bandFloats = c->inputGroups * c->outputGroups * c->sumsFloats;
  for (int position = 0; position < c->form->positions; position++, sums += c->sumsPitch)
    for (int64_t band = 1; band < c->bands; band++)
      for (int64_t i = 0; i < count; i += VL) v_store(sums + i, v_load(sums + i) + v_load(sums + band * bandFloats + i));
}

static void finish(const Call *c, int64_t panel, int64_t input, const float *sums) {
  const int64_t width = panel_blocks(c->dy.blocks, panel) * BLOCK;
  float *to = c->g->dfilter + input * BLOCK * c->outputs + panel_first(panel) * BLOCK;
  for (int i = 0; i < BLOCK; i++, to += c->outputs, sums += width)
    for (int64_t o = 0; o < width; o += VL) c->form->finish(sums + o, c->sumsPitch, to + o, c->inputs * c->outputs);
}

static void finish_bands(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  for (int64_t cell = begin; cell < end; cell++) {
    const int64_t panel = cell / c->x.blocks, input = cell % c->x.blocks;
    const int64_t index = panel / c->groupPanels * c->inputGroups + input / c->groupBlocks;
    const Part part = part_at(c, index);
    float *sums = c->sums + index * c->sumsFloats + sums_offset(c, &part, panel, input);
    add_bands(c, sums, panel_blocks(c->dy.blocks, panel) * BLOCK * BLOCK);
    finish(c, panel, input, sums);
  }
}

static void finish_bias(const Call *c) {
  for (int64_t o = 0; o < c->outputs; o += VL) {
    vf total = v_load(c->biases + o);
    for (int64_t band = 1; band < c->bands; band++) total += v_load(c->biases + band * c->outputs + o);
    v_store(c->g->dbias + o, total);
  }
}

// ---- Tasks ----

static void run_task(const Call *c, int64_t task, float *v, float *z, float *ownSums) {
  const int64_t parts = c->inputGroups * c->outputGroups, band = task / parts;
  const Part part = part_at(c, task % parts);
  const Tiled x = some_blocks(c->x, part.input, part.inputs), dy = some_blocks(c->dy, part.output, part.outputs);
  const int64_t first = c->tiling.strips * band / c->bands, end = c->tiling.strips * (band + 1) / c->bands;
  float *sums = c->bands == 1 ? ownSums : c->sums + task * c->sumsFloats;
  float *bias = part.input > 0 ? NULL : c->biases + band * c->outputs + part.output * BLOCK; // one of those that see dy's blocks
  Runs runs[2];
  locate_runs(&c->tiling, first, &runs[first % 2]);
  for (int64_t strip = first; strip < end; strip++) {
    const Runs *now = &runs[strip % 2];
    Runs *next = &runs[(strip + 1) % 2];
    if (strip + 1 < end) locate_runs(&c->tiling, strip + 1, next);
    else next->tiles = next->count = 0;
    Ahead ahead[2] = {{.tensor = &x, .lead = 1, .runs = next}, {.tensor = &dy, .runs = next}};
    transform_x(c, now, &x, v);
    transform_dy(c, now, &dy, z, bias, strip == first);
    add_products(c, &part, now->tiles, v, z, sums, strip == first, ahead);
  }
  if (c->bands > 1) return;
  for (int64_t panel = part.panel; panel < part.panel + part.panels; panel++)
    for (int64_t input = part.input; input < part.input + part.inputs; input++)
      finish(c, panel, input, sums + sums_offset(c, &part, panel, input));
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  float *v = c->scratch + thread * c->scratchFloats, *z = v + c->vFloats, *sums = z + c->zFloats;
  for (int64_t task = begin; task < end; task++) run_task(c, task, v, z, sums);
}

// ---- The call ----

// Bands are a power of two, so that few threads have equal shares.
static void choose_tasks(Call *c, int threads) {
  const int64_t sumsBytes = c->form->positions * c->inputs * c->outputs * (int64_t)sizeof(float);
  for (c->bands = 1; 2 * c->bands <= MOST_BANDS && 2 * c->bands * sumsBytes <= BANDS_BYTES && 4 * c->bands <= c->tiling.strips;)
    c->bands *= 2;
  const int64_t parts = (threads + c->bands - 1) / c->bands;
  c->groupPanels = (c->panels + parts - 1) / parts;
  c->outputGroups = (c->panels + c->groupPanels - 1) / c->groupPanels;
  const int64_t inputParts = (parts + c->outputGroups - 1) / c->outputGroups;
  c->groupBlocks = (c->x.blocks + inputParts - 1) / inputParts;
  c->inputGroups = (c->x.blocks + c->groupBlocks - 1) / c->groupBlocks;
}

// Pitches are an odd number of cache lines, so that positions do not fall on the same sets of a cache.
static void choose_memory(Call *c) {
  const FilterGradientForm *form = c->form;
  const int64_t outputs = smaller(c->dy.blocks, c->groupPanels * PANEL_BLOCKS + PANEL_MOST - PANEL_BLOCKS);
  c->vPitch = (c->groupBlocks * c->tiling.stripTiles + 1) * BLOCK, c->vFloats = form->positions * c->vPitch;
  c->zPitch = (outputs * c->tiling.stripTiles + 1) * BLOCK, c->zFloats = form->spreadPositions * c->zPitch;
  c->sumsPitch = (c->groupBlocks * outputs * BLOCK + 1) * BLOCK, c->sumsFloats = form->positions * c->sumsPitch;
  c->scratchFloats = c->vFloats + c->zFloats + (c->bands == 1 ? c->sumsFloats : 0);
}

static void list_all_planes(const BlockedFilterGradient *g, BlockedShape x, BlockedShape dy, Plane *xPlanes, Plane *dyPlanes) {
  for (int i = 0; i < g->partCount; i++) {
    x.channels = g->parts[i].channels;
    for (int block = 0; block < blocked_blocks(x); block++) *xPlanes++ = plane_of(g->parts[i].data, x, block);
  }
  for (int block = 0; block < blocked_blocks(dy); block++) *dyPlanes++ = plane_of(g->dy, dy, block);
}

int KERNEL(filter_gradient_by)(const FilterGradientForm *form, const BlockedFilterGradient *g) {
  const int doubled = form->stepDy / form->stepX;
  BlockedShape x = {g->batch, g->height, g->width, 0}, dy = {g->batch, g->height * doubled, g->width * doubled, g->outChannels};
  for (int i = 0; i < g->partCount; i++) x.channels += g->parts[i].channels;
  Call c = {.form = form, .g = g, .inputs = x.channels, .outputs = dy.channels};
  const int64_t inputs = blocked_blocks(x), outputs = blocked_blocks(dy);
  c.tiling = tiling_of(g->batch, (g->height + form->stepX - 1) / form->stepX, (g->width + form->stepX - 1) / form->stepX,
                       inputs < MANY_BLOCKS ? form->few : form->many);
  Plane *planes = scratch_allocate((size_t)(inputs + outputs) * sizeof(Plane));
  c.x = (Tiled){planes, inputs, blocked_row_stride(x), form->stepX};
  c.dy = (Tiled){planes + inputs, outputs, blocked_row_stride(dy), form->stepDy};
  c.panels = panel_count(outputs);
  const int threads = thread_count();
  choose_tasks(&c, threads);
  choose_memory(&c);
  const int64_t tasks = c.bands * c.inputGroups * c.outputGroups;
  c.scratch = scratch_floats(threads * c.scratchFloats);
  c.sums = scratch_floats(c.bands == 1 ? 1 : tasks * c.sumsFloats);
  c.biases = scratch_floats(c.bands * c.outputs);
  const int missing = !planes || !c.scratch || !c.sums || !c.biases;
  if (!missing) {
    list_all_planes(g, x, dy, planes, planes + inputs);
    parallel_for_on(threads, tasks, 1, run_tasks, &c);
    if (c.bands > 1) parallel_for(c.panels * inputs, 1, finish_bands, &c);
    if (g->dbias) finish_bias(&c);
  }
  scratch_free(planes), scratch_free(c.scratch), scratch_free(c.sums), scratch_free(c.biases);
  return missing;
}
