import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeReport } from '../../src/report/html'
import { html } from '../../src/report/markup'
import { makeRun } from './made-run'

const room = mkdtempSync(join(tmpdir(), 'unet-report-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))
const hostile = '"><img src=x onerror="window.attacked=1"></script><script>window.attacked=1</script>&'

test('everything put into HTML is escaped, except HTML', () => {
  expect(html`<p title="${'"'}">${'<&>'}${html`<b>${"'"}</b>`}${[1, html`<i></i>`]}${undefined}${false}</p>`.text).toBe(
    '<p title="&quot;">&lt;&amp;&gt;<b>&#39;</b>1<i></i></p>',
  )
})

test('a run of which nothing is there yet has a report', async () => {
  const path = join(room, 'empty')
  mkdirSync(path)
  const report = readFileSync(await writeReport(path), 'utf8')
  expect(report).toContain('No step was recorded yet')
  expect(report).toContain('Not evaluated yet')
})

test('half a last line, as a killed run leaves, is passed over; a damaged file is named', async () => {
  const path = join(room, 'killed')
  makeRun(path)
  writeFileSync(join(path, 'metrics.jsonl'), '{"type":"tra', { flag: 'a' })
  await writeReport(path)
  writeFileSync(join(path, 'eval.json'), '{')
  await expect(writeReport(path)).rejects.toThrow(/eval\.json is not JSON/)
})

test('a DAGM class stands beside its published result', async () => {
  const path = join(room, 'dagm')
  makeRun(path)
  const evaluation = JSON.parse(readFileSync(join(path, 'eval.json'), 'utf8'))
  evaluation.data = { datasetName: 'DAGM2007', classId: 7, imageSize: 512 }
  writeFileSync(join(path, 'eval.json'), JSON.stringify(evaluation))
  const row = /<tr class="published">.*?<\/tr>/s.exec(readFileSync(await writeReport(path), 'utf8'))![0]
  expect(
    row
      .replaceAll(/<[^>]*>|\s+/g, ' ')
      .trim()
      .split(/\s+/),
  ).toEqual(['published', '0.980', '100.00', '99.58'])
})

const executablePath = [
  process.env.CHROMIUM_PATH ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
].find((path) => existsSync(path))
const reason = executablePath ? '' : ' (skipped: no Chromium or Chrome here; install one, or set CHROMIUM_PATH)'

describe.skipIf(!executablePath)(`the report in Chromium${reason}`, () => {
  let browser: Browser
  let report: string
  beforeAll(async () => {
    const path = join(room, 'made')
    makeRun(path, hostile)
    report = await writeReport(path)
    const args = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ]
    browser = await chromium.launch({ executablePath: executablePath!, args })
  })
  afterAll(() => browser?.close())

  test.each([
    ['light', 1200],
    ['dark', 380],
  ] as const)(
    'draws its charts and pictures without error or network (%s, %i pixels wide)',
    async (colorScheme, width) => {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } })
      const problems: string[] = []
      page.on('console', (message) => problems.push(message.text()))
      page.on('pageerror', (error) => problems.push(error.message))
      page.on('request', (request) => /^(file|data):/.test(request.url()) || problems.push(request.url()))
      await page.goto(pathToFileURL(report).href)

      // How many colours each canvas shows: an empty one has a single one.
      const ink = await page.evaluate<number[]>(`[...document.querySelectorAll('[data-chart] canvas')].map((canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
        return new Set(new Uint32Array(data.buffer)).size
      })`)
      expect(ink).toHaveLength(6)
      for (const colours of ink) expect(colours).toBeGreaterThan(10)

      const pictures = await page.evaluate('[...document.images].map((image) => image.complete && image.naturalWidth)')
      expect(pictures).toEqual(Array(16).fill(64))
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor')
      expect(background).toBe(colorScheme === 'dark' ? 'rgb(22, 24, 27)' : 'rgb(255, 255, 255)')
      expect(await page.evaluate("'attacked' in window")).toBe(false)
      expect(problems).toEqual([])
      await page.close()
    },
  )
})
