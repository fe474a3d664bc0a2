#pragma once
#include "../isa.h"
#include "convolution.h"

// One block of 16 channels of a tensor, in all its images.
typedef struct {
  float *first; // the border's first pixel in image 0
  int64_t imageStride;
} Plane;

INLINE Plane plane_of(const float *tensor, BlockedShape s, int64_t block) {
  return (Plane){(float *)tensor + block * blocked_block_stride(s), blocked_image_stride(s)};
}

// One for each block of channels: of a tensor; of parts, whose channels need not be those of `s`. Returns what follows the last.
static inline Plane *list_planes(Plane *planes, const float *tensor, BlockedShape s) {
  for (int block = 0; block < blocked_blocks(s); block++) *planes++ = plane_of(tensor, s, block);
  return planes;
}

static inline Plane *list_parts(Plane *planes, const BlockedPart *parts, int count, BlockedShape s) {
  for (int i = 0; i < count; i++) {
    s.channels = parts[i].channels;
    planes = list_planes(planes, parts[i].data, s);
  }
  return planes;
}
