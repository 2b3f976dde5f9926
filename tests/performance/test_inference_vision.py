"""Vision, edge, diffusion and generic work on serving units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalog import Catalog
from planner.performance.inference import generic_throughput, inference_throughput
from planner.performance.inference.answers import SPREAD_NOT_NEEDED
from planner.performance.inference.diffusion import denoising_steps, diffusion_work
from planner.performance.throughput import Throughput
from planner.workload import BatchInference, Edge, VisionInference
from tests.performance.inference_cases import batch, device, edge, generic, units, vision


def on(
    catalog: Catalog,
    workload: VisionInference | Edge | BatchInference,
    model: str,
    *names: str,
    per_node: int = 1,
    vcpus: float = 96,
) -> Throughput:
    machines = units(*((device(catalog, name), per_node, 1) for name in names), vcpus=vcpus)
    return inference_throughput(workload, catalog.model_shape(model), machines)


class TestVision:
    def test_known_speeds(self, catalog: Catalog) -> None:
        """ResNet-50 at 224 pixels: thousands of images/s on data-centre GPUs in 16 bit."""
        workload = vision(precision="fp16", image_size=224, decode_images=False)
        found = on(catalog, workload, "resnet50", "T4", "A100-80GB", "H100-80GB")
        assert found.unit == "images_per_s"
        t4, a100, h100 = found.median
        assert 800 < t4 < 5000
        assert 4000 < a100 < 25_000
        assert a100 < h100

    def test_int8_pays_where_the_device_has_it(self, catalog: Catalog) -> None:
        quick, plain = (
            on(catalog, vision(precision=p, decode_images=False), "resnet50", "T4", "V100-16GB")
            for p in ("int8", "fp16")
        )
        assert quick.median[0] > 1.3 * plain.median[0]
        none = on(catalog, vision(precision="int8"), "resnet50", "CPU-Broadwell-E5-2686v4")
        assert none.why_not == ["no int8 arithmetic in the datasheet"]

    def test_few_cpu_cores_starve_a_fast_device(self, catalog: Catalog) -> None:
        workload = vision(precision="int8", framework="tensorrt")
        few, many = (
            on(catalog, workload, "resnet50", "H100-80GB", vcpus=v).median[0] for v in (4, 16)
        )
        assert many == pytest.approx(4 * few)

    def test_a_cpu_decodes_on_the_cores_that_compute(self, catalog: Catalog) -> None:
        raw, jpeg = (
            on(catalog, vision(decode_images=d), "resnet18", "CPU-IceLake-8375C").median[0]
            for d in (False, True)
        )
        assert 0 < jpeg < raw

    def test_small_batches_are_bound_by_launches(self, catalog: Catalog) -> None:
        """Eager PyTorch starts three kernels a layer; a graph engine one."""
        rates = [
            on(
                catalog,
                vision(precision="fp16", batch_size=1, framework=f, decode_images=False),
                "resnet50",
                "H100-80GB",
            ).median[0]
            for f in ("pytorch", "pytorch-compile", "tensorrt")
        ]
        assert rates == sorted(rates)
        assert rates[2] > 1.5 * rates[0]

    def test_a_latency_limit_makes_batches_smaller(self, catalog: Catalog) -> None:
        free, bound = (
            on(
                catalog,
                vision(requests_per_second=100, latency_p95=limit, decode_images=False),
                "resnet50",
                "T4",
            )
            for limit in (None, 0.1)
        )
        assert bound.latency is not None and bound.latency.latency_p95 is not None
        assert bound.latency.latency_p95[0] * np.exp(1.28 * bound.log_sd[0]) <= 0.1
        assert 0 < bound.median[0] <= free.median[0]
        assert int(bound.step.layout[0].split()[-1]) < int(free.step.layout[0].split()[-1])

    def test_a_limit_out_of_reach_says_so(self, catalog: Catalog) -> None:
        workload = vision(requests_per_second=1, latency_p95=0.001, decode_images=False)
        found = on(catalog, workload, "vgg16", "CPU-IceLake-8375C")
        assert found.why_not[0].startswith("latency_p95 of 1 ms missed: ")

    def test_machines_are_counted_not_joined(self, catalog: Catalog) -> None:
        machines = units((device(catalog, "T4"), 4, 2))
        found = inference_throughput(vision(), catalog.model_shape("resnet50"), machines)
        assert found.why_not == [SPREAD_NOT_NEEDED]
        assert np.isnan(found.median[0])

    def test_a_network_beyond_the_memory_is_refused(self, catalog: Catalog) -> None:
        tiny = replace(device(catalog, "T4"), memory=1.2 * 2**30)
        shape = replace(catalog.model_shape("resnet50"), parameters_billion=1.0)
        found = inference_throughput(vision(), shape, units((tiny, 1, 1)))
        assert found.why_not[0].startswith("memory: short of ")


class TestEdge:
    def test_coral_streams_what_its_memory_cannot_hold(self, catalog: Catalog) -> None:
        """MobileNetV2 (3.5 MB of int8) stays on the chip, ResNet-50 (25.6 MB) does not: its
        17 MB too much cross a link of 0.5 GB/s for every frame, so it takes tens of milliseconds.
        """
        plain = device(catalog, "Coral-EdgeTPU")
        assert plain.memory is not None
        roomy = replace(plain, name="roomy", memory=0.5 * 2**30)
        machines = units((plain, 1, 1), (roomy, 1, 1))

        def frames(model: str) -> list[float]:
            shape = catalog.model_shape(model)
            found = inference_throughput(edge(image_size=224), shape, machines)
            assert found.unit == "frames_per_s"
            values: list[float] = found.median.tolist()
            return values

        small, large = frames("mobilenetv2_100"), frames("resnet50")
        assert small[0] == small[1]
        assert large[0] < 0.5 * large[1]
        assert 150 < small[0] < 800
        assert 10 < large[0] < 35

    def test_precision_follows_the_device(self, catalog: Catalog) -> None:
        """Coral has int8 only; a Jetson runs 16 bit unless told otherwise."""
        names = ("Coral-EdgeTPU", "Jetson-AGX-Orin-64GB")
        default = on(catalog, edge(), "resnet50", *names)
        int8 = on(catalog, edge(precision="int8"), "resnet50", *names)
        assert default.median[0] == int8.median[0]
        assert default.median[1] < int8.median[1]
        fp16 = on(catalog, edge(precision="fp16"), "resnet50", "Coral-EdgeTPU")
        assert fp16.why_not == ["no fp16 arithmetic in the datasheet"]

    def test_streams_share_a_device(self, catalog: Catalog) -> None:
        single, four = (
            on(catalog, edge(streams=4, streams_per_device=n), "resnet50", "Jetson-AGX-Orin-64GB")
            for n in (1, 4)
        )
        assert single.latency is not None and single.latency.latency_p95 is not None
        assert four.latency is not None and four.latency.latency_p95 is not None
        assert four.latency.latency_p95[0] == pytest.approx(4 * single.latency.latency_p95[0])
        assert four.median[0] == single.median[0]

    def test_slow_devices_miss_the_latency(self, catalog: Catalog) -> None:
        names = ("CPU-RaspberryPi4-A72", "Jetson-AGX-Orin-64GB")
        found = on(catalog, edge(latency_p95=0.05), "RetinaNet-ResNeXt50", *names)
        assert found.why_not[0].startswith("latency_p95 of 50 ms missed: ")
        small = on(catalog, edge(latency_p95=0.1), "mobilenetv2_100", *names)
        assert small.median[1] > small.median[0] > 0

    def test_language_models_are_refused(self, catalog: Catalog) -> None:
        found = on(catalog, edge(), "llama-3.2-1b", "Jetson-AGX-Orin-64GB")
        assert "not covered" in found.why_not[0]


class TestDiffusion:
    def test_work_follows_steps_and_pixels(self, catalog: Catalog) -> None:
        shape = catalog.model_shape("Stable-Diffusion-2")
        base, twice, larger = (
            diffusion_work(shape, size, steps) for size, steps in ((512, 25), (512, 50), (1024, 25))
        )
        assert base is not None and twice is not None and larger is not None
        # 340 GMAC a pass, with and without the prompt, and the decoder once
        assert base.flops == pytest.approx(2 * (25 * 2 * 340e9 + 1.24e12))
        assert 1.9 * base.flops < twice.flops < 2 * base.flops
        assert larger.flops == pytest.approx(4 * base.flops)

    def test_defaults_follow_the_model(self, catalog: Catalog) -> None:
        sdxl, flux = (catalog.model_shape(m) for m in ("SDXL-1.0", "FLUX.1-schnell"))
        assert denoising_steps(sdxl, None) == 50
        assert denoising_steps(flux, None) == 4
        assert denoising_steps(flux, 12) == 12

    def test_known_speeds(self, catalog: Catalog) -> None:
        """MLPerf's SDXL (20 steps, 1,024 pixels) makes about two images/s on an H100 in fp8."""
        workload = batch(denoising_steps=20, precision="fp8")
        found = on(catalog, workload, "SDXL-1.0", "H100-80GB", per_node=8)
        assert found.unit == "images_per_s"
        assert 8 < found.median[0] < 32

    def test_flux_needs_more_than_24_gib_in_16_bit(self, catalog: Catalog) -> None:
        found = on(catalog, batch(), "FLUX.1-schnell", "RTX4090", "A100-80GB")
        assert found.why_not[0].startswith("memory: short of ")
        assert found.median[1] > 0

    def test_unknown_denoisers_are_refused(self, catalog: Catalog) -> None:
        shape = replace(catalog.model_shape("SDXL-1.0"), forward_gmacs=None)
        found = inference_throughput(batch(), shape, units((device(catalog, "T4"), 1, 1)))
        assert found.why_not == ["operations of this model are unknown"]


