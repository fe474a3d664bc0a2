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

// One for each block of input channels.
static inline void list_planes(const BlockedConvolution *c, Plane *plane) {
  for (int i = 0; i < c->partCount; i++) {
    const BlockedShape shape = {c->batch, c->height, c->width, c->parts[i].channels};
    for (int64_t block = 0; block < blocked_blocks(shape); block++) *plane++ = plane_of(c->parts[i].data, shape, block);
  }
}
