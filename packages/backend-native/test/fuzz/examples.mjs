// For each operation an example that its check accepts, of random size: what the fuzzer runs, and breaks a little. Each is
// { params, numbers, inputs, outputs }, where inputs and outputs are bytes; 0 where an operand is left out.
const product = (sizes) => sizes.reduce((result, size) => result * size, 1)
const floats = (...sizes) => 4 * product(sizes)
const example = (params, numbers, inputs, outputs) => ({ params, numbers, inputs, outputs })

/** Sizes, then two lists of strides: a's, some of them 0, and b's, which is dense. */
function walk(random) {
  const sizes = random.times(random.int(1, 4), () => random.int(1, 6))
  const dense = sizes.map((_, i) => product(sizes.slice(i + 1)))
  const a = dense.map((stride) => (random.chance(0.3) ? 0 : stride))
  return { sizes, params: [...sizes, ...a, ...dense], count: product(sizes) }
}

/** Fields of Conv2DShape, or of PoolShape where it has no channels of its own for y. */
function windows(random, channels, outChannels) {
  const [batch, filterHeight, filterWidth] = [random.int(1, 2), random.int(1, 4), random.int(1, 4)]
  const [strideHeight, strideWidth, dilationHeight, dilationWidth] = random.times(4, () => random.int(1, 2))
  const [padTop, padLeft] = [random.int(0, 2), random.int(0, 2)]
  const [inHeight, inWidth, outHeight, outWidth] = random.times(4, () => random.int(1, 9))
  const y = outChannels === undefined ? [] : [outChannels]
  return {
    params: [
      ...[batch, inHeight, inWidth, ...(outChannels === undefined ? [] : [channels]), outHeight, outWidth],
      ...[...(outChannels === undefined ? [channels] : y), filterHeight, filterWidth, strideHeight, strideWidth],
      ...[dilationHeight, dilationWidth, padTop, padLeft],
    ],
    x: floats(batch, inHeight, inWidth, channels),
    y: floats(batch, outHeight, outWidth, outChannels ?? channels),
    filter: floats(filterHeight, filterWidth, channels, outChannels ?? 0),
  }
}
const convolution = (random) => windows(random, random.int(1, 40), random.int(1, 40))
const pool = (random) => windows(random, random.int(1, 40))

function resize(random) {
  const [batch, inHeight, inWidth, outHeight, outWidth, channels] = random.times(6, () => random.int(1, 6))
  return {
    params: [batch, inHeight, inWidth, outHeight, outWidth, channels, random.int(0, 1), random.int(0, 1)],
    x: floats(batch, inHeight, inWidth, channels),
    y: floats(batch, outHeight, outWidth, channels),
  }
}

export const examples = {
  unary(random) {
    const count = random.int(1, 500)
    return example([random.int(0, 17)], [random.unit()], [floats(count)], [floats(count)])
  },
  binary(random) {
    const { params, count } = walk(random)
    return example([random.int(0, 8), ...params], [], [floats(count), floats(count)], [floats(count)])
  },
  compare(random) {
    const { params, count } = walk(random)
    return example([random.int(0, 5), ...params], [], [floats(count), floats(count)], [count])
  },
  select(random) {
    const count = random.int(1, 500)
    const some = () => random.pick([1, count])
    return example([], [], [some(), floats(some()), floats(some())], [floats(count)])
  },
  fill: (random) => example([], [random.unit()], [], [floats(random.int(1, 500))]),
  cast_uint8(random) {
    const count = random.int(1, 500)
    return example([], [], [count], [floats(count)])
  },
  cast_int32(random) {
    const count = random.int(1, 500)
    return example([], [], [floats(count)], [floats(count)])
  },
  add_n(random) {
    const count = random.int(1, 500)
    return example(
      [],
      [],
      random.times(random.int(1, 5), () => floats(count)),
      [floats(count)],
    )
  },
  reduce(random) {
    const [outer, reduced, inner] = random.times(3, () => random.pick([1, 3, random.int(1, 40)]))
    return example(
      [random.int(0, 3), outer, reduced, inner],
      [],
      [floats(outer, reduced, inner)],
      [floats(outer, inner)],
    )
  },
  copy(random) {
    const { params, count } = walk(random)
    const [x, y] = [random.int(0, 3), random.int(0, 3)]
    return example([x, y, ...params], [], [floats(count + x)], [floats(count + y)])
  },
  mat_mul(random) {
    const [batch, m, k, n] = [random.int(1, 3), ...random.times(3, () => random.int(1, 40))]
    const flags = random.times(4, () => random.int(0, 1))
    const [a, b] = [floats(flags[2] ? 1 : batch, m, k), floats(flags[3] ? 1 : batch, k, n)]
    return example([batch, m, k, n, ...flags], [], [a, b], [floats(batch, m, n)])
  },
  rmsprop(random) {
    const bytes = floats(random.int(1, 500))
    const state = [bytes, bytes, bytes, bytes]
    return example([], [0.9, 0.9, 1e-3], [...state, bytes, floats(1), 1], state)
  },
  conv2d(random) {
    const { params, x, y, filter } = convolution(random)
    const bias = random.chance(0.5) ? floats(params[6]) : 0
    return example([...params, random.int(0, 5)], [0.2], [x, filter, bias], [y])
  },
  conv2d_backprop_input(random) {
    const { params, x, y, filter } = convolution(random)
    return example(params, [], [y, filter], [x])
  },
  conv2d_backprop_filter(random) {
    const { params, x, y, filter } = convolution(random)
    return example(params, [], [x, y], [filter])
  },
  max_pool(random) {
    const { params, x, y } = pool(random)
    return example(params, [], [x], [y])
  },
  max_pool_grad(random) {
    const { params, x, y } = pool(random)
    return example(params, [], [x, y, y], [x])
  },
  resize_nearest(random) {
    const { params, x, y } = resize(random)
    return example(params, [], [x], [y])
  },
  resize_nearest_grad(random) {
    const { params, x, y } = resize(random)
    return example(params, [], [y], [x])
  },
}
