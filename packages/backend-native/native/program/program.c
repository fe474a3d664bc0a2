#include "program.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../clock.h"
#include "operations.h"

enum { HEADER = 4, BUFFER_FIELDS = 3, ARENA_ALIGNMENT = 64, MOST = 1 << 24 /* instructions, buffers */ };

typedef struct {
  const ProgramSource *source;
  Program *program;
  int bufferCount, operandCount;
  char *error;
  size_t errorSize;
} Parser;

static bool wrong(Parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(Parser *p, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(p->error, p->errorSize, format, list);
  va_end(list);
  return false;
}

// An integer in [0, 2^53), or -1.
static int64_t whole(double x) { return x >= 0 && x < 9007199254740992.0 && x == (double)(int64_t)x ? (int64_t)x : -1; }

static void *copy_of(const void *data, int64_t count, size_t size) {
  void *copy = malloc((size_t)count * size + 1);
  if (copy && count) memcpy(copy, data, (size_t)count * size);
  return copy;
}

// First of all, so that what is checked is what runs.
static bool copy_source(Parser *p) {
  const ProgramSource *s = p->source;
  p->program->code = copy_of(s->code, s->codeLength, sizeof *s->code);
  p->program->numbers = copy_of(s->numbers, s->numberLength, sizeof *s->numbers);
  return (p->program->code && p->program->numbers) || wrong(p, "out of memory");
}

// How much there is of everything, and whether the code keeps to its length.
static bool measure(Parser *p) {
  const ProgramSource *s = p->source;
  if (s->bufferLength % BUFFER_FIELDS || s->bufferLength / BUFFER_FIELDS > MOST || s->codeLength > INT32_MAX / 2)
    return wrong(p, "got %lld numbers for buffers, %lld of code", (long long)s->bufferLength, (long long)s->codeLength);
  p->bufferCount = (int)(s->bufferLength / BUFFER_FIELDS);
  int64_t at = 0, numbers = 0, operands = 0;
  for (int i = 0; at < s->codeLength; i++) {
    const int32_t *header = p->program->code + at;
    const int64_t rest = s->codeLength - at - HEADER;
    if (rest < 0) return wrong(p, "instruction %d is cut short", i);
    for (int k = 1; k < HEADER; k++)
      if (header[k] < 0) return wrong(p, "instruction %d: a count is negative", i);
    if ((int64_t)header[1] + header[3] > rest) return wrong(p, "instruction %d is cut short", i);
    at += HEADER + (int64_t)header[1] + header[3];
    numbers += header[2];
    operands += header[3];
    if (header[3] > p->program->maxOperands) p->program->maxOperands = header[3];
    p->program->instructionCount++;
  }
  if (numbers != s->numberLength)
    return wrong(p, "got %lld numbers, the instructions have %lld", (long long)s->numberLength, (long long)numbers);
  p->operandCount = (int)operands;
  return true;
}

static bool allocate(Parser *p) {
  Program *program = p->program;
  const size_t instructions = (size_t)program->instructionCount + 1, operands = (size_t)p->operandCount + 1;
  const size_t buffers = (size_t)p->bufferCount + 1;
  program->arrayBytes = malloc(buffers * sizeof *program->arrayBytes);
  program->operations = calloc(instructions, sizeof *program->operations);
  program->instructions = calloc(instructions, sizeof *program->instructions);
  program->operands = calloc(operands, sizeof *program->operands);
  program->operandBytes = calloc(operands, sizeof *program->operandBytes);
  program->buffers = calloc(buffers, sizeof *program->buffers);
  return (program->arrayBytes && program->operations && program->instructions && program->operands &&
          program->operandBytes && program->buffers) ||
         wrong(p, "out of memory");
}

static bool read_buffers(Parser *p) {
  Program *program = p->program;
  for (int i = 0; i < p->bufferCount; i++) {
    const double *fields = p->source->buffers + (int64_t)i * BUFFER_FIELDS;
    const int64_t kind = whole(fields[0]), place = whole(fields[1]), bytes = whole(fields[2]);
    if (kind < 0 || kind > BUFFER_ARENA) return wrong(p, "buffer %d is of kind %g, expected 0 to 2", i, fields[0]);
    if (bytes < 1) return wrong(p, "buffer %d has %g bytes", i, fields[2]);
    if (place < 0 || (kind == BUFFER_ARENA ? place % ARENA_ALIGNMENT != 0 : place >= p->bufferCount))
      return wrong(p, "buffer %d lies at %g", i, fields[1]);
    program->buffers[i] = (Buffer){(BufferKind)kind, place, bytes};
    if (kind == BUFFER_ARENA && place + bytes > program->arenaBytes) program->arenaBytes = place + bytes;
    if (kind == BUFFER_INPUT && place >= program->inputCount) program->inputCount = (int)place + 1;
    if (kind == BUFFER_OUTPUT && place >= program->outputCount) program->outputCount = (int)place + 1;
  }
  return true;
}

// Every input and output has a length, and only one.
static bool read_arrays(Parser *p) {
  Program *program = p->program;
  const int count = program->inputCount + program->outputCount;
  if (count > p->bufferCount) return wrong(p, "an input or an output has no buffer");
  for (int i = 0; i < count; i++) program->arrayBytes[i] = -1;
  for (int i = 0; i < p->bufferCount; i++) {
    const Buffer *buffer = program->buffers + i;
    if (buffer->kind == BUFFER_ARENA) continue;
    int64_t *bytes = program->arrayBytes + buffer->place + (buffer->kind == BUFFER_OUTPUT ? program->inputCount : 0);
    if (*bytes >= 0 && *bytes != buffer->bytes) return wrong(p, "buffer %d: the array has another length elsewhere", i);
    *bytes = buffer->bytes;
  }
  for (int i = 0; i < count; i++)
    if (program->arrayBytes[i] < 0) return wrong(p, "an input or an output has no buffer");
  return true;
}

// Operands may be one and the same buffer, where the operation allows it, but never parts of each other.
static bool lie_apart(const Buffer *a, const Buffer *b) {
  if (!a || !b || a->kind != BUFFER_ARENA || b->kind != BUFFER_ARENA) return true;
  if (a->place == b->place && a->bytes == b->bytes) return true;
  return a->place + a->bytes <= b->place || b->place + b->bytes <= a->place;
}

static bool read_instructions(Parser *p) {
  Program *program = p->program;
  const int32_t *code = program->code;
  const float *numbers = program->numbers;
  const Buffer **operands = program->operands;
  int64_t *bytes = program->operandBytes;
  for (int i = 0; i < program->instructionCount; i++) {
    const Operation *operation = program->operations[i] = operation_at(code[0]);
    if (!operation) return wrong(p, "instruction %d: no operation has the number %d", i, code[0]);
    Instruction *in = program->instructions + i;
    *in = (Instruction){.params = code + HEADER, .paramCount = code[1], .numbers = numbers, .numberCount = code[2],
                        .bytes = bytes, .operandCount = code[3]};
    code += HEADER + code[1];
    for (int k = 0; k < in->operandCount; k++) {
      if (code[k] < -1 || code[k] >= p->bufferCount)
        return wrong(p, "instruction %d (%s): operand %d is buffer %d of %d", i, operation->name, k, code[k], p->bufferCount);
      operands[k] = code[k] < 0 ? NULL : program->buffers + code[k];
      bytes[k] = operands[k] ? operands[k]->bytes : 0;
      for (int j = 0; j < k; j++)
        if (!lie_apart(operands[j], operands[k]))
          return wrong(p, "instruction %d (%s): operands %d and %d overlap", i, operation->name, j, k);
    }
    const char *problem = operation->check(in);
    if (problem) return wrong(p, "instruction %d (%s): %s", i, operation->name, problem);
    code += in->operandCount, operands += in->operandCount, bytes += in->operandCount, numbers += in->numberCount;
  }
  return true;
}

Program *program_create(const ProgramSource *source, char *error, size_t errorSize) {
  Program *program = calloc(1, sizeof *program);
  Parser parser = {.source = source, .program = program, .error = error, .errorSize = errorSize};
  if (!program) wrong(&parser, "out of memory");
  else if (copy_source(&parser) && measure(&parser) && allocate(&parser) && read_buffers(&parser) && read_arrays(&parser) &&
           read_instructions(&parser))
    return program;
  program_free(program);
  return NULL;
}

void program_free(Program *program) {
  if (!program) return;
  free(program->arrayBytes), free(program->operations), free(program->instructions), free(program->operands);
  free(program->code), free(program->numbers), free(program->buffers), free(program->operandBytes);
  free(program);
}

int program_run(const Program *program, const Kernels *kernels, void *const *arrays, char *arena, void **memory, double *times) {
  const Buffer *const *operands = program->operands;
  for (int i = 0; i < program->instructionCount; i++) {
    Instruction in = program->instructions[i];
    in.memory = memory;
    for (int k = 0; k < in.operandCount; k++) {
      const Buffer *buffer = operands[k];
      memory[k] = !buffer                          ? NULL
                  : buffer->kind == BUFFER_ARENA ? arena + buffer->place
                                                 : arrays[buffer->place + (buffer->kind == BUFFER_OUTPUT ? program->inputCount : 0)];
    }
    operands += in.operandCount;
    const double start = times ? clock_milliseconds() : 0;
    if (program->operations[i]->run(kernels, &in)) return i;
    if (times) times[2 * i] = start, times[2 * i + 1] = clock_milliseconds() - start;
  }
  return -1;
}
