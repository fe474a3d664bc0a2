// What is common to gradients by a filter (filter_gradient_form.h), cut as filter_gradient_plan.h says.
//
// Both transforms of a strip of tiles are made, and for each position every block of x's channels times every panel of dy's is
// added to the sums. With one band a task's sums are its own, and it finishes them while the cache has them; with more, bands
// are added when all are done.
#include "../../scratch.h"
#include "../../threads.h"
#include "filter_gradient_plan.h"
#include "outer_product.h"

typedef struct {
  Plan plan;
  int64_t inputs, outputs; // channels of x and of dy
  float *dfilter, *dbias;
  float *sums, *biases;    // of each band: [part], where there are several; and [outputs]
  float *scratch;
  int64_t scratchFloats;   // a thread's
} Call;

// ---- One strip ----

static void transform_x(const Plan *p, const Runs *runs, const Tiled *x, float *v) {
  for (int64_t block = 0; block < x->blocks; block++, v += p->tiling.stripTiles * BLOCK) {
    float *to = v;
    for (const Run *r = runs->runs; r < runs->runs + runs->count; to += r++->tiles * BLOCK)
      p->form->gather(run_pixels(x, block, r), x->rowStride, r->tiles, to, p->vPitch);
  }
}

// Adds dy's pixels to `bias`, or begins with them; NULL: leaves them.
static void transform_dy(const Plan *p, const Runs *runs, const Tiled *dy, float *z, float *bias, int first) {
  for (int64_t block = 0; block < dy->blocks; block++, z += p->tiling.stripTiles * BLOCK) {
    float sum[BLOCK] = {0}, *to = z;
    for (const Run *r = runs->runs; r < runs->runs + runs->count; to += r++->tiles * BLOCK)
      p->form->spread(run_pixels(dy, block, r), dy->rowStride, r->tiles, to, p->zPitch, sum);
    for (int i = 0; bias && i < BLOCK; i++, bias++) *bias = first ? sum[i] : *bias + sum[i];
  }
}

static void add_products(const Plan *p, const Part *part, int64_t tiles, const float *v, const float *z, float *sums, int first,
                         Ahead ahead[2]) {
  const int64_t blockFloats = p->tiling.stripTiles * BLOCK, products = p->form->positions * part->panels * part->inputs;
  int64_t share[2];
  for (int i = 0; i < 2; i++) share[i] = (ahead_lines(ahead[i].tensor, ahead[i].runs) + products - 1) / products;
  for (int position = 0; position < p->form->positions; position++, v += p->vPitch, sums += p->sumsPitch) {
    const float *zs = p->form->spreadPositions == 1 ? z : z + position * p->zPitch;
    for (int64_t panel = part->panel; panel < part->panel + part->panels; panel++, zs += PANEL_BLOCKS * blockFloats) {
      const int blocks = panel_blocks(p->dy.blocks, panel);
      float *to = sums + sums_offset(p, part, panel, part->input);
      for (int64_t input = 0; input < part->inputs; input++, to += blocks * BLOCK * BLOCK) {
        for (int i = 0; i < 2; i++) read_ahead(&ahead[i], share[i]);
        outer_panels[blocks](tiles, v + input * blockFloats, zs, blockFloats, to, first);
      }
    }
  }
}

// ---- The end of the sums: of a panel and a block ----

static void finish(const Call *c, int64_t panel, int64_t input, const float *sums) {
  const Plan *p = &c->plan;
  const int64_t width = panel_blocks(p->dy.blocks, panel) * BLOCK;
  float *to = c->dfilter + input * BLOCK * c->outputs + panel_first(panel) * BLOCK;
  for (int i = 0; i < BLOCK; i++, to += c->outputs, sums += width)
    for (int64_t o = 0; o < width; o += VL) p->form->finish(sums + o, p->sumsPitch, to + o, c->inputs * c->outputs);
}

// Adds the other bands' to the first one's.
static void add_bands(const Plan *p, float *sums, int64_t count) {
  for (int position = 0; position < p->form->positions; position++, sums += p->sumsPitch)
    for (int64_t band = 1; band < p->bands; band++) {
      const float *from = sums + band * p->parts * p->sumsFloats;
      for (int64_t i = 0; i < count; i += VL) v_store(sums + i, v_load(sums + i) + v_load(from + i));
    }
}

static void finish_bands(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const Plan *p = &c->plan;
  for (int64_t cell = begin; cell < end; cell++) {
    const int64_t panel = cell / p->x.blocks, input = cell % p->x.blocks;
    const Part part = part_of(p, panel, input);
    float *sums = c->sums + part.index * p->sumsFloats + sums_offset(p, &part, panel, input);
    add_bands(p, sums, panel_blocks(p->dy.blocks, panel) * BLOCK * BLOCK);
    finish(c, panel, input, sums);
  }
}

