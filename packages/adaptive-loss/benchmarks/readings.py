"""Trains a small UNet with both readings of the adaptive loss's rule: the curves of this package's README.

    pip install torch==2.15.0
    python benchmarks/readings.py --seeds 6 --out docs      # five minutes on one core

In PyTorch, so that what is measured is the rule and not this project's code. The net is TinyUNet with a quarter of its
filters; the pictures are 32x32, striped, with an ellipse whose stripes run the other way. Both readings of a seed start
from the same weights and see the same pictures in the same order. RMSProp is the recipe's (TensorFlow 1's, centered)
at three learning rates. Writes readings.json and readings.svg.
"""

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

SIDE, BATCH, TRAIN, TEST = 32, 16, 79, 32
STEPS, EVERY, THRESHOLD, RATES = 300, 10, 0.3, (1e-3, 2e-3, 4e-3)
READINGS = {"code": {"below": "dice", "above": "bce"}, "card": {"below": "bce", "above": "dice"}}


class SmallUNet(nn.Module):
    def __init__(self):
        super().__init__()
        pair = lambda cin, a, b: nn.ModuleList([nn.Conv2d(cin, a, 3, padding=1), nn.Conv2d(a, b, 3, padding=1)])
        self.down = nn.ModuleList([pair(1, 8, 8), pair(8, 8, 8), pair(8, 16, 16), pair(16, 32, 32)])
        self.up = nn.ModuleList([pair(32, 64, 64), pair(64, 32, 16), pair(32, 16, 8), pair(16, 8, 4)])
        self.rise = nn.ModuleList([nn.Conv2d(a, b, 2) for a, b in [(64, 32), (16, 16), (8, 8), (4, 4)]])
        self.output = pair(12, 8, 8)
        self.head = nn.Conv2d(8, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # he_uniform
                limit = math.sqrt(6 / module.weight[0].numel())
                nn.init.uniform_(module.weight, -limit, limit)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        twice = lambda block, x: F.relu(block[1](F.relu(block[0](x))))
        skips = []
        for block in self.down:
            x = twice(block, x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        for block, rise in zip(self.up, self.rise):
            x = F.relu(rise(F.pad(F.interpolate(twice(block, x), scale_factor=2), (0, 1, 0, 1))))
            x = torch.cat([x, skips.pop()], 1)
        return self.head(twice(self.output, x))


class CenteredRMSProp:
    """TensorFlow 1's."""

    def __init__(self, parameters, rate, decay=0.9, momentum=0.8, epsilon=1e-10):
        self.parameters = list(parameters)
        self.rate, self.decay, self.momentum, self.epsilon = rate, decay, momentum, epsilon
        self.slots = [(torch.ones_like(p), torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]

    @torch.no_grad()
    def step(self, gradients):
        for p, g, (ms, mg, mom) in zip(self.parameters, gradients, self.slots):
            ms.add_((g * g - ms) * (1 - self.decay))
            mg.add_((g - mg) * (1 - self.decay))
            mom.mul_(self.momentum).add_(self.rate * g / torch.sqrt(ms - mg * mg + self.epsilon))
            p.sub_(mom)


def pictures(count, generator):
    """[n, 1, 32, 32] in about [-1, 1], and masks."""
    uniform = lambda low, high: low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    cx, cy, rx, ry = uniform(6, 26), uniform(6, 26), uniform(3, 6), uniform(2, 4)
    mask = (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1).float()
    stripes = lambda along: torch.sin(2 * math.pi * along / 5 + uniform(0, 6))
    noise = torch.randn(count, 1, SIDE, SIDE, generator=generator)
    return 0.4 * torch.where(mask > 0, stripes(y), stripes(x)) + 0.3 * noise, mask


def dice_loss(label, logits):
    p = torch.sigmoid(logits)
    return 1 - (2 * (p * label).sum() + 1) / (p.sum() + label.sum() + 1)


def adaptive(label, logits, below, above):
    dice = dice_loss(label, logits)
    branch = below if dice < THRESHOLD else above
    return dice if branch == "dice" else F.binary_cross_entropy_with_logits(logits, label)


@torch.no_grad()
def measure(net, image, mask):
    """On unseen pictures: mean dice of a picture at 0.5, dice loss, share of the pixels called defective."""
    logits = net(image)
    predicted = (logits > 0).float()
    sums = lambda t: t.sum((1, 2, 3))
    dice = (2 * sums(predicted * mask) + 1e-5) / (sums(predicted) + sums(mask) + 1e-5)
    return {"dice": dice.mean().item(), "diceLoss": dice_loss(mask, logits).item(), "predicted": predicted.mean().item()}


def train(reading, rate, seed):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net, (image, mask), test = SmallUNet(), pictures(TRAIN, generator), pictures(TEST, generator)
    optimizer, curves = CenteredRMSProp(net.parameters(), rate), {"dice": [], "diceLoss": [], "predicted": []}
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            for key, value in measure(net, *test).items():
                curves[key].append(float(f"{value:.3g}"))
        batch = torch.randperm(TRAIN, generator=generator)[:BATCH]
        loss = adaptive(mask[batch], net(image[batch]), **READINGS[reading])
        optimizer.step(torch.autograd.grad(loss, optimizer.parameters))
    print(f"{reading} rate {rate} seed {seed}: dice {curves['dice'][-1]}, dice loss {curves['diceLoss'][-1]}", flush=True)
    return {"reading": reading, "rate": rate, "seed": seed, **curves}


COLOUR = {"code": "#1a7f37", "card": "#cf222e"}
NAME = {"code": "below: dice, above: bce (the code)", "card": "below: bce, above: dice (the card)"}
WIDTH, HEIGHT, LEFT, TOP = 230, 200, 40, 50  # of one panel; its place


def text(x, y, content, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{content}</text>'


def panel(runs, rate, left):
    """Dice by step at one learning rate, a line a run."""
    x = lambda step: left + (WIDTH - 20) * step / STEPS
    y = lambda dice: TOP + HEIGHT * (1 - dice)
    parts = [text(left, TOP - 8, f"learning rate {rate:g}")]
    for dice in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path d="M{left} {y(dice):.0f}h{WIDTH - 20}" stroke="#ddd"/>')
    parts += [text(x(step), TOP + HEIGHT + 16, step, 'text-anchor="middle"') for step in range(0, STEPS + 1, 100)]
    for run in runs:
        points = " ".join(f"{x(EVERY * i):.0f},{y(dice):.0f}" for i, dice in enumerate(run["dice"]))
        style = f'fill="none" stroke="{COLOUR[run["reading"]]}" stroke-width="1.5" opacity="0.7"'
        parts.append(f'<polyline points="{points}" {style}/>')
    return parts


def svg(runs):
    width, height = LEFT + WIDTH * len(RATES), TOP + HEIGHT + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        "<title>Dice on unseen pictures by training step, one line a run</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        text(width / 2, height - 6, "step", 'text-anchor="middle"'),
    ]
    parts += [text(LEFT - 6, TOP + HEIGHT * (1 - dice) + 4, dice, 'text-anchor="end"') for dice in (0, 0.25, 0.5, 0.75, 1)]
    parts += [text(LEFT + 300 * i, 18, NAME[key], f'fill="{COLOUR[key]}"') for i, key in enumerate(READINGS)]
    for i, rate in enumerate(RATES):
        parts += panel([run for run in runs if run["rate"] == rate], rate, LEFT + WIDTH * i)
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    options = parser.parse_args()
    torch.set_num_threads(1)  # the same sums, whatever the machine
    seeds = range(1, options.seeds + 1)
    runs = [train(reading, rate, seed) for rate in RATES for seed in seeds for reading in READINGS]
    options.out.mkdir(parents=True, exist_ok=True)
    listed = ",\n  ".join(json.dumps(run) for run in runs)
    (options.out / "readings.json").write_text(f'{{"torch": "{torch.__version__}", "every": {EVERY}, "runs": [\n  {listed}\n]}}\n')
    (options.out / "readings.svg").write_text(svg(runs))
