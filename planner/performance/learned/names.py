"""What a network's name says when the row leaves a cell empty.

GMACs (1e9 multiply-accumulates of one sample's forward pass) and parameters (1e9) below are
architecture facts from the papers and reference implementations, at the resolution named.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache

from catalog.records import dataclass

NAN = math.nan


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """A non-LLM network: GMACs at ``image`` pixels (NaN where resolution does not apply)."""

    model_class: str
    params: float
    gmacs: float
    image: float


# First match wins. MLPerf's 3D-UNet slides over a volume: its figure is the mean KiTS19 case.
_NAMED: tuple[tuple[str, NamedNetwork], ...] = (
    (r"3d-?unet-kits", NamedNetwork("cnn", 0.031, 30000.0, NAN)),
    (r"3d-?unet", NamedNetwork("cnn", 0.031, 250.0, NAN)),
    (r"rnn-?t\b|rnnt", NamedNetwork("asr", 0.049, 15.0, NAN)),
    (r"whisper-tiny", NamedNetwork("asr", 0.039, 16.0, NAN)),
    (r"whisper-base", NamedNetwork("asr", 0.074, 38.0, NAN)),
    (r"whisper-small", NamedNetwork("asr", 0.244, 165.0, NAN)),
    (r"whisper-medium", NamedNetwork("asr", 0.769, 570.0, NAN)),
    (r"whisper-large", NamedNetwork("asr", 1.55, 1150.0, NAN)),
    (r"mask-?rcnn", NamedNetwork("detection", 0.044, 260.0, 800.0)),
    (r"retinanet", NamedNetwork("detection", 0.0379, 146.0, 800.0)),
    (r"ssd1200|ssd-large|ssd-resnet34", NamedNetwork("detection", 0.0366, 216.5, 1200.0)),
    (r"ssd300-resnet34", NamedNetwork("detection", 0.0268, 27.0, 300.0)),
    (r"ssd300|ssd-?resnet50|^ssd\b", NamedNetwork("detection", 0.0229, 17.5, 300.0)),
    (r"ssd-?mobilenet", NamedNetwork("detection", 0.0068, 1.24, 300.0)),
    (r"unet-?512|^unet", NamedNetwork("cnn", 0.031, 160.0, 512.0)),
    (r"sdxl|stable-diffusion-xl", NamedNetwork("diffusion", 2.57, 120000.0, 1024.0)),
    (r"stable-diffusion|^sd-?[12]", NamedNetwork("diffusion", 0.866, 340.0, 512.0)),
    (r"flux", NamedNetwork("diffusion", 11.9, 6200.0, 256.0)),
    (r"wan-?2", NamedNetwork("diffusion", 14.0, 400000.0, NAN)),
    (r"bert-?base|distilbert", NamedNetwork("bert", 0.11, NAN, NAN)),
    (r"bert|electra|roberta", NamedNetwork("bert", 0.336, NAN, NAN)),
    (r"gnmt|transformer-?big|^t5\b", NamedNetwork("seq2seq", 0.16, NAN, NAN)),
    (r"transformerxl-base|txl-base", NamedNetwork("llm", 0.192, NAN, NAN)),
    (r"transformerxl|txl", NamedNetwork("llm", 0.257, NAN, NAN)),
    (r"resnet-?18$", NamedNetwork("cnn", 0.0117, 1.82, 224.0)),
    (r"resnet-?34$", NamedNetwork("cnn", 0.0218, 3.67, 224.0)),
    (r"resnet-?50", NamedNetwork("cnn", 0.02556, 4.11, 224.0)),
    (r"resnet-?101", NamedNetwork("cnn", 0.04455, 7.83, 224.0)),
    (r"resnet-?152", NamedNetwork("cnn", 0.06019, 11.56, 224.0)),
    (r"vgg-?16", NamedNetwork("cnn", 0.13836, 15.47, 224.0)),
    (r"vgg-?19", NamedNetwork("cnn", 0.1437, 19.6, 224.0)),
    (r"inception_?v3", NamedNetwork("cnn", 0.0238, 5.73, 299.0)),
    (r"inception_?v4", NamedNetwork("cnn", 0.0427, 12.28, 299.0)),
    (r"densenet-?121", NamedNetwork("cnn", 0.008, 2.87, 224.0)),
    (r"vit_(tiny|ti)", NamedNetwork("vit", 0.0057, 1.26, 224.0)),
    (r"vit_(small|s)", NamedNetwork("vit", 0.022, 4.61, 224.0)),
    (r"vit_(base|b)", NamedNetwork("vit", 0.0866, 17.58, 224.0)),
    (r"vit_(large|l)", NamedNetwork("vit", 0.304, 61.6, 224.0)),
    (r"efficientnet.*b0", NamedNetwork("cnn", 0.0053, 0.39, 224.0)),
    (r"efficientnet.*b4", NamedNetwork("cnn", 0.0193, 4.4, 380.0)),
)


@cache
def _named() -> tuple[tuple[re.Pattern[str], NamedNetwork], ...]:
    """Compiled when first needed: language models with a shape in the catalog never are."""
    return tuple((re.compile(pattern), network) for pattern, network in _NAMED)


# MobileNet families by width at 224 pixels: parameters (1e9) and GMACs from their papers.
_MOBILENET_V1 = {
    1.0: (0.0042, 0.569),
    0.75: (0.0026, 0.317),
    0.5: (0.0013, 0.150),
    0.25: (0.0005, 0.041),
}
_MOBILENET_V2 = {
    1.4: (0.0061, 0.582),
    1.0: (0.0035, 0.300),
    0.75: (0.0026, 0.209),
    0.5: (0.0020, 0.097),
    0.35: (0.0017, 0.059),
}
_MOBILENET_V3 = {
    "large": (0.0054, 0.217),
    "small": (0.0025, 0.057),
    "large-minimalistic": (0.0039, 0.209),
    "small-minimalistic": (0.0020, 0.065),
}
_EFFICIENTNET_LITE = {
    0: (0.0047, 0.407, 224.0),
    1: (0.0054, 0.631, 240.0),
    2: (0.0061, 0.899, 260.0),
    3: (0.0082, 1.44, 280.0),
    4: (0.0130, 2.64, 300.0),
}


def _closest(table: dict[float, tuple[float, float]], width: float) -> tuple[float, float]:
    return table[min(table, key=lambda known: abs(known - width))]


def named_network(name: str, image: float) -> NamedNetwork | None:
    """Facts of a vision, speech, diffusion or BERT-like network by name, at ``image`` pixels."""
    lowered = name.lower()
    lite = re.search(r"efficientnet.*lite-?(\d)", lowered)
    if lite and int(lite.group(1)) in _EFFICIENTNET_LITE:
        params, gmacs, native = _EFFICIENTNET_LITE[int(lite.group(1))]
        return _scaled(NamedNetwork("cnn", params, gmacs, native), image)
    mobile = re.search(r"mobilenet[-_]?v([123])", lowered)
    if mobile and not lowered.startswith("ssd"):
        rest = lowered[mobile.end() :]
        resolution = re.search(r"(?<![\d.])(96|128|160|192|224|256)(?![\d.])", rest)
        pixels = float(resolution.group(1)) if resolution else image
        width = re.search(r"(0\.\d+|1\.[04])", rest)
        ratio = float(width.group(1)) if width else 1.0
        if mobile.group(1) == "3":
            key = "small" if "small" in rest else "large"
            key += "-minimalistic" if "minimalistic" in rest else ""
            params, gmacs = _MOBILENET_V3[key]
        else:
            params, gmacs = _closest(
                _MOBILENET_V1 if mobile.group(1) == "1" else _MOBILENET_V2, ratio
            )
        return _scaled(NamedNetwork("cnn", params, gmacs, 224.0), pixels)
    for pattern, network in _named():
        if pattern.search(lowered):
            return _scaled(network, image)
    return None


def _scaled(network: NamedNetwork, image: float) -> NamedNetwork:
    """The network at another resolution: convolution work grows with the area."""
    if not image > 0 or not network.image > 0:
        return network
    gmacs = network.gmacs * (image / network.image) ** 2
    return NamedNetwork(network.model_class, network.params, gmacs, image)


# Traits that decide how well a vision network fills a device, by name.
VISION_TRAITS: tuple[tuple[str, str], ...] = (
    (
        "transformer",
        r"vit|deit|beit|eva|swin|xcit|cait|pit_|tnt|mixer|volo|twins|flexivit|clip|dino|crossvit|levit|mvit|hiera|davit|gcvit|sequencer|gmlp|resmlp",
    ),
    (
        "hybrid",
        r"coat|maxvit|maxxvit|mobilevit|caformer|nextvit|convformer|poolformer|edgenext|efficientformer|fastvit|repvit|hybrid|bot|halo|lambda|visformer|convmixer|pvt|tiny_?vit|inception_next|metaformer|efficientvit|coatnet|convit",
    ),
    (
        "depthwise",
        r"mobilenet|efficientnet|mnasnet|convnext|ghost|tinynet|lcnet|fbnet|mixnet|xception|rexnet|edgenext|mobileone|hardcore|spnas|semnas|repvit|nasnet|convformer|inception_next|convmixer|mobilevit|nextvit",
    ),
    ("grouped", r"resnext|regnet|resnest|sknet|skresn|dpn|nfnet|ecaresnext|gernet"),
    (
        "squeeze",
        r"\bse|seresn|widese|se_|eca|efficientnet(?!.*lite)|regnety|mobilenet-?_?v3(?!.*minimalistic)|nfnet|resnest|resnetrs|ghost|senet|tresnet|rexnet|sk",
    ),
    (
        "dense_concat",
        r"densenet|dla|dpn|hrnet|inception|vovnet|ese_|cspnet|cspdark|yolo|darknet|hardnet|googlenet",
    ),
    ("plain", r"vgg|resnet|darknet|repvgg|alexnet|squeezenet|wide_resnet|resnetv2"),
    ("normfree", r"nfnet|nf_res|nf_reg|bit|_gn|evos|evob|evonorm"),
    ("detector", r"yolo|ssd|rcnn|retina|detr|fcos|efficientdet"),
    ("v2block", r"efficientnetv2|mobilenetv4|fused|edgetpu|_el\b|_em\b|mobilenet_edge"),
    ("minimalistic", r"minimalistic|lite"),
    ("antialias", r"blur|aa|tresnet|evo|resnet\d+[dst]\b|26t|50t|10t|14t"),
    ("window", r"swin|maxvit|maxxvit|mvit|hiera|twins|gcvit|davit|coatnet|volo|nextvit"),
)
TRAIT_NAMES = tuple(name for name, _ in VISION_TRAITS)


@lru_cache(maxsize=1024)
def vision_traits(name: str) -> tuple[float, ...]:
    """1.0 or 0.0 for each of ``TRAIT_NAMES``."""
    lowered = name.lower()
    return tuple(1.0 if re.search(pattern, lowered) else 0.0 for _, pattern in VISION_TRAITS)


@lru_cache(maxsize=1024)
def depth(name: str) -> float:
    """Layers that a convolutional network's name states ("resnet101d" -> 101), else NaN."""
    found = re.search(
        r"(?:resnet|resnext|resnetv2_|resnetrs|densenet|vgg|darknet|dpn|dla|resnest|sknet|resnetaa)[a-z_]*(\d{2,3})",
        name.lower(),
    )
    return float(found.group(1)) if found else NAN


@lru_cache(maxsize=1024)
def patch(name: str) -> float:
    """Patch edge in pixels that a vision transformer's name states, else NaN."""
    found = re.search(r"patch(\d+)", name.lower())
    return float(found.group(1)) if found else NAN
