"""What a machine is, read from the texts of several, and what this one says of itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from launchers.hardware import Gpu, Machine, describe_machine, machine_from

INTEL = (
    "processor\t: {n}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 106\n"
    "model name\t: Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz\ncpu MHz\t\t: 3499.9\n"
    "physical id\t: 0\ncore id\t\t: {core}\n"
    "flags\t\t: fma avx avx2 avx512f avx512_vnni amx_tile hypervisor\n"
)
ARM = (
    "processor\t: {n}\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd asimddp sve bf16 i8mm\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: {part}\n"
)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock, quota or affinity of the machine the test runs on."""
    monkeypatch.setattr(
        "launchers.hardware._read",
        lambda path: path.read_text() if path.name in ("cpuinfo", "meminfo") else "",
    )
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(1024)), raising=False)


def machine(cpuinfo: str) -> Machine:
    return machine_from(cpuinfo, "MemTotal:       33554432 kB\n", mac={}, gpus=())


def test_hyperthreaded_xeon() -> None:
    found = machine("\n".join(INTEL.format(n=n, core=n // 2) for n in range(8)))
    assert (found.cpu_vendor, found.physical_cores, found.threads) == ("Intel", 4, 8)
    assert (found.ghz, found.sockets, found.hypervisor) == (2.9, 1, True)
    assert {"avx512", "avx512_vnni", "amx"} <= set(found.isa)
    assert found.peak_fp32_tflops == pytest.approx(4 * 2.9 * 64 / 1000)
    assert "nominal clock" in found.peak_basis and "AVX-512" in found.peak_basis
    assert found.memory_gib == 32.0
    assert found.memory_bandwidth_gb_per_s is None


def test_half_the_threads_are_half_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    found = machine("\n".join(INTEL.format(n=n, core=n // 2) for n in range(8)))
    assert found.usable_cores == 2
    assert found.peak_fp32_tflops == pytest.approx(2 * 2.9 * 64 / 1000)


@pytest.mark.parametrize(("part", "flop"), [("0xd0c", 16), ("0xd40", 32), ("0xd4f", 32)])
def test_arm(part: str, flop: int) -> None:
    found = machine("\n".join(ARM.format(n=n, part=part) for n in range(4)))
    assert (found.cpu_vendor, found.physical_cores) == ("Arm", 4)
    assert found.fp32_flop_per_cycle is not None
    assert found.fp32_flop_per_cycle[0] == flop
    assert found.ghz is None
    assert found.peak_fp32_tflops is None  # unknown stays unknown
    assert "unknown" in found.peak_basis


@pytest.mark.parametrize(("family", "flop"), [("25", 32), ("26", 64)])
def test_zen_4_runs_avx512_on_half_width(family: str, flop: int) -> None:
    text = INTEL.replace("GenuineIntel", "AuthenticAMD").replace(": 6\n", f": {family}\n")
    width = machine(text.format(n=0, core=0)).fp32_flop_per_cycle
    assert width is not None and width[0] == flop


def test_nothing_known() -> None:
    found = machine_from("", "", mac={}, gpus=())
    assert (found.physical_cores, found.memory_gib, found.peak_fp32_tflops) == (None, None, None)
    assert found.threads >= 1


def test_fingerprint_ignores_what_varies_and_sees_what_differs() -> None:
    text = INTEL.format(n=0, core=0)
    plain = machine(text)
    assert plain.fingerprint == machine(text.replace("3499.9", "800.0")).fingerprint
    assert plain.fingerprint != machine(text.replace("8375C", "8380")).fingerprint
    gpu = Gpu("NVIDIA L4", 22.5, "580")
    with_gpu = machine_from(text, "MemTotal: 33554432 kB\n", mac={}, gpus=(gpu,))
    assert plain.fingerprint != with_gpu.fingerprint


def test_gpus_as_the_driver_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "NVIDIA H200, 143771, 575.57.08\nNVIDIA H200, [N/A], 575.57.08\nbroken\n"
    monkeypatch.setattr("launchers.hardware._run", lambda command: answer)
    first, second = describe_machine().gpus
    assert (first.name, first.driver) == ("NVIDIA H200", "575.57.08")
    assert first.memory_gib == pytest.approx(140.4, abs=0.1)
    assert second.memory_gib is None


def test_this_machine() -> None:
    found = describe_machine()
    assert found.threads >= 1
    assert len(found.fingerprint) == 16
    assert found.fingerprint == describe_machine().fingerprint
    assert found.to_dict()["fingerprint"] == found.fingerprint


def test_importing_the_launchers_imports_no_heavy_library() -> None:
    script = (
        "import sys, launchers, launchers.base, launchers.benchmarks, launchers.hardware, "
        "launchers.ledger, launchers.local, launchers.runs, launchers.skypilot, "
        "planner.actions.calibration.run, planner.cli.calibrate\n"
        "heavy = {'torch', 'sky', 'textual', 'boto3', 'google', 'azure', 'psutil'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
