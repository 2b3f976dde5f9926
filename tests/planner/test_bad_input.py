"""Every mistake ends in one line that names file and field and says what would be right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.planner.conftest import LORA, Planner

BASE = "kind: finetune\nmodel: llama-3.1-8b\nmethod: lora\ntokens: 50M\n"
VISION = "kind: vision-training\nmodel: resnet50\nsamples: 60000\n"
# Ten levels of nine aliases each: 3.5 billion values when expanded.
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


def tokens(value: str) -> str:
    return BASE.replace("50M", value)


def model(value: str) -> str:
    return BASE.replace("llama-3.1-8b", value)


def where(fields: str) -> str:
    return BASE + "where: {" + fields + "}\n"


# Content of the file, and what the line must name: the field or place, and part of the remedy.
FILES: dict[str, tuple[str, str, str]] = {
    "empty": ("", "holds nothing", "kind: finetune"),
    "only spaces": ("   \n\n", "holds nothing", "kind: finetune"),
    "only a comment": ("# soon\n", "holds nothing", "kind: finetune"),
    "null": ("~", "holds nothing", "kind: finetune"),
    "list": ("- a\n- b\n", "holds a list", "as a mapping"),
    "text": ("hello", "holds 'hello'", "as a mapping"),
    "number": ("42", "holds 42", "as a mapping"),
    "tab": ("kind:\tfinetune\n\tmodel: x\n", "line 2, column 1", "correct the YAML"),
    "bracket left open": ("kind: [finetune\n", "line 2", "correct the YAML"),
    "quote left open": ('kind: "finetune\n', "line 2", "correct the YAML"),
    "two colons": ("kind: finetune: x\n", "line 1, column 15", "correct the YAML"),
    "field twice": (BASE + "tokens: 60M\n", "line 5: tokens", "keep one"),
    "field of where twice": (where("clouds: [aws], clouds: [gcp]"), "clouds", "keep one"),
    "control characters": ("\x00\x01\x02", "not YAML", "correct the YAML"),
    "two documents": (f"{BASE}---\n{BASE}", "line 5", "correct the YAML"),
    "python tag": ("kind: !!python/object/apply:os.system [ls]\n", "line 1", "correct"),
    "unknown alias": ("kind: *nope\n", "line 1", "correct the YAML"),
    "bad merge": ("<<: 5\nkind: finetune\n", "line 1", "correct the YAML"),
    "list as key": ("? [a]\n: b\nkind: finetune\n", "line 1", "correct the YAML"),
    "lone surrogate": ('kind: "\\ud800"\n', "line 1", "correct the YAML"),
    "impossible date": (BASE + "name: 2026-99-99\n", "month", "in quotes"),
    "deep list": ("[" * 300_000, "nested too deeply", "correct the YAML"),
    "deep mapping": ("kind: " + "{a: " * 5000, "nested too deeply", "correct the YAML"),
    "alias bomb in kind": (BOMB + "kind: *a9\n", "kind: a list", "use one of"),
    "alias bomb in model": (BOMB + model("*a9"), "model: a list", "such as 7B"),
    "alias of itself": ("&x\nkind: finetune\nmodel: *x\n", "line 3: *x stands inside", "write the"),
    "where inside itself": (
        BASE + "where: &w\n  clouds: *w\n",
        "line 6: *w stands",
        "write the value out",
    ),
    "no kind": ("model: llama-3.1-8b\n", "kind: is missing", "finetune"),
    "kind null": ("kind:\n", "kind: is missing", "finetune"),
    "kind misspelt": (BASE.replace("finetune", "finetun"), "'finetun'", "did you mean finetune?"),
    "kind changed alone": (
        BASE.replace("finetune", "serving"),
        "requests_per_second: is missing",
        "add `requests_per_second:`",
    ),
    "kind number": ("kind: 5\n", "kind: 5", "use one of"),
    "kind mapping": ("kind: {a: 1}\n", "kind: a mapping", "use one of"),
    "portfolio": ("workloads: [{kind: finetune}]\n", "workloads[0]: model: is", "add `model:`"),
    "field misspelt": (BASE + "tokenz: 5\n", "tokenz: unknown field", "did you mean tokens?"),
    "field unknown": (BASE + "zzzzzz: 5\n", "zzzzzz: unknown field", "known fields: batch_"),
    "field of another kind": (BASE + "samples: 5\n", "samples: unknown field", "known fields"),
    "method of another kind": (VISION + "method: lora\n", "method: unknown field", "known fields"),
    "field of where": (where("cloud: [aws]"), "where.cloud: unknown field", "mean clouds?"),
    "number as field": (BASE + "5: 6\n", "5: unknown field", "known fields"),
    "null as field": (BASE + "~: 6\n", "unknown field", "known fields"),
    "no model": ("kind: finetune\ntokens: 5M\n", "model: is missing", "add `model:`"),
    "no tokens": ("kind: finetune\nmodel: llama-3.1-8b\n", "tokens: is missing", "add `tokens:`"),
    "no samples": ("kind: vision-training\nmodel: resnet50\n", "samples: is missing", "add"),
    "model misspelt": (model("llama-3.1-9b"), "model: unknown model", "Llama-3.1-8B"),
    "model unknown": (model("qqqqqqq"), "unknown model 'qqqqqqq'", "the catalog has"),
    "model endless": (model("q" * 5000), "unknown model", "the catalog has"),
    "model empty": (model('""'), "model: is empty", "give"),
    "model null": (model("~"), "model: nothing is not a model", "write a name, a"),
    "model number": (model("5"), "model: 5 is not a model", "parameter count such as 7B"),
    "model list": (model("[a]"), "model: a list", "write a name"),
    "model of two lines": (model('"a\\nb"'), "model: unknown model", "the catalog has"),
    "model with colours": (model('"\\e[31mred"'), "model: unknown model", "the catalog has"),
    "vision model": (model("resnet50"), "resnet50 is a vision model", "use kind vision-training"),
    "image generator": (model("SDXL-1.0"), "SDXL-1.0 is a diffusion model", "kind finetune"),
    "language model": (VISION.replace("resnet50", "llama-3.1-8b"), "transformer", "finetune"),
    "tokens negative": (tokens("-50M"), "tokens: '-50M' is not above zero", "50M or 1.5B"),
    "tokens zero": (tokens("0"), "tokens: 0 is not above zero", "50M or 1.5B"),
    "tokens nan": (tokens(".nan"), "tokens: nan is not finite", "50M or 1.5B"),
    "tokens infinite": (tokens(".inf"), "tokens: inf is not finite", "50M or 1.5B"),
    "tokens minus infinity": (tokens("-.inf"), "tokens: -inf is not finite", "50M or 1.5B"),
    "tokens nan as text": (tokens("nan"), "tokens: 'nan' is not a quantity", "50M or 1.5B"),
    "tokens overflow": (tokens("1e400"), "tokens: '1e400' is not finite", "50M or 1.5B"),
    "tokens 400 digits": (tokens("9" * 400), "tokens: 999", "50M or 1.5B"),
    "tokens 5000 digits": (tokens("9" * 5000), "4300 digits", "in quotes"),
    "tokens by suffix": (tokens("1e300T"), "tokens: '1e300T' is beyond 1e+18", "check the unit"),
    "tokens too many": (tokens("1.0e+308"), "tokens: 1e+308 is beyond", "check the unit"),
    "tokens too few": (tokens("1.0e-300"), "tokens: 1e-300 is below 1", "use 1 or more"),
    "tokens true": (tokens("true"), "tokens: true is not a quantity", "50M or 1.5B"),
    "tokens suffix": (tokens("50X"), "tokens: '50X' has an unknown suffix", "use k, M, B or T"),
    "tokens list": (tokens("[50M]"), "tokens: a list", "50M or 1.5B"),
    "tokens date": (tokens("2026-01-01"), "tokens: 2026-01-01", "50M or 1.5B"),
    "tokens empty": (tokens('""'), "tokens: ''", "50M or 1.5B"),
    "tokens null": (tokens("~"), "tokens: nothing", "50M or 1.5B"),
    "decimal comma": (tokens("'1,5B'"), "tokens: '1,5B' is not a quantity", "50M or 1.5B"),
    "stray commas": (tokens("'5,0,,0M'"), "tokens: '5,0,,0M'", "50M or 1.5B"),
    "full-width digits": (tokens("５０M"), "tokens: '５０M'", "50M or 1.5B"),
    "deadline without unit": (BASE + "deadline: 24\n", "deadline: 24 has no unit", "24h"),
    "deadline unit": (BASE + "deadline: 24 parsecs\n", "deadline: '24 parsecs'", "24h"),
    "deadline negative": (BASE + "deadline: -3h\n", "deadline: '-3h'", "24h, 90m or 3d"),
    "deadline zero": (BASE + "deadline: 0h\n", "deadline: '0h'", "24h, 90m or 3d"),
    "deadline infinite": (BASE + "deadline: inf h\n", "deadline: 'inf h'", "24h"),
    "deadline overflow": (BASE + "deadline: 1e309h\n", "deadline: '1e309h'", "24h"),
    "deadline endless": (BASE + "deadline: 1e308w\n", "deadline: '1e308w'", "check the unit"),
    "deadline dots": (BASE + "deadline: ..h 5m\n", "deadline: '..h'", "24h"),
    "deadline true": (BASE + "deadline: yes\n", "deadline: true", "24h"),
    "budget in euro": (BASE + "budget: 500 EUR\n", "budget: '500 EUR'", "500 USD"),
    "budget negative": (BASE + "budget: $-5\n", "budget: '-5'", "500 USD"),
    "budget zero": (BASE + "budget: 0\n", "budget: 0", "500 USD"),
    "budget nan": (BASE + "budget: .nan\n", "budget: nan", "500 USD"),
    "budget overflow": (BASE + "budget: 1e308M\n", "budget: '1e308M'", "check the unit"),
    "budget words": (BASE + "budget: lots\n", "budget: 'lots'", "500 USD"),
    "risk above": (BASE + "risk: 1.5\n", "risk: 1.5 is above 0.99", "use 0.99 or less"),
    "risk below": (BASE + "risk: 0\n", "risk: 0 is below 0.5", "use 0.5 or more"),
    "risk nan": (BASE + "risk: .nan\n", "risk: nan", "use a number"),
    "risk words": (BASE + "risk: high\n", "risk: 'high' is not a number", "write a number"),
    "sequence zero": (BASE + "sequence_length: 0\n", "sequence_length: 0", "64 or 4k"),
    "sequence in part": (BASE + "sequence_length: 2.5\n", "sequence_length: 2.5", "whole"),
    "sequence endless": (BASE + "sequence_length: 1e300\n", "sequence_length", "check the unit"),
    "sequence above tokens": (BASE + "sequence_length: 100M\n", "tokens: is below", "sequence"),
    "batch below sequence": (
        BASE + "sequence_length: 8192\nbatch_tokens: 4096\n",
        "batch_tokens: is below sequence_length",
        "one sequence must fit",
    ),
    "batch above tokens": (BASE + "batch_tokens: 100M\n", "batch_tokens: is above", "one step"),
    "images above samples": (VISION + "batch_size: 100000\n", "batch_size: is above", "one step"),
    "rank zero": (BASE + "lora_rank: 0\n", "lora_rank: 0", "64"),
    "rank in part": (BASE + "lora_rank: 1.5\n", "lora_rank: 1.5", "whole number"),
    "rank true": (BASE + "lora_rank: true\n", "lora_rank: true", "64"),
    "rank huge": (BASE + "lora_rank: 99999\n", "lora_rank: 99999 is above 1024", "1024 or less"),
    "method misspelt": (BASE.replace("lora", "lorra"), "method: 'lorra'", "did you mean lora?"),
    "lora from scratch": (BASE.replace("finetune", "pretrain"), "method: 'lora'", "use full"),
    "precision misspelt": (BASE + "precision: bf17\n", "precision: 'bf17'", "did you mean bf16?"),
    "name empty": (BASE + "name: ''\n", "name: is empty", "leave the field out"),
    "name endless": (BASE + f"name: {'x' * 500}\n", "name: 'xxx", "shorten it"),
    "name number": (BASE + "name: 5\n", "name: 5 is not text", "write text"),
    "where list": (BASE + "where: [aws]\n", "where: a list", "a mapping of fields"),
    "where text": (BASE + "where: aws\n", "where: 'aws'", "a mapping of fields"),
    "where null": (BASE + "where:\n", "where: nothing", "a mapping of fields"),
    "cloud as text": (where("clouds: aws"), "where.clouds: 'aws'", "write a list"),
    "cloud misspelt": (where("clouds: [awz]"), "where.clouds: 'awz'", "did you mean aws?"),
    "cloud unknown": (where("clouds: [qqqq]"), "where.clouds: 'qqqq'", "the catalog has aws"),
    "cloud null": (where("clouds: [~]"), "where.clouds[0]: nothing", "write text"),
    "region misspelt": (where("regions: [us-eas-1]"), "where.regions: 'us-eas-1'", "did you mean"),
    "accelerator misspelt": (where("accelerators: [H1000]"), "'H1000'", "did you mean H100"),
    "accelerator unknown": (where("accelerators: [zzzz]"), "'zzzz'", "the catalog has A10"),
    "instance misspelt": (where("instance_types: [p5.48xlargee]"), "p5", "did you mean p5.48"),
    "purchase none": (where("purchase: []"), "where.purchase: is empty", "give at least one"),
    "purchase misspelt": (where("purchase: [spott]"), "where.purchase[0]", "did you mean spot?"),
    "nodes zero": (where("max_nodes: 0"), "where.max_nodes: 0", "64"),
    "nodes negative": (where("max_nodes: -1"), "where.max_nodes: -1", "64"),
    "nodes too many": (where("max_nodes: 100000"), "where.max_nodes", "4096 or less"),
    "nodes in part": (where("max_nodes: 1.5"), "where.max_nodes: 1.5", "whole number"),
    "nodes words": (where("max_nodes: many"), "where.max_nodes: 'many'", "64"),
    "quota negative": (where("quotas: {aws/P on-demand: -5}"), "where.quotas", "0 or more"),
    "quota nan": (where("quotas: {aws/P on-demand: .nan}"), "where.quotas", "such as 192"),
    "quota infinite": (where("quotas: {aws/P on-demand: .inf}"), "where.quotas", "such as 192"),
    "quota unknown": (where("quotas: {aws/Q on-demand: 5}"), "'aws/Q on-demand'", "aws/P on-d"),
    "quota list": (where("quotas: [5]"), "where.quotas: a list", "write a mapping"),
    "confidence": (where("price_confidence: all"), "where.price_confidence", "documented"),
    "no such pair": (where("clouds: [aws], accelerators: [TPU-v5e]"), "where: no offer", "widen"),
    "region elsewhere": (where("clouds: [gcp], regions: [us-east-1]"), "where: no offer", "widen"),
    "image zero": (VISION + "image_size: 0\n", "image_size: 0", "64"),
    "epochs negative": (VISION + "epochs: -1\n", "epochs: -1", "write a quantity"),
    "decode maybe": (VISION + "decode_images: maybe\n", "decode_images: 'maybe'", "true or false"),
}


def assert_one_line(err: str) -> None:
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert len(err) < 500
    assert ";" in err, "a remedy follows the problem"


@pytest.mark.parametrize("case", FILES)
def test_file_is_refused_in_one_line(case: str, planner: Planner, tmp_path: Path) -> None:
    content, field, remedy = FILES[case]
    path = tmp_path / "job.yaml"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    result = planner("recommend", path)
    assert (result.code, result.out) == (2, "")
    assert_one_line(result.err)
    problem, _, advice = result.err.removeprefix(f"error: {path}: ").rpartition("; ")
    assert str(path) in result.err
    assert field in problem
    assert remedy in advice or remedy in problem


FLAGS: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "name a workload file"),
    "no kind": (["--model", "llama-3.1-8b"], "--finetune lora"),
    "no model": (["--finetune", "lora", "--tokens", "5M"], "command line: model: is missing"),
    "empty file name": ([""], "file name is empty"),
    "unknown flag": ([str(LORA), "--bogus"], "--bogus"),
    "misspelt flag": ([str(LORA), "--deadlin", "3h"], "--deadline"),
    "flag without value": ([str(LORA), "--deadline"], "--deadline"),
    "two files": ([str(LORA), str(LORA)], "unexpected extra argument"),
    "format": ([str(LORA), "--format", "xml"], "markdown"),
    "top negative": ([str(LORA), "--top", "-1"], "--top"),
    "top too large": ([str(LORA), "--top", "1000"], "--top"),
    "nodes words": ([str(LORA), "--max-nodes", "many"], "--max-nodes"),
    "nodes zero": ([str(LORA), "--max-nodes", "0"], "where.max_nodes"),
    "risk nan": ([str(LORA), "--risk", "nan"], "risk: nan"),
    "cloud empty": ([str(LORA), "--cloud", ""], "the catalog has aws"),
    "purchase": ([str(LORA), "--purchase", "spott"], "did you mean spot?"),
    "deadline": ([str(LORA), "--deadline", "soon"], "deadline: 'soon'"),
    "budget": ([str(LORA), "--budget", "500 EUR"], "500 USD"),
    "lora from scratch": ([str(LORA), "--pretrain"], "use full"),
    "field of another kind": ([str(LORA), "--samples", "5"], "samples: unknown field"),
}


@pytest.mark.parametrize("case", FLAGS)
def test_flags_are_refused_in_one_line(case: str, planner: Planner) -> None:
    arguments, part = FLAGS[case]
    result = planner("recommend", *arguments)
    assert (result.code, result.out) == (2, "")
    assert_one_line(result.err)
    assert part in result.err


def test_unknown_command_is_one_line(planner: Planner) -> None:
    result = planner("recomend")
    assert result.code == 2
    assert_one_line(result.err)
    assert "recommend" in result.err


def test_files_that_are_no_text(planner: Planner, tmp_path: Path) -> None:
    binary = tmp_path / "weights.bin"
    binary.write_bytes(bytes(range(256)) * 8)
    unreadable = "x" * 300
    for path, part in (
        (binary, "not UTF-8"),
        (tmp_path, "is a directory"),
        (tmp_path / "nope.yaml", "no such file"),
        (Path("/dev/zero"), "larger than 1 MiB"),
        (tmp_path / unreadable, "cannot be read"),
    ):
        result = planner("recommend", path)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("error: ")
        assert result.err.count("\n") == 1
        assert part in result.err


def test_stdin_is_named(planner: Planner) -> None:
    for stdin, part in ((b"", "stdin: holds nothing"), (b"\xff\xfe", "stdin: byte 0")):
        result = planner("recommend", "-", stdin=stdin)
        assert (result.code, result.out) == (2, "")
        assert part in result.err
        assert_one_line(result.err)


def test_a_mark_or_windows_line_ends_do_not_matter(planner: Planner) -> None:
    plain = planner("recommend", "-", "--format", "csv", stdin=BASE)
    assert plain.code == 0
    for text in ("\ufeff" + BASE, BASE.replace("\n", "\r\n")):
        assert planner("recommend", "-", "--format", "csv", stdin=text) == plain


def test_damaged_cache_is_rebuilt_and_said(
    planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(tmp_path / "cache"))
    first = planner("recommend", LORA, "--format", "csv")
    (compiled,) = (tmp_path / "cache").glob("catalog-*.sqlite")
    raw = bytearray(compiled.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 4096] = os.urandom(4096)
    compiled.write_bytes(raw)
    again = planner("recommend", LORA, "--format", "csv")
    assert (again.code, again.out) == (0, first.out)
    assert again.err.startswith(f"note: {compiled} was damaged")
    compiled.write_bytes(raw[: len(raw) // 3])
    cut = planner("recommend", LORA, "--format", "csv")
    assert (cut.code, cut.out) == (0, first.out)


def test_unusable_cache_folder_is_one_line(
    planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(tmp_path / "file"))
    result = planner("recommend", LORA)
    assert (result.code, result.out) == (2, "")
    assert_one_line(result.err)
    assert "PLANNER_CACHE_DIR" in result.err


# Content of a refreshed slice, and what the line must say.
SLICES: dict[str, tuple[str, str]] = {
    "empty": ("", "not readable as JSON"),
    "truncated": ('{"schema": "catalog.slice/1", "cloud": "aws", "offers": [', "not readable as"),
    "a list": ("[]", "schema: is 'list', this version reads 'catalog.slice/2'"),
    "newer": ('{"schema": "catalog.slice/3"}', "schema: is 'catalog.slice/3', this version reads"),
    "without rows": ('{"schema": "catalog.slice/1"}', "offers: is missing"),
    "changed": (
        '{"schema": "catalog.slice/1", "offers": [], "options": [], "sha256": "00"}',
        "sha256: rows do not match their digest",
    ),
}


@pytest.mark.parametrize("case", SLICES)
def test_unusable_refreshed_prices_are_one_line(
    case: str, planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, told = SLICES[case]
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(tmp_path))
    path = tmp_path / "refreshed" / "aws.us-east-1.on_demand.json"
    path.parent.mkdir()
    path.write_text(content)
    result = planner("recommend", LORA)
    assert (result.code, result.out) == (2, "")
    assert_one_line(result.err)
    assert result.err.startswith(f"error: {path}: {told}")
    assert "planner catalog refresh" in result.err
    assert path.read_text() == content, "nothing is repaired behind the user's back"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["50M", "24h", "1e18", "-1", "lora", "aws", "1e-18", "1e6h", "1e15"]),
)
FIELDS = st.sampled_from(
    [
        *("kind", "model", "method", "tokens", "sequence_length", "batch_tokens", "lora_rank"),
        *("precision", "framework", "deadline", "budget", "risk", "where", "name", "samples"),
        *("epochs", "batch_size", "image_size", "decode_images", "clouds"),
    ]
)


RANDOM_FIELDS = st.dictionaries(
    FIELDS, st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), min_size=1, max_size=3
)
FIXTURES = [HealthCheck.function_scoped_fixture]


def assert_clean_end(planner: Planner, fields: dict[str, object]) -> None:
    import yaml

    content = {"kind": "finetune", "model": "llama-3.1-8b", "method": "lora", "tokens": "50M"}
    result = planner("recommend", "-", stdin=yaml.safe_dump({**content, **fields}))
    assert result.code in (0, 2, 3, 4), result.err
    assert "Traceback" not in result.err
    assert "Warning" not in result.err
    if result.code == 2:
        assert_one_line(result.err)
    if result.code in (2, 3):
        assert result.out == ""


@settings(max_examples=60, deadline=None, suppress_health_check=FIXTURES, derandomize=True)
@example(fields={"tokens": 1e18, "deadline": "1e6h", "budget": 1e15})
@example(fields={"tokens": "1e18", "sequence_length": "1e18", "batch_tokens": "1e18"})
@given(fields=RANDOM_FIELDS)
def test_random_fields_never_end_in_a_trace(fields: dict[str, object], planner: Planner) -> None:
    assert_clean_end(planner, fields)


@pytest.mark.nightly
@settings(max_examples=5000, deadline=None, suppress_health_check=FIXTURES)
@given(fields=RANDOM_FIELDS)
def test_thousands_of_random_fields(fields: dict[str, object], planner: Planner) -> None:
    assert_clean_end(planner, fields)
