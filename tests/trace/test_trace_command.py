"""``planner trace``: forms of the answer, and mistakes that end in one line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from planner.actions.schemas import json_schema
from planner.errors import BadInput
from planner.trace.inputs import Input, parse_inputs
from tests.planner.conftest import ROOT, Planner

RESNET = ("trace", "tests.trace.models:resnet50", "--input", "3x224x224")
MODELS = "tests.trace.models:"


def test_table_says_it_in_a_sentence(planner: Planner) -> None:
    result = planner(*RESNET)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("resnet50: 25.6M parameters in 97.5 MiB; one sample's forward")
    assert "8.18G operations (4.09G" in result.out
    assert max(map(len, result.out.splitlines())) <= 100
    # blocks that repeat are one row
    row = next(line for line in result.out.splitlines() if "1x512x7x7" in line)
    assert row.split() == ["*.b.*", "3", "Conv2d", "1x512x7x7", "7.08M", "694M", "75.3k"]
    pasted = yaml.safe_load(" ".join(result.out[result.out.index("model: {") :].split()))
    assert pasted["model"]["forward_flops"] == 8_178_368_512


def test_json_is_the_document(planner: Planner) -> None:
    result = planner(*RESNET, "--format", "json")
    found = json.loads(result.out)
    jsonschema.validate(found, json_schema("profile"))
    assert (found["schema"], found["batch"]) == ("planner.profile/1", 1)
    assert found["source"] == "tests.trace.models:resnet50"
    assert found["inputs"] == [{"name": "", "shape": [1, 3, 224, 224], "dtype": "float32"}]
    assert found["layers"][0]["output_shape"] == [1, 64, 112, 112]


def test_csv_is_one_row_a_layer(planner: Planner) -> None:
    rows = list(csv.DictReader(io.StringIO(planner(*RESNET, "--format", "csv").out)))
    assert sum(int(row["parameters"]) for row in rows) == 25_557_032
    assert rows[0]["output_shape"] == "1x64x112x112"


def test_markdown_ends_with_the_model(planner: Planner) -> None:
    out = planner(*RESNET, "--format", "markdown").out
    block = out[out.index("```yaml") + 7 : out.rindex("```")]
    assert yaml.safe_load(block)["model"]["parameters"] == 25_557_032


@pytest.mark.parametrize("name", ["net.yaml", "net.json"])
def test_profile_file_is_the_document(name: str, planner: Planner, tmp_path: Path) -> None:
    path = tmp_path / name
    result = planner(*RESNET, "--out", path, "--format", "json")
    assert result.code == 0
    assert result.err.startswith(f"wrote {path}; next: planner recommend --model-profile ")
    found = yaml.safe_load(path.read_text())
    if name.endswith("json"):
        assert json.loads(path.read_text()) == found
    assert found == json.loads(result.out)
    again = planner(*RESNET, "--out", path)
    assert (again.code, again.out) == (2, "")
    assert again.err == f"error: {path}: exists already; name another file, or say --force\n"
    assert planner(*RESNET, "--out", path, "--force").code == 0


def test_what_the_factory_prints_is_not_the_answer(planner: Planner) -> None:
    result = planner("trace", f"{MODELS}talks", "--input", "8", "--format", "json")
    assert json.loads(result.out)["totals"]["parameters"] == 72
    assert "loading ..." in result.err


def test_a_model_that_is_there_and_a_class_are_factories_too(planner: Planner) -> None:
    ready = planner("trace", f"{MODELS}READY", "--input", "8", "--format", "json")
    assert json.loads(ready.out)["totals"]["forward_flops"] == 2 * 8 * 8
    of_class = planner("trace", f"{MODELS}ViT", "--input", "3x224x224", "--format", "json")
    assert json.loads(of_class.out)["model"]["name"] == "ViT"


def test_a_file_is_found_from_its_folder(child_environment: dict[str, str], tmp_path: Path) -> None:
    """As from a shell, whose Python does not search the current folder."""
    (tmp_path / "parts.py").write_text("WIDTH = 6\n")
    (tmp_path / "net.py").write_text(
        "import torch\nfrom parts import WIDTH\n\n\ndef build():\n"
        "    return torch.nn.Linear(WIDTH, WIDTH)\n"
    )
    for target in ("net:build", "net.py:build", f"{tmp_path}/net.py:build"):
        done = subprocess.run(
            [str(Path(sys.executable).parent / "planner"), "trace", target, "--input", "6",
             "--format", "json", "--quiet"],
            cwd=tmp_path, env=child_environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["totals"]["parameters"] == 42


# Arguments after `trace`, and what the line must say: step and problem, and part of the remedy.
WRONG: dict[str, tuple[list[str], str, str]] = {
    "no colon": (["models", "--input", "8"], "'models' names no factory", "package.module:factory"),
    "no name": (["models:", "--input", "8"], "names no factory", "write package.module:factory"),
    "no module": (["nope.net:build", "--input", "8"], "import: there is no module nope", "folder"),
    "no submodule": (
        ["tests.trace.nope:b", "--input", "8"],
        "no module tests.trace.nope",
        "folder",
    ),
    "no file": (["nope.py:build", "--input", "8"], "import: there is no file nope.py", "the path"),
    "no attribute": (
        [f"{MODELS}resnet5", "--input", "8"],
        "attribute: tests.trace.models has no 'resnet5'",
        "did you mean resnet50?",
    ),
    "not callable": ([f"{MODELS}NUMBER", "--input", "8"], "call: is an int, not a", "name a"),
    "needs arguments": (
        [f"{MODELS}needs_arguments", "--input", "8"],
        "call: TypeError: needs_arguments() missing 1 required positional argument: 'width'",
        "without required arguments",
    ),
    "factory raises": (
        [f"{MODELS}raises", "--input", "8"],
        "call: RuntimeError: no weights (models.py line ",
        "correct the factory",
    ),
    "factory exits": ([f"{MODELS}leaves", "--input", "8"], "call: SystemExit: 3", "correct the"),
    "nothing returned": (
        [f"{MODELS}returns_nothing", "--input", "8"],
        "call: returned nothing, not a torch.nn.Module",
        "let the factory return the model",
    ),
    "nothing to train": (
        [f"{MODELS}no_parameters", "--input", "8"],
        "has no parameters",
        "with layers",
    ),
    "branch": ([f"{MODELS}branches", "--input", "8"], "forward: bool(tensor) depends on", "parts"),
    "item": ([f"{MODELS}reads", "--input", "8"], "forward: Tensor.item() depends on", "parts"),
    "mask": ([f"{MODELS}masks", "--input", "8"], "indexing with a mask depends on", "parts"),
    "nonzero": ([f"{MODELS}finds", "--input", "8"], "aten.nonzero depends on values", "parts"),
    "wrong shape": (
        [f"{MODELS}resnet50", "--input", "1x224x224"],
        " in 0 (Conv2d) on 1x1x224x224",
        "check --input",
    ),
    "wrong width": ([f"{MODELS}READY", "--input", "9"], "forward: RuntimeError: ", "check --input"),
    "floats for ids": (
        [f"{MODELS}gpt2", "--input", "8"],
        "Expected tensor for argument #1 'indices'",
        "--dtype int64",
    ),
    "too many inputs": (
        [f"{MODELS}READY", "--input", "8", "--input", "8"],
        "positional argument",
        "each argument of forward(input",
    ),
    "wrong name": (
        [f"{MODELS}bert_base", "--input", "ids=8:int64"],
        "unexpected keyword argument 'ids'",
        "forward(input_ids",
    ),
    "wrong type": (
        [f"{MODELS}READY", "--input", "8", "--dtype", "bfloat16"],
        "not of the same type",
        "the model's weights are float32",
    ),
    "no forward": (
        [f"{MODELS}a_list", "--input", "8"],
        'required "forward" function',
        "has forward",
    ),
    "scripted": ([f"{MODELS}scripted", "--input", "8"], "call: the model is TorchScript", "before"),
    "no input": ([f"{MODELS}READY"], "--input: no input given", "write 3x224x224"),
    "no shape": ([f"{MODELS}READY", "--input", "3xa"], "--input: '3xa' is no shape", "by --batch"),
    "zero": ([f"{MODELS}READY", "--input", "0x8"], "--input: '0x8' is no shape", "3x224x224"),
    "too large": ([f"{MODELS}READY", "--input", "9999999x9999999"], "more than 1e+12", "check"),
    "unknown type": (
        [f"{MODELS}READY", "--input", "8", "--dtype", "float23"],
        "--dtype: 'float23' is not a type",
        "did you mean float32?",
    ),
    "type in input": ([f"{MODELS}READY", "--input", "8:int46"], "--input: 'int46'", "int64?"),
    "types": (
        [f"{MODELS}READY", "--input", "8", "--dtype", "int8", "--dtype", "int8"],
        "--dtype: given 2 times for 1 inputs",
        "one for each",
    ),
    "twice": ([f"{MODELS}READY", "--input", "a=8", "--input", "a=8"], "a is given twice", "keep"),
    "order": ([f"{MODELS}READY", "--input", "a=8", "--input", "8"], "after a named", "first"),
    "batch": ([f"{MODELS}READY", "--input", "8", "--batch", "0"], "--batch: 0 is no", "use 1 to"),
    "kind": ([f"{MODELS}READY", "--input", "8", "--kind", "visoin"], "--kind: 'visoin'", "vision?"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_one_line(case: str, planner: Planner) -> None:
    arguments, problem, remedy = WRONG[case]
    result = planner("trace", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    told, _, cure = result.err.partition("; ")
    assert problem in told, result.err
    assert remedy in cure, result.err


def test_module_that_fails_to_import(planner: Planner, tmp_path: Path) -> None:
    for text, told in {
        "import absent_package\n": "needs the module absent_package, which is not installed; "
        "install absent_package",
        "1 / 0\n": "ZeroDivisionError: division by zero (broken.py line 1); correct the module",
        "def f(:\n": "SyntaxError: invalid syntax",
    }.items():
        (tmp_path / "broken.py").write_text(text)
        result = planner("trace", f"{tmp_path}/broken.py:f", "--input", "8")
        assert (result.code, result.out) == (2, "")
        assert f"{tmp_path}/broken.py:f: import: " in result.err
        assert told in result.err
        assert result.err.count("\n") == 1


def test_without_torch_one_line_says_what_to_install(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("planner.trace")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = planner(*RESNET)
    assert (result.code, result.out) == (2, "")
    told = "error: trace: torch is not installed; pip install 'ai-capacity-planner[torch]'\n"
    assert result.err == told


def test_nothing_but_a_trace_imports_torch(child_environment: dict[str, str]) -> None:
    code = (
        "import sys\nfrom planner.cli.main import run\n"
        "import planner.actions.trace, planner.report.trace\n"
        "assert run(['trace', 'x', '--input', '8']) == 2\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=child_environment, check=True)


def test_inputs_as_people_write_them() -> None:
    assert parse_inputs(["3x224x224"], []) == (Input("", (3, 224, 224), "float32"),)
    assert parse_inputs(["3,32,32", " ids = 128 : int32 "], ["float16"]) == (
        Input("", (3, 32, 32), "float16"),
        Input("ids", (128,), "int32"),
    )
    assert parse_inputs(["8", "t=scalar"], ["float32", "int64"])[1] == Input("t", (), "int64")
    for text in ("", "x", "3x", "-3", "3x4:", "=3", "1e3", "3 4", "NaN", "٣", "9" * 5000):
        with pytest.raises(BadInput):
            parse_inputs([text], [])
