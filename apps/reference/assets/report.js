// The report's charts. Runs in the page after uPlot, on the data in #report-data; no other file is needed.
;(() => {
  const { train, evaluations, thresholds } = JSON.parse(document.getElementById('report-data').textContent)
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const column = (name) => train.map((line) => line[name])
  const steps = column('step')

  /** Means over two percent of the run to either side, so that a trend shows through noise. */
  const smooth = (values) => {
    const reach = Math.ceil(values.length / 50)
    return values.map((_, i) => {
      const near = values.slice(Math.max(i - reach, 0), i + reach + 1)
      return near.reduce((sum, value) => sum + value, 0) / near.length
    })
  }

  /** Fills the background where the adaptive loss took its dice branch. */
  const shadeDice = {
    hooks: {
      drawClear: (plot) => {
        const { ctx, bbox } = plot
        const x = (i) => plot.valToPos(steps[i], 'x', true)
        ctx.save()
        ctx.fillStyle = colour('--shade')
        for (let i = 0; i < train.length; i++) {
          if (train[i].branch !== 'dice') continue
          const left = x(Math.max(i - 1, 0))
          ctx.fillRect(left, bbox.top, x(i) - left, bbox.height)
        }
        ctx.restore()
      },
    },
  }

  const allPositive = (series) => series.every(({ values }) => values.every((value) => value == null || value > 0))
  const tidy = (value) =>
    value == null ? '–' : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))

  /** What uPlot needs to know of one chart. Series: { label, values, colour: 1 to 4, thin, points, stepped }. */
  const charts = {
    loss: {
      title: 'loss',
      log: 10,
      series: [
        { label: 'loss', values: column('loss'), colour: 1, thin: true },
        { label: 'smoothed', values: smooth(column('loss')), colour: 1 },
      ],
    },
    dice: {
      title: 'dice coefficient',
      series: [
        { label: 'training batch', values: column('dice'), colour: 2, thin: true },
        { label: 'smoothed', values: smooth(column('dice')), colour: 2 },
        { label: 'test, defective', values: atSteps('diceDefective'), colour: 3, points: true },
      ],
    },
    learningRate: {
      title: 'learning rate',
      series: [{ label: 'learning rate', values: column('learningRate'), colour: 4, stepped: true }],
    },
    lossScale: {
      title: 'loss scale',
      log: 2,
      series: [{ label: 'loss scale', values: column('lossScale'), colour: 1, stepped: true }],
    },
    imagesPerSecond: {
      title: 'images a second',
      series: [{ label: 'images/s', values: column('imagesPerSecond'), colour: 3, thin: true }],
    },
    thresholds: {
      title: 'quality by threshold',
      x: thresholds.map(({ threshold }) => threshold),
      xLabel: 'threshold',
      series: ['dice', 'iou', 'diceDefective', 'iouDefective'].map((name, i) => ({
        label: ['dice, all', 'IoU, all', 'dice, defective', 'IoU, defective'][i],
        values: thresholds.map((at) => at[name]),
        colour: i + 1,
        points: true,
        joined: true,
      })),
    },
  }

  /** Evaluations happen between the lines of training: each goes to the nearest line at or before it. */
  function atSteps(name) {
    const values = steps.map(() => null)
    for (const evaluation of evaluations) {
      const i = steps.findLastIndex((step) => step <= evaluation.step)
      if (i >= 0) values[i] = evaluation[name]
    }
    return values
  }

  function draw(host) {
    const { title, series, log, x = steps, xLabel = 'step' } = charts[host.dataset.chart]
    const axis = { stroke: colour('--faint'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } }
    const logarithmic = log && allPositive(series)
    const options = {
      width: host.clientWidth,
      height: 240,
      cursor: x === steps ? { sync: { key: 'steps' } } : {},
      plugins: x === steps ? [shadeDice] : [],
      scales: { x: { time: false }, y: logarithmic ? { distr: 3, log } : {} },
      axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => (tick == null ? '' : tidy(tick))) }],
      series: [
        { label: xLabel },
        ...series.map(({ label, colour: number, thin, points, joined, stepped }) => ({
          label,
          stroke: colour(`--series-${number}`),
          alpha: thin && series.length > 1 ? 0.35 : 1,
          width: thin ? 1 : 2,
          points: { show: !!points, size: 7, fill: colour('--paper') },
          paths: points && !joined ? () => null : stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
          value: (_, value) => tidy(value),
        })),
      ],
    }
    host.replaceChildren(Object.assign(document.createElement('h3'), { textContent: title }))
    return new uPlot(options, [x, ...series.map(({ values }) => values)], host)
  }

  for (const host of document.querySelectorAll('[data-chart]')) {
    let plot = draw(host)
    new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: 240 })).observe(host)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      plot.destroy()
      plot = draw(host)
    })
  }
})()
