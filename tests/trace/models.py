"""Compact versions of published networks, with the published sizes, and models that go wrong."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Bottleneck(nn.Module):
    """ResNet's block of three convolutions; the stride is on the 3x3 one."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width

        def conv(i: int, o: int, kernel: int, step: int = 1) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(i, o, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(o)
            )

        self.a, self.b = conv(inside, width, 1), conv(width, width, 3, stride)
        self.c = conv(width, out, 1)
        self.short = conv(inside, out, 1, stride) if stride > 1 or inside != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.b(functional.relu(self.a(x))))
        return functional.relu(self.c(y) + self.short(x))


def resnet50() -> nn.Module:
    """He et al. 2015: 25.557M parameters, 4.09 GMAC at 224 pixels (torchvision's v1.5)."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    inside = 64
    for width, depth in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(depth):
            layers.append(Bottleneck(inside, width, 2 if block == 0 and width > 64 else 1))
            inside = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


class Block(nn.Module):
    """Pre-norm transformer block with joint q, k, v: GPT-2's when causal, else ViT's."""

    def __init__(self, hidden: int, heads: int, causal: bool, by_hand: bool = False) -> None:
        super().__init__()
        self.heads, self.causal, self.by_hand = heads, causal, by_hand
        self.ln1, self.ln2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.up, self.down = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        b, s, h = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, s, 3, self.heads, h // self.heads).unbind(2)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        if self.by_hand:
            scores = q @ k.transpose(-1, -2) / (h // self.heads) ** 0.5
            if self.causal:
                mask = torch.ones(s, s, dtype=torch.bool, device=x.device).triu(1)
                scores = scores.masked_fill(mask, float("-inf"))
            y = functional.dropout(scores.softmax(-1), 0.1, self.training) @ v
        else:
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).reshape(b, s, h))
        return x + self.down(functional.gelu(self.up(self.ln2(x))))


class GPT2(nn.Module):
    """Radford et al. 2019: tied embeddings, learned positions; 124M parameters with 12 layers."""

    def __init__(self, layers: int = 12, hidden: int = 768, by_hand: bool = False) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(50257, hidden), nn.Embedding(1024, hidden)
        self.blocks = nn.ModuleList(
            Block(hidden, hidden // 64, True, by_hand) for _ in range(layers)
        )
        self.norm, self.head = nn.LayerNorm(hidden), nn.Linear(hidden, 50257, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def gpt2() -> nn.Module:
    return GPT2()


def gpt2_by_hand() -> nn.Module:
    return GPT2(by_hand=True)


def gpt2_block() -> nn.Module:
    return Block(768, 12, causal=True)


class ViT(nn.Module):
    """Dosovitskiy et al. 2020: B/16 has 86.6M parameters and 17.6 GMAC at 224 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 768, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, 768))
        self.position = nn.Parameter(torch.empty(1, 197, 768).normal_(std=0.02))
        # as timm and torchvision draw stochastic depth: values of a tensor read in the factory
        self.drop = [rate.item() for rate in torch.linspace(0, 0.1, 12)]
        self.blocks = nn.Sequential(*(Block(768, 12, causal=False) for _ in range(12)))
        self.norm, self.head = nn.LayerNorm(768), nn.Linear(768, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


def vit_b16() -> nn.Module:
    return ViT()


class RMSNorm(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class LlamaBlock(nn.Module):
    def __init__(self, hidden: int, heads: int, kv_heads: int, ffn: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.dim = heads, kv_heads, hidden // heads
        kv = kv_heads * self.dim
        self.q, self.k = nn.Linear(hidden, hidden, False), nn.Linear(hidden, kv, False)
        self.v, self.o = nn.Linear(hidden, kv, False), nn.Linear(hidden, hidden, False)
        self.gate, self.up = nn.Linear(hidden, ffn, False), nn.Linear(hidden, ffn, False)
        self.down = nn.Linear(ffn, hidden, False)
        self.norm1, self.norm2 = RMSNorm(hidden), RMSNorm(hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        b, s, h = x.shape
        y = self.norm1(x)
        q = self.q(y).view(b, s, self.heads, self.dim).transpose(1, 2)
        k, v = (
            part(y).view(b, s, self.kv_heads, self.dim).transpose(1, 2) for part in (self.k, self.v)
        )

        def rotate(t: Tensor) -> Tensor:
            first, second = t.chunk(2, -1)
            return t * cos + torch.cat([-second, first], -1) * sin

        q, k = rotate(q), rotate(k)
        # repeated as Hugging Face does: the kernel sees as many key heads as heads
        repeat = self.heads // self.kv_heads
        k, v = (t.repeat_interleave(repeat, 1) for t in (k, v))
        y = functional.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None)
        x = x + self.o(y.transpose(1, 2).reshape(b, s, h))
        y = self.norm2(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    """Grattafiori et al. 2024, table 3; returns a mapping, as Hugging Face models do."""

    def __init__(self, layers: int, hidden: int, heads: int, ffn: int, vocabulary: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, hidden)
        self.layers = nn.ModuleList(LlamaBlock(hidden, heads, 8, ffn) for _ in range(layers))
        self.norm, self.head = RMSNorm(hidden), nn.Linear(hidden, vocabulary, False)
        self.dim = hidden // heads

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> dict[str, Tensor]:
        x = self.embed(input_ids)
        place = torch.arange(x.shape[1], device=x.device, dtype=torch.float32)
        rate = 1.0 / 500000 ** (torch.arange(0, self.dim, 2, device=x.device) / self.dim)
        angle = torch.outer(place, rate).repeat(1, 2)
        mask = None
        if attention_mask is not None:
            seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
            mask = seen & attention_mask[:, None, None, :].bool()
        for layer in self.layers:
            x = layer(x, angle.cos().to(x.dtype), angle.sin().to(x.dtype), mask)
        return {"logits": self.head(self.norm(x)), "hidden": x}


def llama_8b() -> nn.Module:
    return Llama(32, 4096, 32, 14336, 128256).to(torch.bfloat16)


def llama_70b() -> nn.Module:
    return Llama(80, 8192, 64, 28672, 128256).to(device="cuda", dtype=torch.bfloat16)


class Bert(nn.Module):
    """Devlin et al. 2018, base: 110M parameters; torch's own encoder layer, tuple out."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(30522, 768), nn.Embedding(512, 768)
        self.types, self.norm = nn.Embedding(2, 768), nn.LayerNorm(768)
        layer = nn.TransformerEncoderLayer(768, 12, 3072, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
        self.pooler = nn.Linear(768, 768)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.norm(self.words(input_ids) + self.places(place) + self.types(token_type_ids))
        x = self.encoder(x)
        return x, torch.tanh(self.pooler(x[:, 0]))


def bert_base() -> nn.Module:
    return Bert()


class Denoiser(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Embedding(1000, 32)
        self.down, self.up = nn.Conv2d(4, 32, 3, padding=1), nn.Conv2d(32, 4, 3, padding=1)

    def forward(self, image: Tensor, *, step: Tensor) -> Tensor:
        return self.up(functional.silu(self.down(image) + self.time(step)[:, :, None, None]))


def denoiser() -> nn.Module:
    return Denoiser()


def lstm() -> nn.Module:
    return nn.LSTM(64, 128, batch_first=True)


class Constants(nn.Module):
    """Reads small constants, writes into them, and asks for devices that are not there."""

    def __init__(self) -> None:
        super().__init__()
        steps = torch.tensor([1, 2, 4])
        self.depth = int(steps.sum()) if bool((steps > 0).all()) else 0
        self.register_buffer("table", torch.arange(49, device="cuda").view(7, 7))
        self.layers = nn.Sequential(*(nn.Linear(8, 8) for _ in range(self.depth)))
        self.cuda()

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.zeros(8, device="cuda")
        mask[:4] = x[0, :4]
        if self.table[6, 6].item() != 48 or torch.nonzero(self.table > 40).shape[0] != 8:
            raise AssertionError("constants are not what they are")
        return self.layers(x.to("cuda")) * mask.to(x.device)


class Scored(nn.Module):
    """A classifier with a computed weight: a product before a softmax that is no attention."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1000, 512).normal_())

    def forward(self, x: Tensor) -> Tensor:
        return (x @ functional.normalize(self.weight).t()).softmax(-1)


def scored() -> nn.Module:
    return Scored()


def scripted() -> nn.Module:
    return torch.jit.script(nn.Sequential(nn.Linear(8, 8), nn.ReLU()))


def a_list() -> nn.Module:
    return nn.ModuleList([nn.Linear(8, 8)])


def constants() -> nn.Module:
    return Constants()


class Routed(nn.Module):
    """Sends tokens where their values say."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.router = how, nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        score = self.router(x)
        if self.how == "if" and score.sum() > 0:
            return x
        if self.how == "item":
            return x * float(score.max().item())
        if self.how == "mask":
            return x[score[..., 0] > 0]
        return torch.nonzero(score)


def branches() -> nn.Module:
    return Routed("if")


def reads() -> nn.Module:
    return Routed("item")


def masks() -> nn.Module:
    return Routed("mask")


def finds() -> nn.Module:
    return Routed("nonzero")


def needs_arguments(width: int) -> nn.Module:
    return nn.Linear(width, width)


def raises() -> nn.Module:
    raise RuntimeError("no weights\nin this folder")


def leaves() -> nn.Module:
    raise SystemExit(3)


def talks() -> nn.Module:
    print("loading ...")
    return nn.Linear(8, 8)


def returns_nothing() -> None:
    return None


def no_parameters() -> nn.Module:
    return nn.ReLU()


NUMBER = 5
READY = nn.Linear(8, 8)
