"""Trains TinyUNet with both readings of the adaptive loss's rule: the curves in this package's README.

    pip install torch==2.15.0
    python benchmarks/readings.py --steps 300 --seeds 3 --out docs

PyTorch, so that what is measured is the rule and not this project's code. Same weights, pictures and order for both
readings of a seed; RMSProp as the recipe's (TensorFlow 1's, centered). Pictures are synthetic, 64x64: noise, one
ellipse that is brighter. Writes readings.json and readings.svg to --out and prints each point.
"""

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

SIDE, BATCH, TRAIN, TEST, EVERY = 64, 16, 32, 32, 10
READINGS = {"code": {"below": "dice", "above": "bce"}, "card": {"below": "bce", "above": "dice"}}


class TinyUNet(nn.Module):
    def __init__(self):
        super().__init__()
        conv = lambda cin, cout: nn.Conv2d(cin, cout, 3, padding=1)
        pair = lambda cin, a, b: nn.ModuleList([conv(cin, a), conv(a, b)])
        up = lambda cin, cout: nn.Conv2d(cin, cout, 2)
        self.down = nn.ModuleList([pair(1, 32, 32), pair(32, 32, 32), pair(32, 64, 64), pair(64, 128, 128)])
        self.bottleneck = pair(128, 256, 256)
        self.rise = nn.ModuleList([up(256, 128), up(64, 64), up(32, 32), up(16, 16)])
        self.up = nn.ModuleList([pair(256, 128, 64), pair(128, 64, 32), pair(64, 32, 16), pair(48, 32, 32)])
        self.head = nn.Conv2d(32, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # he_uniform
                limit = math.sqrt(6 / module.weight[0].numel())
                nn.init.uniform_(module.weight, -limit, limit)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        skips = []
        for a, b in self.down:
            x = F.relu(b(F.relu(a(x))))
            skips.append(x)
            x = F.max_pool2d(x, 2)
        for rise, (a, b) in zip(self.rise, [self.bottleneck, *self.up]):
            x = F.relu(b(F.relu(a(x))))
            x = F.relu(rise(F.pad(F.interpolate(x, scale_factor=2), (0, 1, 0, 1))))
            x = torch.cat([x, skips.pop()], 1)
        a, b = self.up[-1]
        return self.head(F.relu(b(F.relu(a(x)))))


class CenteredRMSProp:
    """TensorFlow 1's."""

    def __init__(self, parameters, rate=1e-4, decay=0.9, momentum=0.8, epsilon=1e-10):
        self.parameters, self.rate, self.decay, self.momentum, self.epsilon = list(parameters), rate, decay, momentum, epsilon
        self.slots = [(torch.ones_like(p), torch.zeros_like(p), torch.zeros_like(p)) for p in self.parameters]

    @torch.no_grad()
    def step(self, gradients):
        for p, g, (ms, mg, mom) in zip(self.parameters, gradients, self.slots):
            ms.add_((g * g - ms) * (1 - self.decay))
            mg.add_((g - mg) * (1 - self.decay))
            mom.mul_(self.momentum).add_(self.rate * g / torch.sqrt(ms - mg * mg + self.epsilon))
            p.sub_(mom)


def pictures(count, generator):
    """[n, 1, 64, 64] in about [-1, 1], and masks."""
    uniform = lambda low, high: low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    cx, cy, rx, ry = uniform(16, 48), uniform(16, 48), uniform(6, 12), uniform(4, 8)
    mask = (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1).float()
    image = 0.2 * torch.randn(count, 1, SIDE, SIDE, generator=generator) + uniform(0.4, 0.6) * mask
    return image, mask


def dice_loss(label, logits):
    p = torch.sigmoid(logits)
    return 1 - (2 * (p * label).sum() + 1) / (p.sum() + label.sum() + 1)


def adaptive(label, logits, below, above):
    dice = dice_loss(label, logits)
    branch = below if dice.item() < 0.3 else above
    return dice if branch == "dice" else F.binary_cross_entropy_with_logits(logits, label), branch


@torch.no_grad()
def measure(net, image, mask):
    """Unseen pictures: their mean dice at 0.5, their dice loss, and the share of pixels called defective."""
    logits = net(image)
    predicted = (logits > 0).float()
    sums = lambda t: t.sum((1, 2, 3))
    dice = (2 * sums(predicted * mask) + 1e-5) / (sums(predicted) + sums(mask) + 1e-5)
    return {"dice": dice.mean().item(), "dice_loss": dice_loss(mask, logits).item(), "predicted": predicted.mean().item()}


def train(reading, seed, steps):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net, (image, mask), test = TinyUNet(), pictures(TRAIN, generator), pictures(TEST, generator)
    optimizer, points = CenteredRMSProp(net.parameters()), []
    for step in range(steps + 1):
        if step % EVERY == 0:
            points.append({"step": step, **{k: float(f"{v:.4g}") for k, v in measure(net, *test).items()}})
            print(reading, seed, json.dumps(points[-1]), flush=True)
        batch = torch.randperm(TRAIN, generator=generator)[:BATCH]
        loss, _ = adaptive(mask[batch], net(image[batch]), **READINGS[reading])
        optimizer.step(torch.autograd.grad(loss, optimizer.parameters))
    return points


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    options = parser.parse_args()
    runs = [
        {"reading": reading, "seed": seed, "points": train(reading, seed, options.steps)}
        for seed in range(1, options.seeds + 1)
        for reading in READINGS
    ]
