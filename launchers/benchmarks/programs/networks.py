"""The networks that benchmarks run, written out in plain torch.

``cnn``: 1.2 M parameters, of PyTorch's MNIST example. ``resnet50``: He et al. 2015, the variant
with the stride in the 3x3 convolution. Transformers: GPT-2's block (Radford et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Size:
    """A decoder-only transformer. ``name`` is that of the catalog's model shapes."""

    name: str
    layers: int
    hidden: int
    heads: int
    vocabulary: int
    context: int


# Published shapes, so that what is measured has a name that estimates know.
SIZES = {
    "gpt2": Size("GPT2-124M", 12, 768, 12, 50257, 1024),
    "gpt2-medium": Size("GPT2-355M", 24, 1024, 16, 50257, 1024),
    "gpt2-large": Size("GPT2-774M", 36, 1280, 20, 50257, 1024),
    "gpt2-xl": Size("GPT2-1.5B", 48, 1600, 25, 50257, 1024),
    # Too small to say anything about a machine: shows that a program runs there at all.
    "smoke": Size("smoke", 2, 64, 2, 256, 128),
}


def cnn(torch: Any) -> Any:
    nn = torch.nn
    features = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)]
    return nn.Sequential(*features, nn.Dropout(0.25), nn.Flatten(), *head)


def resnet50(torch: Any) -> Any:
    nn = torch.nn
    module: Any = nn.Module

    class Bottleneck(module):
        def __init__(self, channels: int, width: int, stride: int) -> None:
            super().__init__()
            out = 4 * width
            self.body = nn.Sequential(
                nn.Conv2d(channels, width, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.Conv2d(width, width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.Conv2d(width, out, 1, bias=False),
                nn.BatchNorm2d(out),
            )
            self.skip = (
                nn.Identity()
                if stride == 1 and channels == out
                else nn.Sequential(
                    nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
                )
            )
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: Any) -> Any:
            return self.relu(self.body(x) + self.skip(x))

    layers: list[Any] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(blocks):
            layers.append(Bottleneck(channels, width, stride if number == 0 else 1))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def transformer(torch: Any, size: Size, *, cached: bool = False) -> Any:
    """A language model; with ``cached`` its forward takes and returns keys and values.

    Called with tokens (batch, length) it returns logits of every position. Cached, it is called
    with tokens, the list of (keys, values) written so far and the position, and returns logits of
    the last position; keys and values have shape (batch, heads, context, head size).
    """
    nn, functional = torch.nn, torch.nn.functional
    module: Any = nn.Module

    class Block(module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(size.hidden), nn.LayerNorm(size.hidden)
            self.qkv = nn.Linear(size.hidden, 3 * size.hidden)
            self.out = nn.Linear(size.hidden, size.hidden)
            self.up = nn.Linear(size.hidden, 4 * size.hidden)
            self.down = nn.Linear(4 * size.hidden, size.hidden)

        def heads(self, x: Any) -> tuple[Any, Any, Any]:
            batch, length, _ = x.shape
            parts = self.qkv(self.first(x)).chunk(3, -1)
            shape = (batch, length, size.heads, size.hidden // size.heads)
            q, k, v = (part.reshape(shape).transpose(1, 2) for part in parts)
            return q, k, v

        def rest(self, x: Any, attended: Any) -> Any:
            batch, length, _ = x.shape
            x = x + self.out(attended.transpose(1, 2).reshape(batch, length, size.hidden))
            return x + self.down(functional.gelu(self.up(self.second(x))))

        def forward(self, x: Any) -> Any:
            q, k, v = self.heads(x)
            return self.rest(x, functional.scaled_dot_product_attention(q, k, v, is_causal=True))

        def step(self, x: Any, cache: tuple[Any, Any], at: int) -> Any:
            q, k, v = self.heads(x)
            keys, values = cache
            end = at + x.shape[1]
            keys[:, :, at:end], values[:, :, at:end] = k, v
            attended = functional.scaled_dot_product_attention(
                q, keys[:, :, :end], values[:, :, :end], is_causal=x.shape[1] > 1
            )
            return self.rest(x, attended)

    class Model(module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(size.vocabulary, size.hidden)
            self.places = nn.Embedding(size.context, size.hidden)
            self.blocks = nn.ModuleList(Block() for _ in range(size.layers))
            self.last = nn.LayerNorm(size.hidden)
            self.head = nn.Linear(size.hidden, size.vocabulary, bias=False)
            self.head.weight = self.words.weight

        def embed(self, tokens: Any, at: int) -> Any:
            places = torch.arange(at, at + tokens.shape[1], device=tokens.device)
            return self.words(tokens) + self.places(places)

        def forward(self, tokens: Any, cache: Any = None, at: int = 0) -> Any:
            x = self.embed(tokens, at)
            if cached:
                for block, part in zip(self.blocks, cache, strict=True):
                    x = block.step(x, part, at)
                return self.head(self.last(x[:, -1:]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.last(x))

    return Model()


def cache_of(torch: Any, size: Size, batch: int, length: int, device: Any, dtype: Any) -> Any:
    """Room for the keys and values of ``length`` tokens, a pair a layer."""
    shape = (batch, size.heads, length, size.hidden // size.heads)
    return [
        (
            torch.zeros(shape, device=device, dtype=dtype),
            torch.zeros(shape, device=device, dtype=dtype),
        )
        for _ in range(size.layers)
    ]
