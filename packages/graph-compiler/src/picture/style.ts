import type { Kind } from '../operations/operation'

/** Operations of the way back. */
export const GRADIENT = /Grad|Backprop/

/** Hue of each kind, in degrees; greys have none. */
export const HUES: Record<Kind, number | undefined> = {
  input: undefined,
  constant: undefined,
  view: undefined,
  convolution: 215,
  matmul: 235,
  pool: 185,
  resize: 165,
  elementwise: 42,
  reduction: 22,
  array: 275,
  optimizer: 130,
  layout: 335,
}

const colours = (lightness: number, saturation: number) =>
  Object.entries(HUES)
    .map(([kind, hue]) => {
      const tone = (light: number) =>
        hue === undefined ? `hsl(0 0% ${light}%)` : `hsl(${hue} ${saturation}% ${light}%)`
      return `.${kind}{--fill:${tone(lightness)};--line:${tone(50)}}.gradient.${kind}{--fill:${tone(lightness - 7)}}`
    })
    .join('')

export const styleSheet = `
svg{font:10px ui-sans-serif,system-ui,sans-serif;--text:#1b1f24;--soft:#667080;--wire:#9aa5b3;background:#fff}
${colours(94, 75)}
.body{fill:var(--fill);stroke:var(--line);stroke-opacity:.55}
.stripe,.bar,.output{fill:var(--line)}
.gradient .body{stroke-dasharray:4 2}
text{fill:var(--text);pointer-events:none}
.op{font-weight:600;font-size:12px}
.remark,.reads,.shape{fill:var(--soft)}
.time{text-anchor:end;font-weight:600;font-size:11px}
.shape{font-size:9px;paint-order:stroke;stroke:#fff;stroke-width:3px}
.link{fill:none;stroke:var(--wire);stroke-width:1.3}
.far{stroke-opacity:.7}
.link{marker-end:url(#tip)}
marker path{fill:var(--wire)}
.box:hover .body,.box:focus .body,.box.lit .body{stroke-opacity:1;stroke-width:2}
.box:focus{outline:none}
.link:hover,.link.on{stroke:#d6336c;stroke-opacity:1;stroke-width:2.2}
`
