// For each operation an example that its check accepts, of random size: what the fuzzer runs, and breaks a little. Each is
// { params, numbers, inputs, outputs }, where inputs and outputs are bytes; 0 where an operand is left out.
const sum = (sizes) => sizes.reduce((result, size) => result + size, 0)
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

/** Bytes of a blocked tensor (native/kernels/blocked/layout.h). */
function blockedBytes(batch, height, width, channels) {
  const rounded = (size) => Math.ceil(size / 4) * 4 + 2
  return floats(batch, rounded(height), rounded(width), channels)
}

/** A tensor [batch, height, width, channels] that can be blocked; height and width are multiples of `step`. */
function image(random, step = 1) {
  const size = [random.int(1, 2), step * random.int(1, 9), step * random.int(1, 9)]
  const channels = 16 * random.int(1, 3)
  const [batch, height, width] = size
  return {
    size,
    channels,
    params: [...size, channels],
    dense: floats(...size, channels),
    withChannels: (count) => floats(...size, count),
    blocked: blockedBytes(...size, channels),
    doubled: (count) => blockedBytes(batch, 2 * height, 2 * width, count),
    half: blockedBytes(batch, Math.floor(height / 2), Math.floor(width / 2), channels),
    filter: (parts) => floats(9, sum(parts), channels),
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
  elementwise(random) {
    const count = random.int(1, 400)
    const element = random.times(random.int(1, 4), () => random.int(0, 2))
    const single = element.map(() => random.chance(0.3))
    const constants = random.times(random.int(0, 2), () => random.unit())
    const types = [...element, ...constants.map(() => 0)] // of each value: 0 float, 1 bool, 2 int32
    const of = (type) => random.pick(types.flatMap((own, i) => (own === type ? [i] : [])))
    const steps = random.times(random.int(0, 6), () => {
      const kinds = [
        ...(types.includes(0)
          ? [
              [0, 0, of(0), -1, 0],
              [1, random.int(0, 8), of(0), of(0), 0],
              [2, random.int(0, 5), of(0), of(0), 0],
            ]
          : []),
        ...(types.includes(0) && types.includes(1) ? [[3, 0, of(1), of(0), of(0)]] : []),
        ...(types.includes(1) ? [[4, 0, of(1), 0, 0]] : []),
        ...(types.includes(2) ? [[4, 0, of(2), 0, 0]] : []),
      ]
      const step = random.pick(kinds)
      types.push(step[0] === 2 ? 1 : 0)
      return step
    })
    const outputs = random.times(random.int(0, 2), () => random.int(0, types.length - 1))
    const reductions = types.includes(0) ? random.times(random.int(0, 2), () => [of(0), random.int(0, 3)]) : []
    const inputs = element.flatMap((type, i) => [type, single[i] ? 0 : 1])
    const params = [1, count, element.length, ...inputs, steps.length, ...steps.flat(), outputs.length, ...outputs]
    params.push(reductions.length, ...reductions.flat(), 0)
    const bytes = (type, size) => (type === 1 ? size : floats(size))
    return example(
      params,
      constants,
      element.map((type, i) => bytes(type, single[i] ? 1 : count)),
      [...outputs.map((value) => bytes(types[value], count)), ...reductions.map(() => 4)],
    )
  },
  rmsprop(random) {
    const sizes = random.times(random.int(1, 3), () => floats(random.int(1, 300)))
    const one = () => random.pick([0, 4])
    const inputs = sizes.flatMap((bytes) => [bytes, bytes, bytes, bytes, bytes])
    const outputs = sizes.flatMap((bytes) => [bytes, bytes, bytes, bytes])
    return example([], [0.9, 0.9, 1e-3], [4, random.int(0, 1), one(), one(), ...inputs], outputs)
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

  to_blocked(random) {
    const { params, dense, blocked } = image(random)
    return example(params, [], [dense], [blocked])
  },
  to_dense(random) {
    const { params, dense, blocked } = image(random)
    return example(params, [], [blocked], [dense])
  },
  image_convolution(random) {
    const { params, blocked, channels, withChannels } = image(random)
    const depth = random.int(1, 4)
    const bias = random.pick([0, floats(channels)])
    const activation = random.pick([0, 1, 2, 4])
    return example(
      [...params, depth, activation],
      [0.2],
      [withChannels(depth), floats(9, depth, channels), bias],
      [blocked],
    )
  },
  image_filter_gradient(random) {
    const { params, blocked, channels, withChannels } = image(random)
    const depth = random.int(1, 4)
    const outputs = [floats(9, depth, channels), random.pick([0, floats(channels)])]
    return example([...params, depth], [], [withChannels(depth), blocked], outputs)
  },
  head(random) {
    const { params, blocked, channels, withChannels } = image(random)
    const out = random.int(1, 16)
    const inputs = [blocked, floats(channels, out), random.pick([0, floats(out)])]
    return example([...params, out], [], inputs, [withChannels(out)])
  },
  head_gradient(random) {
    const { params, blocked, channels, withChannels } = image(random)
    const out = random.int(1, 16)
    const weights = floats(channels, out)
    const outputs = [random.pick([0, blocked]), random.pick([0, weights]), random.pick([0, floats(out)])]
    return example([...params, out, random.int(0, 1)], [], [blocked, withChannels(out), weights], outputs)
  },
  blocked_max_pool(random) {
    const { params, blocked, half } = image(random, 2)
    return example(params, [], [blocked], [half])
  },
  blocked_max_pool_gradient(random) {
    const { params, blocked, half } = image(random, 2)
    return example([...params, random.int(0, 1)], [], [blocked, half, random.pick([0, blocked])], [blocked])
  },
  blocked_convolution(random) {
    const { size, blocked, channels, half, filter } = image(random)
    const parts = random.times(random.int(1, 2), () => 16 * random.int(1, 3))
    const inputs = [
      filter(parts),
      random.pick([0, floats(channels)]),
      ...parts.map((part) => blockedBytes(...size, part)),
    ]
    const fields = [...size, random.pick([0, 1, 2, 4]), random.int(0, 1), channels, ...parts]
    return example(fields, [0.2], inputs, [blocked, size[1] > 1 && size[2] > 1 ? random.pick([0, half]) : 0])
  },
  blocked_convolution_input_gradient(random) {
    const { size, blocked, channels } = image(random)
    const parts = random.times(random.int(1, 2), () => 16 * random.int(1, 3))
    const bytes = parts.map((part) => blockedBytes(...size, part))
    const filter = floats(9, sum(parts), channels)
    const masks = bytes.map((part) => random.pick([0, part]))
    return example([...size, random.int(0, 1), channels, ...parts], [], [blocked, filter, ...masks], bytes)
  },
  blocked_filter_gradient(random) {
    const { size, channels } = image(random)
    const upsampled = random.int(0, 1)
    const [batch, height, width] = size
    const parts = random.times(random.int(1, 2), () => 16 * random.int(1, 2))
    const dy = blockedBytes(batch, height << upsampled, width << upsampled, channels)
    const filter = floats(upsampled ? 4 : 9, sum(parts), channels)
    const inputs = [dy, ...parts.map((part) => blockedBytes(...size, part))]
    const params = [...size, upsampled, random.int(0, 1), channels, ...parts]
    return example(params, [], inputs, [filter, random.pick([0, floats(channels)])])
  },
  upsampled_convolution(random) {
    const { params, blocked, channels, doubled } = image(random)
    const out = 16 * random.int(1, 3)
    const inputs = [blocked, floats(4, channels, out), random.pick([0, floats(out)])]
    return example([...params, out, random.pick([0, 1, 2, 4])], [0.2], inputs, [doubled(out)])
  },
  upsampled_input_gradient(random) {
    const { params, blocked, channels, doubled } = image(random)
    const out = 16 * random.int(1, 3)
    const inputs = [doubled(out), floats(4, channels, out), random.pick([0, blocked])]
    return example([...params, out], [], inputs, [blocked])
  },
}