class TestGeneric:
    def test_the_slower_of_arithmetic_and_memory_counts(self, catalog: Catalog) -> None:
        gpu = units((device(catalog, "A100-80GB"), 1, 1))
        plain = generic_throughput(generic(), gpu)
        # 19.5 TFLOP/s in fp32, half of which codes reach
        assert plain.unit == "flops_per_s"
        assert plain.median[0] == pytest.approx(9.75e12)
        light = generic_throughput(generic(bytes="1TB"), gpu)
        heavy = generic_throughput(generic(flops=1e18, bytes="1EB"), gpu)
        assert light.median[0] == plain.median[0]
        assert heavy.median[0] == pytest.approx(0.8 * 2039e9)

    def test_amdahl_limits_many_devices(self, catalog: Catalog) -> None:
        a100 = device(catalog, "A100-80GB")
        machines = units((a100, 1, 1), (a100, 8, 1), (a100, 8, 8))
        whole = generic_throughput(generic(), machines).median
        assert whole[2] == pytest.approx(64 * whole[0])
        part = generic_throughput(generic(parallel_fraction=0.95), machines).median
        assert part[2] == pytest.approx(part[0] / (0.05 + 0.95 / 64))

    def test_exchanges_cost_more_between_machines(self, catalog: Catalog) -> None:
        a100 = device(catalog, "A100-80GB")
        machines = units((a100, 8, 1), (a100, 4, 2), network=1e9)
        inside, between = generic_throughput(generic(communication="100TB"), machines).median
        alone = generic_throughput(generic(), machines).median
        assert between < inside < alone[0]

    def test_memory_is_that_of_all_devices(self, catalog: Catalog) -> None:
        a100 = device(catalog, "A100-80GB")
        machines = units((a100, 8, 1), (a100, 8, 2))
        found = generic_throughput(generic(memory="900GiB"), machines)
        assert found.why_not[0] == "memory: short of 32.5 GiB a device"
        assert found.median[1] > 0

    def test_stated_efficiency_replaces_the_prior(self, catalog: Catalog) -> None:
        gpu = units((device(catalog, "A100-80GB"), 1, 1))
        found = generic_throughput(generic(efficiency=0.1, precision="tf32"), gpu)
        assert found.median[0] == pytest.approx(15.6e12)
        assert found.log_sd[0] < generic_throughput(generic(), gpu).log_sd[0]

    def test_double_precision_runs_where_the_datasheet_has_it(self, catalog: Catalog) -> None:
        gpu = units((device(catalog, "A100-80GB"), 1, 1))
        double = generic_throughput(generic(precision="fp64"), gpu)
        single = generic_throughput(generic(precision="fp32"), gpu)
        assert double.why_not == [""]
        assert double.median[0] <= single.median[0]
        graphics = units((device(catalog, "RTX4090"), 1, 1))
        unknown = generic_throughput(generic(precision="fp64"), graphics)
        assert unknown.why_not == ["no fp64 arithmetic in the datasheet"]
