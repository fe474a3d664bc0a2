// How a gradient by a filter is cut.
//
// The sums are [position][panel][block][BLOCK][panel's channels]: over positions, panels of dy's channels, blocks of x's. A task
// is a band of strips, one after the other, by a part of the sums: some blocks by some panels.
//
// How many bands there are depends on the shape alone, and they are added in order: the same bits for any number of threads.
// Parts cut along what no sum runs over, so their number may depend on threads; but each transforms for itself.
#pragma once
#include "../panels.h"
#include "filter_gradient_form.h"
#include "panel.h"
#include "runs.h"

enum { MOST_BANDS = 16, BANDS_BYTES = 4 << 20, LEAST_BAND_TILES = 256, PART_BYTES = 8 << 20 };

typedef struct {
  const FilterGradientForm *form;
  Tiling tiling;
  Tiled x, dy;
  int64_t panels;                   // of dy's channels
  int64_t bands, parts;
  int64_t groupBlocks, groupPanels; // of a part; the last ones may have fewer
  int64_t groupsOfBlocks;
  int64_t vPitch, zPitch, sumsPitch, vFloats, zFloats, sumsFloats; // x's and dy's transforms, and sums, of a part
} Plan;

// Blocks of x from `input` on, by some panels of dy, which are `outputs` blocks from `output` on.
typedef struct {
  int64_t index, input, inputs, panel, panels, output, outputs;
} Part;

static Part part_at(const Plan *p, int64_t index) {
  Part part = {.index = index, .input = index % p->groupsOfBlocks * p->groupBlocks, .panel = index / p->groupsOfBlocks * p->groupPanels};
  part.inputs = smaller(p->groupBlocks, p->x.blocks - part.input);
  part.panels = smaller(p->groupPanels, p->panels - part.panel);
  const int64_t last = part.panel + part.panels - 1;
  part.output = panel_first(part.panel);
  part.outputs = panel_first(last) + panel_blocks(p->dy.blocks, last) - part.output;
  return part;
}

static Part part_of(const Plan *p, int64_t panel, int64_t input) {
  return part_at(p, panel / p->groupPanels * p->groupsOfBlocks + input / p->groupBlocks);
}

// Where in a part's sums those of a panel and a block are.
static int64_t sums_offset(const Plan *p, const Part *part, int64_t panel, int64_t input) {
  const int64_t before = (panel_first(panel) - part->output) * part->inputs + (input - part->input) * panel_blocks(p->dy.blocks, panel);
  return before * BLOCK * BLOCK;
}

// A power of two, so that few threads have equal shares.
static int64_t band_count(int64_t sumsBytes, int64_t tiles) {
  const int64_t most = smaller(MOST_BANDS, smaller(BANDS_BYTES / sumsBytes, tiles / LEAST_BAND_TILES));
  int64_t bands = 1;
  while (2 * bands <= most) bands *= 2;
  return bands;
}

// At least `parts`, where there are as many cells, and as few transforms as that takes: each group of blocks transforms dy, each
// group of panels x.
static void cut_sums(Plan *p, int64_t parts) {
  int64_t least = INT64_MAX;
  for (int64_t outputs = 1; outputs <= smaller(parts, p->panels); outputs++) {
    const int64_t inputs = smaller((parts + outputs - 1) / outputs, p->x.blocks);
    const int64_t transforms = inputs * p->dy.blocks + outputs * p->x.blocks;
    const int enough = inputs * outputs >= parts || outputs == p->panels;
    if (!enough || transforms >= least) continue;
    least = transforms;
    p->groupBlocks = (p->x.blocks + inputs - 1) / inputs, p->groupPanels = (p->panels + outputs - 1) / outputs;
  }
  p->groupsOfBlocks = (p->x.blocks + p->groupBlocks - 1) / p->groupBlocks;
  p->parts = p->groupsOfBlocks * ((p->panels + p->groupPanels - 1) / p->groupPanels);
}

static Plan plan_of(const FilterGradientForm *form, BlockedShape shape, Tiled x, Tiled dy, int threads) {
  Plan p = {.form = form, .x = x, .dy = dy, .panels = panel_count(dy.blocks)};
  p.tiling = tiling_of(shape.batch, (shape.height + x.step - 1) / x.step, (shape.width + x.step - 1) / x.step, form->stripTiles);
  const int64_t sumsBytes = form->positions * x.blocks * dy.blocks * BLOCK * BLOCK * (int64_t)sizeof(float);
  p.bands = band_count(sumsBytes, p.tiling.tiles);
  cut_sums(&p, larger((threads + p.bands - 1) / p.bands, sumsBytes / PART_BYTES));
  // Pitches are an odd number of cache lines, so that positions do not fall on the same sets of a cache.
  const int64_t outputs = smaller(dy.blocks, p.groupPanels * PANEL_BLOCKS + PANEL_MOST - PANEL_BLOCKS);
  p.vPitch = (p.groupBlocks * p.tiling.stripTiles + 1) * BLOCK, p.vFloats = form->positions * p.vPitch;
  p.zPitch = (outputs * p.tiling.stripTiles + 1) * BLOCK, p.zFloats = form->spreadPositions * p.zPitch;
  p.sumsPitch = (p.groupBlocks * outputs * BLOCK + 1) * BLOCK, p.sumsFloats = form->positions * p.sumsPitch;
  return p;
}
