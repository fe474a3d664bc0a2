// Reads an instruction's params into a chain, and gives each value of the chain a place: where it lies in memory, where a
// step may write it at once, or a slot of scratch for as long as it is needed.
#include "chain.h"
#include "define.h"

// ---- Reading

typedef struct {
  const Instruction *in;
  int next;   // param
  bool ended; // before all was read
} Reader;

static int32_t next(Reader *r) {
  if (r->next < r->in->paramCount) return r->in->params[r->next++];
  r->ended = true;
  return 0;
}

static bool between(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

// An input's strides over the shape, with as few dimensions as possible. How many elements it reaches, or 0.
static int64_t read_walk(Reader *r, const int64_t *sizes, int rank, ChainWalk *walk) {
  int64_t last = 0;
  *walk = (ChainWalk){0};
  for (int d = 0; d < rank; d++) {
    const int64_t size = sizes[d], stride = next(r);
    if (stride < 0) return 0;
    last += (size - 1) * stride;
    const int outer = walk->rank - 1;
    if (size == 1) continue;
    if (outer >= 0 && walk->strides[outer] == stride * size) walk->sizes[outer] *= size, walk->strides[outer] = stride;
    else walk->sizes[walk->rank] = size, walk->strides[walk->rank++] = stride;
  }
  if (walk->rank == 0) walk->rank = walk->sizes[0] = 1;
  return last + 1;
}

static const char *read_inputs(Reader *r, Chain *c, const int64_t *sizes, int rank) {
  c->inputs = next(r);
  REQUIRE(between(c->inputs, 0, CHAIN_INPUTS), "too many inputs");
  REQUIRE(r->in->operandCount >= c->inputs, "fewer operands than inputs");
  int walks = 0;
  for (int i = 0; i < c->inputs; i++) {
    ChainValue *value = &c->values[i];
    const int element = next(r);
    REQUIRE(between(element, 0, ELEMENT_COUNT - 1), "no such type");
    ChainWalk *walk = &c->walks[walks];
    const int64_t reach = read_walk(r, sizes, rank, walk);
    REQUIRE(reach > 0 && reach <= r->in->bytes[i] / element_sizes[element], "an input is smaller than its strides reach");
    const bool plain = walk->rank == 1 && walk->strides[0] <= 1;
    *value = (ChainValue){.element = (Element)element, .single = plain && walk->strides[0] == 0, .walk = plain ? -1 : walks++,
                          .memory = r->in->memory ? r->in->memory[i] : NULL};
  }
  return NULL;
}

// The type of what a step gives, or −1 where it does not take its values.
static int element_of(const ChainStep *s, Element a, Element b, Element c) {
  switch (s->kind) {
    case STEP_UNARY: return a == ELEMENT_FLOAT ? ELEMENT_FLOAT : -1;
    case STEP_BINARY: return a == ELEMENT_FLOAT && b == ELEMENT_FLOAT ? ELEMENT_FLOAT : -1;
    case STEP_COMPARE: return a == b && a != ELEMENT_BOOL ? ELEMENT_BOOL : -1;
    case STEP_SELECT: return a == ELEMENT_BOOL && b == c ? (int)b : -1;
    case STEP_CAST: return s->operation;
    case STEP_INTEGER: return a == ELEMENT_INT && b == ELEMENT_INT ? ELEMENT_INT : -1;
    default: return a == ELEMENT_BOOL && b == ELEMENT_BOOL ? ELEMENT_BOOL : -1;
  }
}

static const char *read_step(Reader *r, Chain *c, int result) {
  const int kind = next(r), operation = next(r), a = next(r), second = next(r), third = next(r);
  static const int operations[] = {UNARY_COUNT, BINARY_COUNT, COMPARE_COUNT, 1, ELEMENT_COUNT, INTEGER_COUNT, LOGICAL_COUNT};
  REQUIRE(between(kind, 0, STEP_COUNT - 1) && between(operation, 0, operations[kind] - 1), "no such operation");
  const bool single = kind == STEP_UNARY || kind == STEP_CAST || (kind == STEP_LOGICAL && operation == LOGICAL_not);
  ChainStep *step = &c->step[result - c->inputs - c->constants];
  *step = (ChainStep){.kind = (StepKind)kind, .operation = operation, .a = a, .b = single ? a : second, .c = kind == STEP_SELECT ? third : a};
  for (int i = 0; i < 3; i++)
    REQUIRE(between((const int[]){step->a, step->b, step->c}[i], 0, result - 1), "a step takes a value that is not there yet");
  if (kind == STEP_UNARY) {
    REQUIRE(between(second, -1, r->in->numberCount - 1), "alpha is not one of the numbers");
    step->alpha = second < 0 ? 0 : r->in->numbers[second];
  }
  const ChainValue *va = &c->values[step->a], *vb = &c->values[step->b], *vc = &c->values[step->c];
  const int element = element_of(step, va->element, vb->element, vc->element);
  REQUIRE(element >= 0, "a step takes a value of another type");
  c->values[result] = (ChainValue){.element = (Element)element, .walk = -1, .single = va->single && vb->single && vc->single};
  return NULL;
}

static const char *read_results(Reader *r, Chain *c, int values) {
  const Instruction *in = r->in;
  c->outputs = next(r);
  REQUIRE(between(c->outputs, 0, CHAIN_RESULTS), "too many outputs");
  REQUIRE(in->operandCount >= c->inputs + c->outputs, "fewer operands than inputs and outputs");
  for (int i = 0; i < c->outputs; i++) {
    const int value = next(r), operand = c->inputs + i;
    REQUIRE(between(value, 0, values - 1), "an output is no value");
    REQUIRE(holds(in, operand, c->count, (size_t)element_sizes[c->values[value].element]), "an output has another size than the shape");
    c->output[i] = (ChainResult){.value = value, .memory = in->memory ? in->memory[operand] : NULL};
  }
  c->reductions = next(r);
  REQUIRE(between(c->reductions, 0, CHAIN_RESULTS), "too many reductions");
  REQUIRE(in->operandCount == c->inputs + c->outputs + c->reductions, "expected an operand for each input, output and reduction");
  for (int i = 0; i < c->reductions; i++) {
    const int value = next(r), operation = next(r), operand = c->inputs + c->outputs + i;
    REQUIRE(between(value, 0, values - 1) && c->values[value].element == ELEMENT_FLOAT, "a reduction is of no float value");
    REQUIRE(between(operation, 0, REDUCE_COUNT - 1), "no such reduction");
    REQUIRE(floats(in, operand, 1), "a reduction's result is not one float");
    c->reduction[i] = (ChainResult){.value = value, .op = (ReduceOp)operation, .memory = in->memory ? in->memory[operand] : NULL};
  }
  return NULL;
}

static const char *read_blocked(Reader *r, Chain *c) {
  c->blocked = next(r) != 0;
  if (!c->blocked) return NULL;
  c->shape.batch = next(r), c->shape.height = next(r), c->shape.width = next(r), c->shape.channels = next(r);
  REQUIRE(blocked_bytes(c->shape) == c->count * (int64_t)sizeof(float), "the blocked shape has another size than the shape");
  REQUIRE(c->reductions == 0, "a blocked chain can have no reductions: they would count the zeros");
  for (int i = 0; i < c->outputs; i++)
    REQUIRE(c->values[c->output[i].value].element == ELEMENT_FLOAT, "a blocked output is not of floats");
  return NULL;
}

// ---- Places

// The last step that takes each value; `steps` where it is taken behind the last one.
static void find_last_uses(const Chain *c, int *lastUse) {
  for (int v = 0; v < CHAIN_VALUES; v++) lastUse[v] = -1;
  for (int s = 0; s < c->steps; s++) lastUse[c->step[s].a] = lastUse[c->step[s].b] = lastUse[c->step[s].c] = s;
  for (int i = 0; i < c->reductions; i++) lastUse[c->reduction[i].value] = c->steps;
  for (int i = 0; i < c->outputs; i++)
    if (!c->output[i].direct) lastUse[c->output[i].value] = c->steps;
}

// Whether an output may be written by its step although it lies where an input lies: nothing reads the input after that.
static bool is_free(const Chain *c, const char *memory, int step, const int *lastUse) {
  for (int i = 0; i < c->inputs; i++)
    if (c->values[i].memory == memory && lastUse[i] > step) return false;
  return memory != NULL;
}

static void write_directly(Chain *c, const int *lastUse) {
  const int first = c->inputs + c->constants;
  for (int i = 0; i < c->outputs; i++) {
    ChainValue *value = &c->values[c->output[i].value];
    const int step = c->output[i].value - first;
    if (step < 0 || value->single || value->memory || !is_free(c, c->output[i].memory, step, lastUse)) continue;
    value->memory = c->output[i].memory;
    c->output[i].direct = 1;
  }
}

static void give_slots(Chain *c, const int *lastUse) {
  const int first = c->inputs + c->constants;
  int owner[CHAIN_VALUES]; // of each slot: a value
  for (int step = -1; step < c->steps; step++) {
    const int from = step < 0 ? 0 : first + step, to = step < 0 ? c->inputs : from + 1; // values that come now
    for (int v = from; v < to; v++) {
      ChainValue *value = &c->values[v];
      if (value->single || (v < c->inputs ? value->walk < 0 : value->memory != NULL)) continue;
      int slot = 0;
      while (slot < c->slots && lastUse[owner[slot]] >= step) slot++;
      if (slot == c->slots) c->slots++;
      owner[slot] = v;
      value->slot = slot;
    }
  }
}

// ---- All of it

const char *chain_read(const Instruction *in, Chain *c) {
  Reader reader = {in, 0, false}, *r = &reader;
  const int rank = next(r);
  int64_t sizes[CHAIN_RANK];
  REQUIRE(between(rank, 1, CHAIN_RANK) && in->paramCount > rank, "not a shape");
  c->count = product(in->params + 1, rank);
  REQUIRE(c->count > 0, "not a shape");
  for (int d = 0; d < rank; d++) sizes[d] = next(r);

  const char *error = read_inputs(r, c, sizes, rank);
  if (error) return error;
  c->constants = in->numberCount;
  REQUIRE(between(c->constants, 0, CHAIN_VALUES - c->inputs), "too many numbers");
  for (int i = 0; i < c->constants; i++)
    c->values[c->inputs + i] = (ChainValue){.element = ELEMENT_FLOAT, .single = 1, .walk = -1, .memory = (char *)(in->numbers + i)};
  c->steps = next(r);
  const int first = c->inputs + c->constants;
  REQUIRE(between(c->steps, 0, CHAIN_VALUES - first), "too many steps");
  for (int s = 0; s < c->steps && !error; s++) error = read_step(r, c, first + s);
  if (!error) error = read_results(r, c, first + c->steps);
  if (!error) error = read_blocked(r, c);
  if (error) return error;
  REQUIRE(!reader.ended && reader.next == in->paramCount, "the params end too early or too late");

  int lastUse[CHAIN_VALUES];
  find_last_uses(c, lastUse);
  write_directly(c, lastUse);
  c->slots = 0;
  give_slots(c, lastUse);
  REQUIRE(c->slots <= CHAIN_SLOTS, "too many values are needed at the same time: cut the chain");
  return NULL;
}