static void finish_bias(const Call *c) {
  for (int64_t o = 0; o < c->outputs; o += VL) {
    vf total = v_load(c->biases + o);
    for (int64_t band = 1; band < c->plan.bands; band++) total += v_load(c->biases + band * c->outputs + o);
    v_store(c->dbias + o, total);
  }
}

// ---- Tasks ----

static Tiled some_blocks(Tiled t, int64_t first, int64_t count) {
  t.planes += first, t.blocks = count;
  return t;
}

static void add_band(const Call *c, int64_t band, const Part *part, float *v, float *z, float *sums) {
  const Plan *p = &c->plan;
  const Tiled x = some_blocks(p->x, part->input, part->inputs), dy = some_blocks(p->dy, part->output, part->outputs);
  const int64_t first = p->tiling.strips * band / p->bands, end = p->tiling.strips * (band + 1) / p->bands;
  // Of the parts that see these blocks of dy one adds them up.
  float *bias = part->input > 0 ? NULL : c->biases + band * c->outputs + part->output * BLOCK;
  Runs runs[2];
  locate_runs(&p->tiling, first, &runs[first % 2]);
  for (int64_t strip = first; strip < end; strip++) {
    const Runs *now = &runs[strip % 2];
    Runs *next = &runs[(strip + 1) % 2];
    if (strip + 1 < end) locate_runs(&p->tiling, strip + 1, next);
    else next->tiles = next->count = 0;
    Ahead ahead[2] = {{.tensor = &x, .lead = 1, .runs = next}, {.tensor = &dy, .runs = next}};
    transform_x(p, now, &x, v);
    transform_dy(p, now, &dy, z, bias, strip == first);
    add_products(p, part, now->tiles, v, z, sums, strip == first, ahead);
  }
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  const Plan *p = &c->plan;
  float *v = c->scratch + thread * c->scratchFloats, *z = v + p->vFloats, *own = z + p->zFloats;
  for (int64_t task = begin; task < end; task++) {
    const Part part = part_at(p, task % p->parts);
    add_band(c, task / p->parts, &part, v, z, p->bands == 1 ? own : c->sums + task * p->sumsFloats);
    if (p->bands > 1) continue;
    for (int64_t panel = part.panel; panel < part.panel + part.panels; panel++)
      for (int64_t input = part.input; input < part.input + part.inputs; input++)
        finish(c, panel, input, own + sums_offset(p, &part, panel, input));
  }
}

// ---- The call ----

int KERNEL(filter_gradient_by)(const FilterGradientForm *form, const BlockedFilterGradient *g) {
  const int scale = form->stepDy / form->stepX, most = thread_count();
  BlockedShape x = {g->batch, g->height, g->width, 0}, dy = {g->batch, g->height * scale, g->width * scale, g->outChannels};
  for (int i = 0; i < g->partCount; i++) x.channels += g->parts[i].channels;
  Plane *planes = scratch_allocate((size_t)(blocked_blocks(x) + blocked_blocks(dy)) * sizeof(Plane));
  if (!planes) return 1;
  Plane *dyPlanes = list_parts(planes, g->parts, g->partCount, x);
  list_planes(dyPlanes, g->dy, dy);

  Call c = {.inputs = x.channels, .outputs = dy.channels, .dfilter = g->dfilter, .dbias = g->dbias};
  c.plan = plan_of(form, x, (Tiled){planes, blocked_blocks(x), blocked_row_stride(x), form->stepX},
                   (Tiled){dyPlanes, blocked_blocks(dy), blocked_row_stride(dy), form->stepDy}, most);
  const Plan *p = &c.plan;
  const int64_t tasks = p->bands * p->parts;
  const int threads = (int)smaller(most, tasks);
  c.scratchFloats = p->vFloats + p->zFloats + (p->bands == 1 ? p->sumsFloats : 0);
  c.scratch = scratch_floats(threads * c.scratchFloats);
  c.sums = scratch_floats(p->bands == 1 ? 1 : tasks * p->sumsFloats);
  c.biases = scratch_floats(p->bands * c.outputs);
  const int missing = !c.scratch || !c.sums || !c.biases;
  if (!missing) {
    parallel_for_on(threads, tasks, 1, run_tasks, &c);
    if (p->bands > 1) parallel_for(p->panels * p->x.blocks, 1, finish_bands, &c);
    if (c.dbias) finish_bias(&c);
  }
  scratch_free(planes), scratch_free(c.scratch), scratch_free(c.sums), scratch_free(c.biases);
  return missing;
}
